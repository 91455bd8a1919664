//! `POST /v1/files/{target}`: one file for import.

use super::App;
use super::error::Failure;
use crate::import::{Flags, UploadError};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use eql_engine::stream::ImportReport;
use futures::StreamExt;
use serde_json::{Value, json};

pub(super) async fn import(
    State(app): State<App>,
    Path(target): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let flags = Flags::read(pairs.iter().map(|(k, v)| (k.as_str(), v.as_str()))).map_err(Failure::invalid)?;
    let mut upload = app.importer.upload(&flags.name).await?;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        upload.write(&chunk.map_err(|e| Failure::invalid(format!("the upload broke off: {e}")))?).await?;
    }
    Ok(Json(said(&app.importer.import(upload, target, flags).await?)))
}

impl From<UploadError> for Failure {
    fn from(error: UploadError) -> Self {
        let (status, code) = match error {
            UploadError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
            UploadError::TooLong(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            UploadError::Disk(_) => (StatusCode::INSUFFICIENT_STORAGE, "storage"),
        };
        Failure::new(status, code, error.to_string())
    }
}

fn said(report: &ImportReport) -> Value {
    let rejects = report.rejects.iter().map(|r| json!({ "file": r.file, "row": r.row, "column": r.column, "message": r.message }));
    json!({
        "rows": report.rows,
        "accepted": report.accepted,
        "duplicates": report.duplicates,
        "rejected": report.rejected,
        "rejects": rejects.collect::<Vec<_>>(),
        "position": report.position,
        "defined": report.defined,
        "notes": report.notes,
        "seconds": report.seconds,
    })
}
