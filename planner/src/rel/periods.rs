//! A question about a range, asked of each of its periods: DISTRIBUTION with EVERY.

use crate::clock;
use crate::fold::period_column;
use crate::lower::column_name;
use crate::planner::Planner;
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{Expr as DfExpr, LogicalPlan, LogicalPlanBuilder};
use eql_compiler::bound::{BehaviourKind, EntityValue, Leaf, Link, Periods, Rel, Scan, ScanColumn, TimeRange, TopRows};
use eql_timeline::Bucketer;

/// Each period is a pass over the entities.
const PERIODS_MAX: i64 = 400;

impl Planner {
    pub(super) fn each_period(&self, p: &Periods) -> Result<LogicalPlan> {
        let bucketer = clock::bucketer(&p.every)?;
        let mut plan: Option<LogicalPlanBuilder> = None;
        for (index, start, end) in self.stretches(p, bucketer.clone())? {
            let labels = period_column(&p.every, &bucketer, &[index])?;
            let label = DfExpr::Literal(ScalarValue::try_from_array(&labels, 0)?, None).alias(column_name(p.period));
            let range = clock::range(start, end, &p.during).ok_or_else(|| DataFusionError::Plan("a period out of the calendar".into()))?;
            let rows = self.rel(&asked(&p.input, &p.during, &range))?;
            let names: Vec<String> = rows.schema().fields().iter().map(|f| f.name().clone()).collect();
            let columns = || names.iter().map(|n| datafusion::prelude::ident(n).alias(n));
            let part = LogicalPlanBuilder::from(rows.clone()).project(std::iter::once(label.clone()).chain(columns()))?;
            let part = if p.all { part.union(nothing(label, &rows)?)? } else { part };
            plan = Some(match plan {
                Some(all) => all.union(part.build()?)?,
                None => part,
            });
        }
        match plan {
            // DataFusion takes the constant of each part for an order of the whole, and refuses its own plan.
            Some(plan) => super::same::unnested(plan),
            // No period: the columns, and no row.
            None => {
                let label = DfExpr::Literal(ScalarValue::try_from(&crate::fold::period_type(&p.every))?, None).alias(column_name(p.period));
                LogicalPlanBuilder::from(nothing(label, &self.rel(&p.input)?)?).limit(0, Some(0))?.build()
            }
        }
    }

    /// Number, start and end of each period.
    fn stretches(&self, p: &Periods, mut bucketer: Bucketer) -> Result<Vec<(i64, i64, i64)>> {
        let (mut start, end) = clock::resolve(&p.during, self.world.now)?;
        if start == i64::MIN {
            // Without a beginning the first event of any entity is one.
            match self.world.timelines(p.subject, None)?.first_time() {
                Some(first) => start = first,
                None => return Ok(vec![]),
            }
        }
        let end = end.min(self.world.now);
        if end <= start {
            return Ok(vec![]);
        }
        let (from, to) = (bucketer.index(start), bucketer.index(end - 1));
        if to - from >= PERIODS_MAX {
            let what = format!("the range has {} periods, more than {PERIODS_MAX}: narrow it, or take longer periods", to - from + 1);
            return Err(DataFusionError::ResourcesExhausted(what));
        }
        Ok((from..=to).map(|i| (i, bucketer.start_of(i).max(start), bucketer.start_of(i + 1).min(end))).collect())
    }
}

/// A period with NULLs.
fn nothing(label: DfExpr, like: &LogicalPlan) -> Result<LogicalPlan> {
    let mut columns = vec![label];
    for f in like.schema().fields() {
        columns.push(DfExpr::Literal(ScalarValue::try_from(f.data_type())?, None).alias(f.name()));
    }
    LogicalPlanBuilder::empty(true).project(columns)?.build()
}

/// The same question about another range.
fn asked(rel: &Rel, from: &TimeRange, to: &TimeRange) -> Rel {
    match rel {
        Rel::Scan(s) => Rel::Scan(Box::new(Scan { columns: columns(&s.columns, from, to), ..s.as_ref().clone() })),
        Rel::Filter(input, p) => Rel::Filter(Box::new(asked(input, from, to)), p.clone()),
        Rel::Project(input, p) => Rel::Project(Box::new(asked(input, from, to)), p.clone()),
        // Groups are chosen over the whole range.
        Rel::Top(t) => Rel::Top(Box::new(TopRows { input: asked(&t.input, from, to), ..t.as_ref().clone() })),
        other => other.clone(),
    }
}

fn columns(all: &[ScanColumn], from: &TimeRange, to: &TimeRange) -> Vec<ScanColumn> {
    all.iter().map(|c| ScanColumn { leaf: leaf(&c.leaf, from, to), ..c.clone() }).collect()
}

fn leaf(of: &Leaf, from: &TimeRange, to: &TimeRange) -> Leaf {
    let value = |v: &EntityValue| {
        let mut v = v.clone();
        v.value.columns = columns(&v.value.columns, from, to);
        Box::new(v)
    };
    match of {
        Leaf::Behaviour(b) => {
            let mut b = b.clone();
            let during = match &mut b.kind {
                BehaviourKind::Aggregate { during, .. } => during,
                BehaviourKind::Sequence(s) => &mut s.during,
            };
            if during.as_ref() == Some(from) {
                *during = Some(to.clone());
            }
            Leaf::Behaviour(b)
        }
        Leaf::Through(Link::Key(source), v) => Leaf::Through(Link::Key(columns(source, from, to)), value(v)),
        Leaf::Through(link, v) => Leaf::Through(link.clone(), value(v)),
        Leaf::Computed(row) => {
            let mut row = row.clone();
            row.columns = columns(&row.columns, from, to);
            Leaf::Computed(row)
        }
        Leaf::ThroughMany(link, v) => Leaf::ThroughMany(link.clone(), value(v)),
        Leaf::AggregateMany(link, function, v) => Leaf::AggregateMany(link.clone(), function.clone(), value(v)),
        other => other.clone(),
    }
}
