//! Gives a deeply nested statement a deep stack.
//!
//! The parser recurses once a bracket. A worker thread of a server has a small stack, and its own frames are on it, so what
//! is nested more than a little is read on a thread of its own.

/// Nesting up to which the caller's stack is enough: at most 50 KiB a level, measured without optimisation.
const SHALLOW: usize = 8;
/// Enough for `NESTING_MAX` levels four times over. It is only reserved: memory is taken as it is used.
const STACK_BYTES: usize = 16 << 20;

/// Does `work`, on a stack that is deep enough for `nesting` levels. None if there is no such stack to be had.
pub(crate) fn with_room<T: Send>(nesting: usize, work: impl FnOnce() -> T + Send) -> Option<T> {
    if nesting <= SHALLOW {
        return Some(work());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("eql-parse".to_owned()).stack_size(STACK_BYTES);
        thread.spawn_scoped(scope, work).ok()?.join().ok()
    })
}
