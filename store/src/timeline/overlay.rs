//! What is in memory, laid over what is in parts: rows that arrive do not make the settled ones be read and sorted again.

use super::Timeline;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// The events of every entity of one type, as [`Timeline`] has them, in two layers.
#[derive(Clone, Debug)]
pub struct Timelines {
    /// Rows of parts; or all rows, where most of them are in memory.
    pub settled: Arc<Timeline>,
    /// Rows in memory. Where times are equal they come after those of parts.
    recent: Option<Arc<Timeline>>,
    /// How many entities there are.
    entities: u32,
}

impl Timelines {
    pub(crate) fn new(settled: Arc<Timeline>, recent: Option<Arc<Timeline>>, entities: u32) -> Timelines {
        Timelines { settled, recent, entities }
    }

    /// How many entities there are.
    pub fn entities(&self) -> u32 {
        self.entities
    }

    /// Up to `n` ordinal ranges with about equally many rows; together they cover all ordinals.
    pub fn partitions(&self, n: usize) -> Vec<Range<u32>> {
        let mut ranges = self.settled.partitions(n);
        let end = ranges.last().map_or(0, |r| r.end);
        match ranges.last_mut() {
            Some(last) => last.end = last.end.max(self.entities),
            None if end < self.entities => ranges.push(end..self.entities),
            None => {}
        }
        ranges
    }

    /// The end of a range of ordinals from `from` that holds about so many rows, and at most so many entities.
    pub fn reach(&self, from: u32, end: u32, rows: usize, entities: u32) -> u32 {
        let limit = from.saturating_add(entities).min(end);
        let known = (self.settled.ordinal_count() as u32).min(limit);
        if from >= known {
            return limit;
        }
        let offsets = &self.settled.offsets[from as usize..=known as usize];
        let base = offsets[0] as usize;
        // The first entity that begins that many rows or more after the first row.
        let reach = offsets[1..].partition_point(|o| (*o as usize) < base + rows);
        let to = from + 1 + reach as u32;
        if to > known { limit.min(known.max(from + 1)) } else { to }
    }

    /// The first time of all rows.
    pub fn first_time(&self) -> Option<i64> {
        let first = |t: &Timeline| t.times.map(|(first, _)| first);
        first(&self.settled).into_iter().chain(self.recent.as_deref().and_then(first)).min()
    }

    /// Rows before the first of an ordinal.
    pub fn rows_before(&self, ordinal: u32) -> usize {
        let before = |t: &Timeline| t.offsets.get(ordinal as usize).map_or(t.row.len(), |o| *o as usize);
        before(&self.settled) + self.recent.as_deref().map_or(0, before)
    }

    /// The rows of some ordinals from both layers, as a timeline of these alone; None when the settled one has them all.
    pub fn merged(&self, ordinals: Range<u32>) -> Option<Timeline> {
        let known = self.settled.ordinal_count() as u32;
        let empty = Timeline { offsets: vec![0], ..self.settled.without_rows() };
        let recent = self.recent.as_deref().unwrap_or(&empty);
        if ordinals.end <= known && recent.rows_of(ordinals.start).start == recent.rows_of(ordinals.end - 1).end {
            return None;
        }
        let mut out = self.settled.without_rows();
        let rows = |t: &Timeline| t.rows_of(ordinals.end - 1).end - t.rows_of(ordinals.start).start;
        out.reserve(ordinals.len(), rows(&self.settled) + rows(recent));
        out.offsets.push(0);
        for ordinal in ordinals {
            let (old, new) = (self.settled.rows_of(ordinal), recent.rows_of(ordinal));
            let first = out.row.len();
            if new.is_empty() {
                out.append(&self.settled, old);
                out.tied.push(self.settled.tied.get(ordinal as usize).copied().unwrap_or(false));
            } else {
                out.merge((&self.settled, old), (recent, new));
                out.tied.push(out.time[first..].windows(2).any(|w| w[0] == w[1]));
            }
            out.offsets.push(out.row.len() as u32);
        }
        let span = |t: &Timeline| t.times;
        out.times = match (span(&self.settled), span(recent)) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        out.postings = super::build::postings(&out.code, out.events.len());
        out.bits = vec![OnceLock::new(); out.events.len()];
        Some(out)
    }
}

impl Timeline {
    /// The rows of an ordinal; none where it is not known here.
    fn rows_of(&self, ordinal: u32) -> Range<usize> {
        let at = |place: usize| self.offsets.get(place).map_or(self.row.len(), |o| *o as usize);
        at(ordinal as usize)..at(ordinal as usize + 1)
    }

    /// The same subject and events, and no rows.
    fn without_rows(&self) -> Timeline {
        Timeline {
            subject: self.subject,
            events: self.events.clone(),
            participants: self.participants.clone(),
            offsets: Vec::new(),
            time: Vec::new(),
            code: Vec::new(),
            row: Vec::new(),
            postings: Vec::new(),
            bits: Vec::new(),
            tied: Vec::new(),
            times: None,
            kept: Default::default(),
        }
    }

    fn reserve(&mut self, entities: usize, rows: usize) {
        self.offsets.reserve(entities + 1);
        self.tied.reserve(entities);
        self.time.reserve(rows);
        self.code.reserve(rows);
        self.row.reserve(rows);
    }

    fn append(&mut self, from: &Timeline, rows: Range<usize>) {
        self.time.extend_from_slice(&from.time[rows.clone()]);
        self.code.extend_from_slice(&from.code[rows.clone()]);
        self.row.extend_from_slice(&from.row[rows]);
    }

    /// Rows of two layers by time; of equal times the older layer's first.
    fn merge(&mut self, (old, mut left): (&Timeline, Range<usize>), (new, right): (&Timeline, Range<usize>)) {
        for row in right {
            let upto = left.start + old.time[left.clone()].partition_point(|t| *t <= new.time[row]);
            self.append(old, left.start..upto);
            left.start = upto;
            self.append(new, row..row + 1);
        }
        self.append(old, left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eql_catalog::EntityTypeId;
    use proptest::prelude::*;

    fn timeline(entities: &[Vec<i64>], first_row: u32) -> Timeline {
        let (mut offsets, mut time, mut row) = (vec![0], Vec::new(), Vec::new());
        for times in entities {
            let mut times = times.clone();
            times.sort_unstable();
            for t in times {
                row.push(first_row + row.len() as u32);
                time.push(t);
            }
            offsets.push(time.len() as u32);
        }
        let code = vec![0; time.len()];
        let times = time.iter().min().copied().zip(time.iter().max().copied());
        let tied = offsets.windows(2).map(|w| time[w[0] as usize..w[1] as usize].windows(2).any(|p| p[0] == p[1])).collect();
        let postings = vec![(0..row.len() as u32).collect()];
        let (subject, events, participants, bits) = (EntityTypeId(0), vec![eql_catalog::EventTypeId(0)], vec![0], vec![OnceLock::new()]);
        Timeline { subject, events, participants, offsets, time, code, row, postings, bits, tied, times, kept: Default::default() }
    }

    proptest! {
        #[test]
        fn two_layers_are_one_timeline(
            old in prop::collection::vec(prop::collection::vec(0i64..6, 0..5), 0..12),
            new in prop::collection::vec(prop::collection::vec(0i64..6, 0..3), 0..14),
            n in 1usize..4,
            (rows, entities) in (1usize..8, 1u32..5),
        ) {
            let count = old.len().max(new.len());
            let mut padded = new.clone();
            padded.resize(count, vec![]);
            let layers = Timelines::new(Arc::new(timeline(&old, 0)), Some(Arc::new(timeline(&padded, 1000))), count as u32);
            let mut expected: Vec<Vec<(i64, u32)>> = Vec::new();
            let (a, b) = (timeline(&old, 0), timeline(&padded, 1000));
            for o in 0..count as u32 {
                let of = |t: &Timeline| t.rows_of(o).map(|i| (t.time[i], t.row[i])).collect::<Vec<_>>();
                let mut all = [of(&a), of(&b)].concat();
                all.sort_by_key(|r| r.0);
                expected.push(all);
            }
            let mut found = Vec::new();
            for range in layers.partitions(n) {
                let mut at = range.start;
                while at < range.end {
                    let to = layers.reach(at, range.end, rows, entities);
                    prop_assert!(at < to && to <= range.end && to - at <= entities);
                    let before: usize = expected[..at as usize].iter().map(Vec::len).sum();
                    prop_assert_eq!(layers.rows_before(at), before);
                    let merged = layers.merged(at..to);
                    for o in at..to {
                        let (t, place) = merged.as_ref().map_or((&*layers.settled, o), |m| (m, o - at));
                        found.push(t.rows_of(place).map(|i| (t.time[i], t.row[i])).collect::<Vec<_>>());
                        prop_assert_eq!(t.tied[place as usize], found[o as usize].windows(2).any(|w| w[0].0 == w[1].0));
                    }
                    at = to;
                }
            }
            prop_assert_eq!(found, expected);
        }
    }
}
