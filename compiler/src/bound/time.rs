//! Times of a bound query: clocks, ranges, lengths, grains.

use eql_catalog::WeekStart;
use eql_grammar::ast::{self, Unit};
use std::sync::Arc;

/// In which zone, with which week, and as of when times are meant.
#[derive(Clone, Debug, PartialEq)]
pub struct Clock {
    /// IANA name.
    pub zone: Arc<str>,
    /// First day of the week.
    pub week_start: WeekStart,
    /// `AS OF`; None is the statement's now.
    pub as_of: Option<ast::Instant>,
}

/// A range of time with the clock it is meant by.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeRange {
    /// As written, parameters replaced.
    pub range: ast::Range,
    /// How to read it.
    pub clock: Clock,
    /// `COMPARE TO previous period`: the range just before is meant, by as many periods of this grain where it is cut into them.
    pub before: Option<Before>,
}

/// How a range moves to the one just before it.
#[derive(Clone, Debug, PartialEq)]
pub struct Before {
    /// The grain of the periods that are compared.
    pub every: Option<Every>,
}

/// A length of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// How many.
    pub count: i64,
    /// Of what.
    pub unit: Unit,
    /// Calendar units of the zone instead of fixed lengths.
    pub calendar: bool,
    /// The zone.
    pub clock: Clock,
}

/// The grain of periods.
#[derive(Clone, Debug, PartialEq)]
pub struct Every {
    /// How many units a period has.
    pub count: i64,
    /// The unit.
    pub unit: Unit,
    /// Zone and week.
    pub clock: Clock,
}
