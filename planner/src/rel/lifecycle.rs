//! LIFECYCLE: partial counts of the partitions are added up.

use crate::fold::LifecycleFold;
use crate::lower::column_name;
use crate::planner::Planner;
use datafusion::common::Result;
use datafusion::functions_aggregate::expr_fn as agg;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::ident;
use eql_compiler::bound::Lifecycle;
use std::sync::Arc;

impl Planner {
    pub(super) fn lifecycle(&self, l: &Lifecycle) -> Result<LogicalPlan> {
        let mut keys = vec![ident("period").alias(column_name(l.every.0))];
        keys.extend(l.breakdown.iter().enumerate().map(|(i, b)| ident(format!("b{i}")).alias(column_name(b.id))));
        let phases = ["new", "returning", "resurrecting", "dormant"];
        let counts: Vec<_> = phases.iter().zip(l.output).map(|(n, id)| agg::sum(ident(*n)).alias(column_name(id))).collect();
        self.fold("lifecycle", Arc::new(LifecycleFold { lifecycle: l.clone() }))?.aggregate(keys, counts)?.build()
    }
}
