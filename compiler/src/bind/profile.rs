//! PROFILE: what entities are like.

use super::Binder;
use super::clause::{Clauses, HeadKind};
use super::scope::{Aggregates, Env, RowScope};
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, Value};
use eql_grammar::ast::{self, BinaryOp, ClauseKind};

impl Binder<'_> {
    pub(super) fn profile(&mut self, a: &ast::Analysis) -> Option<Query> {
        let head = HeadKind::Profile;
        let clauses = self.clauses(head, &a.clauses);
        self.clock = self.head_clock(clauses);
        self.during = clauses.get(|k| if let ClauseKind::During(r) = k { Some(r) } else { None }).and_then(|r| self.range(r));
        let of = clauses.get(|k| if let ClauseKind::Of(i, _) = k { Some(i) } else { None });
        let of = self.require(of, head, "OF", a.head_span, "for example PROFILE OF user MEASURE count(*)")?;
        let entity = self.entity_type(of);
        let scope = entity.as_ref().map_or_else(RowScope::unknown, RowScope::entity);
        let mut env = Env::row(scope).with(Aggregates::Behaviour);
        let mut filter = Vec::new();
        if let Some(p) = clauses.get(|k| if let ClauseKind::Where(p) = k { Some(p) } else { None }) {
            filter.push(self.predicate(p, &mut env));
        }
        if let (Some(s), Some(e)) = (clauses.get(|k| if let ClauseKind::Among(s) = k { Some(s) } else { None }), &entity) {
            let mut row = env.rows.swap_remove(0);
            let during = self.during.take();
            filter.push(self.membership(s, e, &mut row));
            self.during = during;
            env.rows.push(row);
        }
        let (breakdown, top) = self.breakdown_items(clauses);
        let cut = self.cut(clauses)?;
        let mut groups = Vec::new();
        for i in breakdown {
            groups.push((self.item_name(i), self.expr(&i.expr, &mut env)));
        }
        env.aggregates = Aggregates::Rows(vec![]);
        let measure = clauses.get(|k| if let ClauseKind::Measure(m) = k { Some(m.as_slice()) } else { None });
        let measure = self.require(measure, head, "MEASURE", a.head_span, "for example MEASURE count(*) AS users").unwrap_or_default();
        let measures: Vec<(String, Expr)> = measure.iter().map(|i| (self.item_name(i), self.expr(&i.expr, &mut env))).collect();
        let Aggregates::Rows(aggregates) = std::mem::replace(&mut env.aggregates, Aggregates::None) else { return None };
        let entity = entity?;
        if measures.iter().any(|(_, m)| m.columns().iter().any(|c| !aggregates.iter().any(|a| a.0 == *c))) {
            self.error_hint(code::UNGROUPED, a.head_span, "a MEASURE is an aggregate over the entities", "for example MEASURE avg(age)");
            return None;
        }
        let scan = Rel::Scan(Box::new(Scan {
            source: Source::Entities(entity.id),
            columns: env.into_columns(),
            during: None,
            clock: self.clock.clone(),
        }));
        let rows = match Expr::all(filter) {
            Some(p) => Rel::Filter(Box::new(scan), p),
            None => scan,
        };
        let rows = self.profile_buckets(rows, &cut, &mut groups, clauses)?;
        let (rows, groups) = match top {
            Some(n) => self.top_rows(rows, groups, 0, n, &aggregates, measures.first().map(|m| &m.1)),
            None => (rows, groups),
        };
        let keys: Vec<(ColumnId, Expr)> = groups.iter().map(|g| (self.column_id(), g.1.clone())).collect();
        let mut columns: Vec<(String, Expr)> =
            groups.iter().zip(&keys).map(|((n, e), (id, _))| (n.clone(), Expr::column(*id, e.data_type.clone()))).collect();
        columns.extend(measures);
        let leading = keys.len();
        let query = self.project(Rel::Aggregate(Box::new(rows), keys, aggregates), columns);
        self.finish(query, clauses, leading)
    }

    /// BUCKETS: the number among the groups becomes the beginning of its bucket. An entity below the first one is in none; one without a value is
    /// a group of its own.
    fn profile_buckets(&mut self, rows: Rel, cut: &Cut, groups: &mut [(String, Expr)], clauses: Clauses<'_>) -> Option<Rel> {
        let is = |k: &ClauseKind| matches!(k, ClauseKind::Buckets(..) | ClauseKind::BucketCount(_));
        let Some(((), span)) = clauses.get_at(|k| is(k).then_some(())) else { return Some(rows) };
        let mut numbers = groups.iter_mut().filter(|g| g.1.data_type.is_numeric());
        let (Some((_, value)), None) = (numbers.next(), numbers.next()) else {
            let hint = "for example BREAKDOWN BY age BUCKETS (18, 30, 50)";
            self.error_hint(code::VALUE, span, "BUCKETS of PROFILE cuts the one number of BREAKDOWN BY", hint);
            return None;
        };
        let number = std::mem::replace(value, Expr::invalid());
        match cut {
            Cut::Bounds(bounds) => {
                *value = self.bucket_start(&number, bounds, super::distribution::bounds_type(cut, number.data_type.clone()), span);
                let missing = Expr::predicate(ExprKind::IsNull(Box::new(number)));
                let inside = Expr::predicate(ExprKind::Not(Box::new(Expr::predicate(ExprKind::IsNull(Box::new(value.clone()))))));
                Some(Rel::Filter(Box::new(rows), Expr::predicate(ExprKind::Or(vec![missing, inside]))))
            }
            Cut::Bins(n) => {
                let number = self.cast_to(number, &DataType::Double);
                let mut extreme = |function| {
                    let args = vec![number.clone()];
                    (
                        self.column_id(),
                        WindowCall { function, args, partition_by: vec![], order_by: vec![], frame: None, data_type: DataType::Double },
                    )
                };
                let (least, greatest) = (extreme("min"), extreme("max"));
                let of = |w: &(ColumnId, WindowCall)| Expr::column(w.0, DataType::Double);
                *value = bin_start(number, of(&least), of(&greatest), *n);
                Some(Rel::Window(Box::new(rows), vec![least, greatest]))
            }
            Cut::Automatic => {
                *value = number;
                Some(rows)
            }
        }
    }

    /// The greatest bound that is not above a number.
    fn bucket_start(&mut self, number: &Expr, bounds: &[Value], t: DataType, at: ast::Span) -> Expr {
        let mut arms = Vec::new();
        for b in bounds.iter().rev() {
            let bound = Expr::literal(b.clone());
            let reached = self.compare(BinaryOp::GreaterOrEqual, number.clone(), bound.clone(), at);
            arms.push((reached, self.cast_to(bound, &t)));
        }
        Expr { kind: ExprKind::Case(arms, None), data_type: t }
    }
}

/// Where the bin of a number begins: one of `n` of equal width, the last of which holds the greatest.
fn bin_start(number: Expr, least: Expr, greatest: Expr, n: u64) -> Expr {
    let double = |kind| Expr { kind, data_type: DataType::Double };
    let made = |op, a: Expr, b: Expr| double(ExprKind::Arithmetic(op, Box::new(a), Box::new(b)));
    let constant = |v: u64| Expr::literal(Value::Double(v as f64));
    let width = made(BinaryOp::Divide, made(BinaryOp::Subtract, greatest.clone(), least.clone()), constant(n));
    let passed = made(BinaryOp::Divide, made(BinaryOp::Subtract, number.clone(), least.clone()), width.clone());
    let place = double(ExprKind::Call("floor", vec![passed], None));
    let place = double(ExprKind::Call("least", vec![place, constant(n.saturating_sub(1))], None));
    let start = made(BinaryOp::Add, least.clone(), made(BinaryOp::Multiply, place, width));
    let one = Expr::predicate(ExprKind::Compare(BinaryOp::Equal, Box::new(least.clone()), Box::new(greatest)));
    let missing = Expr::predicate(ExprKind::IsNull(Box::new(number)));
    let null = Expr { kind: ExprKind::Literal(Value::Null), data_type: DataType::Double };
    double(ExprKind::Case(vec![(missing, null), (one, least)], Some(Box::new(start))))
}
