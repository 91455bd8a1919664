//! # eql-stream: what comes in
//!
//! Two sources of events and entities: files, and bodies that arrive over a wire. Rows are read, admitted (columns are matched to what the catalog
//! declares, values take the declared types, a bad row is rejected alone) and appended to the store. It knows no EQL text and no query.
//!
//! ```text
//! ImportRequest → source (Parquet, CSV, JSON → raw columns) → admit (raw columns → EventBatch, EntityBatch) → Store::append_…
//!                 └────────────────────── one thread ──────────────────────┘   bounded queue   └── the caller's ──┘
//! Submission → ingest: records of many bodies → raw columns → admit → one Store::append_… for all → an answer for each
//! ```
//! Start with [`import`] for files, with [`Ingest`] for the wire.
#![forbid(unsafe_code)]

mod admit;
mod complete;
mod define;
mod error;
mod import;
mod ingest;
mod limit;
mod request;
mod source;

pub use admit::{TimeFormat, TimeFormatError};
pub use complete::complete;
pub use error::ImportError;
pub use import::import;
pub use ingest::{Ingest, IngestAnswer, IngestError, IngestStats, Lines, Packing, Place, RowRejection, Submission, UnpackError, unpack};
pub use limit::IngestLimits;
pub use request::{Format, ImportReport, ImportRequest, Input, Progress, Received, Reject, Target, delimiter};
