//! The lines of a funnel's result, one a step: which of them an attempt is counted in.

/// What an attempt did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Required steps done.
    pub level: u32,
    /// A bit for each step that has a row.
    pub matched: u64,
    /// Not complete, and its window is not over (rule 50).
    pub open: bool,
}

/// The counts of one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineCount {
    /// Attempts that did the step.
    pub done: i64,
    /// Open ones that did the step and nothing after it; none for the last step.
    pub open: i64,
    /// Open ones that may still do the step.
    pub awaited: i64,
}

/// How attempts are counted in lines.
#[derive(Clone, Debug)]
pub struct Lines {
    /// By step: whether the attempt is complete without it.
    optional: Vec<bool>,
    /// By step: the level of an attempt that has done it, or the required step before it.
    levels: Vec<u32>,
    any_order: bool,
}

impl Lines {
    /// Of a funnel with these steps, at most 64; the first is always required.
    pub fn new(optional: impl IntoIterator<Item = bool>, any_order: bool) -> Lines {
        let optional: Vec<bool> = optional.into_iter().enumerate().map(|(step, optional)| step > 0 && optional).take(64).collect();
        let mut level = 0;
        let levels = optional.iter().map(|optional| {
            level += u32::from(!optional);
            level
        });
        Lines { levels: levels.collect(), optional, any_order }
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.levels.len()
    }

    /// Whether there are no steps.
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// The level of a complete attempt.
    pub fn required(&self) -> u32 {
        self.levels.last().copied().unwrap_or_default()
    }

    /// The required step before a step.
    pub fn before(&self, step: usize) -> Option<usize> {
        (0..step).rev().find(|earlier| !self.optional[*earlier])
    }

    /// The attempt did this step. In any order the line of a required step stands for so many different ones.
    pub fn did(&self, step: usize, attempt: Done) -> bool {
        if self.any_order && !self.optional[step] { attempt.level >= self.levels[step] } else { attempt.matched >> step & 1 == 1 }
    }

    /// The attempt did a required step after this one.
    fn went_on(&self, step: usize, attempt: Done) -> bool {
        attempt.level > self.levels[step]
    }

    /// The attempt did this step and nothing after it.
    fn stays(&self, step: usize, attempt: Done) -> bool {
        if self.any_order { !self.went_on(step, attempt) } else { attempt.matched >> step == 1 }
    }

    /// Counts an attempt in every line.
    pub fn count(&self, attempt: Done, lines: &mut [LineCount]) {
        let last = self.len().saturating_sub(1);
        for (step, line) in lines.iter_mut().enumerate().take(self.len()) {
            let did = self.did(step, attempt);
            line.done += i64::from(did);
            if attempt.open {
                line.open += i64::from(step < last && did && self.stays(step, attempt));
                line.awaited += i64::from(!did && !self.went_on(step, attempt));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(lines: &Lines, attempts: &[Done]) -> Vec<(i64, i64, i64)> {
        let mut counts = vec![LineCount::default(); lines.len()];
        attempts.iter().for_each(|a| lines.count(*a, &mut counts));
        counts.iter().map(|c| (c.done, c.open, c.awaited)).collect()
    }

    fn done(level: u32, matched: u64, open: bool) -> Done {
        Done { level, matched, open }
    }

    #[test]
    fn an_optional_step_that_was_passed_by_is_not_awaited() {
        let lines = Lines::new([false, true, false], false);
        assert_eq!((lines.required(), lines.before(2), lines.before(1)), (2, Some(0), Some(0)));
        let attempts = [done(2, 0b101, false), done(2, 0b111, false), done(1, 0b001, true), done(1, 0b011, true), done(1, 0b001, false)];
        assert_eq!(counted(&lines, &attempts), [(5, 1, 0), (2, 1, 1), (2, 0, 2)]);
    }

    #[test]
    fn in_any_order_a_line_stands_for_so_many_steps() {
        let lines = Lines::new([false, false, false], true);
        // Steps 1 and 3 were done: two steps, whichever.
        assert_eq!(counted(&lines, &[done(2, 0b101, true), done(1, 0b100, false)]), [(2, 0, 0), (1, 1, 0), (0, 0, 1)]);
    }
}
