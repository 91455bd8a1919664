//! Purchases and buyers, by day and category of the product.

use crate::DAY;
use crate::bits::Bits;
use crate::columns::Columns;
use crate::pass::{pass, rows_of, sum};
use crate::row::{Row, row};
use crate::segment::SINCE;

const DAYS: usize = 30;

/// Day, category, purchases, buyers.
pub(crate) fn by_day_and_category(c: &Columns, threads: usize) -> Vec<Row> {
    let (purchase, width) = (c.code("purchase"), c.categories.len());
    let empty = || (vec![0u64; DAYS * width * 2], vec![usize::MAX; DAYS * width], Bits::default());
    let found = pass(c, threads, empty, |(counts, latest, purchases), users| {
        purchases.mark(&c.event, rows_of(c, &users), |e| e == purchase);
        for user in users {
            purchases.each(c.rows(user), |row| {
                let since = c.time[row] - SINCE;
                if since >= 0 {
                    let category = usize::from(c.category_of_product[c.product[row] as usize]);
                    let cell = (since / DAY) as usize * width + category;
                    counts[cell * 2] += 1;
                    // A user's rows stand together: whoever was counted last here is the same one or a new one.
                    counts[cell * 2 + 1] += u64::from(latest[cell] != user);
                    latest[cell] = user;
                }
                true
            });
        }
    });
    let counts = sum(found.into_iter().map(|f| f.0).collect());
    let (cells, _) = counts.as_chunks::<2>();
    let begin = (SINCE / DAY) as usize;
    cells
        .iter()
        .enumerate()
        .filter(|(_, [n, _])| *n > 0)
        .map(|(i, [n, users])| row![begin + i / width, &c.categories[i % width], *n, *users])
        .collect()
}
