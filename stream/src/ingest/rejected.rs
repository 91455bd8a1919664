//! The latest rows that were not taken, for whoever looks after a source.

use parking_lot::Mutex;
use std::collections::VecDeque;

/// Bytes of a record that are kept.
const RECORD_BYTES: usize = 4 << 10;

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRow {
    /// When it arrived, in microseconds.
    pub received: i64,
    /// `events`, or the name of the entity type.
    pub target: String,
    /// Its place in its body; the first is 0.
    pub index: u64,
    /// The id that it gave itself.
    pub id: Option<String>,
    /// What kind of mistake.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What was sent, at most 4 KiB of it.
    pub record: String,
}

/// A ring of them.
#[derive(Debug)]
pub(crate) struct Rejected {
    rows: Mutex<VecDeque<RejectedRow>>,
    most: usize,
}

impl Rejected {
    pub(crate) fn new(most: usize) -> Rejected {
        Rejected { rows: Mutex::new(VecDeque::new()), most }
    }

    /// Keeps rows in memory. Where the store keeps them durably, it is called from here, too: all of a group at once.
    pub(crate) fn keep(&self, rows: Vec<RejectedRow>) {
        if rows.is_empty() {
            return;
        }
        let mut kept = self.rows.lock();
        let skipped = rows.len().saturating_sub(self.most);
        kept.extend(rows.into_iter().skip(skipped));
        let over = kept.len().saturating_sub(self.most);
        kept.drain(..over);
    }

    /// The newest last.
    pub(crate) fn latest(&self) -> Vec<RejectedRow> {
        self.rows.lock().iter().cloned().collect()
    }
}

/// The beginning of a record as text.
pub(crate) fn cut(record: &[u8]) -> String {
    let kept = record.trim_ascii();
    String::from_utf8_lossy(&kept[..kept.len().min(RECORD_BYTES)]).into_owned()
}
