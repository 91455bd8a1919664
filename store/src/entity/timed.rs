//! The values of one `HISTORY` property with their times: a base, mostly on disk, and what was written since.

use super::column_file::{ColumnFile, fresh_number};
use super::history::History;
use crate::StoreError;
use crate::cache::{Key, ReadCache};
use arrow::array::{Array, ArrayRef, MutableArrayData, make_array, new_empty_array};
use arrow::compute::concat;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use std::collections::HashMap;
use std::sync::Arc;

/// Timed values by ordinal.
#[derive(Clone, Debug)]
pub(crate) struct Timed {
    data_type: DataType,
    base: Base,
    /// In the order written.
    added: Vec<Arc<Added>>,
    /// As in a column.
    sealed: Option<(u64, usize)>,
    number: u64,
}

#[derive(Clone, Debug)]
enum Base {
    Empty,
    Memory(Arc<History>),
    File(Arc<ColumnFile>),
}

/// What can be written.
#[derive(Debug)]
pub(super) enum Added {
    /// (ordinal, time) and values.
    Rows(Vec<(u32, i64)>, ArrayRef),
    /// The values of these times hold no more.
    Gone(Vec<(u32, i64)>),
    /// All values of these entities.
    Forgotten(Vec<u32>),
}

/// (ordinal, time, piece, row in it): later pieces and rows were written later. Row None: gone.
type Entry = (u32, i64, usize, Option<usize>);

impl Timed {
    pub(super) fn new(data_type: &DataType) -> Timed {
        Timed::with(data_type, Base::Empty)
    }

    pub(super) fn of(history: History) -> Timed {
        Timed::with(&history.values.data_type().clone(), Base::Memory(Arc::new(history)))
    }

    pub(super) fn of_file(data_type: &DataType, file: Arc<ColumnFile>) -> Timed {
        Timed::with(data_type, Base::File(file))
    }

    fn with(data_type: &DataType, base: Base) -> Timed {
        Timed { data_type: data_type.clone(), base, added: Vec::new(), sealed: None, number: fresh_number() }
    }

    pub(super) fn push(&mut self, mut added: Added) -> Result<(), StoreError> {
        let sealed = self.sealed.map_or(0, |s| s.1);
        while self.added.len() > sealed
            && let Some(joined) = self.added.last().map(|last| last.followed_by(&added)).transpose()?.flatten()
        {
            self.added.pop();
            added = joined;
        }
        self.added.push(Arc::new(added));
        self.number = fresh_number();
        Ok(())
    }

    /// Everything, for `len` entities.
    pub(crate) fn history(&self, len: usize, cache: &ReadCache) -> Result<Arc<History>, StoreError> {
        cache.history(Key::Entity(self.number, len as u32), || {
            let mut history = self.join()?;
            let end = history.time.len() as u32;
            history.offsets.resize(len + 1, end);
            Ok(history)
        })
    }

    pub(super) fn join(&self) -> Result<History, StoreError> {
        let base = match &self.base {
            Base::Empty => Arc::new(History { offsets: vec![0], time: Vec::new(), values: new_empty_array(&self.data_type) }),
            Base::Memory(history) => history.clone(),
            Base::File(file) => file.load_history()?,
        };
        if base.values.data_type() != &self.data_type {
            return Err(StoreError::mismatch("a history", format!("its values are not of type {}", self.data_type)));
        }
        if self.added.is_empty() {
            return Ok(History::clone(&base));
        }
        let pieces: Vec<&ArrayRef> = self.added.iter().filter_map(|a| if let Added::Rows(_, v) = &**a { Some(v) } else { None }).collect();
        merge(&base, &self.entries(), &self.forgotten(), &pieces)
    }

    /// The last piece that forgets an entity, by ordinal.
    fn forgotten(&self) -> HashMap<u32, usize> {
        let pieces = self.added.iter().enumerate();
        pieces
            .flat_map(|(i, a)| match &**a {
                Added::Forgotten(ordinals) => ordinals.iter().map(|o| (*o, i)).collect(),
                _ => Vec::new(),
            })
            .collect()
    }

    /// What was added and not forgotten since, ordered, one for each time: the last written.
    fn entries(&self) -> Vec<Entry> {
        let forgotten = self.forgotten();
        let mut entries: Vec<(Entry, usize)> = Vec::new();
        let mut piece = 0;
        for (i, added) in self.added.iter().enumerate() {
            let (rows, there) = match &**added {
                Added::Rows(rows, _) => (rows, true),
                Added::Gone(rows) => (rows, false),
                Added::Forgotten(_) => continue,
            };
            let kept = rows.iter().enumerate().filter(|(_, (ordinal, _))| forgotten.get(ordinal).is_none_or(|at| *at < i));
            entries.extend(kept.map(|(row, (ordinal, time))| ((*ordinal, *time, piece, there.then_some(row)), i)));
            piece += usize::from(there);
        }
        entries.sort_by_key(|((ordinal, time, ..), written)| (*ordinal, *time, *written));
        let mut last: Vec<Entry> = Vec::with_capacity(entries.len());
        for (entry, _) in entries {
            last.pop_if(|before| (before.0, before.1) == (entry.0, entry.1));
            last.push(entry);
        }
        last
    }

    pub(super) fn dirty(&self) -> bool {
        !self.added.is_empty() || matches!(self.base, Base::Memory(_))
    }

    pub(super) fn file(&self) -> Option<&Arc<ColumnFile>> {
        match &self.base {
            Base::File(file) => Some(file),
            _ => None,
        }
    }

    pub(super) fn seal(&mut self, token: u64) {
        self.sealed = Some((token, self.added.len()));
    }

    pub(super) fn settle(&mut self, token: u64, file: Arc<ColumnFile>) {
        if let Some((_, added)) = self.sealed.take_if(|s| s.0 == token) {
            self.added.drain(..added);
            self.base = Base::File(file);
            self.number = fresh_number();
        }
    }
}

impl Added {
    fn len(&self) -> usize {
        match self {
            Added::Rows(rows, _) | Added::Gone(rows) => rows.len(),
            Added::Forgotten(ordinals) => ordinals.len(),
        }
    }

    /// Rows of similar number become one piece, so that many small writes make few.
    fn followed_by(&self, next: &Added) -> Result<Option<Added>, StoreError> {
        if self.len() > 2 * next.len() {
            return Ok(None);
        }
        Ok(match (self, next) {
            (Added::Rows(a, values), Added::Rows(b, more)) => {
                Some(Added::Rows([&a[..], b].concat(), concat(&[values.as_ref(), more.as_ref()])?))
            }
            (Added::Gone(a), Added::Gone(b)) => Some(Added::Gone([&a[..], b].concat())),
            (Added::Forgotten(a), Added::Forgotten(b)) => Some(Added::Forgotten([&a[..], b].concat())),
            _ => None,
        })
    }
}

/// Walks over the entities that something was added to, and copies the rows of those between as they are.
fn merge(base: &History, entries: &[Entry], forgotten: &HashMap<u32, usize>, pieces: &[&ArrayRef]) -> Result<History, StoreError> {
    let data: Vec<_> = std::iter::once(&base.values).chain(pieces.iter().copied()).map(|v| v.to_data()).collect();
    let mut out = Merged {
        base,
        offsets: Vec::with_capacity(base.offsets.len()),
        time: Vec::with_capacity(base.time.len() + entries.len()),
        values: MutableArrayData::new(data.iter().collect(), true, base.time.len() + entries.len()),
        next: 0,
    };
    let mut touched: Vec<u32> = entries.iter().map(|e| e.0).chain(forgotten.keys().copied()).collect();
    touched.sort_unstable();
    touched.dedup();
    let mut at = 0;
    for ordinal in touched {
        out.keep_before(ordinal)?;
        let end = at + entries[at..].partition_point(|e| e.0 == ordinal);
        out.entity(ordinal, &entries[at..end], forgotten.contains_key(&ordinal))?;
        at = end;
    }
    out.keep_before(u32::try_from(base.offsets.len() - 1).unwrap_or(u32::MAX))?;
    out.offsets.push(out.time.len() as u32);
    Ok(History { offsets: out.offsets, time: out.time, values: make_array(out.values.freeze()) })
}

struct Merged<'a> {
    base: &'a History,
    /// Starts of the entities before `next`.
    offsets: Vec<u32>,
    time: Vec<i64>,
    values: MutableArrayData<'a>,
    next: u32,
}

impl Merged<'_> {
    fn base_start(&self, ordinal: u32) -> usize {
        self.base.offsets.get(ordinal as usize).map_or(self.base.time.len(), |o| *o as usize)
    }

    fn copy(&mut self, start: usize, end: usize) -> Result<(), ArrowError> {
        if end > start {
            self.time.extend_from_slice(&self.base.time[start..end]);
            self.values.try_extend(0, start, end)?;
        }
        Ok(())
    }

    /// The entities from `next` to `ordinal` are as they were.
    fn keep_before(&mut self, ordinal: u32) -> Result<(), ArrowError> {
        if ordinal <= self.next {
            return Ok(());
        }
        let (start, written) = (self.base_start(self.next), self.time.len());
        for between in self.next..ordinal {
            self.offsets.push((written + self.base_start(between) - start) as u32);
        }
        self.next = ordinal;
        self.copy(start, self.base_start(ordinal))
    }

    fn entity(&mut self, ordinal: u32, entries: &[Entry], forgotten: bool) -> Result<(), ArrowError> {
        self.offsets.push(self.time.len() as u32);
        let (mut row, mut end) = (self.base_start(ordinal), self.base_start(ordinal + 1));
        if forgotten {
            (row, end) = (0, 0);
        }
        for (_, time, piece, from) in entries {
            let before = row + self.base.time[row..end].partition_point(|t| t < time);
            self.copy(row, before)?;
            row = before + usize::from(before < end && self.base.time[before] == *time);
            if let Some(from) = from {
                self.time.push(*time);
                self.values.try_extend(piece + 1, *from, from + 1)?;
            }
        }
        self.next = ordinal + 1;
        self.copy(row, end)
    }
}
