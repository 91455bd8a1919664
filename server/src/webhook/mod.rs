//! Webhooks: changes of a segment, pushed to an address of the user's, at least once.
//!
//! ```text
//! named subscription → changes of a commit → body, signed → POST, tried again with growing pauses → acknowledged
//!                                                             ↘ after the last attempt: dead letter → acknowledged
//! ```
//! Definitions are in the log of events, dead letters beside the change log. No address inside the own network is reached unless the
//! configuration allows it: that is decided when the connection is made, by the address that the name has then.

mod address;
mod definition;
mod delivery;
mod worker;

pub(crate) use definition::{Asked, Definition};
pub(crate) use worker::Webhooks;
