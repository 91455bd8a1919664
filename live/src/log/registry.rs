//! What the change log knows beside its records: which segments and tags it follows, where their snapshots are, from where on their
//! changes are kept, and who subscribed under a name. One small file, replaced as a whole.

use super::{Cursor, LogError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

pub(super) const NAME: &str = "manifest.json";
const FORMAT: u32 = 1;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// A number of its own: cursors of another log are not taken for ours.
    pub(super) log: u64,
    pub(super) secret: u64,
    pub(super) next_source: u32,
    /// The last record that was removed.
    pub(super) removed: u64,
    pub(super) sources: BTreeMap<String, SourceMeta>,
    #[serde(default)]
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    /// Logs that this one was restored from, and how far their cursors hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) former: Vec<Former>,
    /// Subscriptions are defined elsewhere, and here is only where they are. Logs of before know of no such place.
    #[serde(default)]
    pub(super) places_only: bool,
}

/// A log that this one was restored from: both have the same up to here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Former {
    pub(super) log: u64,
    /// The last record that was taken over.
    pub(super) number: u64,
    /// The last position in the log of events.
    pub(super) position: u64,
}

/// A segment or a tag.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SourceMeta {
    pub(super) id: u32,
    /// The last of its records that was removed.
    pub(super) floor: u64,
    pub(super) version: u32,
    pub(super) snapshot: Option<SnapshotMeta>,
}

/// Members or values as of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SnapshotMeta {
    pub(super) number: u64,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// Somebody who subscribed under a name: what he has not acknowledged is kept for him, up to a limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// `segment vip` or `tag user.level`
    pub follows: String,
    pub(super) cursor: Cursor,
    /// When it last acknowledged, or was made: microseconds.
    pub acknowledged_at: i64,
    /// It lagged too far behind.
    pub broken: bool,
}

impl Subscription {
    /// The position that was acknowledged.
    pub fn position(&self) -> u64 {
        self.cursor.position()
    }
}

impl Manifest {
    pub(super) fn read(dir: &Path) -> Result<Option<Manifest>, LogError> {
        let path = dir.join(NAME);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(LogError::io(&path, "read")(e)),
        };
        // The checksum is the first line.
        let text = String::from_utf8_lossy(&bytes);
        let (check, body) = text.split_once('\n').unwrap_or_default();
        if check != format!("{:08x}", crc32c::crc32c(body.as_bytes())) {
            return Err(LogError::damaged(&path, 0, "the checksum does not fit"));
        }
        let manifest: Manifest = serde_json::from_str(body).map_err(|e| LogError::damaged(&path, 0, e.to_string()))?;
        if manifest.format > FORMAT {
            return Err(LogError::Newer { file: path, found: manifest.format });
        }
        Ok(Some(manifest))
    }

    pub(super) fn new(log: u64, secret: u64) -> Manifest {
        let (sources, subscriptions) = (BTreeMap::new(), BTreeMap::new());
        let (former, places_only) = (Vec::new(), true);
        Manifest { format: FORMAT, log, secret, next_source: 1, removed: 0, sources, subscriptions, former, places_only }
    }

    /// A cursor that this log gave, or one that it was restored from.
    pub(super) fn cursor(&self, text: &str) -> Result<Cursor, LogError> {
        let cursor = Cursor::read(text, self.secret)?;
        if cursor.log == self.log {
            return Ok(cursor);
        }
        let former = self.former.iter().find(|f| f.log == cursor.log);
        let former = former.ok_or(LogError::Cursor("was given before the change log was made anew"))?;
        // A place in the log of events is a position.
        let is_shared = cursor.number <= if cursor.source == 0 { former.position } else { former.number };
        if is_shared { Ok(Cursor { log: self.log, ..cursor }) } else { Err(LogError::Ahead) }
    }

    pub(super) fn write(&self, dir: &Path) -> Result<(), LogError> {
        let path = dir.join(NAME);
        let body = serde_json::to_string(self).map_err(|e| LogError::damaged(&path, 0, e.to_string()))?;
        replace(dir, NAME, format!("{:08x}\n{body}", crc32c::crc32c(body.as_bytes())).as_bytes())
    }
}

/// Replaces a file so that either the old or the new one is there at any instant.
pub(super) fn replace(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), LogError> {
    let (path, beside) = (dir.join(name), dir.join(format!("{name}.new")));
    let mut file = File::create(&beside).map_err(LogError::io(&beside, "create"))?;
    file.write_all(bytes).map_err(LogError::io(&beside, "write"))?;
    file.sync_all().map_err(LogError::io(&beside, "sync"))?;
    std::fs::rename(&beside, &path).map_err(LogError::io(&path, "rename"))?;
    sync_dir(dir)
}

pub(super) fn sync_dir(dir: &Path) -> Result<(), LogError> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(LogError::io(dir, "sync directory"))
}
