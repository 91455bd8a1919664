//! Entities: what is known now, as columns by ordinal, and what was known before of properties with `HISTORY`.
//!
//! ```text
//! keys → KeyIndex → ordinals → Column::write … → EntityState → EntitySource (in a snapshot) → EntityColumns
//!                                                            → files (one a column), packed rows (key-value store)
//! ```
//! `write.rs` is what a batch does, `operate.rs` what it makes of one value, `redefine.rs` what becomes of values when their definition
//! changes, `file.rs` what a checkpoint writes.

mod column;
mod column_file;
mod columns;
mod combine;
mod convert;
mod erase;
mod file;
mod history;
mod key_index;
mod merged;
mod operate;
mod patch;
mod place;
mod redefine;
mod row;
mod state;
mod timed;
mod value;
mod version;
mod write;

#[cfg(test)]
mod column_test;

pub(crate) use column_file::EntityFiles;
pub use columns::EntityColumns;
pub(crate) use columns::EntitySource;
pub(crate) use convert::{convert_all, from_json};
pub(crate) use file::check;
pub(crate) use file::{CapturedEntities, WrittenEntities, read, write};
pub use history::History;
pub use row::EntityRow;
#[cfg(test)]
pub(crate) use row::PackedRow;
pub(crate) use row::RowFinder;
pub(crate) use state::EntityState;
pub(crate) use value::without_nulls;
pub use value::{array_of, value_at};
