//! Bodies that are read whole.

use super::error::Failure;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderMap, StatusCode};
use eql_engine::stream::{Packing, UnpackError, unpack};
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

/// A whole body, unpacked as `content-encoding` says.
pub(super) struct Unpacked(pub(super) Bytes);

impl FromRequest<super::App> for Unpacked {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &super::App) -> Result<Self, Failure> {
        let packing = packing(request.headers())?;
        let Whole(body) = Whole::from_request(request, app).await?;
        let Some(packing) = packing else { return Ok(Unpacked(body)) };
        let limits = &app.config.limits.ingest;
        let (bytes, ratio) = (limits.unpacked_bytes, limits.unpack_ratio);
        let work = tokio::task::spawn_blocking(move || unpack(&body, packing, bytes, ratio));
        let plain = work.await.map_err(|panic| Failure::from(crate::failure::internal(panic)))?;
        plain.map(|plain| Unpacked(plain.into())).map_err(|error| match error {
            UnpackError::Broken(_) => Failure::invalid(error.to_string()),
            _ => Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", error.to_string()),
        })
    }
}

fn packing(headers: &HeaderMap) -> Result<Option<Packing>, Failure> {
    let Some(named) = headers.get(CONTENT_ENCODING) else { return Ok(None) };
    match named.to_str().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(None),
        "gzip" | "x-gzip" => Ok(Some(Packing::Gzip)),
        "zstd" => Ok(Some(Packing::Zstd)),
        other => {
            let message = format!("content-encoding `{other}` is not read here: gzip, zstd and identity are");
            Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_encoding", message))
        }
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
