//! What an entity did, as a value: aggregates with an event inside, and the steps of sequences.

use super::Binder;
use super::call::sum_type;
use super::event::conjuncts;
use super::scope::{Aggregates, Env, RowKind, RowScope};
use crate::bound::*;
use crate::code;
use crate::function::Function;
use eql_catalog::{DataType, EntityType, Owner, Value};
use eql_grammar::ast::{self, Arg, BinaryOp, CountOp, EventRef, EventScope, Scope, Span, Unit};
use std::sync::Arc;

/// Steps of a sequence or funnel: a row says in 64 bits which of them it can fill.
pub(super) const STEPS_MAX: usize = 64;

impl Binder<'_> {
    /// The entity whose row it is, where behaviour can be asked.
    pub(super) fn acting_entity(&mut self, span: Span, env: &Env) -> Option<Arc<EntityType>> {
        match env.rows.as_slice() {
            [RowScope { kind: RowKind::Entity(e), .. }] => Some(e.clone()),
            [RowScope { kind: RowKind::Unknown, .. }] => {
                self.unknown = true;
                None
            }
            _ => {
                let hint = "ask it of entities: FIND entity WHERE DID …, or a path to a tag";
                self.error_hint(code::AGGREGATE, span, "what an entity did can only be asked of entities", hint);
                None
            }
        }
    }

    /// The steps of a sequence or funnel; later ones may look at earlier ones by alias.
    pub(super) fn steps(&mut self, steps: &[ast::Step], subject: &Arc<EntityType>) -> (Vec<Step>, Vec<RowScope>) {
        let (mut out, mut rows, mut named) = (Vec::new(), Vec::new(), Vec::<(String, usize, RowScope)>::new());
        if let Some(beyond) = steps.get(STEPS_MAX) {
            let what = format!("a sequence has at most {STEPS_MAX} steps, this one has {}", steps.len());
            self.error(code::LIMIT, beyond.span, what);
            return (out, rows);
        }
        for (i, s) in steps.iter().enumerate() {
            let within = s.within.as_ref().and_then(|d| self.window(d));
            let selected = self.select_events(&s.scope, subject, &named);
            let name = step_name(s);
            if let Some(k) = step_key(steps, i) {
                named.push((k, i, RowScope { columns: vec![], ..selected.row.clone() }));
            }
            rows.push(selected.row);
            out.push(Step { name, events: selected.select, optional: s.optional, negated: s.negated, within, pairs: selected.pairs });
        }
        (out, rows)
    }

    /// HOLDING for each step: a list of values as one expression list a step, step after step.
    pub(super) fn holding(&mut self, exprs: &[ast::Expr], rows: &[RowScope]) -> Vec<RowExpr> {
        let mut out = Vec::new();
        for row in rows {
            for e in exprs {
                out.push(self.row_expr(e, row));
            }
        }
        out
    }

    /// Makes the behaviour a column of the entity's row.
    pub(super) fn behaviour(&mut self, kind: BehaviourKind, data_type: DataType, env: &mut Env) -> Expr {
        let b = Behaviour { kind, clock: self.clock.clone(), role: self.role.clone() };
        // Events dated after now are not seen, so every answer depends on it a little; ranges say so where it matters.
        let Some(mut scope) = (!env.rows.is_empty()).then(|| env.rows.remove(0)) else { return Expr::invalid() };
        let out = self.leaf(&mut scope, Leaf::Behaviour(Box::new(b)), data_type);
        env.rows.insert(0, scope);
        out
    }

    /// `count(purchase WHERE …)`, `sum(purchase.amount DURING …)` and relatives.
    pub(super) fn behaviour_call(&mut self, f: &'static Function, c: &ast::Call, span: Span, env: &mut Env) -> Expr {
        let Some(entity) = self.acting_entity(span, env) else { return Expr::invalid() };
        match f.name {
            "top" => return self.favourite_call(c, &entity, span, env),
            "kmeans" => return self.stray_kmeans(span),
            _ => {}
        }
        if let Some(found) = self.many_call(f, c, &entity, span, env) {
            return found;
        }
        let Some((scope, value)) = self.event_argument(c, &entity) else {
            let hint = format!("name the event inside: {}(purchase.amount WHERE … DURING …), or use |> AGGREGATE on the result", f.name);
            return self.error_hint(code::AGGREGATE, span, format!("`{}` here needs an event to range over", f.name), hint);
        };
        let mut scope = scope;
        let (mut during, mut order, mut by, mut clock) = (None, None, None, None);
        for s in &c.scopes {
            match s {
                Scope::Where(p) => scope.filter = Some(Box::new(both(scope.filter.take(), p.clone()))),
                Scope::During(r) => during = Some(r),
                Scope::OrderBy(o) => order = o.first(),
                Scope::By(e) => by = Some(e),
                Scope::AsOf(t) => clock = self.instant(t),
            }
        }
        let clock = Clock { as_of: clock.or_else(|| self.clock.as_of.clone()), ..self.clock.clone() };
        self.with_clock(clock, |b| {
            let during = match during {
                Some(r) => b.range(r),
                None => b.during.clone(),
            };
            let selected = b.select_events(&scope, &entity, &[]);
            let value = value.map(|v| b.row_expr(&v, &selected.row));
            let order = order.map(|o| (b.row_expr(&o.expr, &selected.row), o.descending));
            b.behaviour_aggregate(f, c, span, selected.select, value, order, by, during, env)
        })
    }

    #[allow(clippy::too_many_arguments)]
    fn behaviour_aggregate(
        &mut self,
        f: &'static Function,
        c: &ast::Call,
        span: Span,
        events: EventSelect,
        value: Option<RowExpr>,
        order: Option<(RowExpr, bool)>,
        by: Option<&ast::Expr>,
        during: Option<TimeRange>,
        env: &mut Env,
    ) -> Expr {
        if value.as_ref().is_some_and(|v| matches!(v.expr.kind, ExprKind::Invalid)) {
            return Expr::invalid();
        }
        let t = value.as_ref().map(|v| v.expr.data_type.clone());
        let Some((function, data_type)) = self.behaviour_function(f, c, t, by, span) else { return Expr::invalid() };
        if value.is_none() && !matches!(function, Aggregation::Count | Aggregation::Streak(_)) {
            return self.error_hint(
                code::ARGUMENTS,
                span,
                format!("`{}` needs a property of the event", f.name),
                format!("for example {}(purchase.amount)", f.name),
            );
        }
        self.behaviour(BehaviourKind::Aggregate { function, events, value, order, during }, data_type, env)
    }

    fn behaviour_function(
        &mut self,
        f: &Function,
        c: &ast::Call,
        t: Option<DataType>,
        by: Option<&ast::Expr>,
        span: Span,
    ) -> Option<(Aggregation, DataType)> {
        let value_type = t.clone().unwrap_or(DataType::Int);
        let number = t.as_ref().is_none_or(DataType::is_numeric);
        if c.distinct && f.name != "count" {
            let plain = self.behaviour_function(f, &ast::Call { distinct: false, ..c.clone() }, t, by, span)?;
            return Some((self.over_different(f, plain.0, span)?, plain.1));
        }
        Some(match f.name {
            "count" if c.distinct => (Aggregation::CountDistinct, DataType::Int),
            "count" => (Aggregation::Count, DataType::Int),
            "sum" if number => (Aggregation::Sum, sum_type(&value_type)),
            "avg" if number => (Aggregation::Average, DataType::Double),
            "median" if number => (Aggregation::Percentile(0.5), DataType::Double),
            "percentile" if number => (Aggregation::Percentile(self.fraction(c, span)?), DataType::Double),
            "stddev" if number => (Aggregation::StdDev, DataType::Double),
            "stddev_pop" if number => (Aggregation::StdDevPopulation, DataType::Double),
            "variance" if number => (Aggregation::Variance, DataType::Double),
            "var_pop" if number => (Aggregation::VariancePopulation, DataType::Double),
            "min" => (Aggregation::Min, value_type),
            "max" => (Aggregation::Max, value_type),
            "first" => (Aggregation::First, value_type),
            "last" => (Aggregation::Last, value_type),
            "any" => (Aggregation::Any, value_type),
            "collect" => (Aggregation::List, DataType::List(Box::new(value_type))),
            "string_agg" if value_type == DataType::String => (Aggregation::Join(self.separator(c, span)?), DataType::String),
            "bool_and" if value_type == DataType::Bool => (Aggregation::BoolAnd, DataType::Bool),
            "bool_or" if value_type == DataType::Bool => (Aggregation::BoolOr, DataType::Bool),
            "streak" => (Aggregation::Streak(self.by_unit(by, span)?), DataType::Int),
            "sum" | "avg" | "median" | "percentile" | "stddev" | "stddev_pop" | "variance" | "var_pop" => {
                self.error(code::TYPE, span, format!("`{}` needs numbers, these are {value_type}", f.name));
                return None;
            }
            _ => {
                self.error(code::FUNCTION, span, format!("`{}` does not range over what one entity did", f.name));
                return None;
            }
        })
    }

    fn by_unit(&mut self, by: Option<&ast::Expr>, span: Span) -> Option<Unit> {
        let word = match by.map(|e| &e.kind) {
            Some(ast::ExprKind::Path(p)) => p.text().to_ascii_lowercase(),
            _ => String::new(),
        };
        let unit = match word.as_str() {
            "day" => Unit::Day,
            "week" => Unit::Week,
            "month" => Unit::Month,
            "hour" => Unit::Hour,
            "quarter" => Unit::Quarter,
            "year" => Unit::Year,
            _ => {
                self.error_hint(code::ARGUMENTS, span, "`streak` needs the length of its periods", "write streak(purchase BY day)");
                return None;
            }
        };
        Some(unit)
    }

    /// The constant fraction of a percentile.
    pub(super) fn fraction(&mut self, c: &ast::Call, span: Span) -> Option<f64> {
        let value = match c.args.get(1) {
            Some(Arg::Expr(e)) => match self.expr(e, &mut Env::empty()).kind {
                ExprKind::Literal(Value::Decimal(v, s)) => Some(v as f64 / 10f64.powi(i32::from(s))),
                ExprKind::Literal(Value::Double(d)) => Some(d),
                ExprKind::Literal(Value::Int(i)) => Some(i as f64),
                _ => None,
            },
            _ => None,
        };
        let ok = value.filter(|v| (0.0..=1.0).contains(v));
        if ok.is_none() {
            self.error_hint(code::ARGUMENTS, span, "`percentile` needs a fraction from 0 to 1", "for example percentile(amount, 0.9)");
        }
        ok
    }

    /// The events an aggregate ranges over, and the value it takes of them.
    pub(super) fn event_argument(&self, c: &ast::Call, entity: &EntityType) -> Option<(EventScope, Option<ast::Expr>)> {
        match c.args.first()? {
            Arg::Event(s) => Some((s.clone(), None)),
            Arg::AnyEvent(s) => Some((EventScope { events: vec![EventRef::Any(*s)], filter: None, during: None, span: *s }, None)),
            Arg::Expr(e) => self.event_of(e, Some(entity)),
            _ => None,
        }
    }

    /// The event that paths of `e` begin with, and `e` itself when it is more than the event's name.
    pub(super) fn event_of(&self, e: &ast::Expr, entity: Option<&EntityType>) -> Option<(EventScope, Option<ast::Expr>)> {
        let path = first_path(e, &|p| {
            let name = &p.parts[0].name;
            let own = entity.is_some_and(|t| t.property(name).is_some() || self.catalog.relation(&format!("{}.{name}", t.name)).is_some());
            (self.is_event(name) || self.lenient && self.catalog.entity(name).is_none()) && !own
        })?;
        let ident = path.parts[0].clone();
        let scope = EventScope { span: ident.span, events: vec![EventRef::Named(ident)], filter: None, during: None };
        let alone = matches!(&e.kind, ast::ExprKind::Path(p) if p.parts.len() == 1);
        Some((scope, (!alone).then(|| e.clone())))
    }

    /// `count(users.orders WHERE …)`: an aggregate over what a to-many relation leads to.
    fn many_call(&mut self, f: &'static Function, c: &ast::Call, entity: &Arc<EntityType>, span: Span, env: &mut Env) -> Option<Expr> {
        let Some(Arg::Expr(ast::Expr { kind: ast::ExprKind::Path(path), span: at })) = c.args.first() else { return None };
        let relation = self.catalog.relation(&format!("{}.{}", entity.name, path.parts[0].name))?.clone();
        self.used(eql_catalog::NounKind::Relation, || format!("{}.{}", entity.name, relation.name));
        if !relation.many {
            return None;
        }
        let rest = ast::Path { parts: path.parts[1..].to_vec() };
        match &relation.target {
            Owner::Event(event) => {
                let Some(role) = self.role_of(&relation, event, entity, path.parts[0].span) else { return Some(Expr::invalid()) };
                let ident = ast::Ident { name: event.clone(), span: path.parts[0].span };
                let parts = std::iter::once(ident).chain(rest.parts).collect();
                let inner = ast::Call {
                    args: vec![Arg::Expr(ast::Expr { kind: ast::ExprKind::Path(ast::Path { parts }), span: *at })],
                    ..c.clone()
                };
                let before = std::mem::replace(&mut self.role, role);
                let out = self.behaviour_call(f, &inner, span, env);
                self.role = before;
                Some(out)
            }
            Owner::Entity(target) => {
                let target = self.catalog.entity(target)?.clone();
                Some(self.many_entities(f, c, &relation, &target, &rest, span, env).unwrap_or_else(Expr::invalid))
            }
        }
    }

    /// By which participant a relation leads to its events. The first one of the entity's type is no role: it shares the timeline of all else.
    fn role_of(&mut self, relation: &eql_catalog::Relation, event: &str, entity: &EntityType, at: Span) -> Option<Option<String>> {
        let event = self.catalog.event(event)?.clone();
        let equates = |p: &eql_catalog::Participant| {
            let pair = |(key, theirs): (&eql_catalog::Property, &String)| {
                relation.on.iter().any(|(own, other)| *own == key.name && (other == theirs || *other == format!("{}.{}", p.name, key.name)))
            };
            p.entity == entity.id && entity.key.iter().zip(&p.key_names).all(pair)
        };
        match event.participants.iter().position(equates) {
            Some(i) => Some((event.participant_of(entity.id) != Some(i)).then(|| event.participants[i].name.clone())),
            None => {
                let what =
                    format!("`{}` leads to events that do not name `{}` as a participant by these columns", relation.name, entity.name);
                let hint = format!("make it a participant of the event, in a role of its own: OF …, {} AS role", entity.name);
                self.error_hint(code::TO_MANY, at, what, hint);
                None
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn many_entities(
        &mut self,
        f: &'static Function,
        c: &ast::Call,
        relation: &eql_catalog::Relation,
        target: &Arc<EntityType>,
        rest: &ast::Path,
        span: Span,
        env: &mut Env,
    ) -> Option<Expr> {
        let link = self.many_link(&env.rows[0], relation, target)?;
        let mut inner = Env::row(RowScope::entity(target)).with(Aggregates::Behaviour);
        let further =
            rest.parts.first().and_then(|p| self.catalog.relation(&format!("{}.{}", target.name, p.name))).is_some_and(|r| r.many);
        let (function, expr) = if further {
            let path = ast::Expr { kind: ast::ExprKind::Path(rest.clone()), span };
            let call = ast::Call { args: vec![Arg::Expr(path)], ..c.clone() };
            let expr = self.behaviour_call(f, &call, span, &mut inner);
            let outer = match f.name {
                "count" | "sum" if !c.distinct => Aggregation::Sum,
                "min" => Aggregation::Min,
                "max" => Aggregation::Max,
                _ => {
                    self.error_hint(
                        code::AGGREGATE,
                        span,
                        format!("`{}` cannot be taken over two relations to many", f.name),
                        "count, sum, min and max can",
                    );
                    return None;
                }
            };
            (outer, expr)
        } else {
            let expr = if rest.parts.is_empty() { Expr::literal(Value::Int(1)) } else { self.path(rest, &mut inner) };
            let (function, _) = self.behaviour_function(f, c, Some(expr.data_type.clone()), None, span)?;
            (function, expr)
        };
        let filter: Vec<Expr> = if further {
            vec![]
        } else {
            c.scopes
                .iter()
                .filter_map(|s| if let Scope::Where(p) = s { Some(p) } else { None })
                .map(|p| self.predicate(p, &mut inner))
                .collect()
        };
        let t = expr.data_type.clone();
        // Rows that do not pass count for nothing: their value is NULL.
        let expr = match Expr::all(filter) {
            Some(p) => Expr { data_type: t.clone(), kind: ExprKind::Case(vec![(p, expr)], None) },
            None => expr,
        };
        let data_type = match function {
            Aggregation::Count | Aggregation::CountDistinct => DataType::Int,
            Aggregation::Sum => sum_type(&t),
            _ => behaviour_type(&function, t),
        };
        let value = EntityValue { entity: target.id, value: RowExpr::canonical(inner.into_columns(), expr) };
        let mut scope = env.rows.remove(0);
        let out = self.leaf(&mut scope, Leaf::AggregateMany(link, function, Box::new(value)), data_type);
        env.rows.insert(0, scope);
        Some(out)
    }
}

/// The type of a number's summary, or of one of the values.
fn behaviour_type(function: &Aggregation, t: DataType) -> DataType {
    match function {
        Aggregation::Average
        | Aggregation::Percentile(_)
        | Aggregation::StdDev
        | Aggregation::StdDevPopulation
        | Aggregation::Variance
        | Aggregation::VariancePopulation => DataType::Double,
        Aggregation::List => DataType::List(Box::new(t)),
        Aggregation::Distinct(inner) if **inner == Aggregation::Sum => sum_type(&t),
        Aggregation::Distinct(inner) => behaviour_type(inner, t),
        _ => t,
    }
}

pub(super) fn count_test(count: &Expr, op: CountOp, n: u64) -> Expr {
    let op = match op {
        CountOp::AtLeast => BinaryOp::GreaterOrEqual,
        CountOp::AtMost => BinaryOp::LessOrEqual,
        CountOp::Exactly => BinaryOp::Equal,
        CountOp::MoreThan => BinaryOp::Greater,
        CountOp::FewerThan => BinaryOp::Less,
    };
    let n = Expr::literal(Value::Int(i64::try_from(n).unwrap_or(i64::MAX)));
    Expr::predicate(ExprKind::Compare(op, Box::new(count.clone()), Box::new(n)))
}

/// The first path, in reading order, that passes.
fn first_path<'e>(e: &'e ast::Expr, f: &dyn Fn(&ast::Path) -> bool) -> Option<&'e ast::Path> {
    use ast::ExprKind as A;
    match &e.kind {
        A::Path(p) => f(p).then_some(p),
        A::Binary(_, a, b) => first_path(a, f).or_else(|| first_path(b, f)),
        A::Negate(a) | A::Not(a) | A::Cast(a, _) => first_path(a, f),
        A::And(v) | A::Or(v) | A::Tuple(v) => v.iter().find_map(|x| first_path(x, f)),
        A::Is { expr, .. } => first_path(expr, f),
        A::In { expr, .. } | A::Between { expr, .. } => first_path(expr, f),
        A::Match { expr, pattern, .. } => first_path(expr, f).or_else(|| first_path(pattern, f)),
        A::Call(c) => c.args.iter().find_map(|a| if let Arg::Expr(x) = a { first_path(x, f) } else { None }),
        A::Case { whens, otherwise, .. } => whens
            .iter()
            .find_map(|(w, t)| first_path(w, f).or_else(|| first_path(t, f)))
            .or_else(|| otherwise.as_ref().and_then(|o| first_path(o, f))),
        _ => None,
    }
}

pub(super) fn both(a: Option<Box<ast::Expr>>, b: ast::Expr) -> ast::Expr {
    match a {
        None => b,
        Some(a) => {
            let span = a.span.to(b.span);
            let parts = conjuncts(&a).into_iter().chain(conjuncts(&b)).cloned().collect();
            ast::Expr { kind: ast::ExprKind::And(parts), span }
        }
    }
}

/// The event's name where a step has one event.
fn single_event(s: &EventScope) -> Option<String> {
    match s.events.as_slice() {
        [EventRef::Named(i)] => Some(i.name.clone()),
        _ => None,
    }
}

/// By which name other steps know the row of step `i`: its alias, or its event if that occurs once.
fn step_key(steps: &[ast::Step], i: usize) -> Option<String> {
    let own = steps.get(i)?;
    if let Some(alias) = &own.alias {
        return Some(alias.name.clone());
    }
    let event = single_event(&own.scope)?;
    let same = |(j, o): (usize, &ast::Step)| j != i && o.alias.is_none() && single_event(&o.scope).as_deref() == Some(event.as_str());
    (!steps.iter().enumerate().any(same)).then_some(event)
}

/// What a result calls a step: its alias, or its events.
pub(super) fn step_name(s: &ast::Step) -> String {
    if let Some(a) = &s.alias {
        return a.name.clone();
    }
    let names: Vec<&str> = s.scope.events.iter().map(|e| if let EventRef::Named(i) = e { i.name.as_str() } else { "ANY EVENT" }).collect();
    names.join(" OR ")
}
