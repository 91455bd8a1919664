//! Event rows that were written under an earlier definition, read under the present one: a property of another type, or one that was
//! undeclared then. Compaction writes them as they are read.

use crate::entity::{array_of, convert_all, from_json};
use crate::rows::{EventColumn, EventRows};
use crate::{StoreError, arrow_type};
use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use eql_catalog::{EventType, Property, Value};

/// Values of another type. Every value converts: the change of the definition was refused otherwise; what does not all the same is missing.
pub(crate) fn converted(values: &ArrayRef, property: &Property) -> Result<ArrayRef, StoreError> {
    if *values.data_type() == arrow_type(&property.data_type) {
        return Ok(values.clone());
    }
    let none = |_| vec![Value::Null; values.len()];
    array_of(&convert_all(values, &property.data_type).unwrap_or_else(none), &arrow_type(&property.data_type))
}

/// Values of a property that was not declared when the rows were written. What is not of its type stays where it is and is missing here.
pub(crate) fn promoted(extra: &StringArray, property: &Property) -> Result<ArrayRef, StoreError> {
    let value = |text: Option<&str>| {
        // Most rows have no such name: looking for its letters is much quicker than reading the JSON. Escapes may spell it otherwise.
        let json: serde_json::Value =
            text.filter(|t| t.contains(&property.name) || t.contains('\\')).and_then(|t| serde_json::from_str(t).ok())?;
        from_json(json.get(&property.name)?, &property.data_type)
    };
    let values: Vec<Value> = extra.iter().map(|text| value(text).unwrap_or(Value::Null)).collect();
    array_of(&values, &arrow_type(&property.data_type))
}

/// Refuses a change of types that some stored value does not follow, and names one.
pub(crate) fn check(rows: &EventRows, old: &EventType, new: &EventType) -> Result<(), StoreError> {
    for property in &new.properties {
        if !old.properties.iter().any(|o| o.id == property.id && o.data_type != property.data_type) {
            continue;
        }
        for chunk in 0..rows.chunk_count() {
            let values = rows.chunk_column(chunk, &EventColumn::Property(property.id))?;
            if let Err((count, first)) = convert_all(&values, &property.data_type) {
                let ids = rows.chunk_column(chunk, &EventColumn::EventId)?;
                let (id, to) = (ids.as_string::<i32>().value(first), &property.data_type);
                let shown = arrow::util::display::array_value_to_string(&values, first)?;
                let what = format!(
                    "property `{}` cannot become {to}: {count} values or more do not convert, for example {shown} of the event with id {id}",
                    property.name
                );
                return Err(StoreError::mismatch(format!("event `{}`", new.name), what));
            }
        }
    }
    Ok(())
}
