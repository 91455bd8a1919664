//! A text of one or more statements, and how one of them is run: the same for every protocol.

use crate::failure::internal;
use crate::telemetry::Timer;
use arrow::datatypes::SchemaRef;
use eql_engine::grammar::ast::{Statement, StatementKind};
use eql_engine::grammar::{self, Diagnostic};
use eql_engine::{Answer, Engine, EngineError, Params, ResultColumn, Rows, Session};
use futures::{FutureExt, Stream, StreamExt};
use std::any::Any;
use std::panic::AssertUnwindSafe;

/// A text that has parsed, with at least one statement, or one of SQL.
#[derive(Debug)]
pub(crate) struct Script {
    text: String,
    statements: Vec<Statement>,
    sql: bool,
}

impl Script {
    /// # Errors
    /// Everything that is wrong with the text.
    pub(crate) fn parse(text: &str) -> Result<Script, EngineError> {
        let parsed = grammar::parse(text);
        let diagnostics: Vec<Diagnostic> = parsed.statements.iter().filter_map(|s| s.as_ref().err()).flatten().cloned().collect();
        if !diagnostics.is_empty() {
            return Err(EngineError::Diagnostics(diagnostics));
        }
        let statements: Vec<Statement> = parsed.statements.into_iter().filter_map(Result::ok).collect();
        if statements.is_empty() {
            return Err(EngineError::Invalid("the text holds no statement".to_string()));
        }
        Ok(Script { text: text.to_string(), statements, sql: false })
    }

    /// Reads a text in the session's dialect; `default` is the protocol's.
    ///
    /// # Errors
    /// Everything that is wrong with the text.
    pub(crate) async fn read(engine: &Engine, session: &Session, default: &str, text: &str) -> Result<Script, EngineError> {
        if guarded(async { Ok(engine.reads_as_sql(session, default, text).await) }).await? {
            return Ok(Script { text: text.to_string(), statements: Vec::new(), sql: true });
        }
        Script::parse(text)
    }

    /// How many statements there are.
    pub(crate) fn count(&self) -> usize {
        if self.sql { 1 } else { self.statements.len() }
    }

    /// Whether the text is SQL: then it is one statement, and `statements` is empty.
    pub(crate) fn is_sql(&self) -> bool {
        self.sql
    }

    /// The names of the parameters of the only statement.
    ///
    /// # Errors
    /// There is more than one statement, or the text is wrong.
    pub(crate) async fn parameters(&self, engine: &Engine, session: &Session) -> Result<Vec<String>, EngineError> {
        if self.sql {
            return guarded(engine.sql_parameters(session, &self.text)).await;
        }
        Ok(crate::parameters::names(self.only()?.1))
    }

    /// Runs the n-th statement.
    pub(crate) async fn run_at(
        &self,
        engine: &Engine,
        session: &mut Session,
        at: usize,
        params: &Params,
        timer: Timer,
    ) -> Result<Answer, EngineError> {
        match self.statements.get(at) {
            Some(statement) => self.run(engine, session, statement, params, timer).await,
            None => timed(guarded(engine.run_sql(session, &self.text, params)).await, timer),
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The statement that a protocol of single statements is asked for; SET may stand before it.
    ///
    /// # Errors
    /// There is more than one.
    pub(crate) fn only(&self) -> Result<(&[Statement], &Statement), EngineError> {
        match self.statements.split_last() {
            Some((last, before)) if before.iter().all(is_set) => Ok((before, last)),
            _ => Err(EngineError::Invalid("Flight SQL takes one statement a request; only SET may stand before it".to_string())),
        }
    }

    /// The columns the only statement will answer with, asked in a copy of the session: nothing is run but SET.
    pub(crate) async fn schema(
        &self,
        engine: &Engine,
        session: &Session,
        params: &Params,
    ) -> Result<Option<(Vec<ResultColumn>, SchemaRef)>, EngineError> {
        if self.sql {
            return guarded(engine.sql_schema(session, &self.text, params)).await.map(Some);
        }
        let (before, last) = self.only()?;
        let mut session = session.clone();
        for set in before {
            guarded(engine.run(&mut session, &self.text, set, params)).await?;
        }
        guarded(engine.schema(&session, &self.text, last, params)).await
    }

    /// Runs one statement of this text.
    pub(crate) async fn run(
        &self,
        engine: &Engine,
        session: &mut Session,
        statement: &Statement,
        params: &Params,
        timer: Timer,
    ) -> Result<Answer, EngineError> {
        timed(guarded(engine.run(session, &self.text, statement, params)).await, timer)
    }
}

/// The timer ends with the answer.
fn timed(answer: Result<Answer, EngineError>, timer: Timer) -> Result<Answer, EngineError> {
    match answer {
        Ok(Answer::Rows(rows)) => Ok(Answer::Rows(measured(rows, timer))),
        Ok(done) => {
            timer.done();
            Ok(done)
        }
        Err(error) => {
            timer.failed(&error);
            Err(error)
        }
    }
}

/// True for statements that change the session and nothing else.
pub(crate) fn is_set(statement: &Statement) -> bool {
    matches!(statement.kind, StatementKind::Set { .. })
}

/// Our own mistakes end a request, not the server.
async fn guarded<T>(work: impl Future<Output = Result<T, EngineError>>) -> Result<T, EngineError> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|panic| Err(panicked(&*panic)))
}

fn panicked(panic: &(dyn Any + Send)) -> EngineError {
    let words = panic.downcast_ref::<&str>().map(|s| (*s).to_string()).or_else(|| panic.downcast_ref::<String>().cloned());
    internal(words.unwrap_or_else(|| "a statement panicked".to_string()))
}

/// The same rows; the timer ends with them, and a panic ends the stream with an error.
fn measured(rows: Rows, timer: Timer) -> Rows {
    let batches = AssertUnwindSafe(rows.batches).catch_unwind().map(|item| item.unwrap_or_else(|panic| Err(panicked(&*panic))));
    Rows { batches: ended(batches, timer).boxed(), ..rows }
}

fn ended<T>(items: impl Stream<Item = Result<T, EngineError>>, timer: Timer) -> impl Stream<Item = Result<T, EngineError>> {
    futures::stream::unfold(Some((Box::pin(items), timer)), |state| async {
        let (mut items, timer) = state?;
        match items.next().await {
            Some(Ok(item)) => Some((Ok(item), Some((items, timer)))),
            Some(Err(error)) => {
                timer.failed(&error);
                Some((Err(error), None))
            }
            None => {
                timer.done();
                None
            }
        }
    })
}

/// `SET name = value` by other means: a session option, or `settings` of an HTTP request. The engine judges name and value.
pub(crate) async fn set(engine: &Engine, session: &mut Session, name: &str, value: &serde_json::Value) -> Result<(), EngineError> {
    let wrong = |what: &str| EngineError::Invalid(format!("setting `{name}`: {what}"));
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(wrong("a name has letters, digits and `_`"));
    }
    let value = match value {
        serde_json::Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        serde_json::Value::Number(number) => number.to_string(),
        serde_json::Value::Bool(flag) => if *flag { "'on'" } else { "'off'" }.to_string(),
        _ => return Err(wrong("a text, a number or a truth value is needed")),
    };
    let script = Script::parse(&format!("SET {name} = {value}")).map_err(|e| wrong(&e.to_string()))?;
    let statement = script.statements().first().filter(|s| is_set(s)).ok_or_else(|| wrong("it cannot be set"))?;
    guarded(engine.run(session, script.text(), statement, &Params::new())).await.map_err(|e| wrong(&e.to_string()))?;
    Ok(())
}
