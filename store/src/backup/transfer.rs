//! One file from here to there, checked on the way.

use crate::StoreError;
use crate::disk::{FileMeta, check};
use crate::part::PartPlace;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// Read and written at once: few calls, little memory.
const PIECE_BYTES: usize = 1 << 20;

/// Links a file that never changes, or copies it where links do not reach; true when it was linked.
pub(super) fn transfer(source: &Path, target: &Path, file: &FileMeta) -> Result<bool, StoreError> {
    let linked = std::fs::hard_link(source, target).is_ok();
    if linked {
        compare(source, file, None)?
    } else {
        copy(source, target, file)?
    }
    Ok(linked)
}

/// The same for a file of which nothing is known yet: its bytes and their checksum.
pub(super) fn take(source: &Path, target: &Path) -> Result<(bool, u64, String), StoreError> {
    let linked = std::fs::hard_link(source, target).is_ok();
    let mut output = if linked { None } else { Some(File::create(target).map_err(StoreError::io(target, "create"))?) };
    let (bytes, checksum) = read_through(source, output.as_mut().map(|o| (target, o)))?;
    output.map_or(Ok(()), |o| o.sync_all().map_err(StoreError::io(target, "sync")))?;
    Ok((linked, bytes, checksum))
}

/// The same for a file of a part, which may lie somewhere else than on a disk.
pub(super) fn transfer_part(place: &dyn PartPlace, name: &str, target: &Path, file: &FileMeta) -> Result<bool, StoreError> {
    let source = place.path(name);
    if source.is_file() {
        return transfer(&source, target, file);
    }
    let bytes = place.get(name)?;
    check(&source, file, &bytes)?;
    let mut output = File::create(target).map_err(StoreError::io(target, "create"))?;
    output.write_all(&bytes).and_then(|()| output.sync_all()).map_err(StoreError::io(target, "write"))?;
    Ok(false)
}

/// Copies a file and syncs it; its directory is the caller's to sync.
pub(super) fn copy(source: &Path, target: &Path, file: &FileMeta) -> Result<(), StoreError> {
    let mut output = File::create(target).map_err(StoreError::io(target, "create"))?;
    compare(source, file, Some((target, &mut output)))?;
    output.sync_all().map_err(StoreError::io(target, "sync"))
}

/// Reads a file through, and sees whether it is what was written.
pub(super) fn compare(source: &Path, file: &FileMeta, output: Option<(&Path, &mut File)>) -> Result<(), StoreError> {
    let (bytes, checksum) = read_through(source, output)?;
    if bytes != file.bytes {
        return Err(StoreError::damaged(source, bytes.min(file.bytes), format!("it has {bytes} bytes, {} were written", file.bytes)));
    }
    if checksum != file.xxh3 {
        return Err(StoreError::damaged(source, 0, "its checksum is not that of what was written"));
    }
    Ok(())
}

/// How long a file is, and its checksum; what is read is written to `output`.
fn read_through(source: &Path, mut output: Option<(&Path, &mut File)>) -> Result<(u64, String), StoreError> {
    let mut input = File::open(source).map_err(StoreError::io(source, "open"))?;
    let (mut hash, mut bytes, mut piece) = (Xxh3::new(), 0, vec![0; PIECE_BYTES]);
    loop {
        let n = input.read(&mut piece).map_err(StoreError::io(source, "read"))?;
        if n == 0 {
            break;
        }
        hash.update(&piece[..n]);
        bytes += n as u64;
        if let Some((target, output)) = &mut output {
            output.write_all(&piece[..n]).map_err(StoreError::io(target, "write"))?;
        }
    }
    Ok((bytes, format!("{:016x}", hash.digest())))
}
