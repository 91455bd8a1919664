//! The segments that one entity is in.

use super::{By, Found};
use crate::{Answer, Engine, EngineError, Params, Session};
use arrow::array::{Array, AsArray};
use eql_catalog::{EntityType, Segment, SegmentMode, Value};
use eql_grammar::parse;
use std::sync::Arc;

impl Engine {
    /// Names of the segments that an entity is in now, by name. Those that are evaluated at each statement are evaluated together.
    ///
    /// # Errors
    /// An unknown entity type, a key of another type, no such entity, or what the evaluation meets.
    pub async fn memberships(&self, entity: &str, by: By<'_>) -> Result<Vec<String>, EngineError> {
        let found = self.find(entity, by)?;
        let of_type = found.snapshot.catalog().segments().filter(|s| s.entity == found.entity.name).cloned();
        let (dynamic, stored): (Vec<Arc<Segment>>, Vec<Arc<Segment>>) = of_type.partition(|s| s.mode != SegmentMode::Static);
        let inside = |s: &Arc<Segment>| found.snapshot.is_member(&s.name, found.entity.id, found.ordinal);
        let mut names: Vec<String> = stored.iter().filter(|s| inside(s)).map(|s| s.name.clone()).collect();
        names.extend(self.evaluated(&found, &dynamic).await?);
        names.sort();
        Ok(names)
    }

    async fn evaluated(&self, found: &Found, segments: &[Arc<Segment>]) -> Result<Vec<String>, EngineError> {
        // Somebody without a key cannot be asked for in a statement.
        if segments.is_empty() || found.key.contains(&Value::Null) {
            return Ok(Vec::new());
        }
        let text = question(&found.entity, segments);
        let Some(statement) = parse(&text).statements.into_iter().next() else { return Ok(Vec::new()) };
        let statement = statement.map_err(EngineError::Diagnostics)?;
        let params: Params = found.key.iter().enumerate().map(|(i, v)| ((i + 1).to_string(), parameter(v))).collect();
        let Answer::Rows(rows) = self.run(&mut Session::default(), &text, &statement, &params).await? else { return Ok(Vec::new()) };
        let batches = rows.collect().await?;
        let Some(batch) = batches.iter().find(|b| b.num_rows() > 0) else { return Ok(Vec::new()) };
        let inside = |i: usize| batch.column(i).as_boolean_opt().is_some_and(|c| c.is_valid(0) && c.value(0));
        Ok(segments.iter().enumerate().filter(|(i, _)| inside(*i)).map(|(_, s)| s.name.clone()).collect())
    }
}

/// One row with a truth value for each segment.
fn question(entity: &EntityType, segments: &[Arc<Segment>]) -> String {
    let keys: Vec<String> = entity.key.iter().map(|k| quoted(&k.name)).collect();
    let first = keys.first().cloned().unwrap_or_default();
    let columns: Vec<String> =
        segments.iter().enumerate().map(|(i, s)| format!("{first} IN SEGMENT {} AS s{i}", quoted(&s.name))).collect();
    let equal: Vec<String> = keys.iter().enumerate().map(|(i, k)| format!("{k} = ${}", i + 1)).collect();
    format!("SELECT {} FROM {} WHERE {}", columns.join(", "), quoted(&entity.name), equal.join(" AND "))
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

fn parameter(value: &Value) -> serde_json::Value {
    let day = |days: i32| chrono_text(i64::from(days) * 86_400_000_000, 10);
    match value {
        Value::Bool(v) => (*v).into(),
        Value::Int(v) => (*v).into(),
        Value::Double(v) => (*v).into(),
        Value::String(v) => v.as_str().into(),
        Value::Date(v) => day(*v).into(),
        Value::Timestamp(v) => chrono_text(*v, usize::MAX).into(),
        Value::Decimal(v, scale) => decimal_text(*v, *scale).into(),
        Value::Null | Value::List(_) => serde_json::Value::Null,
    }
}

/// RFC 3339, or its beginning.
fn chrono_text(micros: i64, length: usize) -> String {
    let array = arrow::array::TimestampMicrosecondArray::from(vec![micros]).with_timezone("UTC");
    let text = arrow::util::display::array_value_to_string(&array, 0).unwrap_or_default();
    text.chars().take(length).collect()
}

fn decimal_text(value: i128, scale: i8) -> String {
    let array = arrow::array::Decimal128Array::from(vec![value]).with_precision_and_scale(38, scale);
    array.map(|a| a.value_as_string(0)).unwrap_or_default()
}
