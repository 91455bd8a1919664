//! Single values of a column as a table shows them, and the names of types.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, Schema};
use eql_engine::ResultColumn;
use eql_server::render::{TextCell, text_cell};

/// The metadata that carries EQL's name of a column's type over the wire.
const TYPE_NAME: &str = "ARROW:FLIGHT:SQL:TYPE_NAME";

/// The text of every row of a column, None for NULL; lists as `[a, b]`, all else as the server writes it.
pub(crate) fn texts(array: &ArrayRef) -> TextCell {
    match array.data_type() {
        DataType::List(_) => {
            let lists = array.as_list::<i32>().clone();
            Box::new(move |row| lists.is_valid(row).then(|| list(&lists.value(row))))
        }
        DataType::LargeList(_) => {
            let lists = array.as_list::<i64>().clone();
            Box::new(move |row| lists.is_valid(row).then(|| list(&lists.value(row))))
        }
        _ => text_cell(array),
    }
}

fn list(items: &ArrayRef) -> String {
    let text = texts(items);
    let items: Vec<_> = (0..items.len()).map(|i| text(i).unwrap_or_else(|| "null".into())).collect();
    format!("[{}]", items.join(", "))
}

/// The columns of a schema that came over the wire.
pub(crate) fn columns_of(schema: &Schema) -> Vec<ResultColumn> {
    schema.fields().iter().map(|f| ResultColumn { name: f.name().clone(), type_name: type_of(f) }).collect()
}

fn type_of(field: &Field) -> String {
    field.metadata().get(TYPE_NAME).cloned().unwrap_or_else(|| type_name(field.data_type()))
}

fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "BOOLEAN".into(),
        DataType::Float64 | DataType::Float32 => "DOUBLE".into(),
        DataType::Decimal128(p, s) => format!("DECIMAL({p},{s})"),
        DataType::Date32 => "DATE".into(),
        DataType::Timestamp(..) => "TIMESTAMP".into(),
        DataType::List(e) | DataType::LargeList(e) => format!("LIST<{}>", type_name(e.data_type())),
        t if t.is_integer() => "BIGINT".into(),
        _ => "STRING".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, ListArray};
    use arrow::datatypes::Int64Type;
    use std::sync::Arc;

    #[test]
    fn lists_and_nulls() {
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(vec![Some(vec![Some(1), None]), None]);
        let text = texts(&(Arc::new(lists) as ArrayRef));
        assert_eq!((text(0).as_deref(), text(1)), (Some("[1, null]"), None));
        let numbers = texts(&(Arc::new(Int64Array::from(vec![Some(7), None])) as ArrayRef));
        assert_eq!((numbers(0).as_deref(), numbers(1)), (Some("7"), None));
    }
}
