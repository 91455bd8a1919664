//! A lane: event rows that several features look at, and how many of them have to be remembered.

use super::feature::Feature;
use super::moment::Moment;
use eql_planner::live::{Carried, Codes, MarkSpec, Marks};

/// Which rows of an entity a lane remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
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

impl Keep {
    /// Lanes of one class can be one.
    pub(crate) fn class(self) -> u8 {
        match self {
            Keep::Recent(_) => 0,
            Keep::Earliest(_) => 1,
            Keep::RecentDistinct(_) => 2,
            Keep::Window => 3,
        }
    }

    /// What serves both, of one class.
    pub(crate) fn with(self, other: Keep) -> Keep {
        match (self, other) {
            (Keep::Recent(a), Keep::Recent(b)) => Keep::Recent(a.max(b)),
            (Keep::Earliest(a), Keep::Earliest(b)) => Keep::Earliest(a.max(b)),
            (Keep::RecentDistinct(a), Keep::RecentDistinct(b)) => Keep::RecentDistinct(a.max(b)),
            (own, _) => own,
        }
    }
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
    pub(crate) fn begin(&self, features: &[Feature], at: &mut Moment<'_>) -> Option<i64> {
        if self.keep != Keep::Window {
            return None;
        }
        let mut begin = i64::MAX;
        for f in &self.features {
            let start = at.start(features.get(*f)?.range)?;
            begin = begin.min(start);
        }
        Some(begin)
    }

    /// Whether what is remembered is all that is needed when `new` features come to it.
    pub(crate) fn covers(&self, keep: Keep, new: &[usize], features: &[Feature], at: &mut Moment<'_>) -> bool {
        if self.keep != Keep::Window {
            return self.keep.with(keep) == self.keep;
        }
        let Some(begin) = self.begin(features, at) else { return true };
        new.iter().all(|f| features.get(*f).and_then(|f| at.start(f.range)).is_some_and(|start| start >= begin))
    }
}
