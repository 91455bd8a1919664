//! Absences: rows after which something did not come (rule 14).

use crate::funnel::{Absence, Found, Part, Plan};
use crate::run::{first_after, first_at};

/// Takes a step's bit from the rows after which something came that must stay away, or whose window has not ended. True if some row
/// cannot be judged by itself: the window depends on the start row, or what came did so at the same time and may be matched itself.
pub(super) fn clear(plan: &Plan, time: &[i64], mask: &mut [u64], holds: impl Fn(i64) -> bool) -> bool {
    let mut entangled = false;
    let mut cleared = Vec::new();
    for (step, absence) in plan.absent.iter().enumerate().flat_map(|(step, all)| all.iter().map(move |absence| (step, absence))) {
        let by_start = absence.within.is_none() && step > 0 && plan.spec.window.is_some();
        let away: Vec<usize> = (0..time.len()).filter(|&row| mask[row] & absence.bits != 0).collect();
        for row in (0..time.len()).filter(|&row| mask[row] & plan.bits[step] != 0) {
            // A window that ends with the attempt's is judged with the attempt; at the earliest it ends now.
            let end = if by_start { time[row] } else { absence.end(plan.spec.window.as_ref(), time[row], time[row]) };
            let mut comes = !by_start && !holds(end);
            let from = away.partition_point(|&x| time[x] < time[row]);
            for &x in away[from..].iter().take_while(|&&x| time[x] <= end).filter(|&&x| x != row) {
                let tie = time[x] == time[row];
                if tie && plan.spec.ties_forbidden {
                    continue;
                }
                if tie && mask[x] & plan.union != 0 {
                    entangled = true;
                } else {
                    comes = true;
                    break;
                }
            }
            if comes {
                cleared.push((row, plan.bits[step]));
            }
        }
        entangled |= by_start;
    }
    for (row, bits) in cleared {
        mask[row] &= !bits;
    }
    entangled
}

/// Whether the absences that count from the last matched row hold (rows of the part).
pub(super) fn hold_after(plan: &Plan, part: &Part<'_>, absences: &[Absence], found: &Found) -> bool {
    let (t0, t) = (part.time[found.start as usize], found.completion);
    let from = if plan.spec.ties_forbidden { first_after(part.time, 0, t) } else { first_at(part.time, 0, t) };
    absences.iter().all(|absence| {
        let end = absence.end(plan.spec.window.as_ref(), t0, t);
        let comes = |x: usize| part.mask[x] & absence.bits != 0 && !found.rows.contains(&(x as u32));
        part.holds(end) && !(from..part.time.len()).take_while(|&x| part.time[x] <= end).any(comes)
    })
}
