//! One entity as columns of one row, without reading the columns of all: the way of look-ups, which come while others write.

use super::columns::EntityParts;
use super::place::Place;
use super::value::array_of;
use crate::StoreError;
use crate::arrow_type::arrow_type;
use arrow::array::{Array, ArrayRef};
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
        if ordinal >= self.len {
            return Ok(Vec::new());
        }
        (0..self.definition.key.len()).filter_map(|i| self.columns.get(&Place::Key(i))).map(|column| column.gather(&[ordinal])).collect()
    }

    /// The entity of an ordinal; None when there is none.
    pub(crate) fn row(&self, ordinal: u32) -> Result<Option<EntityRow>, StoreError> {
        let Some(values) = self.values(ordinal)? else { return Ok(None) };
        let mut tags = Vec::new();
        for (place, column) in &self.columns {
            if let Place::Tag(name) = place {
                let value = column.gather(&[ordinal])?;
                if value.is_valid(0) {
                    tags.push((name.clone(), value));
                }
            }
        }
        let types = self.definition.properties.iter().map(|p| arrow_type(&p.data_type));
        let properties = values.properties.iter().zip(types);
        Ok(Some(EntityRow {
            keys: self.key(ordinal)?,
            properties: properties
                .map(|((id, v), t)| Ok((*id, array_of(std::slice::from_ref(v), &t)?)))
                .collect::<Result<_, StoreError>>()?,
            extra: values.extra,
            tags,
        }))
    }
}
