//! A data directory of a few hand-written rows.

use crate::Table;
use crate::beginning::beginning;
use eql_engine::grammar::ast::StatementKind;
use eql_engine::grammar::{self, Diagnostic};
use eql_engine::stream::{Format, ImportRequest, Input, Lines, Submission, Target};
use eql_engine::{Answer, Engine, EngineError, EngineOptions, Params, Session};
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// An open data directory with a session and parameters of its own.
pub struct Small {
    engine: Arc<Engine>,
    runtime: Runtime,
    session: Session,
    /// Values of `:name` and `$1` for the statements that follow.
    pub params: Params,
    /// Where the last subscription began.
    pub cursor: String,
    /// What was said besides the rows of the last question.
    pub warnings: Vec<Diagnostic>,
    // Last, so that the engine has let go of the folder before it is removed.
    folder: TempDir,
}

impl Small {
    /// An empty one.
    ///
    /// # Panics
    /// When no folder can be made: nothing could be tested then.
    pub fn new() -> Small {
        let folder = tempfile::tempdir().unwrap_or_else(|e| panic!("no folder: {e}"));
        let runtime = Builder::new_current_thread().enable_all().build().unwrap_or_else(|e| panic!("no runtime: {e}"));
        Small {
            engine: open(&folder),
            runtime,
            session: Session::default(),
            params: Params::new(),
            cursor: String::new(),
            warnings: vec![],
            folder,
        }
    }

    /// Closes the directory and opens it again.
    ///
    /// # Panics
    /// When it cannot be closed or opened.
    pub fn reopen(self) -> Small {
        self.reopen_after(|_| {})
    }

    /// The same, with something done to the closed directory in between.
    ///
    /// # Panics
    /// When it cannot be closed or opened.
    pub fn reopen_after(self, change: impl FnOnce(&Path)) -> Small {
        let Small { engine, runtime, session, params, cursor, warnings, folder } = self;
        engine.close().unwrap_or_else(|e| panic!("not closed: {e}"));
        drop(engine);
        change(&folder.path().join("data"));
        Small { engine: open(&folder), runtime, session, params, cursor, warnings, folder }
    }

    /// The same, as after a crash: what was acknowledged is in the log, and nothing is written at the end.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub fn reopen_without_checkpoint(self) -> Small {
        let Small { engine, runtime, session, params, cursor, warnings, folder } = self;
        drop(engine);
        Small { engine: open(&folder), runtime, session, params, cursor, warnings, folder }
    }

    /// Sets the clock of the directory: microseconds.
    ///
    /// # Panics
    /// When that cannot be written.
    pub fn set_clock(&mut self, micros: i64) {
        self.engine.set_clock(Some(micros)).unwrap_or_else(|e| panic!("no clock: {e}"));
    }

    /// Makes the refreshes that are due; how many.
    ///
    /// # Panics
    /// When the store does not let it.
    pub fn refresh_due(&self) -> usize {
        self.runtime.block_on(self.engine.refresh_due()).unwrap_or_else(|e| panic!("not refreshed: {e}"))
    }

    /// Loads NDJSON: events of several types without `target`, else what it names.
    ///
    /// # Errors
    /// The import failed, or a row was rejected.
    pub fn import(&self, target: Option<&str>, lines: &str) -> Result<(), String> {
        let target = target.map_or(Ok(Target::Events), |word| Target::parse(&self.engine.catalog(), word)).map_err(|e| e.to_string())?;
        let input = Input::Reader { name: "rows.ndjson".into(), reader: Box::new(Cursor::new(lines.to_string().into_bytes())) };
        let mut request = ImportRequest::new(target, vec![input]);
        request.format = Some(Format::Ndjson);
        let report = self.engine.import(request, &|_| {}).map_err(|e| e.to_string())?;
        report.rejects.first().map_or(Ok(()), |r| Err(format!("row {} was rejected: {}", r.row, r.message)))
    }

    /// Takes in NDJSON as a server does: events without `entity`, else operations on entities of that type.
    ///
    /// # Errors
    /// The body was refused, or a row was.
    pub fn ingest(&self, entity: Option<&str>, lines: &str) -> Result<(), String> {
        let submission = Submission { entity: entity.map(str::to_string), body: lines.to_string().into(), lines: Lines::Yes };
        let answer = self.runtime.block_on(self.engine.ingest(submission)).map_err(|e| e.to_string())?;
        answer.rejected.first().map_or(Ok(()), |r| Err(format!("row {} was rejected: {}: {}", r.index, r.code, r.message)))
    }

    /// What the directory is opened with.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Runs the statements of a text one after the other: the table of the last one, or its words as a table without columns.
    ///
    /// # Errors
    /// What is wrong with the text, or what its execution met.
    pub fn ask(&mut self, text: &str) -> Result<Table, EngineError> {
        let parsed = grammar::parse(text);
        let wrong = parsed.diagnostics();
        if !wrong.is_empty() {
            return Err(EngineError::Diagnostics(wrong));
        }
        let mut last = Table { columns: Vec::new(), rows: Vec::new() };
        for statement in parsed.statements.iter().flatten() {
            self.warnings.clear();
            last = self.runtime.block_on(async {
                match self.engine.run(&mut self.session, text, statement, &self.params).await? {
                    Answer::Done(_) => Ok(Table { columns: Vec::new(), rows: Vec::new() }),
                    Answer::Rows(rows) if matches!(statement.kind, StatementKind::Subscribe { .. }) => {
                        let (columns, batches, cursor) = beginning(rows).await?;
                        self.cursor = cursor;
                        Table::of(columns, &batches).map_err(|e| EngineError::Invalid(e.to_string()))
                    }
                    Answer::Rows(rows) => {
                        let columns = rows.columns.iter().map(|c| c.name.clone()).collect();
                        let warnings = rows.warnings.clone();
                        let batches = rows.collect().await?;
                        self.warnings = warnings.told();
                        Table::of(columns, &batches).map_err(|e| EngineError::Invalid(e.to_string()))
                    }
                }
            })?;
        }
        Ok(last)
    }
}

impl Default for Small {
    fn default() -> Small {
        Small::new()
    }
}

fn open(folder: &TempDir) -> Arc<Engine> {
    let data = folder.path().join("data");
    Engine::open(&data, EngineOptions::default()).unwrap_or_else(|e| panic!("not opened: {e}"))
}
