//! What is known of entities that were merged. Every ordinal keeps what was written to it, and what the one that stands for them has is put
//! together when it is read: so a merge that is taken back leaves no trace.

use super::column::overlay;
use super::columns::EntityParts;
use super::combine::{Held, combine, combine_extra};
use super::history::{BEGINNING, History};
use super::patch::Patch;
use super::place::Place;
use super::row::{EntityRow, RowFinder};
use super::value::{array_of, value_at};
use crate::StoreError;
use crate::arrow_type::arrow_type;
use crate::identity::Roots;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, StringArray, UInt32Array, new_null_array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Int64Type};
use eql_catalog::{Property, Value};
use std::sync::Arc;

impl EntityParts {
    pub(crate) fn with_roots(self, roots: Arc<Roots>) -> EntityParts {
        EntityParts { roots, ..self }
    }

    /// The entity that this ordinal stands for was deleted: all of it.
    pub(crate) fn is_gone(&self, root: u32) -> Result<bool, StoreError> {
        if self.roots.is_empty() {
            return self.is_deleted(root);
        }
        for member in self.roots.members(root) {
            if !self.is_deleted(member)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Ordinals that no reader sees: deleted entities, and those that another ordinal stands for.
    pub(super) fn unseen(&self, deleted: Option<BooleanArray>) -> Option<BooleanArray> {
        if self.roots.is_empty() {
            return deleted;
        }
        let mut unseen = vec![false; self.len as usize];
        deleted.iter().flat_map(|d| d.iter().enumerate()).filter(|(_, d)| *d == Some(true)).for_each(|(i, _)| unseen[i] = true);
        let there: Vec<u32> =
            self.roots.standing().filter(|r| !self.roots.members(*r).iter().all(|m| unseen.get(*m as usize) == Some(&true))).collect();
        there.into_iter().for_each(|root| unseen[root as usize] = false);
        self.roots.hidden().for_each(|o| unseen.get_mut(o as usize).into_iter().for_each(|u| *u = true));
        Some(unseen.into())
    }

    /// Of values by ordinal, for each entity the first that there is; of flags the first that is true.
    pub(crate) fn first_of(&self, values: &ArrayRef) -> Result<ArrayRef, StoreError> {
        if self.roots.is_empty() {
            return Ok(values.clone());
        }
        let there = |o: &u32| {
            let row = *o as usize;
            row < values.len() && values.is_valid(row) && values.as_boolean_opt().is_none_or(|flags| flags.value(row))
        };
        let mut rows: Vec<Option<u32>> = (0..values.len() as u32).map(Some).collect();
        for root in self.roots.standing() {
            if let Some(first) = self.roots.members(root).into_iter().find(there) {
                rows.resize(rows.len().max(root as usize + 1), None);
                rows[root as usize] = Some(first);
            }
        }
        self.roots.hidden().for_each(|o| rows.get_mut(o as usize).into_iter().for_each(|row| *row = None));
        Ok(take(values, &UInt32Array::from(rows), None)?)
    }

    /// A tag of one entity: its own value, else the first that there is.
    pub(crate) fn tag_at(&self, tag: &str, ordinal: u32) -> Result<Value, StoreError> {
        let Some(values) = self.padded(&Place::Tag(tag.to_string()))? else { return Ok(Value::Null) };
        let there = |o: &u32| (*o as usize) < values.len() && values.is_valid(*o as usize);
        let first = match self.roots.is_empty() {
            true => Some(ordinal).filter(there),
            false => self.roots.members(ordinal).into_iter().find(there),
        };
        Ok(first.map_or(Value::Null, |o| value_at(&values, o as usize)))
    }

    /// A column of a property by ordinal, with what merged entities have together.
    pub(super) fn merged(&self, property: &Property, values: ArrayRef) -> Result<ArrayRef, StoreError> {
        if self.roots.is_empty() {
            return Ok(values);
        }
        let standing: Vec<u32> = self.roots.standing().collect();
        self.laid_over(property, values, &standing, &standing)
    }

    /// The same of some ordinals.
    pub(super) fn merged_at(&self, property: &Property, values: ArrayRef, ordinals: &[u32]) -> Result<ArrayRef, StoreError> {
        if self.roots.is_empty() {
            return Ok(values);
        }
        let stands = |o: &u32| self.roots.of(*o) == *o && self.roots.members(*o).len() > 1;
        let (places, standing): (Vec<u32>, Vec<u32>) = (0..).zip(ordinals.iter().copied()).filter(|(_, o)| stands(o)).unzip();
        self.laid_over(property, values, &places, &standing)
    }

    fn laid_over(&self, property: &Property, values: ArrayRef, places: &[u32], standing: &[u32]) -> Result<ArrayRef, StoreError> {
        let Some(column) = self.columns.get(&Place::Property(property.id)).filter(|_| !places.is_empty()) else { return Ok(values) };
        let groups: Vec<Vec<u32>> = standing.iter().map(|root| self.roots.members(*root)).collect();
        let all = groups.concat();
        let own = column.gather(&all)?;
        let marks = Marks::of(self, property, &all)?;
        let mut at = 0;
        let mut combined = Vec::with_capacity(groups.len());
        for group in &groups {
            let held: Vec<Held> = (at..at + group.len()).map(|i| marks.held(value_at(&own, i), i)).collect();
            combined.push(combine(&held, &property.data_type));
            at += group.len();
        }
        let patch = Patch::new(places, &array_of(&combined, values.data_type())?)?;
        overlay(&values, &patch, values.len())
    }

    /// One entity with what all of its ordinals have.
    pub(super) fn merged_row(&self, row: EntityRow, ordinal: u32) -> Result<EntityRow, StoreError> {
        if self.roots.is_empty() {
            return Ok(row);
        }
        if self.roots.of(ordinal) != ordinal {
            return Ok(EntityRow { deleted: true, ..row });
        }
        let members = self.roots.members(ordinal);
        if members.len() == 1 {
            return Ok(row);
        }
        let finder = RowFinder::new(self);
        let own = |o: &u32| finder.row(*o, || self.files.rows.read(self.definition.id, *o, self.saved));
        let rows = members.iter().map(own).collect::<Result<Vec<EntityRow>, StoreError>>()?;
        let mut properties = Vec::with_capacity(row.properties.len());
        for (i, property) in self.definition.properties.iter().enumerate() {
            let values: Vec<Value> = rows.iter().map(|r| r.properties.get(i).map_or(Value::Null, |(_, v)| v.clone())).collect();
            let there: Vec<&Value> = values.iter().filter(|v| **v != Value::Null).collect();
            let value = match there[..] {
                [] => Value::Null,
                [one] => one.clone(),
                // Only where several have one the columns are asked what decides.
                _ => {
                    let marks = Marks::of(self, property, &members)?;
                    let held: Vec<Held> = values.into_iter().enumerate().map(|(i, value)| marks.held(value, i)).collect();
                    combine(&held, &property.data_type)
                }
            };
            properties.push((property.id, value));
        }
        let extra = combine_extra(rows.iter().filter_map(|r| r.extra.as_deref()));
        Ok(EntityRow { keys: row.keys, properties, extra, deleted: rows.iter().all(|r| r.deleted) })
    }

    /// JSON texts by ordinal.
    pub(super) fn merged_extra(&self, texts: ArrayRef) -> Result<ArrayRef, StoreError> {
        if self.roots.is_empty() {
            return Ok(texts);
        }
        let own = texts.as_string::<i32>();
        let standing: Vec<u32> = self.roots.standing().collect();
        let combined: StringArray = standing
            .iter()
            .map(|root| {
                let members = self.roots.members(*root);
                combine_extra(members.iter().filter(|m| own.is_valid(**m as usize)).map(|m| own.value(*m as usize)))
            })
            .collect();
        let combined: ArrayRef = Arc::new(combined);
        overlay(&texts, &Patch::new(&standing, &combined)?, texts.len())
    }

    /// Times of first knowledge by ordinal: of the earliest of its ordinals of which something is known.
    pub(super) fn merged_known(&self, known: ArrayRef) -> Result<ArrayRef, StoreError> {
        if self.roots.is_empty() {
            return Ok(known);
        }
        let own = known.as_primitive::<Int64Type>();
        let standing: Vec<u32> = self.roots.standing().collect();
        let first = |root: &u32| {
            let members = self.roots.members(*root);
            members.iter().filter(|m| own.is_valid(**m as usize)).map(|m| own.value(*m as usize)).min()
        };
        let first: ArrayRef = Arc::new(standing.iter().map(first).collect::<Int64Array>());
        overlay(&known, &Patch::new(&standing, &first)?, known.len())
    }

    /// What held when, of all that an entity is made of: at each time the values that its ordinals had then, combined as those of today are.
    pub(super) fn merged_history(&self, property: &Property, own: &Arc<History>) -> Result<Arc<History>, StoreError> {
        if self.roots.is_empty() {
            return Ok(own.clone());
        }
        let (mut offsets, mut time, mut values) = (vec![0], Vec::with_capacity(own.time.len()), Vec::new());
        for ordinal in 0..own.offsets.len() as u32 - 1 {
            let members = if self.roots.of(ordinal) == ordinal { self.roots.members(ordinal) } else { vec![ordinal] };
            let range = |o: u32| own.offsets[o as usize] as usize..own.offsets[o as usize + 1] as usize;
            if members.len() == 1 {
                time.extend_from_slice(&own.time[range(ordinal)]);
                values.extend(range(ordinal).map(|i| value_at(&own.values, i)));
            } else {
                let marks = Marks::of(self, property, &members)?;
                let mut rows: Vec<(i64, usize, usize)> = members
                    .iter()
                    .enumerate()
                    .flat_map(|(m, o)| range(*o).map(move |i| (m, i)))
                    .map(|(m, i)| (own.time[i], m, i))
                    .collect();
                rows.sort_unstable();
                let mut held: Vec<Held> = (0..members.len()).map(|m| marks.held(Value::Null, m)).collect();
                for (n, (at, member, i)) in rows.iter().enumerate() {
                    held[*member].value = value_at(&own.values, *i);
                    held[*member].told = *at;
                    held[*member].once = held[*member].once.map(|_| *at);
                    if rows.get(n + 1).is_none_or(|next| next.0 > *at) {
                        time.push(*at);
                        values.push(combine(&held, &property.data_type));
                    }
                }
            }
            offsets.push(time.len() as u32);
        }
        Ok(Arc::new(History { offsets, time, values: array_of(&values, &arrow_type(&property.data_type))? }))
    }

    /// A column as long as there are entities, with NULLs where it was never written.
    pub(super) fn padded_or_null(&self, place: &Place, data_type: &DataType) -> Result<ArrayRef, StoreError> {
        Ok(self.padded(place)?.unwrap_or_else(|| new_null_array(data_type, self.len as usize)))
    }
}

/// What decides between values of some ordinals.
struct Marks {
    told: Option<ArrayRef>,
    once: Option<ArrayRef>,
    counted: Option<ArrayRef>,
}

impl Marks {
    fn of(parts: &EntityParts, property: &Property, ordinals: &[u32]) -> Result<Marks, StoreError> {
        let rows = UInt32Array::from(ordinals.to_vec());
        // Whole columns, which the read cache keeps: the next one asks for the same.
        let column = |place: Place| Ok::<_, StoreError>(parts.padded(&place)?.map(|c| take(&c, &rows, None)).transpose()?);
        Ok(Marks {
            told: column(Place::Told(property.id))?,
            once: column(Place::Once(property.id))?,
            counted: column(Place::Counted(property.id))?,
        })
    }

    fn held(&self, value: Value, row: usize) -> Held {
        let time =
            |column: &Option<ArrayRef>| column.as_ref().filter(|c| c.is_valid(row)).map(|c| c.as_primitive::<Int64Type>().value(row));
        let counted = self.counted.as_ref().is_some_and(|c| c.is_valid(row) && c.as_boolean().value(row));
        Held { value, told: time(&self.told).unwrap_or(BEGINNING), once: time(&self.once), counted }
    }
}
