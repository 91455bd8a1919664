//! Relations become logical plans; each analysis has its file.

mod aggregate;
mod buckets;
mod compare;
mod convert;
mod entities;
mod fill;
mod funnel;
mod journey;
mod lanes;
mod lifecycle;
mod paths;
mod periods;
mod retention;
mod same;
mod stage;
mod stickiness;
mod system;
mod top;

use crate::clock;
use crate::fold::{Entities, FoldTable, MatchesFold, SessionsFold};
use crate::lower::{column_name, plan_column};
use crate::planner::Planner;
use crate::scan::{EventScan, EventTable};
use arrow::array::ArrayRef;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, JoinType, Result, ScalarValue};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::{Expr as DfExpr, LogicalPlan, LogicalPlanBuilder, SortExpr, lit};
use eql_catalog::{DataType, Value};
use eql_compiler::bound::{Buckets, ColumnId, Expr, ExprKind, Fill, Query, Rel, Scan, SortKey, Source};
use eql_grammar::ast::{JoinKind, RangeKind, SetOp};
use eql_store::arrow_type;
use std::sync::Arc;

pub use system::{SystemRows, system_schema};

pub(crate) fn scan_table(name: &str, table: Arc<dyn TableProvider>) -> Result<LogicalPlanBuilder> {
    LogicalPlanBuilder::scan(name, provider_as_source(table), None)
}

/// Whether an expression asks a query of its own.
fn asks_a_query(e: &Expr) -> bool {
    let mut found = false;
    e.visit(&mut |e| found |= matches!(e.kind, ExprKind::Scalar(_) | ExprKind::InQuery(..) | ExprKind::Exists(_)));
    found
}

impl Planner {
    /// The plan of a query: its output columns, in order.
    pub(crate) fn logical(&self, q: &Query) -> Result<LogicalPlan> {
        let plan = self.rel(&q.rel)?;
        // Two result columns may be one column of the plan: each needs a name of its own.
        let mut seen: Vec<ColumnId> = Vec::new();
        let mut columns = Vec::new();
        for (i, o) in q.output.iter().enumerate() {
            let c = plan_column(o.id);
            columns.push(if seen.contains(&o.id) { c.alias(format!("{}_{i}", column_name(o.id))) } else { c });
            seen.push(o.id);
        }
        if columns.is_empty() { Ok(plan) } else { LogicalPlanBuilder::from(plan).project(columns)?.build() }
    }

    /// A query inside an expression.
    pub(crate) fn subquery(&self, q: &Query) -> Result<LogicalPlan> {
        same::alone(self.logical(q)?)
    }

    /// One row of one BOOLEAN: whether a query has rows.
    pub(crate) fn any_row(&self, q: &Query) -> Result<LogicalPlan> {
        let count = datafusion::functions_aggregate::expr_fn::count(lit(1i64)).alias("n");
        let none: Vec<DfExpr> = vec![];
        let one = LogicalPlanBuilder::from(self.logical(q)?).limit(0, Some(1))?;
        same::alone(one.aggregate(none, vec![count])?.project(vec![datafusion::prelude::ident("n").gt(lit(0i64)).alias("any")])?.build()?)
    }

    pub(crate) fn rel(&self, rel: &Rel) -> Result<LogicalPlan> {
        let lower = self.lower();
        match rel {
            Rel::OneRow => LogicalPlanBuilder::empty(true).build(),
            Rel::Values(columns, rows) => values(columns, rows),
            Rel::Scan(s) => self.scan(s),
            Rel::System(table, columns) => self.system(*table, columns),
            Rel::Filter(input, p) => {
                if let Some(split) = entities::split(input, p) {
                    return self.found(split);
                }
                let standing = self.standing(input, p);
                let p = standing.as_ref().unwrap_or(p);
                LogicalPlanBuilder::from(self.rel(input)?).filter(lower.condition(p)?)?.build()
            }
            Rel::Project(input, columns) => {
                let exprs = columns.iter().map(|(id, e)| Ok(lower.value(e)?.alias(column_name(*id)))).collect::<Result<Vec<_>>>()?;
                LogicalPlanBuilder::from(self.rel(input)?).project(exprs)?.build()
            }
            Rel::Aggregate(input, groups, aggregates) => self.aggregate(input, groups, aggregates),
            Rel::Window(input, windows) => self.windows(input, windows),
            Rel::Sort(input, keys) => LogicalPlanBuilder::from(self.rel(input)?).sort(self.sort_keys(keys)?)?.build(),
            Rel::Limit(input, n, offset) => {
                let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
                let input = match journey::edge(input, n.map(|n| count(n.saturating_add(*offset)))) {
                    Some((journey, edge)) => self.sorted(self.journey(journey, Some(edge))?, input)?,
                    None => self.rel(input)?,
                };
                LogicalPlanBuilder::from(input).limit(count(*offset), n.map(count))?.build()
            }
            Rel::Distinct(input) => LogicalPlanBuilder::from(self.rel(input)?).distinct()?.build(),
            Rel::Join(left, right, kind, on) => self.join(left, right, *kind, on.as_ref()),
            Rel::Set(op, left, right, columns) => self.set(*op, left, right, columns),
            Rel::Fill(f) => self.fill(f),
            Rel::Lanes(l) => self.lanes(l),
            Rel::Periods(p) => self.each_period(p),
            Rel::Compare(c) => self.compare(c),
            Rel::Buckets(b) => self.buckets(b),
            Rel::Top(t) => self.top(t),
            Rel::Funnel(f) => self.funnel(f),
            Rel::Retention(r) => self.retention(r),
            Rel::Sessions(s) => {
                let key = self.key_types(s.subject)?;
                let fold = SessionsFold { sessions: s.as_ref().clone(), key };
                self.fold("sessions", Arc::new(fold))?.build()
            }
            Rel::Paths(p) => self.paths(p),
            Rel::Lifecycle(l) => self.lifecycle(l),
            Rel::Stickiness(s) => self.stickiness(s),
            Rel::Journey(j) => self.journey(j, None),
            Rel::Matches(m) => {
                let key = self.key_types(m.subject)?;
                self.fold("matches", Arc::new(MatchesFold { matches: m.as_ref().clone(), key }))?.build()
            }
        }
    }

    /// A condition on what is scanned, with keys as they are shown; None when that is the same.
    fn standing(&self, input: &Rel, condition: &eql_compiler::bound::Expr) -> Option<eql_compiler::bound::Expr> {
        match input {
            Rel::Filter(input, _) => self.standing(input, condition),
            Rel::Scan(s) => {
                let entity = if let Source::Entities(entity) = s.source { Some(entity) } else { None };
                self.world.at(&s.clock).ok()?.standing(&s.columns, entity, condition)
            }
            _ => None,
        }
    }

    /// A fold as a scan.
    pub(crate) fn fold(&self, name: &str, fold: Arc<dyn crate::fold::Fold>) -> Result<LogicalPlanBuilder> {
        let world = self.world.at(fold.clock())?;
        scan_table(name, Arc::new(FoldTable { world, fold }))
    }

    pub(crate) fn key_types(&self, entity: eql_catalog::EntityTypeId) -> Result<Vec<DataType>> {
        let entity =
            self.world.snapshot.catalog().entity_by_id(entity).ok_or_else(|| DataFusionError::Internal("an unknown entity type".into()))?;
        Ok(entity.key.iter().map(|k| k.data_type.clone()).collect())
    }

    fn scan(&self, s: &Scan) -> Result<LogicalPlan> {
        match &s.source {
            Source::Entities(entity) => {
                let fold = Entities { entity: *entity, columns: s.columns.clone(), among: None, clock: s.clock.clone() };
                self.fold("entities", Arc::new(fold))?.build()
            }
            Source::Events(events) => {
                let scan =
                    EventScan { events: events.clone(), columns: s.columns.clone(), during: s.during.clone(), clock: s.clock.clone() };
                let world = self.world.at(&s.clock)?;
                scan_table("events", Arc::new(EventTable { world, scan: Arc::new(scan) }))?.build()
            }
        }
    }

    pub(crate) fn sort_keys(&self, keys: &[SortKey]) -> Result<Vec<SortExpr>> {
        let lower = self.lower();
        keys.iter().map(|k| Ok(lower.value(&k.expr)?.sort(!k.descending, k.nulls_first))).collect()
    }

    fn join(&self, left: &Rel, right: &Rel, kind: JoinKind, on: Option<&eql_compiler::bound::Expr>) -> Result<LogicalPlan> {
        let right = self.rel(right)?;
        let builder = LogicalPlanBuilder::from(LogicalPlanBuilder::from(self.rel(left)?).alias("l")?.build()?);
        let right = LogicalPlanBuilder::from(right).alias("r")?.build()?;
        let Some(on) = on else { return builder.cross_join(right)?.build() };
        let kind = match kind {
            JoinKind::Inner | JoinKind::Cross => JoinType::Inner,
            JoinKind::Left => JoinType::Left,
            JoinKind::Right => JoinType::Right,
            JoinKind::Full => JoinType::Full,
        };
        let condition = self.lower().condition(on)?;
        unqualified(builder.join_on(right, kind, [condition])?)
    }

    fn set(&self, op: SetOp, left: &Rel, right: &Rel, columns: &[(ColumnId, ColumnId, ColumnId)]) -> Result<LogicalPlan> {
        let side = |rel: &Rel, pick: fn(&(ColumnId, ColumnId, ColumnId)) -> ColumnId| -> Result<LogicalPlan> {
            let exprs: Vec<DfExpr> = columns.iter().map(|c| plan_column(pick(c)).alias(column_name(c.0))).collect();
            LogicalPlanBuilder::from(self.rel(rel)?).project(exprs)?.build()
        };
        let (l, r) = (side(left, |c| c.1)?, side(right, |c| c.2)?);
        match op {
            SetOp::UnionAll => LogicalPlanBuilder::from(l).union(r)?.build(),
            SetOp::Union => LogicalPlanBuilder::from(l).union_distinct(r)?.build(),
            SetOp::Intersect => LogicalPlanBuilder::intersect(l, r, false),
            SetOp::Except => LogicalPlanBuilder::except(l, r, false),
        }
    }

    fn fill(&self, f: &Fill) -> Result<LogicalPlan> {
        let input = self.rel(&f.input)?;
        let schema: SchemaRef = Arc::new(nullable(input.schema().as_arrow()));
        let aggregates = &schema.fields()[f.groups.len() + 1..];
        let zero = aggregates.iter().map(|a| f.zero.iter().any(|z| column_name(*z) == *a.name())).collect();
        let (start, end) = clock::resolve(&f.during, self.world.now)?;
        // ALL TIME has the periods from the first to the last in which something happened.
        let end = if matches!(f.during.range.kind, RangeKind::AllTime) { i64::MAX } else { end.min(self.world.now) };
        let stage = fill::FillStage {
            every: f.every.clone(),
            during: (start, end.max(start)),
            groups: f.groups.len(),
            zero,
            schema: schema.clone(),
        };
        scan_table("filled", Arc::new(stage::StageTable { input, stage: Arc::new(stage), schema }))?.build()
    }

    fn buckets(&self, b: &Buckets) -> Result<LogicalPlan> {
        let input = self.rel(&b.input)?;
        let mut fields: Vec<Field> =
            input.schema().as_arrow().fields()[..b.groups.len()].iter().map(|f| f.as_ref().clone().with_nullable(true)).collect();
        let value = input.schema().as_arrow().field(b.groups.len()).data_type().clone();
        let whole = match &b.cut {
            eql_compiler::bound::Cut::Bounds(v) => v.iter().all(|v| matches!(v, Value::Int(_))),
            eql_compiler::bound::Cut::Automatic => value == arrow::datatypes::DataType::Int64,
            eql_compiler::bound::Cut::Bins(_) => false,
        };
        let bound = arrow_type(if whole { &DataType::Int } else { &DataType::Double });
        fields.push(Field::new(column_name(b.output[0]), bound.clone(), true));
        fields.push(Field::new(column_name(b.output[1]), bound, true));
        for id in b.output[2..].iter().chain(b.distinct.iter().map(|(_, to)| to)) {
            fields.push(Field::new(column_name(*id), arrow::datatypes::DataType::Int64, true));
        }
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let distinct = b.distinct.map(|(from, _)| input.schema().as_arrow().index_of(&column_name(from))).transpose()?;
        let stage = buckets::BucketStage { groups: b.groups.len(), cut: b.cut.clone(), distinct, schema: schema.clone() };
        scan_table("buckets", Arc::new(stage::StageTable { input, stage: Arc::new(stage), schema }))?.build()
    }
}

/// An aggregate over rows that pass only. The builder of DataFusion forgets DISTINCT and the order of an aggregate it did not set itself.
pub(crate) fn filtered(aggregate: DfExpr, filter: DfExpr) -> DfExpr {
    match aggregate {
        DfExpr::AggregateFunction(mut f) => {
            f.params.filter = Some(Box::new(filter));
            DfExpr::AggregateFunction(f)
        }
        other => other,
    }
}

/// All columns without their table's name: names are unique in a statement.
pub(crate) fn unqualified(builder: LogicalPlanBuilder) -> Result<LogicalPlan> {
    let names: Vec<DfExpr> = builder
        .schema()
        .iter()
        .map(|(q, f)| DfExpr::Column(datafusion::common::Column::new(q.cloned(), f.name())).alias(f.name()))
        .collect();
    builder.project(names)?.build()
}

fn nullable(schema: &Schema) -> Schema {
    Schema::new(schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect::<Vec<_>>())
}

fn values(columns: &[(ColumnId, DataType)], rows: &[Vec<Value>]) -> Result<LogicalPlan> {
    let schema: SchemaRef =
        Arc::new(Schema::new(columns.iter().map(|(id, t)| Field::new(column_name(*id), arrow_type(t), true)).collect::<Vec<_>>()));
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (i, (_, t)) in columns.iter().enumerate() {
        let scalars = rows.iter().map(|r| crate::lower::scalar(&r[i], t)).collect::<Result<Vec<_>>>()?;
        arrays.push(if scalars.is_empty() { arrow::array::new_empty_array(&arrow_type(t)) } else { ScalarValue::iter_to_array(scalars)? });
    }
    let batch = RecordBatch::try_new_with_options(schema.clone(), arrays, &RecordBatchOptions::new().with_row_count(Some(rows.len())))?;
    scan_table("known", Arc::new(MemTable::try_new(schema, vec![vec![batch]])?))?.build()
}

/// `[a, b, c]` unnested into rows, all lists at once: how one row of counts becomes a row a step.
pub(crate) fn list_of(items: Vec<DfExpr>) -> DfExpr {
    datafusion::functions_nested::expr_fn::make_array(items)
}

pub(crate) fn int(n: usize) -> DfExpr {
    lit(i64::try_from(n).unwrap_or(i64::MAX))
}
