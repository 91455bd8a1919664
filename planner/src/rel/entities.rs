//! Entities that are asked by what they are and by what they did: the first is known at once, and then only of those that it leaves need be
//! found out what they did.

use super::asks_a_query;
use crate::fold::Entities;
use crate::planner::Planner;
use datafusion::common::Result;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use eql_catalog::EntityTypeId;
use eql_compiler::bound::{EntityValue, Expr, ExprKind, Leaf, Rel, RowExpr, Scan, ScanColumn, Source};
use std::sync::Arc;

/// A condition over entities in two parts.
pub(super) struct Split<'r> {
    scan: &'r Scan,
    entity: EntityTypeId,
    /// On what they are.
    among: EntityValue,
    /// On what they did too.
    rest: Option<Expr>,
}

/// The parts of a condition, where both kinds are asked.
pub(super) fn split<'r>(input: &'r Rel, condition: &Expr) -> Option<Split<'r>> {
    let Rel::Scan(scan) = input else { return None };
    let Source::Entities(entity) = scan.source else { return None };
    let did = |c: &ScanColumn| matches!(c.leaf, Leaf::Behaviour(_));
    if !scan.columns.iter().any(did) {
        return None;
    }
    let parts = if let ExprKind::And(parts) = &condition.kind { parts.as_slice() } else { std::slice::from_ref(condition) };
    let (is, rest): (Vec<&Expr>, Vec<&Expr>) = parts.iter().partition(|p| {
        let ids = p.columns();
        !ids.is_empty() && !asks_a_query(p) && scan.columns.iter().filter(|c| ids.contains(&c.id)).all(|c| !did(c))
    });
    let expr = Expr::all(is.into_iter().cloned())?;
    let ids = expr.columns();
    let columns = scan.columns.iter().filter(|c| ids.contains(&c.id)).cloned().collect();
    let among = EntityValue { entity, value: RowExpr { columns, expr } };
    Some(Split { scan, entity, among, rest: Expr::all(rest.into_iter().cloned()) })
}

impl Planner {
    /// The entities that pass both parts.
    pub(super) fn found(&self, Split { scan, entity, among, rest }: Split<'_>) -> Result<LogicalPlan> {
        let fold = Entities { entity, columns: scan.columns.clone(), among: Some(among), clock: scan.clock.clone() };
        let found = self.fold("entities", Arc::new(fold))?.build()?;
        match rest {
            None => Ok(found),
            Some(rest) => {
                let standing = self.world.at(&scan.clock)?.standing(&scan.columns, Some(entity), &rest);
                let rest = standing.unwrap_or(rest);
                LogicalPlanBuilder::from(found).filter(self.lower().condition(&rest)?)?.build()
            }
        }
    }
}
