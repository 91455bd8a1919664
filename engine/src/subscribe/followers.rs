//! Who follows what, for operators: streams that are open, and webhooks as they last told.

use crate::live::Live;
use crate::{Engine, EngineError};
use eql_live::Cursor;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Subscriptions at once: each is a connection with its buffers, about 40 KB.
const SUBSCRIPTIONS_MAX: usize = 10_000;

/// Streams that are open, by number, and webhooks, by name.
#[derive(Default)]
pub(crate) struct Followers {
    streams: Mutex<Streams>,
    deliveries: Mutex<BTreeMap<String, Delivery>>,
}

#[derive(Default)]
struct Streams {
    next: u64,
    open: BTreeMap<u64, Stream>,
}

/// A stream that somebody reads.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    /// Counts all since the start.
    pub(crate) number: u64,
    /// `segment vip`, `tag user.level`, `event visit`
    pub(crate) follows: String,
    /// Of which named subscription it is.
    pub(crate) subscription: Option<String>,
    /// When it began: microseconds.
    pub(crate) since: i64,
    /// What was handed to it; None at the beginning.
    pub(crate) place: Option<Place>,
    /// When the last rows were.
    pub(crate) delivered_at: Option<i64>,
}

/// What was handed to somebody.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Of the log of events.
    pub(crate) position: u64,
    /// In the change log; None where events are followed.
    pub(crate) at: Option<Cursor>,
    /// Where to go on in the log of events.
    pub(crate) cursor: Option<String>,
}

/// What a webhook's worker tells of itself; since the server was started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Where it goes.
    pub url: String,
    /// When the last request was taken: microseconds.
    pub delivered_at: Option<i64>,
    /// Attempts in vain to deliver what it is at now; 0 while all is well.
    pub failed: u64,
    /// What went wrong last, as long as nothing was delivered since.
    pub error: Option<String>,
    /// Requests that were given up and are kept.
    pub dead_letters: u64,
}

/// One of the subscriptions that there may be, given back when it is dropped.
pub(super) struct Seat {
    live: Arc<Live>,
    number: u64,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.live.followers.streams.lock().open.remove(&self.number);
    }
}

impl Seat {
    pub(super) fn take(live: &Arc<Live>, follows: String, subscription: Option<String>) -> Result<Seat, EngineError> {
        let mut streams = live.followers.streams.lock();
        if streams.open.len() >= SUBSCRIPTIONS_MAX {
            return Err(EngineError::QueueFull(format!(
                "{SUBSCRIPTIONS_MAX} subscriptions are open, which is all there may be: try again when some have ended"
            )));
        }
        streams.next += 1;
        let number = streams.next;
        streams.open.insert(number, Stream { number, follows, subscription, since: now(), place: None, delivered_at: None });
        Ok(Seat { live: live.clone(), number })
    }

    /// Takes note of rows that were handed on.
    pub(super) fn handed(&self, place: Place, rows: usize) {
        if let Some(stream) = self.live.followers.streams.lock().open.get_mut(&self.number) {
            stream.place = Some(place);
            if rows > 0 {
                stream.delivered_at = Some(now());
            }
        }
    }
}

impl Followers {
    pub(crate) fn streams(&self) -> Vec<Stream> {
        self.streams.lock().open.values().cloned().collect()
    }

    pub(crate) fn delivery(&self, webhook: &str) -> Option<Delivery> {
        self.deliveries.lock().get(webhook).cloned()
    }
}

impl Engine {
    /// Takes note of what a webhook tells of itself.
    pub fn note_delivery(&self, webhook: &str, change: impl FnOnce(&mut Delivery)) {
        if let Some(live) = &*self.live.lock() {
            change(live.followers.deliveries.lock().entry(webhook.to_string()).or_default());
        }
    }

    /// A webhook is gone.
    pub fn forget_delivery(&self, webhook: &str) {
        if let Some(live) = &*self.live.lock() {
            live.followers.deliveries.lock().remove(webhook);
        }
    }
}

fn now() -> i64 {
    eql_store::Clock::System.now()
}
