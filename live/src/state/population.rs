//! All entities of one type, and the segments of them that are followed by features.

use super::definition::{Input, Node, Plan, Test, compares};
use super::entity::{Entity, UNARMED};
use super::feature::Datum;
use super::keys::Keys;
use super::rows::Rows;
use super::timer::Timers;
use crate::change::Cause;
use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::datatypes::{TimestampMicrosecondType, UInt32Type};
use eql_catalog::{EntityTypeId, EventTypeId, PropertyId};
use eql_planner::live::{LiveError, Mark};
use eql_store::{EventColumn, EventRows, Snapshot};
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A segment and who is in it.
#[derive(Debug)]
pub(crate) struct Followed {
    pub name: String,
    pub version: u32,
    pub condition: Node,
    pub members: Ordinals,
}

/// A set of ordinals.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Ordinals {
    bits: Vec<u64>,
}

impl Ordinals {
    pub(crate) fn has(&self, ordinal: u32) -> bool {
        self.bits.get(ordinal as usize / 64).is_some_and(|word| word >> (ordinal % 64) & 1 == 1)
    }

    pub(crate) fn set(&mut self, ordinal: u32, member: bool) {
        let place = ordinal as usize / 64;
        if place >= self.bits.len() {
            if !member {
                return;
            }
            self.bits.resize(place + 1, 0);
        }
        let bit = 1 << (ordinal % 64);
        if member { self.bits[place] |= bit } else { self.bits[place] &= !bit }
    }

    /// Ordinals, rising.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let of = |(place, word): (usize, &u64)| {
            let mut word = *word;
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros())?;
                word &= word - 1;
                Some(place as u32 * 64 + bit)
            })
        };
        self.bits.iter().enumerate().flat_map(of)
    }

    pub(crate) fn len(&self) -> usize {
        self.bits.iter().map(|word| word.count_ones() as usize).sum()
    }
}

/// A membership that is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    /// Number of the segment.
    pub segment: u32,
    pub ordinal: u32,
    pub enters: bool,
    pub cause: Cause,
}

/// What has to be looked at again.
#[derive(Debug, Default)]
pub(crate) struct Work {
    /// (entity, lane) whose rows or windows moved.
    pub touched: Vec<(u32, u32)>,
    /// Entities that are new, or known again.
    pub fresh: Vec<u32>,
    /// Entities that are known no more.
    pub gone: Vec<u32>,
    /// Entities whose row was written.
    pub written: Vec<u32>,
    /// Conditions that read what others wrote: for every entity.
    pub everywhere: Vec<u32>,
    /// Entities with rows from before what had been seen of them.
    pub late: HashSet<u32>,
    /// Entities that became one, or came apart: everything about them is looked at.
    pub merged: HashSet<u32>,
    /// Latest rows that were seen.
    pub seen: Vec<(u32, i64)>,
}

/// Figures of what was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Rows that arrived in lanes.
    pub rows: u64,
    /// Features that were computed.
    pub features: u64,
    /// Timers that were due.
    pub timers: u64,
    /// Entities whose rows were read from the store again.
    pub rescans: u64,
}

/// Lanes that want rows of one event type.
#[derive(Debug, Default)]
struct Dispatch {
    /// Their conditions are asked of every row.
    asked: Vec<u32>,
    /// By a property and the text it must have: a row finds its lanes.
    equal: HashMap<PropertyId, HashMap<String, Vec<u32>>>,
}

impl Dispatch {
    fn add(&mut self, lane: u32, equals: Option<(PropertyId, &str)>) {
        match equals {
            Some((property, text)) => self.equal.entry(property).or_default().entry(text.to_string()).or_default().push(lane),
            None => self.asked.push(lane),
        }
    }
}

/// For each lane the rows that have its text.
fn equal(
    rows: &EventRows,
    property: PropertyId,
    by_text: &HashMap<String, Vec<u32>>,
    all: &[u32],
) -> Result<BTreeMap<u32, Vec<u32>>, LiveError> {
    let texts = rows.gather(&EventColumn::Property(property), all)?;
    let mut out: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (row, text) in texts.as_string::<i32>().iter().enumerate() {
        for lane in text.and_then(|t| by_text.get(t)).into_iter().flatten() {
            out.entry(*lane).or_default().push(row as u32);
        }
    }
    Ok(out)
}

/// The state of all entities of a type.
#[derive(Debug)]
pub(crate) struct Population {
    pub entity: EntityTypeId,
    pub plan: Plan,
    pub segments: Vec<Followed>,
    /// By atom: numbers of segments.
    segments_of: Vec<Vec<u32>>,
    /// By atom: its truth for an entity without rows of which nothing is known.
    defaults: Vec<bool>,
    /// Atoms that read an entity's row.
    row_atoms: Vec<u32>,
    /// Segments that have such an entity as a member.
    default_members: Vec<u32>,
    dispatch: HashMap<EventTypeId, Arc<Dispatch>>,
    pub entities: Vec<Entity>,
    pub keys: Keys,
    pub alive: Ordinals,
    pub timers: Timers,
    /// Rows dated ahead of the clock, by the instant at which they are seen.
    pub pending: BTreeMap<i64, Vec<(u32, u32, i64)>>,
    /// Entities that became one, or came apart, and are not read anew yet: until then they stay what they were.
    pub held: HashSet<u32>,
    pub counts: Counts,
}

impl Population {
    /// Nobody is known yet.
    pub(crate) fn new(entity: EntityTypeId, plan: Plan, segments: Vec<Followed>, snapshot: &Snapshot) -> Result<Self, LiveError> {
        let mut dispatch: HashMap<EventTypeId, Dispatch> = HashMap::new();
        for (lane, l) in plan.lanes.iter().enumerate() {
            for event in l.marks.events() {
                dispatch.entry(event).or_default().add(lane as u32, l.marks.equals(event));
            }
        }
        let dispatch = dispatch.into_iter().map(|(event, d)| (event, Arc::new(d))).collect();
        let mut segments_of = vec![vec![]; plan.atoms.len()];
        for (number, s) in segments.iter().enumerate() {
            let mut atoms = Vec::new();
            s.condition.atoms(&mut atoms);
            atoms.sort_unstable();
            atoms.dedup();
            atoms.iter().for_each(|a| segments_of[*a as usize].push(number as u32));
        }
        let mut plan = plan;
        let conditions: Vec<&Node> = segments.iter().map(|s| &s.condition).collect();
        plan.signature = xxhash_rust::xxh3::xxh3_64_with_seed(format!("{conditions:?}").as_bytes(), plan.signature);
        let reads_row = |test: &Test| match test {
            Test::Row(_) => true,
            Test::Mixed { inputs, .. } => inputs.iter().any(|i| matches!(i, Input::Row(_))),
            _ => false,
        };
        let row_atoms = (0..plan.atoms.len()).filter(|a| reads_row(&plan.atoms[*a].test)).map(|a| a as u32).collect();
        let mut made = Self {
            entity,
            plan,
            segments,
            segments_of,
            defaults: vec![],
            row_atoms,
            default_members: vec![],
            dispatch,
            entities: vec![],
            keys: Keys::default(),
            alive: Ordinals::default(),
            timers: Timers::default(),
            pending: BTreeMap::new(),
            held: HashSet::new(),
            counts: Counts::default(),
        };
        for atom in 0..made.plan.atoms.len() as u32 {
            let truth = made.truths(snapshot, atom, &[None], 0)?;
            made.defaults.push(truth.first().copied().unwrap_or(false));
        }
        let is = |s: &Followed| s.condition.is(&mut |a| made.defaults[a as usize]);
        made.default_members = (0..made.segments.len()).filter(|i| is(&made.segments[*i])).map(|i| i as u32).collect();
        Ok(made)
    }

    /// Lanes that want rows of an event type.
    pub(crate) fn lanes_of(&self, event: EventTypeId) -> Vec<u32> {
        let Some(dispatch) = self.dispatch.get(&event) else { return vec![] };
        let equal = dispatch.equal.values().flat_map(HashMap::values).flatten();
        dispatch.asked.iter().chain(equal).copied().collect()
    }

    /// Makes room for everybody up to an ordinal; those who are new are alive.
    pub(crate) fn know(&mut self, snapshot: &Snapshot, count: usize, work: &mut Work) -> Result<(), LiveError> {
        self.keys.grow(snapshot, self.entity, u32::try_from(count).unwrap_or(u32::MAX))?;
        while self.entities.len() < count {
            let ordinal = self.entities.len() as u32;
            self.entities.push(Entity::default());
            self.alive.set(ordinal, true);
            work.fresh.push(ordinal);
        }
        Ok(())
    }

    /// Takes in the rows of a commit.
    pub(crate) fn arrive(
        &mut self,
        snapshot: &Snapshot,
        event: EventTypeId,
        rows: &EventRows,
        now: i64,
        work: &mut Work,
    ) -> Result<(), LiveError> {
        let Some(dispatch) = self.dispatch.get(&event).cloned() else { return Ok(()) };
        let all: Vec<u32> = (0..u32::try_from(rows.len()).unwrap_or(u32::MAX)).collect();
        let times = rows.gather(&EventColumn::Time, &all)?;
        let times = times.as_primitive::<TimestampMicrosecondType>().values();
        let mut subjects: HashMap<usize, ArrayRef> = HashMap::new();
        let mut lanes: Vec<(u32, Option<Vec<u32>>)> = dispatch.asked.iter().map(|lane| (*lane, None)).collect();
        for (property, by_text) in &dispatch.equal {
            lanes.extend(equal(rows, *property, by_text, &all)?.into_iter().map(|(lane, rows)| (lane, Some(rows))));
        }
        let mut found = Vec::new();
        for (lane, equal) in lanes {
            found.clear();
            let l = &mut self.plan.lanes[lane as usize];
            let Some(place) = l.marks.subject_of(event) else { continue };
            let ordinals = match subjects.get(&place) {
                Some(known) => known.clone(),
                None => {
                    let read = rows.gather(&EventColumn::Participant(place), &all)?;
                    subjects.insert(place, read.clone());
                    read
                }
            };
            let columns = (ordinals.as_primitive::<UInt32Type>(), &times[..]);
            l.marks.arrived(snapshot, event, rows, columns, equal.as_deref(), l.codes.as_mut(), &mut found)?;
            for mark in &found {
                self.take(lane, *mark, now, work);
            }
        }
        Ok(())
    }

    pub(crate) fn take(&mut self, lane: u32, mark: Mark, now: i64, work: &mut Work) {
        if mark.time >= now {
            self.pending.entry(mark.time.saturating_add(1)).or_default().push((mark.ordinal, lane, mark.payload));
            return;
        }
        let l = &self.plan.lanes[lane as usize];
        let (stride, keep) = (l.stride(), l.keep);
        let Some(entity) = self.entities.get_mut(mark.ordinal as usize) else { return };
        self.counts.rows += 1;
        if mark.time < entity.latest {
            work.late.insert(mark.ordinal);
        }
        work.seen.push((mark.ordinal, mark.time));
        if entity.insert(lane, stride, keep, mark.time, mark.payload) {
            work.touched.push((mark.ordinal, lane));
        }
    }

    /// The next instant at which something may happen without a commit.
    pub(crate) fn next(&mut self) -> Option<i64> {
        let pending = self.pending.first_key_value().map(|(at, _)| *at);
        self.timers.next().into_iter().chain(pending).min()
    }

    /// What is due at an instant.
    pub(crate) fn due(&mut self, at: i64, work: &mut Work) {
        let first = work.touched.len();
        self.timers.take(at, &mut work.touched);
        self.counts.timers += (work.touched.len() - first) as u64;
        let due = std::mem::take(&mut work.touched);
        // A timer that was set for an earlier state and is not the outstanding one has nothing to say.
        let outstanding = |(ordinal, lane): &(u32, u32)| self.entities.get(*ordinal as usize).is_some_and(|e| e.armed(*lane) == at);
        work.touched = due.into_iter().filter(outstanding).collect();
        for (ordinal, lane) in &work.touched {
            if let Some(entity) = self.entities.get_mut(*ordinal as usize) {
                // Fired: whoever looks at it sets the next one.
                entity.arm_fired(*lane);
            }
        }
        if let Some(rows) = self.pending.remove(&at) {
            for (ordinal, lane, payload) in rows {
                self.take(lane, Mark { ordinal, time: at - 1, payload }, at, work);
            }
        }
    }

    /// Looks at everything that was touched, and tells whose membership is another one now.
    pub(crate) fn settle(&mut self, snapshot: &Snapshot, now: i64, mut work: Work, cause: Cause) -> Result<Vec<Moved>, LiveError> {
        let mut flips: Vec<(u32, u32)> = Vec::new();
        let mut mixed: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for ordinal in &work.gone {
            self.alive.set(*ordinal, false);
        }
        for ordinal in &work.fresh {
            self.alive.set(*ordinal, true);
        }
        work.touched.sort_unstable();
        work.touched.dedup();
        for (ordinal, lane) in &work.touched {
            self.look(*ordinal, *lane, now, &mut flips, &mut mixed)?;
        }
        self.rows_written(snapshot, now, &work, &mut flips, &mut mixed)?;
        for (atom, mut ordinals) in mixed {
            ordinals.sort_unstable();
            ordinals.dedup();
            self.test(snapshot, atom, &ordinals, now, &mut flips)?;
        }
        for (ordinal, time) in &work.seen {
            if let Some(entity) = self.entities.get_mut(*ordinal as usize) {
                entity.latest = entity.latest.max(*time);
            }
        }
        Ok(self.moved(&work, flips, cause))
    }

    /// One lane of one entity: its features, their atoms, and the next timer.
    fn look(
        &mut self,
        ordinal: u32,
        lane: u32,
        now: i64,
        flips: &mut Vec<(u32, u32)>,
        mixed: &mut BTreeMap<u32, Vec<u32>>,
    ) -> Result<(), LiveError> {
        let Some(entity) = self.entities.get_mut(ordinal as usize) else { return Ok(()) };
        let l = &self.plan.lanes[lane as usize];
        let stride = l.stride();
        if let Some(begin) = l.begin(&self.plan.features, now) {
            entity.forget_before(lane, stride, begin);
        }
        let mut next: Option<i64> = None;
        for f in &l.features {
            let feature = &self.plan.features[*f];
            let rows = entity.rows(lane, stride);
            let value = feature.value(rows, l.codes.as_ref(), now)?;
            self.counts.features += 1;
            next = next.into_iter().chain(feature.next(rows, now)).min();
            for atom in &self.plan.atoms_of[*f] {
                match native(&self.plan.atoms[*atom as usize].test, &value) {
                    Some(truth) => {
                        if entity.flip(*atom, truth != self.defaults[*atom as usize]) {
                            flips.push((ordinal, *atom));
                        }
                    }
                    None => mixed.entry(*atom).or_default().push(ordinal),
                }
            }
        }
        // A timer that comes too early looks again and sets the next one, so an outstanding earlier one is left.
        let armed = entity.armed(lane);
        match next {
            Some(at) if at < armed => {
                entity.arm(lane, at);
                self.timers.set((at, ordinal, lane));
            }
            None if armed == UNARMED => entity.arm(lane, UNARMED),
            _ => {}
        }
        Ok(())
    }

    /// Conditions on rows of entities that were written, are new, or read what others wrote.
    fn rows_written(
        &mut self,
        snapshot: &Snapshot,
        now: i64,
        work: &Work,
        flips: &mut Vec<(u32, u32)>,
        mixed: &mut BTreeMap<u32, Vec<u32>>,
    ) -> Result<(), LiveError> {
        let mut own: Vec<u32> = work.written.iter().chain(&work.fresh).copied().collect();
        own.sort_unstable();
        own.dedup();
        for atom in self.row_atoms.clone() {
            let ordinals: Vec<u32> = if work.everywhere.contains(&atom) { (0..self.entities.len() as u32).collect() } else { own.clone() };
            if ordinals.is_empty() {
                continue;
            }
            match self.plan.atoms[atom as usize].test {
                Test::Row(_) => self.test(snapshot, atom, &ordinals, now, flips)?,
                _ => mixed.entry(atom).or_default().extend(ordinals),
            }
        }
        Ok(())
    }

    /// Tests an atom on some entities.
    fn test(&mut self, snapshot: &Snapshot, atom: u32, ordinals: &[u32], now: i64, flips: &mut Vec<(u32, u32)>) -> Result<(), LiveError> {
        for some in ordinals.chunks(1 << 16) {
            let asked: Vec<Option<u32>> = some.iter().map(|o| Some(*o)).collect();
            let truths = self.truths(snapshot, atom, &asked, now)?;
            for (ordinal, truth) in some.iter().zip(truths) {
                let default = self.defaults[atom as usize];
                if let Some(entity) = self.entities.get_mut(*ordinal as usize)
                    && entity.flip(atom, truth != default)
                {
                    flips.push((*ordinal, atom));
                }
            }
        }
        Ok(())
    }

    /// Whether an atom is true of some entities; None is one without rows of which nothing is known.
    fn truths(&self, snapshot: &Snapshot, atom: u32, asked: &[Option<u32>], now: i64) -> Result<Vec<bool>, LiveError> {
        let Some(a) = self.plan.atoms.get(atom as usize) else { return Ok(vec![false; asked.len()]) };
        let ordinals: UInt32Array = asked.iter().copied().collect();
        let values = match &a.test {
            Test::Row(expr) => expr.read(snapshot, &ordinals)?,
            Test::Mixed { inputs, expr } => {
                let column = |input: &Input| match input {
                    Input::Row(expr) => expr.read(snapshot, &ordinals),
                    Input::Feature(f) => self.column(*f, asked, now),
                };
                expr.evaluate(inputs.iter().map(column).collect::<Result<_, _>>()?, asked.len())?
            }
            test => {
                let value = |o: &Option<u32>| self.value(*a.features.first().unwrap_or(&0), *o, now);
                let truth = |o: &Option<u32>| value(o).map(|v| native(test, &v).unwrap_or(false));
                return asked.iter().map(truth).collect();
            }
        };
        let values = values.as_boolean();
        Ok((0..values.len()).map(|i| values.is_valid(i) && values.value(i)).collect())
    }

    fn value(&self, feature: usize, ordinal: Option<u32>, now: i64) -> Result<Datum, LiveError> {
        let lane = self.plan.lane_of[feature];
        let l = &self.plan.lanes[lane];
        let nothing = Rows { stride: l.stride(), ..Rows::NONE };
        let entity = ordinal.and_then(|o| self.entities.get(o as usize));
        let rows = entity.map_or(nothing, |e| e.rows(lane as u32, l.stride()));
        self.plan.features[feature].value(rows, l.codes.as_ref(), now)
    }

    fn column(&self, feature: usize, asked: &[Option<u32>], now: i64) -> Result<ArrayRef, LiveError> {
        let values = asked.iter().map(|o| self.value(feature, *o, now)).collect::<Result<Vec<_>, _>>()?;
        self.plan.features[feature].column(&values, self.plan.lanes[self.plan.lane_of[feature]].codes.as_ref())
    }

    /// Segments of atoms that flipped, evaluated once an entity.
    fn moved(&mut self, work: &Work, mut flips: Vec<(u32, u32)>, cause: Cause) -> Vec<Moved> {
        flips.sort_unstable();
        let mut asked: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (ordinal, atom) in &flips {
            asked.entry(*ordinal).or_default().extend(&self.segments_of[*atom as usize]);
        }
        for ordinal in &work.fresh {
            // Who comes back has conditions of before.
            let known = self.entities.get(*ordinal as usize).is_some_and(|e| !e.flipped().is_empty());
            let segments = asked.entry(*ordinal).or_default();
            if known { segments.extend(0..self.segments.len() as u32) } else { segments.extend(&self.default_members) }
        }
        for ordinal in work.gone.iter().chain(&work.merged) {
            asked.entry(*ordinal).or_default().extend(0..self.segments.len() as u32);
        }
        let mut out = Vec::new();
        for (ordinal, mut segments) in asked {
            if self.held.contains(&ordinal) {
                continue;
            }
            segments.sort_unstable();
            segments.dedup();
            let Some(entity) = self.entities.get(ordinal as usize) else { continue };
            let alive = self.alive.has(ordinal);
            let cause = match cause {
                _ if work.merged.contains(&ordinal) => Cause::Merge,
                Cause::Event if work.late.contains(&ordinal) => Cause::Late,
                cause => cause,
            };
            for segment in segments {
                let followed = &mut self.segments[segment as usize];
                let defaults = &self.defaults;
                let is = alive && followed.condition.is(&mut |a| defaults[a as usize] != entity.is_flipped(a));
                if is != followed.members.has(ordinal) {
                    followed.members.set(ordinal, is);
                    out.push(Moved { segment, ordinal, enters: is, cause });
                }
            }
        }
        out
    }

    /// Evaluates every segment for everybody: after a beginning from nothing.
    pub(crate) fn everyone(&mut self) {
        for ordinal in 0..self.entities.len() as u32 {
            let (entity, alive) = (&self.entities[ordinal as usize], self.alive.has(ordinal));
            for followed in &mut self.segments {
                let defaults = &self.defaults;
                let is = alive && followed.condition.is(&mut |a| defaults[a as usize] != entity.is_flipped(a));
                followed.members.set(ordinal, is);
            }
        }
    }

    /// Bytes the entities take.
    pub(crate) fn bytes(&self) -> usize {
        self.entities.iter().map(Entity::bytes).sum::<usize>() + self.timers.len() * 16
    }
}

/// Whether a test of one feature holds; None when a column is needed.
fn native(test: &Test, value: &Datum) -> Option<bool> {
    match test {
        Test::Truth => Some(value.truth().unwrap_or(false)),
        Test::Int(op, constant) => Some(compares(*op, value.int().map(|v| v.cmp(constant)))),
        Test::Double(op, constant) => Some(compares(*op, value.double().map(|v| v.total_cmp(constant)))),
        Test::Row(_) | Test::Mixed { .. } => None,
    }
}
