//! # eql-stream: what comes in
//!
//! For now one source of events and entities: files. Their rows are read, admitted (columns are matched to what the catalog declares, values take
//! the declared types, a bad row is rejected alone) and appended to the store. It knows no EQL text and no query.
//!
//! ```text
//! ImportRequest → source (Parquet, CSV, JSON → raw columns) → admit (raw columns → EventBatch, EntityBatch) → Store::append_…
//!                 └────────────────────── one thread ──────────────────────┘   bounded queue   └── the caller's ──┘
//! ```
//! Start with [`import`].
#![forbid(unsafe_code)]

mod admit;
mod define;
mod error;
mod import;
mod limit;
mod request;
mod source;

pub use error::ImportError;
pub use import::import;
pub use request::{Format, ImportReport, ImportRequest, Input, Progress, Received, Reject, Target};
