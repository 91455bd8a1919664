//! What is wrong with rows. Words are made only for those that a report shows.

use super::text::write_json;
use crate::Reject;
use crate::limit::VALUE_CHARS;
use crate::source::{Kind, RawBatch};
use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType as ArrowType;

/// Why a row is not taken.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Why {
    /// The value does not fit a type.
    Unfit(String),
    /// No such event.
    UnknownEvent(Option<String>),
    /// The row is of another event than the one imported.
    OtherEvent(String),
    /// Nothing where something is needed: `time`, ``the key `id` `` …
    Missing(String),
    /// A value in a column that is not declared.
    Undeclared(String),
    /// What the row says of identities cannot be taken.
    Identities(String),
}

/// A row of a raw batch that is not taken.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) row: u32,
    /// Which raw column.
    pub(crate) column: Option<usize>,
    pub(crate) why: Why,
}

impl Fault {
    pub(crate) fn reject(&self, raw: &RawBatch) -> Reject {
        let (row, line) = raw.places.of(self.row as usize);
        let value = self.column.map(|c| shown(raw, c, self.row as usize)).unwrap_or_default();
        let message = match &self.why {
            Why::Unfit(wanted) => format!("`{value}` does not fit {wanted}{}", remedy(&value, wanted)),
            Why::UnknownEvent(nearest) => {
                let hint = nearest.as_ref().map(|n| format!("; the nearest is `{n}`")).unwrap_or_default();
                format!("no event `{value}` is defined{hint}")
            }
            Why::OtherEvent(name) => format!("the row is of event `{value}`, but `{name}` is imported"),
            Why::Missing(what) => format!("{what} is missing"),
            Why::Identities(what) => what.clone(),
            Why::Undeclared(owner) => format!("`{value}` is in a column that {owner} does not declare"),
        };
        let message = line.map(|l| format!("{message} (line {l})")).unwrap_or(message);
        Reject { file: raw.file.clone(), row, column: self.column.map(|c| raw.columns[c].name.clone()), message }
    }
}

/// The option that would take the value, where there is one.
fn remedy(value: &str, wanted: &str) -> String {
    let absent = ["NA", "N/A", "#N/A", "NULL", "\\N", "None", "nil", "NaN", "?", "-", "--", ".", "missing", "unknown"];
    match wanted {
        _ if absent.iter().any(|a| value.eq_ignore_ascii_case(a)) => format!("; `--null {value}` reads it as missing"),
        // What has the usual shape is another mistake, such as the 30th of February.
        "TIMESTAMP" | "DATE" if value.contains(|c: char| c.is_ascii_digit()) && value.get(4..5) != Some("-") => {
            "; `--time-format` says how times are written, such as `%d/%m/%Y %H:%M`".to_string()
        }
        _ => String::new(),
    }
}

/// A value as messages quote it.
pub(crate) fn shown(raw: &RawBatch, column: usize, row: usize) -> String {
    let column = &raw.columns[column];
    let mut text = String::new();
    match column.values.data_type() {
        _ if column.values.is_null(row) => text.push_str("NULL"),
        ArrowType::Utf8 if column.kind != Kind::Json => text.push_str(column.values.as_string::<i32>().value(row)),
        _ => write_json(&column.values, column.kind, row, &mut text),
    }
    match text.char_indices().nth(VALUE_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
