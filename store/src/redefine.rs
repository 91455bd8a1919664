//! Which definitions may replace others: rows on disk must keep their meaning.

use crate::StoreError;
use crate::apply::State;
use crate::grown;
use eql_catalog::{Catalog, Change, Object};
use parking_lot::Mutex;

/// A changed definition must not change what stored rows mean: keys, participants and types of numbers that are in use stay.
pub(crate) fn check(state: &Mutex<State>, catalog: &Catalog, change: &Change) -> Result<(), StoreError> {
    let Change::Put(object) = change else { return Ok(()) };
    match &**object {
        Object::Entity(new) => {
            // Its columns are looked at without holding up readers.
            let source = state.lock().entities.get_mut(&new.id).filter(|e| e.len() > 0).map(|e| e.source());
            source.map_or(Ok(()), |source| source.parts.check_redefinition(new))
        }
        Object::Event(new) => {
            let rows = state.lock().snapshot().events.get(&new.id).map_or(0, |e| e.len());
            let Some(old) = catalog.event_by_id(new.id).filter(|_| rows > 0) else { return Ok(()) };
            let owner = format!("event `{}`", new.name);
            let kept = old.participants.iter().zip(&new.participants).all(|(a, b)| a.entity == b.entity);
            if !kept || new.participants.len() < old.participants.len() {
                return Err(StoreError::mismatch(owner, format!("participants can only be added after those it has, it has {rows} rows")));
            }
            let snapshot = state.lock().snapshot();
            grown::check(&*snapshot.events(new.id)?, old, new)
        }
        _ => Ok(()),
    }
}
