//! Lengths, instants and ranges of time.

use super::{Builder, Built};
use crate::ast::{Bound, Duration, Instant, LastKind, Range, RangeKind, TypedKind, Unit};
use crate::parser::{Parts, Rule};

impl Builder<'_> {
    pub(super) fn bound(&mut self, p: &mut Parts<'_>) -> Built<Bound> {
        let (mut p, _) = self.enter(p, Rule::bound)?;
        if p.rule() == Some(Rule::param) {
            return Ok(Bound::Param(self.param(&mut p)?));
        }
        let (n, span) = self.int(&mut p)?;
        Ok(Bound::Int(n, span))
    }

    pub(super) fn unit(&mut self, p: &mut Parts<'_>) -> Built<Unit> {
        let (mut p, _) = self.enter(p, Rule::unit)?;
        let word = self.need(&mut p, Rule::unit_word)?;
        unit_named(word.as_str()).ok_or_else(|| self.fault())
    }

    pub(super) fn duration(&mut self, p: &mut Parts<'_>) -> Built<Duration> {
        self.length_of(p, Rule::duration)
    }

    /// `30 calendar days`, as a length (`Rule::duration`) or as a value (`Rule::length`).
    pub(super) fn length_of(&mut self, p: &mut Parts<'_>, rule: Rule) -> Built<Duration> {
        let (mut p, span) = self.enter(p, rule)?;
        if p.rule() == Some(Rule::param) {
            return Ok(Duration::Param(self.param(&mut p)?));
        }
        let count = self.count_only(&mut p)?;
        let calendar = p.eat(Rule::kw_calendar);
        Ok(Duration::Length { count, calendar, unit: self.unit(&mut p)?, span })
    }

    /// `EVERY 2 weeks` or `EVERY week`.
    pub(super) fn every(&mut self, p: &mut Parts<'_>) -> Built<Duration> {
        if p.rule() == Some(Rule::duration) {
            return self.duration(p);
        }
        let span = p.clone().next().map(|unit| self.span(&unit)).unwrap_or_default();
        Ok(Duration::Length { count: 1, calendar: false, unit: self.unit(p)?, span })
    }

    pub(super) fn typed(&mut self, p: &mut Parts<'_>) -> Built<(TypedKind, String)> {
        let (mut p, _) = self.enter(p, Rule::typed_lit)?;
        let kind = if p.eat(Rule::kw_date) { TypedKind::Date } else { TypedKind::Timestamp };
        p.eat(Rule::kw_timestamp);
        Ok((kind, self.text_only(&mut p)?))
    }

    pub(super) fn instant(&mut self, p: &mut Parts<'_>) -> Built<Instant> {
        let (mut p, span) = self.enter(p, Rule::instant)?;
        Ok(match p.rule() {
            Some(Rule::bound) => Instant::Ago(self.bound(&mut p)?, self.unit(&mut p)?, span),
            Some(Rule::kw_now) => Instant::Now(span),
            Some(Rule::kw_today) => Instant::Today(span),
            Some(Rule::kw_yesterday) => Instant::Yesterday(span),
            Some(Rule::typed_lit) => {
                let (kind, text) = self.typed(&mut p)?;
                Instant::Text(Some(kind), text, span)
            }
            Some(Rule::string) => Instant::Text(None, self.text_only(&mut p)?, span),
            _ => Instant::Param(self.param(&mut p)?),
        })
    }

    pub(super) fn range(&mut self, p: &mut Parts<'_>) -> Built<Range> {
        let (mut p, span) = self.enter(p, Rule::range)?;
        let kind = match p.rule() {
            Some(Rule::param) => RangeKind::Param(self.param(&mut p)?),
            Some(Rule::instant) => self.two_ends(&mut p)?,
            _ => self.worded_range(&mut p)?,
        };
        Ok(Range { kind, span })
    }

    fn two_ends(&mut self, p: &mut Parts<'_>) -> Built<RangeKind> {
        let from = self.instant(p)?;
        p.eat(Rule::kw_to);
        Ok(RangeKind::FromTo(from, self.instant(p)?))
    }

    fn worded_range(&mut self, p: &mut Parts<'_>) -> Built<RangeKind> {
        let word = p.next().ok_or_else(|| self.fault())?;
        Ok(match word.as_rule() {
            Rule::kw_all => RangeKind::AllTime,
            Rule::kw_last => self.last(p)?,
            Rule::kw_this => RangeKind::This(self.unit(p)?),
            Rule::kw_previous => RangeKind::Previous(self.unit(p)?),
            Rule::kw_since => RangeKind::Since(self.instant(p)?),
            Rule::kw_before => RangeKind::Before(self.instant(p)?),
            Rule::kw_today => RangeKind::Today,
            Rule::kw_yesterday => RangeKind::Yesterday,
            _ => return Err(self.fault()),
        })
    }

    fn last(&mut self, p: &mut Parts<'_>) -> Built<RangeKind> {
        let bound = if p.rule() == Some(Rule::bound) { Some(self.bound(p)?) } else { None };
        let kind = match (p.eat(Rule::kw_complete), p.eat(Rule::kw_rolling)) {
            (true, _) => LastKind::Complete,
            (_, true) => LastKind::Rolling,
            _ => LastKind::Calendar,
        };
        Ok(RangeKind::Last(bound, kind, self.unit(p)?))
    }
}

/// The unit that a word names, in any case, singular or plural or short.
pub(crate) fn unit_named(word: &str) -> Option<Unit> {
    Some(match word.to_ascii_lowercase().as_str() {
        "ms" | "millisecond" | "milliseconds" => Unit::Millisecond,
        "s" | "sec" | "second" | "seconds" => Unit::Second,
        "m" | "min" | "minute" | "minutes" => Unit::Minute,
        "h" | "hour" | "hours" => Unit::Hour,
        "d" | "day" | "days" => Unit::Day,
        "w" | "week" | "weeks" => Unit::Week,
        "mo" | "month" | "months" => Unit::Month,
        "q" | "quarter" | "quarters" => Unit::Quarter,
        "y" | "year" | "years" => Unit::Year,
        _ => return None,
    })
}
