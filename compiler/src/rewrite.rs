//! Rewrites of bound expressions that keep their meaning.

use crate::bound::{ColumnId, EntityValue, Expr, ExprKind, Leaf, Link, RowExpr, ScanColumn};
use eql_catalog::EntityTypeId;

/// Moves every largest part that reads columns of one linked entity only to that entity: `product.department = 'MEAT'` is then computed once a
/// product and looked up by ordinal, instead of once an event. A row without the entity gets the part's value over NULLs.
pub(crate) fn hoist(mut row: RowExpr, next: &mut u32) -> RowExpr {
    let mut added = Vec::new();
    walk(&mut row.expr, &row.columns, &mut added, next);
    row.columns.append(&mut added);
    let used = row.expr.columns();
    row.columns.retain(|c| used.contains(&c.id));
    RowExpr::canonical(row.columns, row.expr)
}

/// The same for an expression among others over the same columns: columns are only added.
pub(crate) fn hoist_into(e: &mut Expr, columns: &mut Vec<ScanColumn>, next: &mut u32) {
    let mut added = Vec::new();
    walk(e, columns, &mut added, next);
    columns.append(&mut added);
}

fn walk(e: &mut Expr, columns: &[ScanColumn], added: &mut Vec<ScanColumn>, next: &mut u32) {
    if matches!(e.kind, ExprKind::Column(_) | ExprKind::Literal(_)) {
        return;
    }
    if let Some((link, value)) = sole_link(e, columns, next) {
        *next += 1;
        let id = ColumnId(*next);
        let data_type = e.data_type.clone();
        added.push(ScanColumn { id, leaf: Leaf::Through(link, Box::new(value)), data_type: data_type.clone() });
        *e = Expr::column(id, data_type);
        return;
    }
    for c in e.children_mut() {
        walk(c, columns, added, next);
    }
}

/// The one link all columns of `e` go through, with `e` as a value of the linked entity.
fn sole_link(e: &Expr, columns: &[ScanColumn], next: &mut u32) -> Option<(Link, EntityValue)> {
    let mut subquery = false;
    e.visit(&mut |x| subquery |= matches!(x.kind, ExprKind::Scalar(_) | ExprKind::Exists(_) | ExprKind::InQuery(..) | ExprKind::Invalid));
    let ids = e.columns();
    if subquery || ids.is_empty() {
        return None;
    }
    let mut found: Option<(Link, EntityTypeId, bool)> = None;
    let mut inner: Vec<ScanColumn> = Vec::new();
    let mut values: Vec<(ColumnId, Expr)> = Vec::new();
    for id in ids {
        let Leaf::Through(link, value) = &columns.iter().find(|c| c.id == id)?.leaf else { return None };
        match &found {
            None => found = Some((link.clone(), value.entity, value.at_event())),
            // What is of today stays apart from what is of the event's time: it is computed once an entity.
            Some((l, entity, timed)) if l == link && *entity == value.entity && *timed == value.at_event() => {}
            Some(_) => return None,
        }
        // Each value numbers its columns from 1: they get numbers of their own before they come together.
        let mut numbers = Vec::new();
        for c in &value.value.columns {
            let known = inner.iter().find(|k| k.leaf == c.leaf).map(|k| k.id);
            let to = known.unwrap_or_else(|| {
                *next += 1;
                inner.push(ScanColumn { id: ColumnId(*next), ..c.clone() });
                ColumnId(*next)
            });
            numbers.push((c.id, to));
        }
        let mut expr = value.value.expr.clone();
        expr.renumber(&numbers);
        values.push((id, expr));
    }
    let (link, entity, _) = found?;
    Some((link, EntityValue { entity, value: RowExpr::canonical(inner, substitute(e.clone(), &values)) }))
}

/// Replaces columns by expressions.
fn substitute(mut e: Expr, values: &[(ColumnId, Expr)]) -> Expr {
    if let ExprKind::Column(id) = e.kind {
        return values.iter().find(|(c, _)| *c == id).map_or(e, |(_, v)| v.clone());
    }
    for c in e.children_mut() {
        *c = substitute(std::mem::replace(c, Expr::invalid()), values);
    }
    e
}
