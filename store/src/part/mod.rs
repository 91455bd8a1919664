//! Parts: event rows on disk, clustered by (subject ordinal, time, sequence), one for each subject type, calendar month and checkpoint,
//! until `compaction/` makes few of many.
//!
//! ```text
//! hot chunks → cut (by month) → sort → spine.arrow, e<event>.parquet, ids.bin → Part → Spine, columns
//! ```
//! The spine has what every behavioural question reads; the properties lie beside it, a file for each event type.

mod check;
mod column;
mod cut;
mod deleted;
mod event_id;
mod ids;
mod place;
mod properties;
mod read;
mod sequence;
mod spine;
mod write;

pub(crate) use cut::{HotEvent, Plan, PlannedRow, cut, planned, rows_max, split};
pub(crate) use deleted::Deleted;
pub use place::PartsAt;
pub(crate) use place::{OwnPlace, PARTS, PartPlace, RECORD, recorded_place};
pub(crate) use read::Part;
pub(crate) use spine::Spine;
pub(crate) use write::write;

/// Where the files of a part lie in their place.
pub(crate) fn directory(subject: eql_catalog::EntityTypeId, id: u64) -> String {
    format!("{}/{id}", subject.0)
}

/// The directory of a part's file; None for a file of another kind.
pub(crate) fn directory_of(file: &str) -> Option<&str> {
    let (directory, _) = file.rsplit_once('/')?;
    let (subject, id) = directory.split_once('/')?;
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    (number(subject) && number(id)).then_some(directory)
}
