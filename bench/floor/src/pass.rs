//! One pass over all users on some threads: ranges of users of about equally many rows, the next one for whoever is free.

use crate::columns::Columns;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rows of a range: its bits and its times together stay in the second cache.
const ROWS: usize = 32_768;

/// Runs `walk` on each range with what the thread has found so far, and gives what each thread has found.
pub(crate) fn pass<T: Send>(
    columns: &Columns,
    threads: usize,
    new: impl Fn() -> T + Sync,
    walk: impl Fn(&mut T, Range<usize>) + Sync,
) -> Vec<T> {
    let ranges = ranges(columns);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = new();
        while let Some(range) = ranges.get(next.fetch_add(1, Ordering::Relaxed)) {
            walk(&mut found, range.clone());
        }
        found
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        let others = others.into_iter().map(|o| o.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        std::iter::once(own).chain(others).collect()
    })
}

/// Cuts between users, never through one.
fn ranges(columns: &Columns) -> Vec<Range<usize>> {
    let (mut found, mut start) = (Vec::new(), 0);
    while start < columns.users() {
        let full = columns.first_row[start] as usize + ROWS;
        let end = columns.first_row.partition_point(|row| (*row as usize) < full).clamp(start + 1, columns.users());
        found.push(start..end);
        start = end;
    }
    found
}

/// All rows of a range of users.
pub(crate) fn rows_of(columns: &Columns, users: &Range<usize>) -> Range<usize> {
    columns.first_row[users.start] as usize..columns.first_row[users.end] as usize
}

/// Adds tables of counts cell by cell.
pub(crate) fn sum<T: Copy + std::ops::AddAssign>(tables: Vec<Vec<T>>) -> Vec<T> {
    let mut tables = tables.into_iter();
    let mut total = tables.next().unwrap_or_default();
    for table in tables {
        for (t, n) in total.iter_mut().zip(table) {
            *t += n;
        }
    }
    total
}
