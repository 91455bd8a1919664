//! RETENTION and LTV: partial counts of the partitions are added up, measures range over the return rows of a cell; cells whose time is not
//! over are NULL.

use super::filtered;
use crate::fold::RetentionFold;
use crate::function::sum;
use crate::lower::{column_name, nullif, plan_column, truth};
use crate::planner::Planner;
use arrow::datatypes::DataType as ArrowType;
use datafusion::common::{JoinType, Result, ScalarValue};
use datafusion::functions_aggregate::expr_fn as agg;
use datafusion::logical_expr::{Case, Expr as DfExpr, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr, cast, lit};
use datafusion::prelude::ident;
use eql_compiler::bound::{Aggregation, Cells, ColumnId, Listed, Measures, Retention};
use eql_store::arrow_type;
use std::sync::Arc;

impl Planner {
    pub(super) fn retention(&self, r: &Retention) -> Result<LogicalPlan> {
        let key = if r.listed.is_some() { self.key_types(r.subject)? } else { vec![] };
        let rows = self.fold("retention", Arc::new(RetentionFold { retention: r.clone(), key }))?;
        if let Some(listed) = &r.listed {
            return list(rows, r, listed);
        }
        let rows = named(rows, r)?;
        let rows = match &r.measures {
            Some(m) if m.cumulative || reaches_back(r) => self.spread(rows, r, m)?,
            Some(m) => {
                let made =
                    m.aggregates.iter().map(|(id, a)| Ok(self.aggregate_expr(a)?.alias(column_name(*id)))).collect::<Result<Vec<_>>>()?;
                rows.aggregate(keys(r), counts(lit(true)).into_iter().chain(made))?
            }
            None => rows.aggregate(keys(r), counts(lit(true)))?,
        };
        self.cells(rows, r)
    }

    /// The lines of the result.
    fn cells(&self, rows: LogicalPlanBuilder, r: &Retention) -> Result<LogicalPlan> {
        let [size, n, returned, rate] = r.output.map(column_name);
        let mut columns = leading(r);
        columns.extend([ident("size").alias(size), ident("n").alias(n), ident("back"), ident("mature")]);
        for (id, a) in r.measures.iter().flat_map(|m| &m.aggregates) {
            columns.push(cast(plan_column(*id), arrow_type(&a.data_type)).alias(column_name(*id)));
        }
        let rows = rows.project(columns)?;
        let share = cast(ident("back"), ArrowType::Float64) / nullif(cast(plan_column(r.output[0]), ArrowType::Float64), lit(0.0));
        let mut columns = leading(r);
        columns.extend([plan_column(r.output[0]), plan_column(r.output[1])]);
        columns.push(cast(when_mature(ident("back")), ArrowType::Int64).alias(returned));
        columns.push(cast(when_mature(share), ArrowType::Float64).alias(rate));
        let lower = self.lower();
        for (id, e) in r.measures.iter().flat_map(|m| &m.output) {
            columns.push(cast(when_mature(lower.value(e)?), arrow_type(&e.data_type)).alias(column_name(*id)));
        }
        rows.project(columns)?.build()
    }

    /// Measures whose cells also hold the rows of other cells. Where that is possible each cell is aggregated first, so that a row is not taken up
    /// as often as there are cells.
    fn spread(&self, rows: LogicalPlanBuilder, r: &Retention, m: &Measures) -> Result<LogicalPlanBuilder> {
        let merges: Option<Vec<_>> = m.aggregates.iter().map(|(_, a)| merge(&a.function)).collect();
        let single = |ready: &dyn Fn(usize, ColumnId) -> Result<DfExpr>| {
            let all = m.aggregates.iter().enumerate();
            all.map(|(i, (id, _))| Ok(ready(i, *id)?.alias(column_name(*id)))).collect::<Result<Vec<_>>>()
        };
        let of_rows = single(&|i, _| self.aggregate_expr(&m.aggregates[i].1))?;
        let (rows, made) = match merges {
            Some(merges) => {
                let partial = ["size", "returned"].map(|c| agg::sum(ident(c)).alias(c)).into_iter();
                let partial = partial.chain([agg::bool_and(ident("mature")).alias("mature")]).chain(of_rows);
                (
                    rows.aggregate(keys(r), partial)?,
                    single(&|i, id| Ok(merges[i](plan_column(id), &arrow_type(&m.aggregates[i].1.data_type))))?,
                )
            }
            None => (rows, of_rows),
        };
        let cells = LogicalPlanBuilder::values(numbers(r).into_iter().map(|n| vec![lit(n)]).collect())?;
        let cells = cells.project(vec![ident("column1").alias("cell")])?;
        let reached = if m.cumulative { Operator::LtEq } else { Operator::GtEq };
        // The few cells are the side that is kept in memory.
        let rows = cells.join_on(rows.build()?, JoinType::Inner, [binary_expr(ident("n"), reached, ident("cell"))])?;
        let own = ident("n").eq(ident("cell"));
        let mut by: Vec<DfExpr> = leading(r);
        by.push(ident("cell"));
        let rows = rows.aggregate(by, counts(own).into_iter().chain(made))?;
        let mut columns = leading(r);
        columns.push(ident("cell").alias("n"));
        columns.extend(["size", "back", "mature"].map(ident));
        columns.extend(m.aggregates.iter().map(|(id, _)| plan_column(*id)));
        rows.project(columns)
    }
}

/// True where a return row fills its own cell and all before it.
fn reaches_back(r: &Retention) -> bool {
    r.unbounded && matches!(r.cells, Cells::Periods(..))
}

/// All values of n.
fn numbers(r: &Retention) -> Vec<i64> {
    match &r.cells {
        Cells::Periods(n, _) => (0..=i64::try_from(*n).unwrap_or(i64::MAX)).collect(),
        Cells::Brackets(bounds, _) if r.unbounded => bounds.clone(),
        Cells::Brackets(bounds, _) => bounds[..bounds.len().saturating_sub(1)].to_vec(),
    }
}

/// The fold's columns by the names of the result.
fn named(rows: LogicalPlanBuilder, r: &Retention) -> Result<LogicalPlanBuilder> {
    let mut columns = renamed(r);
    columns.extend(["n", "size", "returned", "mature"].map(ident));
    if let Some(m) = &r.measures {
        columns.push(plan_column(m.is_start));
        columns.extend(m.start_columns.iter().chain(&m.columns).map(|c| plan_column(c.id)));
    }
    rows.project(columns)
}

fn renamed(r: &Retention) -> Vec<DfExpr> {
    let mut columns: Vec<DfExpr> = r.every.iter().map(|(id, _)| ident("cohort").alias(column_name(*id))).collect();
    columns.extend(r.breakdown.iter().enumerate().map(|(i, b)| ident(format!("b{i}")).alias(column_name(b.id))));
    columns
}

fn leading(r: &Retention) -> Vec<DfExpr> {
    r.every.iter().map(|(id, _)| *id).chain(r.breakdown.iter().map(|b| b.id)).map(plan_column).collect()
}

fn keys(r: &Retention) -> Vec<DfExpr> {
    let mut out = leading(r);
    out.push(ident("n"));
    out
}

/// Size, those who came back, and whether the cell's time is over, of the lines that pass.
fn counts(own: DfExpr) -> Vec<DfExpr> {
    vec![
        filtered(agg::sum(ident("size")), own.clone()).alias("size"),
        filtered(agg::sum(ident("returned")), own.clone()).alias("back"),
        filtered(agg::bool_and(ident("mature")), own).alias("mature"),
    ]
}

/// How values of single cells make the value of several.
fn merge(function: &Aggregation) -> Option<fn(DfExpr, &ArrowType) -> DfExpr> {
    match function {
        Aggregation::Count | Aggregation::Sum => Some(sum),
        Aggregation::Min => Some(|value, _| agg::min(value)),
        Aggregation::Max => Some(|value, _| agg::max(value)),
        _ => None,
    }
}

fn when_mature(e: DfExpr) -> DfExpr {
    DfExpr::Case(Case::new(None, vec![(Box::new(truth(ident("mature"))), Box::new(e))], Some(Box::new(lit(ScalarValue::Null)))))
}

/// One row for every entity, group and cell in which it came back.
fn list(rows: LogicalPlanBuilder, r: &Retention, listed: &Listed) -> Result<LogicalPlan> {
    let mut columns: Vec<DfExpr> = listed.keys.iter().enumerate().map(|(i, id)| ident(format!("k{i}")).alias(column_name(*id))).collect();
    columns.extend(renamed(r));
    columns.push(ident("started_at").alias(column_name(listed.started_at)));
    columns.push(ident("n").alias(column_name(r.output[1])));
    let rows = match listed.converted {
        Some(true) => rows.filter(ident("n").is_not_null())?,
        Some(false) => rows.filter(ident("n").is_null())?,
        None => rows,
    };
    rows.project(columns)?.build()
}
