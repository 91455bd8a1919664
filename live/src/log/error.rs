//! What can go wrong with the change log, in words that help.

use std::path::{Path, PathBuf};

/// Why the change log could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The cursor is not one of this log.
    #[error("the cursor {0}: subscribe FROM SNAPSHOT, which gives a new one")]
    Cursor(&'static str),
    /// What came after a cursor is kept no longer.
    #[error(
        "SNAPSHOT_REQUIRED: what changed in {source_name} after this cursor is kept no longer; subscribe FROM SNAPSHOT and take what it gives in place of what you have"
    )]
    SnapshotRequired {
        /// `segment vip`
        source_name: String,
    },
    /// The cursor names a record that this log does not have.
    #[error(
        "SNAPSHOT_REQUIRED: the cursor is ahead of the change log, which was restored from a backup; subscribe FROM SNAPSHOT and take what it gives in place of what you have"
    )]
    Ahead,
    /// Nothing of that name is followed.
    #[error("nothing is kept of {0}: is it a streaming segment, or a tag that is stored?")]
    Unknown(String),
    /// Who must be asked about entities cannot answer.
    #[error("who is known cannot be asked: {0}")]
    Asked(String),
    /// No such subscription.
    #[error("there is no subscription `{0}`")]
    NoSubscription(String),
    /// It is there already and follows something else.
    #[error("subscription `{name}` follows {follows} already: choose another name, or delete it first")]
    Taken {
        /// Its name.
        name: String,
        /// `segment vip`
        follows: String,
    },
    /// It lagged too far behind, or a restore lost its place.
    #[error(
        "SNAPSHOT_REQUIRED: subscription `{0}` is broken: what it has not read was removed, or was lost in a restore; delete it and begin again FROM SNAPSHOT"
    )]
    Broken(String),
    /// A file does not hold what was written.
    #[error("{} is damaged at byte {offset}: {what}; stop the server and move the directory `changes` away: subscribers begin anew with snapshots", file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// The files come from a later release.
    #[error("{} has format {found}; open it with a newer release", file.display())]
    Newer {
        /// Which file.
        file: PathBuf,
        /// Its version.
        found: u32,
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
    /// An earlier write could not be made durable, so nothing more is published.
    #[error("no more changes are published: {0}; restart the server")]
    Refused(String),
}

impl LogError {
    pub(super) fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> LogError {
        let path = path.to_path_buf();
        move |source| LogError::Io { path, action, source }
    }

    pub(super) fn damaged(file: &Path, offset: u64, what: impl Into<String>) -> LogError {
        LogError::Damaged { file: file.to_path_buf(), offset, what: what.into() }
    }
}
