//! The ways to follow a segment, each as a client of that kind does it.

use crate::process::Addresses;
use crate::view::View;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::TryStreamExt;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// Nothing that is awaited takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client that comes back to where it was.
pub(crate) trait Way: Send {
    /// Follows until the server is gone or `enough` says so.
    fn follow(&mut self, at: &Addresses, enough: &dyn Fn(&View) -> bool);

    fn view(&self) -> &View;
}

/// One request on a connection of its own: status and JSON; None when the server is gone.
pub(crate) fn request(at: &Addresses, method: &str, path: &str, body: &str) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(&at.http).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    // HTTP/1.0: the body comes as it is, until the end.
    write!(stream, "{method} {path} HTTP/1.0\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}", body.len()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split_whitespace().nth(1)?.parse().ok()?, serde_json::from_str(body).ok()?))
}

/// Server-Sent Events: the data of each, until the server is gone or `each` has enough.
fn events(at: &Addresses, query: &str, seen: Option<&str>, mut each: impl FnMut(&Value) -> bool) -> Option<()> {
    let mut stream = TcpStream::connect(&at.http).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let seen = seen.map_or(String::new(), |c| format!("last-event-id: {c}\r\n"));
    write!(stream, "GET /v1/segments/keen/changes?{query} HTTP/1.0\r\nhost: localhost\r\n{seen}\r\n").ok()?;
    let mut lines = BufReader::new(stream).lines();
    let status = lines.next()?.ok()?;
    assert!(status.contains(" 200 "), "{status}");
    loop {
        let line = lines.next()?.ok()?;
        // A line that is cut off is none: an event ends with an empty one.
        let Some(data) = line.strip_prefix("data: ") else { continue };
        if !lines.next()?.ok()?.is_empty() {
            return None;
        }
        if each(&serde_json::from_str(data).ok()?) {
            return Some(());
        }
    }
}

pub(crate) struct Streaming(View);

impl Streaming {
    pub(crate) fn new(name: &'static str) -> Streaming {
        Streaming(View::new(name))
    }
}

impl Way for Streaming {
    fn follow(&mut self, at: &Addresses, enough: &dyn Fn(&View) -> bool) {
        self.0.begin();
        let (seen, view) = (self.0.cursor.clone(), &mut self.0);
        let _gone = events(at, "from=snapshot", seen.as_deref(), |row| {
            view.take(row);
            enough(view)
        });
    }

    fn view(&self) -> &View {
        &self.0
    }
}

pub(crate) struct Polling(View);

impl Polling {
    pub(crate) fn new(name: &'static str) -> Polling {
        Polling(View::new(name))
    }

    fn poll(&mut self, at: &Addresses) -> Option<()> {
        let from = self.0.cursor.clone().unwrap_or_else(|| "snapshot".to_string());
        let (status, said) = request(at, "GET", &format!("/v1/segments/keen/changes?mode=poll&limit=50&from={from}"), "")?;
        assert_eq!(status, 200, "{said}");
        let rows = |key: &str| said[key].as_array().cloned().unwrap_or_default();
        rows("snapshot").iter().chain(&rows("changes")).for_each(|row| self.0.take(row));
        self.0.cursor = said["cursor"].as_str().map(str::to_string).or(self.0.cursor.take());
        Some(())
    }
}

impl Way for Polling {
    fn follow(&mut self, at: &Addresses, enough: &dyn Fn(&View) -> bool) {
        self.0.begin();
        // An answer makes no promise but that of its cursor: what is there when the statement begins is in it.
        while !enough(&self.0) {
            let Some((_, said)) = request(at, "POST", "/v1/query", "SELECT position FROM system.log") else { return };
            let before = said["rows"][0][0].as_u64().unwrap_or(0);
            loop {
                let known = self.0.changes;
                if self.poll(at).is_none() {
                    return;
                }
                if self.0.changes == known {
                    break;
                }
            }
            self.0.promised = before;
        }
    }

    fn view(&self) -> &View {
        &self.0
    }
}

pub(crate) struct Flight(View);

impl Flight {
    pub(crate) fn new(name: &'static str) -> Flight {
        Flight(View::new(name))
    }

    async fn read(&mut self, at: &Addresses, enough: &dyn Fn(&View) -> bool) -> Option<()> {
        let channel = tonic::transport::Channel::from_shared(format!("http://{}", at.flight)).ok()?.connect().await.ok()?;
        let mut client = FlightSqlServiceClient::new(channel);
        let from = self.0.cursor.as_ref().map_or("SNAPSHOT".to_string(), |c| format!("CURSOR '{c}'"));
        let info = client.execute(format!("SUBSCRIBE TO SEGMENT keen FROM {from}"), None).await.ok()?;
        let mut rows = client.do_get(info.endpoint[0].ticket.clone()?).await.ok()?;
        while !enough(&self.0) {
            let batch = tokio::time::timeout(PATIENCE, rows.try_next()).await.ok()?.ok()??;
            (0..batch.num_rows()).for_each(|row| self.0.take(&shown(&batch, row)));
        }
        Some(())
    }
}

/// A row as the other doors write it.
fn shown(batch: &RecordBatch, row: usize) -> Value {
    let number = |name: &str| {
        let column = batch.column_by_name(name).expect("a column").as_primitive::<Int64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    let text = |name: &str| {
        let column = batch.column_by_name(name).expect("a column").as_string::<i32>();
        column.is_valid(row).then(|| column.value(row))
    };
    json!({ "position": number("position"), "entity": number("entity"), "change": text("change"), "cursor": text("cursor") })
}

impl Way for Flight {
    fn follow(&mut self, at: &Addresses, enough: &dyn Fn(&View) -> bool) {
        self.0.begin();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let _gone = runtime.block_on(self.read(at, enough));
    }

    fn view(&self) -> &View {
        &self.0
    }
}

/// A named subscription: the server remembers what was acknowledged, and the client nothing but what it did.
pub(crate) struct Named {
    view: View,
    /// Rows that the server said it will not send again.
    acknowledged: std::collections::HashSet<String>,
}

impl Named {
    pub(crate) fn new(name: &'static str) -> Named {
        Named { view: View::new(name), acknowledged: std::collections::HashSet::new() }
    }
}

impl Way for Named {
    fn follow(&mut self, at: &Addresses, enough: &dyn Fn(&View) -> bool) {
        let (view, acknowledged, mut taken) = (&mut self.view, &mut self.acknowledged, Vec::new());
        let _gone = events(at, "subscription=named", None, |row| {
            let cursor = row["cursor"].as_str().expect("a cursor").to_string();
            view.take_once(row);
            // A promise at the place of a change has the cursor of that change.
            if row["change"] != "progress" {
                assert!(!acknowledged.contains(&cursor), "what was acknowledged comes again: {row}");
                taken.push(cursor.clone());
            }
            // Not after each one, so that something is left to come again.
            if taken.len() % 7 == 3 {
                let body = json!({ "cursor": cursor }).to_string();
                if request(at, "POST", "/v1/subscriptions/named/ack", &body).is_some_and(|(status, _)| status == 200) {
                    acknowledged.extend(taken.drain(..));
                }
            }
            enough(view)
        });
    }

    fn view(&self) -> &View {
        &self.view
    }
}

/// A receiver that is there all the time, and refuses every fifth request.
pub(crate) struct Webhook {
    pub(crate) url: String,
    view: Arc<Mutex<View>>,
}

impl Webhook {
    pub(crate) fn listen() -> Webhook {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let view = Arc::new(Mutex::new(View::new("webhook")));
        let shared = view.clone();
        std::thread::spawn(move || {
            for (i, stream) in listener.incoming().flatten().enumerate() {
                // A request that was cut off by a kill is none.
                _ = receive(stream, i % 5 == 4, &shared);
            }
        });
        Webhook { url, view }
    }

    pub(crate) fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn receive(mut stream: TcpStream, refuses: bool, view: &Mutex<View>) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head.split_once("content-length:")?.1.split("\r\n").next()?.trim().parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let status = if refuses { "503 Later" } else { "204 Taken" };
    if !refuses {
        let body: Value = serde_json::from_slice(&body).ok()?;
        let mut view = view.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        body["changes"].as_array()?.iter().for_each(|row| view.take_once(row));
    }
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok()
}
