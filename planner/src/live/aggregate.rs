//! One aggregate over the rows of one entity, by the fold that queries use.

use super::LiveError;
use crate::refusal::of_values;
use arrow::array::{ArrayRef, new_null_array};
use eql_catalog::DataType;
use eql_compiler::bound::Aggregation;
use eql_store::arrow_type;

/// The aggregate of all `values`, which are in the order of the timeline: one value.
///
/// # Errors
/// A function that is none of what one entity did. A sum that is too large for its type is NULL, as all is that cannot be computed of a stream.
pub fn aggregate_run(function: &Aggregation, values: &ArrayRef, out: &DataType) -> Result<ArrayRef, LiveError> {
    let out = arrow_type(out);
    match crate::fold::aggregate(function, Some(values), &[0, values.len()], &out) {
        Err(e) if of_values(&e) => Ok(new_null_array(&out, 1)),
        done => Ok(done?),
    }
}
