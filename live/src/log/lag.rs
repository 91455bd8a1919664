//! How far behind somebody is.

use super::cursor::WHOLE;
use super::file::Scan;
use super::{ChangeLog, Cursor, LogError};

/// What somebody has not been handed yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// So many changes.
    pub changes: u64,
    /// The clock of the first of their commits, in microseconds; None when nothing waits.
    pub since: Option<i64>,
}

impl Lag {
    fn note(&mut self, changes: usize, clock: i64) {
        self.changes += changes as u64;
        self.since = self.since.or(Some(clock));
    }
}

impl ChangeLog {
    /// What waits behind a place. Of what is not in memory any more, one file is read.
    ///
    /// # Errors
    /// A damaged file.
    pub fn lag(&self, at: &Cursor) -> Result<Lag, LogError> {
        let mut lag = Lag::default();
        let (seen, skip) = if at.index == WHOLE { (at.number, 0) } else { (at.number.saturating_sub(1), at.index as usize) };
        let inner = self.inner.lock();
        if inner.sources.get(&at.source).is_none_or(|s| s.last <= seen) {
            return Ok(lag);
        }
        let of_entry = |number: u64, all: usize| if number == at.number { all.saturating_sub(skip) } else { all };
        if inner.recent.front().is_some_and(|(_, e)| e.number <= seen + 1) {
            for (_, entry) in inner.recent.iter().filter(|(_, e)| e.source == at.source && e.number > seen) {
                lag.note(of_entry(entry.number, entry.changed.len()), entry.changed.place().1);
            }
            return Ok(lag);
        }
        let shares = inner.files.iter().filter_map(|f| Some((f.file.clone(), *f.sources.get(&at.source)?)));
        let mut behind = shares.filter(|(_, share)| share.last > seen);
        let Some((first, _)) = behind.next() else { return Ok(lag) };
        let rest: u64 = behind.map(|(_, share)| share.changes).sum();
        let upto = inner.last;
        drop(inner);
        let (mut scan, mut after) = (Scan::new(first), seen);
        while let Some(entry) = scan.next(at.source, after, upto)? {
            after = entry.number;
            lag.note(of_entry(entry.number, entry.changed.len()), entry.changed.place().1);
        }
        lag.changes += rest;
        Ok(lag)
    }
}
