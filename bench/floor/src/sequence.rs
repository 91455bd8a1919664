//! Users who put something into the cart within a day of a view, and did not purchase within a day after it.

use crate::DAY;
use crate::bits::Bits;
use crate::columns::Columns;
use crate::pass::{pass, rows_of};
use crate::row::{Row, row};

/// One row: how many.
pub(crate) fn without_purchase(c: &Columns, threads: usize) -> Vec<Row> {
    let (view, cart, purchase) = (c.code("view_item"), c.code("add_to_cart"), c.code("purchase"));
    let empty = || (0u64, Bits::default(), Bits::default(), Bits::default());
    let found = pass(c, threads, empty, |(count, views, carts, purchases), users| {
        let rows = rows_of(c, &users);
        views.mark(&c.event, rows.clone(), |e| e == view);
        carts.mark(&c.event, rows.clone(), |e| e == cart);
        purchases.mark(&c.event, rows, |e| e == purchase);
        for user in users {
            let rows = c.rows(user);
            let mut matched = false;
            carts.each(rows.clone(), |row| {
                let seen = views.last(rows.start..row).is_some_and(|v| c.time[row] - c.time[v] <= DAY);
                matched = seen && purchases.first(row..rows.end).is_none_or(|p| c.time[p] - c.time[row] > DAY);
                !matched
            });
            *count += u64::from(matched);
        }
    });
    vec![row![found.iter().map(|f| f.0).sum::<u64>()]]
}
