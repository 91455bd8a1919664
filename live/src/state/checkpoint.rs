//! State in a file, so that a restart goes on from there instead of reading all of history.
//!
//! ```text
//! "EQLLIVE3" | frame: head | frames: for each population its head, then its entities by the thousand | frame: end
//! frame: length 4 | crc32c 4 | postcard
//! ```
//! The file is written beside the one before and takes its place whole. It is a shortcut: one that cannot be read, or was made of other definitions,
//! is left aside, and everything is made from history.

use super::begin::bound;
use super::entity::Entity;
use super::lane::Keep;
use super::ordinals::{Ordinals, Place, part};
use super::plan::{Key, Plan};
use super::population::Population;
use super::rules::Followed;
use super::standing::{SavedStanding, Standing};
use super::{Source, State, Version};
use eql_planner::live::{Codes, LiveError};
use hashbrown::HashMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

const MAGIC: &[u8; 8] = b"EQLLIVE3";
/// Entities of a frame.
const SOME: usize = 4_096;
/// A frame that says it is longer is damaged.
const FRAME_MAX: usize = 1 << 30;

#[derive(Serialize, Deserialize)]
struct SavedHead {
    position: u64,
    clock: i64,
    versions: BTreeMap<String, Version>,
    /// Entity types of the populations.
    populations: Vec<u16>,
    wholes: Vec<(String, Ordinals)>,
    standing: SavedStanding,
}

/// Lanes, atoms and conditions are known by what they are: numbers depend on the order in which definitions came. How many shards there are is not said.
#[derive(Serialize, Deserialize)]
struct SavedPopulation {
    alive: Ordinals,
    /// Name, condition, members.
    segments: Vec<(String, Key, Ordinals)>,
    lanes: Vec<SavedLane>,
    atoms: Vec<(u32, Key)>,
    pending: BTreeMap<i64, Vec<(u32, u32, i64)>>,
    entities: u64,
}

#[derive(Serialize, Deserialize)]
struct SavedLane {
    number: u32,
    key: (Key, u8),
    keep: Keep,
    /// Bytes of its values.
    codes: Option<Vec<Vec<u8>>>,
}

/// Latest row, lanes (timer, lane, words), words, flipped atoms.
type SavedEntity = (i64, Vec<(i64, u32, u32)>, Vec<i64>, Vec<u32>);

#[derive(Serialize, Deserialize)]
struct End;

fn failed(what: &str, path: &Path) -> impl Fn(std::io::Error) -> LiveError {
    let (what, path) = (what.to_string(), path.display().to_string());
    move |e| LiveError::new(format!("{what} {path}: {e}"))
}

struct Frames<W: Write> {
    to: W,
}

impl<W: Write> Frames<W> {
    fn write(&mut self, thing: &impl Serialize) -> std::io::Result<()> {
        let bytes = postcard::to_allocvec(thing).map_err(std::io::Error::other)?;
        let length = u32::try_from(bytes.len()).map_err(std::io::Error::other)?;
        self.to.write_all(&length.to_le_bytes())?;
        self.to.write_all(&crc32c::crc32c(&bytes).to_le_bytes())?;
        self.to.write_all(&bytes)
    }
}

fn frame<T: DeserializeOwned>(from: &mut impl Read) -> Option<T> {
    let mut word = [0; 4];
    from.read_exact(&mut word).ok()?;
    let length = u32::from_le_bytes(word) as usize;
    from.read_exact(&mut word).ok()?;
    let mut bytes = vec![0; Some(length).filter(|l| *l <= FRAME_MAX)?];
    from.read_exact(&mut bytes).ok()?;
    (crc32c::crc32c(&bytes) == u32::from_le_bytes(word)).then(|| postcard::from_bytes(&bytes).ok())?
}

impl State {
    /// Writes it to a file, which then takes the place of the one before. While something waits to be read from the store
    /// ([`State::waits_for`]) the file of before stays: what is not known yet cannot be gone on from.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), LiveError> {
        if self.again.is_some() {
            return Ok(());
        }
        let beside = path.with_extension("new");
        let file = File::create(&beside).map_err(failed("create", &beside))?;
        let mut frames = Frames { to: BufWriter::new(file) };
        self.write(&mut frames).map_err(failed("write", &beside))?;
        let file = frames.to.into_inner().map_err(|e| failed("write", &beside)(e.into_error()))?;
        file.sync_all().map_err(failed("sync", &beside))?;
        std::fs::rename(&beside, path).map_err(failed("rename", &beside))?;
        if let Some(dir) = path.parent() {
            File::open(dir).and_then(|d| d.sync_all()).map_err(failed("sync", dir))?;
        }
        Ok(())
    }

    fn write(&self, frames: &mut Frames<impl Write>) -> std::io::Result<()> {
        frames.to.write_all(MAGIC)?;
        frames.write(&SavedHead {
            position: self.position,
            clock: self.clock,
            versions: self.versions.clone(),
            populations: self.populations.keys().map(|entity| entity.0).collect(),
            wholes: self.wholes.iter().map(|w| (w.name.clone(), w.members.clone())).collect(),
            standing: self.standing.saved(),
        })?;
        for p in self.populations.values() {
            frames.write(&p.saved())?;
            for first in (0..p.known).step_by(SOME) {
                let some = first..p.known.min(first + SOME as u32);
                frames.write(&some.map(|o| p.saved_entity(o)).collect::<Vec<SavedEntity>>())?;
            }
        }
        frames.write(&End)
    }

    /// Reads it from a file: the state of its position, from which the log goes on. None when there is none, it is damaged, or the definitions are
    /// others now.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn restore(source: Arc<dyn Source>, path: &Path, threads: usize) -> Result<Option<Self>, LiveError> {
        let Ok(file) = File::open(path) else { return Ok(None) };
        let mut from = BufReader::new(file);
        let mut magic = [0; 8];
        if from.read_exact(&mut magic).is_err() || &magic != MAGIC {
            return Ok(None);
        }
        let Some(head) = frame::<SavedHead>(&mut from) else { return Ok(None) };
        let snapshot = source.snapshot()?;
        if head.position > snapshot.position() {
            return Ok(None);
        }
        let names: Vec<String> = bound(snapshot.catalog()).0.into_keys().collect();
        if !names.iter().eq(head.versions.keys()) {
            return Ok(None);
        }
        let mut state = Self::empty(source, &snapshot, (head.position, head.clock), head.versions.clone(), threads);
        state.plan(&snapshot)?;
        if head.wholes.is_empty() {
            state.without_queries();
        }
        let planned: Vec<u16> = state.populations.keys().map(|entity| entity.0).collect();
        let wholes = state.wholes.iter().map(|w| &w.name).eq(head.wholes.iter().map(|w| &w.0));
        if planned != head.populations || state.versions != head.versions || !wholes {
            return Ok(None);
        }
        state.standing = Standing::restored(head.standing);
        for (whole, (_, members)) in state.wholes.iter_mut().zip(head.wholes) {
            whole.members = members;
        }
        for p in state.populations.values_mut() {
            if p.read(&mut from).is_none() {
                return Ok(None);
            }
            p.keys.grow(&snapshot, p.rules.entity, p.known)?;
        }
        Ok(frame::<End>(&mut from).map(|_| state))
    }
}

impl Population {
    fn saved(&self) -> SavedPopulation {
        let (plan, atoms) = (&self.rules.plan, self.rules.plan.atom_keys());
        let segment = |(number, s): (usize, &Followed)| (s.name.clone(), s.condition.key(&atoms), self.members(number));
        let lane = |(number, key): (&u32, &(Key, u8))| {
            let lane = &plan.lanes[*number as usize];
            SavedLane { number: *number, key: *key, keep: lane.keep, codes: lane.codes.as_ref().map(Codes::to_bytes) }
        };
        let mut pending: BTreeMap<i64, Vec<(u32, u32, i64)>> = BTreeMap::new();
        for shard in &self.shards {
            for (at, rows) in &shard.pending {
                let rows = rows.iter().map(|(local, lane, payload)| (shard.place.ordinal(*local), *lane, *payload));
                pending.entry(*at).or_default().extend(rows);
            }
        }
        // Of one entity they stay as they came.
        pending.values_mut().for_each(|rows| rows.sort_by_key(|r| r.0));
        SavedPopulation {
            alive: self.alive(),
            segments: self.rules.segments.iter().enumerate().map(segment).collect(),
            lanes: plan.lane_keys().iter().map(lane).collect(),
            atoms: atoms.iter().map(|(number, key)| (*number, *key)).collect(),
            pending,
            entities: u64::from(self.known),
        }
    }

    fn saved_entity(&self, ordinal: u32) -> SavedEntity {
        let (shard, local) = self.place(ordinal);
        let e = &shard.entities[local as usize];
        let heads = e.heads().iter().map(|h| (h.armed, h.lane, e.words_of(h).len() as u32)).collect();
        let words = e.heads().iter().flat_map(|h| e.words_of(h)).copied().collect();
        (e.latest, heads, words, e.flipped().to_vec())
    }

    /// None when it is not of the same definitions, or damaged.
    fn read(&mut self, from: &mut impl Read) -> Option<()> {
        let head = frame::<SavedPopulation>(from)?;
        let numbers = Renumbered::new(&mut self.rules.plan, &head)?;
        let atoms = self.rules.plan.atom_keys();
        let segments = self.rules.segments.iter().map(|s| (&s.name, s.condition.key(&atoms)));
        if !segments.eq(head.segments.iter().map(|s| (&s.0, s.1))) {
            return None;
        }
        self.make_room(u32::try_from(head.entities).ok()?);
        for shard in &mut self.shards {
            let place = shard.place;
            shard.alive = part(&head.alive, place);
            shard.members = head.segments.iter().map(|(_, _, members)| part(members, place)).collect();
            for (at, rows) in &head.pending {
                let own = rows.iter().filter(|(o, ..)| Place::shard(*o, place.of) == place.number as usize);
                let rows: Vec<_> =
                    own.filter_map(|(o, lane, payload)| Some((place.local(*o), *numbers.lanes.get(lane)?, *payload))).collect();
                if !rows.is_empty() {
                    shard.pending.insert(*at, rows);
                }
            }
        }
        let (of, mut ordinal) = (self.shards.len() as u32, 0);
        while ordinal < self.known {
            for saved in frame::<Vec<SavedEntity>>(from)? {
                let shard = self.shards.get_mut(Place::shard(ordinal, of))?;
                let local = shard.place.local(ordinal);
                *shard.entities.get_mut(local as usize)? = numbers.entity(saved)?;
                shard.rearm(local);
                ordinal += 1;
            }
        }
        Some(())
    }
}

/// The numbers that lanes and atoms have now, by those that they had.
struct Renumbered {
    lanes: HashMap<u32, u32>,
    atoms: HashMap<u32, u32>,
}

impl Renumbered {
    /// None when something is needed that was not saved.
    fn new(plan: &mut Plan, head: &SavedPopulation) -> Option<Self> {
        let saved: HashMap<(Key, u8), &SavedLane> = head.lanes.iter().map(|l| (l.key, l)).collect();
        let mut lanes = HashMap::new();
        for (number, key) in plan.lane_keys() {
            let (saved, lane) = (saved.get(&key)?, &mut plan.lanes[number as usize]);
            if saved.keep.with(lane.keep) != saved.keep || saved.codes.is_some() != lane.codes.is_some() {
                return None;
            }
            lane.keep = saved.keep;
            if let (Some(codes), Some(saved)) = (lane.codes.as_mut(), &saved.codes) {
                codes.read_bytes(saved);
            }
            lanes.insert(saved.number, number);
        }
        let known: HashMap<Key, u32> = head.atoms.iter().map(|(number, key)| (*key, *number)).collect();
        let atoms = plan.atom_keys().into_iter().map(|(number, key)| Some((*known.get(&key)?, number))).collect::<Option<_>>()?;
        plan.number_texts().ok()?;
        Some(Self { lanes, atoms })
    }

    /// An entity with its numbers of now, without what nobody asks for any more.
    fn entity(&self, (latest, heads, words, flipped): SavedEntity) -> Option<Entity> {
        let mut lanes = Vec::with_capacity(heads.len());
        let mut rest = words.as_slice();
        for (armed, lane, count) in heads {
            let (own, behind) = rest.split_at_checked(count as usize)?;
            rest = behind;
            if let Some(lane) = self.lanes.get(&lane) {
                lanes.push((*lane, armed, own));
            }
        }
        lanes.sort_unstable_by_key(|l| l.0);
        let parts: Vec<(i64, u32, u32)> = lanes.iter().map(|(lane, armed, own)| (*armed, *lane, own.len() as u32)).collect();
        let words = lanes.iter().flat_map(|(_, _, own)| own.iter().copied()).collect();
        let mut flipped: Vec<u32> = flipped.iter().filter_map(|a| self.atoms.get(a).copied()).collect();
        flipped.sort_unstable();
        Entity::from_parts(latest, &parts, words, flipped)
    }
}
