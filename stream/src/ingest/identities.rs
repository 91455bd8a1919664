//! `identities`: other keys by which an entity is known. An undeclared one refuses its record: it could only have been meant for something.

use super::answer::Refusal;
use super::record::shown;
use crate::error::nearest;
use crate::source::{Json, members};
use eql_catalog::{Catalog, EntityType};

/// The identities of a record as JSON text; all of them are declared.
pub(crate) fn declared<'a>(catalog: &Catalog, value: &Json<'a>) -> Result<Option<&'a str>, Refusal> {
    let text = match value {
        Json::Null => return Ok(None),
        Json::Raw(text) if text.starts_with('{') => text,
        other => return Err(Refusal::wrong_type("`identities`", &shown(other), "an object by entity")),
    };
    let entities = members(text).map_err(Refusal::malformed)?;
    for (name, keys) in &entities {
        let Some(entity) = catalog.entity(name) else {
            let hint = nearest(name, catalog.entities().map(|e| e.name.as_str()));
            let hint = hint.map(|n| format!("; the nearest is `{n}`")).unwrap_or_default();
            return Err(Refusal::new("unknown_entity", format!("`identities`: no entity `{name}` is defined{hint}")));
        };
        keys_of(entity, keys)?;
    }
    Ok((!entities.is_empty()).then_some(*text))
}

fn keys_of(entity: &EntityType, keys: &Json<'_>) -> Result<(), Refusal> {
    let keys = match keys {
        Json::Null => return Ok(()),
        Json::Raw(text) if text.starts_with('{') => members(text).map_err(Refusal::malformed)?,
        other => return Err(Refusal::wrong_type(&format!("`identities.{}`", entity.name), &shown(other), "an object of keys")),
    };
    match keys.iter().find(|(key, _)| !entity.identities.iter().any(|i| i.name == *key)) {
        None => Ok(()),
        Some((key, _)) => {
            let message =
                format!("entity `{}` declares no identity `{key}`; name it in IDENTITIES of its DEFINE ENTITY first", entity.name);
            Err(Refusal::new("unknown_identity", message))
        }
    }
}
