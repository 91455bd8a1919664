//! The calls of Flight. Each lets its caller in, reads which command it is, and gives it to the file that knows the answer.
//!
//! arrow-flight's `FlightSqlService` rejects commands that are no `Any`, has no PollFlightInfo, GetSchema or session actions, so this is `FlightService` itself.

use super::session::Sessions;
use super::statement::{Bound, Plan};
use super::tickets::Tickets;
use super::{handshake, ingest, metadata, sql_info, status, stream, xdbc};
use crate::auth::{Auth, NoRandomness, SessionId, token_of};
use crate::config::Config;
use crate::import::Importer;
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::{Any, Command, ProstMessageExt};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightEndpoint, FlightInfo, HandshakeRequest, HandshakeResponse,
    PollInfo, PutResult, Result as ActionResult, SchemaAsIpc, SchemaResult, Ticket,
};
use eql_engine::Engine;
use futures::StreamExt;
use futures::stream::BoxStream;
use moka::sync::Cache;
use prost::Message;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

/// Prepared statements die half an hour after their last use.
pub(super) const PREPARED_IDLE: Duration = Duration::from_secs(1800);
/// Bytes of texts and parameters in prepared statements.
const PREPARED_BYTES: u64 = 64 << 20;

/// The Flight SQL side of a server.
pub(crate) struct Flight {
    pub(super) engine: Arc<Engine>,
    pub(super) config: Arc<Config>,
    pub(super) auth: Arc<Auth>,
    pub(super) importer: Arc<Importer>,
    pub(super) sessions: Sessions,
    pub(super) prepared: Cache<[u8; 16], Arc<Bound>>,
    pub(super) tickets: Tickets<Plan>,
    /// Ends what still runs when the time to stop is over.
    pub(super) kill: CancellationToken,
}

/// Who calls, and how it wants its answers.
pub(super) struct Caller {
    pub(super) session: SessionId,
    /// `x-eql-arrow: native`: no cast to plain types.
    pub(super) native: bool,
    /// `x-eql-table-type`: another word for `TABLE`.
    pub(super) table_type: Option<String>,
}

/// What a descriptor or a ticket says: a command, or raw text as spice and influxdb3 send it.
enum Asked {
    Command(Command),
    Text(String),
}

impl Flight {
    pub(crate) fn new(
        engine: Arc<Engine>,
        config: Arc<Config>,
        auth: Arc<Auth>,
        importer: Arc<Importer>,
        kill: CancellationToken,
    ) -> Result<Self, NoRandomness> {
        let weigher = |_: &[u8; 16], bound: &Arc<Bound>| u32::try_from(bound.bytes()).unwrap_or(u32::MAX);
        let prepared = Cache::builder().weigher(weigher).max_capacity(PREPARED_BYTES).time_to_idle(PREPARED_IDLE).build();
        Ok(Self { engine, config, auth, importer, sessions: Sessions::new(), prepared, tickets: Tickets::new(Plan::bytes)?, kill })
    }

    /// Every call but Handshake begins here.
    fn admit<T>(&self, request: &Request<T>) -> Result<Caller, Status> {
        let metadata = request.metadata();
        let peer: Option<SocketAddr> = request.remote_addr();
        let bearer = handshake::header(metadata).and_then(token_of);
        let session = self.auth.admit(bearer.as_deref(), peer);
        let session = session.ok_or_else(|| {
            Status::unauthenticated("a token is needed: `authorization: Bearer …`, or a handshake with the token as password")
        })?;
        let text = |name| metadata.get(name).and_then(|v| v.to_str().ok());
        if let Some(project) = text("x-eql-project").filter(|p| *p != super::SCHEMA) {
            return Err(Status::not_found(format!("no project `{project}`: there is only `{}`", super::SCHEMA)));
        }
        Ok(Caller { session, native: text("x-eql-arrow") == Some("native"), table_type: text("x-eql-table-type").map(str::to_string) })
    }

    async fn info(&self, caller: &Caller, descriptor: FlightDescriptor) -> Result<FlightInfo, Status> {
        let (schema, ticket) = match asked(&descriptor.cmd)? {
            Asked::Text(text) => self.plan_text(caller, &text).await?,
            Asked::Command(Command::CommandStatementQuery(c)) => self.plan_text(caller, &c.query).await?,
            Asked::Command(Command::CommandPreparedStatementQuery(c)) => self.plan_prepared(caller, &c.prepared_statement_handle).await?,
            // Clients read these tickets: they must be the command itself.
            Asked::Command(command) => (self.metadata_schema(&command)?, Ticket::new(descriptor.cmd.clone())),
        };
        // No location: the client uses the connection it has, whatever name and port it reached us by.
        let endpoint = FlightEndpoint::new().with_ticket(ticket);
        let info = FlightInfo::new().with_endpoint(endpoint).with_descriptor(descriptor);
        if schema.fields().is_empty() {
            // A statement without rows announces no schema: ADBC then waits for DoGet, so that a definition is made before `execute` returns.
            return Ok(info);
        }
        info.try_with_schema(&schema).map_err(|e| status::internal(&e))
    }

    /// The schemas of metadata come from the same builders as their rows.
    fn metadata_schema(&self, command: &Command) -> Result<Schema, Status> {
        let schema = match command {
            Command::CommandGetTables(c) => c.clone().into_builder().schema(),
            Command::CommandGetDbSchemas(c) => c.clone().into_builder().schema(),
            other => self.small_metadata(other)?.schema(),
        };
        Ok(schema.as_ref().clone())
    }

    /// Metadata that needs no planning.
    fn small_metadata(&self, command: &Command) -> Result<RecordBatch, Status> {
        match command.clone() {
            Command::CommandGetCatalogs(c) => metadata::catalogs(c),
            Command::CommandGetDbSchemas(c) => metadata::schemas(c),
            Command::CommandGetTableTypes(c) => metadata::table_types(c),
            Command::CommandGetPrimaryKeys(c) => metadata::primary_keys(&c, &self.engine.catalog()),
            Command::CommandGetExportedKeys(_) | Command::CommandGetImportedKeys(_) | Command::CommandGetCrossReference(_) => {
                Ok(metadata::foreign_keys())
            }
            Command::CommandGetSqlInfo(c) => sql_info::answer(c, &self.config),
            Command::CommandGetXdbcTypeInfo(c) => xdbc::answer(c),
            other => Err(Status::unimplemented(format!("{} is not supported", short(other.type_url())))),
        }
    }

    async fn get(&self, caller: &Caller, ticket: &[u8]) -> Result<stream::FlightStream, Status> {
        match asked(ticket)? {
            Asked::Text(text) => self.run_raw(caller, &text).await,
            Asked::Command(Command::TicketStatementQuery(c)) => self.run_ticket(caller, &c.statement_handle).await,
            Asked::Command(Command::CommandPreparedStatementQuery(c)) => self.run_prepared(caller, &c.prepared_statement_handle).await,
            Asked::Command(Command::CommandGetTables(c)) => {
                let tables =
                    metadata::tables(c, &self.engine, &self.sessions.settings(&caller.session), caller.table_type.as_deref()).await?;
                Ok(stream::batch(tables))
            }
            Asked::Command(command) => Ok(stream::batch(self.small_metadata(&command)?)),
        }
    }

    async fn put(&self, caller: &Caller, mut messages: Streaming<FlightData>) -> Result<PutResult, Status> {
        let first = messages.message().await?.ok_or_else(|| Status::invalid_argument("nothing was put"))?;
        let descriptor = first.flight_descriptor.clone().ok_or_else(|| Status::invalid_argument("the first message has no descriptor"))?;
        let Asked::Command(command) = asked(&descriptor.cmd)? else {
            return Err(Status::invalid_argument("a Flight SQL command is needed"));
        };
        let metadata = match command {
            Command::CommandStatementUpdate(c) => updated(self.update_text(caller, &c.query).await?),
            Command::CommandPreparedStatementUpdate(c) => {
                let batches = ingest::batches(first, messages).await?;
                updated(self.update_prepared(caller, &c.prepared_statement_handle, &batches).await?)
            }
            Command::CommandPreparedStatementQuery(c) => {
                let batches = ingest::batches(first, messages).await?;
                self.bind(&c.prepared_statement_handle, &batches)?
            }
            Command::CommandStatementIngest(c) => updated(self.ingest(c, first, messages).await?),
            other => return Err(Status::unimplemented(format!("{} cannot be put", short(other.type_url())))),
        };
        Ok(PutResult { app_metadata: metadata.into() })
    }
}

fn updated(record_count: i64) -> Vec<u8> {
    arrow_flight::sql::DoPutUpdateResult { record_count }.encode_to_vec()
}

fn asked(bytes: &[u8]) -> Result<Asked, Status> {
    let any = Any::decode(bytes).ok().filter(|any| any.type_url.starts_with("type.googleapis.com/"));
    if let Some(any) = any {
        return Command::try_from(any).map(Asked::Command).map_err(status::unreadable);
    }
    let text = std::str::from_utf8(bytes).ok().map(str::trim).filter(|text| !text.is_empty());
    text.map(|text| Asked::Text(text.to_string()))
        .ok_or_else(|| Status::invalid_argument("the request is neither a Flight SQL command nor a statement"))
}

fn short(type_url: &str) -> &str {
    type_url.rsplit('.').next().unwrap_or(type_url)
}

#[tonic::async_trait]
impl FlightService for Flight {
    type HandshakeStream = BoxStream<'static, Result<HandshakeResponse, Status>>;
    type ListFlightsStream = BoxStream<'static, Result<FlightInfo, Status>>;
    type DoGetStream = stream::FlightStream;
    type DoPutStream = BoxStream<'static, Result<PutResult, Status>>;
    type DoActionStream = BoxStream<'static, Result<ActionResult, Status>>;
    type ListActionsStream = BoxStream<'static, Result<ActionType, Status>>;
    type DoExchangeStream = BoxStream<'static, Result<FlightData, Status>>;

    async fn handshake(&self, request: Request<Streaming<HandshakeRequest>>) -> Result<Response<Self::HandshakeStream>, Status> {
        handshake::answer(&self.auth, request).await
    }

    async fn list_flights(&self, request: Request<Criteria>) -> Result<Response<Self::ListFlightsStream>, Status> {
        self.admit(&request)?;
        Ok(Response::new(futures::stream::empty().boxed()))
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Result<Response<FlightInfo>, Status> {
        let caller = self.admit(&request)?;
        Ok(Response::new(self.info(&caller, request.into_inner()).await?))
    }

    async fn poll_flight_info(&self, request: Request<FlightDescriptor>) -> Result<Response<PollInfo>, Status> {
        let caller = self.admit(&request)?;
        let info = self.info(&caller, request.into_inner()).await?;
        // No descriptor means: there is nothing to poll for any more.
        Ok(Response::new(PollInfo::new().with_info(info).try_with_progress(1.0).map_err(|e| status::internal(&e))?))
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Result<Response<SchemaResult>, Status> {
        let caller = self.admit(&request)?;
        let info = self.info(&caller, request.into_inner()).await?;
        let schema = if info.schema.is_empty() { Ok(Schema::empty()) } else { info.try_decode_schema() };
        let schema = schema.map_err(|e| status::internal(&e))?;
        let result = SchemaAsIpc::new(&schema, &IpcWriteOptions::default()).try_into();
        Ok(Response::new(result.map_err(|e| status::internal(&e))?))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Result<Response<Self::DoGetStream>, Status> {
        let caller = self.admit(&request)?;
        Ok(Response::new(self.get(&caller, &request.into_inner().ticket).await?))
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Result<Response<Self::DoPutStream>, Status> {
        let caller = self.admit(&request)?;
        let result = self.put(&caller, request.into_inner()).await?;
        Ok(Response::new(futures::stream::iter([Ok(result)]).boxed()))
    }

    async fn do_action(&self, request: Request<Action>) -> Result<Response<Self::DoActionStream>, Status> {
        let caller = self.admit(&request)?;
        let results = self.act(&caller, request.into_inner()).await?;
        let results: Vec<_> = results.into_iter().map(|body| Ok(ActionResult { body: body.into() })).collect();
        Ok(Response::new(futures::stream::iter(results).boxed()))
    }

    async fn list_actions(&self, request: Request<Empty>) -> Result<Response<Self::ListActionsStream>, Status> {
        self.admit(&request)?;
        Ok(Response::new(futures::stream::iter(super::action::list().into_iter().map(Ok)).boxed()))
    }

    async fn do_exchange(&self, request: Request<Streaming<FlightData>>) -> Result<Response<Self::DoExchangeStream>, Status> {
        self.admit(&request)?;
        Err(Status::unimplemented("Flight SQL has no exchange"))
    }
}

/// A message wrapped the way Flight SQL sends all of its messages.
pub(super) fn packed(message: &impl ProstMessageExt) -> Vec<u8> {
    message.as_any().encode_to_vec()
}
