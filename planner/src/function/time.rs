//! Functions of time that read and write texts, or move a time by a number from the row.

use super::calendar::told;
use super::kernel::{int, kernel_with, text};
use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Float64Array, Int64Array, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMicrosecondType};
use chrono::{Datelike, NaiveDate, NaiveDateTime, TimeZone};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::Expr as DfExpr;
use eql_catalog::{parse_date, parse_timestamp};
use eql_timeline::{Calendar, Unit};
use std::fmt::Write;
use std::sync::Arc;

/// A formatted time is no longer than this: a format can repeat itself.
const FORMATTED_BYTES_MAX: usize = 4096;

/// The function of a name; None when it is none of this page.
pub(super) fn call(name: &str, calendar: Calendar, unit: Unit, args: &mut Vec<DfExpr>) -> Option<DfExpr> {
    let with = format!("{} {:?} {unit:?}", calendar.zone.name(), calendar.week_start);
    let a = std::mem::take(args);
    let instant = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Some(match name {
        "format_time" => kernel_with("format_time", with, DataType::Utf8, a, move |a| format_times(a, calendar)),
        "day_name" => kernel_with("day_name", with, DataType::Utf8, a, move |a| {
            names(a, calendar, |d| DAYS[d.weekday().num_days_from_monday() as usize])
        }),
        "month_name" => kernel_with("month_name", with, DataType::Utf8, a, move |a| names(a, calendar, |d| MONTHS[d.month0() as usize])),
        "last_day" => kernel_with("last_day", with, DataType::Date32, a, move |a| last_days(a, calendar)),
        "epoch" => kernel_with("epoch", with, DataType::Int64, a, |a| scaled(a, 1_000_000)),
        "epoch_ms" => kernel_with("epoch_ms", with, DataType::Int64, a, |a| scaled(a, 1_000)),
        "from_epoch" => kernel_with("from_epoch", with, instant(), a, from_epoch),
        "parse_date" => kernel_with("parse_date", with, DataType::Date32, a, move |a| {
            let read = each(a, |t, f| match f {
                Some(f) => NaiveDate::parse_from_str(t, f).ok().and_then(day_number),
                None => parse_date(t).or_else(|| instant_of(t, None, calendar).map(|at| calendar.local_date(at))),
            })?;
            Ok(Arc::new(read.into_iter().collect::<Date32Array>()))
        }),
        "parse_time" => kernel_with("parse_time", with, instant(), a, move |a| {
            let read = each(a, |t, f| instant_of(t, f, calendar))?;
            Ok(Arc::new(read.into_iter().collect::<TimestampMicrosecondArray>().with_timezone("UTC")))
        }),
        "date_add" => kernel_with("date_add", with, instant(), a, move |a| {
            let rows = int(a, 0)?.iter().zip(times(a, 1)?.iter());
            let moved = rows.map(|(n, t)| t.zip(n).map(|(t, n)| told(calendar.add(t, n, unit))).transpose());
            Ok(Arc::new(moved.collect::<Result<TimestampMicrosecondArray>>()?.with_timezone("UTC")))
        }),
        "date_diff" => kernel_with("date_diff", with, DataType::Int64, a, move |a| {
            let index = |t| calendar.period_index(t, unit);
            let pairs = times(a, 0)?.iter().zip(times(a, 1)?.iter());
            Ok(Arc::new(pairs.map(|(from, to)| Some(index(to?).saturating_sub(index(from?)))).collect::<Int64Array>()))
        }),
        "make_date" => kernel_with("make_date", with, DataType::Date32, a, |a| {
            let (y, m, d) = (int(a, 0)?, int(a, 1)?, int(a, 2)?);
            let one = |i: usize| civil(valid(y, i)?, valid(m, i)?, valid(d, i)?).and_then(day_number);
            Ok(Arc::new((0..y.len()).map(one).collect::<Date32Array>()))
        }),
        "make_timestamp" => kernel_with("make_timestamp", with, instant(), a, move |a| {
            let numbers = (0..5).map(|n| int(a, n)).collect::<Result<Vec<_>>>()?;
            let seconds = a[5].as_primitive::<Float64Type>();
            let one = |i: usize| local_time(&numbers.iter().map(|n| valid(n, i)).collect::<Option<Vec<_>>>()?, valid_double(seconds, i)?);
            let made = (0..numbers[0].len()).map(|i| one(i).map(|local| calendar.from_local(local)));
            Ok(Arc::new(made.collect::<TimestampMicrosecondArray>().with_timezone("UTC")))
        }),
        _ => {
            *args = a;
            return None;
        }
    })
}

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

fn times(args: &[ArrayRef], n: usize) -> Result<&TimestampMicrosecondArray> {
    let found = args.get(n).and_then(|a| a.as_primitive_opt::<TimestampMicrosecondType>());
    found.ok_or_else(|| DataFusionError::Internal(format!("argument {n} is no time")))
}

fn valid(a: &Int64Array, i: usize) -> Option<i64> {
    a.is_valid(i).then(|| a.value(i))
}

fn valid_double(a: &Float64Array, i: usize) -> Option<f64> {
    a.is_valid(i).then(|| a.value(i)).filter(|v| (0.0..60.0).contains(v))
}

fn day_number(d: NaiveDate) -> Option<i32> {
    d.signed_duration_since(NaiveDate::default()).num_days().try_into().ok()
}

fn civil(y: i64, m: i64, d: i64) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(y.try_into().ok()?, m.try_into().ok()?, d.try_into().ok()?)
}

/// Microseconds of the wall clock.
fn local_time(n: &[i64], seconds: f64) -> Option<i64> {
    let day = civil(n[0], n[1], n[2])?;
    let at = day.and_hms_opt(n[3].try_into().ok()?, n[4].try_into().ok()?, 0)?;
    at.and_utc().timestamp_micros().checked_add((seconds * 1e6).round() as i64)
}

/// One value of each text and its format.
fn each<T>(args: &[ArrayRef], f: impl Fn(&str, Option<&str>) -> Option<T>) -> Result<Vec<Option<T>>> {
    let texts = text(args, 0)?;
    let formats = if args.len() > 1 { Some(text(args, 1)?) } else { None };
    let one = |i: usize| {
        let format = match formats {
            Some(f) if f.is_null(i) => return None,
            Some(f) => Some(f.value(i)),
            None => None,
        };
        texts.is_valid(i).then(|| texts.value(i)).and_then(|t| f(t.trim(), format))
    };
    Ok((0..texts.len()).map(one).collect())
}

/// The instant a text names: with an offset of its own, or by the clock of the zone.
fn instant_of(t: &str, format: Option<&str>, calendar: Calendar) -> Option<i64> {
    let Some(format) = format else {
        let (at, zoned) = parse_timestamp(t)?;
        return Some(if zoned { at } else { calendar.from_local(at) });
    };
    if let Ok(zoned) = chrono::DateTime::parse_from_str(t, format) {
        return Some(zoned.timestamp_micros());
    }
    let local = NaiveDateTime::parse_from_str(t, format)
        .ok()
        .or_else(|| NaiveDate::parse_from_str(t, format).ok().and_then(|d| d.and_hms_opt(0, 0, 0)))?;
    Some(calendar.from_local(local.and_utc().timestamp_micros()))
}

fn local_day(calendar: Calendar, t: i64) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(chrono::TimeDelta::try_days(i64::from(calendar.local_date(t)))?)
}

fn names(args: &[ArrayRef], calendar: Calendar, name: fn(NaiveDate) -> &'static str) -> Result<ArrayRef> {
    Ok(Arc::new(times(args, 0)?.iter().map(|t| local_day(calendar, t?).map(name)).collect::<StringArray>()))
}

fn last_days(args: &[ArrayRef], calendar: Calendar) -> Result<ArrayRef> {
    let last = |t: i64| {
        let next = calendar.period_index(t, Unit::Month).saturating_add(1);
        calendar.local_date(calendar.period_start(next, Unit::Month)).saturating_sub(1)
    };
    Ok(Arc::new(times(args, 0)?.iter().map(|t| t.map(last)).collect::<Date32Array>()))
}

fn scaled(args: &[ArrayRef], by: i64) -> Result<ArrayRef> {
    Ok(Arc::new(times(args, 0)?.unary::<_, arrow::datatypes::Int64Type>(|t| t.div_euclid(by))))
}

/// Seconds with a fraction; what no time can be is NULL.
fn from_epoch(args: &[ArrayRef]) -> Result<ArrayRef> {
    let seconds = args[0].as_primitive::<Float64Type>();
    let one = |s: f64| (s.abs() < 8e12).then(|| (s * 1e6).round() as i64);
    Ok(Arc::new(seconds.iter().map(|s| s.and_then(one)).collect::<TimestampMicrosecondArray>().with_timezone("UTC")))
}

fn format_times(args: &[ArrayRef], calendar: Calendar) -> Result<ArrayRef> {
    let (times, formats) = (times(args, 0)?, text(args, 1)?);
    let mut out = StringBuilder::new();
    let mut written = String::new();
    for (t, f) in times.iter().zip(formats) {
        let (Some(t), Some(f)) = (t, f) else {
            out.append_null();
            continue;
        };
        written.clear();
        let at = chrono::DateTime::from_timestamp_micros(t).map(|u| calendar.zone.from_utc_datetime(&u.naive_utc()));
        let fine = at.is_some_and(|at| f.len() <= FORMATTED_BYTES_MAX / 8 && write!(written, "{}", at.format(f)).is_ok());
        if !fine || written.len() > FORMATTED_BYTES_MAX {
            return Err(DataFusionError::Execution(format!("'{f}' is no format of time")));
        }
        out.append_value(&written);
    }
    Ok(Arc::new(out.finish()))
}
