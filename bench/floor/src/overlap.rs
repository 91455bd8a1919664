//! Buyers of a category in thirty days, important users who claimed a coupon in them, and who is both.

use crate::bits::Bits;
use crate::columns::{Columns, place};
use crate::pass::{pass, rows_of, sum};
use crate::row::{Row, row};
use crate::segment::SINCE;

const IMPORTANT: u8 = 2;

/// One row: the first, the second, both.
pub(crate) fn two_segments(c: &Columns, threads: usize) -> Vec<Row> {
    let (purchase, claim, category) = (c.code("purchase"), c.code("coupon_claim"), place(&c.categories, "cat_03"));
    let found = pass(
        c,
        threads,
        || (vec![0u64; 3], Bits::default()),
        |(counts, rows), users| {
            rows.mark(&c.event, rows_of(c, &users), |e| (e == purchase) | (e == claim));
            for user in users {
                let important = c.vip_of_user[user] >= IMPORTANT;
                let (mut bought, mut claimed) = (false, false);
                rows.each(c.rows(user), |row| {
                    if c.time[row] >= SINCE {
                        claimed |= important && c.event[row] == claim;
                        bought |= c.event[row] == purchase && c.category_of_product[c.product[row] as usize] == category;
                    }
                    !bought || (important && !claimed)
                });
                counts[0] += u64::from(bought);
                counts[1] += u64::from(claimed);
                counts[2] += u64::from(bought && claimed);
            }
        },
    );
    let counts = sum(found.into_iter().map(|f| f.0).collect());
    vec![row![counts[0], counts[1], counts[2]]]
}
