//! FUNNEL: attempts become one row a step, a bucket of time, or an entity.

use super::{filtered, int, list_of};
use crate::fold::{FunnelFold, FunnelLines, LineColumn};
use crate::lower::{column_name, nullif, plan_column, truth};
use crate::planner::Planner;
use arrow::datatypes::DataType as ArrowType;
use datafusion::common::{Column, Result, ScalarValue, UnnestOptions};
use datafusion::functions_aggregate::expr_fn as agg;
use datafusion::logical_expr::{Expr as DfExpr, LogicalPlan, LogicalPlanBuilder, cast, lit};
use datafusion::prelude::ident;
use eql_compiler::bound::{Aggregate, ColumnId, Cut, Funnel, FunnelShow};
use eql_grammar::ast::OrderMode;
use eql_store::arrow_type;
use std::sync::Arc;

fn double_null() -> DfExpr {
    lit(ScalarValue::Float64(None))
}

/// A share of counts; NULL over 0.
fn share(a: DfExpr, b: DfExpr) -> DfExpr {
    cast(a, ArrowType::Float64) / nullif(cast(b, ArrowType::Float64), lit(0.0))
}

fn count(of: DfExpr) -> DfExpr {
    filtered(agg::count(lit(1i64)), of)
}

/// The steps of a funnel as its lines, from 1.
struct Lines {
    optional: Vec<bool>,
    any_order: bool,
}

impl Lines {
    fn new(f: &Funnel) -> Self {
        let optional = f.steps.iter().enumerate().map(|(i, s)| i > 0 && s.optional).collect();
        Self { optional, any_order: f.mode == OrderMode::AnyOrder }
    }

    fn len(&self) -> usize {
        self.optional.len()
    }

    fn optional(&self, k: usize) -> bool {
        self.optional.get(k - 1).copied().unwrap_or(false)
    }

    /// The level of an attempt that has done step k, or the required step before it.
    fn level(&self, k: usize) -> usize {
        self.optional[..k].iter().filter(|o| !**o).count()
    }

    fn required(&self) -> usize {
        self.level(self.len())
    }

    /// The attempt did step k. In any order, line k of the required ones stands for so many different steps.
    fn did(&self, k: usize) -> DfExpr {
        // Where all steps are required the level tells, and the times need not be made.
        if (self.any_order && !self.optional(k)) || self.required() == self.len() {
            ident("level").gt_eq(int(self.level(k)))
        } else {
            ident(format!("t{}", k - 1)).is_not_null()
        }
    }

    /// The attempt did step k and nothing after it.
    fn stays(&self, k: usize) -> DfExpr {
        if self.any_order { self.did(k).and(!self.went_on(k)) } else { ident("reached").eq(int(k)) }
    }

    /// The required step before k.
    fn before(&self, k: usize) -> Option<usize> {
        (1..k).rev().find(|j| !self.optional(*j))
    }

    /// The attempt did a required step after k.
    fn went_on(&self, k: usize) -> DfExpr {
        if self.level(k) == self.required() { lit(false) } else { ident("level").gt(int(self.level(k))) }
    }
}

impl Planner {
    pub(super) fn funnel(&self, f: &Funnel) -> Result<LogicalPlan> {
        let fold = FunnelFold { funnel: f.clone(), key: self.key_types(f.subject)? };
        if let (FunnelShow::Steps(ids), true) = (&f.show, f.measures.lines.is_empty()) {
            return self.funnel_lines(f, ids, fold);
        }
        let attempts = self.fold("funnel", Arc::new(fold))?;
        match &f.show {
            FunnelShow::Steps(ids) => self.funnel_steps(f, ids, attempts),
            FunnelShow::TimeToConvert(cut, ids) => self.time_to_convert(f, cut, ids, attempts),
            FunnelShow::Entities { keys, reached, times, converted, step } => {
                let rows = match wanted(&Lines::new(f), *converted, *step) {
                    Some(w) => attempts.filter(w)?,
                    None => attempts,
                };
                let mut columns: Vec<DfExpr> =
                    keys.iter().enumerate().map(|(i, id)| ident(format!("k{i}")).alias(column_name(*id))).collect();
                columns.push(ident("reached").alias(column_name(*reached)));
                columns.extend(times.iter().enumerate().map(|(i, id)| ident(format!("t{i}")).alias(column_name(*id))));
                rows.project(columns)?.build()
            }
        }
    }

    /// Lines without measures are counted by the fold itself.
    fn funnel_lines(&self, f: &Funnel, ids: &[ColumnId; 9], fold: FunnelFold) -> Result<LogicalPlan> {
        let mut columns = group_keys(f);
        columns.extend(LineColumn::LINE.iter().zip(ids).map(|(c, id)| ident(c.name()).alias(column_name(*id))));
        self.fold("funnel", Arc::new(FunnelLines(fold)))?.project(columns)?.build()
    }

    fn funnel_steps(&self, f: &Funnel, ids: &[ColumnId; 9], attempts: LogicalPlanBuilder) -> Result<LogicalPlan> {
        let lines = Lines::new(f);
        let mut made = step_counts(&lines);
        for (line, aggregates) in f.measures.lines.iter().enumerate() {
            let did = lines.did(line + 1);
            for (id, a) in aggregates {
                made.push(self.measured(a, did.clone())?.alias(column_name(*id)));
            }
        }
        let counted = attempts.aggregate(group_keys(f), made)?;
        let counted = if f.measures.lines.is_empty() { counted } else { self.typed(f, counted)? };
        let mut columns = group_columns(f);
        columns.extend(step_lists(f, &lines, ids));
        let mut lists: Vec<Column> = ids.iter().map(|id| Column::new_unqualified(column_name(*id))).collect();
        for (id, data_type, exprs) in &f.measures.output {
            let each = exprs.iter().map(|e| Ok(cast(self.lower().value(e)?, arrow_type(data_type)))).collect::<Result<Vec<_>>>()?;
            columns.push(list_of(each).alias(column_name(*id)));
            lists.push(Column::new_unqualified(column_name(*id)));
        }
        super::same::unnested(counted.project(columns)?.unnest_columns_with_options(lists, UnnestOptions::default())?)
    }

    /// An aggregate of MEASURE over the attempts that pass.
    fn measured(&self, a: &Aggregate, over: DfExpr) -> Result<DfExpr> {
        let own = a.filter.as_ref().map(|p| self.lower().condition(p)).transpose()?;
        let over = own.map_or(over.clone(), |p| over.and(truth(p)));
        Ok(filtered(self.aggregate_expr(&Aggregate { filter: None, ..a.clone() })?, over))
    }

    /// The aggregates of MEASURE in the types that expressions over them expect; all else as it is.
    fn typed(&self, f: &Funnel, rows: LogicalPlanBuilder) -> Result<LogicalPlanBuilder> {
        let own: Vec<(String, ArrowType)> =
            f.measures.lines.iter().flatten().map(|(id, a)| (column_name(*id), arrow_type(&a.data_type))).collect();
        let columns = rows.schema().columns().into_iter().map(|c| match own.iter().find(|(n, _)| *n == c.name) {
            Some((name, t)) => cast(DfExpr::Column(c), t.clone()).alias(name),
            None => DfExpr::Column(c),
        });
        let columns: Vec<DfExpr> = columns.collect();
        rows.project(columns)
    }

    fn time_to_convert(&self, f: &Funnel, cut: &Cut, ids: &[ColumnId; 3], attempts: LogicalPlanBuilder) -> Result<LogicalPlan> {
        let keys = group_keys(f);
        let groups = keys.len();
        let values = f.measures.values.iter().map(|v| plan_column(v.id));
        let columns: Vec<DfExpr> = keys.into_iter().chain([ident("total")]).chain(values).collect();
        let converted = attempts.filter(ident("total").is_not_null())?.project(columns)?.build()?;
        let rows = super::convert::with_buckets(converted, groups, cut)?;
        let mut keys = group_columns(f);
        keys.extend([ident("from").alias(column_name(ids[0])), ident("to").alias(column_name(ids[1]))]);
        let mut made = vec![agg::sum(ident("weight")).alias(column_name(ids[2]))];
        for (id, a) in f.measures.lines.iter().flatten() {
            made.push(self.measured(a, ident("weight").gt(lit(0i64)))?.alias(column_name(*id)));
        }
        let counted = self.typed(f, rows.aggregate(keys, made)?)?;
        let mut columns = group_columns(f);
        columns.extend(ids.iter().map(|id| plan_column(*id)));
        for (id, data_type, exprs) in &f.measures.output {
            for e in exprs.iter().take(1) {
                columns.push(cast(self.lower().value(e)?, arrow_type(data_type)).alias(column_name(*id)));
            }
        }
        counted.project(columns)?.build()
    }
}

/// The groups of attempts under the names of the result.
fn group_keys(f: &Funnel) -> Vec<DfExpr> {
    let period = f.every.iter().map(|(id, _)| ident("period").alias(column_name(*id)));
    period.chain(f.breakdown.iter().enumerate().map(|(i, b)| ident(format!("b{i}")).alias(column_name(b.id)))).collect()
}

fn group_columns(f: &Funnel) -> Vec<DfExpr> {
    f.every.iter().map(|(id, _)| plan_column(*id)).chain(f.breakdown.iter().map(|b| plan_column(b.id))).collect()
}

/// Which entities a list holds: those that did a step (AT) or a later one (AFTER); those that dropped out before (AT) or behind it (AFTER).
fn wanted(lines: &Lines, converted: Option<bool>, step: Option<(bool, u64)>) -> Option<DfExpr> {
    let all = ident("level").gt_eq(int(lines.required()));
    let Some((after, k)) = step else {
        return converted.map(|c| if c { all } else { ident("level").lt(int(lines.required())) });
    };
    let k = usize::try_from(k).unwrap_or(usize::MAX).clamp(1, lines.len());
    Some(match (converted, after) {
        (Some(false), true) if lines.level(k) == lines.required() => lit(false),
        (Some(false), true) => lines.did(k).and(!lines.went_on(k)),
        (Some(false), false) => lines.before(k).map_or_else(|| lit(false), |b| lines.did(b).and(!lines.did(k))),
        (_, true) => lines.did(k).and(lines.went_on(k)),
        (_, false) => lines.did(k),
    })
}

/// For step k: n (did it), o (open, not further), w (open, may still do it), m and a (median and mean seconds).
fn step_counts(lines: &Lines) -> Vec<DfExpr> {
    let mut out = Vec::new();
    for k in 1..=lines.len() {
        let open = || truth(ident("open"));
        out.push(count(lines.did(k)).alias(format!("n{k}")));
        let stays = lines.stays(k).and(open());
        out.push(count(if k == lines.len() { lit(false) } else { stays }).alias(format!("o{k}")));
        out.push(count(open().and(!lines.did(k)).and(!lines.went_on(k))).alias(format!("w{k}")));
        if k > 1 {
            let seconds = || ident(format!("s{}", k - 1));
            out.push(filtered(crate::function::percentile(seconds(), 0.5), lines.did(k)).alias(format!("m{k}")));
            out.push(filtered(agg::avg(seconds()), lines.did(k)).alias(format!("a{k}")));
        }
    }
    out
}

/// One list a result column, with a member a step.
fn step_lists(f: &Funnel, lines: &Lines, ids: &[ColumnId; 9]) -> Vec<DfExpr> {
    let n = |k: usize| ident(format!("n{k}"));
    let each = |of: &dyn Fn(usize) -> DfExpr| list_of((1..=lines.len()).map(of).collect());
    let lists = [
        each(&int),
        each(&|k| lit(f.steps[k - 1].name.clone())),
        each(&n),
        each(&|k| ident(format!("o{k}"))),
        each(&|k| share(n(k), n(1))),
        each(&|k| share(n(k), n(lines.before(k).unwrap_or(1)))),
        // Entries that may still convert are left out.
        each(&|k| share(n(k), n(1) - ident(format!("w{k}")))),
        each(&|k| if k == 1 { double_null() } else { cast(ident(format!("m{k}")), ArrowType::Float64) }),
        each(&|k| if k == 1 { double_null() } else { ident(format!("a{k}")) }),
    ];
    lists.into_iter().zip(ids).map(|(l, id)| l.alias(column_name(*id))).collect()
}
