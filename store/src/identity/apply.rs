//! What records do to identities, in the order of the log.

use super::apart::{NamedBy, named_by};
use super::identities::{Act, Identities, Joined, Said, When};
use crate::StoreError;
use crate::apply::State;
use crate::feed::What;
use crate::log::{AdmittedEvents, AdmittedIdentities, IdentityDeed, Place};
use arrow::array::{Array, AsArray, Int64Array, ListArray, UInt32Array};
use eql_catalog::EntityTypeId;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// The identities of all entity types.
#[derive(Debug, Default)]
pub(crate) struct AllIdentities {
    pub(super) of: BTreeMap<EntityTypeId, Identities>,
    /// The last position that changed them; 0 when there never were any.
    pub(crate) position: u64,
    /// Who became one, or came apart, by the record applied last. A feed of commits hands these out with the record's rows, which keep the
    /// ordinals that they were written with.
    pub(crate) joined: Vec<Joined>,
}

/// A row that says identifiers: its place in the record, its batch, its number there.
type Row = (u32, usize, usize);

impl AllIdentities {
    /// Of a checkpoint: tells the entities who stands for whom.
    pub(crate) fn restore(&self, entities: &mut BTreeMap<EntityTypeId, crate::entity::EntityState>) {
        for (id, identities) in &self.of {
            entities.get_mut(id).into_iter().for_each(|state| state.restore_roots(identities.merges.roots.clone()));
        }
    }

    /// Those of entity types that are gone go.
    pub(crate) fn keep_defined(&mut self, defined: impl Fn(EntityTypeId) -> bool, position: u64) {
        let before = self.of.len();
        self.of.retain(|id, _| defined(*id));
        if self.of.len() != before {
            self.position = position;
        }
    }
}

impl State {
    /// Whose the rows of a record are that name somebody by identifiers. `participants`: of each batch, as their keys say. Of each batch,
    /// columns of what its rows were named by where their keys said nothing.
    pub(crate) fn identify(
        &mut self,
        position: u64,
        batches: &[AdmittedEvents],
        participants: &mut [Vec<UInt32Array>],
    ) -> Result<Vec<NamedBy>, StoreError> {
        let rows = rows_in_order(batches);
        let mut columns = vec![NamedBy::new(); batches.len()];
        if rows.is_empty() {
            return Ok(columns);
        }
        let mut changed: BTreeMap<(usize, usize), Vec<Option<u32>>> = BTreeMap::new();
        let mut names: BTreeMap<(usize, usize), Vec<Option<i64>>> = BTreeMap::new();
        let said: Vec<Vec<Named<'_>>> = batches.iter().map(|b| self.named(b)).collect();
        for (_, batch, row) in rows {
            let at = batches[batch].received.as_ref().unwrap_or(&batches[batch].time).value(row);
            let when = When { time: batches[batch].time.value(row), at };
            for named in said[batch].iter().filter(|n| n.entity.is_some()) {
                let Some(entity) = named.entity else { continue };
                let identifiers = named.of_row(row);
                if identifiers.is_empty() {
                    continue;
                }
                let before = &participants[batch][named.participant];
                let ordinals = changed.entry((batch, named.participant)).or_insert_with(|| before.iter().collect());
                let mut act = act(&mut self.identities, &mut self.entities, entity, position)?;
                let (whose, by) = act.event(ordinals[row], &identifiers, when)?;
                ordinals[row] = whose;
                if let Some(by) = by {
                    let rows = batches[batch].time.len();
                    names.entry((batch, named.participant)).or_insert_with(|| vec![None; rows])[row] = Some(by.hash());
                }
            }
        }
        for ((batch, participant), ordinals) in changed {
            participants[batch][participant] = ordinals.into();
        }
        for ((batch, participant), hashes) in names {
            columns[batch].push((named_by(participant), Arc::new(Int64Array::from(hashes))));
        }
        self.identities.position = position;
        Ok(columns)
    }

    /// The identifiers of a batch by participant, the weightiest first: in the order in which the definition names them.
    fn named<'b>(&self, batch: &'b AdmittedEvents) -> Vec<Named<'b>> {
        let mut all: Vec<Named<'b>> = Vec::new();
        let Some(event) = self.events.get(&batch.event) else { return all };
        for column in &batch.identities {
            let entity = event.definition.participants.get(column.participant).map(|p| p.entity);
            let at = all.iter().position(|n| n.participant == column.participant).unwrap_or_else(|| {
                all.push(Named { participant: column.participant, entity, columns: Vec::new() });
                all.len() - 1
            });
            all[at].columns.push((column.identity.as_str(), &column.values));
        }
        for named in &mut all {
            let declared = named.entity.and_then(|e| self.entities.get(&e)).map(|e| e.definition().clone());
            let weight =
                |name: &str| declared.as_ref().and_then(|d| d.identities.iter().position(|i| i.name == name)).unwrap_or(usize::MAX);
            named.columns.sort_by_key(|(name, _)| weight(name));
        }
        all
    }

    /// Binds, unbinds, merges and what takes these back.
    pub(crate) fn change_identities(&mut self, position: u64, change: AdmittedIdentities) -> Result<What, StoreError> {
        let AdmittedIdentities { entity, keys, deeds, identity, value, others, time } = change;
        self.unsaved_rows += deeds.len();
        let known = |deed: &IdentityDeed| matches!(deed, IdentityDeed::Bind | IdentityDeed::Merge);
        let mask: arrow::array::BooleanArray = deeds.iter().map(|d| Some(known(d))).collect();
        // Who is bound or merged becomes known; who is not known has nothing that could be taken back.
        let state = self.entity(entity)?;
        let some = |keys: &[arrow::array::ArrayRef]| {
            keys.iter().map(|k| arrow::compute::nullif(k, &arrow::compute::not(&mask)?)).collect::<Result<Vec<_>, _>>()
        };
        state.resolve(&some(&keys)?, position)?;
        state.resolve(&some(&others)?, position)?;
        let source = state.source();
        let (ordinals, others) = (source.parts.lookup(&keys)?, source.parts.lookup(&others)?);
        for (row, deed) in deeds.iter().enumerate().filter(|(row, _)| ordinals.is_valid(*row)) {
            let (ordinal, at) = (ordinals.value(row), time.value(row));
            let said =
                (identity.is_valid(row) && value.is_valid(row)).then(|| Said { identity: identity.value(row), value: value.value(row) });
            let mut act = act(&mut self.identities, &mut self.entities, entity, position)?;
            let other = others.is_valid(row).then(|| others.value(row)).or_else(|| said.and_then(|s| act.owner(s)));
            match (deed, said, other) {
                (IdentityDeed::Bind, Some(said), _) => {
                    let number = act.identities.book.number(said.identity, said.value);
                    // It is about whose the identifier is now, whatever it was when that became true.
                    act.bind(ordinal, number, When { time: i64::MAX, at });
                }
                (IdentityDeed::Unbind, Some(said), _) => {
                    if let Some(from) = act.unbind(ordinal, said, at) {
                        self.move_named(position, (entity, ordinal), said, from)?;
                    }
                }
                (IdentityDeed::Merge, _, Some(other)) => act.merge(ordinal, other, at),
                (IdentityDeed::Unmerge, _, Some(other)) => act.unmerge(ordinal, other, at),
                _ => {}
            }
        }
        self.identities.position = position;
        let named = ordinals.iter().chain(others.iter()).flatten();
        Ok(What::Identities { entity, ordinals: UInt32Array::from_iter_values(named) })
    }

    /// Entities of which nothing is known any more have no identifiers.
    pub(crate) fn forget_identities(&mut self, entity: EntityTypeId, ordinals: &HashSet<u32>, position: u64) {
        if let Some(identities) = self.identities.of.get_mut(&entity).filter(|_| !ordinals.is_empty()) {
            identities.forget(ordinals);
            self.identities.position = position;
        }
    }

    /// All ordinals of the entities that some belong to.
    pub(crate) fn whole(&self, entity: EntityTypeId, ordinals: impl IntoIterator<Item = u32>) -> HashSet<u32> {
        match self.identities.of.get(&entity).map(|i| &i.merges.roots).filter(|r| !r.is_empty()) {
            Some(roots) => ordinals.into_iter().flat_map(|o| roots.members(o)).collect(),
            None => ordinals.into_iter().collect(),
        }
    }

    /// Readers see who is one from this position on: the rows of both are of the same entity.
    pub(crate) fn settle_merges(&mut self, position: u64) {
        let types: BTreeSet<EntityTypeId> = self.identities.joined.iter().map(|j| j.entity).collect();
        for entity in types {
            let roots = self.identities.of.get(&entity).map(|i| i.merges.roots.clone()).unwrap_or_default();
            if let Some(state) = self.entities.get_mut(&entity) {
                state.set_roots(roots, position);
            }
            for event in self.events.values_mut().filter(|e| e.definition.participants.iter().any(|p| p.entity == entity)) {
                (event.position, event.rows) = (position, None);
            }
        }
    }
}

pub(super) fn act<'s>(
    identities: &'s mut AllIdentities,
    entities: &'s mut BTreeMap<EntityTypeId, crate::entity::EntityState>,
    entity: EntityTypeId,
    position: u64,
) -> Result<Act<'s>, StoreError> {
    let state = entities.get_mut(&entity).ok_or(StoreError::UnknownEntity(entity.0))?;
    Ok(Act { identities: identities.of.entry(entity).or_default(), entity: state, position, joined: &mut identities.joined })
}

/// The identifiers that the rows of a batch name one participant by.
struct Named<'b> {
    participant: usize,
    entity: Option<EntityTypeId>,
    columns: Vec<(&'b str, &'b ListArray)>,
}

impl<'b> Named<'b> {
    fn of_row(&self, row: usize) -> Vec<Said<'b>> {
        let mut said = Vec::new();
        for (identity, lists) in self.columns.iter().copied().filter(|(_, lists)| lists.is_valid(row)) {
            let offsets = lists.value_offsets();
            let values = lists.values().as_string::<i32>();
            let range = offsets[row] as usize..offsets[row + 1] as usize;
            said.extend(range.filter(|i| values.is_valid(*i)).map(|i| Said { identity, value: values.value(i) }));
        }
        said
    }
}

/// Rows of all batches that say identifiers, in the order in which they were submitted.
fn rows_in_order(batches: &[AdmittedEvents]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (number, batch) in batches.iter().enumerate().filter(|(_, b)| !b.identities.is_empty()) {
        let says = |row: usize| batch.identities.iter().any(|c| c.values.is_valid(row) && c.values.value_length(row) > 0);
        let place = |row: usize| match &batch.place {
            Place::From(first) => first + row as u32,
            Place::Each(places) => places.value(row),
        };
        rows.extend((0..batch.time.len()).filter(|row| says(*row)).map(|row| (place(row), number, row)));
    }
    rows.sort_unstable();
    rows
}
