//! One aggregate over the rows of one entity, by the fold that queries use.

use super::LiveError;
use arrow::array::ArrayRef;
use eql_catalog::DataType;
use eql_compiler::bound::Aggregation;
use eql_store::arrow_type;

/// The aggregate of all `values`, which are in the order of the timeline: one value.
///
/// # Errors
/// A sum that is too large for its type.
pub fn aggregate_run(function: &Aggregation, values: &ArrayRef, out: &DataType) -> Result<ArrayRef, LiveError> {
    Ok(crate::fold::aggregate(function, Some(values), &[0, values.len()], &arrow_type(out))?)
}
