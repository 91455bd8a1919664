//! SHOW TIME TO CONVERT: attempts by the seconds from their first to their last step (rule 51).

use super::buckets::BucketStage;
use super::stage::{Stage, StageTable};
use super::{nullable, scan_table};
use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, UInt32Array, new_null_array};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::common::Result;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use eql_compiler::bound::Cut;
use std::sync::Arc;

/// Gives each row its bucket. Columns of the input: groups, seconds, others. Of the output: groups, `from`, `to`, `weight` (1), others. Every
/// bucket of every group has one row more, of weight 0 and without others: empty buckets are seen too.
#[derive(Debug)]
struct SecondsStage {
    edges: BucketStage,
    schema: SchemaRef,
}

/// The rows of a plan with their buckets.
pub(super) fn with_buckets(input: LogicalPlan, groups: usize, cut: &Cut) -> Result<LogicalPlanBuilder> {
    let all = nullable(input.schema().as_arrow());
    let mut fields: Vec<Field> = all.fields()[..groups].iter().map(|f| f.as_ref().clone()).collect();
    fields.push(Field::new("from", DataType::Float64, true));
    fields.push(Field::new("to", DataType::Float64, true));
    fields.push(Field::new("weight", DataType::Int64, true));
    fields.extend(all.fields()[groups + 1..].iter().map(|f| f.as_ref().clone()));
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    let edges = BucketStage { groups, cut: cut.clone(), distinct: None, schema: schema.clone() };
    scan_table("seconds", Arc::new(StageTable { input, stage: Arc::new(SecondsStage { edges, schema: schema.clone() }), schema }))
}

impl Stage for SecondsStage {
    fn name(&self) -> &'static str {
        "time to convert"
    }

    fn apply(&self, input: RecordBatch) -> Result<RecordBatch> {
        let groups = self.edges.groups;
        let seconds = input.column(groups).as_primitive::<Float64Type>();
        let edges = self.edges.edges(seconds);
        let buckets = edges.from.len();
        let (_, first) = self.edges.groups_of(&input)?;
        let found: Vec<(u32, usize)> =
            (0..seconds.len()).filter(|i| seconds.is_valid(*i)).filter_map(|i| Some((i as u32, edges.bucket(seconds.value(i))?))).collect();
        let empty: Vec<(u32, usize)> = first.iter().flat_map(|row| (0..buckets).map(move |b| (*row, b))).collect();
        let all = || found.iter().chain(&empty);
        let rows = UInt32Array::from_iter_values(all().map(|(row, _)| *row));
        let mut columns: Vec<ArrayRef> = Vec::new();
        for g in 0..groups {
            columns.push(take(input.column(g), &rows, None)?);
        }
        columns.push(Arc::new(Float64Array::from_iter_values(all().map(|(_, b)| edges.from[*b]))));
        columns.push(Arc::new(Float64Array::from_iter(all().map(|(_, b)| edges.to[*b]))));
        let weights = found.iter().map(|_| 1i64).chain(empty.iter().map(|_| 0));
        columns.push(Arc::new(Int64Array::from_iter_values(weights)));
        let kept = UInt32Array::from_iter_values(found.iter().map(|(row, _)| *row));
        for other in &input.columns()[groups + 1..] {
            let own = take(other, &kept, None)?;
            columns.push(concat(&[own.as_ref(), new_null_array(own.data_type(), empty.len()).as_ref()])?);
        }
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}
