//! Clauses: one list for every head.

use super::step::{order_mode, ties_forbidden};
use super::{Builder, Built};
use crate::ast::{Attributed, Bound, Clause, ClauseKind, Counting, EventRef, Expr, ExprKind, Literal, Phase, Reentry, Show, Weekday};
use crate::code;
use crate::parser::{Pair, Parts, Rule};

impl Builder<'_> {
    pub(super) fn clauses(&mut self, p: &mut Parts<'_>) -> Built<Vec<Clause>> {
        let clauses = self.list(p, Rule::clause, Self::clause)?;
        self.one_condition(&clauses)?;
        Ok(clauses)
    }

    /// A second WHERE after `DID event` was meant for the event.
    fn one_condition(&self, clauses: &[Clause]) -> Built<()> {
        let mut conditions = clauses.iter().filter_map(|c| match &c.kind {
            ClauseKind::Where(condition) => Some((condition, c.span)),
            _ => None,
        });
        match (conditions.next().and_then(|(first, _)| last_bare_event(first)), conditions.next()) {
            (Some(event), Some((_, second))) => {
                let hint = format!("write `[{event} WHERE …]`");
                Err(self.refuse(code::UNBRACKETED_CONDITION, second, "an event with a condition stands in brackets", &hint))
            }
            _ => Ok(()),
        }
    }

    fn clause(&mut self, p: &mut Parts<'_>) -> Built<Clause> {
        let (mut p, span) = self.enter(p, Rule::clause)?;
        let pair = p.next().ok_or_else(|| self.fault())?;
        Ok(Clause { kind: self.clause_kind(pair)?, span })
    }

    fn clause_kind(&mut self, pair: Pair<'_>) -> Built<ClauseKind> {
        let rule = pair.as_rule();
        if rule == Rule::asof {
            return self.as_of_clause(pair);
        }
        let mut p = Parts::of(pair);
        match rule {
            Rule::mode_c => return self.mode_clause(&mut p),
            Rule::ties_c => return Ok(ClauseKind::Ties(ties_forbidden(&mut self.inner(&mut p, Rule::ties)?))),
            Rule::session_c => {
                let mut inner = self.inner(&mut p, Rule::by_session)?;
                return Ok(ClauseKind::BySession(self.by_session(&mut inner)?));
            }
            Rule::limit_c => {
                let (count, offset) = self.limit(&mut p)?;
                return Ok(ClauseKind::Limit(count, offset));
            }
            _ => {}
        }
        let word = p.next().ok_or_else(|| self.fault())?.as_rule();
        p.eat(Rule::kw_by);
        self.worded_clause(rule, word, &mut p)
    }

    /// A clause whose keyword `word` (and BY) is behind us.
    fn worded_clause(&mut self, rule: Rule, word: Rule, p: &mut Parts<'_>) -> Built<ClauseKind> {
        Ok(match rule {
            Rule::of_c => ClauseKind::Of(self.ident(p)?, self.key_value(p)?),
            Rule::where_c => ClauseKind::Where(self.expr(p)?),
            Rule::among_c => ClauseKind::Among(self.segment_expr(p)?),
            Rule::during_c => ClauseKind::During(self.range(p)?),
            Rule::length_c => self.length_clause(word, p)?,
            Rule::every_c => ClauseKind::Every(self.every(p)?),
            Rule::breakdown_c => self.breakdown(p)?,
            Rule::group_c => ClauseKind::GroupBy(self.items(p)?),
            Rule::having_c => ClauseKind::Having(self.expr(p)?),
            Rule::order_c => ClauseKind::OrderBy(self.order_items(p)?),
            Rule::measure_c => ClauseKind::Measure(self.items(p)?),
            Rule::show_c => ClauseKind::Show(self.show(p)?),
            Rule::compare_c => self.compare(p)?,
            Rule::holding_c => ClauseKind::Holding(self.exprs(p)?),
            Rule::excluding_c => self.excluding(p)?,
            Rule::repeats_c => ClauseKind::KeepRepeats,
            Rule::counting_c => ClauseKind::Counting(self.counting(p)?),
            Rule::reentry_c => ClauseKind::Reentry(reentry(p)),
            Rule::step_c => self.step_clause(word, p)?,
            Rule::touches_c => ClauseKind::Touches(self.step_list(p)?),
            Rule::model_c => ClauseKind::Model(self.call_or_path(p)?),
            Rule::buckets_c => self.buckets(p)?,
            Rule::over_c if p.rule() == Some(Rule::unit) => ClauseKind::OverUnit(self.unit(p)?),
            Rule::over_c => ClauseKind::Over(self.step_list(p)?),
            Rule::node_c => ClauseKind::NodeBy(self.expr(p)?),
            Rule::depth_c => ClauseKind::Depth(self.count_only(p)?),
            Rule::first_c => ClauseKind::FirstTime,
            Rule::word_c => word_clause(word),
            Rule::fill_c => ClauseKind::NoFill,
            Rule::zone_c => self.zone(p)?,
            Rule::week_c => ClauseKind::WeekStarts(weekday(p)),
            Rule::sample_c => ClauseKind::Sample(self.need(p, Rule::number)?.as_str().to_owned()),
            Rule::split_c => ClauseKind::SplitBy(self.exprs(p)?),
            _ => return Err(self.fault()),
        })
    }

    fn inner<'a>(&self, p: &mut Parts<'a>, rule: Rule) -> Built<Parts<'a>> {
        Ok(self.enter(p, rule)?.0)
    }

    fn as_of_clause(&mut self, pair: Pair<'_>) -> Built<ClauseKind> {
        let mut p = Parts::of(pair);
        p.eat(Rule::kw_as);
        p.eat(Rule::kw_of);
        Ok(ClauseKind::AsOf(self.instant(&mut p)?))
    }

    fn mode_clause(&mut self, p: &mut Parts<'_>) -> Built<ClauseKind> {
        let mode = order_mode(&mut self.inner(p, Rule::mode)?);
        let ignoring = if p.eat(Rule::kw_ignoring) { self.step_list(p)? } else { Vec::new() };
        Ok(ClauseKind::Mode { mode, ignoring })
    }

    /// `LIMIT n [OFFSET m]`.
    pub(super) fn limit(&mut self, p: &mut Parts<'_>) -> Built<(Bound, Option<Bound>)> {
        let mut p = self.inner(p, Rule::limit)?;
        p.eat(Rule::kw_limit);
        let count = self.bound(&mut p)?;
        let offset = if p.eat(Rule::kw_offset) { Some(self.bound(&mut p)?) } else { None };
        Ok((count, offset))
    }

    /// The key after `OF entity`: a value, a parameter, or a tuple for a composite key.
    fn key_value(&mut self, p: &mut Parts<'_>) -> Built<Option<Expr>> {
        let Some(pair) = p.clone().next() else { return Ok(None) };
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::param => ExprKind::Param(self.param(p)?),
            Rule::string => ExprKind::Literal(Literal::Text(self.text_only(p)?)),
            Rule::number => ExprKind::Literal(Literal::Number(pair.as_str().to_owned())),
            Rule::typed_lit => {
                let (kind, text) = self.typed(p)?;
                ExprKind::Literal(Literal::Typed(kind, text))
            }
            _ => return self.parenthesised(p).map(Some),
        };
        Ok(Some(Expr { kind, span }))
    }

    fn length_clause(&mut self, word: Rule, p: &mut Parts<'_>) -> Built<ClauseKind> {
        let length = self.duration(p)?;
        Ok(match word {
            Rule::kw_within => ClauseKind::Within(length),
            Rule::kw_for => ClauseKind::For(length),
            Rule::kw_lookback => ClauseKind::Lookback(length),
            Rule::kw_timeout => ClauseKind::Timeout(length),
            _ => ClauseKind::Max(length),
        })
    }

    fn step_clause(&mut self, word: Rule, p: &mut Parts<'_>) -> Built<ClauseKind> {
        let step = self.step(p)?;
        Ok(match word {
            Rule::kw_starting => ClauseKind::Starting(step),
            Rule::kw_returning => ClauseKind::Returning(step),
            Rule::kw_ending => ClauseKind::Ending(step),
            Rule::kw_goal => ClauseKind::Goal(step),
            _ => ClauseKind::Until(step),
        })
    }

    fn breakdown(&mut self, p: &mut Parts<'_>) -> Built<ClauseKind> {
        let items = self.items(p)?;
        let top = if p.eat(Rule::kw_top) { Some(self.bound(p)?) } else { None };
        let attributed = if p.eat(Rule::kw_attributed) { Some(self.attributed(p)?) } else { None };
        Ok(ClauseKind::Breakdown { items, top, attributed })
    }

    fn attributed(&mut self, p: &mut Parts<'_>) -> Built<Attributed> {
        Ok(match p.next().map(|word| word.as_rule()) {
            Some(Rule::kw_first) => Attributed::First,
            Some(Rule::kw_last) => Attributed::Last,
            Some(Rule::kw_all) => Attributed::All,
            _ => Attributed::Step(self.count_only(p)?),
        })
    }

    fn show(&mut self, p: &mut Parts<'_>) -> Built<Show> {
        match p.rule() {
            Some(Rule::show_edges) => Ok(Show::Edges),
            Some(Rule::show_convert) => Ok(Show::TimeToConvert),
            Some(Rule::show_entities) => self.show_entities(p),
            _ => Ok(Show::Items(self.items(p)?)),
        }
    }

    fn show_entities(&mut self, p: &mut Parts<'_>) -> Built<Show> {
        let mut p = self.inner(p, Rule::show_entities)?;
        p.eat(Rule::kw_entities);
        if p.rule() == Some(Rule::phase) {
            return Ok(Show::Phase(match self.inner(&mut p, Rule::phase)?.rule() {
                Some(Rule::kw_new) => Phase::New,
                Some(Rule::kw_returning) => Phase::Returning,
                Some(Rule::kw_resurrecting) => Phase::Resurrecting,
                _ => Phase::Dormant,
            }));
        }
        let converted = match (p.eat(Rule::kw_converted), p.eat(Rule::kw_dropped)) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        let (after, at) = (p.eat(Rule::kw_after), p.eat(Rule::kw_at));
        p.eat(Rule::kw_step);
        let step = if after || at { Some((after, self.count_only(&mut p)?)) } else { None };
        Ok(Show::Entities { converted, step })
    }

    fn compare(&mut self, p: &mut Parts<'_>) -> Built<ClauseKind> {
        p.eat(Rule::kw_to);
        let range = if p.rule() == Some(Rule::range) { Some(self.range(p)?) } else { None };
        Ok(ClauseKind::Compare(range))
    }

    fn excluding(&mut self, p: &mut Parts<'_>) -> Built<ClauseKind> {
        let step = self.step(p)?;
        if !p.eat(Rule::kw_between) {
            return Ok(ClauseKind::Excluding { step, between: None });
        }
        p.eat(Rule::kw_step);
        let from = self.count_only(p)?;
        p.eat(Rule::kw_and);
        p.eat(Rule::kw_step);
        Ok(ClauseKind::Excluding { step, between: Some((from, self.count_only(p)?)) })
    }

    fn counting(&mut self, p: &mut Parts<'_>) -> Built<Counting> {
        Ok(match p.next().map(|word| word.as_rule()) {
            Some(Rule::kw_entities) => Counting::Entities,
            Some(Rule::kw_attempts) => Counting::Attempts,
            _ => Counting::Sessions(self.ident(p)?),
        })
    }

    fn buckets(&mut self, p: &mut Parts<'_>) -> Built<ClauseKind> {
        if p.rule() == Some(Rule::int) {
            return Ok(ClauseKind::BucketCount(self.count_only(p)?));
        }
        let bounds = self.exprs(p)?;
        let unit = if p.rule() == Some(Rule::unit) { Some(self.unit(p)?) } else { None };
        Ok(ClauseKind::Buckets(bounds, unit))
    }

    fn zone(&mut self, p: &mut Parts<'_>) -> Built<ClauseKind> {
        p.eat(Rule::kw_time);
        p.eat(Rule::kw_zone);
        let zone = self.key_value(p)?.ok_or_else(|| self.fault())?;
        Ok(ClauseKind::TimeZone(zone))
    }
}

/// The event of a DID that ends a condition, if it has no brackets of its own.
fn last_bare_event(condition: &Expr) -> Option<&str> {
    match &condition.kind {
        ExprKind::And(terms) | ExprKind::Or(terms) => last_bare_event(terms.last()?),
        ExprKind::Not(inner) => last_bare_event(inner),
        ExprKind::Behaviour(behaviour) => match behaviour.steps.last()?.scope.events.as_slice() {
            [EventRef::Named(event)] if behaviour.steps.last()?.scope.filter.is_none() => Some(&event.name),
            _ => None,
        },
        _ => None,
    }
}

fn reentry(p: &mut Parts<'_>) -> Reentry {
    match p.next().map(|word| word.as_rule()) {
        Some(Rule::kw_first) => Reentry::First,
        Some(Rule::kw_latest) => Reentry::Latest,
        _ => Reentry::Best,
    }
}

fn weekday(p: &mut Parts<'_>) -> Weekday {
    p.eat(Rule::kw_starts);
    match p.next().map(|word| word.as_rule()) {
        Some(Rule::kw_sunday) => Weekday::Sunday,
        Some(Rule::kw_saturday) => Weekday::Saturday,
        _ => Weekday::Monday,
    }
}

fn word_clause(word: Rule) -> ClauseKind {
    match word {
        Rule::kw_recurring => ClauseKind::Recurring,
        Rule::kw_calendar => ClauseKind::Calendar,
        Rule::kw_rolling => ClauseKind::Rolling,
        Rule::kw_cumulative => ClauseKind::Cumulative,
        _ => ClauseKind::Unbounded,
    }
}
