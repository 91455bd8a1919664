//! Users by the day of their first view, and how many of them purchase on each of the fourteen days after it.

use crate::DAY;
use crate::bits::Bits;
use crate::columns::Columns;
use crate::pass::{pass, rows_of, sum};
use crate::row::{Row, row};

const DAYS: usize = 14;
/// Days of first views that are fourteen days before the end.
const COHORTS: usize = 76;

/// Cohort, days since, users; 0 days since has the size of the cohort.
pub(crate) fn by_first_day(c: &Columns, threads: usize) -> Vec<Row> {
    let (view, purchase) = (c.code("view_item"), c.code("purchase"));
    let found = pass(
        c,
        threads,
        || (vec![0u64; COHORTS * (DAYS + 1)], Bits::default(), Bits::default()),
        |(counts, views, purchases), users| {
            let rows = rows_of(c, &users);
            views.mark(&c.event, rows.clone(), |e| e == view);
            purchases.mark(&c.event, rows, |e| e == purchase);
            for user in users {
                let rows = c.rows(user);
                let Some(first) = views.first(rows.clone()).map(|row| c.time[row] / DAY) else { continue };
                if first >= COHORTS as i64 {
                    continue;
                }
                let mut seen = 1u64;
                purchases.each(rows, |row| {
                    let since = c.time[row] / DAY - first;
                    if (1..=DAYS as i64).contains(&since) {
                        seen |= 1 << since;
                    }
                    since < DAYS as i64
                });
                let cohort = first as usize * (DAYS + 1);
                while seen != 0 {
                    counts[cohort + seen.trailing_zeros() as usize] += 1;
                    seen &= seen - 1;
                }
            }
        },
    );
    let counts = sum(found.into_iter().map(|f| f.0).collect());
    let cells = counts.iter().enumerate().filter(|(_, n)| **n > 0);
    cells.map(|(i, n)| row![i / (DAYS + 1), i % (DAYS + 1), *n]).collect()
}
