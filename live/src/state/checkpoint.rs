//! State in a file, so that a restart goes on from there instead of reading all of history.
//!
//! ```text
//! "EQLLIVE2" | frame: head | frames: for each population its head, then its entities by the thousand | frame: end
//! frame: length 4 | crc32c 4 | postcard
//! ```
//! The file is written beside the one before and takes its place whole. It is a shortcut: one that cannot be read, or was made of other definitions,
//! is left aside, and everything is made from history.

use super::begin::bound;
use super::entity::{Entity, Head, UNARMED};
use super::population::{Ordinals, Population};
use super::standing::{SavedStanding, Standing};
use super::{Source, State, Version};
use eql_planner::live::LiveError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

const MAGIC: &[u8; 8] = b"EQLLIVE2";
/// Entities of a frame.
const SOME: usize = 4_096;
/// A frame that says it is longer is damaged.
const FRAME_MAX: usize = 1 << 30;

#[derive(Serialize, Deserialize)]
struct SavedHead {
    position: u64,
    clock: i64,
    versions: BTreeMap<String, Version>,
    /// Entity type and signature of each population.
    populations: Vec<(u16, u64)>,
    wholes: Vec<(String, Ordinals)>,
    standing: SavedStanding,
}

#[derive(Serialize, Deserialize)]
struct SavedPopulation {
    alive: Ordinals,
    segments: Vec<(String, Ordinals)>,
    /// By lane: bytes of its values.
    codes: Vec<Option<Vec<Vec<u8>>>>,
    pending: BTreeMap<i64, Vec<(u32, u32, i64)>>,
    entities: u64,
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
            populations: self.populations.values().map(|p| (p.entity.0, p.plan.signature)).collect(),
            wholes: self.wholes.iter().map(|w| (w.name.clone(), w.members.clone())).collect(),
            standing: self.standing.saved(),
        })?;
        for p in self.populations.values() {
            frames.write(&SavedPopulation {
                alive: p.alive.clone(),
                segments: p.segments.iter().map(|s| (s.name.clone(), s.members.clone())).collect(),
                codes: p.plan.lanes.iter().map(|l| l.codes.as_ref().map(eql_planner::live::Codes::to_bytes)).collect(),
                pending: p.pending.clone(),
                entities: p.entities.len() as u64,
            })?;
            for some in p.entities.chunks(SOME) {
                let saved = |e: &Entity| -> SavedEntity {
                    let heads = e.heads().iter().map(|h| (h.armed, h.lane, h.words)).collect();
                    (e.latest, heads, e.words().to_vec(), e.flipped().to_vec())
                };
                frames.write(&some.iter().map(saved).collect::<Vec<_>>())?;
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
        let planned: Vec<(u16, u64)> = state.populations.values().map(|p| (p.entity.0, p.plan.signature)).collect();
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
            p.keys.grow(&snapshot, p.entity, u32::try_from(p.entities.len()).unwrap_or(u32::MAX))?;
        }
        Ok(frame::<End>(&mut from).map(|_| state))
    }
}

impl Population {
    fn read(&mut self, from: &mut impl Read) -> Option<()> {
        let head = frame::<SavedPopulation>(from)?;
        self.alive = head.alive;
        self.pending = head.pending;
        if !self.segments.iter().map(|s| &s.name).eq(head.segments.iter().map(|s| &s.0)) || head.codes.len() != self.plan.lanes.len() {
            return None;
        }
        for (segment, (_, members)) in self.segments.iter_mut().zip(head.segments) {
            segment.members = members;
        }
        for (lane, saved) in self.plan.lanes.iter_mut().zip(&head.codes) {
            if let (Some(codes), Some(saved)) = (lane.codes.as_mut(), saved) {
                codes.read_bytes(saved);
            }
        }
        while (self.entities.len() as u64) < head.entities {
            for (latest, heads, words, flipped) in frame::<Vec<SavedEntity>>(from)? {
                let ordinal = u32::try_from(self.entities.len()).ok()?;
                for (armed, lane, _) in heads.iter().filter(|h| h.0 != UNARMED) {
                    self.timers.set((*armed, ordinal, *lane));
                }
                let heads = heads.into_iter().map(|(armed, lane, words)| Head { armed, lane, words }).collect();
                self.entities.push(Entity::from_parts(latest, heads, words, flipped));
            }
        }
        Some(())
    }
}
