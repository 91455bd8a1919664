//! One entity's rows as the folds see them (rules 1, 2, 10).

/// A row number that stands for "no row" in a list of matched rows.
pub const UNMATCHED: u32 = u32::MAX;

/// The HOLDING code of a missing value, which equals nothing, not even itself (rule 10).
pub const NULL: u32 = u32::MAX;

/// The HOLDING code of a row that stands in every partition: an excluded event that has no such value.
pub const EVERYWHERE: u32 = u32::MAX - 1;

/// The rows of one entity, sorted by (time, ingest sequence, event id). Rows of equal time are an unordered group to the matchers.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// Event times in µs, never decreasing.
    pub time: &'a [i64],
    /// For each row the conditions it meets: bit `k` is set when it meets the condition that the specification calls `k`. Rows
    /// with no bit matter to STRICT alone.
    pub mask: &'a [u64],
}

impl Run<'_> {
    /// Number of rows; the shorter of the two columns, should they differ.
    pub fn len(&self) -> usize {
        self.time.len().min(self.mask.len())
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Conditions that relate the rows of two steps: the alias of an earlier step used in a later one (rule 37).
pub trait Pairs {
    /// Whether `later_row` may fill `later_step` when `earlier_row` fills `earlier_step`. Rows are relative to the run.
    fn allowed(&self, earlier_step: usize, earlier_row: u32, later_step: usize, later_row: u32) -> bool;

    /// Whether the two steps are related at all; unrelated steps are never asked about.
    fn relates(&self, earlier_step: usize, later_step: usize) -> bool;
}

/// Whether any two of `steps` steps are related.
pub(crate) fn relate_any(pairs: Option<&dyn Pairs>, steps: usize) -> bool {
    pairs.is_some_and(|pairs| (1..steps).any(|later| (0..later).any(|earlier| pairs.relates(earlier, later))))
}

/// First row at or after `from` whose time is `t` or later.
pub(crate) fn first_at(time: &[i64], from: usize, t: i64) -> usize {
    from + time.get(from..).map_or(0, |rest| rest.partition_point(|&x| x < t))
}

/// First row at or after `from` whose time is later than `t`.
pub(crate) fn first_after(time: &[i64], from: usize, t: i64) -> usize {
    from + time.get(from..).map_or(0, |rest| rest.partition_point(|&x| x <= t))
}
