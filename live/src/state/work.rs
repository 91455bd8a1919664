//! What a commit or an instant asks of a population, and what comes of it.

use super::ordinals::Place;
use crate::change::Cause;
use hashbrown::HashSet;
use std::collections::BTreeSet;
use std::ops::Range;

/// A row that arrives in a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub ordinal: u32,
    pub lane: u32,
    pub time: i64,
    pub payload: i64,
    /// It was read from the store again, and is not late.
    pub again: bool,
}

/// A membership that is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    /// The instant.
    pub at: i64,
    /// Number of the segment.
    pub segment: u32,
    pub ordinal: u32,
    pub enters: bool,
    pub cause: Cause,
}

impl Moved {
    /// The order in which changes are told, however many threads found them.
    pub(crate) fn order(&self) -> (i64, u32, u32) {
        (self.at, self.segment, self.ordinal)
    }
}

/// What has to be looked at again.
#[derive(Debug)]
pub(crate) struct Work {
    /// Rows, by shard; of one entity and lane in the order in which they came.
    pub arrivals: Vec<Vec<Arrival>>,
    /// (entity, lane) whose rows are others.
    pub touched: Vec<(u32, u32)>,
    /// Lanes in which everybody is looked at.
    pub lanes: HashSet<u32>,
    /// Entities that are new, or known again.
    pub fresh: Vec<u32>,
    /// Entities that are known no more.
    pub gone: Vec<u32>,
    /// Entities whose row was written.
    pub written: Vec<u32>,
    /// Conditions that read what others wrote: for every entity.
    pub everywhere: Vec<u32>,
    /// Entities that became one, or came apart: everything about them is looked at.
    pub merged: BTreeSet<u32>,
    /// Who everybody is.
    pub everybody: Range<u32>,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            arrivals: vec![],
            touched: vec![],
            lanes: HashSet::new(),
            fresh: vec![],
            gone: vec![],
            written: vec![],
            everywhere: vec![],
            merged: BTreeSet::new(),
            everybody: 0..u32::MAX,
        }
    }
}

impl Work {
    /// Adds rows of shards.
    pub(crate) fn arrive(&mut self, rows: Vec<Vec<Arrival>>) {
        if self.arrivals.is_empty() {
            self.arrivals = rows;
            return;
        }
        self.arrivals.iter_mut().zip(rows).for_each(|(own, more)| own.extend(more));
    }

    /// Takes what concerns entities before an ordinal.
    pub(crate) fn split(&mut self, to: u32) -> Work {
        let take = |list: &mut Vec<u32>| list.extract_if(.., |o| *o < to).collect::<Vec<u32>>();
        let behind = self.merged.split_off(&to);
        Work {
            arrivals: self.arrivals.iter_mut().map(|rows| rows.extract_if(.., |a| a.ordinal < to).collect()).collect(),
            touched: self.touched.extract_if(.., |(o, _)| *o < to).collect(),
            lanes: self.lanes.clone(),
            fresh: take(&mut self.fresh),
            gone: take(&mut self.gone),
            written: take(&mut self.written),
            everywhere: self.everywhere.clone(),
            merged: std::mem::replace(&mut self.merged, behind),
            everybody: std::mem::replace(&mut self.everybody.start, to)..to,
        }
    }

    /// The part of each shard, with the numbers that entities have there.
    pub(crate) fn divided(mut self, of: u32) -> Vec<Work> {
        let mut arrivals = std::mem::take(&mut self.arrivals);
        arrivals.resize_with(of as usize, Vec::new);
        let part = |(number, arrivals): (usize, Vec<Arrival>)| {
            let place = Place { number: number as u32, of };
            let own = |o: &u32| Place::shard(*o, of) == number;
            let some = |list: &[u32]| list.iter().copied().filter(own).map(|o| place.local(o)).collect();
            Work {
                arrivals: vec![arrivals],
                touched: self.touched.iter().filter(|(o, _)| own(o)).map(|(o, lane)| (place.local(*o), *lane)).collect(),
                lanes: self.lanes.clone(),
                fresh: some(&self.fresh),
                gone: some(&self.gone),
                written: some(&self.written),
                everywhere: self.everywhere.clone(),
                merged: self.merged.iter().copied().filter(own).map(|o| place.local(o)).collect(),
                everybody: place.count(self.everybody.start)..place.count(self.everybody.end),
            }
        };
        arrivals.into_iter().enumerate().map(part).collect()
    }

    /// How much there is, about.
    pub(crate) fn size(&self) -> usize {
        let everybody = if self.lanes.is_empty() && self.everywhere.is_empty() { 0 } else { usize::MAX / 2 };
        self.arrivals.iter().map(Vec::len).sum::<usize>() + self.touched.len() + self.fresh.len() + self.written.len() + everybody
    }
}
