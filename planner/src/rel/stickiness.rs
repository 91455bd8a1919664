//! STICKINESS: partial counts of the partitions are added up.

use crate::fold::StickinessFold;
use crate::lower::column_name;
use crate::planner::Planner;
use datafusion::common::Result;
use datafusion::functions_aggregate::expr_fn as agg;
use datafusion::logical_expr::{Expr as DfExpr, LogicalPlan};
use datafusion::prelude::ident;
use eql_compiler::bound::Stickiness;
use std::sync::Arc;

impl Planner {
    pub(super) fn stickiness(&self, s: &Stickiness) -> Result<LogicalPlan> {
        let mut keys: Vec<DfExpr> = s.over.iter().map(|(id, _)| ident("period").alias(column_name(*id))).collect();
        keys.extend(s.breakdown.iter().enumerate().map(|(i, b)| ident(format!("b{i}")).alias(column_name(b.id))));
        keys.push(ident("active_periods").alias(column_name(s.output[0])));
        let entities = vec![agg::sum(ident("entities")).alias(column_name(s.output[1]))];
        self.fold("stickiness", Arc::new(StickinessFold { stickiness: s.clone() }))?.aggregate(keys, entities)?.build()
    }
}
