//! Handshake: name and password, or a token, become a bearer. The bearer stands in the response's header for most clients and in one message for the rest.

use super::status;
use crate::auth::{Auth, token_of};
use arrow_flight::{BasicAuth, HandshakeRequest, HandshakeResponse};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use std::time::Duration;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

/// A client that says hello and then nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// Checks who is there and mints a bearer.
pub(super) async fn answer(
    auth: &Auth,
    request: Request<Streaming<HandshakeRequest>>,
) -> Result<Response<BoxStream<'static, Result<HandshakeResponse, Status>>>, Status> {
    let token = match header(request.metadata()) {
        Some(header) => token_of(header),
        None => payload(request.into_inner()).await?,
    };
    let unknown = || Status::unauthenticated("the token is not known: give it as password, or as bearer token");
    let token = auth.token(token.as_deref().unwrap_or_default()).ok_or_else(unknown)?;
    let bearer = auth.mint(token).map_err(status::no_randomness)?;
    let message = HandshakeResponse { protocol_version: 0, payload: bearer.clone().into() };
    let mut response = Response::new(futures::stream::iter([Ok(message)]).boxed());
    let value = format!("Bearer {bearer}").parse().map_err(|_| Status::invalid_argument("the token cannot stand in a header"))?;
    response.metadata_mut().insert("authorization", value);
    Ok(response)
}

/// The text of the `authorization` header.
pub(super) fn header(metadata: &MetadataMap) -> Option<&str> {
    metadata.get("authorization").and_then(|v| v.to_str().ok())
}

/// Old clients send `BasicAuth` in the first message instead of a header.
async fn payload(mut messages: Streaming<HandshakeRequest>) -> Result<Option<String>, Status> {
    let first = tokio::time::timeout(PATIENCE, messages.try_next()).await;
    let first = first.map_err(|_| Status::deadline_exceeded("no handshake came"))??;
    let login = first.and_then(|m| BasicAuth::decode(m.payload).ok());
    Ok(login.map(|login| login.password))
}
