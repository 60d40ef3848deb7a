//! Reactions: one emoji of a short list, set or taken back.

use super::auth::Viewer;
use super::error::{Answered, BAD_REQUEST, NOT_FOUND};
use super::extract::{At, Json, Key};
use super::shape::item::{Comment, Post};
use super::{App, comments, fresh_request, posts};
use axum::extract::State;
use protocol::engine::input::{Command, Reaction};
use protocol::ids::EntryId;
use serde::Deserialize;
use utoipa::ToSchema;

/// A short list keeps counts readable.
pub const EMOJI: [&str; 6] = ["👍", "❤️", "👏", "😄", "💡", "🙏"];

/// An emoji, set or taken back.
#[derive(Deserialize, ToSchema)]
pub struct ReactionChange {
    emoji: String,
    on: bool,
}

#[utoipa::path(put, path = "/posts/{id}/reactions", tag = "posts", operation_id = "post_react",
    params(("id" = String, Path)), request_body = ReactionChange, responses((status = 200, body = Post)))]
pub(super) async fn on_post(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    Json(wanted): Json<ReactionChange>,
) -> Answered<axum::Json<Post>> {
    app.handle.read(|reader| reader.post(viewer.user, id)).ok_or(NOT_FOUND)?;
    react(&app, &viewer, id, wanted).await?;
    posts::shown(&app, &viewer, id)
}

#[utoipa::path(put, path = "/comments/{id}/reactions", tag = "comments", operation_id = "comment_react",
    params(("id" = String, Path)), request_body = ReactionChange, responses((status = 200, body = Comment)))]
pub(super) async fn on_comment(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    Json(wanted): Json<ReactionChange>,
) -> Answered<axum::Json<Comment>> {
    app.handle.read(|reader| reader.comment(viewer.user, id)).ok_or(NOT_FOUND)?;
    react(&app, &viewer, id, wanted).await?;
    comments::shown(&app, &viewer, id)
}

async fn react(app: &App, viewer: &Viewer, target: EntryId, wanted: ReactionChange) -> Answered<()> {
    if !EMOJI.contains(&wanted.emoji.as_str()) {
        return Err(BAD_REQUEST.into());
    }
    let on = if wanted.on { Reaction::On } else { Reaction::Off };
    app.ask(Some(viewer.user), fresh_request(), Command::React { target, emoji: wanted.emoji, on }).await?;
    Ok(())
}
