//! Rows that arrive over a wire, from many callers at once.
//!
//! ```text
//! body → Queue::reserve (full: refused) → records → tables of one event type each → columns
//!                                         └─ long bodies: the caller's thread; short ones: together, by the committer ─┘
//! committer: everything that waits → one Store::append_events → each caller's own answer
//! ```
//! What arrives during an fsync is the next group. Start with [`Ingest`].

mod answer;
mod body;
mod clamp;
mod commit;
mod corrections;
mod entity;
mod entity_deeds;
mod entity_record;
mod event;
mod faulty;
mod group;
pub(crate) mod identities;
mod pipeline;
mod queue;
mod record;
mod table;
mod unpack;

pub(crate) use answer::Refusal;
pub use answer::{IngestAnswer, IngestError, RowRejection};
pub use body::Lines;
pub use pipeline::{Ingest, IngestStats, Submission};
pub use queue::Place;
pub use unpack::{Packing, UnpackError, unpack};
