//! Which place belongs to a data directory. Both say so: `parts.json` in the directory names the place, and a file in the place names
//! the directory, because unnamed files are removed there and two directories would remove each other's.

use super::at::{Address, PartsAt, address};
use super::{LocalPlace, ObjectPlace, PartPlace};
use crate::StoreError;
use crate::disk::{replace_file, sync_dir};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

/// The folder of parts in a data directory.
pub(crate) const PARTS: &str = "parts";

/// In the data directory; absent when the parts are there too.
pub(crate) const RECORD: &str = "parts.json";

/// In a place elsewhere.
const CLAIM: &str = "eql-parts.json";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Recorded {
    url: String,
    /// Made up once.
    owner: String,
}

/// The place of one data directory.
#[derive(Debug)]
pub(crate) struct OwnPlace {
    pub(crate) place: Arc<dyn PartPlace>,
    /// Who we are, until the place is known to be ours.
    unclaimed: Option<String>,
}

impl OwnPlace {
    /// `in_use`: the manifest names parts, so that they cannot be looked for elsewhere.
    pub(crate) fn open(dir: &Path, at: &PartsAt, in_use: bool) -> Result<OwnPlace, StoreError> {
        let (recorded, given) = (read(dir)?, at.url());
        let recorded_url = recorded.as_ref().map(|r| &r.url);
        if in_use && recorded_url != given.as_ref() {
            let named = |url: Option<&String>| url.cloned().unwrap_or_else(|| "the data directory itself".to_string());
            let (recorded, given) = (named(recorded_url), named(given.as_ref()));
            return Err(StoreError::PartsElsewhere { dir: dir.to_path_buf(), recorded, given });
        }
        let Some(url) = given else {
            remove(dir, recorded.is_some())?;
            return Ok(OwnPlace { place: Arc::new(LocalPlace::new(dir.join(PARTS))), unclaimed: None });
        };
        let place = elsewhere(&url, at)?;
        let kept = recorded.filter(|r| r.url == url);
        let recorded = kept.unwrap_or_else(|| Recorded { url, owner: new_owner() });
        replace_file(dir, RECORD, json(dir, &recorded)?.as_bytes())?;
        let mut own = OwnPlace { place, unclaimed: Some(recorded.owner) };
        match own.claim() {
            Err(e @ StoreError::Remote { .. }) if in_use => {
                tracing::warn!(error = %e, "events that are not in memory cannot be read until their place answers");
            }
            claimed => claimed?,
        }
        Ok(own)
    }

    /// True when files of this place may be written and removed.
    pub(crate) fn claimed(&self) -> bool {
        self.unclaimed.is_none()
    }

    /// Makes sure that nobody else's parts lie here.
    pub(crate) fn claim(&mut self) -> Result<(), StoreError> {
        let Some(owner) = &self.unclaimed else { return Ok(()) };
        let ours = serde_json::json!({ "owner": owner }).to_string();
        let found = self.place.create(CLAIM, ours.clone().into_bytes())?;
        if found.trim_ascii() != ours.as_bytes() {
            return Err(StoreError::PartsTaken { claim: self.place.path(CLAIM) });
        }
        self.unclaimed = None;
        Ok(())
    }
}

/// The place that a directory says its parts are in; whoever only looks claims nothing. `at` has what a client of that place needs.
pub(crate) fn recorded_place(dir: &Path, at: &PartsAt) -> Result<Arc<dyn PartPlace>, StoreError> {
    match read(dir)? {
        None => Ok(Arc::new(LocalPlace::new(dir.join(PARTS)))),
        Some(Recorded { url, .. }) if at.url().as_ref() == Some(&url) => elsewhere(&url, at),
        Some(Recorded { url, .. }) => elsewhere(&url, &PartsAt::Url { url: url.clone(), options: BTreeMap::new() }),
    }
}

fn elsewhere(url: &str, at: &PartsAt) -> Result<Arc<dyn PartPlace>, StoreError> {
    Ok(match (address(url)?, at) {
        (Address::Bucket { bucket, prefix }, PartsAt::Url { options, .. }) => {
            Arc::new(ObjectPlace::bucket(url.to_string(), &bucket, &prefix, options)?)
        }
        (Address::Directory(path), _) => Arc::new(LocalPlace::new(path)),
        (Address::Bucket { .. }, PartsAt::Local) => Arc::new(LocalPlace::new(url.into())),
    })
}

fn read(dir: &Path) -> Result<Option<Recorded>, StoreError> {
    let path = dir.join(RECORD);
    match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|e| StoreError::damaged(&path, 0, e.to_string())),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StoreError::io(&path, "read")(e)),
    }
}

fn remove(dir: &Path, present: bool) -> Result<(), StoreError> {
    if !present {
        return Ok(());
    }
    let path = dir.join(RECORD);
    crate::disk::remove_file(&path).map_err(StoreError::io(&path, "remove"))?;
    sync_dir(dir)
}

fn json(dir: &Path, recorded: &Recorded) -> Result<String, StoreError> {
    let text = serde_json::to_string(recorded).map_err(|e| StoreError::damaged(&dir.join(RECORD), 0, e.to_string()))?;
    Ok(format!("{text}\n"))
}

/// 128 bits that nobody else has: each of the keys of the two hashers was drawn at random.
fn new_owner() -> String {
    let draw = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", draw(), draw())
}
