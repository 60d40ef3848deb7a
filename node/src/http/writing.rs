//! What a text will look like, for the editor's preview.

use super::auth::Viewer;
use super::error::{Answered, TEXT_TOO_LONG};
use super::extract::Json;
use super::markdown::render;
use protocol::limits::TEXT_BYTES_MAX;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Markdown.
#[derive(Deserialize, ToSchema)]
pub struct Draft {
    text: String,
}

/// Safe to put into a page.
#[derive(Serialize, ToSchema)]
pub struct Rendered {
    html: String,
}

#[utoipa::path(post, path = "/preview", tag = "posts", operation_id = "preview", request_body = Draft,
    responses((status = 200, body = Rendered)))]
pub(super) async fn preview(_viewer: Viewer, Json(draft): Json<Draft>) -> Answered<axum::Json<Rendered>> {
    if draft.text.len() > TEXT_BYTES_MAX {
        return Err(TEXT_TOO_LONG.into());
    }
    Ok(axum::Json(Rendered { html: render(&draft.text) }))
}
