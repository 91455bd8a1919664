//! Paths counted as they are found: a partition holds different paths, not every path.

use arrow::array::{ArrayRef, Int64Array, ListBuilder, StringArray, StringBuilder};
use datafusion::common::{DataFusionError, Result};
use eql_timeline::path::Transitions;
use eql_timeline::{NO_NODE, Path, PathSpec};
use hashbrown::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// What comes after the last node of a path that is not longer.
const EXIT: u32 = NO_NODE - 1;
/// Stands for the nodes that DEPTH leaves out.
const MORE: u32 = NO_NODE - 2;
/// Different names of nodes in a partition; a result with more cannot be read.
const NAMES_MAX: usize = 1 << 20;
/// Different paths, or transitions by step, in a partition.
const ROWS_MAX: usize = 1 << 20;
/// Nodes of all different paths of a partition: 64 MiB.
const NODES_MAX: usize = 1 << 24;

fn too_many(what: &str) -> DataFusionError {
    let hint = "take a smaller DEPTH, NODE BY something with fewer values, or fewer events";
    DataFusionError::ResourcesExhausted(format!("PATHS found {what}: {hint}"))
}

/// Numbers for the names of nodes; a missing name is a name of its own.
#[derive(Default)]
pub(super) struct Names {
    numbers: HashMap<Box<str>, u32>,
    missing: Option<u32>,
    names: Vec<Option<Box<str>>>,
}

impl Names {
    pub(super) fn number(&mut self, name: Option<&str>) -> Result<u32> {
        let known = match name {
            Some(name) => self.numbers.get(name).copied(),
            None => self.missing,
        };
        if let Some(known) = known {
            return Ok(known);
        }
        if self.names.len() == NAMES_MAX {
            return Err(too_many(&format!("more than {NAMES_MAX} different nodes")));
        }
        let number = self.names.len() as u32;
        self.names.push(name.map(Into::into));
        match name {
            Some(name) => drop(self.numbers.insert(name.into(), number)),
            None => self.missing = Some(number),
        }
        Ok(number)
    }

    pub(super) fn name(&self, number: u32) -> Option<&str> {
        match number {
            EXIT => Some("(exit)"),
            MORE => Some("(more)"),
            n => self.names.get(n as usize)?.as_deref(),
        }
    }
}

/// How often each of something was seen, and by how many entities. Entities come one after the other, so the last one is all to remember.
struct Seen<K> {
    places: HashMap<K, u32>,
    keys: Vec<K>,
    counts: Vec<Count>,
}

#[derive(Clone, Copy)]
struct Count {
    sessions: i64,
    entities: i64,
    last: u32,
}

impl<K: Hash + Eq + Clone> Seen<K> {
    fn new() -> Self {
        Self { places: HashMap::new(), keys: vec![], counts: vec![] }
    }

    /// Counts a new thing, or a known one at its place. True for the first time of an entity. A new one that is `found` by other means needs
    /// no place.
    fn count(&mut self, known: Option<u32>, found: bool, make: impl FnOnce() -> K, ordinal: u32) -> Result<bool> {
        let place = match known {
            Some(place) => place as usize,
            None => {
                let place = self.counts.len();
                if place == ROWS_MAX {
                    return Err(too_many(&format!("more than {ROWS_MAX} different paths or transitions")));
                }
                let key = make();
                if !found {
                    self.places.insert(key.clone(), place as u32);
                }
                self.keys.push(key);
                self.counts.push(Count { sessions: 0, entities: 0, last: u32::MAX });
                place
            }
        };
        let count = &mut self.counts[place];
        let first = count.last != ordinal;
        *count = Count { sessions: count.sessions + 1, entities: count.entities + i64::from(first), last: ordinal };
        Ok(first)
    }

    fn len(&self) -> usize {
        self.counts.len()
    }

    fn columns(&self) -> [ArrayRef; 2] {
        let column = |of: fn(&Count) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(self.counts.iter().map(of))) };
        [column(|c| c.sessions), column(|c| c.entities)]
    }
}

/// What is counted.
pub(super) enum Tally {
    /// Whole paths.
    Paths(Whole),
    /// Transitions by step.
    Edges(Edges),
}

/// Whole paths, with the number of nodes that they hold together.
pub(super) struct Whole {
    seen: Seen<Box<[u32]>>,
    nodes: usize,
    scratch: Vec<u32>,
}

/// Transitions: (step, source, target).
pub(super) struct Edges {
    /// If not, all transitions are of step 0, and nobody asks for entities.
    by_step: bool,
    seen: Seen<(u32, u32, u32)>,
    /// Places of transitions between the first names in the first steps, looked up without hashing; NOWHERE for those not seen.
    near: Vec<u32>,
}

/// Names (and the two that stand for an end) whose transitions are looked up in a table.
const NEAR_NAMES: u32 = 64;
/// Steps of that table: 16 KiB each.
const NEAR_STEPS: u32 = 1024;
const NOWHERE: u32 = u32::MAX;

/// Where the table has a transition.
fn near((step, source, target): (u32, u32, u32)) -> Option<usize> {
    let side = |name: u32| match name {
        EXIT => Some(NEAR_NAMES - 2),
        MORE => Some(NEAR_NAMES - 1),
        name => (name < NEAR_NAMES - 2).then_some(name),
    };
    let place = (u64::from(step) * u64::from(NEAR_NAMES) + u64::from(side(source)?)) * u64::from(NEAR_NAMES) + u64::from(side(target)?);
    (step < NEAR_STEPS).then_some(place as usize)
}

impl Tally {
    pub(super) fn new(edges: bool, by_step: bool) -> Self {
        if edges {
            Tally::Edges(Edges { by_step, seen: Seen::new(), near: vec![] })
        } else {
            Tally::Paths(Whole { seen: Seen::new(), nodes: 0, scratch: vec![] })
        }
    }

    /// Counts a path of an entity. With `ending`, what DEPTH left out lies before the path. True when the entity goes this path for the first time.
    pub(super) fn add(&mut self, ordinal: u32, path: &Path, ending: bool) -> Result<bool> {
        match self {
            Tally::Paths(whole) => whole.add(ordinal, path, ending),
            Tally::Edges(edges) => edges.add(ordinal, path, ending).map(|()| false),
        }
    }

    /// The nodes of the path that was added last, as they are shown.
    pub(super) fn last_nodes(&self) -> &[u32] {
        match self {
            Tally::Paths(whole) => &whole.scratch,
            Tally::Edges(_) => &[],
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Tally::Paths(whole) => whole.seen.len(),
            Tally::Edges(edges) => edges.seen.len(),
        }
    }

    /// path, sessions, entities; or step, source, target, sessions, entities.
    pub(super) fn columns(&self, names: &Names) -> Vec<ArrayRef> {
        match self {
            Tally::Paths(whole) => {
                let mut lists = ListBuilder::new(StringBuilder::new());
                for path in &whole.seen.keys {
                    path.iter().for_each(|n| lists.values().append_option(names.name(*n)));
                    lists.append(true);
                }
                let paths: ArrayRef = Arc::new(lists.finish());
                std::iter::once(paths).chain(whole.seen.columns()).collect()
            }
            Tally::Edges(edges) => {
                let keys = &edges.seen.keys;
                let texts = |of: fn(&(u32, u32, u32)) -> u32| -> ArrayRef {
                    Arc::new(keys.iter().map(|k| names.name(of(k))).collect::<StringArray>())
                };
                let steps: ArrayRef = Arc::new(Int64Array::from_iter_values(keys.iter().map(|k| i64::from(k.0))));
                [steps, texts(|k| k.1), texts(|k| k.2)].into_iter().chain(edges.seen.columns()).collect()
            }
        }
    }
}

impl Whole {
    fn add(&mut self, ordinal: u32, path: &Path, ending: bool) -> Result<bool> {
        self.scratch.clear();
        self.scratch.extend((path.more && ending).then_some(MORE));
        self.scratch.extend(&path.nodes);
        self.scratch.extend((path.more && !ending).then_some(MORE));
        let known = self.seen.places.get(self.scratch.as_slice()).copied();
        if known.is_none() {
            self.nodes += self.scratch.len();
            if self.nodes > NODES_MAX {
                return Err(too_many(&format!("different paths of more than {NODES_MAX} nodes together")));
            }
        }
        let Whole { seen, scratch, .. } = self;
        seen.count(known, false, || scratch.as_slice().into(), ordinal)
    }
}

impl Edges {
    /// Step k leads from node k to the next one; after the last one there is `(exit)`, or `(more)`. What ENDING leaves out leads to node 1 in step 0.
    fn add(&mut self, ordinal: u32, path: &Path, ending: bool) -> Result<()> {
        if path.more && ending {
            self.count((0, MORE, path.nodes[0]), ordinal)?;
        }
        for (step, source, target) in eql_timeline::path::edges(path) {
            self.count((step as u32, source, target), ordinal)?;
        }
        let after = if path.more && !ending { MORE } else { EXIT };
        match path.nodes.last() {
            Some(last) => self.count((path.nodes.len() as u32, *last, after), ordinal),
            None => Ok(()),
        }
    }

    /// The same for a path of all nodes, none of which starts or ends it, without keeping the path.
    pub(super) fn walk(&mut self, ordinal: u32, spec: &PathSpec, nodes: &[u32]) -> Result<()> {
        let (mut step, mut last) = (0, NO_NODE);
        for node in nodes.iter().copied().filter(|n| *n != NO_NODE) {
            if node == last && !spec.keep_repeats {
                continue;
            }
            if step == spec.depth {
                return if step == 0 { Ok(()) } else { self.count((step as u32, last, MORE), ordinal) };
            }
            if step > 0 {
                self.count((step as u32, last, node), ordinal)?;
            }
            (step, last) = (step + 1, node);
        }
        if step == 0 { Ok(()) } else { self.count((step as u32, last, EXIT), ordinal) }
    }

    /// Adds transitions that were counted elsewhere, whatever their step.
    pub(super) fn add_counted(&mut self, counted: &Transitions) -> Result<()> {
        for (source, target, n) in counted.counts() {
            let edge = (0, source, target.unwrap_or(EXIT));
            self.count(edge, u32::MAX - 1)?;
            let place = near(edge).and_then(|p| self.near.get(p)).copied().or_else(|| self.seen.places.get(&edge).copied());
            if let Some(count) = place.and_then(|p| self.seen.counts.get_mut(p as usize)) {
                count.sessions += i64::try_from(n).unwrap_or(i64::MAX) - 1;
            }
        }
        Ok(())
    }

    fn count(&mut self, edge: (u32, u32, u32), ordinal: u32) -> Result<()> {
        let edge = if self.by_step { edge } else { (0, edge.1, edge.2) };
        let Some(place) = near(edge) else {
            let known = self.seen.places.get(&edge).copied();
            return self.seen.count(known, false, || edge, ordinal).map(|_| ());
        };
        if place >= self.near.len() {
            let side = NEAR_NAMES as usize;
            self.near.resize((edge.0 as usize + 1).next_power_of_two() * side * side, NOWHERE);
        }
        let known = Some(self.near[place]).filter(|p| *p != NOWHERE);
        if known.is_none() {
            self.near[place] = self.seen.len() as u32;
        }
        self.seen.count(known, true, || edge, ordinal).map(|_| ())
    }
}
