//! Functions of time: units, texts that are times, and the clock they are computed with.

use super::Binder;
use super::call::fixed_type;
use crate::bound::{Expr, ExprKind};
use crate::code;
use crate::function::{Function, ResultType};
use chrono::format::{Item, StrftimeItems};
use eql_catalog::{DataType, Value};
use eql_grammar::ast::Span;

const UNITS: &[&str] = &["millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"];
const PARTS: &[&str] = &[
    "year",
    "quarter",
    "month",
    "week",
    "isoyear",
    "day",
    "dow",
    "isodow",
    "doy",
    "hour",
    "minute",
    "second",
    "millisecond",
    "microsecond",
    "epoch",
];

/// The unit of a word, in any case and number.
pub(super) fn unit(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    let single = lower.strip_suffix('s').unwrap_or(&lower);
    UNITS.iter().find(|u| **u == single).copied()
}

fn part(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    let one = match lower.as_str() {
        "dayofweek" | "weekday" => "dow",
        "dayofyear" => "doy",
        "isoweek" => "week",
        "dayofmonth" => "day",
        other => other.strip_suffix('s').unwrap_or(other),
    };
    PARTS.iter().find(|p| **p == one).copied()
}

fn text(e: &Expr) -> Option<&str> {
    match &e.kind {
        ExprKind::Literal(Value::String(s)) => Some(s),
        _ => None,
    }
}

fn long(unit: &str) -> bool {
    matches!(unit, "day" | "week" | "month" | "quarter" | "year")
}

fn constant(word: &str) -> Expr {
    Expr::literal(Value::String(word.to_string()))
}

impl Binder<'_> {
    pub(super) fn clocked(&mut self, f: &'static Function, mut args: Vec<Expr>, span: Span) -> Expr {
        if matches!(f.name, "now" | "today" | "days_since") || f.name == "age_in_years" && args.len() == 1 {
            self.uses_now = true;
        }
        let now = Expr { kind: ExprKind::Now(self.clock.as_of.clone()), data_type: DataType::Timestamp };
        match f.name {
            "now" => return now,
            "today" => return self.cast_to(now, &DataType::Date),
            "bucket" | "date_part" => return self.unit_and_time(f, args, span),
            "date" | "to_timestamp" => return self.read_time(f, args, span),
            "date_add" => return self.date_add(f, args, span),
            "days_since" => args.push(now),
            "age_in_years" if args.len() == 1 => args.push(self.cast_to(now, &DataType::Date)),
            "format_time" => {
                if let Some(wrong) = self.bad_format(args.get(1), span) {
                    return wrong;
                }
            }
            _ => {}
        }
        self.timed(f.name, args, fixed_type(f.result, None))
    }

    fn timed(&self, name: &'static str, args: Vec<Expr>, data_type: DataType) -> Expr {
        Expr { kind: ExprKind::Call(name, args, Some(self.clock.clone())), data_type }
    }

    /// The unit of `date_add`, as the canonical word.
    pub(super) fn unit_fitted(&mut self, f: &Function, a: &Expr, span: Span) -> Option<Expr> {
        let found = text(a).and_then(unit);
        if found.is_none() {
            self.needs_unit(f, UNITS, span);
        }
        found.map(constant)
    }

    fn needs_unit(&mut self, f: &Function, words: &[&str], span: Span) -> Expr {
        self.error_hint(code::ARGUMENTS, span, format!("`{}` needs a unit in quotes", f.name), format!("one of {}", words.join(", ")))
    }

    /// `bucket(t, 'week')` and `date_part('hour', t)`, in either order.
    fn unit_and_time(&mut self, f: &'static Function, mut args: Vec<Expr>, span: Span) -> Expr {
        let bucket = f.result == ResultType::Bucket;
        let known = |e: &Expr| text(e).and_then(|w| if bucket { unit(w) } else { part(w) });
        let at = match (known(&args[0]), known(&args[1])) {
            (Some(_), _) => 0,
            (None, Some(_)) => 1,
            _ => return self.needs_unit(f, if bucket { UNITS } else { PARTS }, span),
        };
        let Some(word) = known(&args[at]) else { return Expr::invalid() };
        let time = args.swap_remove(1 - at);
        let Some(time) = self.time_argument(f, time, span) else { return Expr::invalid() };
        let data_type = match (bucket, long(word)) {
            (true, true) => DataType::Date,
            (true, false) => DataType::Timestamp,
            _ => DataType::Int,
        };
        let time = self.cast_to(time, &DataType::Timestamp);
        self.timed(f.name, vec![constant(word), time], data_type)
    }

    fn time_argument(&mut self, f: &Function, a: Expr, span: Span) -> Option<Expr> {
        let a = self.constant_as(a, &DataType::Timestamp);
        if a.data_type.is_temporal() {
            return Some(a);
        }
        if a.is_null() {
            return Some(self.cast_to(a, &DataType::Timestamp));
        }
        let message = format!("`{}` takes a time, this is {}", f.name, a.data_type);
        self.error_hint(code::TYPE, span, message, format!("for example {}", f.example));
        None
    }

    /// `date_add('month', n, t)`: a DATE stays one where it is moved by days or longer.
    fn date_add(&mut self, f: &Function, mut args: Vec<Expr>, span: Span) -> Expr {
        let time = args.pop().unwrap_or_else(Expr::invalid);
        let time = self.constant_as(time, &DataType::Date);
        let Some(time) = self.time_argument(f, time, span) else { return Expr::invalid() };
        let whole_days = time.data_type == DataType::Date && args.first().and_then(text).is_some_and(long);
        let data_type = if whole_days { DataType::Date } else { DataType::Timestamp };
        args.push(self.cast_to(time, &DataType::Timestamp));
        self.timed("date_add", args, data_type)
    }

    /// `date(x)` and `to_timestamp(x)`: of a time, of seconds, or of a text, with a format or without.
    fn read_time(&mut self, f: &'static Function, args: Vec<Expr>, span: Span) -> Expr {
        let wanted = if f.name == "date" { DataType::Date } else { DataType::Timestamp };
        let parse = if f.name == "date" { "parse_date" } else { "parse_time" };
        let first = &args[0];
        match first.data_type.clone() {
            _ if first.is_null() => self.cast_to(first.clone(), &wanted),
            DataType::Date | DataType::Timestamp if args.len() == 1 => self.cast_to(first.clone(), &wanted),
            DataType::String | DataType::Json if args.len() == 1 => match self.constant_as(first.clone(), &wanted) {
                read if read.data_type.is_temporal() => self.cast_to(read, &wanted),
                _ => self.timed(parse, args, wanted),
            },
            DataType::String | DataType::Json => match self.bad_format(args.get(1), span) {
                Some(wrong) => wrong,
                None => self.timed(parse, args, wanted),
            },
            t if t.is_numeric() && f.name == "to_timestamp" && args.len() == 1 => {
                let seconds = self.cast_to(first.clone(), &DataType::Double);
                self.timed("from_epoch", vec![seconds], wanted)
            }
            t => {
                let message = format!("`{}` takes a time or a text, this is {t}", f.name);
                self.error_hint(code::TYPE, span, message, format!("{}, for example {}", f.signature(), f.example))
            }
        }
    }

    /// Reports a constant format that cannot be read.
    fn bad_format(&mut self, format: Option<&Expr>, span: Span) -> Option<Expr> {
        let wrong = format.and_then(text).filter(|t| StrftimeItems::new(t).any(|i| matches!(i, Item::Error)))?.to_string();
        let hint = "%Y year, %m month, %d day, %H hour, %M minute, %S second, %A weekday, %B month's name, %% a percent sign";
        Some(self.error_hint(code::VALUE, span, format!("'{wrong}' is no format of time"), hint))
    }
}
