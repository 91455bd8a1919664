//! A result as plain cells.

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// A value as a test wants to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Missing.
    Null,
    /// True or false.
    Bool(bool),
    /// Everything else, as Arrow writes it.
    Text(String),
}

impl Cell {
    /// The number that the text is, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Cell::Text(text) => text.parse().ok(),
            Cell::Null | Cell::Bool(_) => None,
        }
    }
}

/// A whole result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Names, in order.
    pub columns: Vec<String>,
    /// One cell a column.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Reads all rows of all batches.
    ///
    /// # Errors
    /// A type that has no text.
    pub fn of(columns: Vec<String>, batches: &[RecordBatch]) -> Result<Table, ArrowError> {
        let mut rows = Vec::new();
        for batch in batches {
            let cells = batch.columns().iter().map(|column| cells(column)).collect::<Result<Vec<_>, _>>()?;
            rows.extend((0..batch.num_rows()).map(|row| cells.iter().map(|column| column[row].clone()).collect()));
        }
        Ok(Table { columns, rows })
    }
}

fn cells(column: &dyn Array) -> Result<Vec<Cell>, ArrowError> {
    let options = FormatOptions::default();
    let text = ArrayFormatter::try_new(column, &options)?;
    let cell = |row: usize| match column.data_type() {
        _ if column.is_null(row) => Cell::Null,
        DataType::Boolean => Cell::Bool(column.as_boolean().value(row)),
        _ => Cell::Text(text.value(row).to_string()),
    };
    Ok((0..column.len()).map(cell).collect())
}
