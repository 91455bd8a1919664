//! What is followed for all segments of one entity type, numbered. Numbers stay what they are while definitions come and go, so that what is
//! remembered of entities stays where it is; the number of what nobody asks for any more is given to what comes next.

use super::definition::{Atom, Made, Test, key};
use super::feature::{Asked, Feature, How};
use super::lane::{Keep, Lane};
use super::moment::Moment;
use arrow::array::{ArrayRef, StringArray};
use eql_catalog::DataType;
use eql_grammar::ast::BinaryOp;
use eql_planner::Planner;
use eql_planner::live::{LiveError, LiveRange, Marks, RangeMemo};
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The same for what means the same.
pub(crate) type Key = u128;

/// Things by number, and their numbers.
#[derive(Debug)]
struct Numbers<K> {
    of: HashMap<K, usize>,
    free: Vec<usize>,
}

impl<K> Default for Numbers<K> {
    fn default() -> Self {
        Self { of: HashMap::new(), free: Vec::new() }
    }
}

impl<K: std::hash::Hash + Eq> Numbers<K> {
    /// Puts a thing where there is room.
    fn add<T>(&mut self, key: K, thing: T, things: &mut Vec<T>) -> usize {
        let number = match self.free.pop() {
            Some(number) => {
                things[number] = thing;
                number
            }
            None => {
                things.push(thing);
                things.len() - 1
            }
        };
        self.of.insert(key, number);
        number
    }

    /// Those that are not used give up their numbers.
    fn retain(&mut self, used: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut gone: Vec<usize> = self.of.extract_if(|_, number| !used(*number)).map(|(_, number)| number).collect();
        // The least numbers are given away first.
        gone.sort_unstable();
        self.free.extend(gone.iter().rev());
        gone
    }
}

/// Everything that is followed for the segments of one entity type.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub lanes: Vec<Lane>,
    pub features: Vec<Feature>,
    pub atoms: Vec<Atom>,
    pub ranges: Vec<LiveRange>,
    /// By feature: its lane.
    pub lane_of: Vec<usize>,
    /// By feature: its atoms.
    pub atoms_of: Vec<Vec<u32>>,
    lane_numbers: Numbers<(Key, u8)>,
    feature_numbers: Numbers<Key>,
    atom_numbers: Numbers<Key>,
    range_numbers: Numbers<Key>,
}

/// What is different after definitions came or went.
#[derive(Debug, Default)]
pub(crate) struct Replanned {
    /// Lanes whose rows have to be read from history.
    pub read: Vec<u32>,
    /// Lanes at which everybody who has rows in them has to be looked.
    pub look: Vec<u32>,
    /// Lanes and atoms that are there no more.
    pub gone_lanes: HashSet<u32>,
    pub gone_atoms: HashSet<u32>,
}

impl Plan {
    pub(crate) fn atom_of(&self, key: Key) -> Option<u32> {
        self.atom_numbers.of.get(&key).map(|number| *number as u32)
    }

    pub(crate) fn add_atom(&mut self, key: Key, atom: Atom) -> u32 {
        let features = atom.features.clone();
        let number = self.atom_numbers.add(key, atom, &mut self.atoms) as u32;
        features.into_iter().for_each(|f| self.atoms_of[f].push(number));
        number
    }

    pub(crate) fn feature_of(&self, key: Key) -> Option<usize> {
        self.feature_numbers.of.get(&key).copied()
    }

    pub(crate) fn add_feature(&mut self, key: Key, feature: Feature) -> usize {
        let number = self.feature_numbers.add(key, feature, &mut self.features);
        self.atoms_of.resize(self.features.len(), vec![]);
        self.lane_of.resize(self.features.len(), usize::MAX);
        self.atoms_of[number].clear();
        number
    }

    pub(crate) fn range_of(&self, key: Key) -> Option<usize> {
        self.range_numbers.of.get(&key).copied()
    }

    pub(crate) fn add_range(&mut self, key: Key, range: LiveRange) -> usize {
        self.range_numbers.add(key, range, &mut self.ranges)
    }

    /// Lanes by what they are: for a checkpoint.
    pub(crate) fn lane_keys(&self) -> BTreeMap<u32, (Key, u8)> {
        self.lane_numbers.of.iter().map(|(key, lane)| (*lane as u32, *key)).collect()
    }

    /// Atoms by what they are.
    pub(crate) fn atom_keys(&self) -> BTreeMap<u32, Key> {
        self.atom_numbers.of.iter().map(|(key, atom)| (*atom as u32, *key)).collect()
    }

    /// Gives every feature a lane when definitions came or went, and lets go what is not used. `used` are the atoms of all
    /// segments.
    pub(crate) fn replan(
        &mut self,
        planner: &Planner,
        used: &HashSet<u32>,
        Made { atoms: made, mut marks }: Made,
        now: i64,
    ) -> Result<Replanned, LiveError> {
        let mut out = Replanned { gone_atoms: self.drop_unused(used), ..Replanned::default() };
        let mut wanted: BTreeMap<(Key, u8), (Keep, Vec<usize>)> = BTreeMap::new();
        let mut live: Vec<usize> = self.feature_numbers.of.values().copied().collect();
        live.sort_unstable();
        for f in &live {
            self.features[*f].asked = self.asked(*f);
            let keep = keep(&self.features[*f], &self.ranges);
            let (known, features) = wanted.entry((key(&self.features[*f].spec), keep.class())).or_insert_with(|| (keep, vec![]));
            *known = known.with(keep);
            features.push(*f);
        }
        let gone = self.lane_numbers.of.extract_if(|key, _| !wanted.contains_key(key)).map(|(_, lane)| lane).collect::<Vec<_>>();
        gone.iter().for_each(|lane| self.lanes[*lane].features.clear());
        out.gone_lanes.extend(gone.iter().map(|lane| *lane as u32));
        let mut memos = vec![RangeMemo::default(); self.ranges.len()];
        let mut wanted: Vec<_> = wanted.into_iter().collect();
        wanted.sort_by_key(|(_, (_, features))| features[0]);
        for (key, (keep, features)) in wanted {
            let known = self.lane_numbers.of.get(&key).copied();
            let lane = match known {
                Some(lane) => {
                    let mut at = Moment { now, ranges: &self.ranges, memos: &mut memos };
                    let new: Vec<usize> = features.iter().copied().filter(|f| self.lane_of[*f] != lane || marks.contains_key(f)).collect();
                    if !self.lanes[lane].covers(keep, &new, &self.features, &mut at) {
                        out.read.push(lane as u32);
                    } else if !new.is_empty() || features.iter().any(|f| self.atoms_of[*f].iter().any(|a| made.contains(a))) {
                        out.look.push(lane as u32);
                    }
                    let l = &mut self.lanes[lane];
                    (l.keep, l.features) = (l.keep.with(keep), features);
                    lane
                }
                None => {
                    let spec = self.features[features[0]].spec.clone();
                    let marks = match features.iter().find_map(|f| marks.remove(f)) {
                        Some(marks) => marks,
                        // What changes its lane was followed before.
                        None => Marks::new(planner, &spec)?.ok_or_else(|| LiveError::new("rows that cannot be followed"))?,
                    };
                    let codes = marks.codes()?;
                    let made = Lane { spec, marks, codes, keep, features };
                    let lane = self.lane_numbers.add(key, made, &mut self.lanes);
                    out.read.push(lane as u32);
                    lane
                }
            };
            for f in &self.lanes[lane].features {
                self.lane_of[*f] = lane;
            }
        }
        // Not before: what is remembered of entities in these lanes has to go first.
        self.lane_numbers.free.extend(gone);
        self.number_texts()?;
        Ok(out)
    }

    /// Atoms that no segment asks for, the features of none but these, and the ranges of these.
    fn drop_unused(&mut self, used: &HashSet<u32>) -> HashSet<u32> {
        let gone = self.atom_numbers.retain(|atom| used.contains(&(atom as u32)));
        for atom in &gone {
            self.atoms[*atom] = Atom { test: Test::Nothing, features: vec![] };
        }
        let gone: HashSet<u32> = gone.into_iter().map(|atom| atom as u32).collect();
        self.atoms_of.iter_mut().for_each(|atoms| atoms.retain(|a| !gone.contains(a)));
        let atoms_of = &self.atoms_of;
        self.feature_numbers.retain(|f| !atoms_of[f].is_empty());
        let ranges: HashSet<usize> = self.feature_numbers.of.values().filter_map(|f| self.features[*f].range).collect();
        self.range_numbers.retain(|r| ranges.contains(&r));
        gone
    }

    /// What conditions ask of a feature.
    fn asked(&self, f: usize) -> Asked {
        let feature = &self.features[f];
        let tests = || self.atoms_of[f].iter().map(|a| &self.atoms[*a as usize].test);
        let ints = || tests().map(|t| if let Test::Int(op, v) = t { Some((*op, *v)) } else { None }).collect::<Option<Vec<_>>>();
        match &feature.how {
            How::Count | How::CountDistinct => ints().map_or(Asked::Anything, |tests| {
                let mut counts: Vec<i64> = tests.into_iter().flat_map(|(op, v)| thresholds(op, v)).collect();
                counts.sort_unstable();
                counts.dedup();
                Asked::Counts(counts)
            }),
            How::Sum if feature.value == DataType::Double => {
                let ordered =
                    |op: BinaryOp| matches!(op, BinaryOp::Less | BinaryOp::LessOrEqual | BinaryOp::Greater | BinaryOp::GreaterOrEqual);
                let test = |t: &Test| if let Test::Double(op, v) = t { ordered(*op).then_some((*op, *v)) } else { None };
                tests().map(test).collect::<Option<_>>().map_or(Asked::Anything, Asked::Doubles)
            }
            How::Sum => ints().map_or(Asked::Anything, Asked::Ints),
            _ => Asked::Anything,
        }
    }

    /// The texts that picked values are compared with, by the numbers that they have in their lanes.
    pub(crate) fn number_texts(&mut self) -> Result<(), LiveError> {
        for atom in &mut self.atoms {
            if let (Test::Picked { text, number }, [feature]) = (&mut atom.test, atom.features.as_slice())
                && let Some(codes) = self.lanes[self.lane_of[*feature]].codes.as_mut()
            {
                let text: ArrayRef = Arc::new(StringArray::from(vec![text.as_str()]));
                *number = codes.of(&[text])?.first().copied().unwrap_or(u32::MAX);
            }
        }
        Ok(())
    }
}

/// The counts at which a comparison changes.
fn thresholds(op: BinaryOp, v: i64) -> Vec<i64> {
    match op {
        BinaryOp::GreaterOrEqual | BinaryOp::Less => vec![v],
        BinaryOp::Greater | BinaryOp::LessOrEqual => vec![v.saturating_add(1)],
        _ => vec![v, v.saturating_add(1)],
    }
}

/// Which rows a feature needs. Nothing later than now is ever among them, so the most recent rows are those at the end of a window that ends now.
fn keep(feature: &Feature, ranges: &[LiveRange]) -> Keep {
    let ends_now = feature.range.is_none_or(|r| ranges[r].ends_now());
    let unbounded = feature.range.is_none_or(|r| ranges[r].is_unbounded());
    let greatest = match &feature.asked {
        Asked::Counts(counts) => Some(counts.last().copied().unwrap_or(1).clamp(1, i64::from(u32::MAX)) as u32),
        _ => None,
    };
    match (&feature.how, greatest) {
        (How::Count, Some(k)) if ends_now && k <= RECENT_MAX => Keep::Recent(k),
        // Each new row is compared with all that are kept.
        (How::CountDistinct, Some(k)) if ends_now && k <= DISTINCT_MAX => Keep::RecentDistinct(k),
        (How::Picked { last: true }, _) if ends_now => Keep::Recent(1),
        (How::Picked { last: false }, _) if ends_now && unbounded => Keep::Earliest(1),
        _ => Keep::Window,
    }
}

const RECENT_MAX: u32 = 4_096;
const DISTINCT_MAX: u32 = 64;
