//! Streaming segments that are followed row by row: the state of `eql-live`, from its checkpoint or from history to what is published.
//!
//! What was published is the truth of the change log: when this begins, the difference to it is appended, and then the changes of each commit.

use crate::EngineError;
use crate::live::Live;
use crate::reevaluate::{log_error, segment_source};
use eql_catalog::{SegmentMode, Value};
use eql_live::{Cause, Changed, Difference, Differs, Following, Published, State, Version};
use eql_store::{Committed, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A checkpoint is written so often: what is replayed after a crash is at most that much of the log.
const SAVE: Duration = Duration::from_secs(300);

/// The state, and what of it was published.
pub(crate) struct Segments {
    state: State,
    path: PathBuf,
    saved: Instant,
    /// Until the log was read up to here nothing is published: it was before.
    silent_to: Option<u64>,
    waiting: Vec<(String, Changed)>,
}

impl Segments {
    /// From the checkpoint in `path`, or from history.
    pub(crate) fn begin(store: &Arc<Store>, live: &Live, path: &Path, clock: i64, threads: usize) -> Result<Self, EngineError> {
        let restored = State::restore(store.clone(), path, threads).unwrap_or_else(|e| {
            tracing::warn!(error = %e, "the checkpoint of segments cannot be used");
            None
        });
        let state = match restored {
            // The log may not reach back so far.
            Some(state) if store.feed(state.position()).is_ok() => state,
            _ => State::begin(store.clone(), clock, versions(store, live), threads).map_err(invalid)?,
        };
        // They are asked as other questions are, together with followed tags.
        let mut state = state;
        state.without_queries();
        let silent_to = Some(store.position());
        Ok(Self { state, path: path.to_path_buf(), saved: Instant::now(), silent_to, waiting: vec![] })
    }

    /// The position from which it wants the log.
    pub(crate) fn position(&self) -> u64 {
        self.state.position()
    }

    /// Whether some entities are right only at a later position.
    pub(crate) fn waits(&self) -> bool {
        self.state.waits_for().is_some()
    }

    /// Takes in a record.
    pub(crate) fn apply(&mut self, committed: &Committed) -> Result<(), EngineError> {
        let changes = self.state.apply(committed).map_err(invalid)?;
        self.take(changes);
        Ok(())
    }

    fn take(&mut self, changes: Vec<Published>) {
        if self.silent_to.is_none() {
            self.waiting.extend(changes.into_iter().map(|(name, commit)| (segment_source(&name), Changed::Members(commit))));
        }
    }

    /// Moves the clock on; everything to be published since the last time.
    pub(crate) fn advance(&mut self, live: &Live, clock: i64) -> Result<Vec<(String, Changed)>, EngineError> {
        let changes = self.state.advance(clock).map_err(invalid)?;
        self.take(changes);
        if self.silent_to.is_some_and(|to| to <= self.state.position()) && !self.waits() {
            self.silent_to = None;
            let (state, place) = (&self.state, (self.state.position(), self.state.clock()));
            for (name, version) in state.versions().iter().filter(|(name, _)| state.is_followed(name)) {
                let source = segment_source(name);
                live.log.follow(&source).map_err(log_error)?;
                let published = live.log.figures(&source).map_or(0, |f| f.version);
                let members = live.log.members(&source).map_err(log_error)?;
                let now = state.member_keys(name).map_err(invalid)?.into_iter().map(|key| (key, Value::Null)).collect();
                let differs = Difference::of(members).to(now);
                let cause = if published == version.number { Cause::Late } else { Cause::Definition };
                self.waiting.push((source, Differs::members(differs, place, version.number, |_| cause)));
            }
        }
        Ok(std::mem::take(&mut self.waiting))
    }

    /// What it follows itself: nobody else needs to.
    pub(crate) fn sources(&self) -> BTreeSet<String> {
        let following = self.state.following();
        following.into_iter().filter(|(_, how)| *how == Following::Rows).map(|(name, _)| segment_source(&name)).collect()
    }

    /// Writes a checkpoint when it is time, or at the end.
    pub(crate) fn save(&mut self, now: bool) {
        // One that waits for a position is saved when it was reached.
        if self.silent_to.is_some() || self.waits() || (!now && self.saved.elapsed() < SAVE) {
            return;
        }
        self.saved = Instant::now();
        if let Err(e) = self.state.save(&self.path) {
            tracing::warn!(error = %e, "a checkpoint of segments was not written; this is tried again");
        }
    }
}

fn invalid(e: eql_planner::live::LiveError) -> EngineError {
    EngineError::Invalid(e.to_string())
}

/// The versions that were published last; a new segment begins with 1.
fn versions(store: &Store, live: &Live) -> BTreeMap<String, Version> {
    let catalog = store.catalog();
    let streaming = catalog.segments().filter(|s| s.mode == SegmentMode::Streaming);
    let numbered = streaming.filter_map(|s| {
        let figures = live.log.figures(&segment_source(&s.name)).filter(|f| f.version > 0)?;
        Some((s.name.clone(), Version::of(s, figures.version)))
    });
    numbered.collect()
}
