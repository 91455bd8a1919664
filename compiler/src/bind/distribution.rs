//! DISTRIBUTION: entities by a value of what they did.

use super::Binder;
use super::clause::HeadKind;
use super::scope::{Aggregates, Env, RowScope};
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType, Value};
use eql_grammar::ast::{self, Arg, BinaryOp, ClauseKind, Item, Show};

impl Binder<'_> {
    pub(super) fn distribution(&mut self, a: &ast::Analysis, items: &[Item]) -> Option<Query> {
        let head = HeadKind::Distribution;
        let clauses = self.clauses(head, &a.clauses);
        self.clock = self.head_clock(clauses);
        self.during = self.required_during(clauses, head, a.head_span);
        let [item] = items else {
            self.error(code::ARGUMENTS, a.head_span, "DISTRIBUTION takes one value");
            return None;
        };
        let first = first_event(&item.expr, self);
        if first.is_none() && !clauses.has(|k| matches!(k, ClauseKind::Of(..))) {
            let example = "OF user for a property, or take an aggregate such as count(purchase)";
            self.require(None::<()>, head, "OF", a.head_span, example);
            return None;
        }
        let subject = self.subject(clauses, first.as_ref());
        let every = self.every_clause(clauses)?;
        let listed = self.distribution_show(clauses)?;
        self.events_where = clauses.get(|k| if let ClauseKind::Where(p) = k { Some(p.clone()) } else { None });
        let scope = subject.as_ref().map_or_else(RowScope::unknown, RowScope::entity);
        let mut env = Env::row(scope).with(Aggregates::Behaviour);
        let value = self.expr(&item.expr, &mut env);
        let subject = subject?;
        if !value.data_type.is_numeric() && !matches!(value.kind, ExprKind::Invalid) {
            self.error(code::TYPE, item.expr.span, format!("DISTRIBUTION needs a number, this is {}", value.data_type));
            return None;
        }
        let mut filter = Vec::new();
        if let Some(s) = clauses.get(|k| if let ClauseKind::Among(s) = k { Some(s) } else { None }) {
            let mut row = env.rows.swap_remove(0);
            let (during, events_where) = (self.during.take(), self.events_where.take());
            filter.push(self.membership(s, &subject, &mut row));
            (self.during, self.events_where) = (during, events_where);
            env.rows.push(row);
        }
        let (breakdown, top) = self.breakdown_items(clauses);
        let mut groups: Vec<(String, Expr)> = Vec::new();
        for i in breakdown {
            groups.push((self.item_name(i), self.expr(&i.expr, &mut env)));
        }
        let cut = self.cut(clauses)?;
        let keys = if listed { self.key_columns(&subject, &mut env) } else { vec![] };
        // Entities with no event count only where a bucket holds 0; a value that is missing has no bucket.
        if !matches!(&cut, Cut::Bounds(b) if b.iter().any(|v| number(v) <= Some(0.0)))
            && let Some(did) = self.did_any(&value, &mut env)
        {
            let zero = || Box::new(Expr::literal(Value::Int(0)));
            let differs = Expr::predicate(ExprKind::Compare(BinaryOp::NotEqual, Box::new(value.clone()), zero()));
            filter.push(Expr::predicate(ExprKind::Or(std::iter::once(differs).chain(did).collect())));
        }
        let scan = Rel::Scan(Box::new(Scan {
            source: Source::Entities(subject.id),
            columns: env.into_columns(),
            during: None,
            clock: self.clock.clone(),
        }));
        let mut rel = match Expr::all(filter) {
            Some(p) => Rel::Filter(Box::new(scan), p),
            None => scan,
        };
        if let Some(n) = top {
            (rel, groups) = self.distribution_top(rel, groups, n, &value, &cut);
        }
        if let (true, Cut::Bounds(bounds)) = (listed, &cut)
            && let Some(least) = bounds.first()
        {
            // The list is of those that some bucket counts.
            let at = item.expr.span;
            let inside = self.compare(BinaryOp::GreaterOrEqual, value.clone(), Expr::literal(least.clone()), at);
            rel = Rel::Filter(Box::new(rel), inside);
        }
        let (mut project, mut output, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        let before = keys.len();
        for (name, e) in keys.into_iter().chain(groups) {
            let id = self.column_id();
            output.push(Output { id, name, data_type: e.data_type.clone() });
            ids.push(id);
            project.push((id, e));
        }
        let (id, t) = (self.column_id(), value.data_type.clone());
        project.push((id, value));
        rel = Rel::Project(Box::new(rel), project);
        if let Some(every) = every {
            let period = self.column_id();
            let during = self.during.clone()?;
            output.insert(before, super::funnel::period_output(period, &every, "period"));
            let all = ids.is_empty();
            ids.insert(0, period);
            rel = Rel::Periods(Box::new(Periods { input: rel, subject: subject.id, during, every, period, all }));
        }
        if listed {
            output.push(Output { id, name: self.item_name(item), data_type: t });
            let leading = output.len() - 1;
            return self.finish(Query { rel, output }, clauses, leading);
        }
        let out: [ColumnId; 3] = std::array::from_fn(|_| self.column_id());
        let bound_type = if matches!(cut, Cut::Bins(_)) { DataType::Double } else { bounds_type(&cut, t) };
        for (id, name, t) in
            [(out[0], "bucket_from", bound_type.clone()), (out[1], "bucket_to", bound_type), (out[2], "entities", DataType::Int)]
        {
            output.push(Output { id, name: name.into(), data_type: t });
        }
        let leading = ids.len() + 1;
        let rel = Rel::Buckets(Box::new(Buckets { input: rel, groups: ids, value: id, cut, output: out, distinct: None }));
        self.finish(Query { rel, output }, clauses, leading)
    }

    /// For each behaviour of a value whether it has an event; None for a value that asks what entities are, not what they did.
    fn did_any(&mut self, value: &Expr, env: &mut Env) -> Option<Vec<Expr>> {
        let ids = value.columns();
        let kinds: Vec<Option<BehaviourKind>> = env
            .rows
            .iter()
            .flat_map(|r| &r.columns)
            .filter(|c| ids.contains(&c.id))
            .filter_map(|c| match &c.leaf {
                Leaf::Behaviour(b) => Some(match &b.kind {
                    BehaviourKind::Aggregate { events, during, .. } => Some(BehaviourKind::Aggregate {
                        function: Aggregation::Count,
                        events: events.clone(),
                        value: None,
                        order: None,
                        during: during.clone(),
                    }),
                    // The number of matches is 0 where there is none.
                    BehaviourKind::Sequence(_) => None,
                }),
                _ => None,
            })
            .collect();
        if kinds.is_empty() {
            return None;
        }
        let some =
            |count: Expr| Expr::predicate(ExprKind::Compare(BinaryOp::Greater, Box::new(count), Box::new(Expr::literal(Value::Int(0)))));
        Some(kinds.into_iter().flatten().map(|kind| some(self.behaviour(kind, DataType::Int, env))).collect())
    }

    /// Groups by the number of entities in any bucket.
    fn distribution_top(&mut self, rel: Rel, groups: Vec<(String, Expr)>, n: u64, value: &Expr, cut: &Cut) -> (Rel, Vec<(String, Expr)>) {
        let least = match cut {
            Cut::Bounds(b) => b.first().cloned(),
            _ => None,
        };
        let known = Expr::predicate(ExprKind::Not(Box::new(Expr::predicate(ExprKind::IsNull(Box::new(value.clone()))))));
        let bounded = least
            .map(|b| Expr::predicate(ExprKind::Compare(BinaryOp::GreaterOrEqual, Box::new(value.clone()), Box::new(Expr::literal(b)))));
        let counts = Aggregate {
            function: Aggregation::Count,
            argument: None,
            filter: Expr::all(std::iter::once(known).chain(bounded)),
            order: vec![],
            data_type: DataType::Int,
        };
        let id = self.column_id();
        self.top_rows(rel, groups, 0, n, &[(id, counts)], Some(&Expr::column(id, DataType::Int)))
    }

    /// Whether the entities are listed; None when something else is to be shown (reported).
    fn distribution_show(&mut self, clauses: super::clause::Clauses<'_>) -> Option<bool> {
        match clauses.show() {
            None => Some(false),
            Some((Show::Entities { converted: None, step: None }, _)) => Some(true),
            Some((_, span)) => {
                let hint = "SHOW ENTITIES lists each entity with its value; choose from the list with |> WHERE";
                self.error_hint(code::CLAUSE, span, "DISTRIBUTION shows ENTITIES", hint);
                None
            }
        }
    }

    fn key_columns(&mut self, subject: &EntityType, env: &mut Env) -> Vec<(String, Expr)> {
        let mut row = env.rows.swap_remove(0);
        let keys = subject.key.iter().enumerate();
        let out = keys.map(|(i, k)| (k.name.clone(), self.leaf(&mut row, Leaf::Key(i), k.data_type.clone()))).collect();
        env.rows.push(row);
        out
    }

    /// BUCKETS as a number of bins or as bounds; one bucket a value without it.
    pub(super) fn cut(&mut self, clauses: super::clause::Clauses<'_>) -> Option<Cut> {
        if let Some((n, span)) = clauses.get_at(|k| if let ClauseKind::BucketCount(n) = k { Some(*n) } else { None }) {
            if n == 0 || n > 1000 {
                self.error(code::VALUE, span, "BUCKETS needs 1 to 1,000 bins");
                return None;
            }
            return Some(Cut::Bins(n));
        }
        let Some((bounds, span)) = clauses.get_at(|k| if let ClauseKind::Buckets(b, _) = k { Some(b) } else { None }) else {
            return Some(Cut::Automatic);
        };
        let mut out: Vec<Value> = Vec::new();
        for b in bounds {
            match self.expr(b, &mut Env::empty()).kind {
                ExprKind::Literal(v) if number(&v).is_some() && out.last().is_none_or(|l| number(l) < number(&v)) => out.push(v),
                ExprKind::Invalid => return None,
                _ => {
                    self.error(code::VALUE, span, "bounds of BUCKETS are numbers that rise");
                    return None;
                }
            }
        }
        Some(Cut::Bounds(out))
    }
}

/// Bounds keep the value's type: BIGINT while all are whole, else DOUBLE.
pub(super) fn bounds_type(cut: &Cut, value: DataType) -> DataType {
    match cut {
        Cut::Bounds(b) if b.iter().all(|v| matches!(v, Value::Int(_))) => DataType::Int,
        Cut::Automatic if value == DataType::Int => DataType::Int,
        _ => DataType::Double,
    }
}

pub(super) fn number(v: &Value) -> Option<f64> {
    match v {
        Value::Int(i) => Some(*i as f64),
        Value::Double(d) => Some(*d),
        Value::Decimal(v, s) => Some(*v as f64 / 10f64.powi(i32::from(*s))),
        _ => None,
    }
}

/// The first event an expression names.
fn first_event(e: &ast::Expr, b: &Binder<'_>) -> Option<ast::EventScope> {
    match &e.kind {
        ast::ExprKind::Call(c) => match c.args.first() {
            Some(Arg::Event(s)) => Some(s.clone()),
            Some(Arg::AnyEvent(s)) => Some(super::aggregate::any_event(*s)),
            _ => c.args.iter().find_map(|a| match a {
                Arg::Expr(x @ ast::Expr { kind: ast::ExprKind::Call(_), .. }) => first_event(x, b),
                Arg::Expr(x) => b.event_of(x, None).map(|f| f.0),
                _ => None,
            }),
        },
        ast::ExprKind::Binary(_, x, y) => first_event(x, b).or_else(|| first_event(y, b)),
        ast::ExprKind::Negate(x) | ast::ExprKind::Cast(x, _) => first_event(x, b),
        _ => None,
    }
}
