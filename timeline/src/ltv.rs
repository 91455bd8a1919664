//! Lifetime value: the rows whose worth counts for each period since the start (rules 26, 54).
//!
//! Its cells are those of retention, without UNBOUNDED; the worth of day N is the sum over the cells 0 to N.

use crate::retention::{Retention, RetentionSpec, Return};
use crate::run::Run;

/// Appends, for every group in which the entity has a start row, the rows whose worth falls in a cell: bit 0 of the run marks starts,
/// bit 1 rows of worth. With `same_step` the start row counts, in period 0. CUMULATIVE values are the running sums over the cells.
pub fn ltv(spec: &RetentionSpec, run: Run<'_>, group: Option<&[u32]>, holding: Option<&[u32]>, out: &mut Vec<Return>) {
    Retention::new(spec).returns(run, group, holding, out);
}

/// Running sums over the cells: what CUMULATIVE shows. NULL (an immature cell) stays NULL, and so is all after it.
pub fn cumulate(cells: &[Option<i128>]) -> Vec<Option<i128>> {
    let mut total = Some(0i128);
    let mut add = |cell: &Option<i128>| {
        total = total.zip(*cell).and_then(|(total, value)| total.checked_add(value));
        total
    };
    cells.iter().map(&mut add).collect()
}
