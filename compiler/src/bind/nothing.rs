//! What a column says of a group in which nothing happened: counts and sums are 0, all else is missing.

use crate::bound::*;
use eql_catalog::{DataType, Value};

/// The value of a column of `rel` for a group without rows, without columns of its own; None where it is missing.
pub(super) fn nothing(rel: &Rel, id: ColumnId) -> Option<Expr> {
    match rel {
        Rel::Sort(input, _) | Rel::Limit(input, ..) | Rel::Filter(input, _) | Rel::Window(input, _) => nothing(input, id),
        Rel::Fill(f) => nothing(&f.input, id),
        Rel::Lanes(l) => nothing(&l.input, id),
        Rel::Periods(p) => nothing(&p.input, id),
        Rel::Top(t) => nothing(&t.input, id),
        Rel::Project(input, columns) => computed(&columns.iter().find(|(c, _)| *c == id)?.1, &|c| nothing(input, c)),
        Rel::Aggregate(_, _, aggregates) => none_of(aggregates, id),
        Rel::Buckets(b) => counted(id == b.output[2] || b.distinct.is_some_and(|(_, to)| to == id)),
        Rel::Funnel(f) => match &f.show {
            FunnelShow::Steps(columns) if columns.contains(&id) => counted(id == columns[2] || id == columns[3]),
            FunnelShow::TimeToConvert(_, columns) if columns.contains(&id) => counted(id == columns[2]),
            _ => {
                let (_, _, lines) = f.measures.output.iter().find(|(c, ..)| *c == id)?;
                // A line whose step has not the measure's event has a constant.
                lines.iter().zip(&f.measures.lines).find_map(|(value, aggregates)| computed(value, &|c| none_of(aggregates, c)))
            }
        },
        Rel::Retention(r) if r.output.contains(&id) => counted(id == r.output[0] || id == r.output[2]),
        Rel::Retention(r) => {
            let measures = r.measures.as_ref()?;
            let (_, value) = measures.output.iter().find(|(c, _)| *c == id)?;
            computed(value, &|c| if c == r.output[0] { counted(true) } else { none_of(&measures.aggregates, c) })
        }
        Rel::Lifecycle(l) => counted(l.output.contains(&id)),
        Rel::Stickiness(s) => counted(id == s.output[1]),
        _ => None,
    }
}

fn counted(counted: bool) -> Option<Expr> {
    counted.then(|| Expr::literal(Value::Int(0)))
}

/// An aggregate over no rows.
fn none_of(aggregates: &[(ColumnId, Aggregate)], id: ColumnId) -> Option<Expr> {
    let (_, aggregate) = aggregates.iter().find(|(c, _)| *c == id)?;
    let zero = Expr::literal(Value::Int(0));
    match (adds_up(&aggregate.function), &aggregate.data_type) {
        (false, _) => None,
        (true, DataType::Int) => Some(zero),
        (true, other) => Some(Expr { kind: ExprKind::Cast(Box::new(zero)), data_type: other.clone() }),
    }
}

fn adds_up(function: &Aggregation) -> bool {
    match function {
        Aggregation::Count | Aggregation::CountDistinct | Aggregation::Sum | Aggregation::Periods(_) | Aggregation::Streak(_) => true,
        Aggregation::Distinct(inner) => adds_up(inner),
        _ => false,
    }
}

/// A value with what nothing gives in the place of its columns; None where a query would have to be asked, or nothing in it is known.
fn computed(value: &Expr, of: &dyn Fn(ColumnId) -> Option<Expr>) -> Option<Expr> {
    let mut known = false;
    let mut asks = false;
    let mut out = value.clone();
    put(&mut out, &mut |e| match &e.kind {
        ExprKind::Column(id) => {
            let found = of(*id);
            known |= found.is_some();
            Some(found.unwrap_or(Expr { kind: ExprKind::Literal(Value::Null), data_type: e.data_type.clone() }))
        }
        ExprKind::Scalar(_) | ExprKind::Exists(_) | ExprKind::InQuery(..) => {
            asks = true;
            None
        }
        _ => None,
    });
    (known && !asks).then_some(out)
}

fn put(e: &mut Expr, f: &mut dyn FnMut(&Expr) -> Option<Expr>) {
    if let Some(other) = f(e) {
        *e = other;
        return;
    }
    for c in e.children_mut() {
        put(c, f);
    }
}
