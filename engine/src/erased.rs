//! Who is known: what was published of others goes out of the change log and out of dead letters.

use crate::profile::values;
use crate::reevaluate::{SEGMENT, tag_of};
use eql_catalog::{EntityType, Value};
use eql_live::{Gone, LogError};
use eql_store::Snapshot;
use std::sync::Arc;

/// Whoever has a key in a snapshot. An entity that was deleted keeps its key, one that was erased does not.
pub(crate) struct Known {
    snapshot: Arc<Snapshot>,
}

impl Known {
    pub(crate) fn of(snapshot: Arc<Snapshot>) -> Known {
        Known { snapshot }
    }

    fn entity(&self, source: &str) -> Option<Arc<EntityType>> {
        let catalog = self.snapshot.catalog();
        match source.strip_prefix(SEGMENT) {
            Some(name) => catalog.entity(&catalog.segment(name)?.entity).cloned(),
            None => catalog.entity_by_id(tag_of(catalog, source)?).cloned(),
        }
    }

    /// Of an entity as subscribers of a segment see it. What cannot be read is nobody's.
    pub(crate) fn is_shown(&self, segment: &str, entity: &serde_json::Value) -> bool {
        let Some(definition) = self.entity(&format!("{SEGMENT}{segment}")) else { return false };
        let text = |v: &serde_json::Value| v.as_str().map_or_else(|| v.to_string(), str::to_string);
        let parts: Vec<String> = match (definition.key.len(), entity) {
            // Who was erased before is told as nobody.
            (_, serde_json::Value::Null) => return true,
            (1, one) => vec![text(one)],
            (_, several) => match several.as_str().and_then(|t| serde_json::from_str::<Vec<serde_json::Value>>(t).ok()) {
                Some(parts) => parts.iter().map(text).collect(),
                None => return false,
            },
        };
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let key = values(&definition, &parts);
        key.is_ok_and(|key| self.snapshot.knows(definition.id, &[key.as_slice()]).is_ok_and(|known| known == [true]))
    }
}

impl Gone for Known {
    fn gone(&self, source: &str, keys: &[&[Value]]) -> Result<Vec<bool>, LogError> {
        let Some(entity) = self.entity(source) else { return Ok(vec![true; keys.len()]) };
        let known = self.snapshot.knows(entity.id, keys).map_err(|e| LogError::Asked(e.to_string()))?;
        Ok(known.into_iter().map(|known| !known).collect())
    }
}
