//! A text of SQL from its first to its last step: the same turns, limits and clock as any statement.

use crate::query::Setup;
use crate::rows::{Head, Stream, plan_error};
use crate::system::SystemTables;
use crate::{Answer, Engine, EngineError, Params, ResultColumn, Rows, Session, Warnings};
use arrow::datatypes::SchemaRef;
use eql_grammar::Place;
use eql_grammar::ast::{Span, StatementKind};
use eql_planner::{Planner, Settings, SqlContext, SqlError};
use std::sync::Arc;

/// First words of texts that may be SQL.
const SQL_HEADS: [&str; 4] = ["SELECT", "WITH", "VALUES", "TABLE"];

/// Planning holds no rows.
const PLANNING_BYTES: usize = 16 << 20;

impl Engine {
    /// Whether a text is SQL. `sql`: all but SET is. `auto`: what begins like SQL and plans as SQL, or is not even the other language's
    /// syntax; stages behind `|>` belong to the Entity Query Language. `default` is the protocol's dialect.
    pub async fn reads_as_sql(&self, session: &Session, default: &str, text: &str) -> bool {
        let first = first_word(text);
        match session.dialect.as_deref().unwrap_or(default) {
            "sql" => !first.eq_ignore_ascii_case("SET"),
            "auto" if SQL_HEADS.iter().any(|h| first.eq_ignore_ascii_case(h)) => match piped(text) {
                Some(true) => false,
                Some(false) => self.sql_parameters(session, text).await.is_ok(),
                None => true,
            },
            _ => false,
        }
    }

    /// The names of the parameters of a text of SQL.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub async fn sql_parameters(&self, session: &Session, text: &str) -> Result<Vec<String>, EngineError> {
        let setup = self.setup(session, &Params::new());
        let planner = self.sql_planner(session, &setup).await?;
        planner.sql_parameters(text, &context(&setup)).await.map_err(sql_error)
    }

    /// The columns and Arrow schema that a text of SQL will answer with, without running it.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub async fn sql_schema(&self, session: &Session, text: &str, params: &Params) -> Result<(Vec<ResultColumn>, SchemaRef), EngineError> {
        let setup = self.setup(session, params);
        let planner = self.sql_planner(session, &setup).await?;
        let output = planner.sql_output(text, &context(&setup)).await.map_err(sql_error)?;
        let head = Head::new(&output, &setup.zone);
        Ok((head.columns, head.schema))
    }

    /// Runs a text of SQL.
    ///
    /// # Errors
    /// What is wrong with the text, or what the execution meets.
    pub async fn run_sql(&self, session: &Session, text: &str, params: &Params) -> Result<Answer, EngineError> {
        let setup = self.setup(session, params);
        let running = self.statements.start(text.trim(), setup.peak.clone());
        running.answer(self.sql(session, &setup, text).await.map(Answer::Rows))
    }

    async fn sql(&self, session: &Session, setup: &Setup, text: &str) -> Result<Rows, EngineError> {
        let at = Place::of(text, Span::new(0, text.len()));
        let limits = self.limitation(session, self.admission.turn().await?);
        let planner = Planner::new(self.snapshot().await?, self.settings(session, setup, &limits));
        let planned = planner.sql(text, &context(setup)).await.map_err(sql_error)?;
        let stream =
            datafusion::physical_plan::execute_stream(planned.physical, planner.task().map_err(plan_error)?).map_err(plan_error)?;
        Ok(Head::new(&planned.output, &setup.zone)
            .rows(Stream::new(stream, limits, None, (at, setup.noted.clone())), Warnings::new(vec![], at, setup.noted.clone())))
    }

    /// Planning alone takes no turn: nothing is read but the catalog.
    async fn sql_planner(&self, session: &Session, setup: &Setup) -> Result<Planner, EngineError> {
        let mut settings = Settings::alone(setup.now, 1, PLANNING_BYTES);
        settings.system = Some(Arc::new(SystemTables::new(self, session, setup.now)));
        Ok(Planner::new(self.snapshot().await?, settings))
    }
}

/// Whether a text of the Entity Query Language has stages behind `|>`; None when it is none.
fn piped(text: &str) -> Option<bool> {
    let parsed = eql_grammar::parse(text);
    let whole = !parsed.statements.is_empty() && parsed.statements.iter().all(Result::is_ok);
    let has_stages = |s: &StatementKind| matches!(s, StatementKind::Query(q) if !q.pipes.is_empty());
    whole.then(|| parsed.statements.iter().flatten().any(|s| has_stages(&s.kind)))
}

fn context(setup: &Setup) -> SqlContext {
    SqlContext { zone: setup.zone.clone(), week_start: setup.week_start, params: Some(setup.params.clone()) }
}

fn sql_error(e: SqlError) -> EngineError {
    match e {
        SqlError::Text(d) => EngineError::Diagnostics(vec![*d]),
        SqlError::Plan(e) => plan_error(e),
    }
}

/// The first word behind blanks, comments and opening brackets.
fn first_word(text: &str) -> &str {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").map_or("", |(_, after)| after);
        } else {
            let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            return &rest[..end];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_is_found() {
        assert_eq!(first_word("  -- a\n/* b */ ((select 1)"), "select");
        assert_eq!((first_word("FUNNEL a -> b"), first_word(""), first_word("-- only"), first_word("/* open")), ("FUNNEL", "", "", ""));
    }
}
