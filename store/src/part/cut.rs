//! Which hot rows go to which part.

use crate::hot::HotChunk;
use crate::limit::{NO_SUBJECT, PART_BYTES_MAX, PART_ROWS_MAX};
use arrow::array::Array;
use eql_catalog::{EntityTypeId, EventTypeId};
use std::collections::BTreeMap;
use std::sync::Arc;

const DAY_US: i64 = 86_400_000_000;

/// The hot rows of one event type.
pub(crate) struct HotEvent {
    pub(crate) event: EventTypeId,
    pub(crate) subject: EntityTypeId,
    pub(crate) chunks: Vec<Arc<HotChunk>>,
}

/// A part to be written.
pub(crate) struct Plan {
    pub(crate) subject: EntityTypeId,
    pub(crate) month: i64,
    /// Sorted by (ordinal, time, sequence).
    pub(crate) rows: Vec<PlannedRow>,
}

/// Where a row comes from and where it sorts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PlannedRow {
    pub(crate) ordinal: u32,
    pub(crate) time: i64,
    pub(crate) sequence: u64,
    /// Place in the list of hot events.
    pub(crate) event: u16,
    pub(crate) chunk: u32,
    pub(crate) row: u32,
}

/// All rows by subject and month, in the order of both. Rows of a plan are not sorted yet.
pub(crate) fn cut(events: &[HotEvent]) -> Vec<Plan> {
    let mut plans: BTreeMap<(EntityTypeId, i64), Vec<PlannedRow>> = BTreeMap::new();
    for (i, event) in events.iter().enumerate() {
        for (c, chunk) in event.chunks.iter().enumerate() {
            cut_chunk(&mut plans, event.subject, i as u16, c as u32, chunk);
        }
    }
    let rows_max = rows_max(events);
    plans.into_iter().flat_map(|((subject, month), rows)| split(subject, month, rows, rows_max)).collect()
}

fn cut_chunk(plans: &mut BTreeMap<(EntityTypeId, i64), Vec<PlannedRow>>, subject: EntityTypeId, event: u16, number: u32, chunk: &HotChunk) {
    let times = chunk.time.values();
    let mut start = 0;
    while start < times.len() {
        // Rows mostly arrive in the order of time: one look at the map for a run of one month.
        let month = Month::of(times[start]);
        let end = times[start..].iter().position(|t| !month.contains(*t)).map_or(times.len(), |n| start + n);
        plans.entry((subject, month.number)).or_default().extend((start..end).map(|row| planned(chunk, event, number, row)));
        start = end;
    }
}

/// Where a row comes from and where it sorts.
pub(crate) fn planned(chunk: &HotChunk, event: u16, number: u32, row: usize) -> PlannedRow {
    let first = &chunk.participants[0];
    PlannedRow {
        ordinal: if first.is_valid(row) { first.value(row) } else { NO_SUBJECT },
        time: chunk.time.value(row),
        sequence: chunk.sequence.value(row),
        event,
        chunk: number,
        row: row as u32,
    }
}

/// Rows of one part, so that no column of it outgrows what one array can address.
pub(crate) fn rows_max(events: &[HotEvent]) -> usize {
    let widest = events.iter().flat_map(|e| &e.chunks).map(|c| c.bytes() / c.rows().max(1)).max().unwrap_or(0);
    (PART_BYTES_MAX / widest.max(1)).clamp(1, PART_ROWS_MAX)
}

pub(crate) fn split(subject: EntityTypeId, month: i64, mut rows: Vec<PlannedRow>, rows_max: usize) -> Vec<Plan> {
    if rows.len() <= rows_max {
        return vec![Plan { subject, month, rows }];
    }
    rows.sort_unstable();
    rows.chunks(rows_max).map(|rows| Plan { subject, month, rows: rows.to_vec() }).collect()
}

/// A calendar month in UTC.
struct Month {
    /// Counted from January 1970.
    number: i64,
    first_day: i64,
    last_day: i64,
}

impl Month {
    fn of(time: i64) -> Month {
        let (year, month, day) = civil_from_days(time.div_euclid(DAY_US));
        let today = time.div_euclid(DAY_US);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize - 1];
        Month { number: (year - 1970) * 12 + month - 1, first_day: today - day + 1, last_day: today - day + days }
    }

    fn contains(&self, time: i64) -> bool {
        (self.first_day..=self.last_day).contains(&time.div_euclid(DAY_US))
    }
}

/// H. Hinnant, "chrono-Compatible Low-Level Date Algorithms".
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_and_end_where_the_calendar_says() {
        for (text, number) in
            [("1970-01-01", 0), ("1970-01-31", 0), ("1970-02-01", 1), ("1969-12-31", -1), ("2000-02-29", 361), ("2017-12-31", 575)]
        {
            let day = eql_catalog::parse_date(text).unwrap();
            let month = Month::of(i64::from(day) * DAY_US + DAY_US - 1);
            assert_eq!(month.number, number, "{text}");
            assert!(month.contains(i64::from(day) * DAY_US));
        }
        let february = Month::of(i64::from(eql_catalog::parse_date("2016-02-10").unwrap()) * DAY_US);
        assert_eq!(february.last_day, i64::from(eql_catalog::parse_date("2016-02-29").unwrap()));
        assert_eq!(february.first_day, i64::from(eql_catalog::parse_date("2016-02-01").unwrap()));
        for extreme in [i64::MIN, i64::MAX] {
            assert!(Month::of(extreme).contains(extreme));
        }
    }
}
