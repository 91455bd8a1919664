//! Where the files of parts lie: a directory of this machine, or something farther away. Whoever reads and writes parts knows only
//! the names of files below it.

mod at;
mod file;
mod local;
mod object;
mod own;

pub use at::PartsAt;
pub(super) use file::PartFile;
pub(crate) use own::{OwnPlace, PARTS, RECORD, recorded_place};

use local::LocalPlace;
use object::ObjectPlace;

use crate::StoreError;
use crate::disk::{FileMeta, checksum};
use bytes::Bytes;
use std::fmt::Debug;
use std::ops::Range;
use std::path::PathBuf;

/// Files by name, such as `0/17/spine.arrow`: subject type, part, file. A name gets its content once and is not written over while
/// the manifest names it.
pub(crate) trait PartPlace: Debug + Send + Sync {
    /// A file as messages name it.
    fn path(&self, name: &str) -> PathBuf;

    /// Writes a whole file. It is durable when this returns; on a local disk its name is only after [`PartPlace::finish`].
    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError>;

    /// Writes a file unless it is there, and returns what it holds then.
    fn create(&self, name: &str, bytes: Vec<u8>) -> Result<Bytes, StoreError>;

    /// Makes the names in these directories durable: what follows the last `put` of a directory and precedes the manifest.
    fn finish(&self, directories: &[String]) -> Result<(), StoreError>;

    /// A whole file.
    fn get(&self, name: &str) -> Result<Bytes, StoreError>;

    /// Some ranges of a file, in that order.
    fn get_ranges(&self, name: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, StoreError>;

    /// The names of all files.
    fn list(&self) -> Result<Vec<String>, StoreError>;

    /// Removes files; one that is absent already is no failure.
    fn remove(&self, names: &[String]) -> Result<(), StoreError>;
}

/// Writes a file of a part; what the manifest says of it.
pub(super) fn put(place: &dyn PartPlace, directory: &str, name: &str, bytes: Vec<u8>) -> Result<FileMeta, StoreError> {
    let meta = FileMeta { name: name.to_string(), bytes: bytes.len() as u64, xxh3: checksum(&bytes) };
    place.put(&format!("{directory}/{name}"), bytes)?;
    Ok(meta)
}
