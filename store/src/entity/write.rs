//! What is written to the entities of one type.

use super::columns::FROM_THE_BEGINNING;
use super::combine::followed_extra;
use super::history::BEGINNING;
use super::operate::{Cell, Change};
use super::place::Place;
use super::state::EntityState;
use super::timed::Added;
use super::value::{array_of, value_at};
use crate::log::{AdmittedEntities, AdmittedTagValues};
use crate::{EntityColumn, EntityOperation, StoreError};
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringArray, TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use arrow::compute::{filter, is_not_null};
use arrow::datatypes::{DataType, Int64Type};
use eql_catalog::{PropertyId, Value};
use std::collections::HashMap;
use std::sync::Arc;

impl EntityState {
    /// Carries out the rows of a batch; the ordinals of the entities that were deleted.
    pub(crate) fn upsert(&mut self, batch: &AdmittedEntities, position: u64) -> Result<Vec<u32>, StoreError> {
        let mut gone = Vec::new();
        let Some(delete) = &batch.delete else {
            self.write(batch, position)?;
            return Ok(gone);
        };
        let mut start = 0;
        while start < delete.len() {
            let end = (start..delete.len()).find(|i| delete.value(*i) != delete.value(start)).unwrap_or(delete.len());
            let rows = batch.slice(start, end - start);
            if delete.value(start) {
                gone.extend(self.delete(&rows.keys, position)?);
            } else {
                self.write(&rows, position)?;
            }
            start = end;
        }
        Ok(gone)
    }

    fn write(&mut self, batch: &AdmittedEntities, position: u64) -> Result<(), StoreError> {
        let ordinals = self.resolve(&batch.keys, position)?;
        self.touch(position);
        for (id, values) in &batch.properties {
            let said = if batch.keep_null && values.null_count() > 0 { Some(is_not_null(values)?) } else { None };
            self.set(*id, &ordinals, values, said.as_ref(), batch.time.as_ref())?;
        }
        let mut done: Vec<PropertyId> = Vec::new();
        for column in &batch.operations {
            if !done.contains(&column.property) {
                done.push(column.property);
                self.operate(batch, column.property, &ordinals)?;
            }
        }
        if let Some(extra) = &batch.extra {
            self.add_undeclared(&ordinals, extra)?;
        }
        self.learn(&ordinals, batch.time.as_ref())?;
        self.note_changed(&ordinals);
        Ok(())
    }

    /// What nobody declared is told member by member: a row takes nothing from those that it does not name.
    fn add_undeclared(&mut self, ordinals: &UInt32Array, extra: &ArrayRef) -> Result<(), StoreError> {
        let extra = extra.as_string::<i32>();
        let rows: Vec<usize> = (0..extra.len()).filter(|row| extra.is_valid(*row)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let (touched, slots) = slots(rows.iter().map(|row| ordinals.value(*row)));
        let mut texts: Vec<Option<String>> = vec![None; touched.len()];
        if let Some(column) = self.parts.columns.get(&Place::Extra) {
            column.hold()?;
            let known = column.gather(&touched)?;
            texts = known.as_string::<i32>().iter().map(|text| text.map(str::to_string)).collect();
        }
        for (row, slot) in rows.into_iter().zip(slots) {
            texts[slot] = followed_extra(texts[slot].take(), extra.value(row));
        }
        let texts: ArrayRef = Arc::new(StringArray::from(texts));
        self.column(Place::Extra, &DataType::Utf8).write(&UInt32Array::from(touched), &texts, false)
    }

    /// Whole columns: the import.
    fn set(
        &mut self,
        id: PropertyId,
        ordinals: &UInt32Array,
        values: &ArrayRef,
        said: Option<&BooleanArray>,
        time: Option<&TimestampMicrosecondArray>,
    ) -> Result<(), StoreError> {
        let rows: Option<UInt32Array> = said.map(|s| (0..s.len() as u32).filter(|i| s.value(*i as usize)).collect::<Vec<_>>().into());
        let picked = |a: &dyn Array| rows.as_ref().map_or_else(|| Ok(a.slice(0, a.len())), |r| arrow::compute::take(a, r, None));
        let (mut ordinals, mut values) = (picked(ordinals)?.as_primitive().clone(), picked(values)?);
        let timed = self.keeps_history(id) || self.may_merge();
        let time = time.filter(|_| timed).map(|t| picked(t)).transpose()?;
        let mut times = if timed { times_of(time.as_ref().map(|t| t.as_primitive()), ordinals.len()) } else { Vec::new() };
        if self.keeps_history(id) {
            let rows = ordinals.values().iter().copied().zip(times.iter().copied()).collect();
            self.timed(id, values.data_type()).push(Added::Rows(rows, values.clone()))?;
            let newest = self.newest(id, &ordinals, &times)?;
            let since = filter(&Int64Array::from(times), &newest)?;
            ordinals = filter(&ordinals, &newest)?.as_primitive().clone();
            values = filter(&values, &newest)?;
            self.column(Place::Since(id), &DataType::Int64).write(&ordinals, &since, false)?;
            times = since.as_primitive::<Int64Type>().values().to_vec();
        }
        if self.parts.columns.contains_key(&Place::Once(id)) {
            let nothing = new_null_array(&DataType::Int64, ordinals.len());
            self.column(Place::Once(id), &DataType::Int64).write(&ordinals, &nothing, false)?;
        }
        self.tell(id, &ordinals, &times, None)?;
        self.column(Place::Property(id), values.data_type()).write(&ordinals, &values, false)
    }

    /// Rows that are not older than what is known when they come.
    fn newest(&self, id: PropertyId, ordinals: &UInt32Array, times: &[i64]) -> Result<BooleanArray, StoreError> {
        let since = self.times_at(Place::Since(id), ordinals.values())?;
        let mut latest: HashMap<u32, i64> = HashMap::with_capacity(ordinals.len());
        let rows = ordinals.values().iter().zip(times).enumerate();
        let newest = rows.map(|(i, (ordinal, time))| {
            let known = latest.get(ordinal).copied().or(since.is_valid(i).then(|| since.value(i)));
            let newest = known.is_none_or(|known| *time >= known);
            if newest {
                latest.insert(*ordinal, *time);
            }
            Some(newest)
        });
        Ok(newest.collect())
    }

    /// Entities of this type can be merged, so that it matters who said what when.
    fn may_merge(&self) -> bool {
        !self.definition().identities.is_empty()
    }

    /// Notes when values were told, and whether they are counters.
    fn tell(&mut self, id: PropertyId, ordinals: &UInt32Array, times: &[i64], counted: Option<BooleanArray>) -> Result<(), StoreError> {
        if !self.may_merge() || ordinals.is_empty() {
            return Ok(());
        }
        let beginning = times.iter().all(|t| *t == BEGINNING);
        if !beginning || self.parts.columns.contains_key(&Place::Told(id)) {
            let times: ArrayRef = Arc::new(Int64Array::from(times.to_vec()));
            self.column(Place::Told(id), &DataType::Int64).write(ordinals, &times, false)?;
        }
        let grows = counted.as_ref().is_some_and(|c| c.true_count() > 0);
        if grows || self.parts.columns.contains_key(&Place::Counted(id)) {
            let counted: ArrayRef = Arc::new(counted.unwrap_or_else(|| BooleanArray::from(vec![false; ordinals.len()])));
            self.column(Place::Counted(id), &DataType::Boolean).write(ordinals, &counted, false)?;
        }
        Ok(())
    }

    fn keeps_history(&self, id: PropertyId) -> bool {
        self.definition().properties.iter().any(|p| p.id == id && p.history)
    }

    fn times_at(&self, place: Place, ordinals: &[u32]) -> Result<Int64Array, StoreError> {
        match self.parts.columns.get(&place) {
            Some(column) => {
                column.hold()?;
                Ok(column.gather(ordinals)?.as_primitive::<Int64Type>().clone())
            }
            None => Ok(Int64Array::new_null(ordinals.len())),
        }
    }

    /// All operations of a batch on one property.
    fn operate(&mut self, batch: &AdmittedEntities, id: PropertyId, ordinals: &UInt32Array) -> Result<(), StoreError> {
        let columns: Vec<&EntityColumn> = batch.operations.iter().filter(|c| c.property == id).collect();
        match columns[..] {
            [EntityColumn { operation: EntityOperation::Set | EntityOperation::Unset, values, present, .. }] => {
                self.set(id, ordinals, values, present.as_ref(), batch.time.as_ref())
            }
            _ => self.operate_by_row(&columns, id, ordinals, &times_of(batch.time.as_ref(), ordinals.len())),
        }
    }

    /// Row by row, in each row in the order of the columns: what one row makes, the next one finds.
    fn operate_by_row(
        &mut self,
        columns: &[&EntityColumn],
        id: PropertyId,
        ordinals: &UInt32Array,
        times: &[i64],
    ) -> Result<(), StoreError> {
        let Some(declared) = self.definition().properties.iter().find(|p| p.id == id).cloned() else { return Ok(()) };
        let data_type = crate::arrow_type(&declared.data_type);
        let says = |c: &EntityColumn, row: usize| c.present.as_ref().is_none_or(|p| p.value(row));
        let rows: Vec<usize> = (0..ordinals.len()).filter(|row| columns.iter().any(|c| says(c, *row))).collect();
        let (touched, slots) = slots(rows.iter().map(|row| ordinals.value(*row)));
        let mut cells = self.cells(id, &touched, declared.history)?;
        let mut told: Vec<(u32, i64, bool)> = Vec::new();
        let mut changes: Vec<(u32, Change)> = Vec::new();
        let mut made = Vec::new();
        for (row, slot) in rows.into_iter().zip(slots) {
            for column in columns.iter().filter(|c| says(c, row)) {
                let operand = value_at(&column.values, row);
                if cells[slot].apply(column.operation, operand, times[row], &declared.data_type, &mut made).is_err() {
                    self.refused += 1;
                }
                // A value that is there was said by this operation, unless it changed nothing.
                let whole = matches!(column.operation, EntityOperation::Set | EntityOperation::Unset);
                if let Some(since) = cells[slot].since.filter(|s| !made.is_empty() && (!whole || *s == times[row])) {
                    told.push((touched[slot], since, column.operation == EntityOperation::Increment));
                }
                if !declared.history {
                    // Nobody keeps times: the last writer wins.
                    cells[slot].since = None;
                }
                changes.extend(made.drain(..).map(|change| (touched[slot], change)));
            }
        }
        if declared.history {
            self.remember(id, &data_type, changes)?;
        }
        let (ordinals, times): (Vec<u32>, Vec<i64>) = told.iter().map(|(o, t, _)| (*o, *t)).unzip();
        let counted = told.iter().map(|(_, _, counted)| Some(*counted)).collect();
        self.tell(id, &ordinals.into(), &times, Some(counted))?;
        self.write_cells(id, &touched, &cells, &data_type, declared.history)
    }

    fn cells(&self, id: PropertyId, ordinals: &[u32], history: bool) -> Result<Vec<Cell>, StoreError> {
        let values = self.parts.values_at(id, ordinals)?;
        let (since, once) = (self.times_at(Place::Since(id), ordinals)?, self.times_at(Place::Once(id), ordinals)?);
        let time = |times: &Int64Array, i: usize| times.is_valid(i).then(|| times.value(i));
        let cell = |i: usize| Cell { value: values[i].clone(), since: if history { time(&since, i) } else { None }, once: time(&once, i) };
        Ok((0..ordinals.len()).map(cell).collect())
    }

    fn write_cells(
        &mut self,
        id: PropertyId,
        ordinals: &[u32],
        cells: &[Cell],
        data_type: &DataType,
        history: bool,
    ) -> Result<(), StoreError> {
        let ordinals = UInt32Array::from(ordinals.to_vec());
        let values: Vec<Value> = cells.iter().map(|c| c.value.clone()).collect();
        self.column(Place::Property(id), data_type).write(&ordinals, &array_of(&values, data_type)?, false)?;
        if history {
            let since: ArrayRef = Arc::new(cells.iter().map(|c| c.since).collect::<Int64Array>());
            self.column(Place::Since(id), &DataType::Int64).write(&ordinals, &since, false)?;
        }
        if self.parts.columns.contains_key(&Place::Once(id)) || cells.iter().any(|c| c.once.is_some()) {
            let once: ArrayRef = Arc::new(cells.iter().map(|c| c.once).collect::<Int64Array>());
            self.column(Place::Once(id), &DataType::Int64).write(&ordinals, &once, false)?;
        }
        Ok(())
    }

    fn remember(&mut self, id: PropertyId, data_type: &DataType, changes: Vec<(u32, Change)>) -> Result<(), StoreError> {
        let mut changes = changes.into_iter().peekable();
        while changes.peek().is_some() {
            let (mut rows, mut values) = (Vec::new(), Vec::new());
            while let Some((ordinal, Change::Holds(time, value))) = changes.next_if(|(_, c)| matches!(c, Change::Holds(..))) {
                rows.push((ordinal, time));
                values.push(value);
            }
            if !rows.is_empty() {
                self.timed(id, data_type).push(Added::Rows(rows, array_of(&values, data_type)?))?;
            }
            let mut gone = Vec::new();
            while let Some((ordinal, Change::Gone(time))) = changes.next_if(|(_, c)| matches!(c, Change::Gone(_))) {
                gone.push((ordinal, time));
            }
            if !gone.is_empty() {
                self.timed(id, data_type).push(Added::Gone(gone))?;
            }
        }
        Ok(())
    }

    /// First knowledge: the first import decides, an earlier time in a later one corrects it.
    fn learn(&mut self, ordinals: &UInt32Array, time: Option<&TimestampMicrosecondArray>) -> Result<(), StoreError> {
        let known = self.times_at(Place::Known, ordinals.values())?;
        let time = |i: usize| time.filter(|t| t.is_valid(i)).map_or(FROM_THE_BEGINNING, |t| t.value(i).max(FROM_THE_BEGINNING));
        let mut first: HashMap<u32, i64> = HashMap::new();
        for (i, ordinal) in ordinals.values().iter().enumerate() {
            let (time, known) = (time(i), known.is_valid(i).then(|| known.value(i)));
            if known.is_none_or(|known| time < known) {
                let slot = first.entry(*ordinal).or_insert(time);
                *slot = time.min(*slot);
            }
        }
        self.parts.dated |= first.values().any(|t| *t > FROM_THE_BEGINNING);
        let mut first: Vec<(u32, i64)> = first.into_iter().collect();
        first.sort_unstable();
        let ordinals: UInt32Array = first.iter().map(|f| f.0).collect::<Vec<_>>().into();
        let times: ArrayRef = Arc::new(first.iter().map(|f| Some(f.1)).collect::<Int64Array>());
        self.column(Place::Known, &DataType::Int64).write(&ordinals, &times, false)
    }

    pub(crate) fn set_tag(&mut self, values: &AdmittedTagValues, position: u64) -> Result<(), StoreError> {
        let ordinals = self.resolve(&values.keys, position)?;
        self.touch(position);
        let place = Place::Tag(values.tag.clone());
        let data_type = values.values.data_type();
        if self.parts.columns.get(&place).is_some_and(|column| column.data_type() != data_type) {
            self.parts.columns.remove(&place);
        }
        self.column(place, data_type).write(&ordinals, &values.values, false)
    }
}

/// From when each row holds.
fn times_of(time: Option<&TimestampMicrosecondArray>, rows: usize) -> Vec<i64> {
    match time {
        Some(time) => time.iter().map(|t| t.unwrap_or(BEGINNING)).collect(),
        None => vec![BEGINNING; rows],
    }
}

/// Different ordinals in the order they come, and for each one given its place among them.
fn slots(ordinals: impl Iterator<Item = u32>) -> (Vec<u32>, Vec<usize>) {
    let (mut different, mut places) = (Vec::new(), HashMap::new());
    let slots = ordinals.map(|ordinal| {
        *places.entry(ordinal).or_insert_with(|| {
            different.push(ordinal);
            different.len() - 1
        })
    });
    let slots = slots.collect();
    (different, slots)
}
