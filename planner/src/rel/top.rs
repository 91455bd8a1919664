//! BREAKDOWN … TOP over rows: rows of the groups that were chosen keep their values, the others are `(other)`.

use crate::fold::OTHER;
use crate::lower::{column_name, truth};
use crate::planner::Planner;
use datafusion::common::{Column, JoinType, NullEquality, Result, TableReference};
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr as DfExpr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::prelude::ident;
use eql_compiler::bound::TopRows;

/// The sides of the join.
const CHOSEN: &str = "chosen";
const ROWS: &str = "rows";

fn of(side: &str, name: &str) -> DfExpr {
    DfExpr::Column(Column::new(Some(TableReference::bare(side)), name))
}

impl Planner {
    /// The rows' columns, and the groups beside them. The chosen groups stand on the left: that side is held in memory.
    pub(super) fn top(&self, t: &TopRows) -> Result<LogicalPlan> {
        let lower = self.lower();
        let rows = self.rel(&t.input)?;
        let mut columns: Vec<DfExpr> = rows.schema().columns().into_iter().map(DfExpr::Column).collect();
        let plain: Vec<String> = rows.schema().fields().iter().map(|f| f.name().clone()).collect();
        for (id, e) in &t.keys {
            columns.push(lower.value(e)?.alias(column_name(*id)));
        }
        let rows = LogicalPlanBuilder::from(rows).project(columns)?.alias(ROWS)?.build()?;
        let mut chosen: Vec<DfExpr> =
            t.ranking.output.iter().enumerate().map(|(i, o)| ident(column_name(o.id)).alias(format!("g{i}"))).collect();
        chosen.push(lit(true).alias("kept"));
        let chosen = LogicalPlanBuilder::from(self.logical(&t.ranking)?).project(chosen)?.alias(CHOSEN)?;
        let left: Vec<Column> = (0..t.keys.len()).map(|i| Column::new(Some(TableReference::bare(CHOSEN)), format!("g{i}"))).collect();
        let right: Vec<Column> = t.keys.iter().map(|(id, _)| Column::new(Some(TableReference::bare(ROWS)), column_name(*id))).collect();
        let joined = chosen.join_detailed(rows, JoinType::Right, (left, right), None, NullEquality::NullEqualsNull)?;
        let mut result: Vec<DfExpr> = plain.iter().map(|n| of(ROWS, n).alias(n)).collect();
        for (id, _) in &t.keys {
            let name = column_name(*id);
            let kept = Box::new(truth(of(CHOSEN, "kept")));
            result.push(DfExpr::Case(Case::new(None, vec![(kept, Box::new(of(ROWS, &name)))], Some(Box::new(lit(OTHER))))).alias(name));
        }
        joined.project(result)?.build()
    }
}
