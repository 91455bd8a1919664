//! The groups of a breakdown inside a fold; with TOP the smaller ones are `(other)` before anything is counted.

use super::chunk::Chunk;
use super::values::Values;
use crate::world::World;
use arrow::array::{Array, ArrayRef, BooleanArray, Scalar, StringArray};
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::DataType as ArrowType;
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::common::Result;
use eql_compiler::bound::Top;
use hashbrown::HashSet;

/// What the groups beyond TOP are called.
pub(crate) const OTHER: &str = "(other)";

/// The values of breakdowns on rows.
pub(crate) struct Grouping {
    pub values: Vec<Values>,
    kept: Option<Kept>,
}

/// The groups that keep their names.
struct Kept {
    groups: HashSet<OwnedRow>,
}

impl Grouping {
    /// With TOP its groups are found now, by a query of their own: called when the statement runs, from a blocking thread.
    pub(crate) fn new(world: &World, values: Vec<Values>, top: Option<&Top>) -> Result<Self> {
        let kept = top.map(|t| Kept::new(world, t, values.len())).transpose()?;
        Ok(Self { values, kept })
    }

    /// One column a breakdown, on the same rows.
    pub(crate) fn read(&self, chunk: &Chunk<'_>, rows: &[u32]) -> Result<Vec<ArrayRef>> {
        self.cut(self.values.iter().map(|v| v.read(chunk, rows)).collect::<Result<_>>()?)
    }

    /// Values that were read, groups that are not kept being `(other)`.
    pub(crate) fn cut(&self, columns: Vec<ArrayRef>) -> Result<Vec<ArrayRef>> {
        let Some(kept) = &self.kept else { return Ok(columns) };
        let own = kept.among(&columns)?;
        let other = Scalar::new(StringArray::from(vec![OTHER]));
        columns.iter().map(|c| Ok(zip(&own, c, &other)?)).collect()
    }
}

impl Kept {
    fn new(world: &World, top: &Top, columns: usize) -> Result<Self> {
        let mut groups = HashSet::new();
        for batch in world.rows(&top.ranking)? {
            let rows = converter(columns)?.convert_columns(batch.columns())?;
            groups.extend(rows.iter().map(|r| r.owned()));
        }
        Ok(Self { groups })
    }

    /// Which rows are in a group that is kept.
    fn among(&self, columns: &[ArrayRef]) -> Result<BooleanArray> {
        if columns.first().is_none_or(|c| c.is_empty()) {
            return Ok(BooleanArray::from(Vec::<bool>::new()));
        }
        let rows = converter(columns.len())?.convert_columns(columns)?;
        Ok(rows.iter().map(|r| Some(self.groups.contains(&r.owned()))).collect())
    }
}

/// With TOP every breakdown is text.
fn converter(columns: usize) -> Result<RowConverter> {
    Ok(RowConverter::new(vec![SortField::new(ArrowType::Utf8); columns])?)
}
