//! What is said on a page: threads about passages, answers, settled or open.

use super::super::App;
use super::super::auth::Viewer;
use super::super::error::{Answered, NOT_FOUND};
use super::super::extract::{At, Json, Key};
use super::super::fresh_request;
use super::super::shape::Shaper;
use super::super::shape::person::PersonRef;
use super::super::shape::text;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::engine::input::{Anchor, Command, PageComment as Said, PageSettle};
use protocol::engine::query::{PageCommentView, PageThreadView};
use protocol::ids::{EntryId, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A passage, as editors name its ends.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Passage {
    /// Where it begins.
    pub start: String,
    /// Where it ends.
    pub end: String,
}

/// What a person may do with a comment.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct PageCommentMay {
    /// Change it.
    pub edit: bool,
    /// Delete it, with its answers.
    pub delete: bool,
    /// Settle it, or open it again.
    pub resolve: bool,
    /// Erase it for good.
    pub erase: bool,
}

/// Who settled a comment.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Resolved {
    /// Who.
    pub by: PersonRef,
    /// When.
    pub at: String,
}

/// An answer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PageReply {
    /// 52 characters.
    pub id: String,
    /// Who.
    pub author: PersonRef,
    /// Safe to be shown.
    pub html: String,
    /// As typed.
    pub text: String,
    /// When.
    pub created: String,
    /// When it was last changed.
    pub edited: Option<String>,
    /// What the viewer may do.
    pub may: PageCommentMay,
}

/// A comment on a passage.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PageComment {
    /// What answers have too.
    #[serde(flatten)]
    pub said: PageReply,
    /// The passage.
    pub anchor: Passage,
    /// What stood there.
    pub quote: String,
    /// Whether it is settled.
    pub resolved: Option<Resolved>,
    /// The oldest first.
    pub replies: Vec<PageReply>,
}

/// The comments on a page.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageComments {
    /// The oldest first.
    pub items: Vec<PageComment>,
}

/// A new comment.
#[derive(Deserialize, ToSchema)]
pub struct NewPageComment {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    anchor: Passage,
    quote: String,
    text: String,
}

/// An answer, or other words for a comment.
#[derive(Deserialize, ToSchema)]
pub struct PageWords {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    text: String,
}

/// Settled or not.
#[derive(Deserialize, ToSchema)]
pub struct Resolution {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    on: bool,
}

fn said(shaper: &Shaper<'_>, view: &PageCommentView, resolve: bool) -> PageReply {
    PageReply {
        id: view.id.to_string(),
        author: shaper.person_ref(view.author),
        html: shaper.app.markdown.html(&view.text).to_string(),
        text: view.text.clone(),
        created: text::time(view.created),
        edited: view.edited.map(text::time),
        may: PageCommentMay { edit: view.may.edit, delete: view.may.delete, resolve, erase: view.may.erase },
    }
}

fn shape(shaper: &Shaper<'_>, thread: &PageThreadView) -> PageComment {
    let resolved = thread.settled.map(|(by, at)| Resolved { by: shaper.person_ref(by), at: text::time(at) });
    PageComment {
        said: said(shaper, &thread.said, thread.may_settle),
        anchor: Passage { start: thread.anchor.start.clone(), end: thread.anchor.end.clone() },
        quote: thread.anchor.quote.clone(),
        resolved,
        replies: thread.answers.iter().map(|answer| said(shaper, answer, false)).collect(),
    }
}

fn all(app: &App, viewer: &Viewer, page: EntryId) -> Answered<Vec<PageComment>> {
    let items = app.shape(viewer.user, |shaper| {
        let threads = shaper.reader.page_comments(viewer.user, page)?;
        Some(threads.iter().map(|thread| shape(shaper, thread)).collect())
    });
    items.ok_or(NOT_FOUND.into())
}

/// The thread that a comment or an answer stands in.
fn thread(app: &App, viewer: &Viewer, id: EntryId) -> Answered<axum::Json<PageComment>> {
    let (page, first) = place(app, viewer, id)?;
    let first = first.to_string();
    let found = all(app, viewer, page)?.into_iter().find(|comment| comment.said.id == first);
    found.map(axum::Json).ok_or(NOT_FOUND.into())
}

/// The page of a comment that the person may see, and the comment that begins its thread.
fn place(app: &App, viewer: &Viewer, id: EntryId) -> Answered<(EntryId, EntryId)> {
    app.handle.read(|reader| reader.page_of_comment(viewer.user, id)).ok_or(NOT_FOUND.into())
}

#[utoipa::path(get, path = "/pages/{id}/comments", tag = "pages", operation_id = "page_comments",
    params(("id" = String, Path)), responses((status = 200, body = PageComments)))]
pub(in crate::http) async fn list(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(page)): At<Key<EntryId>>,
) -> Answered<axum::Json<PageComments>> {
    Ok(axum::Json(PageComments { items: all(&app, &viewer, page)? }))
}

#[utoipa::path(post, path = "/pages/{id}/comments", tag = "pages", operation_id = "page_comment_create",
    params(("id" = String, Path)), request_body = NewPageComment, responses((status = 201, body = PageComment)))]
pub(in crate::http) async fn create(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(page)): At<Key<EntryId>>,
    Json(wanted): Json<NewPageComment>,
) -> Answered<(StatusCode, axum::Json<PageComment>)> {
    app.handle.read(|reader| reader.page(viewer.user, page)).ok_or(NOT_FOUND)?;
    let anchor = Anchor { start: wanted.anchor.start, end: wanted.anchor.end, quote: wanted.quote };
    let comment = Said { text: wanted.text, anchor: Some(anchor) };
    let command = Command::CommentPage { page, answers: None, comment };
    let id = app.make(viewer.user, wanted.request_id.0, command).await?;
    Ok((StatusCode::CREATED, thread(&app, &viewer, id)?))
}

#[utoipa::path(post, path = "/page-comments/{id}/replies", tag = "pages", operation_id = "page_comment_reply",
    params(("id" = String, Path)), request_body = PageWords, responses((status = 201, body = PageComment)))]
pub(in crate::http) async fn reply(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    Json(wanted): Json<PageWords>,
) -> Answered<(StatusCode, axum::Json<PageComment>)> {
    let (page, first) = place(&app, &viewer, id)?;
    let comment = Said { text: wanted.text, anchor: None };
    let command = Command::CommentPage { page, answers: Some(first), comment };
    app.make(viewer.user, wanted.request_id.0, command).await?;
    Ok((StatusCode::CREATED, thread(&app, &viewer, first)?))
}

#[utoipa::path(post, path = "/page-comments/{id}/resolve", tag = "pages", operation_id = "page_comment_resolve",
    params(("id" = String, Path)), request_body = Resolution, responses((status = 200, body = PageComment)))]
pub(in crate::http) async fn resolve(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    Json(wanted): Json<Resolution>,
) -> Answered<axum::Json<PageComment>> {
    let (_, comment) = place(&app, &viewer, id)?;
    let command = Command::SettleComment { comment, settle: PageSettle { on: wanted.on } };
    app.ask(Some(viewer.user), wanted.request_id.0, command).await?;
    thread(&app, &viewer, comment)
}

#[utoipa::path(patch, path = "/page-comments/{id}", tag = "pages", operation_id = "page_comment_change",
    params(("id" = String, Path)), request_body = PageWords, responses((status = 200, body = PageComment)))]
pub(in crate::http) async fn change(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    Json(wanted): Json<PageWords>,
) -> Answered<axum::Json<PageComment>> {
    place(&app, &viewer, id)?;
    let command = Command::Edit { target: id, title: String::new(), text: wanted.text };
    app.ask(Some(viewer.user), wanted.request_id.0, command).await?;
    thread(&app, &viewer, id)
}

#[utoipa::path(delete, path = "/page-comments/{id}", tag = "pages", operation_id = "page_comment_delete",
    params(("id" = String, Path)), responses((status = 204, description = "hidden, with its answers")))]
pub(in crate::http) async fn delete(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
) -> Answered<StatusCode> {
    place(&app, &viewer, id)?;
    app.ask(Some(viewer.user), fresh_request(), Command::Delete { target: id }).await?;
    Ok(StatusCode::NO_CONTENT)
}
