//! Actions: prepared statements, session options, cancelling.

use super::service::{Caller, Flight, packed};
use super::session::{self, CloseResult, SessionOptions, SetError, SetResult};
use super::statement::{Bound, announced};
use super::status;
use crate::auth::random;
use crate::parameters;
use crate::script::{self, Script};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest, ActionCreatePreparedStatementRequest,
    ActionCreatePreparedStatementResult, Any, Command, ProstMessageExt,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo, IpcMessage, SchemaAsIpc,
};
use eql_engine::{EngineError, Params, Session};
use prost::Message;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use tonic::Status;

const ACTIONS: &[(&str, &str)] = &[
    ("CreatePreparedStatement", "prepares a statement"),
    ("ClosePreparedStatement", "closes a prepared statement"),
    ("CancelQuery", "cancels the statement of a FlightInfo"),
    ("CancelFlightInfo", "cancels the statement of a FlightInfo"),
    (
        "SetSessionOptions",
        "sets options of this session: dialect, time_zone, now, week_start, result_cache, threads, memory_limit, timeout",
    ),
    ("GetSessionOptions", "gives the options of this session"),
    ("CloseSession", "forgets this session and its prepared statements"),
];

pub(super) fn list() -> Vec<ActionType> {
    ACTIONS.iter().map(|(name, words)| ActionType { r#type: (*name).to_string(), description: (*words).to_string() }).collect()
}

impl Flight {
    /// The messages an action answers with.
    pub(super) async fn act(&self, caller: &Caller, action: Action) -> Result<Vec<Vec<u8>>, Status> {
        let body = &action.body;
        Ok(match action.r#type.as_str() {
            "CreatePreparedStatement" => vec![packed(&self.prepare(caller, unpack(body)?).await?)],
            "ClosePreparedStatement" => {
                self.close_prepared(caller, &unpack::<ActionClosePreparedStatementRequest>(body)?.prepared_statement_handle);
                vec![]
            }
            "CancelQuery" => {
                let info = FlightInfo::decode(unpack::<ActionCancelQueryRequest>(body)?.info).map_err(status::unreadable)?;
                // The results of both ways to cancel have the same numbers.
                vec![packed(&ActionCancelQueryResult { result: self.cancel(&info) as i32 })]
            }
            "CancelFlightInfo" => {
                let info = CancelFlightInfoRequest::decode(body.as_ref()).map_err(status::unreadable)?.info.unwrap_or_default();
                vec![CancelFlightInfoResult { status: self.cancel(&info) as i32 }.encode_to_vec()]
            }
            "SetSessionOptions" => {
                let request = SessionOptions::decode(body.as_ref()).map_err(status::unreadable)?;
                vec![self.set_options(caller, request).await.encode_to_vec()]
            }
            "GetSessionOptions" => vec![session::options(&self.sessions.settings(&caller.session)).encode_to_vec()],
            "CloseSession" => {
                self.sessions.close(&caller.session).iter().for_each(|handle| self.prepared.invalidate(handle));
                vec![CloseResult { status: 1 }.encode_to_vec()]
            }
            "BeginTransaction" | "EndTransaction" | "BeginSavepoint" | "EndSavepoint" => {
                return Err(Status::unimplemented("there are no transactions: every statement is one"));
            }
            other => return Err(Status::unimplemented(format!("no action `{other}`"))),
        })
    }

    async fn prepare(
        &self,
        caller: &Caller,
        request: ActionCreatePreparedStatementRequest,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let script = self.read(caller, &request.query).await?;
        let settings = self.sessions.settings(&caller.session);
        let names = script.parameters(&self.engine, &settings).await.map_err(|e| status::of(&e))?;
        let dataset = self.dataset(&script, &names, &settings, caller.native).await.map_err(|e| status::of(&e))?;
        let handle = random::<16>().map_err(status::no_randomness)?;
        let result = ActionCreatePreparedStatementResult {
            prepared_statement_handle: handle.to_vec().into(),
            dataset_schema: encoded(&dataset)?.into(),
            parameter_schema: encoded(&parameters::schema(&names))?.into(),
        };
        self.prepared.insert(handle, Arc::new(Bound { script: Arc::new(script), names, params: Params::new() }));
        if let Some(oldest) = self.sessions.prepared(&caller.session, handle) {
            self.prepared.invalidate(&oldest);
        }
        Ok(result)
    }

    /// The schema of a statement whose parameters are not bound yet: with none, with NULLs, with numbers, with texts, whichever plans first.
    async fn dataset(&self, script: &Script, names: &[String], settings: &Session, native: bool) -> Result<SchemaRef, EngineError> {
        let first = match script.schema(&self.engine, settings, &Params::new()).await {
            Ok(columns) => return Ok(announced(columns, native)),
            Err(error) if names.is_empty() => return Err(error),
            Err(error) => error,
        };
        for guess in [json!(null), json!(1), json!("")] {
            let params = names.iter().map(|name| (name.clone(), guess.clone())).collect();
            if let Ok(columns) = script.schema(&self.engine, settings, &params).await {
                return Ok(announced(columns, native));
            }
        }
        // No guess fits all parameters at once. A text that is sound gets its schema from GetFlightInfo, once they are bound.
        let wrong = self.engine.check(settings, script.text()).iter().any(|d| d.is_error());
        if wrong { Err(first) } else { Ok(Arc::new(Schema::empty())) }
    }

    fn close_prepared(&self, caller: &Caller, handle: &[u8]) {
        if let Ok(handle) = <[u8; 16]>::try_from(handle) {
            self.prepared.invalidate(&handle);
            self.sessions.unprepared(&caller.session, &handle);
        }
    }

    fn cancel(&self, info: &FlightInfo) -> CancelStatus {
        let mut status = CancelStatus::NotCancellable;
        for ticket in info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref()) {
            let command = Any::decode(ticket.ticket.as_ref()).ok().and_then(|any| Command::try_from(any).ok());
            let Some(Command::TicketStatementQuery(query)) = command else { continue };
            if let Ok(plan) = self.tickets.redeem(&query.statement_handle) {
                plan.cancel.cancel();
                self.tickets.revoke(&query.statement_handle);
                status = CancelStatus::Cancelled;
            }
        }
        status
    }

    async fn set_options(&self, caller: &Caller, request: SessionOptions) -> SetResult {
        let mut settings = self.sessions.settings(&caller.session);
        let mut errors = HashMap::new();
        for (name, value) in &request.options {
            let value = value.json();
            let wrong = match (name.as_str(), value.as_ref().and_then(|v| v.as_str())) {
                ("catalog", Some(catalog)) => (catalog != super::CATALOG).then_some(2),
                ("schema", Some(schema)) => (schema != super::SCHEMA).then_some(2),
                (name, _) if !session::NAMES.contains(&name) => Some(1),
                (name, _) => match value {
                    Some(value) => script::set(&self.engine, &mut settings, name, &value).await.err().map(|_| 2),
                    None => Some(2),
                },
            };
            errors.extend(wrong.map(|value| (name.clone(), SetError { value })));
        }
        self.sessions.keep(&caller.session, settings);
        SetResult { errors }
    }
}

/// The schema in its message; nothing at all for no columns, which is how JDBC tells an update from a query.
fn encoded(schema: &Schema) -> Result<Vec<u8>, Status> {
    if schema.fields().is_empty() {
        return Ok(Vec::new());
    }
    let message: Result<IpcMessage, _> = SchemaAsIpc::new(schema, &IpcWriteOptions::default()).try_into();
    message.map(|m| m.0.to_vec()).map_err(|e| status::internal(&e))
}

fn unpack<M: ProstMessageExt + Default>(body: &[u8]) -> Result<M, Status> {
    let any = Any::decode(body).map_err(status::unreadable)?;
    any.unpack().map_err(status::unreadable)?.ok_or_else(|| Status::invalid_argument("the action's message is of another kind"))
}
