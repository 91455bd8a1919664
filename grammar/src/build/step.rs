//! Steps, event scopes, DID with its qualifiers, and set algebra on segments.

use super::{Builder, Built};
use crate::ast::{
    Behaviour, CountOp, DidKind, EventRef, EventScope, Ident, Instant, OrderMode, Qual, QualKind, SegmentExpr, SetOp, Span, Step, Unit,
};
use crate::parser::{Parts, Rule};

impl Builder<'_> {
    pub(super) fn steps(&mut self, p: &mut Parts<'_>) -> Built<Vec<Step>> {
        let (mut p, _) = self.enter(p, Rule::steps)?;
        self.list(&mut p, Rule::step, Self::step)
    }

    pub(super) fn step_list(&mut self, p: &mut Parts<'_>) -> Built<Vec<Step>> {
        let (mut p, _) = self.enter(p, Rule::step_list)?;
        self.list(&mut p, Rule::step, Self::step)
    }

    pub(super) fn step(&mut self, p: &mut Parts<'_>) -> Built<Step> {
        let (mut p, span) = self.enter(p, Rule::step)?;
        self.count(span)?;
        let (optional, negated) = (p.eat(Rule::optional), p.eat(Rule::kw_not));
        let within = if p.eat(Rule::kw_within) { Some(self.duration(&mut p)?) } else { None };
        let scope = self.bracket_or_event(&mut p)?;
        let alias = if p.eat(Rule::kw_as) { Some(self.alias(&mut p)?) } else { None };
        Ok(Step { optional, negated, within, scope, alias, span })
    }

    /// `AS name` or `AS 'text'`.
    pub(super) fn alias(&mut self, p: &mut Parts<'_>) -> Built<Ident> {
        let (mut p, _) = self.enter(p, Rule::alias)?;
        if p.rule() == Some(Rule::ident) {
            return self.ident(&mut p);
        }
        let (name, span) = self.string(&mut p)?;
        match name.is_empty() {
            true => {
                Err(self.refuse(crate::code::EXPECTED, span, "a name is empty", "write a name of at least one letter, or leave `AS` out"))
            }
            false => Ok(Ident { name, span }),
        }
    }

    /// `[a OR b WHERE …]` or a bare event.
    pub(super) fn bracket_or_event(&mut self, p: &mut Parts<'_>) -> Built<EventScope> {
        if p.rule() == Some(Rule::bracket) {
            return self.bracket(p);
        }
        let (event, span) = self.event(p)?;
        Ok(EventScope { events: vec![event], filter: None, during: None, span })
    }

    pub(super) fn bracket(&mut self, p: &mut Parts<'_>) -> Built<EventScope> {
        let (mut outer, span) = self.enter(p, Rule::bracket)?;
        let (mut p, _) = self.enter(&mut outer, Rule::event_scope)?;
        let mut scope = EventScope { events: vec![self.event(&mut p)?.0], filter: None, during: None, span };
        while p.eat(Rule::kw_or) {
            scope.events.push(self.event(&mut p)?.0);
        }
        self.deep(0, span, |b| b.narrow(&mut p, scope))
    }

    fn narrow(&mut self, p: &mut Parts<'_>, mut scope: EventScope) -> Built<EventScope> {
        while let Some(pair) = p.next() {
            let rule = pair.as_rule();
            let mut inner = Parts::of(pair);
            inner.next();
            match rule {
                Rule::scope_where => scope.filter = Some(Box::new(self.expr(&mut inner)?)),
                _ => scope.during = Some(self.range(&mut inner)?),
            }
        }
        Ok(scope)
    }

    fn event(&mut self, p: &mut Parts<'_>) -> Built<(EventRef, Span)> {
        let (mut p, span) = self.enter(p, Rule::event_ref)?;
        self.count(span)?;
        if p.eat(Rule::any_event) {
            return Ok((EventRef::Any(span), span));
        }
        Ok((EventRef::Named(self.ident(&mut p)?), span))
    }

    pub(super) fn behaviour(&mut self, p: &mut Parts<'_>) -> Built<Behaviour> {
        let (mut p, _) = self.enter(p, Rule::behaviour)?;
        let kind = match (p.eat(Rule::kw_never), p.eat(Rule::kw_first)) {
            (true, _) => DidKind::Never,
            (_, true) => DidKind::First,
            _ => DidKind::Did,
        };
        p.eat(Rule::kw_did);
        let steps = self.steps(&mut p)?;
        Ok(Behaviour { kind, steps, quals: self.list(&mut p, Rule::qual, Self::qual)? })
    }

    fn qual(&mut self, p: &mut Parts<'_>) -> Built<Qual> {
        let (mut p, span) = self.enter(p, Rule::qual)?;
        let pair = p.next().ok_or_else(|| self.fault())?;
        let rule = pair.as_rule();
        let mut p = Parts::of(pair);
        let kind = match rule {
            Rule::kw_once => QualKind::Times(CountOp::Exactly, 1),
            Rule::kw_twice => QualKind::Times(CountOp::Exactly, 2),
            Rule::times => QualKind::Times(self.count_op(&mut p)?, self.count_only(&mut p)?),
            Rule::times_between => {
                p.eat(Rule::kw_between);
                let low = self.count_only(&mut p)?;
                p.eat(Rule::kw_and);
                QualKind::TimesBetween(low, self.count_only(&mut p)?)
            }
            Rule::on_periods => self.on_periods(&mut p)?,
            Rule::during_c => {
                p.eat(Rule::kw_during);
                QualKind::During(self.range(&mut p)?)
            }
            Rule::within_q => {
                p.eat(Rule::kw_within);
                QualKind::Within(self.duration(&mut p)?)
            }
            Rule::mode => QualKind::Mode(order_mode(&mut p)),
            Rule::holding_q => self.holding_keys(&mut p)?,
            Rule::by_session => QualKind::BySession(self.by_session(&mut p)?),
            Rule::ties => QualKind::Ties(ties_forbidden(&mut p)),
            _ => return Err(self.fault()),
        };
        Ok(Qual { kind, span })
    }

    fn on_periods(&mut self, p: &mut Parts<'_>) -> Built<QualKind> {
        p.eat(Rule::kw_on);
        let (op, n) = (self.count_op(p)?, self.count_only(p)?);
        let unit = match p.next().map(|word| word.as_rule()) {
            Some(Rule::kw_days | Rule::kw_day) => Unit::Day,
            Some(Rule::kw_weeks | Rule::kw_week) => Unit::Week,
            _ => Unit::Month,
        };
        Ok(QualKind::OnPeriods(op, n, unit))
    }

    fn holding_keys(&mut self, p: &mut Parts<'_>) -> Built<QualKind> {
        p.eat(Rule::kw_holding);
        let mut keys = Vec::new();
        while p.rule().is_some() {
            keys.push(self.call_or_path(p)?);
        }
        Ok(QualKind::Holding(keys))
    }

    fn count_op(&mut self, p: &mut Parts<'_>) -> Built<CountOp> {
        let (mut p, _) = self.enter(p, Rule::count_op)?;
        p.eat(Rule::kw_at);
        Ok(match p.next().map(|word| word.as_rule()) {
            Some(Rule::kw_least) => CountOp::AtLeast,
            Some(Rule::kw_most) => CountOp::AtMost,
            Some(Rule::kw_more) => CountOp::MoreThan,
            Some(Rule::kw_fewer) => CountOp::FewerThan,
            _ => CountOp::Exactly,
        })
    }

    /// `BY SESSION s`, opened.
    pub(super) fn by_session(&mut self, p: &mut Parts<'_>) -> Built<Ident> {
        p.eat(Rule::kw_by);
        p.eat(Rule::kw_session);
        self.ident(p)
    }

    pub(super) fn segment_expr(&mut self, p: &mut Parts<'_>) -> Built<SegmentExpr> {
        let (mut p, span) = self.enter(p, Rule::segment_expr)?;
        let links = self.list_len(&p);
        self.deep(links, span, |b| {
            let first = b.segment_term(&mut p)?;
            let mut rest = Vec::new();
            while p.rule() == Some(Rule::set_op) {
                let op = b.set_op(&mut p)?;
                rest.push((op, b.segment_term(&mut p)?));
            }
            Ok(fold_sets(first, rest, |op, a, z| SegmentExpr::Set(op, Box::new(a), Box::new(z))))
        })
    }

    fn segment_term(&mut self, p: &mut Parts<'_>) -> Built<SegmentExpr> {
        let (mut p, _) = self.enter(p, Rule::segment_term)?;
        match p.rule() {
            Some(Rule::find) => {
                let find = self.find(&mut p)?;
                Ok(SegmentExpr::Find(Box::new(find), self.as_of(&mut p)?))
            }
            Some(Rule::segment_expr) => {
                let inner = self.segment_expr(&mut p)?;
                Ok(match self.as_of(&mut p)? {
                    Some(instant) => SegmentExpr::AsOf(Box::new(inner), instant),
                    None => inner,
                })
            }
            _ => {
                let name = self.ident(&mut p)?;
                Ok(SegmentExpr::Named(name, self.as_of(&mut p)?))
            }
        }
    }

    /// `AS OF t`, if it is there.
    pub(super) fn as_of(&mut self, p: &mut Parts<'_>) -> Built<Option<Instant>> {
        let Some(pair) = p.take(Rule::asof) else { return Ok(None) };
        let mut p = Parts::of(pair);
        p.eat(Rule::kw_as);
        p.eat(Rule::kw_of);
        Ok(Some(self.instant(&mut p)?))
    }

    pub(super) fn set_op(&mut self, p: &mut Parts<'_>) -> Built<SetOp> {
        let (mut p, _) = self.enter(p, Rule::set_op)?;
        Ok(match p.next().map(|word| word.as_rule()) {
            Some(Rule::kw_intersect) => SetOp::Intersect,
            Some(Rule::kw_except) => SetOp::Except,
            _ if p.eat(Rule::kw_all) => SetOp::UnionAll,
            _ => SetOp::Union,
        })
    }

    /// How many set operators stand directly in `p`: the height that the chain will have.
    pub(super) fn list_len(&self, p: &Parts<'_>) -> usize {
        let mut p = p.clone();
        std::iter::from_fn(|| p.next()).filter(|pair| pair.as_rule() == Rule::set_op).count()
    }
}

/// `IN ORDER`, `IN ANY ORDER`, `IN STRICT ORDER`, opened.
pub(super) fn order_mode(p: &mut Parts<'_>) -> OrderMode {
    p.eat(Rule::kw_in);
    match p.next().map(|word| word.as_rule()) {
        Some(Rule::kw_any) => OrderMode::AnyOrder,
        Some(Rule::kw_strict) => OrderMode::Strict,
        _ => OrderMode::InOrder,
    }
}

/// `TIES ALLOWED|FORBIDDEN`, opened.
pub(super) fn ties_forbidden(p: &mut Parts<'_>) -> bool {
    p.eat(Rule::kw_ties);
    p.eat(Rule::kw_forbidden)
}

/// Folds a chain of set operators: INTERSECT binds tighter, all are left-associative.
pub(super) fn fold_sets<T>(first: T, rest: Vec<(SetOp, T)>, join: fn(SetOp, T, T) -> T) -> T {
    let mut left: Option<(T, SetOp)> = None;
    let mut current = first;
    for (op, term) in rest {
        if op == SetOp::Intersect {
            current = join(op, current, term);
            continue;
        }
        let whole = close_set(left.take(), current, join);
        left = Some((whole, op));
        current = term;
    }
    close_set(left, current, join)
}

fn close_set<T>(left: Option<(T, SetOp)>, right: T, join: fn(SetOp, T, T) -> T) -> T {
    match left {
        Some((left, op)) => join(op, left, right),
        None => right,
    }
}
