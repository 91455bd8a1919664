//! Building a timeline: a counting sort by ordinal over all involved rows, then order within the entities where it is not there yet.

use super::{Timeline, merged};
use crate::StoreError;
use crate::cache::ReadCache;
use crate::identity::Roots;
use crate::limit::NO_SUBJECT;
use crate::part::{Deleted, Part, Spine};
use crate::rows::{Chunk, EventColumn, EventRows};
use arrow::array::{Array, AsArray};
use arrow::datatypes::{TimestampMicrosecondType, UInt32Type, UInt64Type};
use eql_catalog::EntityTypeId;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// An event type of a timeline, and which of its participants is the subject.
pub(crate) struct Involved {
    pub(crate) rows: Arc<EventRows>,
    pub(crate) participant: usize,
}

/// `roots`: who stands for whom among the subjects.
pub(crate) fn build(
    layer: Layer,
    (subject, entities, roots): (EntityTypeId, u32, &Roots),
    involved: &[Involved],
    parts: &[Arc<Part>],
    cache: &ReadCache,
) -> Result<Timeline, StoreError> {
    let timeline = if layer != Layer::Recent && involved.iter().all(|i| i.participant == 0) {
        let mut timeline = from_spines(layer, (subject, entities, roots), involved, parts, cache)?;
        merged::settle_ties(&mut timeline, involved, roots)?;
        timeline
    } else {
        from_columns(layer, entities, involved)?
    };
    let events: Vec<_> = involved.iter().map(|i| i.rows.definition().id).collect();
    let participants = involved.iter().map(|i| i.participant).collect();
    let postings = postings(&timeline.code, events.len());
    let bits = vec![OnceLock::new(); events.len()];
    Ok(Timeline { subject, events, participants, postings, bits, ..timeline })
}

/// Which rows a timeline is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Layer {
    All,
    /// Those of parts.
    Settled,
    /// Those in memory.
    Recent,
}

impl Layer {
    fn has(self, chunk: &Chunk) -> bool {
        match self {
            Layer::All => true,
            Layer::Settled => matches!(chunk, Chunk::Part(_)),
            Layer::Recent => matches!(chunk, Chunk::Hot(_)),
        }
    }
}

/// The rows of each code, rising.
pub(super) fn postings(code: &[u16], codes: usize) -> Vec<Vec<u32>> {
    let mut counts = vec![0usize; codes];
    code.iter().for_each(|c| counts[*c as usize] += 1);
    let mut out: Vec<Vec<u32>> = counts.into_iter().map(Vec::with_capacity).collect();
    for (row, c) in code.iter().enumerate() {
        out[*c as usize].push(row as u32);
    }
    out
}

/// Everything is clustered by this subject: parts are in order already, and their sequences need not be read. Each part is older than
/// the next one or of another month, and the hot rows are the youngest, so for equal times the order of sources is that of sequences.
fn from_spines(
    layer: Layer,
    (subject, entities, roots): (EntityTypeId, u32, &Roots),
    involved: &[Involved],
    parts: &[Arc<Part>],
    cache: &ReadCache,
) -> Result<Timeline, StoreError> {
    let mut sources = Vec::new();
    for part in parts.iter().filter(|p| p.meta.subject == subject) {
        sources.push(PartSource::new(part, part.spine(cache)?, involved));
    }
    let hot = entries(involved, |chunk| layer == Layer::All && matches!(chunk, Chunk::Hot(_)))?;
    let mut counter = Counter::new(entities);
    for source in &sources {
        source.count(&mut counter, roots)?;
    }
    hot.iter().try_for_each(|e| counter.count(e.ordinal, 1))?;
    let mut placer = counter.placer()?;
    for source in &mut sources {
        source.place(&mut placer, roots);
    }
    placer.place_entries(&hot);
    Ok(placer.finish())
}

/// The subject is some other participant: ordinals and sequences are read as columns.
fn from_columns(layer: Layer, entities: u32, involved: &[Involved]) -> Result<Timeline, StoreError> {
    let entries = entries(involved, |chunk| layer.has(chunk))?;
    let mut counter = Counter::new(entities);
    entries.iter().try_for_each(|e| counter.count(e.ordinal, 1))?;
    let mut placer = counter.placer()?;
    placer.place_entries(&entries);
    Ok(placer.finish())
}

/// One row on its way to its place.
struct Entry {
    ordinal: u32,
    time: i64,
    sequence: u64,
    code: u16,
    row: u32,
}

/// Rows of some chunks that have the subject.
fn entries(involved: &[Involved], wanted: impl Fn(&Chunk) -> bool) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    for (code, event) in involved.iter().enumerate() {
        for (number, (chunk, start)) in event.rows.chunks().enumerate() {
            if wanted(chunk) {
                chunk_entries(&mut entries, event, code as u16, number, start)?;
            }
        }
    }
    Ok(entries)
}

fn chunk_entries(entries: &mut Vec<Entry>, event: &Involved, code: u16, chunk: usize, start: u32) -> Result<(), StoreError> {
    let ordinals = event.rows.chunk_column(chunk, &EventColumn::Participant(event.participant))?;
    let time = event.rows.chunk_column(chunk, &EventColumn::Time)?;
    let sequence = event.rows.chunk_column(chunk, &EventColumn::Sequence)?;
    let (ordinals, time) = (ordinals.as_primitive::<UInt32Type>(), time.as_primitive::<TimestampMicrosecondType>().values());
    let sequence = sequence.as_primitive::<UInt64Type>().values();
    let present = (0..ordinals.len()).filter(|i| ordinals.is_valid(*i));
    entries.extend(present.map(|i| Entry {
        ordinal: ordinals.value(i),
        time: time[i],
        sequence: sequence[i],
        code,
        row: start + i as u32,
    }));
    Ok(())
}

/// A part clustered by the subject.
struct PartSource {
    spine: Arc<Spine>,
    /// Code of the spine → code of the timeline, next row number; None when it is not involved.
    codes: Vec<Option<Next>>,
    /// All rows count, none is gone.
    all_involved: bool,
}

/// Where the rows of one event type of a part are.
struct Next {
    code: u16,
    /// Number of the next row that is there.
    row: u32,
    /// Number of the next row in the files.
    stored: u32,
    deleted: Option<Arc<Deleted>>,
}

impl Next {
    /// The number of the next row, if it is there.
    fn next(&mut self) -> Option<u32> {
        let stored = self.stored;
        self.stored += 1;
        if self.deleted.as_ref().is_some_and(|d| !d.is_alive(stored)) {
            return None;
        }
        self.row += 1;
        Some(self.row - 1)
    }
}

impl PartSource {
    fn new(part: &Part, spine: Arc<Spine>, involved: &[Involved]) -> PartSource {
        let first_row = |event: &Involved| {
            event.rows.chunks().find_map(|(chunk, start)| match chunk {
                Chunk::Part(p) if p.meta.id == part.meta.id => Some(start),
                _ => None,
            })
        };
        let next = |event| {
            let code = involved.iter().position(|i| i.rows.definition().id == event)?;
            Some(Next { code: code as u16, row: first_row(&involved[code])?, stored: 0, deleted: part.deleted(event).cloned() })
        };
        let codes: Vec<_> = spine.events.iter().map(|e| next(*e)).collect();
        let all_involved = codes.iter().all(|c| c.as_ref().is_some_and(|next| next.deleted.is_none()));
        PartSource { all_involved, codes, spine }
    }

    fn count(&self, counter: &mut Counter, roots: &Roots) -> Result<(), StoreError> {
        let mut stored: Vec<u32> = vec![0; self.codes.len()];
        for (ordinal, start, end) in self.spine.runs() {
            let rows = match self.all_involved {
                true => end - start,
                false => (start..end).filter(|row| self.is_there(*row, &mut stored)).count(),
            };
            if ordinal != NO_SUBJECT {
                counter.count(roots.of(ordinal), rows as u32)?;
            }
        }
        Ok(())
    }

    fn is_there(&self, row: usize, stored: &mut [u32]) -> bool {
        let code = self.spine.code(row) as usize;
        stored[code] += 1;
        self.codes[code].as_ref().is_some_and(|next| next.deleted.as_ref().is_none_or(|d| d.is_alive(stored[code] - 1)))
    }

    /// Row numbers are counted over all rows of the part, also those that have no subject.
    fn place(&mut self, placer: &mut Placer, roots: &Roots) {
        for (ordinal, start, end) in self.spine.runs().filter(|r| r.0 != NO_SUBJECT) {
            let ordinal = roots.of(ordinal);
            for row in start..end {
                if let Some(next) = &mut self.codes[self.spine.code(row) as usize]
                    && let Some(number) = next.next()
                {
                    placer.place(ordinal, self.spine.time(row), next.code, number);
                }
            }
        }
    }
}

/// Counts rows by ordinal.
struct Counter {
    counts: Vec<u32>,
    rows: u64,
}

impl Counter {
    fn new(entities: u32) -> Counter {
        Counter { counts: vec![0; entities as usize], rows: 0 }
    }

    fn count(&mut self, ordinal: u32, rows: u32) -> Result<(), StoreError> {
        let entities = self.counts.len();
        let count = self.counts.get_mut(ordinal as usize);
        let unknown = || StoreError::mismatch("a timeline", format!("an event names entity {ordinal}, there are {entities}"));
        *count.ok_or_else(unknown)? += rows;
        self.rows += u64::from(rows);
        Ok(())
    }

    fn placer(self) -> Result<Placer, StoreError> {
        if self.rows > u64::from(u32::MAX) {
            return Err(StoreError::Full { what: format!("a timeline would have {} rows", self.rows), limit: u64::from(u32::MAX) });
        }
        let mut offsets = Vec::with_capacity(self.counts.len() + 1);
        let mut total = 0;
        offsets.push(0);
        for count in &self.counts {
            total += count;
            offsets.push(total);
        }
        let rows = self.rows as usize;
        let next = offsets[..self.counts.len()].to_vec();
        let (time, code, row) = (vec![0; rows], vec![0; rows], vec![0; rows]);
        Ok(Placer {
            next,
            sequence: Vec::new(),
            timeline: Timeline {
                subject: EntityTypeId(0),
                events: Vec::new(),
                participants: Vec::new(),
                offsets,
                time,
                code,
                row,
                postings: Vec::new(),
                bits: Vec::new(),
                kept: Default::default(),
                tied: Vec::new(),
                times: None,
            },
        })
    }
}

/// Puts rows where the counts say, then in order.
struct Placer {
    next: Vec<u32>,
    /// Empty, or for each row what decides between equal times: 0 for rows that were placed in order.
    sequence: Vec<u64>,
    timeline: Timeline,
}

impl Placer {
    fn place(&mut self, ordinal: u32, time: i64, code: u16, row: u32) -> usize {
        let at = self.next[ordinal as usize] as usize;
        self.next[ordinal as usize] += 1;
        self.timeline.time[at] = time;
        self.timeline.code[at] = code;
        self.timeline.row[at] = row;
        at
    }

    /// Rows in any order, younger than those placed before.
    fn place_entries(&mut self, entries: &[Entry]) {
        if !entries.is_empty() {
            self.sequence.resize(self.timeline.row.len(), 0);
        }
        for e in entries {
            let at = self.place(e.ordinal, e.time, e.code, e.row);
            self.sequence[at] = e.sequence + 1;
        }
    }

    /// Most entities are in order already; the others are sorted.
    fn finish(mut self) -> Timeline {
        let offsets = std::mem::take(&mut self.timeline.offsets);
        let mut tied = Vec::with_capacity(offsets.len().saturating_sub(1));
        let mut times: Option<(i64, i64)> = None;
        for w in offsets.windows(2) {
            let rows = w[0] as usize..w[1] as usize;
            if !self.in_order(rows.clone()) {
                self.sort(rows.clone());
            }
            let time = &self.timeline.time[rows];
            tied.push(time.windows(2).any(|w| w[0] == w[1]));
            if let (Some(first), Some(last)) = (time.first(), time.last()) {
                times = Some(times.map_or((*first, *last), |(low, high)| (low.min(*first), high.max(*last))));
            }
        }
        Timeline { offsets, tied, times, ..self.timeline }
    }

    fn in_order(&self, rows: Range<usize>) -> bool {
        let time = &self.timeline.time[rows.clone()];
        match self.sequence.get(rows) {
            None => time.windows(2).all(|w| w[0] <= w[1]),
            Some(sequence) => time.windows(2).zip(sequence.windows(2)).all(|(t, s)| (t[0], s[0]) <= (t[1], s[1])),
        }
    }

    /// Stable: rows of parts, whose sequences are all 0, stay as they were placed.
    fn sort(&mut self, rows: Range<usize>) {
        let Timeline { time, code, row, .. } = &mut self.timeline;
        let sequence = |i: usize| self.sequence.get(i).copied().unwrap_or(0);
        let mut sorted: Vec<(i64, u64, u16, u32)> = rows.clone().map(|i| (time[i], sequence(i), code[i], row[i])).collect();
        sorted.sort_by_key(|r| (r.0, r.1));
        for (i, r) in rows.zip(sorted) {
            (time[i], code[i], row[i]) = (r.0, r.2, r.3);
        }
    }
}
