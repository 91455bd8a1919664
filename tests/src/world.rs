//! A data directory with the sample.

use crate::Table;
use arrow::array::{RecordBatchReader, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::record_batch::RecordBatch;
use eql_engine::catalog::Catalog;
use eql_engine::grammar::{self, Diagnostic};
use eql_engine::stream::{ImportRequest, Input, Target};
use eql_engine::{Answer, Engine, EngineError, EngineOptions, Params, Session};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The folder of the repository.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// The sample, loaded. Tests of one program that run at the same time share it; the last one removes it.
///
/// # Panics
/// When the sample cannot be loaded: nothing could be tested then.
pub fn world() -> Arc<World> {
    static SHARED: Mutex<Weak<World>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let loaded = Arc::new(World::load(1).unwrap_or_else(|why| panic!("the sample cannot be loaded: {why}")));
        *shared = Arc::downgrade(&loaded);
        loaded
    })
}

/// The sample with one of so many of its events: for questions whose answers nobody knows.
///
/// # Panics
/// When it cannot be loaded.
pub fn thinned_world(one_of: usize) -> World {
    World::load(one_of).unwrap_or_else(|why| panic!("the sample cannot be loaded: {why}"))
}

/// One of so many rows of a file, written to another.
fn thin(from: &Path, to: &Path, one_of: usize) -> Result<(), Box<dyn std::error::Error>> {
    let rows = ParquetRecordBatchReaderBuilder::try_new(File::open(from)?)?.build()?;
    let mut writer = ArrowWriter::try_new(File::create(to)?, rows.schema(), None)?;
    for batch in rows {
        let batch = batch?;
        let kept = UInt32Array::from_iter_values((0..batch.num_rows() as u32).step_by(one_of));
        writer.write(&take_record_batch(&batch, &kept)?)?;
    }
    writer.close()?;
    Ok(())
}

/// An open data directory.
pub struct World {
    engine: Arc<Engine>,
    runtime: Runtime,
    // Last, so that the engine has let go of the folder before it is removed.
    _folder: TempDir,
}

/// What a statement answered.
#[derive(Clone, Debug)]
pub enum Told {
    /// A table.
    Rows {
        /// As plain cells.
        table: Table,
        /// As it came.
        batches: Vec<RecordBatch>,
    },
    /// Done, in words.
    Done(String),
}

impl World {
    fn load(one_of: usize) -> Result<World, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let engine = Engine::open(&folder.path().join("data"), EngineOptions::default())?;
        let runtime = Runtime::new()?;
        let events = folder.path().join("events.parquet");
        let world = World { engine, runtime, _folder: folder };
        let demo = root().join("demo/completejourney");
        world.ask(&mut Session::default(), &std::fs::read_to_string(demo.join("schema.eql"))?)?;
        let imports: Vec<Vec<String>> = serde_json::from_str(&std::fs::read_to_string(demo.join("import.json"))?)?;
        if one_of > 1 {
            thin(&demo.join("tiny/events.parquet"), &events, one_of)?;
        }
        for mut import in imports {
            if one_of > 1 && import.get(1).is_some_and(|target| target == "events") {
                import[2] = events.to_string_lossy().into_owned();
            }
            world.import(&demo.join("tiny"), &import)?;
        }
        Ok(world)
    }

    /// Carries out one line of `import.json`: the words that one would type after `eql`.
    fn import(&self, folder: &Path, words: &[String]) -> Result<(), Box<dyn std::error::Error>> {
        let [_, target, file, options @ ..] = words else { return Err(format!("import.json: {words:?}").into()) };
        let target = Target::parse(&self.engine.catalog(), target)?;
        let mut request = ImportRequest::new(target, vec![Input::File(folder.join(file))]);
        for option in options.chunks(2) {
            match option {
                [name, value] if name == "--map" => {
                    let (column, property) = value.split_once('=').ok_or("--map takes column=property")?;
                    request.map.push((column.to_string(), property.to_string()));
                }
                [name, value] if name == "--id" => request.id = value.split(',').map(str::to_string).collect(),
                other => return Err(format!("import.json: {other:?}").into()),
            }
        }
        let report = self.engine.import(request, &|_| {})?;
        match report.rejects.first() {
            None => Ok(()),
            Some(reject) => Err(format!("{file}: {} rows rejected, the first: {}", report.rejected, reject.message).into()),
        }
    }

    /// What is defined.
    pub fn catalog(&self) -> Arc<Catalog> {
        self.engine.catalog()
    }

    /// Runs the statements of a text one after the other; the first one that fails ends it.
    ///
    /// # Errors
    /// What is wrong with the text, or what its execution met.
    pub fn ask(&self, session: &mut Session, text: &str) -> Result<Vec<Told>, EngineError> {
        let parsed = grammar::parse(text);
        let wrong: Vec<Diagnostic> = parsed.diagnostics();
        if !wrong.is_empty() {
            return Err(EngineError::Diagnostics(wrong));
        }
        let statements = parsed.statements.iter().flatten();
        statements.map(|statement| self.runtime.block_on(self.answer(session, text, statement))).collect()
    }

    async fn answer(&self, session: &mut Session, text: &str, statement: &grammar::Statement) -> Result<Told, EngineError> {
        match self.engine.run(session, text, statement, &Params::new()).await? {
            Answer::Done(words) => Ok(Told::Done(words)),
            Answer::Rows(rows) => {
                let columns = rows.columns.iter().map(|c| c.name.clone()).collect();
                let batches = rows.collect().await?;
                let table = Table::of(columns, &batches).map_err(|e| EngineError::Invalid(e.to_string()))?;
                Ok(Told::Rows { table, batches })
            }
        }
    }
}
