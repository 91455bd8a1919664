//! "At least k times within the last n" as one instant (rule 12).
//!
//! The count in a sliding window reaches `k` exactly while the k-th most recent row is inside it. So a short list of recent rows is all
//! the state, rows may come in any order and twice, and the instant of the next change is known.

/// Whether at least `k` of the rows (times in µs, sorted) lie in `[now − length, now)`.
pub fn at_least_k_within(time: &[i64], k: usize, now: i64, length: i64) -> bool {
    let seen = time.partition_point(|&t| t < now);
    k == 0 || seen.checked_sub(k).is_some_and(|place| time[place] >= now.saturating_sub(length))
}

/// The `k` most recent rows, by (time µs, row id).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    k: usize,
    /// Ascending.
    rows: Vec<(i64, u64)>,
}

impl Recent {
    /// Keeps `k` rows, at least 1.
    pub fn new(k: usize) -> Self {
        Recent { k: k.max(1), rows: Vec::new() }
    }

    /// Takes in a row; false if it changes nothing: known already, or older than `k` others.
    pub fn insert(&mut self, time: i64, id: u64) -> bool {
        match self.rows.binary_search(&(time, id)) {
            Ok(_) => false,
            Err(0) if self.rows.len() == self.k => false,
            Err(place) => {
                self.rows.insert(place, (time, id));
                if self.rows.len() > self.k {
                    self.rows.remove(0);
                }
                true
            }
        }
    }

    /// Takes in the rows of another: the state of both timelines together.
    pub fn merge(&mut self, other: &Recent) {
        for &(time, id) in &other.rows {
            self.insert(time, id);
        }
    }

    /// Time (µs) of the k-th most recent row.
    pub fn kth(&self) -> Option<i64> {
        self.rows.len().checked_sub(self.k).map(|place| self.rows[place].0)
    }

    /// Whether `k` rows lie in `[now − length, now)`, when no row is later than `now`.
    pub fn holds(&self, now: i64, length: i64) -> bool {
        self.kth().is_some_and(|t| t >= now.saturating_sub(length))
    }

    /// The first instant (µs) at which it no longer holds, if no row comes.
    pub fn expires(&self, length: i64) -> Option<i64> {
        self.kth().map(|t| t.saturating_add(length).saturating_add(1))
    }
}
