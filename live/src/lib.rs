//! # eql-live: who is in a segment, from commit to commit
//!
//! The log of events drives the definitions of streaming segments; what changes is kept in a log of changes, from which subscribers are
//! served. It knows no wire format and no thread of a server: it takes commits and an instant, and gives changes.
//!
//! ```text
//! commit (position, clock) → lanes → features → atoms → members → net changes → change log → subscriptions
//!                             rows    values    conditions
//! ```
//! Start with [`State::begin`] and [`State::apply`]. What is not followed row by row is evaluated as a query (`state/whole.rs`).
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod change;
mod difference;
mod log;
mod state;

pub use change::{Cause, Change, Commit, Direction};
pub use difference::{Difference, Differs};
pub use log::{
    ChangeLog, Changed, Cursor, Entry, Erasure, Gone, Held, Lag, LogError, LogOptions, Members, Next, Reader, SourceFigures, Start,
    Subscription, SubscriptionState, ValueChange, ValueCommit,
};
pub use state::{Counts, Following, Published, Source, State, Version};
