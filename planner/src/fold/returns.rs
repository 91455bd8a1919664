//! The return rows of a retention with the values that measures read (rules 26, 49).

use super::chunk::Chunk;
use super::values::Values;
use crate::world::World;
use arrow::array::{ArrayRef, BooleanArray, UInt32Array, new_null_array};
use arrow::compute::take;
use arrow::datatypes::{DataType as ArrowType, Field};
use datafusion::common::{DataFusionError, Result};
use eql_catalog::EventTypeId;
use eql_compiler::bound::{Expr, Measures, RowExpr, ScanColumn};
use eql_store::{Timeline, arrow_type};
use std::sync::Arc;

/// Return rows of one batch of entities: a row counts once for every cohort of its entity, so there may be many more than events.
const RETURNS_MAX: usize = 50_000_000;

/// A return row of a batch.
pub(super) struct Found {
    /// Cohort and breakdown.
    pub group: u32,
    /// Row of the batch.
    pub start_row: u32,
    /// Row of the batch.
    pub row: u32,
    /// The last cell that it fills.
    pub cell: u32,
}

/// The columns that measures read, ready to run.
pub(super) struct Worth {
    start: Vec<Values>,
    row: Vec<Values>,
    types: Vec<ArrowType>,
}

/// Columns of the fold: whether the row is the start itself, columns of the start row, columns of the return row.
pub(super) fn fields(m: &Measures) -> Vec<Field> {
    let name = crate::lower::column_name;
    let columns = m.start_columns.iter().chain(&m.columns).map(|c| Field::new(name(c.id), arrow_type(&c.data_type), true));
    std::iter::once(Field::new(name(m.is_start), ArrowType::Boolean, true)).chain(columns).collect()
}

impl Worth {
    pub(super) fn new(world: &World, timeline: &Timeline, m: &Measures, start: &[EventTypeId], row: &[EventTypeId]) -> Result<Self> {
        let values = |columns: &[ScanColumn], events: &[EventTypeId]| {
            let one = |c: &ScanColumn| RowExpr { columns: vec![c.clone()], expr: Expr::column(c.id, c.data_type.clone()) };
            columns.iter().map(|c| Values::new(world, timeline, events, &one(c))).collect::<Result<Vec<_>>>()
        };
        let types = fields(m).iter().map(|f| f.data_type().clone()).collect();
        Ok(Self { start: values(&m.start_columns, start)?, row: values(&m.columns, row)?, types })
    }

    /// The columns of these rows.
    pub(super) fn columns(&self, chunk: &Chunk<'_>, found: &[Found]) -> Result<Vec<ArrayRef>> {
        if found.len() > RETURNS_MAX {
            let what =
                format!("{} return rows of one batch are more than {RETURNS_MAX}: take a shorter range or longer cohorts", found.len());
            return Err(DataFusionError::ResourcesExhausted(what));
        }
        let mut out: Vec<ArrayRef> = vec![Arc::new(found.iter().map(|f| Some(f.row == f.start_row)).collect::<BooleanArray>())];
        out.extend(read(&self.start, chunk, found.iter().map(|f| f.start_row).collect())?);
        out.extend(read(&self.row, chunk, found.iter().map(|f| f.row).collect())?);
        Ok(out)
    }

    /// The same columns for lines that are no return rows.
    pub(super) fn nothing(&self, rows: usize) -> Vec<ArrayRef> {
        self.types.iter().map(|t| new_null_array(t, rows)).collect()
    }
}

/// Values on rows that may repeat: each row is read once.
fn read(values: &[Values], chunk: &Chunk<'_>, rows: Vec<u32>) -> Result<Vec<ArrayRef>> {
    if values.is_empty() {
        return Ok(vec![]);
    }
    let mut present = rows.clone();
    present.sort_unstable();
    present.dedup();
    let index: UInt32Array = rows.iter().map(|r| present.binary_search(r).ok().map(|i| i as u32)).collect();
    values.iter().map(|v| Ok(take(&v.read(chunk, &present)?, &index, None)?)).collect()
}
