//! FUNNEL: attempts become one row a step, or one row an entity.

use super::{filtered, int, list_of};
use crate::fold::FunnelFold;
use crate::lower::{column_name, nullif, truth};
use crate::planner::Planner;
use arrow::datatypes::DataType as ArrowType;
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::expr_fn as agg;
use datafusion::logical_expr::{Expr as DfExpr, LogicalPlan, cast, lit};
use datafusion::prelude::ident;
use eql_compiler::bound::{ColumnId, Funnel, FunnelShow};
use std::sync::Arc;

fn double_null() -> DfExpr {
    lit(ScalarValue::Float64(None))
}

/// A share of counts; NULL over 0.
fn share(a: DfExpr, b: DfExpr) -> DfExpr {
    cast(a, ArrowType::Float64) / nullif(cast(b, ArrowType::Float64), lit(0.0))
}

impl Planner {
    pub(super) fn funnel(&self, f: &Funnel) -> Result<LogicalPlan> {
        let fold = FunnelFold { funnel: f.clone(), key: self.key_types(f.subject)? };
        let attempts = self.fold("funnel", Arc::new(fold))?;
        match &f.show {
            FunnelShow::Steps(ids) => {
                let mut keys: Vec<DfExpr> = Vec::new();
                if let Some((id, _)) = &f.every {
                    keys.push(ident("period").alias(column_name(*id)));
                }
                for (i, b) in f.breakdown.iter().enumerate() {
                    keys.push(ident(format!("b{i}")).alias(column_name(b.id)));
                }
                let n = f.steps.len();
                let counted = attempts.aggregate(keys, step_counts(n))?;
                let mut columns: Vec<DfExpr> = f.every.iter().map(|(id, _)| crate::lower::plan_column(*id)).collect();
                columns.extend(f.breakdown.iter().map(|b| crate::lower::plan_column(b.id)));
                columns.extend(step_lists(f, ids));
                let lists: Vec<datafusion::common::Column> =
                    ids.iter().map(|id| datafusion::common::Column::new_unqualified(column_name(*id))).collect();
                super::same::unnested(
                    counted.project(columns)?.unnest_columns_with_options(lists, datafusion::common::UnnestOptions::default())?,
                )
            }
            FunnelShow::Entities { keys, reached, times, converted, step } => {
                let n = i64::try_from(f.steps.len()).unwrap_or(i64::MAX);
                let wanted = match (converted, step) {
                    (Some(true), None) => Some(ident("reached").gt_eq(lit(n))),
                    (Some(false), None) => Some(ident("reached").lt(lit(n))),
                    // Dropped at step k: k was not reached; after step k: k was reached and no more.
                    (Some(false), Some((after, k))) => {
                        let k = i64::try_from(*k).unwrap_or(i64::MAX);
                        Some(ident("reached").eq(lit(if *after { k } else { k - 1 })))
                    }
                    (_, Some((after, k))) => Some(ident("reached").gt_eq(lit(i64::try_from(*k).unwrap_or(i64::MAX) + i64::from(*after)))),
                    (None, None) => None,
                };
                let mut columns: Vec<DfExpr> =
                    keys.iter().enumerate().map(|(i, id)| ident(format!("k{i}")).alias(column_name(*id))).collect();
                columns.push(ident("reached").alias(column_name(*reached)));
                columns.extend(times.iter().enumerate().map(|(i, id)| ident(format!("t{i}")).alias(column_name(*id))));
                let rows = match wanted {
                    Some(w) => attempts.filter(w)?,
                    None => attempts,
                };
                rows.project(columns)?.build()
            }
        }
    }
}

/// For step k: n (reached), o (open, not further), m and a (median and mean seconds).
fn step_counts(steps: usize) -> Vec<DfExpr> {
    let mut out = Vec::new();
    for k in 1..=steps {
        let reached = || ident("reached").gt_eq(int(k));
        out.push(filtered(agg::count(lit(1i64)), reached()).alias(format!("n{k}")));
        let open = ident("reached").eq(int(k)).and(truth(ident("open")));
        let open = if k == steps { lit(false) } else { open };
        out.push(filtered(agg::count(lit(1i64)), open).alias(format!("o{k}")));
        if k > 1 {
            let seconds = || ident(format!("s{}", k - 1));
            out.push(filtered(agg::percentile_cont(seconds().sort(true, false), lit(0.5)), reached()).alias(format!("m{k}")));
            out.push(filtered(agg::avg(seconds()), reached()).alias(format!("a{k}")));
        }
    }
    out
}

/// One list a result column, with a member a step.
fn step_lists(f: &Funnel, ids: &[ColumnId; 9]) -> Vec<DfExpr> {
    let steps = f.steps.len();
    let n = |k: usize| ident(format!("n{k}"));
    // Entries that are still open and could yet convert: they are left out of rate_closed.
    let open_before = |k: usize| (1..k).map(|j| ident(format!("o{j}"))).reduce(|a, b| a + b).unwrap_or_else(|| lit(0i64));
    let each = |of: &dyn Fn(usize) -> DfExpr| list_of((1..=steps).map(of).collect());
    let lists = [
        each(&int),
        each(&|k| lit(f.steps[k - 1].name.clone())),
        each(&n),
        each(&|k| ident(format!("o{k}"))),
        each(&|k| share(n(k), n(1))),
        each(&|k| if k == 1 { share(n(1), n(1)) } else { share(n(k), n(k - 1)) }),
        each(&|k| share(n(k), n(1) - open_before(k))),
        each(&|k| if k == 1 { double_null() } else { cast(ident(format!("m{k}")), ArrowType::Float64) }),
        each(&|k| if k == 1 { double_null() } else { ident(format!("a{k}")) }),
    ];
    lists.into_iter().zip(ids).map(|(l, id)| l.alias(column_name(*id))).collect()
}
