//! Who is known by what, and what contradicts itself about that.

use super::{figures, times};
use arrow::array::{ArrayRef, StringArray, TimestampMicrosecondArray};
use arrow::util::display::array_value_to_string;
use eql_catalog::EntityTypeId;
use eql_store::{IdentityConflict, KnownIdentifier, Snapshot, Store, StoreError};
use std::sync::Arc;

pub(super) fn identities(store: &Store) -> Result<Vec<ArrayRef>, StoreError> {
    let all = store.identifiers();
    let snapshot = store.snapshot()?;
    let texts =
        |pick: for<'r> fn(&'r KnownIdentifier) -> &'r str| Arc::new(StringArray::from_iter_values(all.iter().map(pick))) as ArrayRef;
    let instants = |pick: fn(&KnownIdentifier) -> Option<i64>| {
        Arc::new(all.iter().map(pick).collect::<TimestampMicrosecondArray>().with_timezone("UTC")) as ArrayRef
    };
    Ok(vec![
        names(&snapshot, all.iter().map(|i| i.entity)),
        texts(|i| &i.identity),
        texts(|i| &i.value),
        keys(&snapshot, &all.iter().map(|i| Some((i.entity, i.ordinal))).collect::<Vec<_>>())?,
        figures(all.iter().map(|i| u64::from(i.ordinal))),
        instants(|i| i.since),
        instants(|i| i.until),
    ])
}

pub(super) fn conflicts(store: &Store) -> Result<Vec<ArrayRef>, StoreError> {
    let all = store.identity_conflicts();
    let snapshot = store.snapshot()?;
    // Who they are now: the key of somebody merged is not shown anywhere else either.
    let now = |entity: EntityTypeId, ordinal: u32| Ok::<_, StoreError>((entity, snapshot.standing(entity, ordinal)?.unwrap_or(ordinal)));
    let whom = all.iter().map(|c| now(c.entity, c.ordinal).map(Some)).collect::<Result<Vec<_>, _>>()?;
    let others = all.iter().map(|c| c.other.map(|o| now(c.entity, o)).transpose()).collect::<Result<Vec<_>, _>>()?;
    let texts = |pick: for<'r> fn(&'r IdentityConflict) -> Option<&'r str>| {
        Arc::new(all.iter().map(|c| pick(c)).collect::<StringArray>()) as ArrayRef
    };
    Ok(vec![
        names(&snapshot, all.iter().map(|c| c.entity)),
        texts(|c| Some(c.kind.word())),
        texts(|c| c.identity.as_deref()),
        texts(|c| c.value.as_deref()),
        keys(&snapshot, &whom)?,
        keys(&snapshot, &others)?,
        times(all.iter().map(|c| c.first_at)),
        times(all.iter().map(|c| c.last_at)),
        figures(all.iter().map(|c| c.times)),
    ])
}

fn names(snapshot: &Snapshot, entities: impl Iterator<Item = EntityTypeId>) -> ArrayRef {
    let name = |id: EntityTypeId| snapshot.catalog().entity_by_id(id).map(|e| e.name.as_str());
    Arc::new(entities.map(name).collect::<StringArray>())
}

/// Keys as texts, those of several columns joined by commas; NULL where there is none.
fn keys(snapshot: &Snapshot, whose: &[Option<(EntityTypeId, u32)>]) -> Result<ArrayRef, StoreError> {
    let mut texts: Vec<Option<String>> = vec![None; whose.len()];
    let mut types: Vec<EntityTypeId> = whose.iter().flatten().map(|(entity, _)| *entity).collect();
    types.sort_unstable();
    types.dedup();
    for entity in types.into_iter().filter(|e| snapshot.catalog().entity_by_id(*e).is_some()) {
        let of_type = |w: &Option<(EntityTypeId, u32)>| w.filter(|(e, _)| *e == entity).map(|(_, ordinal)| ordinal);
        let (places, ordinals): (Vec<usize>, Vec<u32>) = whose.iter().enumerate().filter_map(|(i, w)| Some((i, of_type(w)?))).unzip();
        let columns = snapshot.keys_of(entity, &ordinals)?;
        for (row, place) in places.into_iter().enumerate() {
            if columns.iter().all(|c| c.is_valid(row)) {
                let parts = columns.iter().map(|c| array_value_to_string(c, row)).collect::<Result<Vec<_>, _>>()?;
                texts[place] = Some(parts.join(","));
            }
        }
    }
    Ok(Arc::new(StringArray::from(texts)))
}
