//! Retention by asking each cell of each cohort whether some return row falls in it.

use eql_timeline::{Cells, Cohort, NULL, RetentionSpec, Run, Unit};

const DAY: i64 = 86_400_000_000;

fn passed(spec: &RetentionSpec, unit: Unit, t0: i64, t: i64) -> i64 {
    if !spec.rolling {
        return spec.calendar.period_index(t, unit) - spec.calendar.period_index(t0, unit);
    }
    match unit {
        Unit::Hour => (t - t0) / (DAY / 24),
        Unit::Day => (t - t0) / DAY,
        Unit::Week => (t - t0) / (7 * DAY),
        _ => (0..).take_while(|&n| spec.calendar.add(t0, n, unit) <= t).last().unwrap_or(0),
    }
}

fn fills(spec: &RetentionSpec, cell: usize, t0: i64, t: i64) -> bool {
    match &spec.cells {
        Cells::Periods { unit, .. } => {
            let n = passed(spec, *unit, t0, t);
            if spec.unbounded { n >= cell as i64 } else { n == cell as i64 }
        }
        Cells::Brackets { bounds, unit } => {
            let n = passed(spec, *unit, t0, t);
            n >= bounds[cell] && bounds.get(cell + 1).is_none_or(|&end| n < end)
        }
    }
}

pub fn retention(spec: &RetentionSpec, run: Run<'_>, group: &[u32], holding: Option<&[u32]>) -> Vec<Cohort> {
    let cells = match &spec.cells {
        Cells::Periods { count, .. } => *count as usize + 1,
        Cells::Brackets { bounds, .. } => bounds.len() - 1 + usize::from(spec.unbounded),
    };
    let held = |a: usize, b: usize| holding.is_none_or(|codes| codes[a] != NULL && codes[a] == codes[b]);
    let all: Vec<usize> = (0..run.time.len()).filter(|&row| run.mask[row] & 1 != 0 && held(row, row)).collect();
    let in_range = |row: &usize| spec.start.contains(&run.time[*row]);
    let starts: Vec<usize> = if spec.first_time { all.first().copied().into_iter().collect() } else { all.clone() };
    let starts: Vec<usize> = starts.into_iter().filter(in_range).collect();
    let mut out: Vec<Cohort> = Vec::new();
    for (place, &start) in starts.iter().enumerate() {
        if starts[..place].iter().any(|&other| group[other] == group[start]) {
            continue;
        }
        // Each HOLDING value has its own first start; the entity counts once with all of them.
        let firsts: Vec<usize> = starts
            .iter()
            .copied()
            .filter(|&row| group[row] == group[start])
            .filter(|&row| !starts.iter().any(|&other| other < row && group[other] == group[row] && held(other, row)))
            .collect();
        let mut returned = vec![0u64; cells.div_ceil(64)];
        for cell in 0..cells {
            let came = firsts.iter().any(|&s| {
                (0..run.time.len()).any(|r| {
                    let another = r != s && run.mask[r] & 2 != 0 && held(s, r);
                    let later = run.time[r] > run.time[s] || (!spec.ties_forbidden && run.time[r] == run.time[s]);
                    ((another && later) || (spec.same_step && r == s)) && fills(spec, cell, run.time[s], run.time[r])
                })
            });
            if came {
                returned[cell / 64] |= 1 << (cell % 64);
            }
        }
        out.push(Cohort { group: group[start], start_row: start as u32, returned });
    }
    out
}
