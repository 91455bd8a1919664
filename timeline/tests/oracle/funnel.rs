//! Funnels by enumeration: every way to give rows to steps is written down and checked against the rules.

use eql_timeline::{Attempt, Counting, FunnelSpec, Mode, NULL, Pairs, Reentry, Run, UNMATCHED};

pub type Key = (std::cmp::Reverse<usize>, i64, i64, Vec<i64>, Vec<u32>, Vec<i64>, Vec<u32>);

pub struct World<'a> {
    pub spec: &'a FunnelSpec,
    pub run: Run<'a>,
    pub holding: Option<&'a [u32]>,
    pub pairs: Option<&'a dyn Pairs>,
}

impl World<'_> {
    fn has(&self, row: usize, bit: u8) -> bool {
        self.run.mask[row] & (1 << bit) != 0
    }

    fn optional(&self, step: usize) -> bool {
        step != 0 && self.spec.steps[step].optional
    }

    fn same_part(&self, a: usize, b: usize) -> bool {
        self.holding.is_none_or(|codes| codes[a] != NULL && codes[a] == codes[b])
    }

    fn window_end(&self, start: usize) -> i64 {
        self.spec.window.map_or(i64::MAX, |window| window.end(self.run.time[start]))
    }

    /// Rows that start an attempt, in range.
    pub fn starts(&self) -> Vec<usize> {
        let starts = |row: &usize| match self.spec.mode {
            Mode::AnyOrder => (0..self.spec.steps.len()).any(|k| !self.optional(k) && self.has(*row, self.spec.steps[k].bit)),
            _ => self.has(*row, self.spec.steps[0].bit),
        };
        (0..self.run.time.len())
            .filter(starts)
            .filter(|&row| self.same_part(row, row) && self.spec.start.contains(&self.run.time[row]))
            .collect()
    }

    fn valid(&self, start: usize, rows: &[Option<usize>]) -> bool {
        let time = |row: usize| self.run.time[row];
        let spec = self.spec;
        let t0 = time(start);
        let matched: Vec<usize> = rows.iter().flatten().copied().collect();
        let required: Vec<usize> = (0..rows.len()).filter(|&k| !self.optional(k)).collect();
        let last = matched.iter().map(|&row| time(row)).max().unwrap_or(t0);
        if last > self.window_end(start) || matched.iter().any(|&row| time(row) < t0) {
            return false;
        }
        let in_order = spec.mode != Mode::AnyOrder;
        if in_order {
            // A step is reached only when every required step before it is.
            if rows[0] != Some(start) || (0..rows.len()).any(|k| rows[k].is_some() && required.iter().any(|&r| r < k && rows[r].is_none()))
            {
                return false;
            }
            if matched.windows(2).any(|w| time(w[0]) > time(w[1]) || (spec.ties_forbidden && time(w[0]) == time(w[1]))) {
                return false;
            }
        } else {
            if !required.iter().any(|&r| rows[r] == Some(start)) {
                return false;
            }
            let mut times: Vec<i64> = matched.iter().map(|&row| time(row)).collect();
            times.sort_unstable();
            if spec.ties_forbidden && times.windows(2).any(|w| w[0] == w[1]) {
                return false;
            }
        }
        for k in 1 - usize::from(!in_order)..rows.len() {
            let (Some(row), Some(within)) = (rows[k], spec.steps[k].within) else { continue };
            let base = if in_order { required.iter().rev().find(|&&r| r < k).and_then(|&r| rows[r]) } else { Some(start) };
            if base.is_some_and(|base| row != base && time(row) > within.end(time(base))) {
                return false;
            }
        }
        let excluded = |bit: u8, low: i64, high: i64| {
            (0..self.run.time.len()).any(|x| self.has(x, bit) && self.same_part(start, x) && low < time(x) && time(x) < high)
        };
        if spec.until.is_some_and(|bit| excluded(bit, t0, last)) {
            return false;
        }
        for exclusion in &spec.exclusions {
            let void = match exclusion.between.filter(|_| in_order) {
                None => excluded(exclusion.bit, t0, last),
                Some((a, b)) => match (rows[a.min(b)], rows[a.max(b)]) {
                    (Some(low), Some(high)) => excluded(exclusion.bit, time(low), time(high)),
                    _ => false,
                },
            };
            if void {
                return false;
            }
        }
        let broken = |x: usize| t0 < time(x) && time(x) < last && self.run.mask[x] & spec.ignoring == 0 && !matched.contains(&x);
        if spec.mode == Mode::Strict && (0..self.run.time.len()).any(broken) {
            return false;
        }
        self.pairs.is_none_or(|pairs| {
            (0..rows.len()).all(|b| {
                (0..b).all(|a| match (rows[a], rows[b]) {
                    (Some(x), Some(y)) => !pairs.relates(a, b) || pairs.allowed(a, x as u32, b, y as u32),
                    _ => true,
                })
            })
        })
    }

    fn key(&self, start: usize, rows: &[Option<usize>]) -> Key {
        let pick = |optional: bool| (0..rows.len()).filter(move |&k| self.optional(k) == optional).map(|k| rows[k]);
        let level = pick(false).flatten().count();
        let completion = pick(false).flatten().map(|row| self.run.time[row]).max().unwrap_or(0);
        let times = |optional| pick(optional).map(|row| row.map_or(i64::MAX, |row| self.run.time[row])).collect();
        let numbers = |optional| pick(optional).map(|row| row.map_or(UNMATCHED, |row| row as u32)).collect();
        (std::cmp::Reverse(level), self.run.time[start], completion, times(false), numbers(false), times(true), numbers(true))
    }

    fn enumerate(&self, start: usize, rows: &mut Vec<Option<usize>>, best: &mut Option<(Key, Vec<Option<usize>>)>) {
        let step = rows.len();
        if step == self.spec.steps.len() {
            if self.valid(start, rows) {
                let key = self.key(start, rows);
                if best.as_ref().is_none_or(|(old, _)| key < *old) {
                    *best = Some((key, rows.clone()));
                }
            }
            return;
        }
        for row in (0..self.run.time.len()).filter(|&row| self.has(row, self.spec.steps[step].bit) && self.same_part(start, row)) {
            if !rows.contains(&Some(row)) {
                rows.push(Some(row));
                self.enumerate(start, rows, best);
                rows.pop();
            }
        }
        rows.push(None);
        self.enumerate(start, rows, best);
        rows.pop();
    }

    pub fn best(&self, start: usize) -> Option<(Key, Vec<Option<usize>>)> {
        let mut best = None;
        self.enumerate(start, &mut Vec::new(), &mut best);
        best
    }

    /// Rule 5 among the starts of an entity: then the one with more optional rows, then the one that comes first.
    fn among_starts(
        &self,
        key: &Key,
        rows: &[Option<usize>],
        start: usize,
    ) -> (std::cmp::Reverse<usize>, i64, i64, std::cmp::Reverse<usize>, usize) {
        let optional = (0..rows.len()).filter(|&step| self.optional(step) && rows[step].is_some()).count();
        (key.0, key.1, key.2, std::cmp::Reverse(optional), start)
    }

    fn attempt(&self, group: u32, start: usize) -> Option<Attempt> {
        let (key, rows) = self.best(start)?;
        let level = key.0.0;
        let total = (0..rows.len()).filter(|&k| !self.optional(k)).count();
        let rows = rows.iter().map(|row| row.map_or(UNMATCHED, |row| row as u32)).collect();
        let open = level < total && self.window_end(start) >= self.spec.now;
        Some(Attempt { group, level: level as u32, start: start as u32, rows, open })
    }

    /// The first instant at which the next attempt may begin (rule 39).
    fn over(&self, start: usize, attempt: &Attempt) -> i64 {
        let spec = self.spec;
        let time = |row: usize| self.run.time[row];
        let total = (0..spec.steps.len()).filter(|&k| !self.optional(k)).count();
        let later = |t: i64| if spec.ties_forbidden { t + 1 } else { t };
        if attempt.level as usize == total {
            let done = (0..spec.steps.len()).filter(|&k| !self.optional(k)).map(|k| time(attempt.rows[k] as usize)).max();
            return done.map_or(i64::MAX, later);
        }
        let mut ends = vec![self.window_end(start).saturating_add(1)];
        for x in (0..self.run.time.len()).filter(|&x| time(x) > time(start)) {
            let any_order = spec.mode == Mode::AnyOrder;
            let mut voids = spec.until.is_some_and(|bit| self.has(x, bit));
            for exclusion in &spec.exclusions {
                voids |= self.has(x, exclusion.bit)
                    && match exclusion.between.filter(|_| !any_order) {
                        None => true,
                        Some((a, b)) => {
                            let high = a.max(b);
                            a.min(b) == 0 && !self.optional(high) && attempt.rows[high] == UNMATCHED
                        }
                    };
            }
            let breaks = spec.mode == Mode::Strict && self.run.mask[x] & spec.ignoring == 0 && !attempt.rows.contains(&(x as u32));
            if (voids && self.same_part(start, x)) || breaks {
                ends.push(later(time(x)));
            }
        }
        ends.into_iter().min().unwrap_or(i64::MAX)
    }

    pub fn funnel(&self, group: Option<&[u32]>) -> Vec<Attempt> {
        let code = |row: usize| group.map_or(0, |codes| codes[row]);
        let starts = self.starts();
        let mut out: Vec<Attempt> = Vec::new();
        let mut groups: Vec<u32> = starts.iter().map(|&row| code(row)).collect();
        groups.sort_unstable();
        groups.dedup();
        match (self.spec.counting, self.spec.reentry) {
            (Counting::Attempts, Reentry::First) => {
                let parts: std::collections::BTreeSet<u32> = starts.iter().map(|&row| self.holding.map_or(0, |codes| codes[row])).collect();
                for part in parts {
                    let (mut free, mut used) = (i64::MIN, Vec::new());
                    for &row in starts.iter().filter(|&&row| self.holding.map_or(0, |codes| codes[row]) == part) {
                        if self.run.time[row] >= free && !used.contains(&(row as u32)) {
                            let attempt = self.attempt(code(row), row).expect("a start row is an attempt");
                            free = self.over(row, &attempt);
                            used.clone_from(&attempt.rows);
                            out.push(attempt);
                        }
                    }
                }
            }
            (Counting::Attempts, _) => out.extend(starts.iter().filter_map(|&row| self.attempt(code(row), row))),
            (Counting::Entities, reentry) => {
                for group in groups {
                    let mut rows = starts.iter().copied().filter(|&row| code(row) == group);
                    let row = match reentry {
                        Reentry::First => rows.next(),
                        Reentry::Latest => rows.next_back(),
                        Reentry::Best => rows.min_by_key(|&row| self.best(row).map(|(key, found)| self.among_starts(&key, &found, row))),
                    };
                    out.extend(row.and_then(|row| self.attempt(group, row)));
                }
            }
        }
        out.sort_by_key(|attempt| attempt.start);
        out
    }
}
