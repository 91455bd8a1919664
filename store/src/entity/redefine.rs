//! A changed definition of a type that has entities: what they have follows it, or the change is refused beforehand.

use super::column::Column;
use super::columns::EntityParts;
use super::convert::{convert_all, from_json, text_of};
use super::history::{BEGINNING, History};
use super::place::Place;
use super::state::EntityState;
use super::timed::Timed;
use super::value::{array_of, value_at};
use crate::arrow_type::arrow_type;
use crate::{Kept, StoreError};
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
use arrow::compute::{filter, is_not_null};
use arrow::datatypes::DataType as ArrowType;
use eql_catalog::{DataType, EntityType, Property, PropertyId, Value};
use serde_json::{Map, Value as Json};
use std::sync::Arc;

/// What becomes of one property.
enum Fate<'d> {
    Dropped(PropertyId),
    Converted(&'d Property),
    New(&'d Property),
    GainsHistory(&'d Property),
    LosesHistory(PropertyId),
}

fn fates<'d>(old: &EntityType, new: &'d EntityType) -> Vec<Fate<'d>> {
    let dropped = old.properties.iter().filter(|o| !new.properties.iter().any(|n| n.id == o.id)).map(|o| Fate::Dropped(o.id));
    let kept = new.properties.iter().flat_map(|n| {
        let Some(o) = old.properties.iter().find(|o| o.id == n.id) else { return vec![Fate::New(n)] };
        let mut fates = Vec::new();
        if o.data_type != n.data_type {
            fates.push(Fate::Converted(n));
        }
        match (o.history, n.history) {
            (false, true) => fates.push(Fate::GainsHistory(n)),
            (true, false) => fates.push(Fate::LosesHistory(n.id)),
            _ => {}
        }
        fates
    });
    dropped.chain(kept).collect()
}

impl EntityParts {
    /// Keys stay, and every value of a property whose type changes must convert.
    pub(crate) fn check_redefinition(&self, new: &EntityType) -> Result<(), StoreError> {
        let old = &self.definition;
        let types = |e: &EntityType| e.key.iter().map(|p| (p.id, p.data_type.clone())).collect::<Vec<_>>();
        let owner = || format!("entity `{}`", new.name);
        if types(old) != types(new) {
            return Err(StoreError::mismatch(owner(), format!("its key cannot change, it has {} rows", self.len)));
        }
        for fate in fates(old, new) {
            let Fate::Converted(p) = fate else { continue };
            let refused = |count: usize, example: String| {
                let values = if count == 1 { "1 value does".to_string() } else { format!("{count} values do") };
                let what = format!("property `{}` cannot become {}: {values} not convert, for instance {example}", p.name, p.data_type);
                StoreError::mismatch(owner(), what)
            };
            if let Some(column) = self.columns.get(&Place::Property(p.id)) {
                let values = column.join(column.len())?;
                if let Err((count, row)) = convert_all(&values, &p.data_type) {
                    return Err(refused(count, format!("{} of {}", shown(&value_at(&values, row)), self.key_text(row)?)));
                }
            }
            if let Some(timed) = self.histories.get(&p.id) {
                let values = timed.join()?.values;
                if let Err((count, row)) = convert_all(&values, &p.data_type) {
                    return Err(refused(count, format!("{}, which it was once", shown(&value_at(&values, row)))));
                }
            }
        }
        Ok(())
    }

    fn key_text(&self, ordinal: usize) -> Result<String, StoreError> {
        let mut texts = Vec::new();
        for (i, p) in self.definition.key.iter().enumerate() {
            if let Some(column) = self.columns.get(&Place::Key(i)) {
                texts.push(format!("{} {}", p.name, shown(&value_at(&column.gather(&[ordinal as u32])?, 0))));
            }
        }
        Ok(texts.join(", "))
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{text}'"),
        other => text_of(other).unwrap_or_default(),
    }
}

impl EntityState {
    /// Takes over a changed definition; admission saw to it that it fits.
    pub(crate) fn redefine(&mut self, definition: Arc<EntityType>, position: u64) -> Result<(), StoreError> {
        if self.len() == 0 {
            *self = EntityState::new(definition, position, self.parts.files.clone())?;
            return Ok(());
        }
        let old = std::mem::replace(&mut self.parts.definition, definition.clone());
        self.touch(position);
        let fates = fates(&old, &definition);
        let new: Vec<&Property> = fates.iter().filter_map(|f| if let Fate::New(p) = f { Some(*p) } else { None }).collect();
        for fate in &fates {
            match fate {
                Fate::Dropped(id) => self.drop_property(*id, position),
                Fate::Converted(p) => self.convert_property(p, position)?,
                Fate::GainsHistory(p) => self.begin_history(p)?,
                Fate::LosesHistory(id) => self.drop_history(*id),
                // Numbers are used again: rows of the property that had it before must not speak for this one.
                Fate::New(p) => self.distrust(Place::Property(p.id), position),
            }
        }
        if new.is_empty() { Ok(()) } else { self.promote(&new, position) }
    }

    /// What packed rows said until now about a column no longer counts.
    fn distrust(&mut self, place: Place, position: u64) {
        self.parts.redefined.insert(place.name(), position);
    }

    fn drop_property(&mut self, id: PropertyId, position: u64) {
        self.parts.columns.remove(&Place::Property(id));
        for place in [Place::Once(id), Place::Told(id), Place::Counted(id)] {
            self.parts.columns.remove(&place);
        }
        self.drop_history(id);
        self.distrust(Place::Property(id), position);
    }

    fn drop_history(&mut self, id: PropertyId) {
        self.parts.histories.remove(&id);
        self.parts.columns.remove(&Place::Since(id));
    }

    fn convert_property(&mut self, p: &Property, position: u64) -> Result<(), StoreError> {
        let converted = |values: ArrayRef| {
            let lost = |(count, _)| StoreError::mismatch(format!("property `{}`", p.name), format!("{count} values do not convert"));
            array_of(&convert_all(&values, &p.data_type).map_err(lost)?, &arrow_type(&p.data_type))
        };
        if let Some(column) = self.parts.columns.get_mut(&Place::Property(p.id)) {
            *column = Arc::new(Column::of(converted(column.join(column.len())?)?));
        }
        if let Some(timed) = self.parts.histories.get_mut(&p.id) {
            let history = timed.join()?;
            *timed = Arc::new(Timed::of(History { values: converted(history.values)?, ..history }));
        }
        self.distrust(Place::Property(p.id), position);
        Ok(())
    }

    /// What is known now holds from the beginning.
    fn begin_history(&mut self, p: &Property) -> Result<(), StoreError> {
        let Some(column) = self.parts.columns.get(&Place::Property(p.id)) else { return Ok(()) };
        let values = column.join(self.parts.len as usize)?;
        let since: Int64Array = (0..values.len()).map(|i| values.is_valid(i).then_some(BEGINNING)).collect();
        let offsets = std::iter::once(0).chain((0..values.len()).scan(0, |n, i| {
            *n += u32::from(values.is_valid(i));
            Some(*n)
        }));
        let offsets = offsets.collect();
        let values = filter(&values, &is_not_null(&values)?)?;
        let history = History { offsets, time: vec![BEGINNING; values.len()], values };
        self.parts.histories.insert(p.id, Arc::new(Timed::of(history)));
        self.parts.columns.insert(Place::Since(p.id), Arc::new(Column::of(Arc::new(since))));
        Ok(())
    }

    /// Values that were undeclared until now move to the new properties of their names. What does not convert stays where it is.
    fn promote(&mut self, new: &[&Property], position: u64) -> Result<(), StoreError> {
        let Some(extra) = self.parts.columns.get(&Place::Extra) else { return Ok(()) };
        let extra = extra.join(self.parts.len as usize)?;
        let Some(promoted) = Promoted::of(extra.as_string(), new) else { return Ok(()) };
        for (p, (values, left)) in new.iter().zip(promoted.values.iter().zip(&promoted.left)) {
            if *left > 0 {
                tracing::warn!(property = p.name, data_type = %p.data_type, left, "undeclared values do not convert and stay in extra");
            }
            if values.iter().any(|v| *v != Value::Null) {
                let values = array_of(values, &arrow_type(&p.data_type))?;
                self.parts.columns.insert(Place::Property(p.id), Arc::new(Column::of(values)));
                if p.history {
                    self.begin_history(p)?;
                }
            }
        }
        self.parts.columns.insert(Place::Extra, Arc::new(Column::of(Arc::new(promoted.extra))));
        self.distrust(Place::Extra, position);
        Ok(())
    }
}

/// What promotion makes of the undeclared values of all entities.
struct Promoted {
    extra: StringArray,
    /// By property, by entity.
    values: Vec<Vec<Value>>,
    /// By property: how many did not convert.
    left: Vec<usize>,
}

impl Promoted {
    /// None when nothing moves.
    fn of(extra: &StringArray, new: &[&Property]) -> Option<Promoted> {
        let mut values = vec![vec![Value::Null; extra.len()]; new.len()];
        let (mut left, mut moved) = (vec![0; new.len()], false);
        let mut texts: Vec<Option<String>> = Vec::with_capacity(extra.len());
        for (row, text) in extra.iter().enumerate() {
            let Some(mut object) = text.and_then(|t| serde_json::from_str::<Map<String, Json>>(t).ok()) else {
                texts.push(text.map(str::to_string));
                continue;
            };
            let before = object.len();
            for (i, p) in new.iter().enumerate() {
                match object.get(&p.name).map(|json| from_json(json, &p.data_type)) {
                    Some(Some(value)) => {
                        values[i][row] = value;
                        object.remove(&p.name);
                    }
                    Some(None) => left[i] += 1,
                    None => {}
                }
            }
            let changed = object.len() < before;
            moved |= changed;
            texts.push(match (changed, object.is_empty()) {
                (false, _) => text.map(str::to_string),
                (true, true) => None,
                (true, false) => Some(Json::Object(object).to_string()),
            });
        }
        (moved || left.iter().any(|n| *n > 0)).then(|| Promoted { extra: texts.into(), values, left })
    }
}

/// The type of the values of a column; None when the definition has no such column.
pub(super) fn type_of(definition: &EntityType, place: &Place, tag: impl Fn(&str) -> Option<DataType>) -> Option<ArrowType> {
    let property = |id: &PropertyId| definition.properties.iter().find(|p| p.id == *id);
    Some(match place {
        Place::Key(i) => arrow_type(&definition.key.get(*i)?.data_type),
        Place::Property(id) => arrow_type(&property(id)?.data_type),
        Place::History(id) => arrow_type(&property(id).filter(|p| p.history)?.data_type),
        Place::Since(id) => property(id).filter(|p| p.history).map(|_| ArrowType::Int64)?,
        Place::Once(id) | Place::Told(id) => property(id).map(|_| ArrowType::Int64)?,
        Place::Counted(id) => property(id).map(|_| ArrowType::Boolean)?,
        Place::Extra => ArrowType::Utf8,
        Place::Known => ArrowType::Int64,
        Place::Deleted => ArrowType::Boolean,
        Place::Tag(name) | Place::Version(Kept::Tag(name), _) => arrow_type(&tag(name)?),
        Place::Version(Kept::Segment(_), _) => ArrowType::Boolean,
    })
}
