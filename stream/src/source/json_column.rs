//! A column that grows by JSON values and finds out its type.

use super::json_text::Json;
use super::{Kind, RawColumn};
use arrow::array::*;
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use std::fmt::Write;
use std::sync::Arc;

/// Integers up to here are exact as doubles.
const EXACT: u64 = 1 << 53;

/// Values of one name. It stays typed as long as all of them are of one type.
#[derive(Debug, Default)]
pub(crate) struct JsonColumn {
    values: Values,
    absent: Vec<usize>,
}

#[derive(Debug)]
enum Values {
    Nulls(usize),
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Double(Float64Builder),
    Text(StringBuilder),
    Mixed(StringBuilder),
}

impl Default for Values {
    fn default() -> Self {
        Values::Nulls(0)
    }
}

impl JsonColumn {
    pub(crate) fn len(&self) -> usize {
        match &self.values {
            Values::Nulls(n) => *n,
            Values::Bool(b) => b.len(),
            Values::Int(b) => b.len(),
            Values::Double(b) => b.len(),
            Values::Text(b) | Values::Mixed(b) => b.len(),
        }
    }

    /// Rows up to `rows` say nothing of this column.
    pub(crate) fn pad(&mut self, rows: usize) {
        let have = self.len();
        self.absent.extend(have..rows);
        (have..rows).for_each(|_| self.push_null());
    }

    pub(crate) fn push(&mut self, value: &Json<'_>) {
        if *value == Json::Null {
            return self.push_null();
        }
        if !self.fits(value) {
            self.widen(value);
        }
        match (&mut self.values, value) {
            (Values::Bool(b), Json::Bool(v)) => b.append_value(*v),
            (Values::Int(b), Json::Int(v)) => b.append_value(*v),
            (Values::Double(b), Json::Double(v)) => b.append_value(*v),
            (Values::Double(b), Json::Int(v)) => b.append_value(*v as f64),
            (Values::Text(b), Json::Text(v)) => b.append_value(v),
            (Values::Mixed(b), value) => write(b, value),
            _ => self.push_null(),
        }
    }

    fn push_null(&mut self) {
        match &mut self.values {
            Values::Nulls(n) => *n += 1,
            Values::Bool(b) => b.append_null(),
            Values::Int(b) => b.append_null(),
            Values::Double(b) => b.append_null(),
            Values::Text(b) | Values::Mixed(b) => b.append_null(),
        }
    }

    fn fits(&self, value: &Json<'_>) -> bool {
        match (&self.values, value) {
            (Values::Bool(_), Json::Bool(_)) | (Values::Int(_), Json::Int(_)) | (Values::Text(_), Json::Text(_)) => true,
            (Values::Double(_), Json::Double(_)) | (Values::Mixed(_), _) => true,
            (Values::Double(_), Json::Int(v)) => v.unsigned_abs() <= EXACT,
            _ => false,
        }
    }

    /// Changes the type so that `value` fits.
    fn widen(&mut self, value: &Json<'_>) {
        let values = std::mem::take(&mut self.values);
        self.values = match (values, value) {
            (Values::Nulls(n), value) => typed(n, value),
            (Values::Int(mut ints), Json::Double(_)) => {
                let ints = ints.finish();
                match ints.iter().flatten().all(|v| v.unsigned_abs() <= EXACT) {
                    true => Values::Double(ints.iter().fold(Float64Builder::new(), |mut b, v| {
                        b.append_option(v.map(|v| v as f64));
                        b
                    })),
                    false => mixed(Values::Int(ints.into_builder().unwrap_or_else(rebuilt))),
                }
            }
            (values, _) => mixed(values),
        };
    }

    /// The column with `rows` rows.
    pub(crate) fn finish(mut self, name: &str, rows: usize) -> RawColumn {
        self.pad(rows);
        let mut kind = Kind::Typed;
        let values: ArrayRef = match &mut self.values {
            Values::Nulls(n) => new_null_array(&DataType::Utf8, *n),
            Values::Bool(b) => Arc::new(b.finish()),
            Values::Int(b) => Arc::new(b.finish()),
            Values::Double(b) => Arc::new(b.finish()),
            Values::Text(b) => Arc::new(b.finish()),
            Values::Mixed(b) => {
                kind = Kind::Json;
                Arc::new(b.finish())
            }
        };
        RawColumn { name: name.to_string(), kind, values, present: presence(&self.absent, rows) }
    }
}

fn presence(absent: &[usize], rows: usize) -> Option<BooleanBuffer> {
    if absent.is_empty() {
        return None;
    }
    let mut present = BooleanBufferBuilder::new(rows);
    present.append_n(rows, true);
    absent.iter().for_each(|row| present.set_bit(*row, false));
    Some(present.finish())
}

fn typed(nulls: usize, value: &Json<'_>) -> Values {
    macro_rules! after_nulls {
        ($variant:ident, $builder:expr) => {{
            let mut builder = $builder;
            (0..nulls).for_each(|_| builder.append_null());
            Values::$variant(builder)
        }};
    }
    match value {
        Json::Null => Values::Nulls(nulls),
        Json::Bool(_) => after_nulls!(Bool, BooleanBuilder::new()),
        Json::Int(_) => after_nulls!(Int, Int64Builder::new()),
        Json::Double(_) => after_nulls!(Double, Float64Builder::new()),
        Json::Text(_) => after_nulls!(Text, StringBuilder::new()),
        Json::Raw(_) => after_nulls!(Mixed, StringBuilder::new()),
    }
}

fn rebuilt(ints: Int64Array) -> Int64Builder {
    let mut builder = Int64Builder::with_capacity(ints.len());
    ints.iter().for_each(|v| builder.append_option(v));
    builder
}

/// The same values as JSON text.
fn mixed(values: Values) -> Values {
    let mut texts = StringBuilder::new();
    let mut put = |value: Option<Json<'_>>| match value {
        Some(value) => write(&mut texts, &value),
        None => texts.append_null(),
    };
    match values {
        Values::Nulls(n) => (0..n).for_each(|_| put(None)),
        Values::Bool(mut b) => b.finish().iter().for_each(|v| put(v.map(Json::Bool))),
        Values::Int(mut b) => b.finish().iter().for_each(|v| put(v.map(Json::Int))),
        Values::Double(mut b) => b.finish().iter().for_each(|v| put(v.map(Json::Double))),
        Values::Text(mut b) => b.finish().iter().for_each(|v| put(v.map(|v| Json::Text(v.into())))),
        Values::Mixed(b) => return Values::Mixed(b),
    }
    Values::Mixed(texts)
}

fn write(texts: &mut StringBuilder, value: &Json<'_>) {
    if *value == Json::Null {
        return texts.append_null();
    }
    let done = write_value(value, texts);
    debug_assert!(done.is_ok(), "a builder takes any text");
    texts.append_value("");
}

/// A value as JSON text.
pub(crate) fn write_value(value: &Json<'_>, out: &mut impl Write) -> std::fmt::Result {
    match value {
        Json::Null => write!(out, "null"),
        Json::Bool(v) => write!(out, "{v}"),
        Json::Int(v) => write!(out, "{v}"),
        Json::Double(v) => write!(out, "{v:?}"),
        Json::Text(v) => write!(out, "{}", serde_json::Value::from(v.as_ref())),
        Json::Raw(v) => write!(out, "{v}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: &[Json<'_>]) -> RawColumn {
        let mut column = JsonColumn::default();
        values.iter().for_each(|v| column.push(v));
        column.finish("x", values.len() + 1)
    }

    #[test]
    fn a_column_stays_typed_while_it_can() {
        let ints = column(&[Json::Null, Json::Int(7)]);
        assert_eq!(ints.values.as_ref(), &Int64Array::from(vec![None, Some(7), None]) as &dyn Array);
        assert!(!ints.present.expect("the last row says nothing").value(2));
        let doubles = column(&[Json::Int(1), Json::Double(2.5), Json::Int(3)]);
        assert_eq!(doubles.values.as_ref(), &Float64Array::from(vec![Some(1.0), Some(2.5), Some(3.0), None]) as &dyn Array);
        let mixed = column(&[Json::Int(i64::MAX), Json::Double(2.5), Json::Text("a\"".into())]);
        assert_eq!(mixed.kind, Kind::Json);
        let texts = StringArray::from(vec![Some("9223372036854775807"), Some("2.5"), Some("\"a\\\"\""), None]);
        assert_eq!(mixed.values.as_ref(), &texts as &dyn Array);
    }
}
