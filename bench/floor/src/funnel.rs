//! Ordered steps within seven days: for each step the latest start from which it was reached in time. Rows of the first step are most of the rows
//! that matter, and none of them is visited: the second step looks up the last one before it.

use crate::bits::Bits;
use crate::columns::Columns;
use crate::pass::{pass, rows_of, sum};
use crate::row::{Row, row};
use crate::{DAY, columns};

pub(crate) const THREE: [&str; 3] = ["view_item", "add_to_cart", "purchase"];
pub(crate) const FIVE: [&str; 5] = ["app_open", "search", "view_item", "add_to_cart", "purchase"];
const WINDOW: i64 = 7 * DAY;
/// So long ago that no window reaches it.
const NEVER: i64 = i64::MIN / 2;

/// Entities by the highest step that they reached, and by city where asked.
pub(crate) fn levels<const K: usize>(c: &Columns, threads: usize, steps: &[&str; K], by_city: bool) -> Vec<Row> {
    let codes = steps.map(|s| c.code(s));
    let mut step_of = [0u8; 256];
    for (step, code) in codes.iter().enumerate() {
        step_of[usize::from(*code)] = step as u8;
    }
    let empty = || (vec![0u64; 256 * (K + 1)], Bits::default(), Bits::default());
    let found = pass(c, threads, empty, |(counts, firsts, laters), users| {
        let rows = rows_of(c, &users);
        firsts.mark(&c.event, rows.clone(), |e| e == codes[0]);
        laters.mark(&c.event, rows, |e| codes[1..].iter().fold(false, |any, code| any | (e == *code)));
        for user in users {
            let city = if by_city { usize::from(c.city_of_user[user]) } else { 0 };
            counts[city * (K + 1) + reached::<K>(c, user, &step_of, firsts, laters)] += 1;
        }
    });
    let counts = sum(found.into_iter().map(|f| f.0).collect());
    let cells = counts.iter().enumerate().filter(|(i, n)| i % (K + 1) > 0 && **n > 0);
    cells.map(|(i, n)| if by_city { row![&c.cities[i / (K + 1)], i % (K + 1), *n] } else { row![i % (K + 1), *n] }).collect()
}

#[inline(always)]
fn reached<const K: usize>(c: &columns::Columns, user: usize, step_of: &[u8; 256], firsts: &Bits, laters: &Bits) -> usize {
    let rows = c.rows(user);
    let Some(first) = firsts.first(rows.clone()) else { return 0 };
    let (mut start, mut level) = ([NEVER; K], 1);
    laters.each(first..rows.end, |row| {
        let step = usize::from(step_of[usize::from(c.event[row])]);
        if step == 1 {
            start[0] = firsts.last(first..row).map_or(NEVER, |r| c.time[r]);
        }
        let begun = start[step - 1];
        if c.time[row] - begun <= WINDOW {
            start[step] = begun;
            level = level.max(step + 1);
        }
        level < K
    });
    level
}
