//! Posts: writing, reading, changing, deleting, and how far they have got.

use super::App;
use super::auth::Viewer;
use super::error::{ATTACHMENTS_TOO_MANY, Answered, FILE_NOT_HERE, NOT_FOUND};
use super::extract::{At, Json, Key};
use super::fresh_request;
use super::markdown::name;
use super::shape::item::{DeliveryAt, Post};
use super::throttle::Act;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use protocol::engine::input::{Attachment, Command};
use protocol::ids::{BlobId, EntryId, GroupId, RequestId};
use protocol::limits::ATTACHMENTS_MAX;
use serde::Deserialize;
use utoipa::ToSchema;

/// A new post.
#[derive(Deserialize, ToSchema)]
pub struct NewPost {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    #[serde(default)]
    title: String,
    text: String,
    #[serde(default)]
    attachments: Vec<Attached>,
}

/// A file to attach, uploaded before.
#[derive(Deserialize, ToSchema)]
pub struct Attached {
    #[schema(value_type = String)]
    blob: Key<BlobId>,
    name: String,
}

/// Another text.
#[derive(Deserialize, ToSchema)]
pub struct PostChange {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    title: Option<String>,
    text: String,
}

pub(super) fn shown(app: &App, viewer: &Viewer, id: EntryId) -> Answered<axum::Json<Post>> {
    let post = app.shape(viewer.user, |shaper| shaper.post(&shaper.reader.post(viewer.user, id)?));
    post.map(axum::Json).ok_or(NOT_FOUND.into())
}

#[utoipa::path(post, path = "/groups/{id}/posts", tag = "posts", operation_id = "post_create",
    params(("id" = String, Path)), request_body = NewPost, responses((status = 201, body = Post)))]
pub(super) async fn create(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(group)): At<Key<GroupId>>,
    Json(wanted): Json<NewPost>,
) -> Answered<(StatusCode, axum::Json<Post>)> {
    app.count(Act::Post, viewer.user)?;
    if wanted.attachments.len() > ATTACHMENTS_MAX {
        return Err(ATTACHMENTS_TOO_MANY.into());
    }
    let attachments = wanted
        .attachments
        .iter()
        .map(|file| attachment(&app, &viewer, file.blob.0, &file.name))
        .collect::<Answered<_>>()?;
    let command = Command::CreatePost { group, title: name(&wanted.title), text: wanted.text, attachments };
    let id = app.make(viewer.user, wanted.request_id.0, command).await?;
    Ok((StatusCode::CREATED, shown(&app, &viewer, id)?))
}

/// What is known of a file that the person uploaded, or sees in a post.
pub(super) fn attachment(app: &App, viewer: &Viewer, blob: BlobId, given: &str) -> Answered<Attachment> {
    let given = name(given);
    if let Some(upload) = app.local.upload(viewer.user, blob) {
        let name = if given.is_empty() { upload.name } else { given };
        return Ok(Attachment {
            blob,
            name,
            size: upload.size,
            media_type: upload.media_type,
            picture: upload.picture,
        });
    }
    let seen = app.handle.read(|reader| reader.blob(viewer.user, blob)).ok_or(NOT_FOUND)?;
    if !app.files.is_here(blob) {
        return Err(FILE_NOT_HERE.into());
    }
    let name = if given.is_empty() { seen.attachment.name.clone() } else { given };
    Ok(Attachment { name, ..seen.attachment })
}

#[utoipa::path(get, path = "/posts/{id}", tag = "posts", operation_id = "post_read", params(("id" = String, Path)),
    responses((status = 200, body = Post)))]
pub(super) async fn read(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
) -> Answered<axum::Json<Post>> {
    shown(&app, &viewer, id)
}

#[utoipa::path(patch, path = "/posts/{id}", tag = "posts", operation_id = "post_change", params(("id" = String, Path)),
    request_body = PostChange, responses((status = 200, body = Post)))]
pub(super) async fn change(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    Json(wanted): Json<PostChange>,
) -> Answered<axum::Json<Post>> {
    let before = app.handle.read(|reader| reader.post(viewer.user, id)).ok_or(NOT_FOUND)?;
    let title = wanted.title.as_deref().map_or(before.title, name);
    let command = Command::Edit { target: id, title, text: wanted.text };
    app.ask(Some(viewer.user), wanted.request_id.0, command).await?;
    shown(&app, &viewer, id)
}

#[utoipa::path(delete, path = "/posts/{id}", tag = "posts", operation_id = "post_delete",
    params(("id" = String, Path)), responses((status = 200, body = Post)))]
pub(super) async fn delete(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
) -> Answered<Response> {
    app.handle.read(|reader| reader.post(viewer.user, id)).ok_or(NOT_FOUND)?;
    app.ask(Some(viewer.user), fresh_request(), Command::Delete { target: id }).await?;
    // What is deleted may be out of sight altogether.
    Ok(shown(&app, &viewer, id).map_or_else(|_| StatusCode::NO_CONTENT.into_response(), IntoResponse::into_response))
}

#[utoipa::path(get, path = "/posts/{id}/delivery", tag = "posts", operation_id = "post_delivery",
    params(("id" = String, Path)), responses((status = 200, body = Vec<DeliveryAt>)))]
pub(super) async fn delivery(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
) -> Answered<axum::Json<Vec<DeliveryAt>>> {
    delivery_of(&app, &viewer, id)
}

/// Which sites have a post or comment.
pub(super) fn delivery_of(app: &App, viewer: &Viewer, id: EntryId) -> Answered<axum::Json<Vec<DeliveryAt>>> {
    let lines = app.shape(viewer.user, |shaper| Some(shaper.delivery_lines(&shaper.reader.delivery(viewer.user, id)?)));
    lines.map(axum::Json).ok_or(NOT_FOUND.into())
}
