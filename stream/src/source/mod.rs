//! Files as raw columns: decoded, not yet understood.

mod column;
mod compression;
mod csv;
mod json_column;
mod json_text;
mod ndjson;
mod parquet;

pub(crate) use column::{Kind, RawColumn};
pub(crate) use json_column::{JsonColumn, write_value};
pub(crate) use json_text::{Json, Scanner, elements, members};
pub(crate) use ndjson::element_end;

use crate::{Format, ImportError, ImportRequest, Input, Reject};
use compression::Stream;

/// Some rows of one input.
#[derive(Debug, Default)]
pub(crate) struct RawBatch {
    pub(crate) file: String,
    pub(crate) rows: usize,
    pub(crate) columns: Vec<RawColumn>,
    pub(crate) places: Places,
    /// Rows that could not be read; they are not among `rows`.
    pub(crate) malformed: Vec<Reject>,
}

impl RawBatch {
    pub(crate) fn column_names(&self) -> Vec<String> {
        self.columns.iter().map(|c| c.name.clone()).collect()
    }
}

/// Where the rows of a batch stand in their input.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// Number of the first row; data rows count from 1.
    pub(crate) first: u64,
    /// Row numbers and lines of a text file, where rows may be missing and may span lines.
    pub(crate) text: Option<Vec<(u64, u64)>>,
}

impl Places {
    /// Row number, and the line of a text file.
    pub(crate) fn of(&self, row: usize) -> (u64, Option<u64>) {
        match &self.text {
            Some(text) => text.get(row).map_or((0, None), |(row, line)| (*row, Some(*line))),
            None => (self.first + row as u64, None),
        }
    }
}

/// One opened input.
pub(crate) trait Source: Send {
    /// All columns, where they are known before the rows are read.
    fn columns(&self) -> Option<Vec<String>>;
    /// The next rows; None at the end.
    fn next(&mut self) -> Result<Option<RawBatch>, ImportError>;
    /// Bytes read, and bytes in all.
    fn bytes(&self) -> (u64, Option<u64>);
}

/// Opens an input in its format.
pub(crate) fn open(input: Input, request: &ImportRequest) -> Result<Box<dyn Source>, ImportError> {
    let mut stream = Stream::open(input)?;
    let format = match request.format.or_else(|| stream.format_by_name()) {
        Some(format) => format,
        None => stream.format_by_content()?,
    };
    Ok(match format {
        Format::Parquet => Box::new(parquet::ParquetSource::open(stream)?),
        Format::Csv => Box::new(csv::CsvSource::open(stream, request.delimiter, &request.nulls)?),
        Format::Ndjson => Box::new(ndjson::JsonSource::open(stream)?),
    })
}

/// A rejected row of a text file.
pub(crate) fn malformed(file: &str, row: u64, line: u64, message: String) -> Reject {
    Reject { file: file.to_string(), row, column: None, message: format!("{message} (line {line})") }
}
