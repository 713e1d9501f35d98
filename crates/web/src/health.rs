//! For whoever watches the machine: alive, and able to work.

use crate::site::Site;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use std::sync::Arc;

/// `GET /healthz`: 200 whenever this code runs.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: 200, or 503 and the reason.
pub(crate) async fn ready(State(site): State<Arc<Site>>) -> Response {
    let readiness = Arc::clone(&site.options.readiness);
    let verdict = tokio::task::spawn_blocking(move || readiness()).await;
    match verdict.unwrap_or_else(|_| Err("the readiness check itself failed".to_owned())) {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")).into_response(),
    }
}
