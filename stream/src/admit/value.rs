//! `DEFAULT`: the literal of a declaration as a value.

use super::coerce::coerce;
use super::times::Times;
use crate::source::{Kind, RawColumn};
use arrow::array::{Array, ArrayRef, StringArray};
use arrow::error::ArrowError;
use eql_catalog::Property;
use std::sync::Arc;

/// One row with the default of a property; None when it has none, or NULL.
pub(crate) fn default_of(property: &Property) -> Result<Option<ArrayRef>, ArrowError> {
    let Some(literal) = property.default.as_deref().map(str::trim).filter(|l| !l.eq_ignore_ascii_case("null")) else {
        return Ok(None);
    };
    let text = literal.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')).map(|t| t.replace("''", "'"));
    let values = Arc::new(StringArray::from(vec![text.unwrap_or_else(|| literal.to_string())]));
    let column = RawColumn { name: property.name.clone(), kind: Kind::Text, values, present: None };
    let values = coerce(&column, &property.data_type, &Times::utc())?.values;
    Ok((values.null_count() == 0).then_some(values))
}
