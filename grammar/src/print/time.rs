//! Lengths, instants and ranges as text.

use super::text;
use crate::ast::{Bound, Duration, Instant, LastKind, Param, ParamName, Range, RangeKind, TypedKind, Unit};

pub(super) fn param(param: &Param) -> String {
    match &param.name {
        ParamName::Position(n) => format!("${n}"),
        ParamName::Name(name) => format!(":{name}"),
    }
}

pub(super) fn bound(bound: &Bound) -> String {
    match bound {
        Bound::Int(n, _) => n.to_string(),
        Bound::Param(p) => param(p),
    }
}

pub(super) fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Millisecond => "millisecond",
        Unit::Second => "second",
        Unit::Minute => "minute",
        Unit::Hour => "hour",
        Unit::Day => "day",
        Unit::Week => "week",
        Unit::Month => "month",
        Unit::Quarter => "quarter",
        Unit::Year => "year",
    }
}

/// The unit after a count.
pub(super) fn units(one: bool, of: Unit) -> String {
    format!("{}{}", unit(of), if one { "" } else { "s" })
}

pub(super) fn duration(duration: &Duration) -> String {
    match duration {
        Duration::Length { count, calendar, unit, .. } => {
            format!("{count} {}{}", if *calendar { "calendar " } else { "" }, units(*count == 1, *unit))
        }
        Duration::Param(p) => param(p),
    }
}

/// `day` or `2 days`.
pub(super) fn every(every: &Duration) -> String {
    match every {
        Duration::Length { count: 1, calendar: false, unit: of, .. } => unit(*of).to_owned(),
        other => duration(other),
    }
}

pub(super) fn typed(kind: TypedKind, value: &str) -> String {
    let word = match kind {
        TypedKind::Date => "DATE",
        TypedKind::Timestamp => "TIMESTAMP",
    };
    format!("{word} {}", text(value))
}

pub(super) fn instant(instant: &Instant) -> String {
    match instant {
        Instant::Ago(n, unit, _) => format!("{} {} ago", bound(n), units(one(n), *unit)),
        Instant::Now(_) => "now".to_owned(),
        Instant::Today(_) => "today".to_owned(),
        Instant::Yesterday(_) => "yesterday".to_owned(),
        Instant::Text(Some(kind), value, _) => typed(*kind, value),
        Instant::Text(None, value, _) => text(value),
        Instant::Param(p) => param(p),
    }
}

fn one(n: &Bound) -> bool {
    matches!(n, Bound::Int(1, _))
}

pub(super) fn range(range: &Range) -> String {
    match &range.kind {
        RangeKind::FromTo(from, to) => format!("{} TO {}", instant(from), instant(to)),
        RangeKind::AllTime => "all time".to_owned(),
        RangeKind::Last(None, kind, of) => format!("last {}{}", last_kind(*kind), unit(*of)),
        RangeKind::Last(Some(n), kind, of) => format!("last {} {}{}", bound(n), last_kind(*kind), units(one(n), *of)),
        RangeKind::This(of) => format!("this {}", unit(*of)),
        RangeKind::Previous(of) => format!("previous {}", unit(*of)),
        RangeKind::Since(from) => format!("since {}", instant(from)),
        RangeKind::Before(to) => format!("before {}", instant(to)),
        RangeKind::Today => "today".to_owned(),
        RangeKind::Yesterday => "yesterday".to_owned(),
        RangeKind::Param(p) => param(p),
    }
}

fn last_kind(kind: LastKind) -> &'static str {
    match kind {
        LastKind::Calendar => "",
        LastKind::Complete => "complete ",
        LastKind::Rolling => "rolling ",
    }
}
