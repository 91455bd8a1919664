//! The webhooks of a server, each a task that follows its segment.

use super::delivery::{self, Body};
use super::{Asked, Definition};
use crate::render::ndjson;
use eql_engine::{DeadLetter, Engine, EngineError, Start};
use futures::StreamExt;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Webhooks of a server: each is a task and at most one request at a time.
const WEBHOOKS_MAX: usize = 100;
/// Changes of one request.
const CHANGES_MAX: usize = 100;
/// Bytes of one request's changes, about: receivers have limits of their own.
const BYTES_MAX: usize = 64 << 10;
/// After something of ours went wrong.
const PAUSE: Duration = Duration::from_secs(5);

/// All webhooks of a server.
pub(crate) struct Webhooks {
    engine: Arc<Engine>,
    allow_private: bool,
    running: Mutex<BTreeMap<String, CancellationToken>>,
    stop: CancellationToken,
    next_dead: AtomicU64,
}

impl Webhooks {
    /// Starts those that are defined.
    pub(crate) async fn start(engine: Arc<Engine>, allow_private: bool, stop: CancellationToken) -> Result<Arc<Webhooks>, EngineError> {
        let webhooks = Arc::new(Webhooks {
            engine,
            allow_private,
            running: Mutex::default(),
            stop,
            next_dead: AtomicU64::new(now().saturating_mul(1000)),
        });
        for (name, definition) in webhooks.all() {
            let dead = webhooks.engine.dead_letters(&name).await?.len() as u64;
            webhooks.engine.note_delivery(&name, |d| d.dead_letters = dead);
            webhooks.spawn(&name, definition);
        }
        Ok(webhooks)
    }

    /// All definitions, by name.
    pub(crate) fn all(&self) -> BTreeMap<String, Definition> {
        let read = |(name, text): (String, Arc<str>)| match serde_json::from_str(&text) {
            Ok(definition) => Some((name, definition)),
            Err(e) => {
                tracing::error!(webhook = name, error = %e, "the definition of a webhook cannot be read: put it again");
                None
            }
        };
        self.engine.webhooks().into_iter().filter_map(read).collect()
    }

    /// Defines a webhook, which begins with what changes from now on; one that is there goes on where it is, unless it follows another
    /// segment now.
    pub(crate) async fn put(self: &Arc<Self>, name: &str, asked: Asked) -> Result<Definition, EngineError> {
        let all = self.all();
        let known = all.get(name);
        if known.is_none() && all.len() >= WEBHOOKS_MAX {
            return Err(EngineError::Invalid(format!("there are {WEBHOOKS_MAX} webhooks, more are not served: delete one")));
        }
        let definition = asked.definition(name, self.allow_private, known).map_err(EngineError::Invalid)?;
        self.halt(name);
        if known.is_some_and(|k| k.segment != definition.segment) {
            self.engine.end_subscription(&subscription(name)).await?;
        }
        // Says what is wrong with the segment, if something is.
        drop(self.engine.follow_segment(&definition.segment, Start::Now).await?);
        match self.engine.name_subscription(&subscription(name), &definition.segment).await {
            // It has nobody who could begin with a snapshot.
            Err(EngineError::Gone(reason)) => self.begin_again(name, &definition, reason).await?,
            named => named?,
        }
        let text = serde_json::to_string(&definition).map_err(crate::failure::internal)?;
        self.engine.define_webhook(name, text).await?;
        self.spawn(name, definition.clone());
        Ok(definition)
    }

    /// Forgets a webhook with its dead letters; whether there was one.
    pub(crate) async fn delete(&self, name: &str) -> Result<bool, EngineError> {
        self.halt(name);
        for dead in self.dead(name).await? {
            self.engine.discard_letter(name, dead.id).await?;
        }
        self.engine.end_subscription(&subscription(name)).await?;
        // Last, so that what a crash leaves can be deleted again.
        let there = self.engine.drop_webhook(name).await?;
        self.engine.forget_delivery(name);
        Ok(there)
    }

    /// What could not be delivered, the oldest first.
    pub(crate) async fn dead(&self, name: &str) -> Result<Vec<DeadLetter>, EngineError> {
        self.engine.dead_letters(name).await
    }

    /// Sends dead letters once more, once each; how many were taken and how many were not.
    pub(crate) async fn replay(&self, name: &str) -> Result<Option<(usize, usize)>, EngineError> {
        let all = self.all();
        let Some(definition) = all.get(name) else { return Ok(None) };
        let (mut sent, mut failed) = (0, 0);
        for dead in self.dead(name).await? {
            let body = Body { text: dead.body.to_string(), key: dead.key.clone() };
            match self.attempt(name, definition, &body).await {
                Ok(()) => {
                    self.engine.discard_letter(name, dead.id).await?;
                    sent += 1;
                }
                Err(error) => {
                    self.engine.bury(name, DeadLetter { at: now(), error, attempts: dead.attempts + 1, ..dead }).await?;
                    failed += 1;
                }
            }
        }
        self.count_dead(name).await?;
        Ok(Some((sent, failed)))
    }

    fn halt(&self, name: &str) {
        if let Some(running) = self.running.lock().remove(name) {
            running.cancel();
        }
    }

    fn spawn(self: &Arc<Self>, name: &str, definition: Definition) {
        let cancel = self.stop.child_token();
        self.engine.note_delivery(name, |d| d.url.clone_from(&definition.url));
        self.running.lock().insert(name.to_string(), cancel.clone());
        let (webhooks, name) = (self.clone(), name.to_string());
        tokio::spawn(async move {
            let work = webhooks.work(&name, &definition);
            tokio::select! {
                () = cancel.cancelled() => {}
                () = work => {}
            }
        });
    }

    /// Delivers until it is cancelled.
    async fn work(&self, name: &str, definition: &Definition) {
        loop {
            match self.deliver_all(name, definition).await {
                // The engine closes.
                Ok(()) => return,
                Err(EngineError::Gone(reason)) => {
                    if let Err(e) = self.begin_again(name, definition, reason).await {
                        tracing::warn!(webhook = name, error = %e, "the webhook cannot go on; this is tried again");
                    }
                }
                Err(e) => tracing::warn!(webhook = name, error = %e, "the webhook cannot go on; this is tried again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn begin_again(&self, name: &str, definition: &Definition, reason: String) -> Result<(), EngineError> {
        tracing::error!(webhook = name, reason, "what the webhook has not read is gone; it goes on with what changes from now on");
        self.engine.note_delivery(name, |d| d.error = Some(format!("{reason}; it went on with what changed from then on")));
        self.engine.end_subscription(&subscription(name)).await?;
        self.engine.name_subscription(&subscription(name), &definition.segment).await
    }

    async fn deliver_all(&self, name: &str, definition: &Definition) -> Result<(), EngineError> {
        let mut rows = self.engine.follow_segment(&definition.segment, Start::Subscription(subscription(name))).await?;
        let keys = ndjson::keys(&rows.columns);
        while let Some(batch) = rows.batches.next().await {
            let mut lines = Vec::new();
            ndjson::rows(&keys, &batch?, &mut lines);
            for request in requests(&lines) {
                if let Some(body) = request.body(name, &definition.segment) {
                    self.deliver(name, definition, body).await?;
                }
                self.engine.acknowledge_soon(&subscription(name), &request.cursor)?;
            }
        }
        Ok(())
    }

    /// Until it is taken, or was tried often enough.
    async fn deliver(&self, name: &str, definition: &Definition, body: Body) -> Result<(), EngineError> {
        let mut error = String::new();
        for attempt in 1..=definition.attempts {
            match self.attempt(name, definition, &body).await {
                Ok(()) => {
                    self.engine.note_delivery(name, |d| (d.delivered_at, d.failed, d.error) = (Some(now_us()), 0, None));
                    return Ok(());
                }
                Err(e) => error = e,
            }
            self.engine.note_delivery(name, |d| (d.failed, d.error) = (u64::from(attempt), Some(error.clone())));
            tracing::info!(webhook = name, attempt, error, "not delivered");
            if attempt < definition.attempts {
                tokio::time::sleep(definition.pause(attempt, chance())).await;
            }
        }
        let id = self.next_dead.fetch_add(1, Ordering::Relaxed);
        let text = serde_json::from_str(&body.text).map_err(crate::failure::internal)?;
        self.engine.bury(name, DeadLetter { id, at: now(), attempts: definition.attempts, error, key: body.key, body: text }).await?;
        self.engine.note_delivery(name, |d| d.failed = 0);
        self.count_dead(name).await
    }

    async fn attempt(&self, name: &str, definition: &Definition, body: &Body) -> Result<(), String> {
        let agent = delivery::agent(self.allow_private, delivery::TIMEOUT);
        let (name, definition, body) = (name.to_string(), definition.clone(), body.clone());
        let sent = tokio::task::spawn_blocking(move || delivery::send(&agent, &name, &definition, &body)).await;
        sent.map_err(|e| e.to_string())?
    }

    async fn count_dead(&self, name: &str) -> Result<(), EngineError> {
        let dead = self.dead(name).await?.len() as u64;
        self.engine.note_delivery(name, |d| d.dead_letters = dead);
        Ok(())
    }
}

/// The name of the webhook's own subscription.
fn subscription(name: &str) -> String {
    Engine::webhook_subscription(name)
}

/// Changes that go out together: of one commit, so that the same ones go together whenever they are sent.
#[derive(Debug, Default)]
struct Request {
    changes: Vec<serde_json::Value>,
    bytes: usize,
    position: Option<i64>,
    cursor: String,
}

fn requests(lines: &[u8]) -> Vec<Request> {
    let mut all: Vec<Request> = Vec::new();
    for line in lines.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        let Ok(row) = serde_json::from_slice::<serde_json::Value>(line) else { continue };
        let (position, cursor) = (row["position"].as_i64(), row["cursor"].as_str().unwrap_or_default().to_string());
        let is_promise = row["change"] == "progress";
        let fits = |r: &Request| r.position == position && r.changes.len() < CHANGES_MAX && r.bytes + line.len() <= BYTES_MAX;
        if is_promise || !all.last().is_some_and(fits) {
            all.push(Request { position, ..Request::default() });
        }
        if let Some(last) = all.last_mut() {
            last.cursor = cursor;
            if !is_promise {
                last.bytes += line.len();
                last.changes.push(row);
            }
        }
    }
    all
}

impl Request {
    /// None for a promise: there is nothing to send.
    fn body(&self, name: &str, segment: &str) -> Option<Body> {
        if self.changes.is_empty() {
            return None;
        }
        let body = serde_json::json!({ "webhook": name, "segment": segment, "changes": self.changes });
        Some(Body { text: body.to_string(), key: self.cursor.clone() })
    }
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

fn now_us() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
}

/// From 0 to 1.
fn chance() -> f64 {
    crate::auth::random::<2>().map_or(0.5, |b| f64::from(u16::from_le_bytes(b)) / f64::from(u16::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_one_commit_go_together_and_promises_go_alone() {
        let line = |p: i64, change: &str, c: &str| format!("{{\"position\":{p},\"change\":\"{change}\",\"cursor\":\"{c}\"}}\n");
        let lines = [line(1, "enter", "a"), line(1, "exit", "b"), line(2, "enter", "c"), line(2, "progress", "d"), line(3, "enter", "e")];
        let all = requests(lines.concat().as_bytes());
        let shown: Vec<(usize, &str)> = all.iter().map(|r| (r.changes.len(), r.cursor.as_str())).collect();
        assert_eq!(shown, [(2, "b"), (1, "c"), (0, "d"), (1, "e")]);
        assert!(all[2].body("w", "s").is_none() && all[0].body("w", "s").is_some_and(|b| b.key == "b"));
        let many = (0..250).map(|i| line(7, "enter", &i.to_string())).collect::<String>();
        let sizes: Vec<usize> = requests(many.as_bytes()).iter().map(|r| r.changes.len()).collect();
        assert_eq!(sizes, [100, 100, 50]);
    }
}
