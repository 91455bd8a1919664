//! Values of entities at the times of events: `at_event(user.city)`. What changes is looked up row by row, everything else by ordinal.

use crate::row::{Compiled, by_ordinal, store_error};
use crate::world::World;
use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use datafusion::common::Result;
use eql_catalog::EntityTypeId;
use eql_compiler::bound::{EntityValue, Leaf, Link, ScanColumn};
use eql_store::{EntityColumns, History};
use std::sync::Arc;

/// An expression over entities at times.
pub(crate) struct TimedValue {
    columns: Vec<Column>,
    compiled: Compiled,
}

/// How one column of it is read.
enum Column {
    At(Arc<History>),
    /// By ordinal, the last value for no entity.
    Always(ArrayRef),
    /// A value of the entity whose key these columns are, at that time.
    Through(Vec<Column>, Arc<EntityColumns>, Box<TimedValue>),
    /// Computed from columns of the entity, at that time.
    Computed(Box<TimedValue>),
}

impl TimedValue {
    pub(crate) fn new(world: &World, value: &EntityValue) -> Result<Self> {
        let columns = columns(world, value.entity, &value.value.columns)?;
        Ok(Self { columns, compiled: Compiled::new(world, &value.value.columns, &value.value.expr)? })
    }

    /// One value a pair; without an entity it is the value over NULLs.
    pub(crate) fn read(&self, ordinals: &UInt32Array, times: &[i64]) -> Result<ArrayRef> {
        let columns = self.columns.iter().map(|c| c.read(ordinals, times)).collect::<Result<_>>()?;
        self.compiled.evaluate(columns, ordinals.len())
    }
}

fn columns(world: &World, entity: EntityTypeId, columns: &[ScanColumn]) -> Result<Vec<Column>> {
    columns.iter().map(|c| Column::new(world, entity, c)).collect()
}

impl Column {
    fn new(world: &World, entity: EntityTypeId, column: &ScanColumn) -> Result<Self> {
        Ok(match &column.leaf {
            Leaf::PropertyAtEvent(p) => {
                let entities = world.snapshot.entities(entity).map_err(store_error)?;
                Column::At(entities.history(*p).map_err(store_error)?)
            }
            leaf @ Leaf::Through(Link::Key(source), value) if leaf.at_event() => {
                let target = world.snapshot.entities(value.entity).map_err(store_error)?;
                Column::Through(columns(world, entity, source)?, target, Box::new(TimedValue::new(world, value)?))
            }
            leaf @ Leaf::Computed(row) if leaf.at_event() => {
                let value = EntityValue { entity, value: row.as_ref().clone() };
                Column::Computed(Box::new(TimedValue::new(world, &value)?))
            }
            _ => {
                let mut values = world.entity_columns(entity, std::slice::from_ref(column))?;
                Column::Always(values.swap_remove(0))
            }
        })
    }

    fn read(&self, ordinals: &UInt32Array, times: &[i64]) -> Result<ArrayRef> {
        Ok(match self {
            Column::At(history) => {
                // No entity is an ordinal that no history has.
                let rows = ordinals.iter().zip(times).map(|(o, t)| (o.unwrap_or(u32::MAX), *t));
                take(&history.values, &history.indices(rows), None)?
            }
            Column::Always(values) => by_ordinal(values, ordinals)?,
            Column::Computed(value) => value.read(ordinals, times)?,
            Column::Through(source, target, value) => {
                let keys = source.iter().map(|c| c.read(ordinals, times)).collect::<Result<Vec<_>>>()?;
                value.read(&target.lookup(&keys).map_err(store_error)?, times)?
            }
        })
    }
}
