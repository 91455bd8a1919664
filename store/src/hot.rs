//! Event rows that are in the log but not yet in a part: in memory, with ordinals in place of keys.

use crate::StoreError;
use crate::arrow_type::timestamp_type;
use crate::grown;
use crate::identity::is_named_by;
use crate::limit::{HOT_CHUNK_BYTES, HOT_CHUNK_ROWS};
use crate::rows::{EventColumn, column_type};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, StringArray, TimestampMicrosecondArray, UInt32Array, UInt64Array, new_null_array,
};
use arrow::compute::{concat, filter, take};
use arrow::datatypes::DataType;
use eql_catalog::{EventType, PropertyId};
use std::sync::{Arc, OnceLock};

/// Some rows of one event type, in the order of the log.
#[derive(Debug, Clone)]
pub(crate) struct HotChunk {
    pub(crate) participants: Vec<UInt32Array>,
    pub(crate) time: TimestampMicrosecondArray,
    pub(crate) id: StringArray,
    /// None: equal to `time`.
    pub(crate) received: Option<TimestampMicrosecondArray>,
    pub(crate) sequence: UInt64Array,
    pub(crate) properties: Vec<(PropertyId, ArrayRef)>,
    pub(crate) extra: Option<StringArray>,
    pub(crate) time_range: (i64, i64),
    pub(crate) order: Order,
}

/// Rows that have a subject, by (subject, time, sequence): made when one subject is looked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Order(OnceLock<Arc<Vec<u32>>>);

impl HotChunk {
    pub(crate) fn rows(&self) -> usize {
        self.time.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        let properties: usize = self.properties.iter().map(|(_, c)| slice_bytes(c)).sum();
        let extra = self.extra.as_ref().map_or(0, |e| slice_bytes(e));
        slice_bytes(&self.id) + properties + extra + self.rows() * (16 + 4 * self.participants.len())
    }

    /// A column, as [`EventRows::chunk_column`](crate::EventRows::chunk_column) gives it; the caller has seen that it is declared.
    pub(crate) fn column(&self, event: &EventType, column: &EventColumn) -> ArrayRef {
        let nothing = || new_null_array(&column_type(event, column), self.rows());
        match column {
            EventColumn::Time => Arc::new(self.time.clone()),
            EventColumn::EventId => Arc::new(self.id.clone()),
            EventColumn::Received => Arc::new(self.received.as_ref().unwrap_or(&self.time).clone()),
            EventColumn::Sequence => Arc::new(self.sequence.clone()),
            EventColumn::Participant(i) => self.participants.get(*i).map_or_else(nothing, |p| Arc::new(p.clone())),
            EventColumn::Extra => self.extra.as_ref().map_or_else(nothing, |e| Arc::new(e.clone())),
            EventColumn::Property(id) => self.property(event, *id).unwrap_or_else(nothing),
        }
    }

    /// The values of a column at some rows: what has to be converted or made up is made for these rows only.
    pub(crate) fn gather(&self, event: &EventType, column: &EventColumn, rows: &UInt32Array) -> Result<ArrayRef, StoreError> {
        let EventColumn::Property(id) = column else {
            return match self.has(column) {
                true => Ok(take(&self.column(event, column), rows, None)?),
                false => Ok(new_null_array(&column_type(event, column), rows.len())),
            };
        };
        let nothing = || new_null_array(&column_type(event, column), rows.len());
        let Some(property) = event.properties.iter().find(|p| p.id == *id) else { return Ok(nothing()) };
        match (self.properties.iter().find(|(p, _)| p == id), &self.extra) {
            (Some((_, values)), _) => Ok(grown::converted(&take(values, rows, None)?, property).unwrap_or_else(|_| nothing())),
            (None, Some(extra)) => Ok(grown::promoted(take(extra, rows, None)?.as_string(), property).unwrap_or_else(|_| nothing())),
            (None, None) => Ok(nothing()),
        }
    }

    /// False where a column would be all NULL.
    fn has(&self, column: &EventColumn) -> bool {
        match column {
            EventColumn::Extra => self.extra.is_some(),
            EventColumn::Participant(i) => self.participants.len() > *i,
            _ => true,
        }
    }

    pub(crate) fn order(&self) -> &[u32] {
        self.order.0.get_or_init(|| {
            let (subjects, times, sequences) = (&self.participants[0], self.time.values(), self.sequence.values());
            let mut rows: Vec<u32> = (0..self.rows() as u32).filter(|row| subjects.is_valid(*row as usize)).collect();
            rows.sort_unstable_by_key(|row| (subjects.value(*row as usize), times[*row as usize], sequences[*row as usize]));
            Arc::new(rows)
        })
    }

    fn property(&self, event: &EventType, id: PropertyId) -> Option<ArrayRef> {
        if is_named_by(id) {
            return self.properties.iter().find(|(p, _)| *p == id).map(|(_, values)| values.clone());
        }
        let property = event.properties.iter().find(|p| p.id == id)?;
        match self.properties.iter().find(|(p, _)| *p == id) {
            Some((_, values)) => grown::converted(values, property).ok(),
            None => grown::promoted(self.extra.as_ref()?, property).ok(),
        }
    }

    /// True when both have the same columns of the same types, or columns that the other lacks and that never were anything else.
    fn goes_with(&self, next: &HotChunk) -> bool {
        let same = |(id, values): &(PropertyId, ArrayRef)| {
            next.properties.iter().all(|(other, v)| other != id || v.data_type() == values.data_type())
        };
        // Rows with undeclared values are read by what they lack: a column of NULLs would hide those.
        let undeclared = |a: &HotChunk, b: &HotChunk| {
            let lacks = |(id, _): &(PropertyId, ArrayRef)| !is_named_by(*id) && a.properties.iter().all(|(p, _)| p != id);
            a.extra.is_none() || !b.properties.iter().any(lacks)
        };
        self.properties.iter().all(same) && undeclared(self, next) && undeclared(next, self)
    }

    /// Only some of the rows; None when there are none.
    pub(crate) fn filter(&self, keep: &BooleanArray) -> Result<Option<HotChunk>, StoreError> {
        let time: TimestampMicrosecondArray = kept(&self.time, keep)?;
        let Some(time_range) = time_range(time.values()) else { return Ok(None) };
        let participants = self.participants.iter().map(|p| kept(p, keep)).collect::<Result<_, _>>()?;
        let properties = self.properties.iter().map(|(id, v)| Ok((*id, filter(v, keep)?))).collect::<Result<_, StoreError>>()?;
        Ok(Some(HotChunk {
            participants,
            time,
            id: kept(&self.id, keep)?,
            received: self.received.as_ref().map(|r| kept(r, keep)).transpose()?,
            sequence: kept(&self.sequence, keep)?,
            properties,
            extra: self.extra.as_ref().map(|e| kept(e, keep)).transpose()?,
            time_range,
            order: Order::default(),
        }))
    }

    /// Both in one. Columns that only one of them has are NULL in the other's rows.
    fn followed_by(&self, next: &HotChunk) -> Result<HotChunk, StoreError> {
        let (a, b) = (self.rows(), next.rows());
        let participants = (0..self.participants.len().max(next.participants.len())).map(|i| {
            let one = |c: &HotChunk| c.participants.get(i).cloned().unwrap_or_else(|| UInt32Array::new_null(c.rows()));
            joined(&one(self), &one(next))
        });
        let received = (self.received.is_some() || next.received.is_some())
            .then(|| joined(self.received.as_ref().unwrap_or(&self.time), next.received.as_ref().unwrap_or(&next.time)));
        let extra = (self.extra.is_some() || next.extra.is_some()).then(|| {
            let one = |e: &Option<StringArray>, rows| e.clone().unwrap_or_else(|| StringArray::new_null(rows));
            joined(&one(&self.extra, a), &one(&next.extra, b))
        });
        Ok(HotChunk {
            participants: participants.collect::<Result<_, _>>()?,
            time: joined(&self.time, &next.time)?,
            id: joined(&self.id, &next.id)?,
            received: received.transpose()?,
            sequence: joined(&self.sequence, &next.sequence)?,
            properties: joined_properties(self, next)?,
            extra: extra.transpose()?,
            time_range: (self.time_range.0.min(next.time_range.0), self.time_range.1.max(next.time_range.1)),
            order: Order::default(),
        })
    }
}

/// What an array takes by itself, also when it is a slice of a larger one.
fn slice_bytes(array: &dyn Array) -> usize {
    array.to_data().get_slice_memory_size().unwrap_or_default()
}

fn kept<T: Array + From<arrow::array::ArrayData>>(column: &T, keep: &BooleanArray) -> Result<T, StoreError> {
    Ok(T::from(filter(column, keep)?.to_data()))
}

fn joined<T: Array + From<arrow::array::ArrayData>>(a: &T, b: &T) -> Result<T, StoreError> {
    Ok(T::from(concat(&[a, b])?.to_data()))
}

fn joined_properties(a: &HotChunk, b: &HotChunk) -> Result<Vec<(PropertyId, ArrayRef)>, StoreError> {
    let mut ids: Vec<PropertyId> = a.properties.iter().chain(&b.properties).map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    let of = |c: &HotChunk, id| c.properties.iter().find(|(p, _)| *p == id).map(|(_, v)| v.clone());
    let join = |id| {
        let (left, right) = (of(a, id), of(b, id));
        let data_type = left.as_ref().or(right.as_ref()).map_or(DataType::Null, |v| v.data_type().clone());
        let left = left.unwrap_or_else(|| new_null_array(&data_type, a.rows()));
        let right = right.unwrap_or_else(|| new_null_array(&data_type, b.rows()));
        Ok((id, concat(&[&left, &right])?))
    };
    ids.into_iter().map(join).collect()
}

/// Adds a chunk, joining small neighbours so that many small appends make few chunks and each row is copied rarely.
/// Chunks before `frozen` are being written to parts and stay as they are.
pub(crate) fn push(chunks: &mut Vec<Arc<HotChunk>>, frozen: usize, chunk: HotChunk) -> Result<(), StoreError> {
    let mut chunk = chunk;
    let mut bytes = chunk.bytes();
    while chunks.len() > frozen
        && let Some(last) = chunks.last()
        && last.rows() <= 2 * chunk.rows()
        && last.goes_with(&chunk)
        && last.rows() + chunk.rows() <= HOT_CHUNK_ROWS
        && last.bytes() + bytes <= HOT_CHUNK_BYTES
    {
        chunk = last.followed_by(&chunk)?;
        bytes = chunk.bytes();
        chunks.pop();
    }
    chunks.push(Arc::new(chunk));
    Ok(())
}

/// Inclusive first and last of some times; nothing when there are none.
pub(crate) fn time_range(times: &[i64]) -> Option<(i64, i64)> {
    Some((*times.iter().min()?, *times.iter().max()?))
}

/// The same values as microseconds in UTC.
pub(crate) fn in_utc(times: &TimestampMicrosecondArray) -> TimestampMicrosecondArray {
    if *times.data_type() == timestamp_type() { times.clone() } else { times.clone().with_data_type(timestamp_type()) }
}
