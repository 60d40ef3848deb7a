//! Whether the node answers, and its numbers.

use super::App;
use super::error::{Answered, ApiError, BUSY, NOT_FOUND};
use super::extract::Peer;
use crate::config::MetricsFor;
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::time::Duration;

/// How long the engine may take to say that it is there: a rebuild of the rows or a slow disk may hold it for a moment.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// `/healthz` and `/metrics`.
pub fn routes() -> Router<App> {
    Router::new().route("/healthz", get(health)).route("/metrics", get(metrics))
}

/// 200 when the engine's thread itself answers in time.
async fn health(State(app): State<App>) -> Answered<&'static str> {
    match tokio::time::timeout(ANSWERS_WITHIN, app.handle.alive()).await {
        Ok(Ok(())) => Ok("ok"),
        Ok(Err(_)) | Err(_) => Err(ApiError::later(BUSY, ANSWERS_WITHIN.as_secs())),
    }
}

async fn metrics(State(app): State<App>, peer: Peer) -> Response {
    if app.config.metrics == MetricsFor::Loopback && !peer.is_here() {
        return ApiError::from(NOT_FOUND).into_response();
    }
    stand(&app).await;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, kind)], app.metrics.text()).into_response()
}

/// Sets the numbers of how the site stands.
async fn stand(app: &App) {
    let (sites, alarms) = app.handle.read(|reader| (reader.sites(), reader.view.alarms().len()));
    let others = sites.iter().filter(|site| !site.own);
    let standing = &app.metrics.standing;
    let connected = others.clone().filter(|site| site.nodes.iter().any(|node| node.connected)).count();
    for (gauge, number) in [
        (&standing.sites, sites.len() as u64),
        (&standing.connected, connected as u64),
        (&standing.waiting, others.map(|site| site.waiting).sum()),
        (&standing.alarms, alarms as u64),
        (&standing.accounts, app.local.accounts() as u64),
    ] {
        gauge.set(number.cast_signed());
    }
    // A disk that cannot be asked leaves the last number.
    if let Ok(free) = app.files.free().await {
        standing.free.set(free.cast_signed());
    }
}
