//! Parts: event rows on disk, clustered by (subject ordinal, time, sequence), one for each subject type, calendar month and checkpoint.
//!
//! ```text
//! hot chunks → cut (by month) → sort → spine.arrow, e<event>.parquet, ids.bin → Part → Spine, columns
//! ```
//! The spine has what every behavioural question reads; the properties lie beside it, a file for each event type.

mod check;
mod cut;
mod ids;
mod properties;
mod read;
mod spine;
mod write;

pub(crate) use check::check;
pub(crate) use cut::{HotEvent, Plan, cut};
pub(crate) use read::Part;
pub(crate) use spine::Spine;
pub(crate) use write::write;

use std::path::{Path, PathBuf};

/// Where the files of a part lie.
pub(crate) fn part_dir(parts: &Path, subject: eql_catalog::EntityTypeId, id: u64) -> PathBuf {
    parts.join(subject.0.to_string()).join(id.to_string())
}
