//! Bodies that are read whole.

use super::error::Failure;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use futures::StreamExt;
use std::time::Duration;

/// Bytes of a too long body that are read and forgotten, so that its sender comes to read the answer instead of a broken connection.
const FORGOTTEN_BYTES: usize = 64 << 20;
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A whole body, not longer than `limits.body_bytes`.
pub(super) struct Whole(pub(super) Bytes);

impl FromRequest<super::App> for Whole {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &super::App) -> Result<Self, Failure> {
        let limit = usize::try_from(app.config.body_bytes).unwrap_or(usize::MAX);
        read(request.into_body(), limit).await.map(Whole)
    }
}

async fn read(body: Body, limit: usize) -> Result<Bytes, Failure> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|e| Failure::invalid(format!("the body broke off: {e}")))?;
        if bytes.len() + chunk.len() > limit {
            drop(bytes);
            let mut forgotten = 0;
            let forget = async {
                while let Some(Ok(chunk)) = chunks.next().await {
                    forgotten += chunk.len();
                    if forgotten > FORGOTTEN_BYTES {
                        break;
                    }
                }
            };
            let _ = tokio::time::timeout(PATIENCE, forget).await;
            let message = format!("the body is longer than the {limit} bytes of `limits.body_bytes`");
            return Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}
