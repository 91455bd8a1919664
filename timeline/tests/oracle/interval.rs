//! Intervals row by row.

use eql_timeline::{IntervalSpec, NULL, Pair, Pairs, Run};

pub fn intervals(spec: &IntervalSpec, run: Run<'_>, holding: Option<&[u32]>, pairs: Option<&dyn Pairs>) -> Vec<Pair> {
    let mut used = vec![false; run.time.len()];
    let mut out: Vec<Pair> = Vec::new();
    for s in 0..run.time.len() {
        let held = |e: usize| holding.is_none_or(|codes| codes[s] != NULL && codes[s] == codes[e]);
        let t = run.time[s];
        if run.mask[s] & 1 == 0 || !(spec.first_time || spec.start.contains(&t)) {
            continue;
        }
        let follows = |e: usize| match (spec.ties_forbidden, spec.same_step) {
            (true, _) => run.time[e] > t,
            (false, true) => e > s,
            (false, false) => run.time[e] >= t && e != s,
        };
        let fits = |e: usize| pairs.is_none_or(|pairs| pairs.allowed(0, s as u32, 1, e as u32));
        let end = (0..run.time.len()).find(|&e| run.mask[e] & 2 != 0 && !used[e] && held(e) && follows(e) && fits(e));
        if let Some(e) = end.filter(|&e| spec.window.is_none_or(|window| run.time[e] <= window.end(t))) {
            used[e] = true;
            out.push(Pair { start: s as u32, end: e as u32 });
        }
    }
    if spec.first_time {
        out.truncate(1);
        out.retain(|pair| spec.start.contains(&run.time[pair.start as usize]));
    }
    out
}
