//! Which parameters a statement has, and how a row of Arrow values fills them.

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use eql_engine::grammar::ast::Statement;
use eql_engine::{EngineError, Params};
use serde_json::Value;

/// The names of a statement's parameters: numbered ones by number, then named ones as they first appear.
///
/// The tree is read through its serialised form, which reaches parameters in every clause, later ones included.
pub(crate) fn names(statement: &Statement) -> Vec<String> {
    let mut found = Found::default();
    if let Ok(tree) = serde_json::to_value(statement) {
        found.walk(&tree);
    }
    found.positions.sort_unstable();
    found.positions.dedup();
    found.positions.iter().map(u64::to_string).chain(found.names).collect()
}

#[derive(Default)]
struct Found {
    positions: Vec<u64>,
    names: Vec<String>,
}

impl Found {
    /// The grammar bounds the depth of the tree.
    fn walk(&mut self, tree: &Value) {
        match tree {
            Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            Value::Object(fields) => {
                if let Some(Value::Object(name)) = fields.get("name") {
                    self.take(name);
                }
                fields.values().for_each(|field| self.walk(field));
            }
            _ => {}
        }
    }

    fn take(&mut self, name: &serde_json::Map<String, Value>) {
        if let Some(Value::Number(position)) = name.get("Position") {
            self.positions.extend(position.as_u64());
        }
        if let Some(Value::String(name)) = name.get("Name")
            && !self.names.contains(name)
        {
            self.names.push(name.clone());
        }
    }
}

/// The schema a client binds against. EQL learns a parameter's type from its value, so every field is announced as text.
pub(crate) fn schema(names: &[String]) -> Schema {
    Schema::new(names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect::<Vec<_>>())
}

/// The values of one row. Columns named `0`, `1`, … are in order (ADBC); other columns go by name if all names fit, by place if only their number fits.
///
/// # Errors
/// The columns fit neither way.
pub(crate) fn of_row(names: &[String], batch: &RecordBatch, row: usize) -> Result<Params, EngineError> {
    let schema = batch.schema();
    let columns: Vec<&str> = schema.fields().iter().map(|f| f.name().trim_start_matches([':', '$'])).collect();
    let counted = columns.iter().enumerate().all(|(at, name)| **name == *at.to_string());
    let by_name = |name: &String| columns.iter().position(|c| c == name);
    let places: Option<Vec<usize>> = match names.iter().map(by_name).collect::<Option<Vec<_>>>() {
        Some(places) if !counted => Some(places),
        _ if columns.len() == names.len() => Some((0..names.len()).collect()),
        _ => None,
    };
    let Some(places) = places else {
        let needed = if names.is_empty() { "no parameters".to_string() } else { format!("the parameters {}", names.join(", ")) };
        return Err(EngineError::Invalid(format!("the statement has {needed}, bound are the columns {}", columns.join(", "))));
    };
    Ok(names.iter().zip(places).map(|(name, at)| (name.clone(), crate::render::json::value(batch.column(at), row))).collect())
}

/// Parameters of an HTTP request; `:name` and `$1` may be written with their marks.
pub(crate) fn of_json(params: serde_json::Map<String, Value>) -> Params {
    params.into_iter().map(|(name, value)| (name.trim_start_matches([':', '$']).to_string(), value)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::array::{Int64Array, StringArray};
    use std::sync::Arc;

    fn batch(first: &str, second: &str) -> RecordBatch {
        let schema = Schema::new(vec![Field::new(first, DataType::Int64, true), Field::new(second, DataType::Utf8, true)]);
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from(vec![7])), Arc::new(StringArray::from(vec!["x"]))]).unwrap()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|n| (*n).to_string()).collect()
    }

    #[test]
    fn columns_are_taken_by_count_by_name_or_by_place() {
        let numbered = names(&["1", "2"]);
        assert_eq!(of_row(&numbered, &batch("0", "1"), 0).unwrap()["1"], 7);
        assert_eq!(of_row(&numbered, &batch("2", "1"), 0).unwrap()["1"], "x");
        assert_eq!(of_row(&numbered, &batch("$1", "$2"), 0).unwrap()["2"], "x");
        assert_eq!(of_row(&names(&["day", "plan"]), &batch(":plan", "day"), 0).unwrap()["plan"], 7);
        assert_eq!(of_row(&names(&["day", "plan"]), &batch("p1", "p2"), 0).unwrap()["day"], 7);
        let error = of_row(&names(&["day"]), &batch("a", "b"), 0).unwrap_err().to_string();
        assert_eq!(error, "the statement has the parameters day, bound are the columns a, b");
    }

    #[test]
    fn parameters_are_found_wherever_they_stand() {
        let parsed = eql_engine::grammar::parse("FIND user WHERE level > $2 AND country IN (:b, $1, :a, :b) LIMIT :n");
        let statement = parsed.statements.into_iter().next().unwrap().unwrap();
        assert_eq!(super::names(&statement), ["1", "2", "b", "a", "n"]);
    }
}
