//! The live thread: it follows the log, keeps streaming segments and followed tags up to date, and publishes what changed.
//!
//! ```text
//! feed → each commit: Segments::apply                         → ChangeLog::append → subscribers
//!      → snapshot at (position, T): Reevaluation::advance     ↗
//! ```
//! Whoever writes never waits for it. It ticks once a second when nothing is committed.

use crate::reevaluate::Reevaluation;
use crate::segments::Segments;
use crate::subscribe::Followers;
use crate::{Engine, EngineError};
use arrow::record_batch::RecordBatch;
use eql_live::{ChangeLog, LogOptions};
use eql_store::{Committed, Feed, Store, StoreError};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

/// The clock moves on at least so often.
const TICK: Duration = Duration::from_secs(1);
/// Between two looks whether the engine closes.
const LOOK: Duration = Duration::from_millis(100);
/// Files of the change log are looked through so often.
const RETAIN: Duration = Duration::from_secs(60);
/// While corrections arrive without a pause, progress is told all the same.
const LOOKS_MAX: usize = 16;
/// Planning walks expressions recursively; only what is used takes memory.
const STACK_BYTES: usize = 64 << 20;
/// Where it is kept, in the data directory.
pub(crate) const CHANGE_LOG: &str = "changes";
/// The checkpoint of segments that are followed row by row, in that directory.
const CHECKPOINT: &str = "segments.state";

/// What subscribers share.
pub(crate) struct Live {
    pub(crate) log: Arc<ChangeLog>,
    /// Position and clock up to which everything is published.
    pub(crate) done: watch::Sender<(u64, i64)>,
    /// The engine closes: subscriptions end.
    pub(crate) stopping: watch::Sender<bool>,
    /// Who follows what.
    pub(crate) followers: Followers,
    /// Records as rows, as most subscribers see them: made once for all.
    pub(crate) shown: Mutex<Shown>,
    /// Segments that cannot be kept up to date, with the reason.
    pub(crate) failed: Mutex<BTreeMap<String, String>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Rows of the latest records, by source and number.
#[derive(Default)]
pub(crate) struct Shown {
    rows: BTreeMap<(u64, u32), RecordBatch>,
}

/// Records whose rows are kept, and the rows of one at most: a thousand subscribers read them at about the same time.
const SHOWN: usize = 256;
const SHOWN_ROWS_MAX: usize = 4096;

impl Shown {
    pub(crate) fn get(&self, source: u32, number: u64) -> Option<RecordBatch> {
        self.rows.get(&(number, source)).cloned()
    }

    pub(crate) fn clear(&mut self) {
        self.rows.clear();
    }

    pub(crate) fn put(&mut self, source: u32, number: u64, rows: &RecordBatch) {
        if rows.num_rows() <= SHOWN_ROWS_MAX {
            self.rows.insert((number, source), rows.clone());
        }
        while self.rows.len() > SHOWN {
            self.rows.pop_first();
        }
    }
}

impl Engine {
    /// The live thread, started when it is first asked for.
    ///
    /// # Errors
    /// The change log cannot be opened.
    pub(crate) fn live(&self) -> Result<Arc<Live>, EngineError> {
        let mut started = self.live.lock();
        if let Some(live) = &*started {
            return Ok(live.clone());
        }
        let log = ChangeLog::open(&self.dir.join(CHANGE_LOG), LogOptions::default()).map_err(|e| EngineError::Invalid(e.to_string()))?;
        crate::subscriptions::reconcile(&self.store, &log)?;
        let live = Arc::new(Live {
            done: watch::Sender::new((0, i64::MIN)),
            stopping: watch::Sender::new(false),
            followers: Followers::default(),
            shown: Mutex::default(),
            failed: Mutex::default(),
            thread: Mutex::default(),
            log: Arc::new(log),
        });
        // One of its own: it must not wait for a thread of somebody who waits for it, and takes one core at most.
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| EngineError::Invalid(e.to_string()))?;
        let (engine, shared, store) = (self.this.clone(), live.clone(), self.store.clone());
        let checkpoint = self.dir.join(CHANGE_LOG).join(CHECKPOINT);
        let thread = std::thread::Builder::new()
            .name("live".into())
            .stack_size(STACK_BYTES)
            .spawn(move || run(&engine, &shared, &store, &runtime, checkpoint));
        *live.thread.lock() = Some(thread.map_err(|e| EngineError::Invalid(format!("the system gives no thread: {e}")))?);
        *started = Some(live.clone());
        Ok(live)
    }

    /// Keeps streaming segments up to date from now on.
    ///
    /// # Errors
    /// The change log cannot be opened.
    pub fn start_live(&self) -> Result<(), EngineError> {
        self.live().map(drop)
    }

    /// Ends all subscriptions: their streams come to an end.
    pub fn end_subscriptions(&self) {
        if let Some(live) = &*self.live.lock() {
            live.stopping.send_replace(true);
        }
    }

    /// Blocks until the thread is gone.
    pub(crate) fn stop_live(&self) {
        let Some(live) = self.live.lock().take() else { return };
        live.stopping.send_replace(true);
        let thread = live.thread.lock().take();
        if thread.is_some_and(|t| t.join().is_err()) {
            tracing::error!("the live thread panicked");
        }
    }
}

fn run(engine: &Weak<Engine>, live: &Live, store: &Arc<Store>, runtime: &Runtime, checkpoint: PathBuf) {
    // What was published must not be overtaken by a clock that was set back meanwhile.
    if let Err(e) = store.tick(live.log.published().1) {
        tracing::warn!(error = %e, "the clock cannot be moved on");
    }
    let maintainer = Reevaluation::default();
    let mut work = Work { live, store, runtime, maintainer, segments: None, checkpoint, ticked: None, retained: Instant::now() };
    while !*live.stopping.borrow() {
        // A feed that broke (its part of the log is gone) is opened anew: the members are compared as a whole.
        let mut feed = match work.open_feed() {
            Ok(feed) => feed,
            Err(e) => {
                tracing::warn!(error = %e, "the log cannot be followed; this is tried again");
                std::thread::sleep(TICK);
                continue;
            }
        };
        while !*live.stopping.borrow() {
            let Some(engine) = engine.upgrade() else { return };
            if let Err(e) = work.round(&engine, &mut feed) {
                tracing::warn!(error = %e, "changes of segments were not published; this is tried again");
                // What it took for published may not be: it begins with what the change log has.
                work.maintainer = Reevaluation::default();
                work.segments = None;
                std::thread::sleep(LOOK);
                break;
            }
        }
    }
    if let Some(segments) = &mut work.segments {
        segments.save(true);
    }
    if let Err(e) = live.log.save() {
        tracing::warn!(error = %e, "acknowledgements of subscriptions were not written");
    }
}

struct Work<'w> {
    live: &'w Live,
    store: &'w Arc<Store>,
    runtime: &'w Runtime,
    maintainer: Reevaluation,
    /// None: to be made.
    segments: Option<Segments>,
    checkpoint: PathBuf,
    ticked: Option<Instant>,
    retained: Instant,
}

impl Work<'_> {
    /// From what was published last and what the segments were made from, if the log still has it.
    fn open_feed(&mut self) -> Result<Feed, EngineError> {
        let (_, clock) = self.store.tick(now())?;
        let segments = match self.segments.take() {
            Some(segments) => segments,
            None => Segments::begin(self.store, self.live, &self.checkpoint, clock, 1)?,
        };
        let (published, _) = self.live.log.published();
        let from = if published > 0 { published.min(segments.position()) } else { segments.position() };
        let feed = match self.store.feed(from) {
            Ok(feed) => feed,
            Err(StoreError::Trimmed { .. }) => self.store.feed(segments.position())?,
            Err(e) => return Err(e.into()),
        };
        self.segments = Some(segments);
        Ok(feed)
    }

    /// What was committed since the last one, or a tick.
    fn round(&mut self, engine: &Engine, feed: &mut Feed) -> Result<(), EngineError> {
        let first = feed.next(LOOK)?;
        if first.is_none() && self.ticked.is_some_and(|t| t.elapsed() < TICK) {
            return Ok(());
        }
        let mut last = None;
        let mut take = |work: &mut Self, committed: &Committed| -> Result<(), EngineError> {
            last = Some(committed.clock);
            work.maintainer.apply(committed, &work.store.catalog());
            work.segments.as_mut().map_or(Ok(()), |s| s.apply(committed))
        };
        if let Some(committed) = &first {
            take(self, committed)?;
        }
        // Everything up to here has at most this clock; what comes later has at least it.
        let (admitted, mut clock) = self.store.tick(now())?;
        while feed.position() < admitted && !*self.live.stopping.borrow() {
            if let Some(committed) = feed.next(LOOK)? {
                take(self, &committed)?;
            }
        }
        let mut snapshot = self.store.snapshot()?;
        for _ in 0..LOOKS_MAX {
            while feed.position() < snapshot.position() {
                let Some(committed) = feed.next(Duration::ZERO)? else { break };
                take(self, &committed)?;
            }
            if !self.segments.as_ref().is_some_and(Segments::waits) {
                break;
            }
            snapshot = self.store.snapshot()?;
        }
        if snapshot.catalog().clock.is_none() {
            clock = clock.max(last.unwrap_or(i64::MIN));
        }
        let place = (snapshot.position(), clock);
        let begun = Instant::now();
        let (mut changes, followed) = match &mut self.segments {
            Some(segments) => (segments.advance(self.live, clock)?, segments.sources()),
            None => (vec![], BTreeSet::new()),
        };
        changes.extend(self.runtime.block_on(self.maintainer.advance(engine, self.live, &snapshot, clock, &followed))?);
        self.live.log.append(changes).map_err(|e| EngineError::Invalid(e.to_string()))?;
        self.maintainer.published();
        self.live.log.progress(place.0, place.1);
        self.live.done.send_replace(place);
        self.housekeeping(clock);
        // Half of the time belongs to others, however long an evaluation takes.
        std::thread::sleep(begun.elapsed().min(TICK));
        Ok(())
    }

    fn housekeeping(&mut self, clock: i64) {
        if self.ticked.is_none_or(|t| t.elapsed() >= TICK) {
            self.ticked = Some(Instant::now());
            if let Some(segments) = &mut self.segments {
                segments.save(false);
            }
            if let Err(e) = self.live.log.save() {
                tracing::warn!(error = %e, "acknowledgements of subscriptions were not written; this is tried again");
            }
        }
        if self.retained.elapsed() >= RETAIN {
            self.retained = Instant::now();
            if let Err(e) = self.live.log.retain(clock) {
                tracing::warn!(error = %e, "old changes were not removed; this is tried again");
            }
        }
    }
}

fn now() -> i64 {
    eql_store::Clock::System.now()
}
