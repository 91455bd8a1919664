//! One entity, without reading the columns of all: the way of look-ups, which come while others write.

use super::columns::EntityParts;
use crate::StoreError;
use crate::arrow_type::arrow_type;
use arrow::array::{Array, ArrayRef, AsArray, new_null_array};
use eql_catalog::PropertyId;

/// What is known about one entity. Every column has one row.
#[derive(Clone, Debug)]
pub struct EntityRow {
    /// The key columns, in order.
    pub keys: Vec<ArrayRef>,
    /// Every declared property, in the order declared.
    pub properties: Vec<(PropertyId, ArrayRef)>,
    /// JSON text of what is not declared.
    pub extra: Option<String>,
    /// Imported tags that have a value.
    pub tags: Vec<(String, ArrayRef)>,
}

impl EntityParts {
    /// The key of an ordinal; no columns when there is none.
    pub(crate) fn key(&self, ordinal: u32) -> Result<Vec<ArrayRef>, StoreError> {
        if ordinal < self.len { self.keys.iter().map(|column| column.at(ordinal)).collect() } else { Ok(Vec::new()) }
    }

    /// The entity of an ordinal; None when there is none.
    pub(crate) fn row(&self, ordinal: u32) -> Result<Option<EntityRow>, StoreError> {
        if ordinal >= self.len {
            return Ok(None);
        }
        let property = |p: &eql_catalog::Property| match self.properties.get(&p.id) {
            Some(column) => Ok((p.id, column.at(ordinal)?)),
            None => Ok((p.id, new_null_array(&arrow_type(&p.data_type), 1))),
        };
        let extra = self.extra.as_ref().map(|column| column.at(ordinal)).transpose()?;
        let mut tags = Vec::with_capacity(self.tags.len());
        for (name, column) in &self.tags {
            let value = column.at(ordinal)?;
            if value.is_valid(0) {
                tags.push((name.clone(), value));
            }
        }
        Ok(Some(EntityRow {
            keys: self.key(ordinal)?,
            properties: self.definition.properties.iter().map(property).collect::<Result<_, StoreError>>()?,
            extra: extra.filter(|e| e.is_valid(0)).map(|e| e.as_string::<i32>().value(0).to_string()),
            tags,
        }))
    }
}
