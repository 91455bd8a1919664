//! Records about identities, and the identifiers of events. Columns of a change: `k0_<i>` whom it is about, `k1_<i>` the other one, `deed`,
//! `identity`, `value`, `time`; of events: `i<participant>:<identity>`, lists of texts.

use super::table::{Reader, body, key_columns, keys_of, table, texts_of, times_of};
use crate::{EventIdentity, StoreError};
use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt8Array};
use arrow::datatypes::UInt8Type;
use eql_catalog::EntityTypeId;
use std::sync::Arc;

/// What a row does to identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityDeed {
    /// The value identifies nobody.
    Nothing,
    /// An identifier becomes the entity's.
    Bind,
    /// It is the entity's no more, from the row's time on.
    Unbind,
    /// The other entity is this one.
    Merge,
    /// It is not.
    Unmerge,
}

/// Numbers are a promise.
const DEEDS: [IdentityDeed; 5] =
    [IdentityDeed::Nothing, IdentityDeed::Bind, IdentityDeed::Unbind, IdentityDeed::Merge, IdentityDeed::Unmerge];

/// Changes of identities that fit their definition.
#[derive(Clone, Debug)]
pub(crate) struct AdmittedIdentities {
    pub(crate) entity: EntityTypeId,
    pub(crate) keys: Vec<ArrayRef>,
    pub(crate) deeds: Vec<IdentityDeed>,
    pub(crate) identity: StringArray,
    pub(crate) value: StringArray,
    /// NULL where there is none.
    pub(crate) others: Vec<ArrayRef>,
    pub(crate) time: TimestampMicrosecondArray,
}

pub(super) fn encode_identities(i: &AdmittedIdentities) -> Result<Vec<u8>, StoreError> {
    let number = |deed: &IdentityDeed| DEEDS.iter().position(|d| d == deed).unwrap_or_default() as u8;
    let mut columns = key_columns("k0_", &i.keys);
    columns.extend(key_columns("k1_", &i.others));
    columns.push(("deed".to_string(), Arc::new(UInt8Array::from_iter_values(i.deeds.iter().map(number)))));
    columns.push(("identity".to_string(), Arc::new(i.identity.clone())));
    columns.push(("value".to_string(), Arc::new(i.value.clone())));
    columns.push(("time".to_string(), Arc::new(i.time.clone())));
    body(&i.entity.0, &[table(columns)?])
}

pub(super) fn decode_identities(reader: &mut Reader<'_>) -> Result<AdmittedIdentities, String> {
    let entity = EntityTypeId(reader.head()?);
    let table = reader.table()?;
    let deeds =
        table.column_by_name("deed").and_then(|c| c.as_primitive_opt::<UInt8Type>()).ok_or("a change of identities has no deeds")?;
    let deed = |n: &u8| DEEDS.get(usize::from(*n)).copied().ok_or_else(|| format!("a change of identities of kind {n} is unknown"));
    Ok(AdmittedIdentities {
        entity,
        keys: keys_of(&table, 0),
        deeds: deeds.values().iter().map(deed).collect::<Result<_, _>>()?,
        identity: texts_of(&table, "identity").ok_or("a change of identities has no identities")?,
        value: texts_of(&table, "value").ok_or("a change of identities has no values")?,
        others: keys_of(&table, 1),
        time: times_of(&table, "time").ok_or("a change of identities has no times")?,
    })
}

pub(super) fn event_columns(identities: &[EventIdentity]) -> impl Iterator<Item = (String, ArrayRef)> + '_ {
    identities.iter().map(|i| (format!("i{}:{}", i.participant, i.identity), Arc::new(i.values.clone()) as ArrayRef))
}

pub(super) fn event_identities(table: &RecordBatch) -> Vec<EventIdentity> {
    let schema = table.schema();
    let named = |name: &str| {
        let (participant, identity) = name.strip_prefix('i')?.split_once(':')?;
        Some((participant.parse().ok()?, identity.to_string()))
    };
    let column = |(name, values): (&str, &ArrayRef)| {
        let (participant, identity) = named(name)?;
        let values = values.as_list_opt::<i32>().filter(|l| l.values().as_string_opt::<i32>().is_some())?.clone();
        Some(EventIdentity { participant, identity, values })
    };
    schema.fields().iter().zip(table.columns()).filter_map(|(f, c)| column((f.name(), c))).collect()
}
