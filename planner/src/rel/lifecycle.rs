//! LIFECYCLE: partial counts of the partitions are added up; rows of a list are as they come.

use crate::fold::LifecycleFold;
use crate::lower::column_name;
use crate::planner::Planner;
use datafusion::common::Result;
use datafusion::functions_aggregate::expr_fn as agg;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::ident;
use eql_compiler::bound::Lifecycle;
use eql_grammar::ast::Phase;
use std::sync::Arc;

impl Planner {
    pub(super) fn lifecycle(&self, l: &Lifecycle) -> Result<LogicalPlan> {
        let mut keys = vec![ident("period").alias(column_name(l.every.0))];
        keys.extend(l.breakdown.iter().enumerate().map(|(i, b)| ident(format!("b{i}")).alias(column_name(b.id))));
        let fold = LifecycleFold { lifecycle: l.clone(), key: self.key_types(l.subject)? };
        let rows = self.fold("lifecycle", Arc::new(fold))?;
        if let Some(list) = &l.listed {
            keys.push(ident("phase").alias(column_name(list.phase)));
            keys.extend(list.keys.iter().enumerate().map(|(i, id)| ident(format!("k{i}")).alias(column_name(*id))));
            return rows.project(keys)?.build();
        }
        let counts: Vec<_> = Phase::ALL.iter().zip(l.output).map(|(p, id)| agg::sum(ident(p.word())).alias(column_name(id))).collect();
        rows.aggregate(keys, counts)?.build()
    }
}
