//! Reading one column of `e<event>.parquet`. The first time the whole file is read and checked; later only the chunks of the column.

use super::place::PartFile;
use super::{event_id, sequence};
use crate::StoreError;
use arrow::array::{Array, ArrayRef, StringArray, UInt64Array, new_empty_array, new_null_array};
use arrow::compute::concat;
use arrow::datatypes::DataType;
use bytes::Bytes;
use eql_catalog::EventTypeId;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use std::ops::Range;
use std::sync::OnceLock;

/// The properties of one event type in a part.
#[derive(Debug)]
pub(super) struct EventFile {
    pub(super) event: EventTypeId,
    rows: usize,
    pub(super) file: PartFile,
    /// Set once the whole file was checked.
    metadata: OnceLock<ArrowReaderMetadata>,
}

impl EventFile {
    pub(super) fn new(file: PartFile, event: EventTypeId, rows: u32) -> EventFile {
        EventFile { event, rows: rows as usize, file, metadata: OnceLock::new() }
    }

    /// One column; all NULL when the file has none of that name.
    pub(super) fn column(&self, name: &str, data_type: &DataType) -> Result<ArrayRef, StoreError> {
        let Some((_, column)) = self.first_of(&[name])? else { return Ok(new_null_array(data_type, self.rows)) };
        if column.data_type() != data_type {
            return Err(self.damaged(format!("column {name} has {}, {data_type} was expected", column.data_type())));
        }
        Ok(column)
    }

    /// A column as it was written; None when the file has none of that name.
    pub(super) fn stored(&self, name: &str) -> Result<Option<ArrayRef>, StoreError> {
        Ok(self.first_of(&[name])?.map(|(_, column)| column))
    }

    /// The ids.
    pub(super) fn ids(&self) -> Result<StringArray, StoreError> {
        let (name, stored) = self.first_of(&event_id::NAMES)?.ok_or_else(|| self.damaged("it has no ids"))?;
        event_id::unpack(name, &stored).ok_or_else(|| self.damaged(format!("column {name} has {}, which are no ids", stored.data_type())))
    }

    /// The sequence numbers. `guessed`: what the times tell of them.
    pub(super) fn sequences(&self, guessed: Vec<u64>) -> Result<UInt64Array, StoreError> {
        let stored = self.first_of(&sequence::NAMES)?;
        sequence::unpack(stored, guessed).ok_or_else(|| self.damaged("its sequence numbers are not those of its rows"))
    }

    pub(super) fn damaged(&self, what: impl Into<String>) -> StoreError {
        self.file.damaged(what)
    }

    /// The first of these columns that the file has.
    fn first_of<'n>(&self, names: &[&'n str]) -> Result<Option<(&'n str, ArrayRef)>, StoreError> {
        let (metadata, whole) = self.metadata()?;
        let schema = metadata.schema().clone();
        let Some((name, place)) = names.iter().find_map(|name| Some((*name, schema.index_of(name).ok()?))) else { return Ok(None) };
        let mask = ProjectionMask::roots(metadata.parquet_schema(), [place]);
        let pieces = match whole {
            Some(bytes) => Pieces(vec![(0, bytes)]),
            None => self.pieces(&metadata, &mask)?,
        };
        let column = self.decode(pieces, metadata, mask, schema.field(place).data_type())?;
        if column.len() != self.rows {
            return Err(self.damaged(format!("column {name} has {} rows, {} were expected", column.len(), self.rows)));
        }
        Ok(Some((name, column)))
    }

    /// What the footer says, and the whole file when it had to be read for that.
    fn metadata(&self) -> Result<(ArrowReaderMetadata, Option<Bytes>), StoreError> {
        if let Some(metadata) = self.metadata.get() {
            return Ok((metadata.clone(), None));
        }
        let bytes = self.file.read()?;
        let metadata = ArrowReaderMetadata::load(&bytes, ArrowReaderOptions::new()).map_err(|e| self.file.damaged(e.to_string()))?;
        Ok((self.metadata.get_or_init(|| metadata).clone(), Some(bytes)))
    }

    /// The chunks of a column, fetched at once: one request where every request costs.
    fn pieces(&self, metadata: &ArrowReaderMetadata, mask: &ProjectionMask) -> Result<Pieces, StoreError> {
        let groups = metadata.metadata().row_groups().iter();
        let chunks = groups.flat_map(|g| g.columns().iter().enumerate().filter(|(leaf, _)| mask.leaf_included(*leaf)));
        let range = |(start, bytes): (u64, u64)| start..start.saturating_add(bytes);
        let ranges: Vec<Range<u64>> = chunks.map(|(_, chunk)| range(chunk.byte_range())).collect();
        let pieces = self.file.read_ranges(&ranges)?;
        Ok(Pieces(ranges.into_iter().map(|r| r.start).zip(pieces).collect()))
    }

    fn decode(
        &self,
        pieces: Pieces,
        metadata: ArrowReaderMetadata,
        mask: ProjectionMask,
        data_type: &DataType,
    ) -> Result<ArrayRef, StoreError> {
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(pieces, metadata).with_projection(mask);
        let reader = reader.with_batch_size(self.rows.max(1)).build().map_err(StoreError::parquet(&self.file.path()))?;
        let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|e| self.file.damaged(e.to_string()))?;
        let columns: Vec<ArrayRef> = batches.iter().map(|b| b.column(0).clone()).collect();
        Ok(match &columns[..] {
            [] => new_empty_array(data_type),
            [only] => only.clone(),
            several => concat(&several.iter().map(|c| c.as_ref()).collect::<Vec<_>>())?,
        })
    }
}

/// Parts of a file, each with its first byte's place: what Parquet's reader may ask for.
struct Pieces(Vec<(u64, Bytes)>);

impl Pieces {
    /// The bytes from a place to the end of its piece.
    fn from(&self, start: u64) -> Result<Bytes, ParquetError> {
        let within = |(first, bytes): &(u64, Bytes)| {
            let at = usize::try_from(start.checked_sub(*first)?).ok()?;
            (at <= bytes.len()).then(|| bytes.slice(at..))
        };
        self.0.iter().rev().find_map(within).ok_or_else(|| outside(start))
    }
}

fn outside(start: u64) -> ParquetError {
    ParquetError::General(format!("byte {start} does not belong to the column"))
}

impl Length for Pieces {
    fn len(&self) -> u64 {
        self.0.iter().map(|(first, bytes)| first + bytes.len() as u64).max().unwrap_or(0)
    }
}

impl ChunkReader for Pieces {
    type T = std::io::Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.from(start).map(std::io::Cursor::new)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = self.from(start)?;
        if length <= bytes.len() { Ok(bytes.slice(..length)) } else { Err(outside(start.saturating_add(length as u64))) }
    }
}
