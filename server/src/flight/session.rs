//! What SET has changed, one state for every connection, and the session actions of Flight with their messages, which arrow-flight does not have.

use crate::auth::SessionId;
use eql_engine::Session;
use moka::sync::Cache;
use parking_lot::Mutex;
use prost::Message;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// A day without a call; a dashboard left open over night keeps its settings.
const IDLE: Duration = Duration::from_secs(24 * 3600);
/// Connections remembered.
const SESSIONS: u64 = 10_000;
/// Prepared statements a connection may leave open; clients forget to close theirs.
const PREPARED: usize = 1_000;

/// The options that SET knows, too.
pub(super) const NAMES: [&str; 8] = ["dialect", "time_zone", "now", "week_start", "result_cache", "threads", "memory_limit", "timeout"];

/// What is kept of one connection.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) settings: Session,
    /// Handles of its prepared statements, oldest first.
    prepared: VecDeque<[u8; 16]>,
}

/// All connections.
pub(crate) struct Sessions {
    states: Cache<SessionId, Arc<Mutex<State>>>,
}

impl Sessions {
    pub(crate) fn new() -> Self {
        Self { states: Cache::builder().max_capacity(SESSIONS).time_to_idle(IDLE).build() }
    }

    fn state(&self, id: &SessionId) -> Arc<Mutex<State>> {
        self.states.get_with_by_ref(id, Arc::default)
    }

    pub(crate) fn settings(&self, id: &SessionId) -> Session {
        self.state(id).lock().settings.clone()
    }

    pub(crate) fn keep(&self, id: &SessionId, settings: Session) {
        self.state(id).lock().settings = settings;
    }

    /// Notes a prepared statement; gives back one that has to go for it.
    pub(crate) fn prepared(&self, id: &SessionId, handle: [u8; 16]) -> Option<[u8; 16]> {
        let state = self.state(id);
        let mut state = state.lock();
        state.prepared.push_back(handle);
        if state.prepared.len() > PREPARED { state.prepared.pop_front() } else { None }
    }

    pub(crate) fn unprepared(&self, id: &SessionId, handle: &[u8; 16]) {
        self.state(id).lock().prepared.retain(|h| h != handle);
    }

    /// Forgets a connection; gives back the handles it leaves open.
    pub(crate) fn close(&self, id: &SessionId) -> Vec<[u8; 16]> {
        let gone = self.states.remove(id);
        gone.map_or_else(Vec::new, |state| state.lock().prepared.drain(..).collect())
    }
}

/// `SessionOptionValue` of Flight.proto.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct OptionValue {
    #[prost(oneof = "OptionKind", tags = "1, 2, 3, 4, 5")]
    pub(crate) kind: Option<OptionKind>,
}

/// The kinds of an option's value; none at all unsets the option.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum OptionKind {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Flag(bool),
    #[prost(sfixed64, tag = "3")]
    Int(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    Texts(Texts),
}

/// `StringListValue`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Texts {
    #[prost(string, repeated, tag = "1")]
    pub(crate) values: Vec<String>,
}

/// `SetSessionOptionsRequest`, and `GetSessionOptionsResult`, which has the same form.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SessionOptions {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) options: HashMap<String, OptionValue>,
}

/// `SetSessionOptionsResult`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SetResult {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) errors: HashMap<String, SetError>,
}

/// Why an option was not set.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SetError {
    /// 1 no such name, 2 no such value, 3 anything else.
    #[prost(int32, tag = "1")]
    pub(crate) value: i32,
}

/// `CloseSessionResult`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CloseResult {
    /// 1 is closed.
    #[prost(int32, tag = "1")]
    pub(crate) status: i32,
}

impl OptionValue {
    pub(crate) fn text(text: &str) -> Self {
        Self { kind: Some(OptionKind::Text(text.to_string())) }
    }

    /// As SET would take it; None for a list, which no setting is.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        Some(match self.kind.as_ref()? {
            OptionKind::Text(text) => text.as_str().into(),
            OptionKind::Flag(flag) => (*flag).into(),
            OptionKind::Int(number) => (*number).into(),
            OptionKind::Double(number) => (*number).into(),
            OptionKind::Texts(_) => return None,
        })
    }
}

/// What GetSessionOptions answers: ADBC and JDBC read `catalog` and `schema`, the rest is EQL's.
pub(crate) fn options(session: &Session) -> SessionOptions {
    let number = |n: u64| OptionValue { kind: Some(OptionKind::Int(i64::try_from(n).unwrap_or(i64::MAX))) };
    let mut options = HashMap::from([
        ("catalog".to_string(), OptionValue::text(super::CATALOG)),
        ("schema".to_string(), OptionValue::text(super::SCHEMA)),
        ("dialect".to_string(), OptionValue::text(session.dialect.as_deref().unwrap_or("auto"))),
        ("time_zone".to_string(), OptionValue::text(session.time_zone.as_deref().unwrap_or("UTC"))),
        ("result_cache".to_string(), OptionValue::text(if session.result_cache_off { "off" } else { "on" })),
    ]);
    let times = [("timeout", session.timeout_ms), ("memory_limit", session.memory_limit), ("threads", session.threads.map(|t| t as u64))];
    options.extend(times.into_iter().filter_map(|(name, value)| Some((name.to_string(), number(value?)))));
    SessionOptions { options }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn options_have_the_bytes_that_jdbc_sends() {
        let sent = b"\n\x10\n\x07catalog\x12\x05\n\x03eql";
        let read = SessionOptions::decode(&sent[..]).unwrap();
        assert_eq!(read.options["catalog"], OptionValue::text("eql"));
        assert_eq!(read.encode_to_vec(), sent);
    }

    #[test]
    fn a_session_keeps_settings_and_forgets_the_oldest_handle() {
        let sessions = Sessions::new();
        let id = SessionId::named("a");
        sessions.keep(&id, Session { time_zone: Some("Asia/Tokyo".to_string()), ..Session::default() });
        assert_eq!(sessions.settings(&id).time_zone.as_deref(), Some("Asia/Tokyo"));
        assert_eq!(sessions.settings(&SessionId::named("b")).time_zone, None);
        let handle = |n: usize| (n as u128).to_be_bytes();
        assert!((0..PREPARED).all(|n| sessions.prepared(&id, handle(n)).is_none()));
        assert_eq!(sessions.prepared(&id, handle(PREPARED)), Some(handle(0)));
        assert_eq!(sessions.close(&id).len(), PREPARED);
        assert_eq!(sessions.settings(&id), Session::default());
    }
}
