//! Whether the node answers, and its numbers.

use super::App;
use super::error::{ApiError, NOT_FOUND};
use super::extract::Peer;
use crate::config::MetricsFor;
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// `/healthz` and `/metrics`.
pub fn routes() -> Router<App> {
    Router::new().route("/healthz", get(health)).route("/metrics", get(metrics))
}

/// 200 once the engine can be read.
async fn health(State(app): State<App>) -> &'static str {
    app.handle.read(|_| ());
    "ok"
}

async fn metrics(State(app): State<App>, peer: Peer) -> Response {
    if app.config.metrics == MetricsFor::Loopback && !peer.is_here() {
        return ApiError::from(NOT_FOUND).into_response();
    }
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], app.metrics.text()).into_response()
}
