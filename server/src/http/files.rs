//! pending
use super::App;
use super::error::Failure;
use axum::extract::State;
pub(super) async fn import(State(_app): State<App>) -> Result<String, Failure> {
    Err(Failure::invalid("pending"))
}
