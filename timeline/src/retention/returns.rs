//! The periods in which an entity returns, each once.

use crate::calendar::Bucketer;
use crate::run::Run;

/// Periods with a return row, ascending, each with its last such row.
#[derive(Clone, Debug, Default)]
pub(super) struct Returns {
    periods: Vec<(i64, u32)>,
}

impl Returns {
    /// Takes the return rows of a run.
    pub(super) fn gather(&mut self, run: Run<'_>, bucketer: &mut Bucketer) {
        self.periods.clear();
        for (row, (&t, mask)) in run.time.iter().zip(run.mask).enumerate() {
            if mask & 2 == 0 {
                continue;
            }
            let period = bucketer.index(t);
            match self.periods.last_mut() {
                Some(last) if last.0 == period => last.1 = row as u32,
                _ => self.periods.push((period, row as u32)),
            }
        }
    }

    /// The periods from a given one on.
    pub(super) fn from(&self, period: i64) -> impl Iterator<Item = (i64, usize)> + '_ {
        let first = self.periods.partition_point(|entry| entry.0 < period);
        self.periods[first..].iter().map(|&(period, row)| (period, row as usize))
    }
}
