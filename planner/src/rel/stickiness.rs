//! STICKINESS: partial counts of the partitions are added up; rows of a list are as they come.

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
        let fold = StickinessFold { stickiness: s.clone(), key: self.key_types(s.subject)? };
        let rows = self.fold("stickiness", Arc::new(fold))?;
        if let Some(list) = &s.listed {
            keys.extend(list.iter().enumerate().map(|(i, id)| ident(format!("k{i}")).alias(column_name(*id))));
            return rows.project(keys)?.build();
        }
        let entities = vec![agg::sum(ident("entities")).alias(column_name(s.output[1]))];
        rows.aggregate(keys, entities)?.build()
    }
}
