//! Membership by a definition, evaluated as a query over everything.

use super::LiveError;
use crate::planner::Planner;
use arrow::array::{Array, AsArray};
use eql_compiler::bound::EntityValue;

/// Whether each known entity, by ordinal, is a member at the planner's instant. Blocks.
///
/// # Errors
/// What the evaluation meets.
pub fn members(planner: &Planner, definition: &EntityValue) -> Result<Vec<bool>, LiveError> {
    let world = &planner.world;
    let values = world.entity_value(definition)?;
    let values = values.as_boolean();
    let entities = world.snapshot.entities(definition.entity)?;
    let gone = |i: usize| entities.deleted().is_some_and(|d| d.value(i));
    Ok((0..entities.len()).map(|i| values.is_valid(i) && values.value(i) && !gone(i)).collect())
}
