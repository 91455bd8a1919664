//! The settings in force for a statement.

use crate::{Limits, Session};
use arrow::array::{ArrayRef, StringArray, TimestampMicrosecondArray};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use eql_catalog::WeekStart;
use std::sync::Arc;

pub(super) fn settings(session: &Session, limits: &Limits, now: i64) -> Vec<ArrayRef> {
    let week = match session.week_start.unwrap_or_default() {
        WeekStart::Monday => "monday",
        WeekStart::Sunday => "sunday",
        WeekStart::Saturday => "saturday",
    };
    let mut rows: Vec<(&str, String)> = vec![
        ("dialect", session.dialect.clone().unwrap_or_else(|| "auto".into())),
        ("memory_limit", session.memory_limit.unwrap_or(limits.memory_bytes).min(limits.memory_bytes).to_string()),
        ("now", instant(now)),
        ("result_cache", if session.result_cache_off { "off" } else { "on" }.into()),
        ("threads", session.threads.unwrap_or(limits.threads).to_string()),
        ("time_zone", session.time_zone.clone().unwrap_or_else(|| "UTC".into())),
        ("timeout", session.timeout_ms.unwrap_or(limits.timeout_ms).min(limits.timeout_ms).to_string()),
        ("version", env!("CARGO_PKG_VERSION").into()),
        ("week_start", week.into()),
    ];
    rows.extend([
        ("limit.cached_result_bytes", limits.cached_result_bytes.to_string()),
        ("limit.memory_bytes", limits.memory_bytes.to_string()),
        ("limit.plan_cache_bytes", limits.plan_cache_bytes.to_string()),
        ("limit.read_cache_bytes", limits.read_cache_bytes.to_string()),
        ("limit.result_cache_bytes", limits.result_cache_bytes.to_string()),
        ("limit.running", limits.running.to_string()),
        ("limit.threads", limits.threads.to_string()),
        ("limit.timeout_ms", limits.timeout_ms.to_string()),
        ("limit.waiting", limits.waiting.to_string()),
    ]);
    let column = |pick: fn(&(&str, String)) -> String| Arc::new(StringArray::from_iter_values(rows.iter().map(pick))) as ArrayRef;
    vec![column(|r| r.0.to_string()), column(|r| r.1.clone())]
}

/// RFC 3339; microseconds beyond the calendar's years as a number.
fn instant(micros: i64) -> String {
    let array = TimestampMicrosecondArray::from(vec![micros]).with_timezone("UTC");
    let formatter = ArrayFormatter::try_new(&array, &FormatOptions::default());
    formatter.ok().and_then(|f| f.value(0).try_to_string().ok()).unwrap_or_else(|| micros.to_string())
}
