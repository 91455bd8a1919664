//! The hundred users who spent most, with the latest purchase and how many there were.

use crate::bits::Bits;
use crate::columns::Columns;
use crate::pass::{pass, rows_of};
use crate::row::{Row, row};
use std::cmp::Ordering;

const BEST: usize = 100;

struct Buyer {
    user: usize,
    latest: i64,
    times: u64,
    amount: f64,
}

impl Buyer {
    /// The better one first.
    fn order(&self, other: &Self) -> Ordering {
        other.amount.total_cmp(&self.amount).then(other.times.cmp(&self.times)).then(self.user.cmp(&other.user))
    }
}

/// User, latest purchase, purchases, amount.
pub(crate) fn best(c: &Columns, threads: usize) -> Vec<Row> {
    let purchase = c.code("purchase");
    let found = pass(
        c,
        threads,
        || (Vec::new(), Bits::default()),
        |(buyers, purchases), users| {
            purchases.mark(&c.event, rows_of(c, &users), |e| e == purchase);
            for user in users {
                let mut buyer = Buyer { user: user + 1, latest: 0, times: 0, amount: 0.0 };
                purchases.each(c.rows(user), |row| {
                    buyer.latest = c.time[row];
                    buyer.times += 1;
                    buyer.amount += c.amount[row];
                    true
                });
                if buyer.times > 0 {
                    buyers.push(buyer);
                }
            }
            keep(buyers);
        },
    );
    let mut best: Vec<Buyer> = found.into_iter().flat_map(|f| f.0).collect();
    keep(&mut best);
    best.sort_by(Buyer::order);
    best.iter().map(|b| row![b.user, c.begin + b.latest, b.times, b.amount]).collect()
}

fn keep(buyers: &mut Vec<Buyer>) {
    if buyers.len() > BEST {
        buyers.select_nth_unstable_by(BEST, Buyer::order);
        buyers.truncate(BEST);
    }
}
