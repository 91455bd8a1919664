//! A value that cannot be computed, in the user's words.

use arrow::array::{ArrayRef, new_null_array};
use arrow::compute::concat;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use datafusion::common::{DataFusionError, Result};

/// Why a value of a row was refused while the statement ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong, in the user's words.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.message, self.hint)
    }
}

impl std::error::Error for Refusal {}

/// The error that carries it through DataFusion.
pub(crate) fn refuse(message: impl Into<String>, hint: impl Into<String>) -> DataFusionError {
    DataFusionError::External(Box::new(Refusal { message: message.into(), hint: hint.into() }))
}

/// Whether the values are to blame, and not the question or the machine.
pub(crate) fn of_values(e: &DataFusionError) -> bool {
    match e.find_root() {
        DataFusionError::External(inner) => inner.is::<Refusal>(),
        DataFusionError::Execution(_) | DataFusionError::ArrowError(..) => true,
        _ => false,
    }
}

/// The values of a batch; NULL for rows whose value cannot be computed. A stream goes on for ever: no row may stop it, as it may a question.
///
/// # Errors
/// What is not the values' fault.
pub(crate) fn or_null(batch: &RecordBatch, t: &DataType, compute: &dyn Fn(&RecordBatch) -> Result<ArrayRef>) -> Result<ArrayRef> {
    let rows = batch.num_rows();
    match compute(batch) {
        Err(e) if !of_values(&e) => Err(e),
        Err(_) if rows <= 1 => Ok(new_null_array(t, rows)),
        Err(_) => {
            let half = rows / 2;
            let part = |from, length| or_null(&batch.slice(from, length), t, compute);
            let (first, second) = (part(0, half)?, part(half, rows - half)?);
            Ok(concat(&[first.as_ref(), second.as_ref()])?)
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, Int64Array};
    use arrow::datatypes::Int64Type;
    use std::sync::Arc;

    #[test]
    fn only_the_rows_to_blame_are_missing() {
        let values: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5]));
        let batch = RecordBatch::try_from_iter([("v", values)]).expect("a batch");
        let odd_ones = |b: &RecordBatch| {
            let v = b.column(0).as_primitive::<Int64Type>();
            if v.values().iter().any(|v| v % 4 == 0) { Err(refuse("no", "no")) } else { Ok(b.column(0).clone()) }
        };
        let out = or_null(&batch, &DataType::Int64, &odd_ones).expect("values");
        assert_eq!(out.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [Some(1), Some(2), Some(3), None, Some(5)]);
        let ours = |_: &RecordBatch| Err(DataFusionError::Internal("ours".into()));
        assert!(or_null(&batch, &DataType::Int64, &ours).is_err());
    }
}
