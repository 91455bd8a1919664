//! Aggregates over the rows of a relation: SQL's in SELECT and pipes, TREND's over event rows.

use super::Binder;
use super::call::{fixed_type, sum_type};
use super::scope::{Aggregates, Env, RowKind};
use crate::bound::*;
use crate::code;
use crate::function::Function;
use eql_catalog::{DataType, Value};
use eql_grammar::ast::{self, Arg, EventRef, EventScope, Scope, Span};

impl Binder<'_> {
    /// An aggregate over single rows (SELECT, PROFILE, pipes).
    pub(super) fn row_aggregate(&mut self, f: &'static Function, c: &ast::Call, span: Span, env: &mut Env) -> Expr {
        let entity = matches!(env.rows.as_slice(), [r] if matches!(r.kind, RowKind::Entity(_)));
        let inner = if entity { Aggregates::Behaviour } else { Aggregates::None };
        let outer = std::mem::replace(&mut env.aggregates, inner);
        let windows = env.windows.take();
        // Rows do not have what is made of all of them: names of earlier aggregates mean nothing inside another one.
        let made: Vec<ColumnId> = if let Aggregates::Rows(list) = &outer { list.iter().map(|a| a.0).collect() } else { vec![] };
        let aliases = env.aliases.clone();
        env.aliases.retain(|(_, e)| !e.columns().iter().any(|id| made.contains(id)));
        let out = self.row_aggregate_inner(f, c, span, env);
        env.aliases = aliases;
        env.aggregates = outer;
        env.windows = windows;
        match out {
            Some(a) => self.add_aggregate(a, env),
            None => Expr::invalid(),
        }
    }

    fn row_aggregate_inner(&mut self, f: &'static Function, c: &ast::Call, span: Span, env: &mut Env) -> Option<Aggregate> {
        if f.name == "bounce_rate" {
            return self.bounce_rate(span, env);
        }
        let argument = match c.args.first() {
            None if matches!(f.name, "entities" | "approx_users") => match self.subjects(env) {
                Some(subjects) => Some(subjects),
                None => {
                    let hint = "count a key, as in count(DISTINCT user_id)";
                    self.error_hint(code::ARGUMENTS, span, "these rows have no subject to count", hint);
                    return None;
                }
            },
            None | Some(Arg::Star(_)) => None,
            Some(Arg::Expr(e)) => match self.subject_rows(f, e, env) {
                Some(ordinal) => Some(ordinal),
                None => Some(self.entity_event_argument(f, c, e, env).unwrap_or_else(|| self.expr(e, env))),
            },
            Some(_) if entity_rows(env) => Some(self.behaviour_call(f, c, span, env)),
            Some(_) => {
                self.error(code::ARGUMENTS, span, format!("`{}` takes a value here", f.name));
                return None;
            }
        };
        if argument.as_ref().is_some_and(|a| matches!(a.kind, ExprKind::Invalid)) {
            return None;
        }
        let mut filter = Vec::new();
        let mut order = Vec::new();
        for s in &c.scopes {
            match s {
                Scope::Where(p) => filter.push(self.predicate(p, env)),
                Scope::OrderBy(o) => order = self.sort_keys(o, env),
                Scope::During(r) => filter.extend(self.time_filter(r, env)),
                _ => {
                    self.error(code::ARGUMENTS, span, format!("`{}` takes WHERE and ORDER BY inside its parentheses here", f.name));
                }
            }
        }
        if let Some(second) = self.second_value(f, c, span, env)? {
            order = vec![SortKey { expr: second, descending: false, nulls_first: false }];
        } else if order.is_empty() && matches!(f.name, "first" | "last" | "collect" | "string_agg") {
            order = self.timeline_order(env);
        }
        self.aggregate(f, c, argument, Expr::all(filter), order, span)
    }

    /// The other value of a correlation or covariance.
    fn second_value(&mut self, f: &Function, c: &ast::Call, span: Span, env: &mut Env) -> Option<Option<Expr>> {
        let given = c.args.len();
        if given > f.max {
            self.wrong_count(f, given, span);
            return None;
        }
        if !matches!(f.name, "corr" | "covar" | "covar_pop") {
            return Some(None);
        }
        let Some(Arg::Expr(e)) = c.args.get(1) else {
            self.wrong_count(f, given, span);
            return None;
        };
        let second = self.expr(e, env);
        if !second.data_type.is_numeric() && !matches!(second.kind, ExprKind::Invalid) {
            let message = format!("`{}` needs numbers, not {}", f.name, second.data_type);
            self.error_hint(code::TYPE, span, message, format!("for example {}", f.example));
            return None;
        }
        Some(Some(second))
    }

    /// Event rows have an order of their own: "first" without ORDER BY is the earliest.
    fn timeline_order(&mut self, env: &mut Env) -> Vec<SortKey> {
        let [row] = env.rows.as_mut_slice() else { return vec![] };
        if !matches!(row.kind, RowKind::Events(_)) {
            return vec![];
        }
        let columns = [(Leaf::Time, DataType::Timestamp), (Leaf::ReceivedAt, DataType::Timestamp), (Leaf::EventId, DataType::String)];
        let key = |expr| SortKey { expr, descending: false, nulls_first: false };
        columns.into_iter().map(|(leaf, t)| key(self.leaf(row, leaf, t))).collect()
    }

    fn time_filter(&mut self, r: &ast::Range, env: &mut Env) -> Option<Expr> {
        let range = self.range(r)?;
        let time = ast::Path { parts: vec![ast::Ident { name: "time".into(), span: r.span }] };
        let time = self.path(&time, env);
        Some(Expr::predicate(ExprKind::InRange(Box::new(time), Box::new(range))))
    }

    /// In PROFILE, `sum(purchase.amount)` means the sum over the entities of what each did.
    fn entity_event_argument(&mut self, f: &'static Function, c: &ast::Call, e: &ast::Expr, env: &mut Env) -> Option<Expr> {
        let entity = match env.rows.as_slice() {
            [r] => match &r.kind {
                RowKind::Entity(t) => t.clone(),
                _ => return None,
            },
            _ => return None,
        };
        let alone = matches!(&e.kind, ast::ExprKind::Path(_));
        let (scope, _) = if alone { self.event_of(e, Some(&entity))? } else { return None };
        let named = matches!(scope.events.as_slice(), [EventRef::Named(i)] if self.is_event(&i.name));
        named.then(|| self.behaviour_call(f, c, e.span, env))
    }

    /// `users()`: the subject of each row; of a session its key.
    fn subjects(&mut self, env: &mut Env) -> Option<Expr> {
        let mut scope = (env.rows.len() == 1).then(|| env.rows.swap_remove(0))?;
        let out = match (scope.kind.clone(), env.subject) {
            (RowKind::Entity(e), _) => Some(self.leaf(&mut scope, Leaf::Key(0), e.key[0].data_type.clone())),
            (RowKind::Events(_), Some(subject)) => self.subject_ordinal(&mut scope, subject),
            (RowKind::Table(columns), Some(_)) => columns.first().map(|c| Expr::column(c.id, c.data_type.clone())),
            _ => None,
        };
        env.rows.push(scope);
        out
    }

    /// `users(purchase)` in SELECT FROM purchase: the subject's ordinal.
    fn subject_rows(&mut self, f: &Function, e: &ast::Expr, env: &mut Env) -> Option<Expr> {
        if !matches!(f.name, "entities" | "approx_users") {
            return None;
        }
        let ast::ExprKind::Path(p) = &e.kind else { return None };
        let subject = env.subject?;
        (p.parts.len() == 1 && self.is_event(&p.parts[0].name)).then_some(())?;
        let mut scope = env.rows.swap_remove(0);
        let out = self.subject_ordinal(&mut scope, subject);
        env.rows.insert(0, scope);
        out
    }

    fn bounce_rate(&mut self, span: Span, env: &mut Env) -> Option<Aggregate> {
        let depth = ast::Path { parts: vec![ast::Ident { name: "depth".into(), span }] };
        let depth = self.path(&depth, env);
        let one = Expr::predicate(ExprKind::Compare(ast::BinaryOp::Equal, Box::new(depth), Box::new(Expr::literal(Value::Int(1)))));
        let arms = vec![(one, Expr::literal(Value::Double(1.0)))];
        let value = Expr { kind: ExprKind::Case(arms, Some(Box::new(Expr::literal(Value::Double(0.0))))), data_type: DataType::Double };
        Some(Aggregate { function: Aggregation::Average, argument: Some(value), filter: None, order: vec![], data_type: DataType::Double })
    }

    /// The aggregate of a call whose argument is bound.
    fn aggregate(
        &mut self,
        f: &'static Function,
        c: &ast::Call,
        argument: Option<Expr>,
        filter: Option<Expr>,
        order: Vec<SortKey>,
        span: Span,
    ) -> Option<Aggregate> {
        let t = argument.as_ref().map(|a| a.data_type.clone());
        let numeric = crate::function::Takes::Number == f.takes(0) && !f.arguments.is_empty();
        if numeric && !t.as_ref().is_some_and(DataType::is_numeric) {
            let got = t.map_or_else(|| "nothing".to_string(), |t| t.to_string());
            self.error_hint(code::TYPE, span, format!("`{}` needs numbers, not {got}", f.name), format!("for example {}", f.example));
            return None;
        }
        let function = match f.name {
            "count" if c.distinct => Aggregation::CountDistinct,
            "count" => Aggregation::Count,
            "entities" => Aggregation::CountDistinct,
            // The exact count is an answer that an approximation may give; the result is marked all the same.
            "approx_users" => {
                self.approximate = true;
                Aggregation::CountDistinct
            }
            "sum" => Aggregation::Sum,
            "avg" => Aggregation::Average,
            "min" => Aggregation::Min,
            "max" => Aggregation::Max,
            "median" => Aggregation::Percentile(0.5),
            "percentile" => Aggregation::Percentile(self.fraction(c, span)?),
            "stddev" => Aggregation::StdDev,
            "stddev_pop" => Aggregation::StdDevPopulation,
            "variance" => Aggregation::Variance,
            "var_pop" => Aggregation::VariancePopulation,
            "corr" => Aggregation::Correlation,
            "covar" => Aggregation::Covariance,
            "covar_pop" => Aggregation::CovariancePopulation,
            "mode" => Aggregation::Mode,
            "first" => Aggregation::First,
            "last" => Aggregation::Last,
            "any" => Aggregation::Any,
            "bool_and" => Aggregation::BoolAnd,
            "bool_or" => Aggregation::BoolOr,
            "collect" => Aggregation::List,
            "string_agg" => Aggregation::Join(self.separator(c, span)?),
            _ => {
                let hint = "aggregates over what entities did belong to FIND, tags and segments";
                self.error_hint(code::AGGREGATE, span, format!("`{}` cannot range over these rows", f.name), hint);
                return None;
            }
        };
        if argument.is_none() && function != Aggregation::Count {
            self.wrong_count(f, 0, span);
            return None;
        }
        let function = if c.distinct { self.over_different(f, function, span)? } else { function };
        let data_type = match &function {
            Aggregation::Sum => sum_type(t.as_ref().unwrap_or(&DataType::Int)),
            Aggregation::Count | Aggregation::CountDistinct => DataType::Int,
            _ => fixed_type(f.result, t),
        };
        Some(Aggregate { function, argument, filter, order, data_type })
    }

    /// DISTINCT: it changes sums and lists; of the least, the greatest and the like the answer is the same.
    pub(super) fn over_different(&mut self, f: &Function, function: Aggregation, span: Span) -> Option<Aggregation> {
        match function {
            Aggregation::Sum | Aggregation::Average | Aggregation::List | Aggregation::Join(_) => {
                Some(Aggregation::Distinct(Box::new(function)))
            }
            Aggregation::CountDistinct
            | Aggregation::Min
            | Aggregation::Max
            | Aggregation::Any
            | Aggregation::BoolAnd
            | Aggregation::BoolOr => Some(function),
            _ => {
                let hint = "count, sum, avg, min, max, collect and string_agg take it";
                self.error_hint(code::ARGUMENTS, span, format!("`{}` takes no DISTINCT", f.name), hint);
                None
            }
        }
    }

    pub(super) fn separator(&mut self, c: &ast::Call, span: Span) -> Option<String> {
        match c.args.get(1) {
            None => Some(", ".into()),
            Some(Arg::Expr(ast::Expr { kind: ast::ExprKind::Literal(ast::Literal::Text(t)), .. })) => Some(t.clone()),
            Some(_) => {
                self.error_hint(
                    code::ARGUMENTS,
                    span,
                    "the separator of `string_agg` is a text that is written out",
                    "string_agg(name, ', ')",
                );
                None
            }
        }
    }

    pub(super) fn add_aggregate(&mut self, a: Aggregate, env: &mut Env) -> Expr {
        let id = self.column_id();
        let data_type = a.data_type.clone();
        match &mut env.aggregates {
            Aggregates::Rows(list) | Aggregates::Events(list) | Aggregates::Matched(list) => {
                if let Some((known, _)) = list.iter().find(|(_, x)| *x == a) {
                    return Expr::column(*known, data_type);
                }
                list.push((id, a));
                Expr::column(id, data_type)
            }
            _ => Expr::invalid(),
        }
    }

    /// An aggregate of TREND: the argument names the events whose rows it ranges over.
    pub(super) fn event_aggregate(&mut self, f: &'static Function, c: &ast::Call, span: Span, env: &mut Env) -> Expr {
        let found = match c.args.first() {
            Some(Arg::Event(s)) => Some((s.clone(), None)),
            Some(Arg::AnyEvent(s)) => Some((any_event(*s), None)),
            Some(Arg::Expr(e)) => self.event_of(e, None),
            _ => None,
        };
        let Some((mut scope, value)) = found else {
            return self.no_event(c, span);
        };
        let mut during = scope.during.take();
        for s in &c.scopes {
            match s {
                Scope::Where(p) => scope.filter = Some(Box::new(super::behaviour::both(scope.filter.take(), p.clone()))),
                Scope::During(r) if during.is_none() => during = Some(r.clone()),
                Scope::OrderBy(_) if matches!(f.name, "first" | "last" | "collect" | "string_agg") => {}
                _ => {
                    self.error(code::ARGUMENTS, span, format!("`{}` takes WHERE and one DURING inside its parentheses here", f.name));
                }
            }
        }
        let outer = std::mem::replace(&mut env.aggregates, Aggregates::None);
        let out = self.event_aggregate_inner(f, c, &scope, value, span, env);
        env.aggregates = outer;
        let Some(mut a) = out else { return Expr::invalid() };
        let own = during.and_then(|r| self.measure_range(&r, env));
        a.filter = Expr::all(a.filter.into_iter().chain(own).chain(start_filter(&scope, env)));
        self.add_aggregate(a, env)
    }

    /// The range of one measure: of its own for each period in TREND, else a plain condition on the time.
    fn measure_range(&mut self, r: &ast::Range, env: &mut Env) -> Option<Expr> {
        if env.lanes.is_none() {
            return self.time_filter(r, env);
        }
        let range = self.range(r)?;
        let lanes = env.lanes.as_mut()?;
        let at = lanes.ranges.iter().position(|known| *known == range).unwrap_or_else(|| {
            lanes.ranges.push(range);
            lanes.ranges.len() - 1
        });
        Some(super::trend::lane_filter(lanes.column, at + 1))
    }

    fn event_aggregate_inner(
        &mut self,
        f: &'static Function,
        c: &ast::Call,
        scope: &EventScope,
        value: Option<ast::Expr>,
        span: Span,
        env: &mut Env,
    ) -> Option<Aggregate> {
        let mut row = env.rows.swap_remove(0);
        let filter = self.events_predicate(scope, &mut row);
        let ordinal =
            (f.name == "entities" || f.name == "approx_users").then(|| env.subject.and_then(|s| self.subject_ordinal(&mut row, s)));
        env.rows.insert(0, row);
        if let (Some(None), Some(subject)) = (&ordinal, env.subject.and_then(|s| self.entity_of(s)))
            && let Some(events) = self.event_types(scope, None)
        {
            self.check_subject(&events, &subject, span);
        }
        let argument = match ordinal {
            Some(o) => Some(o?),
            None => value.map(|v| self.expr(&v, env)),
        };
        if argument.as_ref().is_some_and(|a| matches!(a.kind, ExprKind::Invalid)) {
            return None;
        }
        let order = c.scopes.iter().find_map(|s| if let Scope::OrderBy(o) = s { Some(o) } else { None });
        let order = match (self.second_value(f, c, span, env)?, order) {
            (Some(second), _) => vec![SortKey { expr: second, descending: false, nulls_first: false }],
            (None, Some(o)) => self.sort_keys(o, env),
            (None, None) if matches!(f.name, "first" | "last" | "collect" | "string_agg") => self.timeline_order(env),
            (None, None) => vec![],
        };
        self.aggregate(f, c, argument, Some(filter?), order, span)
    }
}

/// A measure of LTV leaves out the start row, unless it has the start's own events and condition (rule 20).
fn start_filter(scope: &EventScope, env: &Env) -> Option<Expr> {
    let (start, is_start) = env.start.as_ref()?;
    let is_start = Expr::column(*is_start, DataType::Bool);
    (start != scope).then(|| Expr::predicate(ExprKind::Not(Box::new(is_start))))
}

fn entity_rows(env: &Env) -> bool {
    matches!(env.rows.as_slice(), [r] if matches!(r.kind, RowKind::Entity(_)))
}

pub(super) fn any_event(span: Span) -> EventScope {
    EventScope { events: vec![EventRef::Any(span)], filter: None, during: None, span }
}
