//! What an operator does with a data directory: with one that is open, and with one that nobody has open.

mod erase;

pub use erase::{CompactReport, Erased};

use crate::published::beside;
use crate::{Engine, EngineError, PartsAt};
use eql_store::Beside;
use std::path::Path;

pub use eql_store::{BackupReport, Problem, RestoreReport, RestoreRequest, Unfinished, Upgraded, VerifyReport};

impl Engine {
    /// Reads everything that the present state needs, while statements go on. Blocks: call it from a thread of its own.
    ///
    /// # Errors
    /// Files cannot be held. Damage is in the report.
    pub fn verify(&self) -> Result<VerifyReport, EngineError> {
        Ok(self.store.verify()?)
    }

    /// Copies the present state into a new directory, while statements go on. Blocks: call it from a thread of its own.
    ///
    /// # Errors
    /// The target cannot be used, or a file is damaged.
    pub fn backup(&self, target: &Path) -> Result<BackupReport, EngineError> {
        // First what was published, so that it is never ahead of the state that it was published of.
        let held = self.hold_published()?;
        let beside: Vec<Beside> = held.iter().map(beside).collect();
        Ok(self.store.backup(target, &beside)?)
    }
}

/// Reads a data directory that nobody has open, or a backup. `parts`: where its parts are kept, if elsewhere.
///
/// # Errors
/// In use, of a newer format, or neither of both. Damage is in the report.
pub fn verify(dir: &Path, parts: &PartsAt) -> Result<VerifyReport, EngineError> {
    Ok(eql_store::verify(dir, parts)?)
}

/// Makes a data directory of a backup.
///
/// # Errors
/// The backup is damaged or does not reach the position, or the directory is not empty.
pub fn restore(request: &RestoreRequest) -> Result<RestoreReport, EngineError> {
    Ok(eql_store::restore(request)?)
}

/// Moves a data directory to the next version of its format.
///
/// # Errors
/// In use, of a newer format, or no data directory.
pub fn upgrade(dir: &Path) -> Result<Upgraded, EngineError> {
    Ok(eql_store::upgrade(dir)?)
}
