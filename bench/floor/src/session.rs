//! Sessions end with half an hour without events; how many began on each platform, and how long they are together.

use crate::bits::Bits;
use crate::columns::Columns;
use crate::pass::{pass, rows_of, sum};
use crate::path::GAP;
use crate::row::{Row, row};

/// Platform, sessions, milliseconds.
pub(crate) fn by_platform(c: &Columns, threads: usize) -> Vec<Row> {
    let found = pass(
        c,
        threads,
        || (vec![0i64; 512], Vec::new(), Bits::default()),
        |(counts, gaps, long), users| {
            let rows = rows_of(c, &users);
            gaps.clear();
            gaps.extend(c.time[rows.clone()].windows(2).map(|t| t[1] - t[0]));
            long.mark(gaps, 0..gaps.len(), |gap| gap > GAP);
            for user in users {
                let own = c.rows(user);
                let (Some(last), mut begin) = (own.clone().last(), own.start) else { continue };
                let mut count = |begin: usize, end: usize| {
                    let platform = usize::from(c.platform[begin]);
                    counts[platform * 2] += 1;
                    counts[platform * 2 + 1] += c.time[end] - c.time[begin];
                };
                long.each(begin - rows.start..last - rows.start, |gap| {
                    let end = rows.start + gap;
                    count(begin, end);
                    begin = end + 1;
                    true
                });
                count(begin, last);
            }
        },
    );
    let counts = sum(found.into_iter().map(|f| f.0).collect());
    let (cells, _) = counts.as_chunks::<2>();
    cells.iter().enumerate().filter(|(_, [n, _])| *n > 0).map(|(i, [n, length])| row![&c.platforms[i], *n, *length]).collect()
}
