//! What a commit asks of a shard.

use super::definition::Test;
use super::shard::{Scene, Shard};
use super::work::{Arrival, Moved, Work};
use crate::change::Cause;
use eql_planner::live::LiveError;
use hashbrown::HashSet;
use std::collections::BTreeMap;

/// What is left until the conditions that are evaluated for many entities at once are known.
#[derive(Default)]
struct Left {
    /// (entity, atom) that flipped.
    flips: Vec<(u32, u32)>,
    /// By atom over several values: entities.
    mixed: BTreeMap<u32, Vec<u32>>,
    late: HashSet<u32>,
}

impl Shard {
    /// Looks at everything that was touched, and tells whose membership is another one now.
    pub(crate) fn settle(&mut self, scene: Scene<'_>, mut work: Work, cause: Cause) -> Result<Vec<Moved>, LiveError> {
        work.gone.iter().for_each(|local| self.alive.set(*local, false));
        work.fresh.iter().for_each(|local| self.alive.set(*local, true));
        // Of one entity and lane in the order in which they came.
        let mut arrivals = work.arrivals.pop().unwrap_or_default();
        arrivals.iter_mut().for_each(|a| a.ordinal = self.place.local(a.ordinal));
        arrivals.sort_by_key(|a| a.ordinal);
        work.touched.sort_unstable();
        let special: HashSet<u32> = [&work.fresh, &work.gone, &work.written].into_iter().flatten().chain(&work.merged).copied().collect();
        let (mut out, mut left) = (Vec::new(), Left::default());
        let (mut rows, mut touched) = (arrivals.as_slice(), work.touched.as_slice());
        while let Some(local) = rows.first().map(|a| a.ordinal).into_iter().chain(touched.first().map(|t| t.0)).min() {
            let (own, behind) = rows.split_at(rows.partition_point(|a| a.ordinal <= local));
            let (lanes, later) = touched.split_at(touched.partition_point(|t| t.0 <= local));
            (rows, touched) = (behind, later);
            self.found.lanes.clear();
            self.found.lanes.extend(lanes.iter().map(|t| t.1));
            let late = self.take_all(scene, local, own);
            self.look_all(scene, local)?;
            self.rearm(local);
            if self.found.mixed.is_empty() && work.everywhere.is_empty() && !special.contains(&local) {
                let cause = if late && cause == Cause::Event { Cause::Late } else { cause };
                self.moved(scene.rules, local, scene.now, cause, &mut out);
            } else {
                self.leave(local, late, &mut left);
            }
        }
        self.look_everywhere(scene, &work, &mut left)?;
        self.rows_written(scene, &work, &mut left)?;
        for (atom, mut locals) in std::mem::take(&mut left.mixed) {
            locals.sort_unstable();
            locals.dedup();
            self.test(scene, atom, &locals, &mut left.flips)?;
        }
        self.rest(scene, &work, left, cause, &mut out);
        Ok(out)
    }

    /// Takes in the rows of an entity; whether one comes from before what had been seen of it.
    fn take_all(&mut self, scene: Scene<'_>, local: u32, rows: &[Arrival]) -> bool {
        let Some(seen) = self.entities.get(local as usize).map(|e| e.latest) else { return false };
        let (mut late, mut latest) = (false, seen);
        for row in rows {
            if self.take(scene.rules, local, row, scene.now) {
                self.found.lanes.push(row.lane);
            }
            if row.time < scene.now {
                late |= row.time < seen && !row.again;
                latest = latest.max(row.time);
            }
        }
        self.entities[local as usize].latest = latest;
        late
    }

    fn leave(&mut self, local: u32, late: bool, left: &mut Left) {
        left.flips.extend(self.found.flips.drain(..).map(|atom| (local, atom)));
        self.found.mixed.drain(..).for_each(|atom| left.mixed.entry(atom).or_default().push(local));
        if late {
            left.late.insert(local);
        }
    }

    /// Lanes at which everybody is looked.
    fn look_everywhere(&mut self, scene: Scene<'_>, work: &Work, left: &mut Left) -> Result<(), LiveError> {
        if work.lanes.is_empty() {
            return Ok(());
        }
        for local in self.everybody(work) {
            self.found.lanes.clear();
            let lanes = self.entities[local as usize].heads().iter().map(|h| h.lane).filter(|l| work.lanes.contains(l));
            self.found.lanes.extend(lanes);
            if !self.found.lanes.is_empty() {
                self.look_all(scene, local)?;
                self.rearm(local);
                self.leave(local, false, left);
            }
        }
        Ok(())
    }

    fn everybody(&self, work: &Work) -> std::ops::Range<u32> {
        let all = self.entities.len() as u32;
        work.everybody.start.min(all)..work.everybody.end.min(all)
    }

    /// Conditions on rows of entities that were written, are new, or read what others wrote.
    fn rows_written(&mut self, scene: Scene<'_>, work: &Work, left: &mut Left) -> Result<(), LiveError> {
        let mut own: Vec<u32> = work.written.iter().chain(&work.fresh).copied().collect();
        own.sort_unstable();
        own.dedup();
        for atom in &scene.rules.row_atoms {
            let everybody: Vec<u32>;
            let locals: &[u32] = if work.everywhere.contains(atom) {
                everybody = self.everybody(work).collect();
                &everybody
            } else {
                &own
            };
            if locals.is_empty() {
                continue;
            }
            match scene.rules.plan.atoms[*atom as usize].test {
                Test::Row(_) => self.test(scene, *atom, locals, &mut left.flips)?,
                _ => left.mixed.entry(*atom).or_default().extend(locals),
            }
        }
        Ok(())
    }

    /// Segments of what was left, evaluated once an entity.
    fn rest(&mut self, scene: Scene<'_>, work: &Work, mut left: Left, cause: Cause, out: &mut Vec<Moved>) {
        let (rules, mut asked) = (scene.rules, BTreeMap::<u32, Vec<u32>>::new());
        left.flips.sort_unstable();
        for (local, atom) in &left.flips {
            asked.entry(*local).or_default().extend(&rules.segments_of[*atom as usize]);
        }
        let all = || 0..rules.segments.len() as u32;
        for local in &work.fresh {
            // Who comes back has conditions of before.
            let known = self.entities.get(*local as usize).is_some_and(|e| !e.flipped().is_empty());
            let segments = asked.entry(*local).or_default();
            if known { segments.extend(all()) } else { segments.extend(&rules.default_members) }
        }
        for local in work.gone.iter().chain(&work.merged) {
            asked.entry(*local).or_default().extend(all());
        }
        for (local, mut segments) in asked {
            let cause = match cause {
                _ if work.merged.contains(&local) => Cause::Merge,
                Cause::Event if left.late.contains(&local) => Cause::Late,
                cause => cause,
            };
            self.evaluate(rules, local, &mut segments, (scene.now, cause), out);
        }
    }
}
