//! The engine over one data directory.

use crate::{Answer, EngineError, Limits, Params, Session};
use eql_catalog::Catalog;
use eql_grammar::Diagnostic;
use eql_grammar::ast::Statement;
use std::path::Path;
use std::sync::Arc;

/// How to open an engine.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// Bounds.
    pub limits: Limits,
}

/// Figures for /metrics and system tables.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct EngineStats {
    /// Last applied log position.
    pub position: u64,
    /// Statements running now.
    pub running: usize,
    /// Statements waiting for a turn.
    pub waiting: usize,
    /// Result cache: hits, misses, bytes.
    pub result_cache: (u64, u64, u64),
    /// Plan cache: hits, misses, entries.
    pub plan_cache: (u64, u64, u64),
}

/// One data directory, open.
pub struct Engine {}

impl Engine {
    /// Opens or creates the data directory.
    ///
    /// # Errors
    /// The directory is in use, damaged or not to be written.
    pub fn open(dir: &Path, options: EngineOptions) -> Result<Arc<Engine>, EngineError> {
        unimplemented!("{dir:?} {options:?}")
    }
    /// The catalog as it is now.
    pub fn catalog(&self) -> Arc<Catalog> {
        unimplemented!()
    }
    /// Runs one parsed statement. `text` is the text the statement's spans point into. SET changes `session`.
    ///
    /// # Errors
    /// Diagnostics of the text, or what the execution meets.
    pub async fn run(&self, session: &mut Session, text: &str, statement: &Statement, params: &Params) -> Result<Answer, EngineError> {
        unimplemented!("{session:?} {text} {statement:?} {params:?}")
    }
    /// The columns and Arrow schema a statement will answer with, without running it; None for a statement without rows.
    ///
    /// # Errors
    /// Diagnostics of the text.
    #[allow(clippy::type_complexity)]
    pub async fn schema(
        &self,
        session: &Session,
        text: &str,
        statement: &Statement,
        params: &Params,
    ) -> Result<Option<(Vec<crate::ResultColumn>, arrow::datatypes::SchemaRef)>, EngineError> {
        unimplemented!("{session:?} {text} {statement:?} {params:?}")
    }
    /// Everything wrong with a text, warnings included, without running it. Definitions in the text count for the statements after them.
    pub fn check(&self, session: &Session, text: &str) -> Vec<Diagnostic> {
        unimplemented!("{session:?} {text}")
    }
    /// Figures.
    pub fn stats(&self) -> EngineStats {
        unimplemented!()
    }
    /// Checkpoints and lets go of the directory.
    ///
    /// # Errors
    /// What the store meets.
    pub fn close(&self) -> Result<(), EngineError> {
        unimplemented!()
    }
}
