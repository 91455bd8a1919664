//! The same for several parts at once. Threads live as long as the work: there is no queue, and nothing to stop.

use eql_planner::live::LiveError;

/// Less than this is done at once: a thread takes longer to start.
const WORTH: usize = 1_024;
/// Expressions are evaluated recursively; only what is used takes memory.
const STACK_BYTES: usize = 64 << 20;

/// The results in the order of the parts. `size` says how much work it is, about.
pub(crate) fn each<T: Send, R: Send>(
    parts: Vec<T>,
    size: usize,
    work: impl Fn(T) -> Result<R, LiveError> + Sync,
) -> Result<Vec<R>, LiveError> {
    if parts.len() < 2 || size < WORTH {
        return parts.into_iter().map(work).collect();
    }
    let work = &work;
    std::thread::scope(|scope| {
        let mut parts = parts.into_iter();
        let first = parts.next();
        let start =
            |part| std::thread::Builder::new().name("eql-segments".into()).stack_size(STACK_BYTES).spawn_scoped(scope, move || work(part));
        let threads: Vec<_> = parts.map(start).collect();
        let mut out: Vec<Result<R, LiveError>> = first.into_iter().map(work).collect();
        for thread in threads {
            let thread = thread.map_err(|e| LiveError::new(format!("no thread could be started: {e}")))?;
            out.push(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        out.into_iter().collect()
    })
}
