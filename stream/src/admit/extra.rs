//! What nobody declared, kept as JSON.

use super::text::{quoted, write_json};
use crate::source::{Kind, RawColumn};
use arrow::array::{Array, AsArray, StringArray, StringBuilder};
use arrow::datatypes::DataType;

/// One JSON object a row, of the columns that have a value in it; None when no row has any.
pub(crate) fn extra(columns: &[(String, RawColumn)], rows: usize) -> Option<StringArray> {
    let columns: Vec<_> = columns.iter().filter(|(_, c)| c.values.null_count() < rows).collect();
    if columns.is_empty() {
        return None;
    }
    let mut builder = StringBuilder::new();
    let mut text = String::new();
    for row in 0..rows {
        text.clear();
        text.push('{');
        columns.iter().filter(|(_, c)| c.values.is_valid(row)).for_each(|(name, c)| member(name, c, row, &mut text));
        text.push('}');
        builder.append_option((text.len() > 2).then_some(&text));
    }
    Some(builder.finish())
}

fn member(name: &str, column: &RawColumn, row: usize, text: &mut String) {
    let comma = if text.len() == 1 { "" } else { "," };
    if let Some(members) = exported(name, column, row) {
        text.push_str(if members.is_empty() { "" } else { comma });
        text.push_str(members);
        return;
    }
    text.push_str(comma);
    let done = quoted(name, text);
    debug_assert!(done.is_ok(), "a String takes any text");
    text.push(':');
    write_json(&column.values, column.kind, row, text);
}

/// The members of an object in a column that itself is called `extra`, as an export writes it.
fn exported<'a>(name: &str, column: &'a RawColumn, row: usize) -> Option<&'a str> {
    if name != "extra" || *column.values.data_type() != DataType::Utf8 {
        return None;
    }
    let text = column.values.as_string::<i32>().value(row).trim();
    let object = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'))?;
    let known = column.kind == Kind::Json || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    known.then(|| object.trim())
}
