//! COMPARE TO: the rows of the main range, with the numbers of the row in the same place of the other.

use super::unqualified;
use crate::clock;
use crate::fold::period_column;
use crate::function;
use crate::lower::{balanced, column_name, plan_column};
use crate::planner::Planner;
use datafusion::common::{JoinType, Result, ScalarValue};
use datafusion::logical_expr::{Expr as DfExpr, LogicalPlan, LogicalPlanBuilder, Operator, binary_expr, lit, when};
use datafusion::prelude::ident;
use eql_compiler::bound::{Compare, ComparedPeriod};

/// The column that is true where the other range has a row.
const THERE: &str = "there";

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
        columns.extend(c.added.iter().map(|a| plan_column(a.other).alias(column_name(a.id))));
        columns.push(lit(true).alias(THERE));
        let other = LogicalPlanBuilder::from(self.rel(&c.other)?).project(columns)?.alias("r")?.build()?;
        let shown: Vec<DfExpr> = main.schema().fields().iter().map(|f| ident(f.name())).collect();
        let main = LogicalPlanBuilder::from(main).alias("l")?;
        // Without a period and groups both sides have one row.
        let joined = unqualified(main.join_on(other, JoinType::Left, [balanced(agree, Operator::And, true)])?)?;
        // A group in which nothing happened has no row, but is no secret: where the other range has its period, nothing is counted.
        let silent = match &c.period {
            Some(p) => ident(THERE).is_null().and(self.has_fellow(p)?),
            None => ident(THERE).is_null(),
        };
        let added = c.added.iter().map(|a| match &a.nothing {
            Some(nothing) => {
                let shown = when(silent.clone(), self.lower().value(nothing)?).otherwise(plan_column(a.id))?;
                Ok(shown.alias(column_name(a.id)))
            }
            None => Ok(plan_column(a.id)),
        });
        let columns: Vec<DfExpr> = shown.into_iter().map(Ok).chain(added).collect::<Result<_>>()?;
        LogicalPlanBuilder::from(joined).project(columns)?.build()
    }

    /// Whether a period of the main rows has one in the same place of the other range.
    fn has_fellow(&self, p: &ComparedPeriod) -> Result<DfExpr> {
        let mut bucketer = clock::bucketer(&p.every)?;
        let (start, end) = clock::resolve(&p.compared, self.world.now)?;
        let end = end.min(self.world.now);
        let by = bucketer.index(clock::resolve(&p.during, self.world.now)?.0) - bucketer.index(start);
        if end <= start {
            return Ok(lit(false));
        }
        let places = [bucketer.index(start) + by, bucketer.index(end - 1) + by];
        let periods = period_column(&p.every, &bucketer, &places)?;
        let [first, last] = [0, 1].map(|i| ScalarValue::try_from_array(&periods, i));
        Ok(plan_column(p.main).between(lit(first?), lit(last?)))
    }

    /// The period of the main range that has the same place in it as a period of the other.
    fn moved(&self, p: &ComparedPeriod) -> Result<DfExpr> {
        let (calendar, unit) = (clock::calendar(&p.every.clock)?, clock::unit(p.every.unit));
        let mut bucketer = clock::bucketer(&p.every)?;
        let mut first = |r| Ok::<_, datafusion::common::DataFusionError>(bucketer.index(clock::resolve(r, self.world.now)?.0));
        let by = first(&p.during)? - first(&p.compared)?;
        Ok(function::moved(calendar, unit, p.every.count, by).call(vec![plan_column(p.other)]))
    }
}
