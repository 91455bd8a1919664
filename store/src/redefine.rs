//! Which definitions may replace others: rows on disk must keep their meaning.

use crate::StoreError;
use crate::apply::State;
use eql_catalog::{Catalog, Change, EntityType, Object, Property};

/// A changed definition must not change what stored rows mean: keys, participants and types of numbers that are in use stay.
pub(crate) fn check(state: &mut State, catalog: &Catalog, change: &Change) -> Result<(), StoreError> {
    let Change::Put(object) = change else { return Ok(()) };
    match &**object {
        Object::Entity(new) => {
            let rows = state.entities.get(&new.id).map_or(0, |e| e.len());
            let Some(old) = catalog.entity_by_id(new.id).filter(|_| rows > 0) else { return Ok(()) };
            let types = |e: &EntityType| e.key.iter().map(|p| (p.id, p.data_type.clone())).collect::<Vec<_>>();
            let owner = format!("entity `{}`", new.name);
            if types(old) != types(new) {
                return Err(StoreError::mismatch(owner, format!("its key cannot change, it has {rows} rows")));
            }
            same_types(owner, &old.properties, &new.properties)
        }
        Object::Event(new) => {
            let rows = state.snapshot().events.get(&new.id).map_or(0, |e| e.len());
            let Some(old) = catalog.event_by_id(new.id).filter(|_| rows > 0) else { return Ok(()) };
            let owner = format!("event `{}`", new.name);
            let kept = old.participants.iter().zip(&new.participants).all(|(a, b)| a.entity == b.entity);
            if !kept || new.participants.len() < old.participants.len() {
                return Err(StoreError::mismatch(owner, format!("participants can only be added after those it has, it has {rows} rows")));
            }
            same_types(owner, &old.properties, &new.properties)
        }
        _ => Ok(()),
    }
}

fn same_types(owner: String, old: &[Property], new: &[Property]) -> Result<(), StoreError> {
    let changed = new.iter().find(|n| old.iter().any(|o| o.id == n.id && o.data_type != n.data_type));
    match changed {
        Some(p) => Err(StoreError::mismatch(
            owner,
            format!("property `{}` cannot become {} while there are rows; give it a new number", p.name, p.data_type),
        )),
        None => Ok(()),
    }
}
