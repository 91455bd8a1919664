//! What is worth saying of an answer besides its rows, and is known only once they were computed.

use std::sync::atomic::{AtomicBool, Ordering};

/// Remarks of one statement. Its operators make them from many threads, whoever reads the rows asks for them at the end.
#[derive(Debug, Default)]
pub struct Noted {
    division_by_zero: AtomicBool,
}

impl Noted {
    pub(crate) fn divided_by_zero(&self) {
        self.division_by_zero.store(true, Ordering::Relaxed);
    }

    /// A value is NULL because something was divided by zero.
    pub fn division_by_zero(&self) -> bool {
        self.division_by_zero.load(Ordering::Relaxed)
    }
}
