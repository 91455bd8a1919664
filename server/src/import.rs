//! Files that come over the wire: streamed to disk first, so that Parquet can be read from its end and a slow sender holds no memory, then imported.

mod flags;

pub(crate) use flags::Flags;

use crate::config::Config;
use eql_engine::stream::{ImportReport, ImportRequest, Input, Target};
use eql_engine::{Engine, EngineError};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Files on their way in at once, slow senders included; more are refused.
const UPLOADS: usize = 16;
/// Files imported at once; the disk is the bound, and more of them only make each other slower.
const TURNS: usize = 2;

/// Why an upload is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error("{UPLOADS} other files are being imported; try again in a moment")]
    Busy,
    #[error("the file is longer than the {0} bytes of `limits.upload_bytes`")]
    TooLong(u64),
    #[error("the upload cannot be stored: {0}")]
    Disk(#[from] std::io::Error),
}

/// Takes files and imports them.
pub(crate) struct Importer {
    engine: Arc<Engine>,
    config: Arc<Config>,
    places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// A file on its way in.
pub(crate) struct Upload {
    directory: TempDir,
    path: PathBuf,
    file: BufWriter<File>,
    bytes: u64,
    limit: u64,
    /// Given back when the file is imported or its sender is gone.
    place: OwnedSemaphorePermit,
}

impl Importer {
    pub(crate) fn new(engine: Arc<Engine>, config: Arc<Config>) -> Self {
        Self { engine, config, places: Arc::new(Semaphore::new(UPLOADS)), turns: Arc::new(Semaphore::new(TURNS)) }
    }

    /// Begins an upload; `name` is a file's name as `Flags` has cleaned it.
    pub(crate) async fn upload(&self, name: &str) -> Result<Upload, UploadError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| UploadError::Busy)?;
        let directory = TempDir::with_prefix_in("eql-upload-", &self.config.temp)?;
        let path = directory.path().join(name);
        let file = BufWriter::new(File::create(&path).await?);
        Ok(Upload { directory, path, file, bytes: 0, limit: self.config.upload_bytes, place })
    }

    /// Imports what was uploaded when its turn comes. From then on it runs to its end, whether or not anybody waits for the answer.
    pub(crate) async fn import(&self, mut upload: Upload, target: String, flags: Flags) -> Result<ImportReport, EngineError> {
        upload.file.flush().await.map_err(|e| EngineError::Import(UploadError::Disk(e).to_string()))?;
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let engine = Arc::clone(&self.engine);
        let done = tokio::task::spawn_blocking(move || {
            let place = format!("{}/", upload.directory.path().display());
            let report = run(&engine, &target, flags, upload.path);
            drop((upload.directory, upload.place, turn));
            told(report, &place)
        });
        done.await.unwrap_or_else(|panic| Err(crate::failure::internal(panic)))
    }
}

impl Upload {
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.limit {
            return Err(UploadError::TooLong(self.limit));
        }
        Ok(self.file.write_all(bytes).await?)
    }
}

fn run(engine: &Engine, target: &str, flags: Flags, path: PathBuf) -> Result<ImportReport, EngineError> {
    let parse = if flags.define { Target::parse_or_define } else { Target::parse };
    let target = parse(&engine.catalog(), target).map_err(|e| EngineError::Import(e.to_string()))?;
    let request = ImportRequest {
        format: flags.format,
        map: flags.map,
        ignore: flags.ignore,
        id: flags.id,
        received: flags.received,
        time_zone: flags.time_zone,
        time_formats: flags.time_formats,
        nulls: flags.nulls,
        delimiter: flags.delimiter,
        strict: flags.strict,
        define: flags.define,
        keep_null: flags.keep_null,
        ..ImportRequest::new(target, vec![Input::File(path)])
    };
    engine.import(request, &|_| ())
}

/// The same, told to somebody who knows the file and not our place for it.
fn told(report: Result<ImportReport, EngineError>, place: &str) -> Result<ImportReport, EngineError> {
    let here = |text: &str| text.replace(place, "");
    match report {
        Ok(mut report) => {
            for reject in &mut report.rejects {
                reject.file = here(&reject.file);
                reject.message = here(&reject.message);
            }
            report.notes.iter_mut().for_each(|note| *note = here(note));
            Ok(report)
        }
        Err(EngineError::Import(message)) => Err(EngineError::Import(here(&message))),
        other => other,
    }
}
