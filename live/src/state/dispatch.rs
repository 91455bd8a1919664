//! From the rows of event types to the lanes that want them.

use super::lane::Lane;
use super::ordinals::Place;
use super::parallel;
use super::plan::Plan;
use super::work::Arrival;
use arrow::array::AsArray;
use eql_catalog::{EventTypeId, PropertyId};
use eql_planner::live::{LiveError, LiveRows};
use eql_store::{EventColumn, Snapshot};
use hashbrown::HashMap;
use std::collections::BTreeMap;

/// Who wants rows, by event type.
#[derive(Debug, Default)]
pub(crate) struct Dispatch {
    by_event: HashMap<EventTypeId, OfEvent>,
}

/// Lanes that want rows of one event type.
#[derive(Debug, Default)]
struct OfEvent {
    /// Their conditions are asked of every row.
    asked: Vec<u32>,
    /// By a property and the text it must have: a row finds its lanes.
    equal: BTreeMap<PropertyId, Equal>,
}

/// Numbers of texts, and the lanes of each.
#[derive(Debug, Default)]
struct Equal {
    numbers: HashMap<String, usize>,
    lanes: Vec<Vec<u32>>,
}

/// Rows, and what of them is read once for all lanes: by property and number of the text which of them have it.
struct Read<'a> {
    rows: &'a LiveRows,
    equal: BTreeMap<PropertyId, Vec<Vec<u32>>>,
}

/// A lane, and which rows.
struct Job<'a> {
    lane: usize,
    rows: &'a LiveRows,
    equal: Option<&'a [u32]>,
}

impl Dispatch {
    /// For some lanes of a plan.
    pub(crate) fn new(plan: &Plan, wanted: impl Fn(u32) -> bool) -> Self {
        let mut by_event: HashMap<EventTypeId, OfEvent> = HashMap::new();
        let lanes = plan.lanes.iter().enumerate().filter(|(lane, l)| !l.features.is_empty() && wanted(*lane as u32));
        for (lane, l) in lanes {
            for event in l.marks.events() {
                let of = by_event.entry(event).or_default();
                match l.marks.equals(event) {
                    Some((property, text)) => of.equal.entry(property).or_default().add(text, lane as u32),
                    None => of.asked.push(lane as u32),
                }
            }
        }
        Self { by_event }
    }

    /// Lanes that want rows of an event type.
    pub(crate) fn lanes_of(&self, event: EventTypeId) -> Vec<u32> {
        let Some(of) = self.by_event.get(&event) else { return vec![] };
        let equal = of.equal.values().flat_map(|e| &e.lanes).flatten();
        of.asked.iter().chain(equal).copied().collect()
    }

    /// The participants of an event type whose timelines are followed.
    pub(crate) fn participants<'a>(&self, plan: &'a Plan, event: EventTypeId) -> impl Iterator<Item = usize> + use<'a> {
        self.lanes_of(event).into_iter().filter_map(move |lane| plan.lanes[lane as usize].marks.subject_of(event))
    }

    /// Whether somebody wants rows of an event type.
    pub(crate) fn wants(&self, event: EventTypeId) -> bool {
        self.by_event.contains_key(&event)
    }

    /// What arrives in lanes, by shard.
    pub(crate) fn arrivals(
        &self,
        plan: &mut Plan,
        snapshot: &Snapshot,
        rows: &[LiveRows],
        (shards, again): (u32, bool),
    ) -> Result<Vec<Vec<Arrival>>, LiveError> {
        let reads = rows.iter().map(|rows| self.read(rows)).collect::<Result<Vec<_>, _>>()?;
        let mut jobs: Vec<Job<'_>> = reads.iter().flat_map(|read| self.jobs(read)).collect();
        // Of one lane in the order of the types.
        jobs.sort_by_key(|j| j.lane);
        let size: usize = jobs.iter().map(|j| 8 + j.equal.map_or(j.rows.rows.len(), <[u32]>::len)).sum();
        let mut found = parallel::each(divided(&mut plan.lanes, jobs, shards as usize), size, |(first, lanes, jobs)| {
            let mut out: Vec<Vec<Arrival>> = vec![vec![]; shards as usize];
            let mut marks = Vec::new();
            for of_lane in jobs.chunk_by(|a, b| a.lane == b.lane) {
                let number = of_lane[0].lane;
                let lane = &mut lanes[number - first];
                for job in of_lane {
                    lane.marks.arrived(snapshot, job.rows, job.equal, lane.codes.as_mut(), &mut marks)?;
                }
                if of_lane.len() > 1 {
                    LiveRows::sort(&mut marks);
                }
                for (_, mark) in marks.drain(..) {
                    let arrival = Arrival { ordinal: mark.ordinal, lane: number as u32, time: mark.time, payload: mark.payload, again };
                    out[Place::shard(mark.ordinal, shards)].push(arrival);
                }
            }
            Ok(out)
        })?
        .into_iter();
        let mut out = found.next().unwrap_or_else(|| vec![vec![]; shards as usize]);
        found.for_each(|more| out.iter_mut().zip(more).for_each(|(own, more)| own.extend(more)));
        Ok(out)
    }

    fn read<'a>(&self, rows: &'a LiveRows) -> Result<Read<'a>, LiveError> {
        let mut equal = BTreeMap::new();
        for (property, of) in self.by_event.get(&rows.event).into_iter().flat_map(|of| &of.equal) {
            let texts = rows.events.gather(&EventColumn::Property(*property), &rows.rows)?;
            let mut found = vec![vec![]; of.lanes.len()];
            for (row, text) in texts.as_string::<i32>().iter().enumerate() {
                if let Some(number) = text.and_then(|t| of.numbers.get(t)) {
                    found[*number].push(row as u32);
                }
            }
            equal.insert(*property, found);
        }
        Ok(Read { rows, equal })
    }

    fn jobs<'a>(&self, read: &'a Read<'a>) -> Vec<Job<'a>> {
        let (rows, Some(of)) = (read.rows, self.by_event.get(&read.rows.event)) else { return vec![] };
        let mut out: Vec<Job<'a>> = of.asked.iter().map(|lane| Job { lane: *lane as usize, rows, equal: None }).collect();
        for (property, found) in &read.equal {
            for (lanes, some) in of.equal[property].lanes.iter().zip(found).filter(|(_, some)| !some.is_empty()) {
                out.extend(lanes.iter().map(|lane| Job { lane: *lane as usize, rows, equal: Some(some) }));
            }
        }
        out
    }
}

impl Equal {
    fn add(&mut self, text: &str, lane: u32) {
        let next = self.lanes.len();
        let number = *self.numbers.entry(text.to_string()).or_insert(next);
        if number == next {
            self.lanes.push(vec![]);
        }
        self.lanes[number].push(lane);
    }
}

/// Lanes, and the jobs of these, in as many parts: the first lane of each, its lanes, its jobs.
fn divided<'l, 'j>(mut lanes: &'l mut [Lane], mut jobs: Vec<Job<'j>>, parts: usize) -> Vec<(usize, &'l mut [Lane], Vec<Job<'j>>)> {
    let mut out = Vec::with_capacity(parts);
    let (mut first, each) = (0, jobs.len().div_ceil(parts.max(1)).max(1));
    while !jobs.is_empty() {
        let last = jobs[each.min(jobs.len()) - 1].lane;
        let rest = jobs.split_off(jobs.partition_point(|j| j.lane <= last));
        let (own, behind) = std::mem::take(&mut lanes).split_at_mut(last + 1 - first);
        out.push((first, own, jobs));
        (first, lanes, jobs) = (last + 1, behind, rest);
    }
    out
}
