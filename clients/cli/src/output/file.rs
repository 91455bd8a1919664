//! A file that appears whole under its name, or not at all.

use crate::failure::Failure;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Written under another name beside the wanted one and renamed at the end.
pub(crate) struct NewFile {
    writer: BufWriter<File>,
    temporary: PathBuf,
    wanted: PathBuf,
}

impl NewFile {
    /// Starts a file.
    pub(crate) fn create(wanted: &Path) -> Result<Self, Failure> {
        let name = wanted.file_name().ok_or_else(|| Failure::Usage(format!("`{}` is no name of a file", wanted.display())))?;
        let temporary = wanted.with_file_name(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
        let file = File::create(&temporary).map_err(|e| Failure::Failed(format!("cannot write {}: {e}", wanted.display())))?;
        Ok(Self { writer: BufWriter::with_capacity(1 << 16, file), temporary, wanted: wanted.to_path_buf() })
    }

    /// Makes it durable and gives it its name.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        let done = self
            .writer
            .flush()
            .and_then(|()| self.writer.get_ref().sync_all())
            .and_then(|()| std::fs::rename(&self.temporary, &self.wanted));
        done.map_err(|e| Failure::Failed(format!("cannot write {}: {e}", self.wanted.display())))
    }
}

impl Drop for NewFile {
    /// After a rename there is nothing left to remove.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.temporary);
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
