//! Which parts are merged. Parts of one subject type and month are merged with their neighbours in age when enough of similar size have
//! gathered, so that a row is rewritten about log₄(rows of a full part ÷ rows of its first part) times, and never after that.
//!
//! Size-tiered merging: P. O'Neil et al., "The Log-Structured Merge-Tree", 1996, in the form that keeps neighbours together because
//! among equal times the older part comes first.

use crate::limit::{COMPACTION_FAN_IN, COMPACTION_FAN_IN_MAX, COMPACTION_ROWS_MAX, PART_ROWS_MAX};
use eql_catalog::EntityTypeId;
use std::collections::BTreeMap;

/// What the choice is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) id: u64,
    pub(crate) subject: EntityTypeId,
    pub(crate) month: i64,
    /// In the files, also those that are gone.
    pub(crate) rows: u64,
    /// Rows that are gone.
    pub(crate) gone: u64,
    /// Something else in the files must go: an erased entity is still named.
    pub(crate) unclean: bool,
}

impl Candidate {
    /// 0 for the smallest; parts of one tier differ at most about fourfold.
    fn tier(&self) -> u32 {
        self.rows.max(1).ilog(COMPACTION_FAN_IN as u64)
    }

    fn is_full(&self) -> bool {
        self.rows * 2 > PART_ROWS_MAX as u64
    }
}

/// Numbers of parts that are to become one, oldest first. `parts`: all parts, oldest first.
pub(crate) fn choose(parts: &[Candidate], everything: bool) -> Option<Vec<u64>> {
    let mut groups: BTreeMap<(EntityTypeId, i64), Vec<&Candidate>> = BTreeMap::new();
    for part in parts {
        groups.entry((part.subject, part.month)).or_default().push(part);
    }
    let dirty = |p: &&Candidate| p.unclean || (everything && p.gone > 0) || p.gone * 4 > p.rows;
    let merged =
        groups.values().find_map(|group| if everything { neighbours(group, |_| true, |run| run.len() >= 2) } else { tiered(group) });
    merged.or_else(|| Some(vec![parts.iter().find(dirty)?.id]))
}

/// The lowest tier first: it holds the most parts for the fewest rows.
fn tiered(group: &[&Candidate]) -> Option<Vec<u64>> {
    let tiers = group.iter().filter(|p| !p.is_full()).map(|p| p.tier());
    // Smaller ones in between go along, but a large one is never rewritten for the sake of a few small ones.
    let enough = |run: &[&Candidate], tier| run.iter().filter(|p| p.tier() == tier).count() >= COMPACTION_FAN_IN;
    (0..=tiers.max()?).find_map(|tier| neighbours(group, |p| p.tier() <= tier, |run| enough(run, tier)))
}

/// The first run of neighbours that are not full and fit, if they are enough, as far as one merge goes.
fn neighbours(group: &[&Candidate], fits: impl Fn(&Candidate) -> bool, enough: impl Fn(&[&Candidate]) -> bool) -> Option<Vec<u64>> {
    let mut run: Vec<&Candidate> = Vec::new();
    for part in group {
        let rows: u64 = run.iter().map(|p| p.rows).sum();
        let room = run.len() < COMPACTION_FAN_IN_MAX && rows + part.rows <= COMPACTION_ROWS_MAX;
        if part.is_full() || !fits(part) || !room {
            if enough(&run) {
                break;
            }
            run.clear();
        }
        if !part.is_full() && fits(part) {
            run.push(part);
        }
    }
    enough(&run).then(|| run.iter().map(|p| p.id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(id: u64, rows: u64) -> Candidate {
        Candidate { id, subject: EntityTypeId(0), month: 0, rows, gone: 0, unclean: false }
    }

    /// Merges until nothing is chosen; the parts left, and the rows that were written.
    fn settle(parts: &mut Vec<Candidate>, next: &mut u64) -> u64 {
        let mut written = 0;
        while let Some(chosen) = choose(parts, false) {
            assert!(chosen.len() >= 2);
            let rows = parts.iter().filter(|p| chosen.contains(&p.id)).map(|p| p.rows).sum();
            let first = parts.iter().position(|p| p.id == chosen[0]).unwrap();
            assert_eq!(parts[first..first + chosen.len()].iter().map(|p| p.id).collect::<Vec<_>>(), chosen, "neighbours");
            parts.retain(|p| !chosen.contains(&p.id));
            parts.insert(first, part(*next, rows));
            *next += 1;
            written += rows;
        }
        written
    }

    #[test]
    fn many_small_parts_stay_few_and_rows_are_rewritten_rarely() {
        for size in [1, 100, 5_000, 100_000] {
            let (mut parts, mut next, mut written, mut most) = (Vec::new(), 0, 0, 0);
            let count = (3_000_000 / size).min(4_000);
            for _ in 0..count {
                parts.push(part(next, size));
                next += 1;
                written += settle(&mut parts, &mut next);
                most = most.max(parts.iter().filter(|p| !p.is_full()).count());
            }
            let amplification = written as f64 / (count * size) as f64;
            let steps = f64::from((PART_ROWS_MAX as u64 / size).ilog(4) + 1);
            assert!(amplification <= steps, "{size}: rows written {amplification} times");
            assert!(most <= 30, "{size}: {most} parts");
        }
    }

    #[test]
    fn months_and_subjects_are_not_mixed_and_full_parts_rest() {
        let small = |id, subject, month| Candidate { subject: EntityTypeId(subject), month, ..part(id, 10) };
        let mixed: Vec<Candidate> = (0..12).map(|i| small(i, (i % 2) as u16, (i % 3) as i64)).collect();
        assert_eq!(choose(&mixed, false), None);
        assert_eq!(choose(&mixed, true), Some(vec![0, 6]));
        let full: Vec<Candidate> = (0..9).map(|i| part(i, PART_ROWS_MAX as u64)).collect();
        assert_eq!(choose(&full, true), None);
    }

    #[test]
    fn parts_with_rows_that_are_gone_are_rewritten() {
        let mut parts = vec![part(0, PART_ROWS_MAX as u64), part(1, 10)];
        parts[0].gone = 1;
        assert_eq!(choose(&parts, false), None);
        assert_eq!(choose(&parts, true), Some(vec![0]));
        parts[0].gone = PART_ROWS_MAX as u64 / 3;
        assert_eq!(choose(&parts, false), Some(vec![0]));
        (parts[0].gone, parts[1].unclean) = (0, true);
        assert_eq!(choose(&parts, false), Some(vec![1]));
    }
}
