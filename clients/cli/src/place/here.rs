//! A data directory, opened by this process.

use super::Absent;
use crate::answer::{Answer, Table};
use crate::failure::{self, Failure};
use crate::report;
use crate::wait::Waiter;
use eql_engine::catalog::Catalog;
use eql_engine::grammar::Diagnostic;
use eql_engine::grammar::ast::Statement;
use eql_engine::stream::{ImportReport, ImportRequest, Progress};
use eql_engine::{Engine, EngineError, EngineOptions, Limits, Params, Rows, Session};
use eql_server::Config;
use futures::StreamExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// An open data directory and the settings of its one user.
pub(crate) struct Here {
    /// The engine.
    pub(crate) engine: Arc<Engine>,
    /// What SET changed.
    pub(crate) session: Session,
    waiter: Waiter,
    ours: bool,
}

impl Here {
    /// Opens a data directory. Where its events are is all that is taken from a configuration.
    pub(crate) fn open(dir: &Path, absent: Absent, waiter: Waiter) -> Result<Self, Failure> {
        let parts = Config::load_parts().map_err(|e| Failure::Usage(failure::chain(&e)))?.at();
        Self::open_with(dir, absent, waiter, EngineOptions { limits: Limits::default(), parts, ..EngineOptions::default() })
    }

    /// Opens a data directory as configured.
    pub(crate) fn open_with(dir: &Path, absent: Absent, waiter: Waiter, options: EngineOptions) -> Result<Self, Failure> {
        if absent == Absent::Refuse && !dir.exists() {
            return Err(Failure::Failed(format!(
                "there is no data directory {}: name one with --data, or make one with `eql demo`",
                dir.display()
            )));
        }
        let opened = waiter.within(|| Engine::open(dir, options));
        let engine = opened.map_err(|e| Failure::of(&format!("cannot open {}", dir.display()), &e))?;
        Ok(Self { engine, session: Session::default(), waiter, ours: true })
    }

    /// Runs one statement; what is wrong is said.
    pub(crate) fn run(&mut self, text: &Arc<str>, statement: &Statement, params: &Params) -> Result<Answer, Failure> {
        self.ask(text, statement, params)?.map_err(|error| told(&error, text))
    }

    /// Runs one statement; what is wrong is the caller's to say.
    pub(crate) fn ask(&mut self, text: &Arc<str>, statement: &Statement, params: &Params) -> Result<Result<Answer, EngineError>, Failure> {
        let (waiter, started) = (self.waiter.fresh(), Instant::now());
        let work = Box::pin(self.engine.run(&mut self.session, text, statement, params));
        Ok(match waiter.wait(work)? {
            Ok(eql_engine::Answer::Rows(rows)) => Ok(Answer::Rows(table(rows, waiter, text.clone(), started))),
            Ok(eql_engine::Answer::Done(words)) => Ok(Answer::Done(words)),
            Err(error) => Err(error),
        })
    }

    /// Runs a text that the dialect reads as SQL; None when it does not.
    pub(crate) fn run_sql(&mut self, text: &Arc<str>, params: &Params) -> Result<Option<Answer>, Failure> {
        let (waiter, started) = (self.waiter.fresh(), Instant::now());
        let work = Box::pin(async {
            let sql = self.engine.reads_as_sql(&self.session, "eql", text).await;
            if sql { Some(self.engine.run_sql(&self.session, text, params).await) } else { None }
        });
        match waiter.wait(work)? {
            None => Ok(None),
            Some(Ok(eql_engine::Answer::Rows(rows))) => Ok(Some(Answer::Rows(table(rows, waiter, text.clone(), started)))),
            Some(Ok(eql_engine::Answer::Done(words))) => Ok(Some(Answer::Done(words))),
            Some(Err(error)) => Err(told(&error, text)),
        }
    }

    /// Sets the clock of statements that set none.
    pub(crate) fn set_clock(&self, micros: i64) -> Result<(), Failure> {
        let set = self.waiter.within(|| self.engine.set_clock(Some(micros)));
        set.map_err(|e| Failure::of("cannot set the clock", &e))
    }

    /// The engine, for a server that will close it.
    pub(crate) fn hand_over(&mut self) -> Arc<Engine> {
        self.ours = false;
        self.engine.clone()
    }

    /// Everything wrong with a text, without running it.
    pub(crate) fn check(&self, text: &str) -> Vec<Diagnostic> {
        self.waiter.within(|| self.engine.check(&self.session, text))
    }

    /// Imports files.
    pub(crate) fn import(&self, request: ImportRequest, progress: &(dyn Fn(Progress) + Sync)) -> Result<ImportReport, EngineError> {
        self.waiter.within(|| self.engine.import(request, progress))
    }

    /// What has a name now.
    pub(crate) fn catalog(&self) -> Catalog {
        Catalog::clone(&self.engine.catalog())
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        if !self.ours {
            return;
        }
        if let Err(error) = self.waiter.within(|| self.engine.close()) {
            crate::out::error(&crate::failure::chain(&error));
        }
    }
}

/// The rows as they come; an error on the way is said and ends them.
fn table(rows: Rows, waiter: Waiter, text: Arc<str>, started: Instant) -> Table {
    let mut stream = rows.batches;
    let batches = std::iter::from_fn(move || match waiter.wait(stream.next()) {
        Ok(Some(Ok(batch))) => Some(Ok(batch)),
        Ok(Some(Err(error))) => Some(Err(told(&error, &text))),
        Ok(None) => None,
        Err(interrupted) => Some(Err(interrupted)),
    });
    Table {
        columns: rows.columns,
        schema: rows.schema,
        batches: Box::new(batches.fuse()),
        warnings: rows.warnings,
        approximate: rows.approximate,
        started,
    }
}

fn told(error: &EngineError, text: &str) -> Failure {
    report::engine_error(error, text);
    Failure::Told
}
