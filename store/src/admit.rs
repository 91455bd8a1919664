//! Admission: what is handed in is checked once against the definitions; what comes out fits.

use crate::arrow_type::arrow_type;
use crate::dedupe::{IdSet, id_hash};
use crate::entity::without_nulls;
use crate::hot::in_utc;
use crate::log::{AdmittedEntities, AdmittedEvents, Place};
use crate::{Appended, EntityBatch, EntityColumn, EntityOperation, EventBatch, EventIdentity, StoreError, identity};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray, TimestampMicrosecondArray, UInt32Array, new_null_array};
use arrow::compute::filter;
use eql_catalog::{Catalog, EntityType, EntityTypeId, EventType, EventTypeId, Property, PropertyId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Events that fit, before anybody looked whether their ids are new.
pub(crate) struct Submitted {
    pub(crate) batches: Vec<AdmittedEvents>,
    hashes: Vec<Vec<u128>>,
    /// (batch, row) in the order submitted; None: batch after batch, row after row.
    order: Option<Vec<(u32, u32)>>,
}

impl Submitted {
    pub(crate) fn events(&self) -> impl Iterator<Item = (EventTypeId, usize)> + '_ {
        self.batches.iter().zip(&self.hashes).map(|(b, h)| (b.event, h.len()))
    }

    /// The hashes of the ids, batch by batch.
    pub(crate) fn ids(&self) -> impl Iterator<Item = (EventTypeId, &[u128])> + '_ {
        self.batches.iter().zip(&self.hashes).map(|(b, h)| (b.event, h.as_slice()))
    }
}

pub(crate) fn events(catalog: &Catalog, batches: Vec<EventBatch>) -> Result<Submitted, StoreError> {
    let order = submitted_order(&batches)?;
    let mut admitted = batches.into_iter().map(|b| event_batch(catalog, b)).collect::<Result<Vec<_>, _>>()?;
    set_places(&mut admitted, order.as_deref());
    let hashes = admitted.iter().map(|b| b.id.iter().map(|id| id_hash(id.unwrap_or_default())).collect()).collect();
    Ok(Submitted { batches: admitted, hashes, order })
}

fn event_batch(catalog: &Catalog, batch: EventBatch) -> Result<AdmittedEvents, StoreError> {
    let event = catalog.event_by_id(batch.event).ok_or(StoreError::UnknownEvent(batch.event.0))?;
    let check = Check { owner: format!("event `{}`", event.name), rows: batch.time.len() };
    check_event_keys(&check, catalog, event, &batch.keys)?;
    check.no_nulls("its time", &batch.time)?;
    check.no_nulls("its id", &batch.id)?;
    check.properties(&event.properties, &batch.properties)?;
    if let Some(extra) = &batch.extra {
        check.length("its extra", extra)?;
    }
    let identities = identity::event_identities(catalog, event, batch.time.len(), batch.identities)?;
    let time = in_utc(&batch.time);
    let received = batch.received.map(|r| check.length("its receive time", &r).map(|()| in_utc(&r))).transpose()?;
    let received = received.map(|r| or_time(r, &time)).filter(|r| r.values() != time.values());
    Ok(AdmittedEvents {
        event: event.id,
        keys: batch.keys,
        time,
        id: batch.id,
        received,
        properties: batch.properties,
        extra: batch.extra,
        place: Place::From(0),
        identities,
    })
}

fn check_event_keys(check: &Check, catalog: &Catalog, event: &EventType, keys: &[Vec<ArrayRef>]) -> Result<(), StoreError> {
    if keys.len() != event.participants.len() {
        return Err(check.wrong(format!("it has {} participants, keys of {} were given", event.participants.len(), keys.len())));
    }
    for (participant, keys) in event.participants.iter().zip(keys) {
        let entity = catalog.entity_by_id(participant.entity).ok_or(StoreError::UnknownEntity(participant.entity.0))?;
        check.keys(&format!("participant `{}`", participant.name), entity, keys)?;
    }
    Ok(())
}

/// A missing receive time is the time.
fn or_time(received: TimestampMicrosecondArray, time: &TimestampMicrosecondArray) -> TimestampMicrosecondArray {
    if received.null_count() == 0 {
        return received;
    }
    let values: TimestampMicrosecondArray = received.iter().zip(time.values()).map(|(r, t)| r.or(Some(*t))).collect();
    in_utc(&values)
}

/// (batch, row) in the order of the `order` columns; equal ones stay batch after batch.
fn submitted_order(batches: &[EventBatch]) -> Result<Option<Vec<(u32, u32)>>, StoreError> {
    let with_rows = || batches.iter().enumerate().filter(|(_, b)| !b.time.is_empty());
    if with_rows().all(|(_, b)| b.order.is_none()) {
        return Ok(None);
    }
    let mut rows = Vec::new();
    for (i, batch) in with_rows() {
        let order = batch.order.as_ref().filter(|o| o.len() == batch.time.len() && o.null_count() == 0);
        let order = order
            .ok_or_else(|| StoreError::mismatch("events", "the order must be given for every row of every batch of a call, or for none"))?;
        rows.extend(order.values().iter().enumerate().map(|(row, place)| (*place, i as u32, row as u32)));
    }
    rows.sort_unstable();
    Ok(Some(rows.into_iter().map(|(_, batch, row)| (batch, row)).collect()))
}

/// Dense places over all rows.
fn set_places(batches: &mut [AdmittedEvents], order: Option<&[(u32, u32)]>) {
    let Some(order) = order else {
        let mut first = 0;
        for batch in batches {
            batch.place = Place::From(first);
            first += batch.time.len() as u32;
        }
        return;
    };
    let mut places: Vec<Vec<u32>> = batches.iter().map(|b| vec![0; b.time.len()]).collect();
    for (place, (batch, row)) in order.iter().enumerate() {
        places[*batch as usize][*row as usize] = place as u32;
    }
    for (batch, places) in batches.iter_mut().zip(places) {
        let consecutive = places.windows(2).all(|w| w[0] + 1 == w[1]);
        batch.place = match places.first() {
            Some(first) if consecutive => Place::From(*first),
            _ => Place::Each(UInt32Array::from(places)),
        };
    }
}

/// Marks the rows whose ids are new and says what became of all; `ids` remembers them. `stored`: the rows whose ids are in parts.
pub(crate) fn dedupe(submitted: &Submitted, stored: &[Vec<bool>], ids: &mut BTreeMap<EventTypeId, IdSet>) -> (Vec<Vec<bool>>, Appended) {
    for (event, rows) in submitted.events() {
        ids.entry(event).or_default().reserve(rows);
    }
    let mut fresh: Vec<Vec<bool>> = submitted.hashes.iter().map(|h| vec![true; h.len()]).collect();
    match &submitted.order {
        Some(order) => {
            for (batch, row) in order {
                let (b, r) = (*batch as usize, *row as usize);
                let seen = ids.entry(submitted.batches[b].event).or_default();
                fresh[b][r] = !stored[b][r] && seen.insert(submitted.hashes[b][r]);
            }
        }
        None => {
            for (b, fresh) in fresh.iter_mut().enumerate() {
                let seen = ids.entry(submitted.batches[b].event).or_default();
                for ((fresh, hash), stored) in fresh.iter_mut().zip(&submitted.hashes[b]).zip(&stored[b]) {
                    *fresh = !stored && seen.insert(*hash);
                }
            }
        }
    }
    let answer = answer(&fresh);
    (fresh, answer)
}

fn answer(fresh: &[Vec<bool>]) -> Appended {
    let mut answer = Appended::default();
    for (b, rows) in fresh.iter().enumerate() {
        let accepted = rows.iter().filter(|f| **f).count() as u64;
        answer.accepted += accepted;
        answer.duplicates += rows.len() as u64 - accepted;
        if accepted < rows.len() as u64 {
            answer.duplicate_rows.extend(rows.iter().enumerate().filter(|(_, f)| !**f).map(|(r, _)| (b, r as u32)));
        }
    }
    answer
}

/// Only the rows that are new, with dense places.
pub(crate) fn keep_fresh(submitted: Submitted, fresh: Vec<Vec<bool>>) -> Result<Vec<AdmittedEvents>, StoreError> {
    let order = submitted.order.map(|order| renumbered(&order, &fresh));
    let masks = fresh.into_iter().map(BooleanArray::from);
    let kept = submitted.batches.into_iter().zip(masks).map(|(batch, mask)| kept_rows(batch, &mask));
    let mut kept = kept.collect::<Result<Vec<_>, _>>()?;
    set_places(&mut kept, order.as_deref());
    kept.retain(|b| !b.time.is_empty());
    Ok(kept)
}

/// The order with the numbers that rows have once others are gone.
fn renumbered(order: &[(u32, u32)], fresh: &[Vec<bool>]) -> Vec<(u32, u32)> {
    let numbers: Vec<Vec<u32>> =
        fresh.iter().map(|rows| rows.iter().scan(0, |n, f| Some(std::mem::replace(n, *n + u32::from(*f)))).collect()).collect();
    let kept = order.iter().filter(|(b, r)| fresh[*b as usize][*r as usize]);
    kept.map(|(b, r)| (*b, numbers[*b as usize][*r as usize])).collect()
}

fn kept_rows(batch: AdmittedEvents, mask: &BooleanArray) -> Result<AdmittedEvents, StoreError> {
    let keep = |a: &ArrayRef| filter(a, mask);
    let times = |t: &TimestampMicrosecondArray| filter(t, mask).map(|a| TimestampMicrosecondArray::from(a.to_data()));
    let texts = |t: &StringArray| filter(t, mask).map(|a| StringArray::from(a.to_data()));
    let identities = |i: &EventIdentity| Ok(EventIdentity { values: filter(&i.values, mask)?.as_list().clone(), ..i.clone() });
    Ok(AdmittedEvents {
        event: batch.event,
        keys: batch.keys.iter().map(|k| k.iter().map(keep).collect()).collect::<Result<_, _>>()?,
        time: times(&batch.time)?,
        id: texts(&batch.id)?,
        received: batch.received.as_ref().map(times).transpose()?,
        properties: batch.properties.iter().map(|(id, v)| Ok((*id, keep(v)?))).collect::<Result<_, StoreError>>()?,
        extra: batch.extra.as_ref().map(texts).transpose()?,
        place: Place::From(0),
        identities: batch.identities.iter().map(identities).collect::<Result<_, StoreError>>()?,
    })
}

pub(crate) fn entities(catalog: &Catalog, batch: EntityBatch) -> Result<AdmittedEntities, StoreError> {
    let entity = catalog.entity_by_id(batch.entity).ok_or(StoreError::UnknownEntity(batch.entity.0))?;
    let check = Check { owner: format!("entity `{}`", entity.name), rows: batch.keys.first().map_or(0, |k| k.len()) };
    check.whole_keys(entity, &batch.keys)?;
    check.properties(&entity.properties, &batch.properties)?;
    if let Some(extra) = &batch.extra {
        check.length("its extra", extra)?;
    }
    if let Some(time) = &batch.time {
        check.length("its time", time)?;
    }
    let operations = batch.operations.into_iter().map(|column| check.operation(entity, &batch.properties, column));
    let operations = operations.collect::<Result<Vec<_>, _>>()?;
    for (i, c) in operations.iter().enumerate() {
        if operations[..i].iter().any(|other| (other.property, other.operation) == (c.property, c.operation)) {
            return Err(check.wrong(format!("an operation on property number {} is given twice", c.property.0)));
        }
    }
    if let Some(delete) = &batch.delete {
        check.length("its column of deletions", delete)?;
    }
    Ok(AdmittedEntities {
        entity: entity.id,
        keys: batch.keys,
        properties: batch.properties,
        extra: batch.extra.map(|e| Arc::new(e) as ArrayRef),
        time: batch.time.as_ref().map(in_utc),
        keep_null: batch.keep_null,
        operations,
        delete: batch.delete.as_ref().map(without_nulls),
    })
}

/// Keys of an entity type, without NULLs, and how many there are. No columns at all are no keys.
pub(crate) fn keys(catalog: &Catalog, entity: EntityTypeId, keys: Vec<ArrayRef>) -> Result<(Vec<ArrayRef>, usize), StoreError> {
    let entity = catalog.entity_by_id(entity).ok_or(StoreError::UnknownEntity(entity.0))?;
    if keys.is_empty() {
        return Ok((entity.key.iter().map(|p| arrow::array::new_empty_array(&arrow_type(&p.data_type))).collect(), 0));
    }
    let check = Check { owner: format!("entity `{}`", entity.name), rows: keys[0].len() };
    check.whole_keys(entity, &keys)?;
    Ok((keys, check.rows))
}

/// Keys of an entity type that may be NULL.
pub(crate) fn optional_keys(
    catalog: &Catalog,
    entity: EntityTypeId,
    keys: Vec<ArrayRef>,
    rows: usize,
) -> Result<Vec<ArrayRef>, StoreError> {
    let entity = catalog.entity_by_id(entity).ok_or(StoreError::UnknownEntity(entity.0))?;
    Check { owner: format!("entity `{}`", entity.name), rows }.keys("it", entity, &keys)?;
    Ok(keys)
}

/// One column that goes with keys.
pub(crate) fn values(
    owner: String,
    rows: usize,
    name: &str,
    expected: &eql_catalog::DataType,
    values: &ArrayRef,
) -> Result<(), StoreError> {
    let check = Check { owner, rows };
    check.column(name, expected, values)
}

struct Check {
    owner: String,
    rows: usize,
}

impl Check {
    fn wrong(&self, what: String) -> StoreError {
        StoreError::mismatch(self.owner.clone(), what)
    }

    fn length(&self, name: &str, column: &dyn Array) -> Result<(), StoreError> {
        if column.len() == self.rows { Ok(()) } else { Err(self.wrong(format!("{name} has {} rows, not {}", column.len(), self.rows))) }
    }

    fn no_nulls(&self, name: &str, column: &dyn Array) -> Result<(), StoreError> {
        self.length(name, column)?;
        if column.null_count() == 0 { Ok(()) } else { Err(self.wrong(format!("{name} is NULL in {} rows", column.null_count()))) }
    }

    fn column(&self, name: &str, expected: &eql_catalog::DataType, column: &ArrayRef) -> Result<(), StoreError> {
        self.length(name, column)?;
        let wanted = arrow_type(expected);
        if *column.data_type() == wanted {
            Ok(())
        } else {
            Err(self.wrong(format!("{name} is a column of {}, not of {wanted}", column.data_type())))
        }
    }

    fn keys(&self, whose: &str, entity: &EntityType, keys: &[ArrayRef]) -> Result<(), StoreError> {
        if keys.len() != entity.key.len() {
            return Err(self.wrong(format!("{whose} needs {} key columns, {} were given", entity.key.len(), keys.len())));
        }
        entity.key.iter().zip(keys).try_for_each(|(p, k)| self.column(&format!("key `{}` of {whose}", p.name), &p.data_type, k))
    }

    fn whole_keys(&self, entity: &EntityType, keys: &[ArrayRef]) -> Result<(), StoreError> {
        self.keys("it", entity, keys)?;
        entity.key.iter().zip(keys).try_for_each(|(p, k)| self.no_nulls(&format!("key `{}`", p.name), k))
    }

    fn operation(&self, entity: &EntityType, whole: &[(PropertyId, ArrayRef)], column: EntityColumn) -> Result<EntityColumn, StoreError> {
        if let Some(key) = entity.key.iter().find(|p| p.id == column.property) {
            return Err(self.wrong(format!("`{}` is part of its key and cannot be changed", key.name)));
        }
        let unknown = || StoreError::UnknownProperty { owner: self.owner.clone(), property: column.property.0 };
        let property = entity.properties.iter().find(|p| p.id == column.property).ok_or_else(unknown)?;
        if whole.iter().any(|(id, _)| *id == column.property) {
            return Err(self.wrong(format!("property `{}` is given as a whole column and by an operation", property.name)));
        }
        let words = |operation: &str, needs: &str| {
            self.wrong(format!("{operation} needs {needs}, property `{}` is {}", property.name, property.data_type))
        };
        use eql_catalog::DataType as T;
        match (column.operation, &property.data_type) {
            (EntityOperation::Increment, T::Int | T::Double | T::Decimal(..)) => {}
            (EntityOperation::Increment, _) => return Err(words("increment", "a number")),
            (EntityOperation::Append | EntityOperation::Union, T::List(_)) => {}
            (EntityOperation::Append, _) => return Err(words("append", "a LIST")),
            (EntityOperation::Union, _) => return Err(words("union", "a LIST")),
            (EntityOperation::Set | EntityOperation::SetOnce | EntityOperation::Unset, _) => {}
        }
        let name = format!("property `{}`", property.name);
        if let Some(present) = &column.present {
            self.length(&name, present)?;
        }
        let present = column.present.as_ref().map(without_nulls);
        if column.operation == EntityOperation::Unset {
            self.length(&name, &column.values)?;
            let values = new_null_array(&arrow_type(&property.data_type), self.rows);
            return Ok(EntityColumn { values, present, ..column });
        }
        self.column(&name, &property.data_type, &column.values)?;
        Ok(EntityColumn { present, ..column })
    }

    fn properties(&self, declared: &[Property], given: &[(PropertyId, ArrayRef)]) -> Result<(), StoreError> {
        for (i, (id, values)) in given.iter().enumerate() {
            let property = declared.iter().find(|p| p.id == *id);
            let property = property.ok_or_else(|| StoreError::UnknownProperty { owner: self.owner.clone(), property: id.0 })?;
            self.column(&format!("property `{}`", property.name), &property.data_type, values)?;
            if given[..i].iter().any(|(other, _)| other == id) {
                return Err(self.wrong(format!("property `{}` is given twice", property.name)));
            }
        }
        Ok(())
    }
}
