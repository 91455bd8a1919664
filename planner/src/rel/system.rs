//! System tables: rows that whoever runs the plan knows.

use crate::lower::column_name;
use crate::planner::Planner;
use crate::rel::scan_table;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::MemTable;
use datafusion::logical_expr::LogicalPlan;
use eql_compiler::bound::ColumnId;
use eql_compiler::system::SystemTable;
use eql_store::arrow_type;
use std::sync::Arc;

/// Who knows the rows of system tables.
pub trait SystemRows: Send + Sync + std::fmt::Debug {
    /// The rows as they are now, in the columns of the table's definition. One statement that asks twice gets the same rows.
    ///
    /// # Errors
    /// What cannot be read.
    fn rows(&self, table: SystemTable) -> Result<RecordBatch>;
}

/// The columns of a system table.
pub fn system_schema(table: SystemTable) -> SchemaRef {
    let columns = table.definition().columns.iter();
    Arc::new(Schema::new(columns.map(|c| Field::new(c.name, arrow_type(&(c.data_type)()), true)).collect::<Vec<_>>()))
}

impl Planner {
    pub(crate) fn system(&self, table: SystemTable, columns: &[ColumnId]) -> Result<LogicalPlan> {
        let Some(source) = &self.world.settings.system else {
            return Err(DataFusionError::NotImplemented("system tables are read through an engine".into()));
        };
        let rows = source.rows(table)?;
        let declared = rows.schema();
        let fields = columns.iter().zip(declared.fields()).map(|(id, f)| f.as_ref().clone().with_name(column_name(*id)));
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let named = RecordBatch::try_new(schema.clone(), rows.columns().to_vec())?;
        scan_table(table.definition().name, Arc::new(MemTable::try_new(schema, vec![vec![named]])?))?.build()
    }
}
