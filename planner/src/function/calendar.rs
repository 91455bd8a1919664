//! Functions of time that need a zone and a week start (rules 21, 47).

use crate::refusal::refuse;
use arrow::array::{Array, ArrayRef, AsArray, Date32Array, Int64Array, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility};
use eql_timeline::{Bucketer, Calendar, Unit};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What is done with a time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// Start of the period of so many units.
    Bucket(UnitCode, i64),
    /// Calendar addition.
    Shift(UnitCode, i64),
    /// So many microseconds later.
    Later(i64),
    /// A number of the local time.
    Part(String),
    /// A local day's first instant.
    DateStart,
    /// Full years between two days.
    Age,
    /// The period so many further on, of periods of so many units.
    Moved(UnitCode, i64, i64),
}

/// A unit with an order number, as the timeline's unit has no hash.
#[derive(Clone, Copy, Debug)]
struct UnitCode(Unit);

impl PartialEq for UnitCode {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl Eq for UnitCode {}
impl Hash for UnitCode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        format!("{:?}", self.0).hash(state);
    }
}

#[derive(Clone, Debug)]
struct Clocked {
    kind: Kind,
    calendar: Calendar,
    signature: Signature,
}

impl PartialEq for Clocked {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.calendar.zone == other.calendar.zone && self.calendar.week_start == other.calendar.week_start
    }
}
impl Eq for Clocked {}
impl Hash for Clocked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
        self.calendar.zone.name().hash(state);
    }
}

fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn make(kind: Kind, calendar: Calendar) -> ScalarUDF {
    let signature = match kind {
        Kind::DateStart => TypeSignature::Exact(vec![DataType::Date32]),
        Kind::Age => TypeSignature::Exact(vec![DataType::Date32, DataType::Date32]),
        Kind::Moved(u, ..) if long(u.0) => TypeSignature::Exact(vec![DataType::Date32]),
        _ => TypeSignature::Exact(vec![instant_type()]),
    };
    ScalarUDF::new_from_impl(Clocked { kind, calendar, signature: Signature::new(signature, Volatility::Immutable) })
}

/// Start of the period of `count` units that holds a time: DATE from day up, else TIMESTAMP.
pub(crate) fn bucket(calendar: Calendar, unit: Unit, count: i64) -> ScalarUDF {
    make(Kind::Bucket(UnitCode(unit), count), calendar)
}

/// Calendar addition to a time.
pub(crate) fn shift(calendar: Calendar, unit: Unit, count: i64) -> ScalarUDF {
    make(Kind::Shift(UnitCode(unit), count), calendar)
}

/// So many microseconds added to a time, whatever the clocks show.
pub(crate) fn later(micros: i64) -> ScalarUDF {
    make(Kind::Later(micros), Calendar::utc())
}

/// A time that a calendar can tell, some 250,000 years before or after 1970.
pub(super) fn told(t: i64) -> Result<i64> {
    const FAR: i64 = 7_900_000_000_000_000_000;
    if (-FAR..FAR).contains(&t) {
        return Ok(t);
    }
    Err(refuse("a time is moved out of the calendar", "times lie within 250,000 years of 1970: take a shorter length"))
}

/// A number of the local time.
pub(super) fn part(calendar: Calendar, part: &str) -> ScalarUDF {
    make(Kind::Part(part.to_string()), calendar)
}

/// The first instant of a local day.
pub(super) fn date_start(calendar: Calendar) -> ScalarUDF {
    make(Kind::DateStart, calendar)
}

/// Full years between two days.
pub(super) fn age(calendar: Calendar) -> ScalarUDF {
    make(Kind::Age, calendar)
}

/// The period that comes `by` periods after the one that a label names.
pub(crate) fn moved(calendar: Calendar, unit: Unit, count: i64, by: i64) -> ScalarUDF {
    make(Kind::Moved(UnitCode(unit), count, by), calendar)
}

fn long(unit: Unit) -> bool {
    matches!(unit, Unit::Day | Unit::Week | Unit::Month | Unit::Quarter | Unit::Year)
}

impl ScalarUDFImpl for Clocked {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Bucket(..) => "bucket",
            Kind::Shift(..) => "shift",
            Kind::Later(_) => "later",
            Kind::Part(_) => "date_part",
            Kind::DateStart => "date_start",
            Kind::Age => "age_in_years",
            Kind::Moved(..) => "moved",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match &self.kind {
            Kind::Bucket(u, _) | Kind::Moved(u, ..) if long(u.0) => DataType::Date32,
            Kind::Bucket(..) | Kind::Shift(..) | Kind::Later(_) | Kind::DateStart | Kind::Moved(..) => instant_type(),
            Kind::Part(_) | Kind::Age => DataType::Int64,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args.args.iter().all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let out = self.apply(&arrays)?;
        if scalar && out.len() == 1 {
            Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&out, 0)?))
        } else {
            Ok(ColumnarValue::Array(out))
        }
    }
}

impl Clocked {
    fn apply(&self, args: &[ArrayRef]) -> Result<ArrayRef> {
        let first = args.first().ok_or_else(|| DataFusionError::Internal("a function of time without a time".into()))?;
        Ok(match &self.kind {
            Kind::DateStart => Arc::new(self.date_starts(first.as_primitive::<Date32Type>())),
            Kind::Age => Arc::new(ages(first.as_primitive::<Date32Type>(), args[1].as_primitive::<Date32Type>())),
            Kind::Bucket(u, n) => self.buckets(first.as_primitive::<TimestampMicrosecondType>(), u.0, *n),
            Kind::Shift(u, n) => {
                let times = first.as_primitive::<TimestampMicrosecondType>();
                let shifted = times.try_unary::<_, TimestampMicrosecondType, _>(|t| told(self.calendar.add(t, *n, u.0)))?;
                Arc::new(shifted.with_timezone("UTC"))
            }
            Kind::Later(micros) => {
                let times = first.as_primitive::<TimestampMicrosecondType>();
                let later = times.try_unary::<_, TimestampMicrosecondType, _>(|t| told(t.saturating_add(*micros)))?;
                Arc::new(later.with_timezone("UTC"))
            }
            Kind::Moved(u, count, by) => self.moved(first, u.0, *count, *by),
            Kind::Part(p) => Arc::new(self.parts(first.as_primitive::<TimestampMicrosecondType>(), p)),
        })
    }

    fn buckets(&self, times: &TimestampMicrosecondArray, unit: Unit, count: i64) -> ArrayRef {
        let mut b = Bucketer::new(self.calendar, unit, count);
        let starts = times.values().iter().map(|t| b.floor(*t));
        if !long(unit) {
            let out = TimestampMicrosecondArray::new(starts.collect(), times.nulls().cloned());
            return Arc::new(out.with_timezone("UTC"));
        }
        let (mut last, mut date) = (None, 0);
        // Periods repeat from row to row: their local date is found once.
        let dates = starts.map(|start| {
            if last != Some(start) {
                last = Some(start);
                date = self.calendar.local_date(start);
            }
            date
        });
        Arc::new(Date32Array::new(dates.collect(), times.nulls().cloned()))
    }

    fn moved(&self, labels: &ArrayRef, unit: Unit, count: i64, by: i64) -> ArrayRef {
        let further = |t: i64| self.calendar.cut_start(self.calendar.cut_index(t, unit, count).saturating_add(by), unit, count);
        if !long(unit) {
            let starts = labels.as_primitive::<TimestampMicrosecondType>();
            return Arc::new(starts.unary::<_, TimestampMicrosecondType>(further).with_timezone("UTC"));
        }
        let dates = labels.as_primitive::<Date32Type>();
        let start = |d: i32| self.calendar.from_local(i64::from(d) * 86_400_000_000);
        Arc::new(dates.unary::<_, Date32Type>(|d| self.calendar.local_date(further(start(d)))))
    }

    fn date_starts(&self, dates: &Date32Array) -> TimestampMicrosecondArray {
        let out: TimestampMicrosecondArray = dates.unary(|d| self.calendar.from_local(i64::from(d) * 86_400_000_000));
        out.with_timezone("UTC")
    }

    fn parts(&self, times: &TimestampMicrosecondArray, part: &str) -> Int64Array {
        times.unary(|t| self.part(t, part))
    }

    fn part(&self, t: i64, part: &str) -> i64 {
        const DAY: i64 = 86_400_000_000;
        if part == "epoch" {
            return t.div_euclid(1_000_000);
        }
        let local = self.calendar.to_local(t);
        let (days, clock) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        match part {
            "hour" => return clock / 3_600_000_000,
            "minute" => return clock / 60_000_000 % 60,
            "second" => return clock / 1_000_000 % 60,
            "millisecond" => return clock / 1_000 % 60_000,
            "microsecond" => return clock % 60_000_000,
            // 1970-01-01 was a Thursday; 0 is Sunday.
            "dow" => return (days + 4).rem_euclid(7),
            "isodow" => return (days + 3).rem_euclid(7) + 1,
            _ => {}
        }
        let date = chrono::DateTime::from_timestamp_micros(local).map(|d| d.date_naive()).unwrap_or_default();
        use chrono::Datelike;
        i64::from(match part {
            "year" => date.year(),
            "quarter" => date.month0() as i32 / 3 + 1,
            "month" => date.month() as i32,
            "week" => date.iso_week().week() as i32,
            "isoyear" => date.iso_week().year(),
            "doy" => date.ordinal() as i32,
            _ => date.day() as i32,
        })
    }
}

fn ages(from: &Date32Array, to: &Date32Array) -> Int64Array {
    use chrono::Datelike;
    let civil = |d: i32| chrono::DateTime::from_timestamp(i64::from(d) * 86_400, 0).map(|d| d.date_naive()).unwrap_or_default();
    (0..from.len())
        .map(|i| {
            (from.is_valid(i) && to.is_valid(i)).then(|| {
                let (a, b) = (civil(from.value(i)), civil(to.value(i)));
                let before = (b.month(), b.day()) < (a.month(), a.day());
                i64::from(b.year() - a.year()) - i64::from(before)
            })
        })
        .collect()
}
