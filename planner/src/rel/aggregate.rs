//! Aggregates and window functions over rows.

use crate::fold::{Fold, MatchesFold, SessionsFold, Summed};
use crate::function::{Gathered, collect, exact_sum, sum};
use crate::lower::{column_name, truth};
use crate::planner::Planner;
use arrow::datatypes::DataType as ArrowType;
use datafusion::common::{Column, DataFusionError, Result, ScalarValue};
use datafusion::functions_aggregate::expr_fn as agg;
use datafusion::logical_expr::expr::{AggregateFunctionParams, NullTreatment, WindowFunction};
use datafusion::logical_expr::expr_rewriter::normalize_col;
use datafusion::logical_expr::{
    Expr as DfExpr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, WindowFrame, WindowFrameBound, WindowFrameUnits,
    WindowFunctionDefinition, cast, lit,
};
use eql_compiler::bound::{Aggregate, Aggregation, ColumnId, Expr, MatchColumn, Rel, WindowCall};
use eql_grammar::ast::FrameBound;
use eql_store::arrow_type;
use std::sync::Arc;

impl Planner {
    pub(super) fn aggregate(&self, input: &Rel, groups: &[(ColumnId, Expr)], aggregates: &[(ColumnId, Aggregate)]) -> Result<LogicalPlan> {
        if let Some(summed) = self.summed(input, groups, aggregates)? {
            return Ok(summed);
        }
        let lower = self.lower();
        let keys = groups.iter().map(|(id, e)| Ok(lower.value(e)?.alias(column_name(*id)))).collect::<Result<Vec<_>>>()?;
        let mut made = Vec::new();
        let mut finish: Vec<DfExpr> = groups.iter().map(|(id, _)| crate::lower::plan_column(*id)).collect();
        for (id, a) in aggregates {
            made.push(self.aggregate_expr(a)?.alias(column_name(*id)));
            finish.push(cast(crate::lower::plan_column(*id), arrow_type(&a.data_type)).alias(column_name(*id)));
        }
        let input = match self.transitions(input, groups, aggregates)? {
            Some(transitions) => LogicalPlanBuilder::from(transitions),
            None => LogicalPlanBuilder::from(self.rel(input)?),
        };
        if made.is_empty() {
            return input.project(keys)?.distinct()?.build();
        }
        input.aggregate(keys, made)?.project(finish)?.build()
    }

    /// Counts and sums over sessions and matches, made where these are found.
    fn summed(&self, input: &Rel, groups: &[(ColumnId, Expr)], aggregates: &[(ColumnId, Aggregate)]) -> Result<Option<LogicalPlan>> {
        let (rows, columns, local): (Arc<dyn Fold>, Vec<_>, Vec<_>) = match input {
            Rel::Sessions(s) => {
                let fold = SessionsFold { sessions: s.as_ref().clone(), key: self.key_types(s.subject)? };
                let columns = fold.columns();
                (Arc::new(fold), columns, vec![])
            }
            Rel::Matches(m) => {
                let fold = MatchesFold { matches: m.as_ref().clone(), key: self.key_types(m.subject)? };
                let local = |c: &MatchColumn| matches!(c, MatchColumn::RowNumber(_) | MatchColumn::Subject);
                let local = m.columns.iter().filter(|(_, c)| local(c)).map(|(id, _)| *id).collect();
                let columns = fold.columns();
                (Arc::new(fold), columns, local)
            }
            _ => return Ok(None),
        };
        let within = |e: &Expr| !super::asks_a_query(e) && e.columns().iter().all(|id| columns.iter().any(|(c, _)| c == id));
        let sums = |a: &Aggregate| Summed::knows(a, &local) && a.argument.iter().chain(&a.filter).all(within);
        if aggregates.is_empty() || !groups.iter().all(|(_, e)| within(e)) || !aggregates.iter().all(|(_, a)| sums(a)) {
            return Ok(None);
        }
        let summed = Summed { rows, columns, keys: groups.to_vec(), sums: aggregates.to_vec() };
        self.fold("summed", Arc::new(summed))?.build().map(Some)
    }

    pub(crate) fn aggregate_expr(&self, a: &Aggregate) -> Result<DfExpr> {
        let made = self.unfiltered(a, &a.function)?;
        match &a.filter {
            Some(f) => Ok(super::filtered(made, truth(self.lower().condition(f)?))),
            None => Ok(made),
        }
    }

    fn unfiltered(&self, a: &Aggregate, function: &Aggregation) -> Result<DfExpr> {
        let lower = self.lower();
        let argument = a.argument.as_ref().map(|e| lower.value(e)).transpose()?;
        let wanted = || argument.clone().ok_or_else(|| DataFusionError::Internal("an aggregate without its value".into()));
        let double = || Ok::<_, DataFusionError>(cast(wanted()?, ArrowType::Float64));
        let order = self.sort_keys(&a.order)?;
        let second = || {
            let key = a.order.first().ok_or_else(|| DataFusionError::Internal("an aggregate without its other value".into()))?;
            Ok::<_, DataFusionError>(cast(lower.value(&key.expr)?, ArrowType::Float64))
        };
        Ok(match function {
            Aggregation::Count => agg::count(argument.clone().unwrap_or_else(|| lit(1i64))),
            Aggregation::CountDistinct => agg::count_distinct(wanted()?),
            Aggregation::Sum => sum(cast(wanted()?, sum_input(a)), &sum_input(a)),
            Aggregation::Average => agg::avg(double()?),
            Aggregation::Min => agg::min(wanted()?),
            Aggregation::Max => agg::max(wanted()?),
            Aggregation::First => agg::first_value(wanted()?, order),
            Aggregation::Last => agg::last_value(wanted()?, order),
            Aggregation::Any => with(agg::first_value(wanted()?, vec![]), |f| f.null_treatment = Some(NullTreatment::IgnoreNulls)),
            Aggregation::Percentile(p) => crate::function::percentile(double()?, *p),
            Aggregation::StdDev => agg::stddev(double()?),
            Aggregation::StdDevPopulation => agg::stddev_pop(double()?),
            Aggregation::Variance => agg::var_sample(double()?),
            Aggregation::VariancePopulation => agg::var_pop(double()?),
            Aggregation::Correlation => agg::corr(double()?, second()?),
            Aggregation::Covariance => agg::covar_samp(double()?, second()?),
            Aggregation::CovariancePopulation => agg::covar_pop(double()?, second()?),
            Aggregation::Mode => crate::function::mode(wanted()?),
            Aggregation::BoolAnd => agg::bool_and(wanted()?),
            Aggregation::BoolOr => agg::bool_or(wanted()?),
            Aggregation::List => collect(wanted()?, &order, Gathered::List, false),
            Aggregation::Join(s) => collect(wanted()?, &order, Gathered::Joined(s.clone()), false),
            Aggregation::Distinct(inner) => match inner.as_ref() {
                Aggregation::List => collect(wanted()?, &[], Gathered::List, true),
                Aggregation::Join(s) => collect(wanted()?, &[], Gathered::Joined(s.clone()), true),
                other => with(self.unfiltered(a, other)?, |f| f.distinct = true),
            },
            Aggregation::Periods(_) | Aggregation::Streak(_) | Aggregation::Top(_) => {
                return Err(DataFusionError::NotImplemented("periods over rows".into()));
            }
        })
    }

    /// Window functions beside the input's columns. One plan node holds windows of one order only: DataFusion makes as many as are needed.
    pub(super) fn windows(&self, input: &Rel, windows: &[(ColumnId, WindowCall)]) -> Result<LogicalPlan> {
        let input = self.rel(input)?;
        let mut columns: Vec<DfExpr> = input.schema().columns().into_iter().map(DfExpr::Column).collect();
        let mut calls: Vec<DfExpr> = Vec::new();
        for (id, w) in windows {
            let call = normalize_col(self.window(w)?, &input)?;
            let made = DfExpr::Column(Column::new_unqualified(call.schema_name().to_string()));
            columns.push(cast(made, arrow_type(&w.data_type)).alias(column_name(*id)));
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
        LogicalPlanBuilder::from(LogicalPlanBuilder::window_plan(input, calls)?).project(columns)?.build()
    }

    fn window(&self, w: &WindowCall) -> Result<DfExpr> {
        let lower = self.lower();
        let args = w.args.iter().map(|e| lower.value(e)).collect::<Result<Vec<_>>>()?;
        let args = if args.is_empty() && w.function == "count" { vec![lit(1i64)] } else { args };
        let function = match exact_sum(&arrow_type(&w.data_type)).filter(|_| w.function == "sum") {
            Some(sum) => WindowFunctionDefinition::AggregateUDF(sum),
            None => window_function(w.function)?,
        };
        let partition = w.partition_by.iter().map(|e| lower.value(e)).collect::<Result<Vec<_>>>()?;
        let order = self.sort_keys(&w.order_by)?;
        // SQL's frame: up to the current row and its peers where there is an order, else all rows.
        let frame = match &w.frame {
            Some(f) => WindowFrame::new_bounds(
                if f.range { WindowFrameUnits::Range } else { WindowFrameUnits::Rows },
                frame_bound(f.start),
                frame_bound(f.end),
            ),
            None => WindowFrame::new(if order.is_empty() { None } else { Some(false) }),
        };
        DfExpr::from(WindowFunction::new(function, args)).partition_by(partition).order_by(order).window_frame(frame).build()
    }
}

fn with(aggregate: DfExpr, change: impl FnOnce(&mut AggregateFunctionParams)) -> DfExpr {
    match aggregate {
        DfExpr::AggregateFunction(mut f) => {
            change(&mut f.params);
            DfExpr::AggregateFunction(f)
        }
        other => other,
    }
}

fn frame_bound(bound: FrameBound) -> WindowFrameBound {
    let rows = |n: u64| ScalarValue::UInt64(Some(n));
    match bound {
        FrameBound::First => WindowFrameBound::Preceding(ScalarValue::UInt64(None)),
        FrameBound::Last => WindowFrameBound::Following(ScalarValue::UInt64(None)),
        FrameBound::Rows(0) => WindowFrameBound::CurrentRow,
        FrameBound::Rows(n) if n < 0 => WindowFrameBound::Preceding(rows(n.unsigned_abs())),
        FrameBound::Rows(n) => WindowFrameBound::Following(rows(n.unsigned_abs())),
    }
}

/// Sums are made in the widest form of their type.
fn sum_input(a: &Aggregate) -> ArrowType {
    arrow_type(&a.data_type)
}

fn window_function(name: &str) -> Result<WindowFunctionDefinition> {
    let name = match name {
        "first" => "first_value",
        "last" => "last_value",
        "variance" => "var",
        other => other,
    };
    if let Some(f) = datafusion::functions_window::all_default_window_functions().into_iter().find(|f| f.name() == name) {
        return Ok(WindowFunctionDefinition::WindowUDF(f));
    }
    let aggregates = datafusion::functions_aggregate::all_default_aggregate_functions();
    let found = aggregates.into_iter().find(|f| f.name() == name || f.aliases().iter().any(|a| a == name));
    found.map(WindowFunctionDefinition::AggregateUDF).ok_or_else(|| DataFusionError::NotImplemented(format!("{name} as a window function")))
}
