//! A lane: event rows that several features look at, and how many of them have to be remembered.

use super::feature::Feature;
use eql_planner::live::{Carried, Codes, MarkSpec, Marks};

/// Which rows of an entity a lane remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Keep {
    /// So many of the most recent ones: the k-th most recent one says whether there are k within a window.
    Recent(u32),
    /// So many of the earliest ones.
    Earliest(u32),
    /// The most recent row of each of so many different values, the most recent values.
    RecentDistinct(u32),
    /// All that lie in the window of some feature.
    Window,
}

/// Rows, and the features over them.
#[derive(Debug)]
pub(crate) struct Lane {
    pub spec: MarkSpec,
    pub marks: Marks,
    pub codes: Option<Codes>,
    pub keep: Keep,
    /// Numbers of features.
    pub features: Vec<usize>,
}

impl Lane {
    /// Words a row takes.
    pub(crate) fn stride(&self) -> usize {
        if self.spec.carried == Carried::Nothing { 1 } else { 2 }
    }

    /// Rows before this instant matter to no feature any more; None: all of them do.
    pub(crate) fn begin(&self, features: &[Feature], now: i64) -> Option<i64> {
        if self.keep != Keep::Window {
            return None;
        }
        let mut begin = i64::MAX;
        for f in &self.features {
            let start = features.get(*f)?.start(now)?;
            begin = begin.min(start);
        }
        Some(begin)
    }
}
