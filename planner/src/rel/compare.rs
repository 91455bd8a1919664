//! COMPARE TO: the rows of the main range, with the numbers of the row in the same place of the other.

use super::unqualified;
use crate::clock;
use crate::function;
use crate::lower::{balanced, column_name, plan_column};
use crate::planner::Planner;
use datafusion::common::{JoinType, Result};
use datafusion::logical_expr::{Expr as DfExpr, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr};
use datafusion::prelude::ident;
use eql_compiler::bound::{Compare, ComparedPeriod};
use eql_timeline::Bucketer;

impl Planner {
    pub(super) fn compare(&self, c: &Compare) -> Result<LogicalPlan> {
        let main = self.rel(&c.main)?;
        let (mut columns, mut agree): (Vec<DfExpr>, Vec<DfExpr>) = (Vec::new(), Vec::new());
        let mut key = |main: DfExpr, other: DfExpr| {
            let name = format!("key{}", columns.len());
            columns.push(other.alias(name.clone()));
            agree.push(binary_expr(main, Operator::IsNotDistinctFrom, ident(name)));
        };
        if let Some(p) = &c.period {
            key(plan_column(p.main), self.moved(p)?);
        }
        for (m, o) in &c.keys {
            key(plan_column(*m), plan_column(*o));
        }
        columns.extend(c.added.iter().map(|(id, o)| plan_column(*o).alias(column_name(*id))));
        let other = LogicalPlanBuilder::from(self.rel(&c.other)?).project(columns)?.alias("r")?.build()?;
        let main = LogicalPlanBuilder::from(main).alias("l")?;
        // Without a period and groups both sides have one row.
        unqualified(main.join_on(other, JoinType::Left, [balanced(agree, Operator::And, true)])?)
    }

    /// The period of the main range that has the same place in it as a period of the other.
    fn moved(&self, p: &ComparedPeriod) -> Result<DfExpr> {
        let calendar = clock::calendar(&p.every.clock)?;
        let unit = clock::unit(p.every.unit);
        let mut bucketer = Bucketer::new(calendar, unit, p.every.count);
        let mut first = |r| Ok::<_, datafusion::common::DataFusionError>(bucketer.index(clock::resolve(r, self.world.now)?.0));
        let by = first(&p.during)? - first(&p.compared)?;
        Ok(function::moved(calendar, unit, p.every.count, by).call(vec![plan_column(p.other)]))
    }
}
