//! Users of one city with three purchases and more than 500 spent in thirty days, and no refund.

use crate::DAY;
use crate::bits::Bits;
use crate::columns::{Columns, place};
use crate::pass::{pass, rows_of};
use crate::row::{Row, row};

/// The second of March.
pub(crate) const SINCE: i64 = 60 * DAY;

/// Their keys.
pub(crate) fn users(c: &Columns, threads: usize) -> Vec<Row> {
    let (purchase, refund, city) = (c.code("purchase"), c.code("refund"), place(&c.cities, "Shanghai"));
    let found = pass(
        c,
        threads,
        || (Vec::new(), Bits::default()),
        |(members, money), users| {
            money.mark(&c.event, rows_of(c, &users), |e| (e == purchase) | (e == refund));
            for user in users.filter(|u| c.city_of_user[*u] == city) {
                let (mut times, mut spent, mut refunded) = (0, 0.0, false);
                money.each(c.rows(user), |row| {
                    if c.time[row] >= SINCE {
                        refunded |= c.event[row] == refund;
                        times += 1;
                        spent += c.amount[row];
                    }
                    !refunded
                });
                if !refunded && times >= 3 && spent > 500.0 {
                    members.push(user + 1);
                }
            }
        },
    );
    found.into_iter().flat_map(|f| f.0).map(|user| row![user]).collect()
}
