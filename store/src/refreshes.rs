//! What was refreshed: the latest refreshes of segments and tags, good and bad, until they are pushed out by later ones.

use crate::limit::REFRESHED_ROWS_MAX;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// One refresh of a segment or a tag.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Refreshed {
    /// `segment` or `tag`.
    pub kind: String,
    /// Its name; of a tag `entity.name`.
    pub object: String,
    /// The instant that it was computed as of: microseconds in UTC.
    pub started_at: i64,
    /// How long that took.
    pub seconds: f64,
    /// Members, or entities that got a value.
    pub rows: u64,
    /// Log position of the version that it made; 0 until it is written, and of a failure.
    pub version: u64,
    /// Why it failed.
    pub error: Option<String>,
}

/// The latest refreshes, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refreshes {
    rows: Arc<VecDeque<Arc<Refreshed>>>,
    /// The last position that changed them.
    pub(crate) position: u64,
}

impl Refreshes {
    pub(crate) fn of(rows: Vec<Refreshed>, position: u64) -> Refreshes {
        Refreshes { rows: Arc::new(rows.into_iter().map(Arc::new).collect()), position }
    }

    pub(crate) fn push(&mut self, row: Refreshed, position: u64) {
        let all = Arc::make_mut(&mut self.rows);
        all.push_back(Arc::new(row));
        let surplus = all.len().saturating_sub(REFRESHED_ROWS_MAX);
        all.drain(..surplus);
        self.position = position;
    }

    pub(crate) fn rows(&self) -> impl DoubleEndedIterator<Item = &Arc<Refreshed>> {
        self.rows.iter()
    }
}
