//! Results as text: JSON, NDJSON, CSV and the cells of a table. HTTP and the command line print through here, so that a value looks the same everywhere.
//!
//! NULL is `null` or an empty field, times are RFC 3339 in the column's zone, dates are `YYYY-MM-DD`, decimals are text in JSON, 64-bit integers are numbers.

mod cell;
pub mod csv;
pub mod json;
pub mod ndjson;
mod value;

pub use cell::{TextCell, text_cell};
pub use csv::write_csv;
pub use json::{Stats, write_done, write_json};
pub use ndjson::write_ndjson;
pub(crate) use value::write_value;

#[cfg(test)]
mod tests;
