//! One operation on an entity as it was written down: whose, and what is done to which property.

use super::answer::Refusal;
use super::entity_deeds::{self, Deed};
use super::event::time_of;
use super::record::{Member, flag, shortened, shown};
use crate::error::nearest;
use crate::limit::COLUMNS;
use crate::source::{Json, Scanner, elements, members};
use eql_catalog::{DataType, EntityType, Property};
use eql_store::EntityOperation;
use std::borrow::Cow;

/// One property and what is done to it.
pub(crate) struct Step<'a> {
    pub(crate) operation: EntityOperation,
    /// None: nobody declares it, so that it goes to `extra`.
    pub(crate) property: Option<usize>,
    pub(crate) name: Cow<'a, str>,
    pub(crate) value: Json<'a>,
}

/// A record that was understood.
pub(crate) struct EntityRecord<'a> {
    /// One value a key column.
    pub(crate) key: Vec<Json<'a>>,
    pub(crate) time: Option<i64>,
    pub(crate) delete: bool,
    pub(crate) steps: Vec<Step<'a>>,
    /// What it does to identities.
    pub(crate) deeds: Vec<Deed<'a>>,
}

impl<'a> EntityRecord<'a> {
    pub(crate) fn read(entity: &EntityType, text: &'a str) -> Result<EntityRecord<'a>, Refusal> {
        let mut parts = Vec::new();
        let mut scanner = Scanner::new(text);
        let read = scanner.object(|scanner, name| {
            parts.push((name, scanner.value()?));
            if parts.len() > COLUMNS { Err("it has more than 4096 members") } else { Ok(()) }
        });
        read.and_then(|()| scanner.end()).map_err(|what| Refusal::malformed(&format!("the record is no JSON object: {what}")))?;
        let mut record =
            EntityRecord { key: vec![Json::Null; entity.key.len()], time: None, delete: false, steps: Vec::new(), deeds: Vec::new() };
        for (name, value) in parts {
            record.part(entity, name, value)?;
        }
        record.check(entity)?;
        Ok(record)
    }

    fn part(&mut self, entity: &EntityType, name: Cow<'a, str>, value: Json<'a>) -> Result<(), Refusal> {
        use EntityOperation as O;
        if let Some(column) = entity.key.iter().position(|k| k.name == name) {
            self.key[column] = value;
            return Ok(());
        }
        match name.as_ref() {
            "key" => self.key = key(entity, "key", value)?,
            "time" => self.time = time_of(&value)?,
            "delete" => self.delete = flag("delete", &value)?,
            "set" => self.steps(entity, O::Set, &name, value)?,
            "set_once" => self.steps(entity, O::SetOnce, &name, value)?,
            "increment" => self.steps(entity, O::Increment, &name, value)?,
            "append" => self.steps(entity, O::Append, &name, value)?,
            "union" => self.steps(entity, O::Union, &name, value)?,
            "unset" => self.unset(entity, value)?,
            "bind" | "unbind" | "merge" | "unmerge" => self.deeds.extend(entity_deeds::read(entity, &name, value)?),
            other => return Err(unknown_part(entity, other)),
        }
        Ok(())
    }

    fn steps(&mut self, entity: &EntityType, operation: EntityOperation, name: &str, value: Json<'a>) -> Result<(), Refusal> {
        let found = match value {
            Json::Null => return Ok(()),
            Json::Raw(text) if text.starts_with('{') => members(text).map_err(Refusal::malformed)?,
            other => return Err(Refusal::wrong_type(&format!("`{name}`"), &shown(&other), "an object of properties")),
        };
        found.into_iter().try_for_each(|(property, value)| self.step(entity, operation, name, (property, value)))
    }

    fn step(&mut self, entity: &EntityType, operation: EntityOperation, word: &str, member: Member<'a>) -> Result<(), Refusal> {
        use EntityOperation as O;
        let (name, value) = member;
        if entity.key.iter().any(|k| k.name == name) {
            return Err(Refusal::new("invalid", format!("`{word}`: `{name}` is the key of entity `{}`, which never changes", entity.name)));
        }
        let place = entity.properties.iter().position(|p| p.name == name);
        match (place.map(|p| &entity.properties[p]), operation) {
            (Some(property), _) => fits(entity, property, operation, word, &value)?,
            (None, O::Set) => {}
            (None, _) => return Err(undeclared(entity, word, &name)),
        }
        // NULL says nothing except that a value is cleared.
        if value == Json::Null && !matches!(operation, O::Set | O::Unset) {
            return Ok(());
        }
        if self.steps.iter().any(|s| s.name == name && s.operation != operation) {
            return Err(Refusal::new("invalid", format!("property `{name}` stands in two operations; send them as two records")));
        }
        self.steps.push(Step { operation, property: place, name, value });
        Ok(())
    }

    fn unset(&mut self, entity: &EntityType, value: Json<'a>) -> Result<(), Refusal> {
        let names = match value {
            Json::Null => return Ok(()),
            Json::Raw(text) if text.starts_with('[') => elements(text).map_err(Refusal::malformed)?,
            // As some send it: an object whose values say nothing.
            Json::Raw(text) => members(text).map_err(Refusal::malformed)?.into_iter().map(|(name, _)| Json::Text(name)).collect(),
            Json::Text(name) => vec![Json::Text(name)],
            other => return Err(Refusal::wrong_type("`unset`", &shown(&other), "a list of properties")),
        };
        for name in names {
            match name {
                Json::Text(name) => self.step(entity, EntityOperation::Unset, "unset", (name, Json::Null))?,
                other => return Err(Refusal::wrong_type("`unset`", &shown(&other), "the name of a property")),
            }
        }
        Ok(())
    }

    fn check(&self, entity: &EntityType) -> Result<(), Refusal> {
        if let Some(missing) = entity.key.iter().zip(&self.key).find(|(_, v)| **v == Json::Null).map(|(k, _)| &k.name) {
            let message = format!("`key`, or the key column `{missing}` of entity `{}`, is missing", entity.name);
            return Err(Refusal::new("missing", message));
        }
        if self.delete && !(self.steps.is_empty() && self.deeds.is_empty()) {
            return Err(Refusal::new("invalid", "`delete` stands alone; send what follows as another record"));
        }
        Ok(())
    }
}

/// The values of a key that stands under a word: one, or as many as the key has columns, by name or in order.
pub(crate) fn key<'a>(entity: &EntityType, word: &str, value: Json<'a>) -> Result<Vec<Json<'a>>, Refusal> {
    let columns = || entity.key.iter().map(|k| format!("`{}`", k.name)).collect::<Vec<_>>().join(", ");
    let parts = match value {
        Json::Raw(text) if text.starts_with('{') => {
            let mut found = members(text).map_err(Refusal::malformed)?;
            if let Some((other, _)) = found.iter().find(|(n, _)| !entity.key.iter().any(|k| k.name == *n)) {
                return Err(Refusal::new(
                    "invalid",
                    format!("`{word}`: entity `{}` has the key {}, not `{other}`", entity.name, columns()),
                ));
            }
            let mut value = |k: &Property| found.iter().rposition(|(n, _)| *n == k.name).map_or(Json::Null, |at| found.swap_remove(at).1);
            return Ok(entity.key.iter().map(&mut value).collect());
        }
        Json::Raw(text) if text.starts_with('[') => elements(text).map_err(Refusal::malformed)?,
        one => vec![one],
    };
    if parts.len() != entity.key.len() {
        let message =
            format!("`{word}`: entity `{}` has a key of {} ({}), not of {}", entity.name, entity.key.len(), columns(), parts.len());
        return Err(Refusal::new("wrong_type", message));
    }
    Ok(parts)
}

/// The operation can be done to a property of this type.
fn fits(entity: &EntityType, property: &Property, operation: EntityOperation, word: &str, value: &Json<'_>) -> Result<(), Refusal> {
    use EntityOperation as O;
    let what = || format!("property `{}` of entity `{}`", property.name, entity.name);
    let needs = match operation {
        O::Increment if !property.data_type.is_numeric() => "a number",
        O::Append | O::Union if !matches!(property.data_type, DataType::List(_)) => "a list",
        O::Set | O::Unset if property.required && *value == Json::Null => {
            return Err(Refusal::new("missing", format!("{}, which is NOT NULL, cannot be cleared", what())));
        }
        _ => return Ok(()),
    };
    Err(Refusal::new("wrong_type", format!("`{word}`: {} is {}, not {needs}", what(), property.data_type)))
}

fn undeclared(entity: &EntityType, word: &str, name: &str) -> Refusal {
    let hint = nearest(name, entity.properties.iter().map(|p| p.name.as_str()));
    let hint = hint.map_or_else(|| "; only `set` keeps what is not declared".to_string(), |n| format!("; the nearest is `{n}`"));
    Refusal::new("unknown_property", format!("`{word}`: entity `{}` has no property `{}`{hint}", entity.name, shortened(name)))
}

fn unknown_part(entity: &EntityType, name: &str) -> Refusal {
    if entity.properties.iter().any(|p| p.name == name) {
        return Refusal::new("invalid", format!("property `{name}` stands beside the operations; write it inside of `set`"));
    }
    let known = ["key", "time", "delete", "set", "set_once", "increment", "append", "union", "unset", "bind", "unbind", "merge", "unmerge"];
    let known = known.into_iter().chain(entity.key.iter().map(|k| k.name.as_str()));
    let hint = nearest(name, known).map(|n| format!("; the nearest is `{n}`")).unwrap_or_default();
    Refusal::new("invalid", format!("`{}` is no operation on an entity{hint}", shortened(name)))
}
