//! Statements over Flight: planned by GetFlightInfo, which runs nothing, and run by DoGet in exactly the schema that was announced.

use super::service::{Caller, Flight, packed};
use super::{status, stream};
use crate::parameters;
use crate::plain::wire_schema;
use crate::script::{Script, is_set};
use crate::telemetry::Timer;
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow_flight::Ticket;
use arrow_flight::sql::{DoPutPreparedStatementResult, TicketStatementQuery};
use eql_engine::grammar::ast::StatementKind;
use eql_engine::{Answer, EngineError, Params, ResultColumn, Session};
use futures::StreamExt;
use prost::Message;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tonic::Status;

const PROTOCOL: &str = "flight";
/// What a text is read as where the session says nothing.
pub(super) const DIALECT: &str = "auto";

/// What a ticket stands for. The settings are those of planning, so that the rows fit the schema whatever SET comes in between.
#[derive(Clone)]
pub(crate) struct Plan {
    script: Arc<Script>,
    params: Params,
    settings: Session,
    schema: SchemaRef,
    pub(super) cancel: CancellationToken,
}

impl Plan {
    pub(super) fn bytes(&self) -> usize {
        self.script.text().len() * 4 + params_bytes(&self.params) + self.schema.fields().len() * 256
    }
}

/// A prepared statement with the parameters that were bound last.
#[derive(Clone)]
pub(crate) struct Bound {
    pub(super) script: Arc<Script>,
    pub(super) names: Vec<String>,
    pub(super) params: Params,
}

impl Bound {
    pub(super) fn bytes(&self) -> usize {
        // A tree takes a few times its text.
        self.script.text().len() * 4 + 512 + params_bytes(&self.params)
    }
}

fn params_bytes(params: &Params) -> usize {
    params.iter().map(|(name, value)| name.len() + value.to_string().len()).sum()
}

/// The schema a client sees: none for a statement without rows.
pub(super) fn announced(columns: Option<(Vec<ResultColumn>, SchemaRef)>, native: bool) -> SchemaRef {
    match columns {
        Some((_, schema)) if native => schema,
        Some((columns, schema)) => wire_schema(&columns, &schema),
        None => Arc::new(Schema::empty()),
    }
}

impl Flight {
    /// A text in the dialect of the caller's session.
    pub(super) async fn read(&self, caller: &Caller, text: &str) -> Result<Script, Status> {
        let settings = self.sessions.settings(&caller.session);
        Script::read(&self.engine, &settings, DIALECT, text).await.map_err(|e| status::of(&e))
    }

    pub(super) async fn plan_text(&self, caller: &Caller, text: &str) -> Result<(Schema, Ticket), Status> {
        let script = self.read(caller, text).await?;
        self.plan(caller, Arc::new(script), Params::new()).await
    }

    pub(super) async fn plan_prepared(&self, caller: &Caller, handle: &[u8]) -> Result<(Schema, Ticket), Status> {
        let bound = self.bound(handle)?;
        self.plan(caller, Arc::clone(&bound.script), bound.params.clone()).await
    }

    async fn plan(&self, caller: &Caller, script: Arc<Script>, params: Params) -> Result<(Schema, Ticket), Status> {
        let plan = self.planned(caller, script, params).await?;
        let schema = plan.schema.as_ref().clone();
        let handle = self.tickets.issue(plan).map_err(status::no_randomness)?;
        let ticket = TicketStatementQuery { statement_handle: handle.into() };
        Ok((schema, Ticket::new(packed(&ticket))))
    }

    async fn planned(&self, caller: &Caller, script: Arc<Script>, params: Params) -> Result<Plan, Status> {
        let settings = self.sessions.settings(&caller.session);
        let columns = script.schema(&self.engine, &settings, &params).await.map_err(|e| status::of(&e))?;
        let schema = announced(columns, caller.native);
        Ok(Plan { script, params, settings, schema, cancel: self.kill.child_token() })
    }

    fn bound(&self, handle: &[u8]) -> Result<Arc<Bound>, Status> {
        let bound = <[u8; 16]>::try_from(handle).ok().and_then(|handle| self.prepared.get(&handle));
        bound.ok_or_else(|| Status::not_found("the prepared statement is closed or has expired: prepare it again"))
    }

    pub(super) async fn run_ticket(&self, caller: &Caller, ticket: &[u8]) -> Result<stream::FlightStream, Status> {
        let plan = self.tickets.redeem(ticket).map_err(|e| Status::invalid_argument(e.to_string()))?;
        self.run(caller, &plan).await
    }

    /// DoGet by handle, as clients may that never ask for FlightInfo.
    pub(super) async fn run_prepared(&self, caller: &Caller, handle: &[u8]) -> Result<stream::FlightStream, Status> {
        let bound = self.bound(handle)?;
        let plan = self.planned(caller, Arc::clone(&bound.script), bound.params.clone()).await?;
        self.run(caller, &plan).await
    }

    /// A ticket that is text: a statement, or influxdb3's JSON around one.
    pub(super) async fn run_raw(&self, caller: &Caller, text: &str) -> Result<stream::FlightStream, Status> {
        #[derive(serde::Deserialize)]
        struct Raw {
            sql_query: String,
            #[serde(default)]
            params: serde_json::Map<String, serde_json::Value>,
        }
        let (text, params) = match serde_json::from_str::<Raw>(text) {
            Ok(raw) => (raw.sql_query, parameters::of_json(raw.params)),
            Err(_) => (text.to_string(), Params::new()),
        };
        let script = self.read(caller, &text).await?;
        let plan = self.planned(caller, Arc::new(script), params).await?;
        self.run(caller, &plan).await
    }

    async fn run(&self, caller: &Caller, plan: &Plan) -> Result<stream::FlightStream, Status> {
        let work = self.answer(caller, &plan.script, &plan.params, plan.settings.clone());
        let answer = tokio::select! {
            biased;
            () = plan.cancel.cancelled() => return Err(Status::cancelled("the statement was cancelled")),
            answer = work => answer.map_err(|e| status::of(&e))?,
        };
        Ok(match answer {
            Answer::Rows(rows) => stream::rows(Arc::clone(&plan.schema), rows.batches, plan.cancel.clone()),
            Answer::Done(_) => stream::empty(Arc::clone(&plan.schema)),
        })
    }

    /// Runs SETs and the statement after them. The session keeps what SET changed, and only that.
    async fn answer(&self, caller: &Caller, script: &Script, params: &Params, mut settings: Session) -> Result<Answer, EngineError> {
        if script.is_sql() {
            return script.run_at(&self.engine, &mut settings, 0, params, Timer::start(PROTOCOL)).await;
        }
        let (before, last) = script.only()?;
        for set in before {
            script.run(&self.engine, &mut settings, set, params, Timer::start(PROTOCOL)).await?;
        }
        let answer = script.run(&self.engine, &mut settings, last, params, Timer::start(PROTOCOL)).await?;
        if is_set(last) || !before.is_empty() {
            self.sessions.keep(&caller.session, settings);
        }
        Ok(answer)
    }

    /// All statements of a text; the answer is a number of rows, -1 when it is not known.
    pub(super) async fn update_text(&self, caller: &Caller, text: &str) -> Result<i64, Status> {
        let script = self.read(caller, text).await?;
        self.update(caller, &script, &Params::new()).await.map_err(|e| status::of(&e))
    }

    /// Once a row of parameters, or once when there are none.
    pub(super) async fn update_prepared(&self, caller: &Caller, handle: &[u8], batches: &[RecordBatch]) -> Result<i64, Status> {
        let bound = self.bound(handle)?;
        let mut count = 0;
        let mut rows = Vec::new();
        for batch in batches.iter().filter(|_| !bound.names.is_empty()) {
            for row in 0..batch.num_rows() {
                rows.push(parameters::of_row(&bound.names, batch, row).map_err(|e| status::of(&e))?);
            }
        }
        if rows.is_empty() {
            rows.push(bound.params.clone());
        }
        for params in &rows {
            let one = self.update(caller, &bound.script, params).await.map_err(|e| status::of(&e))?;
            count = if one < 0 || count < 0 { -1 } else { count + one };
        }
        Ok(count)
    }

    async fn update(&self, caller: &Caller, script: &Script, params: &Params) -> Result<i64, EngineError> {
        let mut settings = self.sessions.settings(&caller.session);
        let mut count = if script.is_sql() { -1 } else { 0 };
        if script.is_sql() {
            drained(script.run_at(&self.engine, &mut settings, 0, params, Timer::start(PROTOCOL)).await?).await?;
        }
        for statement in script.statements() {
            let answer = script.run(&self.engine, &mut settings, statement, params, Timer::start(PROTOCOL)).await?;
            drained(answer).await?;
            if is_set(statement) {
                self.sessions.keep(&caller.session, settings.clone());
            }
            if !matches!(
                statement.kind,
                StatementKind::Define(_) | StatementKind::Drop { .. } | StatementKind::Set { .. } | StatementKind::Refresh { .. }
            ) {
                count = -1;
            }
        }
        Ok(count)
    }

    /// Binds one row of parameters to a prepared statement; the handle stays what it is.
    pub(super) fn bind(&self, handle: &[u8], batches: &[RecordBatch]) -> Result<Vec<u8>, Status> {
        let bound = self.bound(handle)?;
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if rows > 1 {
            return Err(Status::invalid_argument(format!("a query takes one row of parameters, {rows} were bound")));
        }
        if let (Some(batch), Ok(handle)) = (batches.iter().find(|b| b.num_rows() == 1), handle.try_into()) {
            let params = parameters::of_row(&bound.names, batch, 0).map_err(|e| status::of(&e))?;
            self.prepared.insert(handle, Arc::new(Bound { params, ..bound.as_ref().clone() }));
        }
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: None }.encode_to_vec())
    }
}

/// Reads all rows of an answer that nobody wants.
async fn drained(answer: Answer) -> Result<(), EngineError> {
    if let Answer::Rows(mut rows) = answer {
        while let Some(batch) = rows.batches.next().await {
            batch?;
        }
    }
    Ok(())
}
