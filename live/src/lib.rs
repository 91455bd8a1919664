//! # eql-live: who is in a segment, from commit to commit
//!
//! The log of events drives the definitions of streaming segments; what changes is kept in a log of changes, from which subscribers are
//! served. It knows no wire format and no thread of a server: it takes commits and an instant, and gives changes.
//!
//! ```text
//! commit (position, clock) → features → atoms → members → net changes → change log → subscriptions
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod change;
mod log;
mod maintain;

pub use change::{Cause, Change, Commit, Direction};
pub use log::{
    ChangeLog, Changed, Cursor, Entry, LogError, LogOptions, Members, Next, Reader, SourceFigures, Start, Subscription, SubscriptionState,
    ValueChange, ValueCommit,
};
pub use maintain::{Difference, Differs, Maintainer};
