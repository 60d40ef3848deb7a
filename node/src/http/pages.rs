//! Pages: listed, made, shown, named, thrown away and taken back. What is written in them goes through their sockets.

pub mod comments;
pub mod history;
pub mod socket;
mod template;

use super::App;
use super::auth::Viewer;
use super::error::{Answered, ApiError, BUSY, NOT_FOUND, TEXT_TOO_LONG};
use super::extract::{At, InQuery, Json, Key};
use super::feed::place;
use super::files::disposition;
use super::fresh_request;
use super::markdown::lines as import;
use super::shape::page::{Page, PageRef, PageState};
use super::shape::text::cursor;
use super::throttle::Act;
use crate::local::account::Language;
use crate::pages::{Composed, Sheet, WriteError, Wrote};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use protocol::document::{Document, Inline, Line, render};
use protocol::engine::input::{Attachment, Command, PageName, PageTrash};
use protocol::engine::query::{PageView, PagesOf};
use protocol::ids::{BlobId, EntryId, GroupId, RequestId, UserId};
use serde::Deserialize;
use std::sync::Arc;
use template::Template;
use utoipa::ToSchema;

/// Writers that are named on a page.
const WRITERS_MAX: usize = 12;

/// Which pages.
#[derive(Deserialize)]
pub struct PagesQuery {
    /// Where the list begins.
    before: Option<String>,
    /// How many, 50 at most.
    limit: Option<usize>,
    /// `1` shows the trash.
    deleted: Option<String>,
}

/// A new page.
#[derive(Deserialize, ToSchema)]
pub struct NewPage {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    /// May be empty when `markdown` has a title.
    #[serde(default)]
    title: String,
    #[serde(default)]
    icon: String,
    /// What it begins with, in the person's language.
    #[serde(default)]
    template: Template,
    /// A text that it begins with instead.
    markdown: Option<String>,
}

/// Another title or icon; what is not given stays.
#[derive(Deserialize, ToSchema)]
pub struct PageNaming {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    title: Option<String>,
    icon: Option<String>,
}

/// A wish without anything beside it.
#[derive(Deserialize, ToSchema)]
pub struct Plain {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
}

impl App {
    /// A page that a person may see, with its open sheet.
    pub(in crate::http) fn sheet(&self, viewer: UserId, page: EntryId) -> Answered<(PageView, Arc<Sheet>)> {
        let view = self.handle.read(|reader| reader.page(viewer, page)).ok_or(NOT_FOUND)?;
        let sheet = self.pages.open(view.group, page).ok_or_else(|| ApiError::later(BUSY, 5))?;
        Ok((view, sheet))
    }
}

/// What a page's document is asked for when it is shown.
struct Shown {
    html: String,
    chars: usize,
    heads: Vec<String>,
    writers: Vec<UserId>,
    state: PageState,
}

impl Shown {
    fn of(document: &Document) -> Self {
        let state = if document.is_quarantined() {
            PageState::Quarantined
        } else if document.is_waiting() {
            PageState::Waiting
        } else {
            PageState::Ok
        };
        let lines = document.lines();
        Self {
            html: render::html(&lines),
            chars: render::plain(&lines).chars().count(),
            heads: document.heads().iter().map(hex).collect(),
            writers: document.writers().into_iter().take(WRITERS_MAX).collect(),
            state,
        }
    }
}

/// Bytes as automerge writes them.
pub(super) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) async fn shown(app: &App, viewer: &Viewer, id: EntryId) -> Answered<axum::Json<Page>> {
    let (_, sheet) = app.sheet(viewer.user, id)?;
    let shown = sheet.with(|document| Shown::of(document)).await.ok_or_else(|| ApiError::later(BUSY, 1))?;
    let made = app.shape(viewer.user, |shaper| {
        let view = shaper.reader.page(viewer.user, id)?;
        Some(Page {
            html: shown.html,
            text_chars: shown.chars,
            heads: shown.heads,
            may: (&view).into(),
            delivery: super::shape::item::delivery(view.delivery),
            writers: shown.writers.iter().map(|user| shaper.person_ref(*user)).collect(),
            state: shown.state,
            page: shaper.page_ref(&view)?,
        })
    });
    made.map(axum::Json).ok_or(NOT_FOUND.into())
}

#[utoipa::path(get, path = "/groups/{id}/pages", tag = "pages", operation_id = "pages_list",
    params(("id" = String, Path), ("before" = Option<String>, Query, description = "Where the list begins"),
        ("limit" = Option<usize>, Query, description = "How many, 50 at most"),
        ("deleted" = Option<String>, Query, description = "`1` shows the trash")),
    responses((status = 200, body = super::shape::Page<PageRef>)))]
pub(super) async fn list(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(group)): At<Key<GroupId>>,
    InQuery(wanted): InQuery<PagesQuery>,
) -> Answered<axum::Json<super::shape::Page<PageRef>>> {
    let (before, limit) = place(wanted.before.as_deref(), wanted.limit)?;
    let of = if wanted.deleted.as_deref() == Some("1") { PagesOf::Trash } else { PagesOf::Shelf };
    let page = app.shape(viewer.user, |shaper| {
        let page = shaper.reader.pages(viewer.user, group, of, before, limit)?;
        let items = page.items.iter().filter_map(|view| shaper.page_ref(view)).collect();
        Some(super::shape::Page { items, next: page.next.as_ref().map(cursor) })
    });
    page.map(axum::Json).ok_or(NOT_FOUND.into())
}

#[utoipa::path(post, path = "/groups/{id}/pages", tag = "pages", operation_id = "page_create",
    params(("id" = String, Path)), request_body = NewPage, responses((status = 201, body = Page)))]
pub(super) async fn create(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(group)): At<Key<GroupId>>,
    Json(wanted): Json<NewPage>,
) -> Answered<(StatusCode, axum::Json<Page>)> {
    app.count(Act::Post, viewer.user)?;
    let markdown = wanted.markdown.filter(|text| !text.trim().is_empty());
    if markdown.as_ref().is_some_and(|text| text.len() > import::MARKDOWN_BYTES_MAX) {
        return Err(TEXT_TOO_LONG.into());
    }
    let mut title = super::shape::text::name(&wanted.title);
    let lines = match markdown {
        Some(text) => {
            let mut lines = import::lines(&text, |address| picture(&app, &viewer, address));
            if let Some(own) = import::split_title(&mut lines, &title) {
                title = super::shape::text::name(&own);
            }
            lines
        }
        None => wanted.template.lines(app.local.account(viewer.user).map_or(Language::Fr, |account| account.language)),
    };
    let name = PageName { title, icon: wanted.icon };
    let id = app.make(viewer.user, wanted.request_id.0, Command::CreatePage { group, name }).await?;
    begin(&app, &viewer, id, lines).await?;
    Ok((StatusCode::CREATED, shown(&app, &viewer, id).await?))
}

/// Writes what a new page begins with. Asked for again it is done once: a page that has words has begun.
async fn begin(app: &App, viewer: &Viewer, id: EntryId, lines: Vec<Line>) -> Answered<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let (_, sheet) = app.sheet(viewer.user, id)?;
    let seconds = seconds(app);
    let made = sheet.compose(
        viewer.user,
        move |document, actor| {
            if document.changes() > 0 {
                return Composed::Changes(Vec::new());
            }
            document.write(actor, seconds, &lines).map_or(Composed::TooLong, Composed::Changes)
        },
        |named| attachments(app, viewer, &named),
    );
    composed(made.await)
}

/// Now, as changes bear it.
fn seconds(app: &App) -> i64 {
    i64::try_from(app.now() / 1_000).unwrap_or(0)
}

/// What became of something that the node wrote for a person.
fn composed(composed: Result<Result<Wrote, Composed>, WriteError>) -> Answered<()> {
    match composed {
        Ok(Ok(wrote)) if wrote.refused.is_empty() => Ok(()),
        Ok(Ok(wrote)) => {
            tracing::warn!(why = ?wrote.malformed, "changes made here were not admitted");
            Err(TEXT_TOO_LONG.into())
        }
        Ok(Err(Composed::Unknown)) => Err(NOT_FOUND.into()),
        Ok(Err(_)) => Err(TEXT_TOO_LONG.into()),
        Err(WriteError::Refused(refusal)) => Err(refusal.into()),
        Err(WriteError::Busy(busy)) => Err(busy.into()),
    }
}

/// The picture at an address of this organisation, if the person may show it.
fn picture(app: &App, viewer: &Viewer, address: &str) -> Option<Inline> {
    let (blob, _) = address.strip_prefix("/api/v1/files/")?.split_once('/')?;
    let attachment = super::posts::attachment(app, viewer, blob.parse().ok()?, "").ok()?;
    attachment.picture?;
    Some(Inline::Image { blob: blob.to_owned(), name: attachment.name, alt: String::new() })
}

/// What is known of files that changes put into the page; what the person may not use is not referred to.
fn attachments(app: &App, viewer: &Viewer, named: &[String]) -> Vec<Attachment> {
    let blobs = named.iter().filter_map(|blob| blob.parse::<BlobId>().ok());
    let known = blobs.filter_map(|blob| super::posts::attachment(app, viewer, blob, "").ok());
    known.take(protocol::limits::ATTACHMENTS_MAX).collect()
}

#[utoipa::path(get, path = "/pages/{id}", tag = "pages", operation_id = "page_read", params(("id" = String, Path)),
    responses((status = 200, body = Page)))]
pub(super) async fn read(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
) -> Answered<axum::Json<Page>> {
    shown(&app, &viewer, id).await
}

#[utoipa::path(patch, path = "/pages/{id}", tag = "pages", operation_id = "page_change", params(("id" = String, Path)),
    request_body = PageNaming, responses((status = 200, body = Page)))]
pub(super) async fn change(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    Json(wanted): Json<PageNaming>,
) -> Answered<axum::Json<Page>> {
    let view = app.handle.read(|reader| reader.page(viewer.user, id)).ok_or(NOT_FOUND)?;
    let title = wanted.title.map_or(view.title, |title| super::shape::text::name(&title));
    if title.len() > super::extract::BODY_BYTES_MAX / 4 {
        return Err(TEXT_TOO_LONG.into());
    }
    let name = PageName { title, icon: wanted.icon.unwrap_or(view.icon) };
    app.ask(Some(viewer.user), wanted.request_id.0, Command::NamePage { page: id, name }).await?;
    shown(&app, &viewer, id).await
}

#[utoipa::path(delete, path = "/pages/{id}", tag = "pages", operation_id = "page_delete", params(("id" = String, Path)),
    responses((status = 204, description = "in the trash")))]
pub(super) async fn delete(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
) -> Answered<StatusCode> {
    app.handle.read(|reader| reader.page(viewer.user, id)).ok_or(NOT_FOUND)?;
    let command = Command::TrashPage { page: id, trash: PageTrash { on: true } };
    app.ask(Some(viewer.user), fresh_request(), command).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/pages/{id}/restore", tag = "pages", operation_id = "page_restore",
    params(("id" = String, Path)), request_body = Plain, responses((status = 200, body = Page)))]
pub(super) async fn restore(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    Json(wanted): Json<Plain>,
) -> Answered<axum::Json<Page>> {
    app.handle.read(|reader| reader.page(viewer.user, id)).ok_or(NOT_FOUND)?;
    let command = Command::TrashPage { page: id, trash: PageTrash { on: false } };
    app.ask(Some(viewer.user), wanted.request_id.0, command).await?;
    shown(&app, &viewer, id).await
}

/// In which form a page is wanted.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// Markdown.
    Md,
    /// A page of its own for a browser.
    Html,
}

/// In which form.
#[derive(Deserialize)]
pub struct ExportQuery {
    /// `md` or `html`.
    #[serde(rename = "as")]
    form: Form,
}

#[utoipa::path(get, path = "/pages/{id}/export", tag = "pages", operation_id = "page_export",
    params(("id" = String, Path), ("as" = Form, Query, description = "`md` or `html`")),
    responses((status = 200, description = "a file")))]
pub(super) async fn export(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    InQuery(wanted): InQuery<ExportQuery>,
) -> Answered<Response> {
    let (view, sheet) = app.sheet(viewer.user, id)?;
    let lines = sheet.with(|document| document.lines()).await.ok_or_else(|| ApiError::later(BUSY, 1))?;
    let title = super::shape::text::name(&view.title);
    let (media_type, ending, text) = match wanted.form {
        Form::Md => ("text/markdown; charset=utf-8", "md", format!("# {title}\n\n{}", render::markdown(&lines))),
        Form::Html => ("text/html; charset=utf-8", "html", whole(&title, &render::html(&lines))),
    };
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, disposition(&format!("{title}.{ending}"), false)),
    ];
    Ok((headers, text).into_response())
}

/// A page that stands by itself.
fn whole(title: &str, body: &str) -> String {
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    let head = format!("<!doctype html>\n<html><head><meta charset=\"utf-8\"><title>{title}</title></head>");
    format!("{head}\n<body>\n<h1>{title}</h1>\n{body}</body></html>\n")
}
