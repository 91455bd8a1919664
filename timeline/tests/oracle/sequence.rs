//! Sequences by enumeration of every complete assignment of rows to positive steps.

use eql_timeline::{Match, Mode, NULL, Pairs, Run, SequenceSpec, Truth, UNMATCHED};

pub struct World<'a> {
    pub spec: &'a SequenceSpec,
    pub run: Run<'a>,
    pub holding: Option<&'a [u32]>,
    pub pairs: Option<&'a dyn Pairs>,
}

type Key = (i64, Vec<i64>, Vec<u32>);

impl World<'_> {
    fn has(&self, row: usize, bit: u8) -> bool {
        self.run.mask[row] & (1 << bit) != 0
    }

    fn held(&self, a: usize, b: usize) -> bool {
        self.holding.is_none_or(|codes| codes[a] != NULL && codes[a] == codes[b])
    }

    fn time(&self, row: usize) -> i64 {
        self.run.time[row]
    }

    fn window_end(&self, start: usize) -> i64 {
        self.spec.window.map_or(i64::MAX, |window| window.end(self.time(start)))
    }

    /// Whether nothing with `bit` comes from `t` to `end`, matched rows aside.
    fn stays_away(&self, bit: u8, matched: &[usize], t: i64, end: i64) -> bool {
        !(0..self.run.time.len()).any(|x| {
            let x_time = self.time(x);
            let after = x_time > t || (x_time == t && !self.spec.ties_forbidden);
            self.has(x, bit) && self.held(matched[0], x) && after && x_time <= end && !matched.contains(&x)
        })
    }

    /// The instant at which the assignment becomes true, if it is one; `hopeful` takes open absences to hold.
    fn judge(&self, start: usize, matched: &[usize], hopeful: bool) -> Option<i64> {
        let spec = self.spec;
        let positive: Vec<usize> = (0..spec.steps.len()).filter(|&k| !spec.steps[k].negated).collect();
        let in_order = spec.mode != Mode::AnyOrder;
        let times: Vec<i64> = matched.iter().map(|&row| self.time(row)).collect();
        let (t0, last) = (self.time(start), *times.iter().max()?);
        if last > self.window_end(start) || times.iter().any(|&t| t < t0) || !matched.contains(&start) {
            return None;
        }
        let mut sorted = times.clone();
        sorted.sort_unstable();
        if (in_order && (matched[0] != start || sorted != times)) || (spec.ties_forbidden && sorted.windows(2).any(|w| w[0] == w[1])) {
            return None;
        }
        for (place, &step) in positive.iter().enumerate() {
            let base =
                if in_order { place.checked_sub(1).map(|before| times[before]) } else { Some(t0).filter(|_| matched[place] != start) };
            if let (Some(base), Some(within)) = (base, spec.steps[step].within)
                && times[place] > within.end(base)
            {
                return None;
            }
        }
        let between = |bit: u8, low: i64, high: i64| {
            (0..self.run.time.len()).any(|x| self.has(x, bit) && self.held(start, x) && low < self.time(x) && self.time(x) < high)
        };
        if spec.until.is_some_and(|bit| between(bit, t0, last)) {
            return None;
        }
        for exclusion in &spec.exclusions {
            let place = |step: usize| positive.iter().rposition(|&p| p <= step).unwrap_or(0);
            let (low, high) = match exclusion.between.filter(|_| in_order) {
                None => (t0, last),
                Some((a, b)) => (times[place(a.min(b))], times[place(a.max(b))]),
            };
            if between(exclusion.bit, low, high) {
                return None;
            }
        }
        let mut at = last;
        for (k, step) in spec.steps.iter().enumerate().filter(|(_, step)| step.negated) {
            let before = positive.iter().rposition(|&p| p < k)?;
            let trailing = positive.iter().all(|&p| p < k);
            let base = if in_order { times[before] } else { last };
            let end = match (step.within, trailing) {
                (None, false) => {
                    let (low, high) = if in_order { (times[before], times[before + 1]) } else { (t0, last) };
                    if between(step.bit, low, high) {
                        return None;
                    }
                    continue;
                }
                (Some(within), _) => within.end(base),
                (None, true) => self.window_end(start),
            };
            let over = hopeful || end < spec.now - spec.grace;
            let next_waits = trailing || !in_order || times[before + 1] > end;
            if !over || !next_waits || !self.stays_away(step.bit, matched, base, end) {
                return None;
            }
            at = at.max(end.saturating_add(spec.grace));
        }
        let broken = |x: usize| t0 < self.time(x) && self.time(x) < last && self.run.mask[x] & spec.ignoring == 0 && !matched.contains(&x);
        if spec.mode == Mode::Strict && (0..self.run.time.len()).any(broken) {
            return None;
        }
        let related = |a: usize, b: usize| {
            self.pairs.is_none_or(|pairs| {
                !pairs.relates(positive[a], positive[b]) || pairs.allowed(positive[a], matched[a] as u32, positive[b], matched[b] as u32)
            })
        };
        (0..matched.len()).all(|b| (0..b).all(|a| related(a, b))).then_some(at)
    }

    fn enumerate(&self, start: usize, hopeful: bool, rows: &mut Vec<usize>, best: &mut Option<(Key, i64, Vec<usize>)>) {
        let positive: Vec<usize> = (0..self.spec.steps.len()).filter(|&k| !self.spec.steps[k].negated).collect();
        let Some(&step) = positive.get(rows.len()) else {
            if let Some(at) = self.judge(start, rows, hopeful) {
                let times: Vec<i64> = rows.iter().map(|&row| self.time(row)).collect();
                let key = (times.iter().copied().max().unwrap_or(0), times, rows.iter().map(|&row| row as u32).collect());
                if best.as_ref().is_none_or(|(old, ..)| key < *old) {
                    *best = Some((key, at, rows.clone()));
                }
            }
            return;
        };
        for row in (0..self.run.time.len()).filter(|&row| self.has(row, self.spec.steps[step].bit) && self.held(start, row)) {
            if !rows.contains(&row) {
                rows.push(row);
                self.enumerate(start, hopeful, rows, best);
                rows.pop();
            }
        }
    }

    pub fn matches(&self, hopeful: bool) -> Vec<Match> {
        let mut out = Vec::new();
        if self.spec.steps[0].negated {
            return Vec::new();
        }
        for start in (0..self.run.time.len()).filter(|&row| self.spec.start.contains(&self.time(row))) {
            let mut best = None;
            self.enumerate(start, hopeful, &mut Vec::new(), &mut best);
            if let Some((_, at, found)) = best {
                let mut found = found.into_iter();
                let next = |step: &eql_timeline::SequenceStep| {
                    if step.negated { UNMATCHED } else { found.next().map_or(UNMATCHED, |row| row as u32) }
                };
                out.push((start, Match { rows: self.spec.steps.iter().map(next).collect(), at }));
            }
        }
        out.into_iter().map(|(_, found)| found).collect()
    }

    pub fn did(&self) -> Truth {
        match (self.matches(false).is_empty(), self.matches(true).is_empty()) {
            (false, _) => Truth::Yes,
            (true, false) => Truth::Unknown,
            (true, true) => Truth::No,
        }
    }
}
