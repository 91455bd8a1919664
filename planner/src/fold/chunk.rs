//! A batch of whole entities from a timeline.

use eql_store::{Timeline, Timelines};
use std::ops::Range;

/// Rows a batch aims at; at most one entity more.
const ROWS: usize = 1 << 16;
/// Entities a batch holds at most.
const ENTITIES: u32 = 1 << 16;

/// Whole entities of a timeline.
pub(crate) struct Chunk<'a> {
    /// Whose rows.
    pub ordinals: Range<u32>,
    /// Rows of the timeline before the first of this batch.
    pub(super) base: usize,
    /// Rows of all entities before it.
    before: usize,
    offsets: &'a [u32],
    /// Microseconds.
    pub time: &'a [i64],
    pub(super) code: &'a [u16],
    pub(super) row: &'a [u32],
    /// For each wanted code, the timeline's rows of that event in the batch.
    pub(super) by_code: Vec<&'a [u32]>,
    tied: &'a [bool],
    pub(super) timeline: &'a Timeline,
    /// The timeline is the one that lasts, not one of these entities alone.
    pub(super) settled: bool,
}

/// A batch whose rows are counted from a multiple of 64.
#[derive(Clone, Copy)]
pub(crate) struct Aligned<'a> {
    /// Rows before the first of the batch.
    pub shift: usize,
    /// Microseconds.
    pub time: &'a [i64],
}

impl Aligned<'_> {
    /// Rows of the batch, as they are counted here.
    pub(crate) fn rows(&self, rows: Range<usize>) -> Range<usize> {
        rows.start + self.shift..rows.end + self.shift
    }
}

impl<'a> Chunk<'a> {
    /// A batch of these entities, the first of which is number `ordinals.start - lead` of the timeline. `before`: rows of the entities before.
    fn new(timeline: &'a Timeline, lead: u32, ordinals: Range<u32>, before: usize, wanted: &[bool]) -> Self {
        let (from, to) = ((ordinals.start - lead) as usize, (ordinals.end - lead) as usize);
        let offsets = &timeline.offsets[from..=to];
        let (base, stop) = (offsets[0] as usize, offsets[to - from] as usize);
        let inside = |rows: &'a Vec<u32>| {
            let first = rows.partition_point(|r| (*r as usize) < base);
            let rows = &rows[first..];
            &rows[..rows.partition_point(|r| (*r as usize) < stop)]
        };
        let none: &'a [u32] = &[];
        let by_code = timeline.postings.iter().zip(wanted).map(|(rows, wanted)| if *wanted { inside(rows) } else { none }).collect();
        Self {
            ordinals,
            base,
            before,
            offsets,
            time: &timeline.time[base..stop],
            code: &timeline.code[base..stop],
            row: &timeline.row[base..stop],
            by_code,
            tied: &timeline.tied[from..to],
            timeline,
            settled: false,
        }
    }

    /// Calls `each` with the batches of a range of entities, in order, until it says stop.
    pub(crate) fn each<E>(
        timelines: &Timelines,
        range: Range<u32>,
        wanted: &[bool],
        mut each: impl FnMut(&Chunk<'_>) -> std::result::Result<bool, E>,
    ) -> std::result::Result<(), E> {
        let mut at = range.start;
        while at < range.end {
            let to = timelines.reach(at, range.end, ROWS, ENTITIES);
            let before = timelines.rows_before(at);
            let more = match timelines.merged(at..to) {
                None => each(&Chunk { settled: true, ..Chunk::new(&timelines.settled, 0, at..to, before, wanted) })?,
                Some(merged) => each(&Chunk::new(&merged, at, at..to, before, wanted))?,
            };
            if !more {
                return Ok(());
            }
            at = to;
        }
        Ok(())
    }

    /// The batch as the kernels for many entities take it: rows are counted from the last multiple of 64 before its first one, so that
    /// words of the whole timeline serve. Rows before the first are of other entities.
    pub(crate) fn aligned(&self) -> Aligned<'a> {
        let shift = self.base % 64;
        let time = &self.timeline.time[self.base - shift..self.base + self.len()];
        // One look at each cache line in turn: the kernels come back to them in jumps, each of which would wait for memory.
        std::hint::black_box(time.iter().step_by(8).fold(0, |all, t| all ^ t));
        Aligned { shift, time }
    }

    /// How many entities.
    pub(crate) fn entities(&self) -> usize {
        self.ordinals.len()
    }

    /// The rows of the i-th entity.
    pub(crate) fn rows_of(&self, i: usize) -> Range<usize> {
        self.offsets[i] as usize - self.base..self.offsets[i + 1] as usize - self.base
    }

    /// Whether two rows of the i-th entity have one time.
    pub(crate) fn tied(&self, i: usize) -> bool {
        self.tied[i]
    }

    /// For each of some rows the place of its entity in the batch; quickest where the rows rise.
    pub(crate) fn entities_of<'r>(&'r self, rows: &'r [u32]) -> impl Iterator<Item = usize> + 'r {
        let ends = &self.offsets[1..];
        let mut entity = 0;
        rows.iter().map(move |row| {
            let place = self.base + *row as usize;
            if (self.offsets[entity] as usize) > place {
                entity = 0;
            }
            // The next entity mostly follows at once; behind those without such rows the search finds its way.
            if ends[entity] as usize <= place {
                entity += 1;
                if ends[entity] as usize <= place {
                    entity += ends[entity..].partition_point(|end| (*end as usize) <= place);
                }
            }
            entity
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.code.len()
    }

    pub(crate) fn code(&self, row: usize) -> u16 {
        self.code[row]
    }

    /// The codes of all rows.
    pub(crate) fn codes(&self) -> &'a [u16] {
        self.code
    }

    /// The batch's rows of one event, rising; only of wanted ones.
    pub(crate) fn places_of(&self, code: usize) -> Vec<u32> {
        self.by_code.get(code).map_or(vec![], |rows| rows.iter().map(|row| row - self.base as u32).collect())
    }

    /// A number that a row of the batch has alone in its timeline.
    pub(crate) fn row_number(&self, row: u32) -> i64 {
        i64::try_from(self.before).unwrap_or(i64::MAX).saturating_add(i64::from(row))
    }

    /// The number of a row in its event's own rows.
    pub(crate) fn event_row(&self, row: u32) -> u32 {
        self.row[row as usize]
    }

    /// Row numbers in the event's own rows.
    pub(crate) fn event_rows(&self, positions: &[u32]) -> Vec<u32> {
        positions.iter().map(|p| self.row[*p as usize]).collect()
    }
}
