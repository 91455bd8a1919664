//! The rows of one event type: parts first, then what is in memory.

use crate::StoreError;
use crate::arrow_type::{arrow_type, timestamp_type};
use crate::cache::{Key, ReadCache};
use crate::coded::CodedColumn;
use crate::dedupe::id_hash;
use crate::hot::HotChunk;
use crate::identity::Roots;
use crate::identity::is_named_by;
use crate::part::Part;
use crate::removal::{Erased, without};
use arrow::array::{Array, ArrayRef, AsArray, StringArray, UInt32Array, new_empty_array};
use arrow::compute::{interleave, take};
use arrow::datatypes::{DataType, UInt32Type};
use eql_catalog::{EntityTypeId, EventType, PropertyId};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

/// A column of an event type.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EventColumn {
    /// When it happened: microseconds in UTC.
    Time,
    /// Its id (Utf8).
    EventId,
    /// When it arrived.
    Received,
    /// The ingest sequence (UInt64), unique over all events.
    Sequence,
    /// Ordinals (UInt32) of the participant of this place; NULL where it is absent.
    Participant(usize),
    /// A declared property.
    Property(PropertyId),
    /// JSON text of what is not declared (Utf8).
    Extra,
}

/// All rows of one event type. Row numbers are u32, chunk by chunk.
pub struct EventRows {
    definition: Arc<EventType>,
    chunks: Vec<Chunk>,
    /// First row of each chunk, and the end.
    starts: Vec<u32>,
    position: u64,
    /// For each chunk and participant: ordinals that its rows name and must not.
    erased: Arc<Vec<Vec<HashSet<u32>>>>,
    /// For each participant: who stands for those that its column names. Empty when nobody is merged.
    roots: Vec<Arc<Roots>>,
    cache: Arc<ReadCache>,
}

#[derive(Clone)]
pub(crate) enum Chunk {
    Part(Arc<Part>),
    Hot(Arc<HotChunk>),
}

impl std::fmt::Debug for EventRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventRows").field("event", &self.definition.name).field("starts", &self.starts).finish_non_exhaustive()
    }
}

#[allow(clippy::len_without_is_empty)]
impl EventRows {
    pub(crate) fn new(
        definition: Arc<EventType>,
        parts: &[Arc<Part>],
        hot: &[Arc<HotChunk>],
        position: u64,
        erased: &Erased,
        cache: Arc<ReadCache>,
    ) -> EventRows {
        let in_parts = parts.iter().filter(|p| p.event(definition.id).is_some()).cloned().map(Chunk::Part);
        let chunks: Vec<Chunk> = in_parts.chain(hot.iter().cloned().map(Chunk::Hot)).collect();
        let mut starts = vec![0];
        for chunk in &chunks {
            let rows = match chunk {
                Chunk::Part(part) => part.rows(definition.id),
                Chunk::Hot(hot) => hot.rows() as u32,
            };
            starts.push(starts[starts.len() - 1] + rows);
        }
        let erased = Arc::new(chunks.iter().map(|chunk| erased_in(chunk, &definition, erased)).collect());
        EventRows { definition, chunks, starts, position, erased, roots: Vec::new(), cache }
    }

    /// The same rows with participants who are merged.
    pub(crate) fn with_roots(self, roots: impl Fn(EntityTypeId) -> Option<Arc<Roots>>) -> EventRows {
        let roots: Vec<Arc<Roots>> = self.definition.participants.iter().map(|p| roots(p.entity).unwrap_or_default()).collect();
        EventRows { roots: if roots.iter().all(|r| r.is_empty()) { Vec::new() } else { roots }, ..self }
    }

    /// The same rows, as of when others were merged.
    pub(crate) fn as_of(&self, roots: impl Fn(EntityTypeId) -> Option<Arc<Roots>>) -> EventRows {
        let before = |entity| {
            let place = self.definition.participants.iter().position(|p| p.entity == entity)?;
            roots(entity).or_else(|| self.roots.get(place).cloned())
        };
        let same = EventRows {
            definition: self.definition.clone(),
            chunks: self.chunks.clone(),
            starts: self.starts.clone(),
            position: self.position,
            erased: self.erased.clone(),
            roots: Vec::new(),
            cache: self.cache.clone(),
        };
        same.with_roots(before)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.starts[self.chunks.len()] as usize
    }

    /// How many chunks there are.
    pub fn chunk_count(&self) -> usize {
        self.chunks.len()
    }

    /// The row numbers of a chunk.
    ///
    /// # Panics
    /// There is no chunk of that number.
    pub fn chunk_range(&self, i: usize) -> Range<u32> {
        self.starts[i]..self.starts[i + 1]
    }

    /// The first and the last time in a chunk (inclusive).
    pub fn time_range(&self, chunk: usize) -> Option<(i64, i64)> {
        match self.chunks.get(chunk)? {
            Chunk::Part(part) => part.event(self.definition.id).map(|e| (e.time_min, e.time_max)),
            Chunk::Hot(hot) => Some(hot.time_range),
        }
    }

    /// A column of a chunk, decoded when first asked for.
    ///
    /// # Errors
    /// An unknown property, participant or chunk, or a damaged file.
    pub fn chunk_column(&self, chunk: usize, column: &EventColumn) -> Result<ArrayRef, StoreError> {
        self.check(column)?;
        match self.chunks.get(chunk) {
            Some(Chunk::Part(part)) => {
                let values = part.column(&self.cache, &self.definition, column)?;
                Ok(self.merged(column, self.without_erased(chunk, column, values)))
            }
            Some(Chunk::Hot(hot)) => Ok(self.merged(column, hot.column(&self.definition, column))),
            None => Err(StoreError::mismatch(self.owner(), format!("chunk {chunk} was asked for, there are {}", self.chunks.len()))),
        }
    }

    /// A property of a chunk as numbers of its texts; None when the chunk is in memory, or has too many different ones.
    ///
    /// # Errors
    /// As [`chunk_column`](Self::chunk_column).
    pub fn coded_column(&self, chunk: usize, column: &EventColumn) -> Result<Option<Arc<CodedColumn>>, StoreError> {
        self.check(column)?;
        let Some(Chunk::Part(part)) = self.chunks.get(chunk) else { return Ok(None) };
        let gone = part.deleted(self.definition.id).map_or(0, |d| d.count());
        self.cache.coded(Key::Coded(part.meta.id, self.definition.id, column.clone(), gone), || {
            let values = part.column(&self.cache, &self.definition, column)?;
            Ok(values.as_string_opt::<i32>().and_then(CodedColumn::of))
        })
    }

    /// Participants that were erased are absent; rows whose subject was erased are not there at all.
    fn without_erased(&self, chunk: usize, column: &EventColumn, values: ArrayRef) -> ArrayRef {
        let EventColumn::Participant(place) = column else { return values };
        match self.erased[chunk].get(*place).filter(|gone| !gone.is_empty()) {
            Some(gone) => Arc::new(without(values.as_primitive::<UInt32Type>(), gone)),
            None => values,
        }
    }

    /// Participants who are merged are who stands for them.
    fn merged(&self, column: &EventColumn, values: ArrayRef) -> ArrayRef {
        let EventColumn::Participant(place) = column else { return values };
        match self.roots.get(*place).filter(|roots| !roots.is_empty()) {
            Some(roots) => Arc::new(values.as_primitive::<UInt32Type>().unary::<_, UInt32Type>(|o| roots.of(o))),
            None => values,
        }
    }

    /// The values of a column at some rows, in that order. Consecutive rows of one chunk are not copied.
    ///
    /// # Errors
    /// An unknown property, a row out of range, or a damaged file.
    pub fn gather(&self, column: &EventColumn, rows: &[u32]) -> Result<ArrayRef, StoreError> {
        let (Some(low), Some(high)) = (rows.iter().min(), rows.iter().max()) else {
            return self.check(column).map(|t| new_empty_array(&t));
        };
        if *high as usize >= self.len() {
            return Err(StoreError::mismatch(self.owner(), format!("row {high} was asked for, there are {}", self.len())));
        }
        let chunk = self.chunk_of(*low);
        if self.chunk_of(*high) != chunk {
            return self.gather_from_chunks(column, rows);
        }
        let start = self.starts[chunk];
        let whole = rows.len() == self.chunk_range(chunk).len();
        let picked = || UInt32Array::from_iter_values(rows.iter().map(|r| r - start));
        match &self.chunks[chunk] {
            Chunk::Hot(hot) if !whole => {
                self.check(column)?;
                Ok(self.merged(column, hot.gather(&self.definition, column, &picked())?))
            }
            _ => {
                let values = self.chunk_column(chunk, column)?;
                if rows.windows(2).all(|w| w[0] + 1 == w[1]) {
                    return Ok(values.slice((rows[0] - start) as usize, rows.len()));
                }
                Ok(take(&values, &picked(), None)?)
            }
        }
    }

    /// The number of a row of a part, given its number in the files; None when it is not there any more.
    pub(crate) fn number_in(&self, part: &Arc<Part>, stored: u32) -> Option<u32> {
        let is_it = |chunk: &Chunk| matches!(chunk, Chunk::Part(p) if Arc::ptr_eq(p, part));
        let start = self.starts[self.chunks.iter().position(is_it)?];
        match part.deleted(self.definition.id) {
            None => Some(start + stored),
            Some(deleted) => deleted.is_alive(stored).then(|| start + deleted.alive_before(stored)),
        }
    }

    /// The row numbers of the events of some ids that there are.
    pub(crate) fn numbers_of(&self, ids: &StringArray) -> Result<Vec<u32>, StoreError> {
        let ids: Vec<u128> = ids.iter().map(|id| id_hash(id.unwrap_or_default())).collect();
        let wanted: HashSet<u128> = ids.iter().copied().collect();
        let mut numbers = Vec::new();
        for (chunk, start) in self.chunks() {
            match chunk {
                Chunk::Part(part) => {
                    let stored = part.find_ids(&self.cache, self.definition.id, &ids)?;
                    numbers.extend(stored.into_iter().flatten().filter_map(|row| self.number_in(part, row)));
                }
                Chunk::Hot(hot) => {
                    let is_it = |id: Option<&str>| wanted.contains(&id_hash(id.unwrap_or_default()));
                    numbers.extend((start..).zip(hot.id.iter()).filter(|(_, id)| is_it(*id)).map(|(row, _)| row));
                }
            }
        }
        Ok(numbers)
    }

    /// False when every event was received at its own time.
    pub fn received_differs(&self) -> bool {
        self.chunks.iter().any(|chunk| match chunk {
            Chunk::Part(part) => part.event(self.definition.id).is_some_and(|e| e.received),
            Chunk::Hot(hot) => hot.received.is_some(),
        })
    }

    /// Rows of parts and rows in memory.
    pub(crate) fn layers(&self) -> (usize, usize) {
        let settled = self.chunks.iter().take_while(|c| matches!(c, Chunk::Part(_))).count();
        (self.starts[settled] as usize, self.len() - self.starts[settled] as usize)
    }

    /// What the rows of parts are: equal stamps, equal rows with equal numbers.
    pub(crate) fn settled_stamp(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (chunk, erased) in self.chunks.iter().zip(self.erased.iter()) {
            if let Chunk::Part(part) = chunk {
                let gone = part.deleted(self.definition.id).map_or(0, |d| d.count());
                let erased: Vec<usize> = erased.iter().map(HashSet::len).collect();
                (part.meta.id, part.rows(self.definition.id), gone, erased).hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    pub(crate) fn definition(&self) -> &Arc<EventType> {
        &self.definition
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn chunks(&self) -> impl Iterator<Item = (&Chunk, u32)> {
        self.chunks.iter().zip(self.starts.iter().copied())
    }

    fn gather_from_chunks(&self, column: &EventColumn, rows: &[u32]) -> Result<ArrayRef, StoreError> {
        self.check(column)?;
        // Rows in memory are picked first, those of parts are found in the whole column.
        let mut picked: Vec<Vec<u32>> = vec![Vec::new(); self.chunks.len()];
        let mut from = Vec::with_capacity(rows.len());
        let mut chunk = 0;
        for row in rows {
            if !self.chunk_range(chunk).contains(row) {
                chunk = self.chunk_of(*row);
            }
            let local = row - self.starts[chunk];
            let place = match &self.chunks[chunk] {
                Chunk::Part(_) => local as usize,
                Chunk::Hot(_) => picked[chunk].len(),
            };
            picked[chunk].push(local);
            from.push((chunk, place));
        }
        let (mut arrays, mut places): (Vec<ArrayRef>, Vec<usize>) = (Vec::new(), vec![0; self.chunks.len()]);
        for (i, rows) in picked.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            places[i] = arrays.len();
            arrays.push(match &self.chunks[i] {
                Chunk::Part(_) => self.chunk_column(i, column)?,
                Chunk::Hot(hot) => self.merged(column, hot.gather(&self.definition, column, &rows.into())?),
            });
        }
        from.iter_mut().for_each(|(chunk, _)| *chunk = places[*chunk]);
        Ok(interleave(&arrays.iter().map(|a| a.as_ref()).collect::<Vec<_>>(), &from)?)
    }

    /// The chunk that holds a row.
    #[inline]
    pub fn chunk_of(&self, row: u32) -> usize {
        self.starts.partition_point(|start| *start <= row).saturating_sub(1)
    }

    /// The type of a column that there is.
    fn check(&self, column: &EventColumn) -> Result<DataType, StoreError> {
        let unknown = match column {
            EventColumn::Participant(i) if *i >= self.definition.participants.len() => StoreError::mismatch(
                self.owner(),
                format!("it has {} participants, number {i} was asked for", self.definition.participants.len()),
            ),
            EventColumn::Property(id) if !self.definition.properties.iter().any(|p| p.id == *id) => {
                StoreError::UnknownProperty { owner: self.owner(), property: id.0 }
            }
            column => return Ok(column_type(&self.definition, column)),
        };
        Err(unknown)
    }

    fn owner(&self) -> String {
        format!("event `{}`", self.definition.name)
    }
}

/// Hot rows forget erased participants at once, parts when they are rewritten.
fn erased_in(chunk: &Chunk, event: &EventType, erased: &Erased) -> Vec<HashSet<u32>> {
    match chunk {
        Chunk::Part(part) if !erased.all.is_empty() => {
            event.participants.iter().map(|p| erased.since(p.entity, part.meta.erased_to)).collect()
        }
        _ => Vec::new(),
    }
}

/// The type of a column, as it is handed out.
pub(crate) fn column_type(event: &EventType, column: &EventColumn) -> DataType {
    match column {
        EventColumn::Time | EventColumn::Received => timestamp_type(),
        EventColumn::EventId | EventColumn::Extra => DataType::Utf8,
        EventColumn::Sequence => DataType::UInt64,
        EventColumn::Participant(_) => DataType::UInt32,
        EventColumn::Property(id) if is_named_by(*id) => DataType::Int64,
        EventColumn::Property(id) => event.properties.iter().find(|p| p.id == *id).map_or(DataType::Null, |p| arrow_type(&p.data_type)),
    }
}
