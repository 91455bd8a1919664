//! Identities as they are handed in: checked, and without values that identify nobody.

use crate::limit::IDENTIFIER_BYTES_MAX;
use crate::log::{AdmittedIdentities, IdentityDeed, Record};
use crate::{Appended, Store, StoreError, admit};
use arrow::array::{Array, ArrayRef, AsArray, ListArray, ListBuilder, StringArray, StringBuilder, TimestampMicrosecondArray};
use eql_catalog::{Catalog, EntityType, EntityTypeId, EventType};

/// Identifiers of one identity that the rows of an [`EventBatch`](crate::EventBatch) name a participant by.
#[derive(Clone, Debug)]
pub struct EventIdentity {
    /// Which participant.
    pub participant: usize,
    /// Declared by its entity type.
    pub identity: String,
    /// Texts, as the identity's type writes its values; NULL and an empty list say nothing.
    pub values: ListArray,
}

/// What is done to identities, row by row.
#[derive(Clone, Debug)]
pub struct IdentityBatch {
    /// Of which type.
    pub entity: EntityTypeId,
    /// Whom each row is about; no NULLs.
    pub keys: Vec<ArrayRef>,
    /// What it does.
    pub deeds: Vec<IdentityDeed>,
    /// For [`IdentityDeed::Bind`] and [`IdentityDeed::Unbind`], and for the others where they name somebody by an identifier.
    pub identity: StringArray,
    /// Its value.
    pub value: StringArray,
    /// For [`IdentityDeed::Merge`] and [`IdentityDeed::Unmerge`]: the other one; NULL elsewhere. No columns: nobody.
    pub others: Vec<ArrayRef>,
    /// From when on: microseconds.
    pub time: TimestampMicrosecondArray,
}

/// Values that sources send when they do not know who it is. In lower case.
const NOBODY: &[&str] = &[
    "null",
    "undefined",
    "none",
    "nil",
    "nan",
    "unknown",
    "anonymous",
    "guest",
    "n/a",
    "true",
    "false",
    "[object object]",
    "not_set",
    "(not set)",
];

/// False for what identifies nobody: blank, `null`, `undefined`, nothing but zeros, and the like.
pub fn is_identifier(value: &str) -> bool {
    let value = value.trim();
    // `0`, `0.0`, `00000000-0000-0000-0000-000000000000`, `00:00:00:00:00:00`.
    let blank = value.chars().all(|c| matches!(c, '0' | '-' | ':' | '.' | '_' | ' ' | '{' | '}'));
    !blank && !NOBODY.iter().any(|word| value.eq_ignore_ascii_case(word))
}

impl Store {
    /// Binds and unbinds identifiers, merges entities and takes merges back, row after row. What contradicts the rest is not done, and is
    /// found in [`identity_conflicts`](Store::identity_conflicts).
    ///
    /// # Errors
    /// An unknown entity type or identity, columns that do not fit, or the log cannot be written.
    pub fn change_identities(&self, batch: IdentityBatch) -> Result<Appended, StoreError> {
        let rows = batch.deeds.len();
        let unbinds = batch.deeds.contains(&IdentityDeed::Unbind);
        let admitted = |catalog: &Catalog| -> Result<Record, StoreError> { Ok(Record::Identities(identity_changes(catalog, batch)?)) };
        if !unbinds {
            return self.write(rows, admitted);
        }
        // An unbind may find events that are stored already to be of somebody else: no rows may be on their way to parts.
        let no_checkpoint = self.core.checkpointing.lock();
        let mut admission = self.core.admit()?;
        let record = admitted(&admission.catalog)?;
        let payload = record.encode()?;
        let ticket = self.core.enqueue(&mut admission, payload, record)?;
        self.core.settle(ticket)?;
        // Where the ids of such events are is made anew.
        admission.ids.clear();
        drop(admission);
        drop(no_checkpoint);
        self.limit_hot_rows();
        Ok(Appended { accepted: rows as u64, position: ticket.position, ..Appended::default() })
    }
}

/// The identities of a batch of events, when all of them are declared.
pub(crate) fn event_identities(
    catalog: &Catalog,
    event: &EventType,
    rows: usize,
    identities: Vec<EventIdentity>,
) -> Result<Vec<EventIdentity>, StoreError> {
    let wrong = |what: String| StoreError::mismatch(format!("event `{}`", event.name), what);
    let mut admitted = Vec::new();
    for column in identities {
        let participant = event.participants.get(column.participant);
        let entity = participant.and_then(|p| catalog.entity_by_id(p.entity));
        let entity = entity.ok_or_else(|| wrong(format!("identities are given for participant number {}", column.participant)))?;
        declared(entity, &column.identity)?;
        if column.values.len() != rows {
            return Err(wrong(format!("identity `{}` has {} rows, not {rows}", column.identity, column.values.len())));
        }
        if column.values.values().as_string_opt::<i32>().is_none() {
            return Err(wrong(format!(
                "identity `{}` is a column of {}, not of lists of texts",
                column.identity,
                column.values.data_type()
            )));
        }
        let values = identifying(&column.values)?;
        if values.values().is_empty() {
            continue;
        }
        admitted.push(EventIdentity { values, ..column });
    }
    Ok(admitted)
}

fn declared(entity: &EntityType, identity: &str) -> Result<(), StoreError> {
    match entity.identities.iter().any(|i| i.name == identity) {
        true => Ok(()),
        false => Err(StoreError::mismatch(format!("entity `{}`", entity.name), format!("it declares no identity `{identity}`"))),
    }
}

fn check_length(value: &str) -> Result<(), StoreError> {
    match value.len() > IDENTIFIER_BYTES_MAX {
        true => Err(StoreError::Full { what: "an identifier is too long".to_string(), limit: IDENTIFIER_BYTES_MAX as u64 }),
        false => Ok(()),
    }
}

/// Without values that identify nobody, and each value of a row once.
fn identifying(lists: &ListArray) -> Result<ListArray, StoreError> {
    let values = lists.values().as_string::<i32>();
    let mut kept = ListBuilder::new(StringBuilder::new());
    for row in 0..lists.len() {
        let range = match lists.is_valid(row) {
            true => lists.value_offsets()[row] as usize..lists.value_offsets()[row + 1] as usize,
            false => 0..0,
        };
        let mut said: Vec<&str> = Vec::new();
        for value in range.filter(|i| values.is_valid(*i)).map(|i| values.value(i)).filter(|v| is_identifier(v)) {
            check_length(value)?;
            if !said.contains(&value) {
                said.push(value);
            }
        }
        said.iter().for_each(|value| kept.values().append_value(value));
        kept.append(!said.is_empty());
    }
    Ok(kept.finish())
}

/// Changes of identities that fit their definition; rows whose value identifies nobody do nothing.
fn identity_changes(catalog: &Catalog, batch: IdentityBatch) -> Result<AdmittedIdentities, StoreError> {
    let IdentityBatch { entity, keys, mut deeds, identity, value, others, time } = batch;
    let (keys, rows) = admit::keys(catalog, entity, keys)?;
    let definition = catalog.entity_by_id(entity).ok_or(StoreError::UnknownEntity(entity.0))?;
    let wrong = |what: &str| StoreError::mismatch(format!("entity `{}`", definition.name), what.to_string());
    if [deeds.len(), identity.len(), value.len(), time.len()].iter().any(|n| *n != rows) || time.null_count() > 0 {
        return Err(wrong("the columns of its identities are of different lengths, or a time is missing"));
    }
    let others = match others.is_empty() {
        true => definition.key.iter().map(|p| arrow::array::new_null_array(&crate::arrow_type(&p.data_type), rows)).collect(),
        false => admit::optional_keys(catalog, entity, others, rows)?,
    };
    identity.iter().flatten().try_for_each(|name| declared(definition, name))?;
    value.iter().flatten().try_for_each(check_length)?;
    for (deed, value) in deeds.iter_mut().zip(value.iter()) {
        if value.is_some_and(|v| !is_identifier(v)) {
            *deed = IdentityDeed::Nothing;
        }
    }
    let time = time.with_timezone("UTC");
    Ok(AdmittedIdentities { entity, keys, deeds, identity, value, others, time })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_identifies_nobody_is_seen() {
        let nobody =
            ["", " ", "0", "0.0", "00000000-0000-0000-0000-000000000000", "00:00:00:00:00:00", "null", "Undefined", "NaN", " none "];
        nobody.iter().for_each(|v| assert!(!is_identifier(v), "{v}"));
        ["a", "10", "0a", "nobody@example.org", "00000000-0000-0000-0000-000000000001", "零"]
            .iter()
            .for_each(|v| assert!(is_identifier(v), "{v}"));
    }
}
