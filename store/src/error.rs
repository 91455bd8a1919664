//! What can go wrong, in words that help.

use std::path::{Path, PathBuf};

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process holds the directory.
    #[error("data directory {} is in use by {holder}; stop it first, or choose another directory", dir.display())]
    InUse {
        /// The data directory.
        dir: PathBuf,
        /// `process 123 (since …)`.
        holder: String,
    },
    /// The files come from a later release.
    #[error("{} has format {found}, this release reads up to {known}; open it with a newer release", path.display())]
    NewerFormat {
        /// The file that says so.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// A file does not hold what was written.
    #[error("{} is damaged at byte {offset}: {what}; restore the file from a backup", file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// The directory is not what it has to be.
    #[error("{} {why}", dir.display())]
    Unsuitable {
        /// Which directory.
        dir: PathBuf,
        /// `is …: do …`.
        why: String,
    },
    /// A backup does not reach that far.
    #[error("position {asked} is not in the backup {}: it can be restored to positions {first} to {last}", backup.display())]
    NoPosition {
        /// Which backup.
        backup: PathBuf,
        /// The position that was wanted.
        asked: u64,
        /// Its checkpoint.
        first: u64,
        /// Its end.
        last: u64,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// `read`, `write`, …
        action: &'static str,
        /// Its words.
        source: std::io::Error,
    },
    /// An object store did not do it.
    #[error("cannot {action} {file}: {reason}")]
    Remote {
        /// `read`, `write`, …
        action: &'static str,
        /// The object's URL.
        file: String,
        /// What to do, and the client's words.
        reason: String,
    },
    /// Not a place for parts.
    #[error("`{url}` is no place for event parts: {what}")]
    PartsUrl {
        /// As configured, without what may be secret.
        url: String,
        /// What is wrong.
        what: String,
    },
    /// The parts were written somewhere else.
    #[error("the event parts of {} are kept in {recorded}, not in {given}: configure the place where they are (`parts.url`)", dir.display())]
    PartsElsewhere {
        /// The data directory.
        dir: PathBuf,
        /// Where they are.
        recorded: String,
        /// Where they were looked for.
        given: String,
    },
    /// Two data directories, one place.
    #[error("the event parts of another data directory are kept here, {} says so: choose another prefix or directory for each", claim.display())]
    PartsTaken {
        /// The file that says so.
        claim: PathBuf,
    },
    /// An earlier write could not be made durable, so nothing more is accepted.
    #[error("writes are refused: {reason}; reads go on, restart the store to write again")]
    WritesRefused {
        /// What failed.
        reason: String,
    },
    /// The log could not take it (the disk is full, for example), and nothing of it was kept.
    #[error("nothing was written: {reason}; reads go on, send it again when that is mended")]
    NotWritten {
        /// What failed.
        reason: String,
    },
    /// The log does not reach back so far.
    #[error(
        "the log has nothing left of what came after position {asked}: it begins after position {first}; begin there, or with a snapshot"
    )]
    Trimmed {
        /// The position that was wanted.
        asked: u64,
        /// The earliest one from which it can be followed.
        first: u64,
    },
    /// No such entity type.
    #[error("no entity type has number {0}")]
    UnknownEntity(u16),
    /// No such event type.
    #[error("no event type has number {0}")]
    UnknownEvent(u16),
    /// No such property.
    #[error("{owner} has no property with number {property}")]
    UnknownProperty {
        /// ``entity `user` `` or ``event `purchase` ``.
        owner: String,
        /// Its number.
        property: u16,
    },
    /// No such segment.
    #[error("no segment `{0}` is defined")]
    UnknownSegment(String),
    /// No such tag.
    #[error("no tag `{1}` of entity `{0}` is defined")]
    UnknownTag(String, String),
    /// No event participant has that role.
    #[error("no event has a participant `{1}` of entity `{0}`")]
    UnknownRole(String, String),
    /// The arrays handed in do not fit the definition.
    #[error("{owner}: {what}")]
    Mismatch {
        /// Which type it was meant for.
        owner: String,
        /// What does not fit.
        what: String,
    },
    /// A bound of the store is met.
    #[error("{what}: at most {limit}")]
    Full {
        /// What is used up.
        what: String,
        /// How many there can be.
        limit: u64,
    },
    /// The catalog refuses the change.
    #[error("the definition cannot be changed: {0}")]
    Catalog(#[from] eql_catalog::CatalogError),
    /// Arrow refused.
    #[error("columns cannot be processed: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// Parquet refused.
    #[error("{} cannot be processed: {source}", file.display())]
    Parquet {
        /// Which file.
        file: PathBuf,
        /// Its words.
        source: parquet::errors::ParquetError,
    },
    /// The key-value store refused.
    #[error("the entity rows in {} cannot be {action}: {reason}", dir.display())]
    KeyValue {
        /// Its directory.
        dir: PathBuf,
        /// `read`, `written`, …
        action: &'static str,
        /// Its words.
        reason: String,
    },
    /// The same failure, met by several readers of one cached column.
    #[error(transparent)]
    Shared(std::sync::Arc<StoreError>),
}

impl StoreError {
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> StoreError {
        let path = path.to_path_buf();
        move |source| StoreError::Io { path, action, source }
    }

    pub(crate) fn damaged(file: &Path, offset: u64, what: impl Into<String>) -> StoreError {
        StoreError::Damaged { file: file.to_path_buf(), offset, what: what.into() }
    }

    pub(crate) fn unsuitable(dir: &Path, why: impl Into<String>) -> StoreError {
        StoreError::Unsuitable { dir: dir.to_path_buf(), why: why.into() }
    }

    pub(crate) fn parquet(file: &Path) -> impl FnOnce(parquet::errors::ParquetError) -> StoreError {
        let file = file.to_path_buf();
        move |source| StoreError::Parquet { file, source }
    }

    pub(crate) fn mismatch(owner: impl Into<String>, what: impl Into<String>) -> StoreError {
        StoreError::Mismatch { owner: owner.into(), what: what.into() }
    }
}
