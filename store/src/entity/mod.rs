//! Entities: what is known now, as columns by ordinal.
//!
//! ```text
//! keys → KeyIndex → ordinals → Column::write … → EntityState → EntitySource (in a snapshot) → EntityColumns
//!                                                            → file (columnar snapshot), packed rows (key-value store)
//! ```

mod column;
mod columns;
mod erase;
mod file;
mod history;
mod key_index;
mod look_up;
mod packed_row;
mod state;

pub use columns::EntityColumns;
pub(crate) use columns::EntitySource;
pub(crate) use file::{read, write};
pub use history::History;
pub use look_up::EntityRow;
#[cfg(test)]
pub(crate) use packed_row::PackedRow;
pub(crate) use packed_row::RowPacker;
pub(crate) use state::EntityState;
