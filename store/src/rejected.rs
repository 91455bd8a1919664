//! Rows that were sent and not taken: the latest ones, with the reason, until they are pushed out by later ones.

use crate::limit::{REJECTED_ROWS_MAX, REJECTED_TEXT_BYTES_MAX};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// A row that was not taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRow {
    /// When it arrived: microseconds in UTC.
    pub received: i64,
    /// The event or entity type it was meant for, as it was written.
    pub target: String,
    /// Its place in the call.
    pub index: u64,
    /// Its id or key, where it had one.
    pub id: Option<String>,
    /// Code of the diagnostic.
    pub code: String,
    /// What is wrong with it, and what to do.
    pub message: String,
    /// The row itself, cut when it is long.
    pub record: String,
}

/// The latest rejected rows, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rejected {
    rows: Arc<VecDeque<Arc<RejectedRow>>>,
    /// The last position that changed them.
    pub(crate) position: u64,
}

impl Rejected {
    pub(crate) fn of(rows: Vec<RejectedRow>, position: u64) -> Rejected {
        Rejected { rows: Arc::new(rows.into_iter().map(Arc::new).collect()), position }
    }

    pub(crate) fn push(&mut self, rows: Vec<RejectedRow>, position: u64) {
        let all = Arc::make_mut(&mut self.rows);
        all.extend(rows.into_iter().map(Arc::new));
        let surplus = all.len().saturating_sub(REJECTED_ROWS_MAX);
        all.drain(..surplus);
        self.position = position;
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &Arc<RejectedRow>> {
        self.rows.iter()
    }

    /// Rows that say something about an erased entity must go with it: nobody can tell which do, so all go.
    pub(crate) fn clear(&mut self, position: u64) {
        *self = Rejected { rows: Arc::default(), position };
    }
}

impl RejectedRow {
    /// With its texts cut to what is kept.
    pub(crate) fn shortened(mut self) -> RejectedRow {
        for text in [&mut self.target, &mut self.code, &mut self.message, &mut self.record] {
            shorten(text);
        }
        self.id.iter_mut().for_each(shorten);
        self
    }
}

fn shorten(text: &mut String) {
    if text.len() > REJECTED_TEXT_BYTES_MAX {
        let end = (0..=REJECTED_TEXT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
}
