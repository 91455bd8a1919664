//! Purchases and their amounts by the source of the last event before them that has one, at most seven days earlier.

use crate::DAY;
use crate::bits::Bits;
use crate::columns::Columns;
use crate::pass::{pass, rows_of};
use crate::row::{Row, row};

const LOOKBACK: i64 = 7 * DAY;

/// Source, purchases, amount.
pub(crate) fn last_touch(c: &Columns, threads: usize) -> Vec<Row> {
    let purchase = c.code("purchase");
    let found = pass(
        c,
        threads,
        || ([(0u64, 0.0); 256], Bits::default(), Bits::default()),
        |(credit, touches, purchases), users| {
            let rows = rows_of(c, &users);
            touches.mark(&c.source, rows.clone(), |s| s != 0);
            purchases.mark(&c.event, rows, |e| e == purchase);
            for user in users {
                let rows = c.rows(user);
                purchases.each(rows.clone(), |row| {
                    let touch = touches.last(rows.start..row).filter(|touch| c.time[row] - c.time[*touch] <= LOOKBACK);
                    let (times, amount) = &mut credit[touch.map_or(0, |t| usize::from(c.source[t]))];
                    *times += 1;
                    *amount += c.amount[row];
                    true
                });
            }
        },
    );
    let mut total = [(0, 0.0); 256];
    for (credit, ..) in &found {
        for (t, (times, amount)) in total.iter_mut().zip(credit) {
            *t = (t.0 + times, t.1 + amount);
        }
    }
    let credited = total.iter().enumerate().filter(|(_, (times, _))| *times > 0);
    credited.map(|(source, (times, amount))| row![if source == 0 { "(direct)" } else { &c.sources[source] }, *times, *amount]).collect()
}
