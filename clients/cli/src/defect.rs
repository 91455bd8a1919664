//! Our own mistakes: they end a request with exit status 1 and words for a report, not with a wall of addresses.

use crate::failure::Failure;
use crate::out;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

/// From now on a panic is one sentence; with RUST_BACKTRACE set, everything.
pub(crate) fn speak_plainly() {
    let loud = take_hook();
    let wanted = std::env::var_os("RUST_BACKTRACE").is_some_and(|v| v != "0");
    set_hook(Box::new(move |panic| {
        if wanted {
            loud(panic);
        }
        let payload = panic.payload();
        let words = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        out::error(&format!(
            "internal error: {} (eql {}, {place}); please report it",
            words.unwrap_or("unknown"),
            env!("CARGO_PKG_VERSION")
        ));
    }));
}

/// Does `work`; a panic in it has been said when this returns.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(Failure::Told))
}
