//! Parts: event rows on disk, clustered by (subject ordinal, time, sequence), one for each subject type, calendar month and checkpoint.
//!
//! ```text
//! hot chunks → cut (by month) → sort → spine.arrow, e<event>.parquet, ids.bin → Part → Spine, columns
//! ```
//! The spine has what every behavioural question reads; the properties lie beside it, a file for each event type.

mod column;
mod cut;
mod deleted;
mod ids;
mod place;
mod properties;
mod read;
mod spine;
mod write;

pub(crate) use cut::{HotEvent, Plan, PlannedRow, cut, planned, rows_max, split};
pub(crate) use deleted::Deleted;
pub(crate) use place::{LocalPlace, PartPlace};
pub(crate) use read::Part;
pub(crate) use spine::Spine;
pub(crate) use write::write;

/// Where the files of a part lie in their place.
pub(crate) fn directory(subject: eql_catalog::EntityTypeId, id: u64) -> String {
    format!("{}/{id}", subject.0)
}
