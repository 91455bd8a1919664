//! The only file that names sled.
//!
//! Stock sled does not make its file durable on `flush`, so the file is synced behind its back; its values stay below the size at
//! which it makes blob files; and whatever it does at open (errors, panics) is taken for damage, never for an answer.

use super::{Kv, Rows};
use crate::StoreError;
use crate::disk::sync_dir;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Default of sled, named because larger ones cost memory: 1.5 million upserts took 3.4 GB with 16 MiB segments, 346 MB with these.
const SEGMENT_BYTES: usize = 512 << 10;
/// A handle that was dropped a moment ago may hold the file a little longer.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

struct SledKv {
    dir: PathBuf,
    db: sled::Db,
}

/// Opens the directory. An error means: damaged, or not sled's.
pub(crate) fn open(dir: &Path, cache_bytes: u64) -> Result<Arc<dyn Kv>, StoreError> {
    let db = open_patiently(dir, cache_bytes).map_err(|reason| failed(dir, "opened", reason))?;
    let kv = SledKv { dir: dir.to_path_buf(), db };
    kv.sync()?;
    Ok(Arc::new(kv))
}

fn open_patiently(dir: &Path, cache_bytes: u64) -> Result<sled::Db, String> {
    let started = Instant::now();
    loop {
        match open_caught(dir, cache_bytes) {
            Err(reason) if reason.contains("could not acquire lock") && started.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
}

fn open_caught(dir: &Path, cache_bytes: u64) -> Result<sled::Db, String> {
    let config = sled::Config::new().path(dir).cache_capacity(cache_bytes).flush_every_ms(None).segment_size(SEGMENT_BYTES);
    match catch_unwind(AssertUnwindSafe(|| config.open())) {
        Ok(result) => result.map_err(|e| e.to_string()),
        Err(_) => Err("it panicked".to_string()),
    }
}

fn failed(dir: &Path, action: &'static str, reason: String) -> StoreError {
    StoreError::KeyValue { dir: dir.to_path_buf(), action, reason }
}

impl SledKv {
    fn sync(&self) -> Result<(), StoreError> {
        let path = self.dir.join("db");
        File::open(&path).and_then(|f| f.sync_all()).map_err(StoreError::io(&path, "sync"))?;
        sync_dir(&self.dir)
    }

    /// sled panics on some damage; the caller gets an error.
    fn caught<T>(&self, action: &'static str, f: impl FnOnce() -> Result<T, sled::Error>) -> Result<T, StoreError> {
        match catch_unwind(AssertUnwindSafe(f)) {
            Ok(result) => result.map_err(|e| failed(&self.dir, action, e.to_string())),
            Err(_) => Err(failed(&self.dir, action, "it panicked".to_string())),
        }
    }
}

impl Kv for SledKv {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.caught("read", || Ok(self.db.get(key)?.map(|v| v.to_vec())))
    }

    fn put_all(&self, rows: &[(Vec<u8>, Vec<u8>)]) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, value) in rows {
            batch.insert(key.as_slice(), value.as_slice());
        }
        self.caught("written", || self.db.apply_batch(batch))
    }

    fn scan(&self) -> Rows<'_> {
        Box::new(self.db.iter().map(|row| match row {
            Ok((key, value)) => Ok((key.to_vec(), value.to_vec())),
            Err(e) => Err(failed(&self.dir, "read", e.to_string())),
        }))
    }

    fn damaged(&self, what: String) -> StoreError {
        failed(&self.dir, "read", what)
    }

    fn bytes(&self) -> u64 {
        self.db.size_on_disk().unwrap_or(0)
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.caught("written", || self.db.flush().map(|_| ()))?;
        self.sync()
    }
}
