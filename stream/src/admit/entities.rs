//! Rows as entities.

use super::coerce::valid_rows;
use super::columns::EntityColumns;
use super::extra::extra;
use super::fault::Why;
use super::identifiers;
use super::identity::content;
use super::slice::{Slice, kept};
use crate::ImportError;
use crate::source::RawColumn;
use arrow::array::*;
use arrow::buffer::BooleanBuffer;
use arrow::compute::take;
use arrow::error::ArrowError;
use eql_catalog::DataType;
use eql_store::{EntityBatch, IdentityBatch};
use hashbrown::HashMap;
use std::sync::Arc;

/// Entities that were admitted. Batches differ in which columns they have.
pub(crate) struct AdmittedEntities {
    pub(crate) batches: Vec<EntityBatch>,
    pub(crate) rows: u64,
    pub(crate) undeclared: Vec<(String, u64)>,
    /// To be bound after them.
    pub(crate) identities: Option<IdentityBatch>,
}

/// Admits the rows of a slice as entities; rows at fault are left out and stand in `slice.faults`.
pub(crate) fn admit(
    slice: &mut Slice<'_>,
    columns: &EntityColumns,
    (strict, keep_null): (bool, bool),
    now: i64,
) -> Result<AdmittedEntities, ImportError> {
    let mut keys = Vec::with_capacity(columns.keys.len());
    for (property, column) in &columns.keys {
        let values = slice.coerced(*column, &property.data_type)?;
        slice.require(&values, Some(*column), || format!("the key `{}`", property.name));
        keys.push(values);
    }
    let time = columns.time.map(|c| slice.coerced(c, &DataType::Timestamp)).transpose()?;
    if let Some(time) = &time {
        slice.require(time, columns.time, || "the time".to_string());
    }
    let mut properties = Vec::with_capacity(columns.properties.len());
    for (property, column) in &columns.properties {
        let values = slice.coerced(*column, &property.data_type)?;
        if property.required && !keep_null {
            slice.require(&values, Some(*column), || format!("property `{}`, which is NOT NULL,", property.name));
        }
        properties.push((property.id, values, slice.raw.columns[*column].present.clone()));
    }
    let undeclared = undeclared(slice, columns, strict)?;
    let texts = identifiers::read(slice, &columns.identities)?;
    let (of_objects, in_objects): (Vec<_>, Vec<_>) =
        identifiers::read_of_entity(slice, &columns.entity, columns.objects)?.into_iter().unzip();
    let (identities, texts) = ([&columns.identities[..], &of_objects[..]].concat(), [texts, in_objects].concat());

    let keep = slice.keep();
    let keep = keep.as_ref();
    let rows = slice.kept_rows(keep)?;
    let undeclared =
        undeclared.into_iter().map(|(n, c)| Ok((n, c.with(kept(&c.values, keep)?)))).collect::<Result<Vec<_>, ArrowError>>()?;
    let all = Columns {
        keys: keys.iter().map(|k| kept(k, keep)).collect::<Result<_, _>>()?,
        properties: properties.iter().map(|(_, v, _)| kept(v, keep)).collect::<Result<_, _>>()?,
        extra: extra(&undeclared, rows.len()),
        time: time.map(|t| kept(&t, keep)).transpose()?,
    };
    let presence: Vec<Option<BooleanBuffer>> = properties.iter().map(|(_, _, p)| p.as_ref().map(|p| present_of(p, &rows))).collect();
    let texts = texts.iter().map(|t| kept(t, keep)).collect::<Result<Vec<_>, _>>()?;
    let times = match &all.time {
        Some(time) => time.as_primitive().clone(),
        None => TimestampMicrosecondArray::from_value(now, rows.len()),
    };
    let identities = identifiers::binds(&columns.entity, (&identities, &texts), &all.keys, &times)?;
    let whole = keep_null || presence.iter().all(Option::is_none);
    let groups = if whole { vec![(all, vec![true; properties.len()])] } else { all.by_presence(&presence)? };
    let count = |(name, c): &(String, RawColumn)| (name.clone(), (rows.len() - c.values.null_count()) as u64);
    let batch = |(group, present): (Columns, Vec<bool>)| EntityBatch {
        properties: properties
            .iter()
            .zip(group.properties)
            .zip(present)
            .filter(|(_, there)| *there)
            .map(|(((id, ..), v), _)| (*id, v))
            .collect(),
        extra: group.extra,
        time: group.time.map(|t| t.as_primitive().clone()),
        keep_null,
        ..EntityBatch::new(columns.entity.id, group.keys)
    };
    Ok(AdmittedEntities {
        rows: rows.len() as u64,
        identities,
        undeclared: undeclared.iter().map(count).filter(|(_, n)| *n > 0).collect(),
        batches: groups.into_iter().map(batch).filter(|b| b.keys.first().is_some_and(|k| !k.is_empty())).collect(),
    })
}

fn undeclared(slice: &mut Slice<'_>, columns: &EntityColumns, strict: bool) -> Result<Vec<(String, RawColumn)>, ArrowError> {
    let mut found = Vec::new();
    for named in &columns.undeclared {
        let column = slice.column(named.column)?;
        if strict {
            let owner = format!("entity `{}`", columns.entity.name);
            valid_rows(&column.values).into_iter().for_each(|row| {
                slice.fault(row as usize, Some(named.column), Why::Undeclared(owner.clone()));
            });
        }
        found.push((named.name.clone(), column));
    }
    Ok(found)
}

fn present_of(present: &BooleanBuffer, rows: &UInt32Array) -> BooleanBuffer {
    rows.values().iter().map(|row| present.value(*row as usize)).collect()
}

/// An entity in a batch: its last row, and for each property the last row that names it.
struct Folded {
    row: u32,
    named: Vec<Option<u32>>,
}

struct Columns {
    keys: Vec<ArrayRef>,
    properties: Vec<ArrayRef>,
    extra: Option<StringArray>,
    time: Option<ArrayRef>,
}

impl Columns {
    /// A JSON object may lack a name, and then says nothing of that property: so rows are grouped by the properties that they name.
    fn by_presence(self, presence: &[Option<BooleanBuffer>]) -> Result<Vec<(Columns, Vec<bool>)>, ArrowError> {
        let mut groups: HashMap<Vec<bool>, Vec<Folded>> = HashMap::new();
        for one in self.folded(presence) {
            groups.entry(one.named.iter().map(Option::is_some).collect()).or_default().push(one);
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(_, members)| members.first().map(|m| m.row));
        groups.into_iter().map(|(present, members)| Ok((self.gathered(&members)?, present))).collect()
    }

    /// The rows of one key as one, of which the last that names a property counts; rows with times stay apart, as their order is by time.
    fn folded(&self, presence: &[Option<BooleanBuffer>]) -> Vec<Folded> {
        let rows = self.keys.first().map_or(0, |k| k.len());
        let entity = if self.time.is_some() { (0..rows as u128).collect() } else { content("", &mut self.named_keys(), rows) };
        let names = |row: usize, p: &Option<BooleanBuffer>| p.as_ref().is_none_or(|p| p.value(row));
        let mut places = HashMap::new();
        let mut folded: Vec<Folded> = Vec::new();
        for (row, entity) in entity.into_iter().enumerate() {
            let place = *places.entry(entity).or_insert(folded.len());
            if place == folded.len() {
                folded.push(Folded { row: 0, named: vec![None; presence.len()] });
            }
            folded[place].row = row as u32;
            let named = folded[place].named.iter_mut().zip(presence).filter(|(_, p)| names(row, p));
            named.for_each(|(last, _)| *last = Some(row as u32));
        }
        folded
    }

    fn named_keys(&self) -> Vec<(&str, &ArrayRef)> {
        self.keys.iter().map(|k| ("", k)).collect()
    }

    fn gathered(&self, members: &[Folded]) -> Result<Columns, ArrowError> {
        let rows: UInt32Array = members.iter().map(|m| Some(m.row)).collect();
        let by = |values: &ArrayRef| take(values, &rows, None);
        let property = |(i, values): (usize, &ArrayRef)| take(values, &members.iter().map(|m| m.named[i]).collect::<UInt32Array>(), None);
        let extra = self.extra.as_ref().map(|e| by(&(Arc::new(e.clone()) as ArrayRef))).transpose()?;
        Ok(Columns {
            keys: self.keys.iter().map(by).collect::<Result<_, _>>()?,
            properties: self.properties.iter().enumerate().map(property).collect::<Result<_, _>>()?,
            extra: extra.map(|e| e.as_string().clone()),
            time: self.time.as_ref().map(by).transpose()?,
        })
    }
}
