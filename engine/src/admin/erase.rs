//! Forgetting entities for good, and giving back the room of what is gone.

use crate::profile::values;
use crate::{Engine, EngineError};
use arrow::array::{Array, ArrayRef, StringArray};
use arrow::compute::cast;
use eql_catalog::EntityType;
use eql_store::{Compacted, arrow_type};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// The entity type.
    pub entity: String,
    /// The keys that were known, as given.
    pub erased: Vec<String>,
    /// The keys that nobody has.
    pub unknown: Vec<String>,
    /// The log position of the erasure, or the present one when there was nothing to erase.
    pub position: u64,
}

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactReport {
    /// Parts that are gone.
    pub parts_before: u64,
    /// Parts in their place.
    pub parts_after: u64,
    /// Rows that were written anew.
    pub rows: u64,
    /// Bytes of the parts that are gone.
    pub bytes_before: u64,
    /// Bytes of the parts in their place.
    pub bytes_after: u64,
    /// Changes of segments and tags that were published of entities that nobody knows any more: they lost their keys.
    #[serde(default)]
    pub changes_erased: u64,
    /// Dead letters of webhooks from which such entities were taken.
    #[serde(default)]
    pub letters_erased: u64,
}

impl Engine {
    /// Erases entities by their keys: all they are, all they did and all they belong to are gone from every later answer.
    /// [`compact`](Engine::compact) takes them out of the files. A key of several columns is joined by commas.
    ///
    /// # Errors
    /// An unknown entity type, a key of another type (then nothing is erased), or the log cannot be written.
    pub fn erase(&self, entity: &str, keys: &[String]) -> Result<Erased, EngineError> {
        let snapshot = self.store.snapshot()?;
        let Some(definition) = snapshot.catalog().entity(entity).cloned() else {
            return Err(EngineError::NotFound(format!("no entity `{entity}` is defined")));
        };
        let (mut erased, mut unknown) = (Vec::new(), Vec::new());
        for key in keys {
            let known = snapshot.profile(definition.id, &values(&definition, &columns(&definition, key))?)?.is_some();
            if known { erased.push(key.clone()) } else { unknown.push(key.clone()) }
        }
        drop(snapshot);
        let position = match erased.is_empty() {
            true => self.store.position(),
            false => self.store.erase(definition.id, arrays(&definition, &erased)?)?.position,
        };
        Ok(Erased { entity: entity.to_string(), erased, unknown, position })
    }

    /// Merges parts. `everything`: takes all that was deleted or erased out of all files, too; else only what is due.
    /// Blocks: call it from a thread of its own.
    ///
    /// # Errors
    /// Files cannot be read or written.
    pub fn compact(&self, everything: bool) -> Result<CompactReport, EngineError> {
        // Those who follow are told first: afterwards nobody knows whom they would have to be told of.
        if everything {
            self.let_published();
        }
        let done = if everything { self.store.purge()? } else { self.store.compact(false)? };
        let (changes_erased, letters_erased) = if everything { self.erase_published()? } else { (0, 0) };
        let Compacted { parts_before, parts_after, rows, bytes_before, bytes_after, .. } = done;
        Ok(CompactReport { parts_before, parts_after, rows, bytes_before, bytes_after, changes_erased, letters_erased })
    }
}

fn columns<'a>(entity: &EntityType, key: &'a str) -> Vec<&'a str> {
    if entity.key.len() > 1 { key.split(',').collect() } else { vec![key] }
}

/// Keys as columns of the declared types.
fn arrays(entity: &EntityType, keys: &[String]) -> Result<Vec<ArrayRef>, EngineError> {
    let parts: Vec<Vec<&str>> = keys.iter().map(|key| columns(entity, key)).collect();
    let column = |(i, declared): (usize, &eql_catalog::Property)| {
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(parts.iter().map(|p| p[i])));
        let cast = cast(&texts, &arrow_type(&declared.data_type)).map_err(eql_store::StoreError::from)?;
        match (0..cast.len()).find(|row| cast.is_null(*row)) {
            Some(row) => {
                Err(EngineError::Invalid(format!("key `{}` of entity `{}` cannot be `{}`", declared.name, entity.name, parts[row][i])))
            }
            None => Ok(cast),
        }
    };
    entity.key.iter().enumerate().map(column).collect()
}
