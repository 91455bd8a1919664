//! Bodies of operations on entities become batches, in which each key occurs once.

use super::answer::{IngestError, Refusal};
use super::body::records;
use super::entity_deeds::Deeds;
use super::entity_record::{EntityRecord, Step};
use super::faulty::refusal;
use super::group::{Call, Tallies};
use crate::admit::{Slice, Times, content, quoted};
use crate::error::nearest;
use crate::source::{Json, JsonColumn, RawBatch, RawColumn, write_value};
use crate::{ImportError, IngestLimits};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray, StringBuilder, TimestampMicrosecondArray, UInt32Array};
use arrow::compute::take;
use arrow::error::ArrowError;
use eql_catalog::{Catalog, EntityType};
use eql_store::{EntityBatch, EntityColumn, EntityOperation, IdentityBatch, arrow_type};
use hashbrown::HashMap;
use std::sync::Arc;

/// Operations of some calls on entities of one type.
#[derive(Debug, Default)]
pub(crate) struct EntityGroup {
    /// To be appended one after the other.
    pub(crate) batches: Vec<EntityBatch>,
    /// To be carried out after them.
    pub(crate) identities: Option<IdentityBatch>,
    pub(crate) clamped: Vec<u32>,
    pub(crate) tallies: Tallies,
}

/// Reads calls about one entity type together.
pub(crate) fn read(catalog: &Catalog, calls: &[&Call], limits: &IngestLimits) -> Result<EntityGroup, IngestError> {
    let name = calls.first().and_then(|c| c.entity.as_deref()).unwrap_or_default();
    let unknown =
        || IngestError::UnknownEntity { word: name.to_string(), nearest: nearest(name, catalog.entities().map(|e| e.name.as_str())) };
    let entity = catalog.entity(name).ok_or_else(unknown)?;
    let mut group = EntityGroup::default();
    let mut table = Table::new(entity);
    let ahead = i64::try_from(limits.ahead_ms).unwrap_or(i64::MAX).saturating_mul(1000);
    for (number, call) in calls.iter().enumerate() {
        let first = group.tallies.add(records(&call.body, call.lines, limits.body_rows));
        for (row, range) in (first..).zip(&group.tallies.calls[number].records) {
            let text = std::str::from_utf8(&call.body[range.clone()]).map_err(|_| Refusal::malformed("the record is not UTF-8"));
            match text.and_then(|text| EntityRecord::read(entity, text)) {
                Ok(record) => {
                    let time = record.time.unwrap_or(call.stamp);
                    let late = time > call.stamp.saturating_add(ahead);
                    group.clamped.extend(late.then_some(row));
                    table.push(&record, row, if late { call.stamp } else { time });
                }
                Err(refusal) => group.tallies.refused.push((row, refusal)),
            }
        }
    }
    let defect = |e: ImportError| IngestError::Defect(e.to_string());
    let Finished { batches, identities, refused } = table.finish().map_err(defect)?;
    group.clamped.retain(|row| !refused.iter().any(|(r, _)| r == row));
    group.tallies.refused.extend(refused);
    Ok(EntityGroup { batches, identities, ..group })
}

/// Columns that grow record by record: one for each key column, and one for each operation on a property.
struct Table<'c> {
    entity: &'c EntityType,
    keys: Vec<JsonColumn>,
    columns: Vec<(EntityOperation, usize, JsonColumn)>,
    by_step: HashMap<(EntityOperation, usize), usize>,
    extra: StringBuilder,
    time: Vec<i64>,
    delete: Vec<bool>,
    rows: Vec<u32>,
    deeds: Deeds<'c>,
}

/// Batches, and the rows that were refused.
struct Finished {
    batches: Vec<EntityBatch>,
    identities: Option<IdentityBatch>,
    refused: Vec<(u32, Refusal)>,
}

impl<'c> Table<'c> {
    fn new(entity: &'c EntityType) -> Table<'c> {
        Table {
            entity,
            keys: entity.key.iter().map(|_| JsonColumn::default()).collect(),
            columns: Vec::new(),
            by_step: HashMap::new(),
            extra: StringBuilder::new(),
            time: Vec::new(),
            delete: Vec::new(),
            rows: Vec::new(),
            deeds: Deeds::new(entity),
        }
    }

    fn push(&mut self, record: &EntityRecord<'_>, row: u32, time: i64) {
        let at = self.rows.len();
        self.keys.iter_mut().zip(&record.key).for_each(|(column, value)| column.push(value));
        // Backwards: of two members of one name the last counts.
        for step in record.steps.iter().rev() {
            if let Some(property) = step.property {
                self.put(step, property, at);
            }
        }
        self.deeds.push(&record.deeds, (at as u32, row), time);
        self.extra.append_option(extra(&record.steps));
        self.time.push(time);
        self.delete.push(record.delete);
        self.rows.push(row);
    }

    fn put(&mut self, step: &Step<'_>, property: usize, row: usize) {
        let columns = &mut self.columns;
        let place = *self.by_step.entry((step.operation, property)).or_insert_with(|| {
            columns.push((step.operation, property, JsonColumn::default()));
            columns.len() - 1
        });
        let column = &mut self.columns[place].2;
        column.pad(row);
        if column.len() > row {
            return;
        }
        match (&step.value, step.operation) {
            (Json::Raw(text), EntityOperation::Append | EntityOperation::Union) if text.starts_with('[') => column.push(&step.value),
            (value, EntityOperation::Append | EntityOperation::Union) => column.push(&Json::Raw(&list_of(value))),
            (value, _) => column.push(value),
        }
    }

    /// The batches, and what is wrong with the rows that are in none.
    fn finish(mut self) -> Result<Finished, ImportError> {
        let rows = self.rows.len();
        let mut columns: Vec<RawColumn> = self.entity.key.iter().zip(self.keys).map(|(k, c)| c.finish(&k.name, rows)).collect();
        let steps: Vec<(EntityOperation, usize)> = self.columns.iter().map(|(operation, property, _)| (*operation, *property)).collect();
        columns.extend(self.columns.into_iter().map(|(_, p, c)| c.finish(&self.entity.properties[p].name, rows)));
        let raw = RawBatch { rows, columns, ..RawBatch::default() };
        let mut slice = Slice::new(&raw, None, Times::utc());
        let mut keys = Vec::with_capacity(self.entity.key.len());
        for (i, property) in self.entity.key.iter().enumerate() {
            let values = slice.coerced(i, &property.data_type)?;
            slice.require(&values, Some(i), || format!("the key `{}`", property.name));
            keys.push(values);
        }
        let mut operations = Vec::with_capacity(steps.len());
        for (i, (operation, property)) in (keys.len()..).zip(steps) {
            let property = &self.entity.properties[property];
            let values = match operation {
                EntityOperation::Unset => arrow::array::new_null_array(&arrow_type(&property.data_type), rows),
                _ => slice.coerced(i, &property.data_type)?,
            };
            let present = slice.present(i).map(|p| BooleanArray::new(p, None));
            operations.push(EntityColumn { property: property.id, operation, values, present });
        }
        let faults = std::mem::take(&mut slice.faults);
        let owner = format!("entity `{}`", self.entity.name);
        let is_key = |name: &str| self.entity.key.iter().any(|k| k.name == name);
        let mut refused: Vec<(u32, Refusal)> =
            faults.iter().map(|f| (self.rows[f.row as usize], refusal(f, &raw, &owner, is_key))).collect();
        let mut bad = vec![false; rows];
        faults.iter().for_each(|f| bad[f.row as usize] = true);
        let (identities, misfits) = self.deeds.finish(&keys, &mut bad)?;
        refused.extend(misfits);
        let whole = Whole {
            entity: self.entity,
            keys,
            operations,
            extra: self.extra.finish(),
            time: Arc::new(TimestampMicrosecondArray::from(self.time).with_timezone("UTC")),
            delete: BooleanArray::from(self.delete),
        };
        let batches = rounds(&mut whole.named_keys(), rows, &bad).iter().map(|rows| whole.batch(rows)).collect::<Result<_, _>>()?;
        Ok(Finished { batches, identities, refused })
    }
}

/// What no column takes, as a JSON object. A null takes away what was known.
fn extra(steps: &[Step<'_>]) -> Option<String> {
    let mut text = String::new();
    let takes_away = |s: &Step<'_>| matches!(s.operation, EntityOperation::Set | EntityOperation::Unset);
    for step in steps.iter().filter(|s| s.property.is_none() && (s.value != Json::Null || takes_away(s))) {
        text.push(if text.is_empty() { '{' } else { ',' });
        let named = quoted(&step.name, &mut text);
        text.push(':');
        let done = named.and_then(|()| write_value(&step.value, &mut text));
        debug_assert!(done.is_ok(), "a String takes any text");
    }
    (!text.is_empty()).then(|| text + "}")
}

fn list_of(value: &Json<'_>) -> String {
    let mut text = "[".to_string();
    let done = write_value(value, &mut text);
    debug_assert!(done.is_ok(), "a String takes any text");
    text + "]"
}

/// Rows that may stand in one batch: the first ones of each key, then the second ones, and so on.
fn rounds(keys: &mut [(&str, &ArrayRef)], rows: usize, bad: &[bool]) -> Vec<UInt32Array> {
    let hashes = content("", keys, rows);
    let mut seen: HashMap<u128, usize> = HashMap::with_capacity(rows);
    let mut rounds: Vec<Vec<u32>> = Vec::new();
    for (row, hash) in hashes.iter().enumerate().filter(|(row, _)| !bad[*row]) {
        let round = *seen.entry(*hash).and_modify(|n| *n += 1).or_insert(0);
        if round == rounds.len() {
            rounds.push(Vec::new());
        }
        rounds[round].push(row as u32);
    }
    rounds.into_iter().map(UInt32Array::from).collect()
}

/// All rows of a group.
struct Whole<'c> {
    entity: &'c EntityType,
    keys: Vec<ArrayRef>,
    operations: Vec<EntityColumn>,
    extra: StringArray,
    time: ArrayRef,
    delete: BooleanArray,
}

impl Whole<'_> {
    fn named_keys(&self) -> Vec<(&str, &ArrayRef)> {
        self.entity.key.iter().map(|k| k.name.as_str()).zip(&self.keys).collect()
    }

    fn batch(&self, rows: &UInt32Array) -> Result<EntityBatch, ArrowError> {
        let of = |values: &dyn Array| take(values, rows, None);
        let mut batch = EntityBatch::new(self.entity.id, self.keys.iter().map(|k| of(k)).collect::<Result<_, _>>()?);
        for column in &self.operations {
            let present = column.present.as_ref().map(|p| of(p)).transpose()?.map(|p| p.as_boolean().clone());
            if present.as_ref().is_some_and(|p| p.true_count() == 0) {
                continue;
            }
            let values = of(&column.values)?;
            let all = present.as_ref().is_none_or(|p| p.true_count() == rows.len());
            if all && column.operation == EntityOperation::Set && values.null_count() == 0 && self.alone(column) {
                batch.properties.push((column.property, values));
            } else {
                batch.operations.push(EntityColumn { property: column.property, operation: column.operation, values, present });
            }
        }
        // NULL in `extra` says nothing: whoever clears a property does so by an operation.
        batch.keep_null = true;
        batch.extra = Some(of(&self.extra)?.as_string().clone()).filter(|e: &StringArray| e.null_count() < e.len());
        batch.time = Some(of(&self.time)?.as_primitive().clone());
        batch.delete = Some(of(&self.delete)?.as_boolean().clone()).filter(|d| d.true_count() > 0);
        Ok(batch)
    }

    /// A property is either among the properties or among the operations of a batch.
    fn alone(&self, column: &EntityColumn) -> bool {
        self.operations.iter().filter(|c| c.property == column.property).count() == 1
    }
}
