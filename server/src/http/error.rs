//! Failures as JSON: `{"diagnostics":[{"code","severity","message",…}]}`, whatever went wrong.

use crate::failure::Class;
use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use eql_engine::EngineError;
use serde_json::{Value, json};

/// A failed request.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    diagnostics: Value,
}

impl Failure {
    /// Something that is no diagnostic of a text.
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, diagnostics: json!([{ "code": code, "severity": "error", "message": message.into() }]) }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let class = Class::of(&error);
        let status = match class {
            Class::Invalid => StatusCode::BAD_REQUEST,
            Class::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Class::TooLarge => StatusCode::UNPROCESSABLE_ENTITY,
            Class::Full => StatusCode::TOO_MANY_REQUESTS,
            Class::NotFound => StatusCode::NOT_FOUND,
            Class::Gone => StatusCode::GONE,
            Class::Busy | Class::Refused => StatusCode::SERVICE_UNAVAILABLE,
            Class::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        };
        match error {
            EngineError::Diagnostics(diagnostics) => Self { status, diagnostics: json!(diagnostics) },
            other => Self::new(status, class.word(), other.to_string()),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(json!({ "diagnostics": self.diagnostics }))).into_response();
        if matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"eql\""));
        }
        response
    }
}

pub(super) async fn no_such_path(uri: Uri) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "not_found", format!("no `{}` here: GET / lists what there is", uri.path()))
}

pub(super) async fn no_such_method(uri: Uri) -> Failure {
    Failure::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        format!("`{}` takes another method: GET / lists what there is", uri.path()),
    )
}
