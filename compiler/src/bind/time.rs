//! Ranges, instants and lengths: checked here, resolved against the clock when the statement runs.

use super::Binder;
use super::expr::param_key;
use crate::bound::{Clock, Every, TimeRange, Window};
use crate::code;
use eql_catalog::{Value, parse_date, parse_timestamp};
use eql_grammar::ast::{self, Bound, Duration, Instant, LastKind, RangeKind, Unit};

impl Binder<'_> {
    /// A range with the current clock; None (reported) when it cannot be read.
    pub(super) fn range(&mut self, r: &ast::Range) -> Option<TimeRange> {
        let range = self.range_kind(r)?;
        Some(TimeRange { range, clock: self.clock.clone(), before: None })
    }

    fn range_kind(&mut self, r: &ast::Range) -> Option<ast::Range> {
        let kind = match &r.kind {
            RangeKind::Param(p) => return self.range_param(p),
            RangeKind::FromTo(a, b) => RangeKind::FromTo(self.instant(a)?, self.instant(b)?),
            RangeKind::Since(a) => RangeKind::Since(self.instant(a)?),
            RangeKind::Before(a) => RangeKind::Before(self.instant(a)?),
            RangeKind::Last(Some(b), k, u) => RangeKind::Last(Some(self.bound(b)?), *k, *u),
            other => other.clone(),
        };
        // Which events are seen always depends on now: those dated after it are not. Whoever keeps results looks whether there are any.
        match kind {
            RangeKind::AllTime => {}
            RangeKind::Last(_, LastKind::Rolling, _)
            | RangeKind::Last(_, _, Unit::Millisecond | Unit::Second)
            | RangeKind::This(Unit::Millisecond | Unit::Second)
            | RangeKind::Previous(Unit::Millisecond | Unit::Second) => self.uses_now = true,
            _ => self.uses_minute = true,
        }
        Some(ast::Range { kind, span: r.span })
    }

    fn range_param(&mut self, p: &ast::Param) -> Option<ast::Range> {
        match self.param_value(p) {
            Some(Value::String(text)) => match eql_grammar::parse_range(&text) {
                Ok(r) => self.range_kind(&ast::Range { span: p.span, ..r }),
                Err(d) => {
                    let hint = "give a range such as last 30 days, or '2026-01-01' TO '2026-01-31'";
                    self.error_hint(
                        code::PARAMETER,
                        p.span,
                        format!("parameter `{}` is no range of time: {}", param_key(p), d.message),
                        hint,
                    );
                    None
                }
            },
            Some(_) => {
                self.error(code::PARAMETER, p.span, format!("parameter `{}` is no range of time", param_key(p)));
                None
            }
            None => {
                self.missing_param(p);
                None
            }
        }
    }

    pub(super) fn instant(&mut self, i: &Instant) -> Option<Instant> {
        match i {
            Instant::Text(_, t, span) if parse_date(t).is_none() && parse_timestamp(t).is_none() => {
                self.error_hint(
                    code::VALUE,
                    *span,
                    format!("'{t}' is neither a date nor a time"),
                    "write 'YYYY-MM-DD' or an RFC 3339 time",
                );
                None
            }
            Instant::Ago(b, u, s) => {
                self.uses_now = true;
                Some(Instant::Ago(self.bound(b)?, *u, *s))
            }
            Instant::Param(p) => match self.param_value(p) {
                Some(Value::String(t)) => self.instant(&Instant::Text(None, t, p.span)),
                Some(Value::Timestamp(t)) => Some(Instant::Text(None, micros_text(t), p.span)),
                Some(Value::Int(ms)) => Some(Instant::Text(None, micros_text(ms.checked_mul(1000)?), p.span)),
                Some(_) => {
                    self.error(code::PARAMETER, p.span, format!("parameter `{}` is no time", param_key(p)));
                    None
                }
                None => {
                    self.missing_param(p);
                    None
                }
            },
            other => Some(other.clone()),
        }
    }

    fn bound(&mut self, b: &Bound) -> Option<Bound> {
        let span = match b {
            Bound::Int(_, s) => *s,
            Bound::Param(p) => p.span,
        };
        let n = self.count(b)?;
        if n > 1_000_000 {
            self.error(code::VALUE, span, format!("{n} is more than can be counted back"));
            return None;
        }
        Some(Bound::Int(n, span))
    }

    /// The number of LIMIT, TOP or `last n`.
    pub(super) fn count(&mut self, b: &Bound) -> Option<u64> {
        match b {
            Bound::Int(n, _) => Some(*n),
            Bound::Param(p) => match self.param_value(p) {
                Some(Value::Int(n)) if n >= 0 => Some(n.unsigned_abs()),
                Some(_) => {
                    self.error(code::PARAMETER, p.span, format!("parameter `{}` is no count", param_key(p)));
                    None
                }
                None => {
                    self.missing_param(p);
                    None
                }
            },
        }
    }

    /// A length of time: days and weeks are 24 hours each unless CALENDAR, months and longer are the calendar's.
    pub(super) fn window(&mut self, d: &Duration) -> Option<Window> {
        let (count, calendar, unit, span) = match d {
            Duration::Length { count, calendar, unit, span } => (*count, *calendar, *unit, *span),
            Duration::Param(p) => {
                let text = match self.param_value(p) {
                    Some(Value::String(t)) => t,
                    _ => {
                        self.missing_param(p);
                        return None;
                    }
                };
                match eql_grammar::parse_duration(&text) {
                    Ok(Duration::Length { count, calendar, unit, .. }) => (count, calendar, unit, p.span),
                    _ => {
                        self.error(code::PARAMETER, p.span, format!("parameter `{}` is no length of time", param_key(p)));
                        return None;
                    }
                }
            }
        };
        let calendar = calendar || unit >= Unit::Month;
        // A thousand years are more than any window needs, and keep sums of times inside 64 bits.
        let limit = 1000 * 366 * 86_400 * 1000 / unit_millis(unit);
        match i64::try_from(count) {
            Ok(n) if n <= limit => Some(Window { count: n, unit, calendar, clock: self.clock.clone() }),
            _ => {
                self.error(code::VALUE, span, format!("a length of {count} is too long"));
                None
            }
        }
    }

    /// The grain of EVERY.
    pub(super) fn every(&mut self, d: &Duration) -> Option<Every> {
        let w = self.window(d)?;
        if w.count == 0 {
            let span = match d {
                Duration::Length { span, .. } => *span,
                Duration::Param(p) => p.span,
            };
            self.error(code::VALUE, span, "a period needs a length");
            return None;
        }
        // The last of shorter periods is another one within a minute.
        self.uses_now |= w.unit < Unit::Minute;
        Some(Every { count: w.count, unit: w.unit, clock: w.clock })
    }

    /// Microseconds of a fixed length; None (reported) for calendar lengths.
    pub(super) fn fixed(&mut self, d: &Duration, what: &str) -> Option<i64> {
        let w = self.window(d)?;
        if w.calendar {
            let span = match d {
                Duration::Length { span, .. } => *span,
                Duration::Param(p) => p.span,
            };
            self.error(code::VALUE, span, format!("{what} needs a fixed length, not one of the calendar"));
            return None;
        }
        Some(w.count * unit_millis(w.unit) * 1000)
    }

    /// Microseconds of a text that names an instant; local times are the clock's zone's.
    pub(super) fn timestamp(&self, text: &str) -> Option<i64> {
        let (at, zoned) = parse_timestamp(text)?;
        if zoned {
            return Some(at);
        }
        let zone: chrono_tz::Tz = self.clock.zone.parse().ok()?;
        Some(local_to_utc(at, zone))
    }

    /// The clock of a stored definition: its own zone and week, the current AS OF.
    pub(super) fn clock_of(&self, zone: &str, week_start: eql_catalog::WeekStart) -> Clock {
        Clock { zone: std::sync::Arc::from(zone), week_start, as_of: self.clock.as_of.clone() }
    }
}

/// Milliseconds of a unit; months, quarters and years by their usual length, for bounds only.
pub(super) fn unit_millis(u: Unit) -> i64 {
    match u {
        Unit::Millisecond => 1,
        Unit::Second => 1000,
        Unit::Minute => 60_000,
        Unit::Hour => 3_600_000,
        Unit::Day => 86_400_000,
        Unit::Week => 7 * 86_400_000,
        Unit::Month => 30 * 86_400_000,
        Unit::Quarter => 91 * 86_400_000,
        Unit::Year => 365 * 86_400_000,
    }
}

/// Wall clock microseconds of a zone as an instant; a time that was skipped is the first moment after, a repeated one the earlier.
fn local_to_utc(local: i64, zone: chrono_tz::Tz) -> i64 {
    use chrono::{DateTime, TimeZone};
    let Some(naive) = DateTime::from_timestamp_micros(local).map(|d| d.naive_utc()) else { return local };
    for minutes in 0..=24 * 60 {
        if let Some(found) = zone.from_local_datetime(&(naive + chrono::Duration::minutes(minutes))).earliest() {
            return found.timestamp_micros();
        }
    }
    local
}

fn micros_text(t: i64) -> String {
    chrono::DateTime::from_timestamp_micros(t).map_or_else(String::new, |d| d.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
}
