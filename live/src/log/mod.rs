//! The change log: what was published, durable before anybody hears of it.
//!
//! ```text
//! net changes → ChangeLog::append → frames, synced → recent records in memory → Reader::next → subscribers
//!                                          ↓ retention                        ↗ files, for those who are behind
//!                                   snapshots of members
//! ```
//! One log for all segments and tags, so that a commit which changes a hundred segments is one sync. It is the truth of what was
//! published: members are what the records say, and whoever recomputes them after a crash appends the difference.

mod cursor;
mod entry;
mod erase;
mod error;
mod file;
mod frame;
mod hold;
mod keep;
mod lag;
mod members;
mod reader;
mod registry;
mod restored;
mod retain;
mod subscription;

pub use cursor::Cursor;
pub use entry::{Changed, Entry, ValueChange, ValueCommit};
pub use erase::{Erasure, Gone};
pub use error::LogError;
pub use hold::Held;
pub use lag::Lag;
pub use members::Members;
pub use reader::{Next, Reader, Start};
pub use registry::Subscription;
pub use subscription::SubscriptionState;

use file::{Known, Scan};
use frame::Head;
use parking_lot::{Mutex, MutexGuard};
use registry::{Manifest, SnapshotMeta, SourceMeta};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

/// How much is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// Changes are kept so long, in microseconds …
    pub keep_us: i64,
    /// … and not more than so many bytes of them; for a named subscription as much again.
    pub keep_bytes: u64,
    /// A file ends above this size.
    pub file_bytes: u64,
    /// Records that are kept in memory for subscribers.
    pub recent: usize,
    /// … and their bytes.
    pub recent_bytes: usize,
}

impl Default for LogOptions {
    fn default() -> LogOptions {
        LogOptions { keep_us: 7 * 86_400_000_000, keep_bytes: 1 << 30, file_bytes: 8 << 20, recent: 1024, recent_bytes: 16 << 20 }
    }
}

/// Figures of a segment or a tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceFigures {
    /// Members, or entities with a value.
    pub rows: u64,
    /// Version of the definition.
    pub version: u32,
    /// Subscribers that read now.
    pub readers: usize,
}

/// The change log of one data directory.
pub struct ChangeLog {
    dir: PathBuf,
    options: LogOptions,
    /// Taken by the one who writes; held over the sync, so that readers need not wait for it.
    writer: Mutex<Writer>,
    /// Taken by the one who replaces the manifest, before `inner`.
    saving: Mutex<()>,
    inner: Mutex<Inner>,
}

impl std::fmt::Debug for ChangeLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChangeLog").field("dir", &self.dir).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Writer {
    /// The file that is written, and its bytes.
    open: Option<(Arc<file::LogFile>, u64)>,
    failed: Option<String>,
}

struct Inner {
    manifest: Manifest,
    /// By their ids, like the sources of the manifest.
    sources: BTreeMap<u32, Source>,
    files: Vec<Known>,
    /// The last record that is published.
    last: u64,
    /// Contiguous, up to the last one.
    recent: VecDeque<(usize, Arc<Entry>)>,
    recent_bytes: usize,
    /// Position and clock up to which everything is published.
    progress: (u64, i64),
    /// Subscriptions were acknowledged since the manifest was written.
    acknowledged: bool,
}

struct Source {
    /// The last of its records.
    last: u64,
    rows: u64,
    /// Bytes of its records since its snapshot.
    since_snapshot: u64,
    changed: watch::Sender<u64>,
}

impl Source {
    fn new(last: u64, rows: u64) -> Source {
        Source { last, rows, since_snapshot: 0, changed: watch::Sender::new(last) }
    }

    fn note(&mut self, number: u64, bytes: u64, changed: &Changed) {
        self.last = number;
        self.since_snapshot += bytes;
        let (came, went) = came_and_went(changed);
        self.rows = (self.rows + came).saturating_sub(went);
    }
}

fn came_and_went(changed: &Changed) -> (u64, u64) {
    let count = |n: usize| n as u64;
    match changed {
        // Whoever was erased is in no snapshot either.
        Changed::Members(c) => {
            let known = c.changes.iter().filter(|c| !c.entity.is_empty());
            let (came, went): (Vec<_>, Vec<_>) = known.partition(|c| c.direction == crate::Direction::Enter);
            (count(came.len()), count(went.len()))
        }
        Changed::Values(c) => {
            let is_null = |v: &eql_catalog::Value| matches!(v, eql_catalog::Value::Null);
            let came = c.changes.iter().filter(|c| is_null(&c.old) && !is_null(&c.new)).count();
            let went = c.changes.iter().filter(|c| !is_null(&c.old) && is_null(&c.new)).count();
            (count(came), count(went))
        }
    }
}

/// What is to be read for the members of a source.
struct Plan {
    source: u32,
    snapshot: Option<SnapshotMeta>,
    scans: Vec<Scan>,
    upto: u64,
    place: (u64, i64),
}

impl ChangeLog {
    /// Opens the log of a directory, and creates it when it is absent. What was not written completely is cut off.
    ///
    /// # Errors
    /// Damaged, of a newer format, or not readable.
    pub fn open(dir: &Path, options: LogOptions) -> Result<ChangeLog, LogError> {
        std::fs::create_dir_all(dir).map_err(LogError::io(dir, "create"))?;
        hold::remove_left(dir)?;
        if let Some(position) = restored::position(dir)? {
            let restored = ChangeLog::begin(dir, options.clone())?;
            restored::begin(dir, &restored.inner.lock(), position)?;
        }
        ChangeLog::begin(dir, options)
    }

    fn begin(dir: &Path, options: LogOptions) -> Result<ChangeLog, LogError> {
        let manifest = match Manifest::read(dir)? {
            Some(manifest) => manifest,
            None => {
                let manifest = Manifest::new(random(), random());
                manifest.write(dir)?;
                manifest
            }
        };
        let log = ChangeLog {
            dir: dir.to_path_buf(),
            options,
            writer: Mutex::default(),
            saving: Mutex::default(),
            inner: Mutex::new(Inner::new(manifest)),
        };
        log.read_files()?;
        Ok(log)
    }

    fn read_files(&self) -> Result<(), LogError> {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let mut firsts = Vec::new();
        for entry in std::fs::read_dir(&self.dir).map_err(LogError::io(&self.dir, "read"))? {
            let name = entry.map_err(LogError::io(&self.dir, "read"))?.file_name().to_string_lossy().into_owned();
            let first = name.strip_suffix(".changes").and_then(|n| n.parse().ok()).filter(|f| file::name(*f) == name);
            firsts.extend(first);
            let named = inner.manifest.sources.values().any(|s| s.snapshot.as_ref().is_some_and(|m| members::name_of(s.id, m) == name));
            if first.is_none_or(|f: u64| f <= inner.manifest.removed) && (first.is_some() || (members::is_snapshot(&name) && !named)) {
                let path = self.dir.join(&name);
                std::fs::remove_file(&path).map_err(LogError::io(&path, "remove"))?;
                firsts.retain(|f| Some(*f) != first);
            }
        }
        firsts.sort_unstable();
        for (i, first) in firsts.iter().enumerate() {
            let path = self.dir.join(file::name(*first));
            if *first != inner.last + 1 {
                return Err(LogError::damaged(&path, 0, format!("the records {} to {} before it are missing", inner.last + 1, first - 1)));
            }
            let Inner { manifest, sources, progress, .. } = inner;
            let known = Known::read(&path, *first, i + 1 == firsts.len(), |head, changed| {
                *progress = (head.position.max(progress.0), head.clock.max(progress.1));
                let Some(meta) = manifest.sources.values_mut().find(|s| s.id == head.source) else { return };
                meta.version = changed.version();
                let behind = meta.snapshot.as_ref().is_none_or(|s| head.number > s.number);
                if let Some(source) = sources.get_mut(&head.source) {
                    source.last = head.number;
                    if behind {
                        source.note(head.number, head.bytes() as u64, changed);
                    }
                }
            })?;
            inner.last = known.last;
            inner.files.push(known);
        }
        Ok(())
    }

    /// Follows a segment (`segment vip`) or a tag (`tag user.level`) from now on. True when it is new: then it has no members.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn follow(&self, source: &str) -> Result<bool, LogError> {
        let saving = self.saving.lock();
        if self.inner.lock().manifest.sources.contains_key(source) {
            return Ok(false);
        }
        self.change(&saving, |manifest| {
            let meta = SourceMeta { id: manifest.next_source, floor: 0, version: 0, snapshot: None };
            manifest.next_source += 1;
            manifest.sources.insert(source.to_string(), meta);
        })?;
        let mut inner = self.inner.lock();
        let (id, last) = (inner.manifest.next_source - 1, inner.last);
        inner.sources.insert(id, Source::new(last, 0));
        Ok(true)
    }

    /// Forgets a segment or a tag: its cursors are refused, its subscribers are told.
    ///
    /// # Errors
    /// The directory cannot be written.
    pub fn forget(&self, source: &str) -> Result<(), LogError> {
        let saving = self.saving.lock();
        let Some(meta) = self.inner.lock().manifest.sources.get(source).cloned() else { return Ok(()) };
        self.change(&saving, |manifest| {
            manifest.sources.remove(source);
        })?;
        self.inner.lock().sources.remove(&meta.id);
        if let Some(snapshot) = &meta.snapshot {
            members::remove(&self.dir, meta.id, snapshot);
        }
        Ok(())
    }

    /// Replaces the manifest. What others change meanwhile (versions, acknowledgements) is not lost.
    fn change(&self, _saving: &MutexGuard<'_, ()>, edit: impl Fn(&mut Manifest)) -> Result<(), LogError> {
        let mut next = self.inner.lock().manifest.clone();
        edit(&mut next);
        next.write(&self.dir)?;
        edit(&mut self.inner.lock().manifest);
        Ok(())
    }

    /// What is followed.
    pub fn sources(&self) -> Vec<String> {
        self.inner.lock().manifest.sources.keys().cloned().collect()
    }

    /// Figures of a segment or a tag; None when it is not followed.
    pub fn figures(&self, source: &str) -> Option<SourceFigures> {
        let inner = self.inner.lock();
        let meta = inner.manifest.sources.get(source)?;
        let state = inner.sources.get(&meta.id)?;
        Some(SourceFigures { rows: state.rows, version: meta.version, readers: state.changed.receiver_count() })
    }

    /// Makes the changes of one commit durable, then lets subscribers know. Sources that are not followed are left out, and so are
    /// commits without changes. The number of the last record.
    ///
    /// # Errors
    /// The log cannot be written: then nothing of it was published.
    pub fn append(&self, changes: Vec<(String, Changed)>) -> Result<u64, LogError> {
        let mut writer = self.writer.lock();
        if let Some(reason) = &writer.failed {
            return Err(LogError::Refused(reason.clone()));
        }
        let (mut bytes, mut heads, mut entries) = (Vec::new(), Vec::new(), Vec::new());
        let last = {
            let mut inner = self.inner.lock();
            for (name, changed) in changes {
                let Some(meta) = inner.manifest.sources.get_mut(&name).filter(|_| !changed.is_empty()) else { continue };
                meta.version = changed.version();
                let id = meta.id;
                let number = inner.last + 1 + entries.len() as u64;
                let path = self.dir.join(file::name(number));
                let payload = postcard::to_allocvec(&changed).map_err(|e| LogError::damaged(&path, 0, e.to_string()))?;
                let before = bytes.len();
                Head::new(id, number, inner.last, changed.place()).write(&payload, &mut bytes);
                heads.push(Head::read(&bytes[before..]).map_err(|_| LogError::damaged(&path, 0, "a record is too long"))?);
                entries.push(Arc::new(Entry { number, source: id, changed }));
            }
            inner.last
        };
        if entries.is_empty() {
            return Ok(last);
        }
        self.write(&mut writer, last + 1, &bytes)?;
        let mut inner = self.inner.lock();
        inner.publish(&heads, entries, &self.options);
        Ok(inner.last)
    }

    fn write(&self, writer: &mut Writer, first: u64, bytes: &[u8]) -> Result<(), LogError> {
        if writer.open.as_ref().is_none_or(|(_, written)| *written >= self.options.file_bytes) {
            let path = self.dir.join(file::name(first));
            let file = File::options().read(true).write(true).create(true).truncate(true).open(&path);
            let known = Known::new(path.clone(), first, file.map_err(LogError::io(&path, "create"))?);
            registry::sync_dir(&self.dir)?;
            writer.open = Some((known.file.clone(), 0));
            let mut inner = self.inner.lock();
            // An earlier attempt may have made it.
            inner.files.retain(|f| f.file.first != first);
            inner.files.push(known);
        }
        let Some((file, written)) = &mut writer.open else { return Ok(()) };
        if let Err(e) = file.file.write_all_at(bytes, *written) {
            let path = file.path.clone();
            if file.file.set_len(*written).is_err() {
                writer.failed = Some(e.to_string());
            }
            return Err(LogError::io(&path, "write")(e));
        }
        if let Err(e) = file.file.sync_data() {
            let path = file.path.clone();
            // The system may have dropped the pages, and would report success the next time.
            writer.failed = Some(e.to_string());
            return Err(LogError::io(&path, "sync")(e));
        }
        *written += bytes.len() as u64;
        Ok(())
    }

    /// Promises that nothing at or below this position and clock will follow.
    pub fn progress(&self, position: u64, clock: i64) {
        let mut inner = self.inner.lock();
        inner.progress = (position, clock);
    }

    /// Position and clock up to which everything is published.
    pub fn published(&self) -> (u64, i64) {
        self.inner.lock().progress
    }

    /// A place as text, for whoever wants to go on there.
    pub fn cursor_text(&self, at: &Cursor) -> String {
        at.text(self.inner.lock().manifest.secret)
    }

    /// A cursor in the log of events: behind so many events of the record at a position; None: behind all of them.
    pub fn event_cursor(&self, position: u64, events: Option<u32>) -> String {
        let manifest = &self.inner.lock().manifest;
        let index = events.unwrap_or(cursor::WHOLE);
        Cursor { log: manifest.log, source: 0, number: position, index, version: 0, position, clock: 0 }.text(manifest.secret)
    }

    /// What such a cursor says.
    ///
    /// # Errors
    /// It is none, or one of a segment or a tag.
    pub fn event_place(&self, text: &str) -> Result<(u64, Option<u32>), LogError> {
        let cursor = self.inner.lock().manifest.cursor(text)?;
        if cursor.source != 0 {
            return Err(LogError::Cursor("belongs to a segment or a tag"));
        }
        Ok((cursor.number, (cursor.index != cursor::WHOLE).then_some(cursor.index)))
    }

    fn plan(&self, name: &str) -> Result<Plan, LogError> {
        let inner = self.inner.lock();
        let meta = inner.manifest.sources.get(name).ok_or_else(|| LogError::Unknown(name.to_string()))?;
        let after = meta.snapshot.as_ref().map_or(0, |s| s.number);
        let scans = inner.files.iter().filter(|f| f.sources.get(&meta.id).is_some_and(|share| share.last > after));
        Ok(Plan {
            source: meta.id,
            snapshot: meta.snapshot.clone(),
            scans: scans.map(|f| Scan::new(f.file.clone())).collect(),
            upto: inner.last,
            place: inner.progress,
        })
    }

    fn replaced(&self, name: &str, plan: &Plan) -> bool {
        self.inner.lock().manifest.sources.get(name).is_some_and(|s| s.snapshot != plan.snapshot)
    }
}

impl Inner {
    fn new(manifest: Manifest) -> Inner {
        let rows = |s: &SourceMeta| s.snapshot.as_ref().map_or(0, |m| m.rows);
        let last = |s: &SourceMeta| s.floor.max(s.snapshot.as_ref().map_or(0, |m| m.number));
        let sources = manifest.sources.values().map(|s| (s.id, Source::new(last(s), rows(s)))).collect();
        let last = manifest.removed;
        Inner {
            manifest,
            sources,
            files: Vec::new(),
            last,
            recent: VecDeque::new(),
            recent_bytes: 0,
            progress: (0, i64::MIN),
            acknowledged: false,
        }
    }

    fn publish(&mut self, heads: &[Head], entries: Vec<Arc<Entry>>, options: &LogOptions) {
        for (head, entry) in heads.iter().zip(entries) {
            if let Some(known) = self.files.last_mut() {
                known.note(head, entry.changed.len());
            }
            self.last = head.number;
            self.progress = (head.position, head.clock);
            if let Some(source) = self.sources.get_mut(&head.source) {
                source.note(head.number, head.bytes() as u64, &entry.changed);
            }
            self.recent_bytes += head.bytes();
            self.recent.push_back((head.bytes(), entry));
        }
        while (self.recent.len() > options.recent || self.recent_bytes > options.recent_bytes)
            && let Some((bytes, _)) = self.recent.pop_front()
        {
            self.recent_bytes -= bytes;
        }
        // All records of a commit are there before anybody is woken.
        for head in heads {
            if let Some(source) = self.sources.get(&head.source) {
                source.changed.send_replace(head.number);
            }
        }
    }
}

/// A number that nobody else has; not for secrets that must not be guessed.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u128(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos()));
    hasher.write_u32(std::process::id());
    hasher.finish() >> 1
}
