//! DID and its relatives: one event and how often, or several in order.

use super::Binder;
use super::behaviour::count_test;
use super::scope::Env;
use crate::bound::*;
use crate::code;
use eql_catalog::{DataType, EntityType, Value};
use eql_grammar::ast::{self, CountOp, DidKind, OrderMode, QualKind, Span, Unit};
use std::sync::Arc;

/// The qualifiers of a DID.
#[derive(Default)]
struct Quals<'q> {
    during: Option<&'q ast::Range>,
    within: Option<&'q ast::Duration>,
    times: Vec<(CountOp, u64)>,
    periods: Option<(CountOp, u64, Unit)>,
    mode: Option<OrderMode>,
    holding: &'q [ast::Expr],
    ties_forbidden: bool,
    session: Option<&'q ast::Ident>,
    /// The first qualifier that relates rows to one another.
    relating: Option<(&'static str, Span)>,
}

fn quals(b: &ast::Behaviour) -> Quals<'_> {
    let mut q = Quals::default();
    for qual in &b.quals {
        let relating = match &qual.kind {
            QualKind::During(r) => {
                q.during = Some(r);
                None
            }
            QualKind::Within(d) => {
                q.within = Some(d);
                Some("WITHIN")
            }
            QualKind::Times(op, n) => {
                q.times.push((*op, *n));
                None
            }
            QualKind::TimesBetween(a, b) => {
                q.times.extend([(CountOp::AtLeast, *a), (CountOp::AtMost, *b)]);
                None
            }
            QualKind::OnPeriods(op, n, u) => {
                q.periods = Some((*op, *n, *u));
                None
            }
            QualKind::Mode(m) => {
                q.mode = Some(*m);
                Some("IN … ORDER")
            }
            QualKind::Holding(e) => {
                q.holding = e;
                Some("HOLDING")
            }
            QualKind::BySession(s) => {
                q.session = Some(s);
                None
            }
            QualKind::Ties(f) => {
                q.ties_forbidden = *f;
                Some("TIES")
            }
        };
        q.relating = q.relating.or(relating.map(|word| (word, qual.span)));
    }
    q
}

impl Binder<'_> {
    pub(super) fn did(&mut self, b: &ast::Behaviour, span: Span, env: &mut Env) -> Expr {
        let Some(subject) = self.acting_entity(span, env) else { return super::expr::invalid_predicate() };
        let q = quals(b);
        let during = match q.during {
            Some(r) => self.range(r),
            None => self.during.clone(),
        };
        if b.kind != DidKind::Did && (!q.times.is_empty() || q.periods.is_some()) {
            self.error_hint(code::CLAUSE_CONFLICT, span, "a frequency belongs to DID", "NEVER DID and FIRST DID take no number of times");
            return super::expr::invalid_predicate();
        }
        let single = b.steps.len() == 1 && !b.steps[0].negated;
        let out = match (single, q.relating.is_some() || q.session.is_some()) {
            (true, false) => self.did_once(b, &q, during, &subject, env),
            (true, true) => self.did_related(b, &q, during, &subject, span, env),
            (false, _) => self.did_sequence(b, &q, during, &subject, env),
        };
        out.unwrap_or_else(super::expr::invalid_predicate)
    }

    fn did_once(
        &mut self,
        b: &ast::Behaviour,
        q: &Quals<'_>,
        during: Option<TimeRange>,
        subject: &Arc<EntityType>,
        env: &mut Env,
    ) -> Option<Expr> {
        self.plain_step(&b.steps[0], "DID");
        let selected = self.select_events(&b.steps[0].scope, subject, &[]);
        if b.kind == DidKind::First {
            return Some(self.did_first(selected.select, during, env));
        }
        let (function, tests): (Aggregation, Vec<(CountOp, u64)>) = match q.periods {
            Some((op, n, unit)) => (Aggregation::Periods(unit), vec![(op, n)]),
            None if b.kind == DidKind::Never => (Aggregation::Count, vec![(CountOp::Exactly, 0)]),
            None if q.times.is_empty() => (Aggregation::Count, vec![(CountOp::AtLeast, 1)]),
            None => (Aggregation::Count, q.times.clone()),
        };
        let count = self.behaviour(
            BehaviourKind::Aggregate { function, events: selected.select, value: None, order: None, during },
            DataType::Int,
            env,
        );
        let parts = tests.into_iter().map(|(op, n)| count_test(&count, op, n));
        Expr::all(parts)
    }

    /// FIRST DID: the first row in all history that matches lies in the range.
    fn did_first(&mut self, events: EventSelect, during: Option<TimeRange>, env: &mut Env) -> Expr {
        let id = self.column_id();
        let time = ScanColumn { id, leaf: Leaf::Time, data_type: DataType::Timestamp };
        let value = RowExpr::canonical(vec![time], Expr::column(id, DataType::Timestamp));
        let kind = BehaviourKind::Aggregate { function: Aggregation::Min, events, value: Some(value), order: None, during: None };
        let first = self.behaviour(kind, DataType::Timestamp, env);
        known_in(first, during)
    }

    /// One event whose rows are related to one another: n times within a day, for one product, in one session, is a sequence of n such steps.
    fn did_related(
        &mut self,
        b: &ast::Behaviour,
        q: &Quals<'_>,
        during: Option<TimeRange>,
        subject: &Arc<EntityType>,
        span: Span,
        env: &mut Env,
    ) -> Option<Expr> {
        if q.times.is_empty() {
            if let (Some((word, at)), None) = (q.relating, q.session) {
                let hint = if word == "WITHIN" { "a range of time is DURING" } else { "add AT LEAST n TIMES, or another step" };
                self.error_hint(code::CLAUSE_CONFLICT, at, format!("{word} relates several events, this DID names one"), hint);
                return None;
            }
            return self.did_sequence(b, q, during, subject, env);
        }
        let mut tests = Vec::new();
        for (op, n) in &q.times {
            let least = |s: &mut Self, n: u64, env: &mut Env| s.chain(b, q, during.clone(), subject, n, span, env);
            tests.push(match op {
                CountOp::AtLeast => least(self, *n, env)?,
                CountOp::MoreThan => least(self, n.saturating_add(1), env)?,
                CountOp::AtMost => super::expr::negate_if(true, least(self, n.saturating_add(1), env)?),
                CountOp::FewerThan => super::expr::negate_if(true, least(self, *n, env)?),
                CountOp::Exactly => {
                    let (some, more) = (least(self, *n, env)?, least(self, n.saturating_add(1), env)?);
                    Expr::all([some, super::expr::negate_if(true, more)])?
                }
            });
        }
        Expr::all(tests)
    }

    /// `n` rows of one event that belong together.
    #[allow(clippy::too_many_arguments)]
    fn chain(
        &mut self,
        b: &ast::Behaviour,
        q: &Quals<'_>,
        during: Option<TimeRange>,
        subject: &Arc<EntityType>,
        n: u64,
        span: Span,
        env: &mut Env,
    ) -> Option<Expr> {
        let Some(times) = usize::try_from(n).ok().filter(|n| *n <= super::behaviour::STEPS_MAX) else {
            let most = super::behaviour::STEPS_MAX;
            self.error(code::LIMIT, span, format!("events that belong together are counted up to {most} times, not {n}"));
            return None;
        };
        if times == 0 {
            return Some(Expr::literal(Value::Bool(true)));
        }
        let (holding, ties_forbidden) = (q.holding, q.ties_forbidden);
        let plain = Quals { within: q.within, mode: q.mode, session: q.session, holding, ties_forbidden, ..Quals::default() };
        let repeated = ast::Behaviour { kind: DidKind::Did, steps: vec![b.steps[0].clone(); times], ..b.clone() };
        self.did_sequence(&repeated, &plain, during, subject, env)
    }

    fn did_sequence(
        &mut self,
        b: &ast::Behaviour,
        q: &Quals<'_>,
        during: Option<TimeRange>,
        subject: &Arc<EntityType>,
        env: &mut Env,
    ) -> Option<Expr> {
        if let Some(first) = b.steps.first().filter(|s| s.negated) {
            let hint = "put the event that starts the wait first";
            self.error_hint(code::VALUE, first.span, "a sequence cannot begin with an absence", hint);
            return None;
        }
        if let Some(s) = b.steps.iter().find(|s| s.optional) {
            self.error_hint(code::VALUE, s.span, "DID has no OPTIONAL step", "leave the step out, or count it in a FUNNEL");
            return None;
        }
        let (steps, rows) = self.steps(&b.steps, subject);
        let mode = q.mode.unwrap_or(OrderMode::InOrder);
        let asked = match (b.kind, q.periods) {
            (DidKind::First, _) => Matched::First,
            (_, Some((_, _, unit))) => Matched::Periods(unit),
            _ if !q.times.is_empty() => Matched::Count,
            _ => Matched::Any,
        };
        let visible = (mode == OrderMode::Strict).then(|| self.visible(subject));
        let kinds = distinct(&steps) + usize::from(visible.is_some());
        if kinds > super::behaviour::STEPS_MAX {
            let span = b.steps.last().map_or(Span::default(), |s| s.span);
            self.error(code::LIMIT, span, format!("a sequence tells at most {} kinds of events apart", super::behaviour::STEPS_MAX));
            return None;
        }
        let sequence = Sequence {
            window: q.within.and_then(|d| self.window(d)),
            // FIRST is of all history; the range then tests it.
            during: during.clone().filter(|_| asked != Matched::First),
            ties_forbidden: q.ties_forbidden,
            mode,
            visible,
            holding: self.holding(q.holding, &rows),
            session: match q.session {
                Some(rule) => Some(self.session_cut(rule, subject)?),
                None => None,
            },
            grace: self.grace,
            asked,
            steps,
        };
        let found = self.behaviour(BehaviourKind::Sequence(Box::new(sequence)), asked.data_type(), env);
        let tests = q.periods.map(|(op, n, _)| vec![(op, n)]).unwrap_or_else(|| q.times.clone());
        match asked {
            Matched::Any => Some(super::expr::negate_if(b.kind == DidKind::Never, found)),
            Matched::First => Some(known_in(found, during)),
            Matched::Count | Matched::Periods(_) => Expr::all(tests.into_iter().map(|(op, n)| count_test(&found, op, n))),
        }
    }
}

/// How many different selections steps have.
fn distinct(steps: &[Step]) -> usize {
    let mut seen: Vec<&EventSelect> = Vec::new();
    for s in steps {
        if !seen.contains(&&s.events) {
            seen.push(&s.events);
        }
    }
    seen.len()
}

/// A time that is there, in the range if there is one.
fn known_in(time: Expr, during: Option<TimeRange>) -> Expr {
    match during {
        Some(r) => Expr::predicate(ExprKind::InRange(Box::new(time), Box::new(r))),
        None => Expr::predicate(ExprKind::Not(Box::new(Expr::predicate(ExprKind::IsNull(Box::new(time)))))),
    }
}
