//! Comments under a post.

use super::App;
use super::auth::Viewer;
use super::error::{Answered, NOT_FOUND};
use super::extract::{At, InQuery, Json, Key};
use super::feed::place;
use super::fresh_request;
use super::posts::delivery_of;
use super::shape::Page;
use super::shape::item::{Comment, DeliveryAt};
use super::shape::text::cursor;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use protocol::engine::input::Command;
use protocol::ids::{EntryId, RequestId};
use serde::Deserialize;
use utoipa::ToSchema;

/// Which page.
#[derive(Deserialize)]
pub struct CommentsQuery {
    /// Where the page ends: comments older than this.
    before: Option<String>,
    /// How many, 50 at most.
    limit: Option<usize>,
}

/// A new comment, or another text for one.
#[derive(Deserialize, ToSchema)]
pub struct CommentText {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    text: String,
}

pub(super) fn shown(app: &App, viewer: &Viewer, id: EntryId) -> Answered<axum::Json<Comment>> {
    let comment = app.shape(viewer.user, |shaper| Some(shaper.comment(&shaper.reader.comment(viewer.user, id)?)));
    comment.map(axum::Json).ok_or(NOT_FOUND.into())
}

#[utoipa::path(get, path = "/posts/{id}/comments", tag = "comments", operation_id = "comments_list",
    params(("id" = String, Path),
        ("before" = Option<String>, Query, description = "Where the page begins"),
        ("limit" = Option<usize>, Query, description = "How many, 50 at most")), responses((status = 200, body = Page<Comment>)))]
pub(super) async fn list(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(post)): At<Key<EntryId>>,
    InQuery(wanted): InQuery<CommentsQuery>,
) -> Answered<axum::Json<Page<Comment>>> {
    let (before, limit) = place(wanted.before.as_deref(), wanted.limit)?;
    let page = app.shape(viewer.user, |shaper| {
        let page = shaper.reader.comments(viewer.user, post, before, limit)?;
        let items = page.items.iter().map(|comment| shaper.comment(comment)).collect();
        Some(Page { items, next: page.next.as_ref().map(cursor) })
    });
    page.map(axum::Json).ok_or(NOT_FOUND.into())
}

#[utoipa::path(post, path = "/posts/{id}/comments", tag = "comments", operation_id = "comment_create",
    params(("id" = String, Path)), request_body = CommentText, responses((status = 201, body = Comment)))]
pub(super) async fn create(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(post)): At<Key<EntryId>>,
    Json(wanted): Json<CommentText>,
) -> Answered<(StatusCode, axum::Json<Comment>)> {
    let command = Command::CreateComment { post, text: wanted.text };
    let id = app.make(viewer.user, wanted.request_id.0, command).await?;
    Ok((StatusCode::CREATED, shown(&app, &viewer, id)?))
}

#[utoipa::path(patch, path = "/comments/{id}", tag = "comments", operation_id = "comment_change",
    params(("id" = String, Path)), request_body = CommentText, responses((status = 200, body = Comment)))]
pub(super) async fn change(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    Json(wanted): Json<CommentText>,
) -> Answered<axum::Json<Comment>> {
    app.handle.read(|reader| reader.comment(viewer.user, id)).ok_or(NOT_FOUND)?;
    let command = Command::Edit { target: id, title: String::new(), text: wanted.text };
    app.ask(Some(viewer.user), wanted.request_id.0, command).await?;
    shown(&app, &viewer, id)
}

#[utoipa::path(delete, path = "/comments/{id}", tag = "comments", operation_id = "comment_delete",
    params(("id" = String, Path)), responses((status = 200, body = Comment)))]
pub(super) async fn delete(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
) -> Answered<Response> {
    app.handle.read(|reader| reader.comment(viewer.user, id)).ok_or(NOT_FOUND)?;
    app.ask(Some(viewer.user), fresh_request(), Command::Delete { target: id }).await?;
    Ok(shown(&app, &viewer, id).map_or_else(|_| StatusCode::NO_CONTENT.into_response(), IntoResponse::into_response))
}

#[utoipa::path(get, path = "/comments/{id}/delivery", tag = "comments", operation_id = "comment_delivery",
    params(("id" = String, Path)), responses((status = 200, body = Vec<DeliveryAt>)))]
pub(super) async fn delivery(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
) -> Answered<axum::Json<Vec<DeliveryAt>>> {
    delivery_of(&app, &viewer, id)
}
