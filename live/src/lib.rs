//! # eql-live: who is in a segment, from commit to commit
//!
//! The log of events drives the definitions of streaming segments; what changes is kept in a log of changes, from which subscribers are
//! served. It knows no wire format and no thread of a server: it takes commits and an instant, and gives changes.
//!
//! ```text
//! commit (position, clock) → lanes → features → atoms → members → net changes → change log → subscriptions
//!                             rows    values    conditions
//! ```
//! Start with [`State::begin`] and [`Maintainer::apply`]. What is not followed row by row is evaluated as a query (`whole.rs`).
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod again;
mod arrival;
mod begin;
mod change;
mod definition;
mod entity;
mod feature;
mod lane;
mod maintain;
mod population;
mod rows;
mod sequence;
mod timer;
mod whole;

pub use change::{Cause, Change, Commit, Direction};
pub use maintain::{Changed, Following, Maintainer, Source, State, Version};
pub use population::Counts;
