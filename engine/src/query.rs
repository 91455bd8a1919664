//! A statement from its first to its last step.

use crate::admission::Turn;
use crate::cache::{PlanKey, ResultKey};
use crate::peak::{Measured, Peak};
use crate::rows::{Head, Limitation, Stream, placed};
use crate::system::SystemTables;
use crate::{Answer, Engine, EngineError, Params, ResultColumn, Rows, Session, Warnings};
use arrow::datatypes::SchemaRef;
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};
use eql_catalog::{Catalog, Value, WeekStart};
use eql_compiler::bound::{Bound, Query, Statement};
use eql_compiler::{Context, ParamValues};
use eql_grammar::ast;
use eql_grammar::{Diagnostic, Place, print};
use eql_planner::{Noted, Planner, Settings};
use eql_store::Snapshot;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a statement is run with.
pub(crate) struct Setup {
    pub params: ParamValues,
    pub zone: String,
    pub week_start: WeekStart,
    /// Microseconds.
    pub now: i64,
    /// The clock stands still: the same question has the same answer.
    pub fixed_clock: bool,
    /// Memory it took.
    pub peak: Arc<Peak>,
    /// What its operators have to say besides the rows.
    pub noted: Arc<Noted>,
}

impl Engine {
    /// Runs one parsed statement. `text` is the text the statement's spans point into. SET changes `session`.
    ///
    /// # Errors
    /// Diagnostics of the text, or what the execution meets.
    pub async fn run(&self, session: &mut Session, text: &str, statement: &ast::Statement, params: &Params) -> Result<Answer, EngineError> {
        let setup = self.setup(session, params);
        let words = text.get(statement.span.start..statement.span.end).unwrap_or(text);
        let running = self.statements.start(words, setup.peak.clone());
        let at = Place::of(text, statement.span);
        running.answer(self.answer(session, &setup, text, statement).await.map_err(|e| placed(e, at)))
    }

    async fn answer(&self, session: &mut Session, setup: &Setup, text: &str, statement: &ast::Statement) -> Result<Answer, EngineError> {
        let (bound, key) = self.bind(text, statement, setup)?;
        let at = Place::of(text, statement.span);
        match bound.statement.as_ref() {
            Some(Statement::Query(q)) => {
                let mut head = Head::new(&q.output, bound.zone.as_deref().unwrap_or(&setup.zone));
                head.approximate = bound.approximate;
                let warnings = bound.diagnostics.clone();
                self.query(session, setup, (q, head), self.cached_as(session, &bound, key), (warnings, at)).await.map(Answer::Rows)
            }
            Some(Statement::Explain(rung, inner)) => self.explain(session, setup, *rung, statement, inner).await.map(Answer::Rows),
            Some(Statement::Set(setting)) => self.set(session, setting, setup).map(Answer::Done),
            Some(Statement::Nothing(words)) => Ok(Answer::Done(words.clone())),
            Some(Statement::Subscribe(s)) => self.subscribe(setup, s).await.map(Answer::Rows),
            Some(Statement::Later(what)) => Err(later(text, statement, what)),
            Some(other) => self.change(session, setup, other).await.map(Answer::Done),
            None => Err(EngineError::Invalid("the statement uses names that are not defined".into())),
        }
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
        statement: &ast::Statement,
        params: &Params,
    ) -> Result<Option<(Vec<ResultColumn>, SchemaRef)>, EngineError> {
        let setup = self.setup(session, params);
        let (bound, _) = self.bind(text, statement, &setup)?;
        match bound.statement.as_ref() {
            Some(Statement::Query(q)) => {
                let head = Head::new(&q.output, bound.zone.as_deref().unwrap_or(&setup.zone));
                Ok(Some((head.columns, head.schema)))
            }
            Some(Statement::Explain(..)) => Ok(Some(crate::explain::shape())),
            Some(Statement::Subscribe(s)) => self.subscription_shape(&setup, s).map(Some),
            Some(Statement::Later(what)) => Err(later(text, statement, what)),
            _ => Ok(None),
        }
    }

    pub(crate) fn setup(&self, session: &Session, params: &Params) -> Setup {
        let fixed = session.now.or(self.catalog().clock);
        let clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX));
        Setup {
            params: params.iter().map(|(k, v)| (k.clone(), value(v))).collect(),
            zone: session.time_zone.clone().unwrap_or_else(|| "UTC".into()),
            week_start: session.week_start.unwrap_or_default(),
            now: fixed.unwrap_or_else(clock),
            fixed_clock: fixed.is_some(),
            peak: Arc::default(),
            noted: Arc::default(),
        }
    }

    /// Binds, or finds the statement bound before under the same catalog.
    pub(crate) fn bind(&self, text: &str, statement: &ast::Statement, setup: &Setup) -> Result<(Arc<Bound>, PlanKey), EngineError> {
        self.bind_under(self.catalog(), text, statement, setup)
    }

    /// The same under the definitions of a snapshot.
    pub(crate) fn bind_under(
        &self,
        catalog: Arc<Catalog>,
        text: &str,
        statement: &ast::Statement,
        setup: &Setup,
    ) -> Result<(Arc<Bound>, PlanKey), EngineError> {
        let key = PlanKey {
            statement: print(statement),
            params: format!("{:?}", setup.params),
            zone: setup.zone.clone(),
            week_start: setup.week_start,
            catalog: catalog.version,
        };
        if let Some(known) = self.plans.get(&key) {
            return Ok((known, key));
        }
        let context = Context {
            catalog: &catalog,
            params: &setup.params,
            time_zone: &setup.zone,
            week_start: setup.week_start,
            lenient: false,
            check: false,
        };
        let bound = eql_compiler::bind(text, statement, &context);
        if bound.diagnostics.iter().any(Diagnostic::is_error) {
            return Err(EngineError::Diagnostics(bound.diagnostics));
        }
        let bound = Arc::new(bound);
        // Warnings point into this text, which another one of the same words does not share.
        // Without its text, names made of it are not known.
        if bound.diagnostics.is_empty() && !text.is_empty() && matches!(bound.statement, Some(Statement::Query(_))) {
            self.plans.put(key.clone(), bound.clone());
        }
        Ok((bound, key))
    }

    async fn query(
        &self,
        session: &Session,
        setup: &Setup,
        (q, head): (&Query, Head),
        key: Option<(PlanKey, Grain)>,
        (warnings, at): (Vec<Diagnostic>, Place),
    ) -> Result<Rows, EngineError> {
        let warnings = Warnings::new(warnings, at, setup.noted.clone());
        let turn = self.admission.turn().await?;
        let snapshot = self.snapshot().await?;
        let key = key.and_then(|(plan, grain)| result_key(setup, plan, grain, &snapshot));
        if let Some(batches) = key.as_ref().and_then(|k| self.results.get(k)) {
            return Ok(head.cached(batches, warnings));
        }
        let limits = self.limitation(session, turn);
        let planner = Planner::new(snapshot, self.settings(session, setup, &limits));
        let planned = planner.plan(q).await.map_err(crate::rows::plan_error)?;
        let stream = datafusion::physical_plan::execute_stream(planned.physical, planner.task().map_err(crate::rows::plan_error)?)
            .map_err(crate::rows::plan_error)?;
        let keep = key.map(|k| (k, self.results_handle(), self.limits.cached_result_bytes));
        Ok(head.rows(Stream::new(stream, limits, keep, (at, setup.noted.clone())), warnings))
    }

    /// How a result is found again, and what of the clock it depends on; None when it is not to be kept.
    fn cached_as(&self, session: &Session, bound: &Bound, plan: PlanKey) -> Option<(PlanKey, Grain)> {
        let grain = if bound.uses_now {
            Grain::Instant
        } else if bound.uses_minute {
            Grain::Minute
        } else {
            Grain::None
        };
        (!session.result_cache_off && !bound.reads_system).then_some((plan, grain))
    }

    pub(crate) async fn snapshot(&self) -> Result<Arc<Snapshot>, EngineError> {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || store.snapshot())
            .await
            .map_err(|e| crate::rows::internal(e.to_string()))?
            .map_err(EngineError::from)
    }

    pub(crate) fn limitation(&self, session: &Session, turn: Turn) -> Limitation {
        let timeout = session.timeout_ms.unwrap_or(self.limits.timeout_ms).min(self.limits.timeout_ms);
        Limitation { turn, cancelled: Arc::new(AtomicBool::new(false)), timeout: Duration::from_millis(timeout) }
    }

    pub(crate) fn settings(&self, session: &Session, setup: &Setup, limits: &Limitation) -> Settings {
        let memory: Arc<dyn MemoryPool> = match session.memory_limit {
            Some(bytes) => Arc::new(FairSpillPool::new(usize::try_from(bytes.min(self.limits.memory_bytes)).unwrap_or(usize::MAX))),
            None => self.memory.clone(),
        };
        let threads = session.threads.unwrap_or(self.limits.threads).clamp(1, 64);
        Settings {
            now: setup.now,
            threads,
            memory: Arc::new(Measured { pool: memory, peak: setup.peak.clone() }),
            cancelled: limits.cancelled.clone(),
            system: Some(Arc::new(SystemTables::new(self, session, setup.now))),
            noted: setup.noted.clone(),
            endless: false,
        }
    }
}

const MINUTE_US: i64 = 60_000_000;

/// What of the clock an answer depends on, besides which events are seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Grain {
    None,
    Minute,
    Instant,
}

/// A result may be kept when the same words and data give it again, at the same instant or, when all events lie before, in the same minute.
fn result_key(setup: &Setup, plan: PlanKey, grain: Grain, snapshot: &Snapshot) -> Option<ResultKey> {
    let now = if setup.fixed_clock {
        Some(setup.now)
    } else if grain == Grain::Instant || crate::rows::latest(snapshot) >= setup.now {
        return None;
    } else {
        (grain == Grain::Minute).then(|| setup.now.div_euclid(MINUTE_US) * MINUTE_US)
    };
    Some(ResultKey { plan, position: snapshot.position(), now })
}

fn later(text: &str, statement: &ast::Statement, what: &str) -> EngineError {
    let d = Diagnostic::error(
        eql_compiler::code::LATER,
        text,
        statement.span,
        format!("{what} is understood and checked, but not supported by this version yet"),
    );
    EngineError::Diagnostics(vec![d.with_hint("the changelog says which version will carry it out")])
}

/// A parameter's value.
fn value(v: &serde_json::Value) -> Value {
    match v {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(b) => Value::Bool(*b),
        serde_json::Value::Number(n) => n.as_i64().map_or_else(|| Value::Double(n.as_f64().unwrap_or(f64::NAN)), Value::Int),
        serde_json::Value::String(s) => Value::String(s.clone()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(value).collect()),
        serde_json::Value::Object(_) => Value::String(v.to_string()),
    }
}
