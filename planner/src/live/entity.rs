//! Values of single entities: what a query computes for all of them at once.

use super::{LiveError, is_steady};
use crate::planner::Planner;
use crate::row::{Compiled, extra};
use arrow::array::{ArrayRef, AsArray, BooleanArray, UInt32Array};
use arrow::compute::take;
use eql_catalog::{EntityTypeId, PropertyId};
use eql_compiler::bound::{EntityValue, Kept, Leaf, Link, ScanColumn};
use eql_store::Snapshot;

/// An expression over the rows of one entity type, compiled once, read for the entities that are asked for.
pub struct EntityExpr {
    entity: EntityTypeId,
    columns: Vec<Column>,
    compiled: Compiled,
    reads: Vec<EntityTypeId>,
    segments: Vec<String>,
}

impl std::fmt::Debug for EntityExpr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EntityExpr").field("entity", &self.entity).finish_non_exhaustive()
    }
}

/// How one column of it is read.
enum Column {
    Key(usize),
    Property(PropertyId),
    Extra(String),
    /// Membership in a segment whose members are stored.
    Members(String),
    /// A value of the entity whose key these columns are.
    Through(Vec<Column>, Box<EntityExpr>),
}

impl EntityExpr {
    /// None when it asks for more than the entity's own row, those that it leads to, and stored members.
    ///
    /// # Errors
    /// What the lowering refuses.
    pub fn new(planner: &Planner, value: &EntityValue) -> Result<Option<Self>, LiveError> {
        Self::over(planner, value.entity, &value.value.columns, &value.value.expr)
    }

    /// The same over given columns.
    ///
    /// # Errors
    /// What the lowering refuses.
    pub fn over(
        planner: &Planner,
        entity: EntityTypeId,
        columns: &[ScanColumn],
        expr: &eql_compiler::bound::Expr,
    ) -> Result<Option<Self>, LiveError> {
        if !is_steady(expr) {
            return Ok(None);
        }
        let (mut reads, mut segments) = (vec![entity], Vec::new());
        let mut made = Vec::with_capacity(columns.len());
        for c in columns {
            match Column::new(planner, c, &mut reads, &mut segments)? {
                Some(column) => made.push(column),
                None => return Ok(None),
            }
        }
        let compiled = Compiled::new(&planner.world, columns, expr)?;
        Ok(Some(Self { entity, columns: made, compiled, reads, segments }))
    }

    /// Entity types whose rows it reads.
    pub fn reads(&self) -> &[EntityTypeId] {
        &self.reads
    }

    /// Stored segments whose members it reads.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// One value for each entity; for a missing one the value over NULLs.
    ///
    /// # Errors
    /// A damaged file, or what the expression meets.
    pub fn read(&self, snapshot: &Snapshot, ordinals: &UInt32Array) -> Result<ArrayRef, LiveError> {
        let columns = self.columns.iter().map(|c| c.read(snapshot, self.entity, ordinals)).collect::<Result<_, _>>()?;
        Ok(self.compiled.evaluate(columns, ordinals.len())?)
    }
}

impl Column {
    fn new(
        planner: &Planner,
        column: &ScanColumn,
        reads: &mut Vec<EntityTypeId>,
        segments: &mut Vec<String>,
    ) -> Result<Option<Self>, LiveError> {
        Ok(Some(match &column.leaf {
            Leaf::Key(i) => Column::Key(*i),
            Leaf::Property(p) => Column::Property(*p),
            Leaf::Extra(name) => Column::Extra(name.clone()),
            Leaf::Kept(k) => match (&k.kept, &k.otherwise) {
                (Kept::Segment(name), None) if k.clock.as_of.is_none() => {
                    segments.push(name.clone());
                    Column::Members(name.clone())
                }
                _ => return Ok(None),
            },
            leaf @ Leaf::Through(Link::Key(source), value) if !leaf.at_event() => {
                let mut made = Vec::with_capacity(source.len());
                for c in source {
                    match Column::new(planner, c, reads, segments)? {
                        Some(column) => made.push(column),
                        None => return Ok(None),
                    }
                }
                let Some(value) = EntityExpr::new(planner, value)? else { return Ok(None) };
                reads.extend(&value.reads);
                segments.extend(value.segments.iter().cloned());
                Column::Through(made, Box::new(value))
            }
            _ => return Ok(None),
        }))
    }

    fn read(&self, snapshot: &Snapshot, entity: EntityTypeId, ordinals: &UInt32Array) -> Result<ArrayRef, LiveError> {
        let entities = snapshot.entities(entity)?;
        // Past the end there is nothing: that is where nobody is.
        let nobody = u32::MAX;
        let numbers: Vec<u32> = ordinals.iter().map(|o| o.unwrap_or(nobody)).collect();
        let known = || -> UInt32Array { ordinals.iter().map(|o| o.filter(|o| (*o as usize) < entities.len())).collect() };
        Ok(match self {
            Column::Key(i) => take(entities.key(*i), &known(), None)?,
            Column::Property(p) => entities.property_at(*p, &numbers)?,
            Column::Extra(name) => extra(take(&entities.extra()?, &known(), None)?.as_string::<i32>(), name),
            Column::Members(name) => {
                let members = snapshot.members(name);
                let is = |o: &u32| members.as_ref().is_some_and(|m| m.get(*o as usize).copied().unwrap_or(false));
                std::sync::Arc::new(numbers.iter().map(|o| Some(is(o))).collect::<BooleanArray>())
            }
            Column::Through(source, value) => {
                let keys = source.iter().map(|c| c.read(snapshot, entity, ordinals)).collect::<Result<Vec<_>, _>>()?;
                let target = snapshot.entities(value.entity)?;
                value.read(snapshot, &target.lookup(&keys)?)?
            }
        })
    }
}
