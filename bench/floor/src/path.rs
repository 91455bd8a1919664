//! Which event follows which within half an hour. Neighbours are counted over a whole range of users at once, without a branch; then those that
//! belong to two users are taken away.

use crate::MINUTE;
use crate::columns::Columns;
use crate::pass::{pass, rows_of, sum};
use crate::row::{Row, row};

pub(crate) const GAP: i64 = 30 * MINUTE;
const WIDTH: usize = 32;

/// Neighbouring pairs go to different tables: one does not wait for the count that another has just written.
const AT_ONCE: usize = 4;

/// Times by the event before and the event after.
type Table = [i32; WIDTH * WIDTH];

/// The fifty most frequent: before, after, times.
pub(crate) fn transitions(c: &Columns, threads: usize) -> Vec<Row> {
    let found = pass(
        c,
        threads,
        || [[0; WIDTH * WIDTH]; AT_ONCE],
        |tables, users| {
            let rows = rows_of(c, &users);
            let before = rows.start..(rows.end - 1).max(rows.start);
            let after = (rows.start + 1).min(rows.end)..rows.end;
            let (t0, t0_rest) = c.time[before.clone()].as_chunks::<AT_ONCE>();
            let (t1, t1_rest) = c.time[after.clone()].as_chunks::<AT_ONCE>();
            let (e0, e0_rest) = c.event[before].as_chunks::<AT_ONCE>();
            let (e1, e1_rest) = c.event[after].as_chunks::<AT_ONCE>();
            for (((t0, t1), e0), e1) in t0.iter().zip(t1).zip(e0).zip(e1) {
                for (k, table) in tables.iter_mut().enumerate() {
                    table[pair(e0[k], e1[k])] += near(t0[k], t1[k]);
                }
            }
            for (((t0, t1), e0), e1) in t0_rest.iter().zip(t1_rest).zip(e0_rest).zip(e1_rest) {
                tables[0][pair(*e0, *e1)] += near(*t0, *t1);
            }
            take_borders(c, &rows, users, &mut tables[0]);
        },
    );
    let counts = sum(found.into_iter().map(|tables| sum(tables.map(Vec::from).into())).collect());
    most(c, &counts)
}

/// Users without rows have no border of their own.
fn take_borders(c: &Columns, rows: &std::ops::Range<usize>, users: std::ops::Range<usize>, counts: &mut Table) {
    let mut before = rows.start;
    for border in c.first_row[users].iter().map(|b| *b as usize) {
        if border > before && border < rows.end {
            counts[pair(c.event[border - 1], c.event[border])] -= near(c.time[border - 1], c.time[border]);
        }
        before = border;
    }
}

fn most(c: &Columns, counts: &[i32]) -> Vec<Row> {
    let counted = counts.iter().enumerate().filter(|(_, n)| **n > 0);
    let mut found: Vec<_> = counted.map(|(i, n)| (-n, &c.events[i / WIDTH], &c.events[i % WIDTH])).collect();
    found.sort();
    found.into_iter().take(50).map(|(n, before, after)| row![before, after, i64::from(-n)]).collect()
}

#[inline(always)]
fn pair(before: u8, after: u8) -> usize {
    usize::from(before) % WIDTH * WIDTH + usize::from(after) % WIDTH
}

#[inline(always)]
fn near(before: i64, after: i64) -> i32 {
    i32::from(after - before <= GAP)
}
