//! Rewrites of bound expressions that keep their meaning.

use crate::bound::{ColumnId, EntityValue, Expr, ExprKind, Leaf, Link, RowExpr, ScanColumn};

/// Moves every largest part that reads columns of one linked entity only to that entity: `product.department = 'MEAT'` is then computed once a
/// product and looked up by ordinal, instead of once an event. A row without the entity gets the part's value over NULLs.
pub(crate) fn hoist(mut row: RowExpr, next: &mut u32) -> RowExpr {
    let mut added = Vec::new();
    walk(&mut row.expr, &row.columns, &mut added, next);
    row.columns.append(&mut added);
    let used = row.expr.columns();
    row.columns.retain(|c| used.contains(&c.id));
    row
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
    if let Some((link, inner)) = sole_link(e, columns) {
        *next += 1;
        let id = ColumnId(*next);
        let data_type = e.data_type.clone();
        let value = EntityValue { entity: inner.0, value: RowExpr { columns: inner.1, expr: substitute(e.clone(), columns) } };
        added.push(ScanColumn { id, leaf: Leaf::Through(link, Box::new(value)), data_type: data_type.clone() });
        *e = Expr::column(id, data_type);
        return;
    }
    for c in e.children_mut() {
        walk(c, columns, added, next);
    }
}

type Inner = (eql_catalog::EntityTypeId, Vec<ScanColumn>);

/// The one link all columns of `e` go through, with the entity and its columns.
fn sole_link(e: &Expr, columns: &[ScanColumn]) -> Option<(Link, Inner)> {
    let mut subquery = false;
    e.visit(&mut |x| subquery |= matches!(x.kind, ExprKind::Scalar(_) | ExprKind::Exists(_) | ExprKind::InQuery(..) | ExprKind::Invalid));
    let ids = e.columns();
    if subquery || ids.is_empty() {
        return None;
    }
    let mut found: Option<(Link, Inner)> = None;
    for id in ids {
        let Leaf::Through(link, value) = &columns.iter().find(|c| c.id == id)?.leaf else { return None };
        match &mut found {
            None => found = Some((link.clone(), (value.entity, value.value.columns.clone()))),
            Some((l, inner)) if l == link && inner.0 == value.entity => {
                inner.1.extend(value.value.columns.iter().filter(|c| !inner.1.iter().any(|o| o.id == c.id)).cloned().collect::<Vec<_>>());
            }
            Some(_) => return None,
        }
    }
    found
}

/// Replaces columns that go through a link by the expression over the linked entity.
fn substitute(mut e: Expr, columns: &[ScanColumn]) -> Expr {
    if let ExprKind::Column(id) = e.kind {
        return match columns.iter().find(|c| c.id == id).map(|c| &c.leaf) {
            Some(Leaf::Through(_, value)) => value.value.expr.clone(),
            _ => e,
        };
    }
    for c in e.children_mut() {
        *c = substitute(std::mem::replace(c, Expr::invalid()), columns);
    }
    e
}
