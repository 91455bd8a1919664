//! A subscriber's way through the log: recent records from memory, older ones from the files. It holds nothing but its place, so that a
//! thousand that are stuck cost nothing, and nobody who writes waits for one.

use super::cursor::WHOLE;
use super::file::Scan;
use super::{ChangeLog, Cursor, Entry, Inner, LogError, Members};
use std::sync::Arc;
use tokio::sync::watch;

/// Where a subscriber begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// With what changes from now on.
    Now,
    /// With everybody who is a member, then with what changes.
    Snapshot,
    /// Behind what a cursor says was delivered.
    Cursor(String),
    /// Where a named subscription is.
    Subscription(String),
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// A record, and how many of its changes were delivered before.
    Entry(Arc<Entry>, usize),
    /// It is in the files: [`Reader::read`] finds it, and blocks.
    InFiles,
    /// Nothing is there yet.
    Nothing,
}

/// A reader of the changes of one segment or tag.
#[derive(Debug)]
pub struct Reader {
    log: Arc<ChangeLog>,
    name: String,
    /// What was delivered.
    at: Cursor,
    /// Up to here no record is ours, or it was delivered.
    seen: u64,
    scan: Option<Scan>,
}

impl ChangeLog {
    /// Begins to read the changes of a segment or a tag, with its members where they are asked for. From here on nothing is missed.
    ///
    /// # Errors
    /// Nothing of that name is followed, a cursor that is none, or one behind which changes were removed.
    pub fn subscribe(self: &Arc<Self>, name: &str, start: &Start) -> Result<(Option<Members>, Reader), LogError> {
        let members = if *start == Start::Snapshot { Some(self.members(name)?) } else { None };
        let inner = self.inner.lock();
        let meta = inner.manifest.sources.get(name).ok_or_else(|| LogError::Unknown(name.to_string()))?;
        let (position, clock) = inner.progress;
        let whole =
            |number| Cursor { log: inner.manifest.log, source: meta.id, number, index: WHOLE, version: meta.version, position, clock };
        let at = match start {
            Start::Now => whole(inner.last),
            Start::Snapshot => match &members {
                Some(m) => Cursor { position: m.place.0, clock: m.place.1, ..whole(m.number) },
                None => whole(inner.last),
            },
            Start::Cursor(text) => inner.manifest.cursor(text)?,
            Start::Subscription(known) => inner.subscription(known, name)?,
        };
        if at.source != meta.id {
            return Err(LogError::Cursor("belongs to another segment or tag, or to one that was dropped since"));
        }
        if at.number > inner.last {
            return Err(LogError::Ahead);
        }
        let reader = Reader { log: self.clone(), name: name.to_string(), at, seen: behind(&at), scan: None };
        reader.check(&inner)?;
        drop(inner);
        Ok((members, reader))
    }
}

/// The last record that was delivered completely.
fn behind(at: &Cursor) -> u64 {
    if at.index == WHOLE { at.number } else { at.number.saturating_sub(1) }
}

impl Reader {
    /// What comes next, if it is in memory.
    ///
    /// # Errors
    /// [`LogError::SnapshotRequired`] when it was removed, [`LogError::Unknown`] when the segment was dropped.
    pub fn try_next(&mut self) -> Result<Next, LogError> {
        let log = self.log.clone();
        let inner = log.inner.lock();
        self.check(&inner)?;
        if inner.sources.get(&self.at.source).is_none_or(|s| s.last <= self.seen) {
            return Ok(Next::Nothing);
        }
        let first = inner.recent.front().map_or(u64::MAX, |(_, e)| e.number);
        let Some(skip) = (self.seen + 1).checked_sub(first).and_then(|n| usize::try_from(n).ok()) else { return Ok(Next::InFiles) };
        let ours = inner.recent.iter().skip(skip).find(|(_, e)| e.source == self.at.source).map(|(_, e)| e.clone());
        self.scan = None;
        Ok(match ours {
            Some(entry) => self.found(entry),
            None => {
                self.seen = inner.last;
                Next::Nothing
            }
        })
    }

    /// What comes next, from the files. Blocks.
    ///
    /// # Errors
    /// As [`try_next`](Self::try_next), or a damaged file.
    pub fn read(&mut self) -> Result<Next, LogError> {
        let log = self.log.clone();
        loop {
            let inner = log.inner.lock();
            self.check(&inner)?;
            let upto = inner.last;
            let has_more = |f: &&super::Known| f.sources.get(&self.at.source).is_some_and(|share| share.last > self.seen);
            let Some(known) = inner.files.iter().find(has_more) else { return Ok(Next::Nothing) };
            let (file, end) = (known.file.clone(), known.last);
            drop(inner);
            let scan = match &mut self.scan {
                Some(scan) if Arc::ptr_eq(scan.file(), &file) => scan,
                other => other.insert(Scan::new(file)),
            };
            match scan.next(self.at.source, self.seen, upto)? {
                Some(entry) => return Ok(self.found(Arc::new(entry))),
                None => self.seen = self.seen.max(end.min(upto)),
            }
        }
    }

    fn found(&mut self, entry: Arc<Entry>) -> Next {
        self.seen = entry.number;
        let skip = if entry.number == self.at.number && self.at.index != WHOLE { self.at.index as usize } else { 0 };
        Next::Entry(entry, skip)
    }

    /// Changes whenever there is something new to read; it ends when the segment is dropped, which the next look says.
    pub fn watch(&self) -> Option<watch::Receiver<u64>> {
        self.log.inner.lock().sources.get(&self.at.source).map(|s| s.changed.subscribe())
    }

    /// The cursor behind the change of this place in a record.
    pub fn cursor(&self, entry: &Entry, place: usize) -> String {
        let index = if place + 1 >= entry.changed.len() { WHOLE } else { u32::try_from(place + 1).unwrap_or(WHOLE) };
        let (position, clock) = entry.changed.place();
        let at = Cursor { number: entry.number, index, version: entry.changed.version(), position, clock, ..self.at };
        self.text(&at)
    }

    /// Takes note that all of a record was handed on.
    pub fn delivered(&mut self, entry: &Entry) {
        let (position, clock) = entry.changed.place();
        self.at = Cursor { number: entry.number, index: WHOLE, version: entry.changed.version(), position, clock, ..self.at };
    }

    /// Position and clock up to which everything was handed on, with its cursor: a promise that nothing at or below it will follow. None
    /// while something waits.
    pub fn progress(&mut self) -> Option<(u64, i64, String)> {
        let inner = self.log.inner.lock();
        let waits = inner.sources.get(&self.at.source).is_none_or(|s| s.last > behind(&self.at));
        if waits || inner.progress.1 == i64::MIN {
            return None;
        }
        let (position, clock) = inner.progress;
        let at = Cursor { number: inner.last, index: WHOLE, position, clock, ..self.at };
        drop(inner);
        self.seen = self.seen.max(at.number);
        self.at = at;
        Some((position, clock, self.text(&at)))
    }

    /// The cursor of what was handed on so far.
    pub fn place(&self) -> String {
        self.text(&self.at)
    }

    /// The place of what was handed on so far.
    pub fn cursor_now(&self) -> Cursor {
        self.at
    }

    /// Position and clock of what was handed on so far.
    pub fn at(&self) -> (u64, i64) {
        (self.at.position, self.at.clock)
    }

    /// `segment vip`
    pub fn name(&self) -> &str {
        &self.name
    }

    fn text(&self, at: &Cursor) -> String {
        let secret = self.log.inner.lock().manifest.secret;
        at.text(secret)
    }

    fn check(&self, inner: &Inner) -> Result<(), LogError> {
        let meta = inner.manifest.sources.get(&self.name).filter(|m| m.id == self.at.source);
        let meta = meta.ok_or_else(|| LogError::Unknown(self.name.clone()))?;
        if behind(&self.at) < meta.floor {
            return Err(LogError::SnapshotRequired { source_name: self.name.clone() });
        }
        Ok(())
    }
}
