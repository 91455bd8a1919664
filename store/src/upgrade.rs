//! From one version of the directory's format to the next.

use crate::StoreError;
use crate::limit::FORMAT;
use crate::lock::DirectoryLock;
use crate::open::{check_format, refuse_strangers};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// What an upgrade did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgraded {
    /// The version before.
    pub from: u32,
    /// The version now.
    pub to: u32,
}

/// Moves a data directory one version up; the current version stays as it is.
///
/// # Errors
/// In use, of a newer format, or no data directory.
pub fn upgrade(dir: &Path) -> Result<Upgraded, StoreError> {
    refuse_strangers(dir)?;
    let _lock = DirectoryLock::take(dir)?;
    let found = check_format(dir)?;
    // There is one version so far: an older one cannot exist.
    Ok(Upgraded { from: found, to: FORMAT })
}
