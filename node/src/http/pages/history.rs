//! A page's history: its versions, what stood in them, what changed between two, the way back, and who wrote what.

use super::super::App;
use super::super::auth::Viewer;
use super::super::error::{Answered, ApiError, BAD_REQUEST, BUSY, FORBIDDEN, NOT_FOUND};
use super::super::extract::{At, InQuery, Key};
use super::super::shape;
use super::super::shape::person::PersonRef;
use super::{Plain, hex, shown};
use crate::pages::Composed;
use axum::extract::State;
use protocol::clock::Hlc;
use protocol::document::{Hash, Part, Version, compare as compared, render};
use protocol::ids::EntryId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Versions in one answer.
const ITEMS_MAX: usize = 50;

/// What was written in one go.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageVersion {
    /// Names the version.
    pub id: String,
    /// When the last of it was written.
    pub at: String,
    /// When the first of it was.
    pub from: String,
    /// Who wrote.
    pub people: Vec<PersonRef>,
    /// Changes.
    pub changes: usize,
    /// Characters put in.
    pub added: u64,
    /// Characters taken away.
    pub removed: u64,
}

/// What stood in a version.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionText {
    /// When.
    pub at: String,
    /// Who wrote last.
    pub people: Vec<PersonRef>,
    /// Safe to be shown.
    pub html: String,
    /// Without form.
    pub text: String,
}

/// A stretch of a comparison.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComparedPart {
    /// `same`, `added` or `removed`.
    pub op: &'static str,
    /// The words.
    pub text: String,
}

/// What two versions have in common.
#[derive(Debug, Serialize, ToSchema)]
pub struct Comparison {
    /// Stretch by stretch.
    pub parts: Vec<ComparedPart>,
}

/// Letters of one person.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthorSpan {
    /// In UTF-16 units, a line's marker counting one.
    pub start: usize,
    /// Where they end.
    pub end: usize,
    /// Who.
    pub person: PersonRef,
}

/// Who wrote what.
#[derive(Debug, Serialize, ToSchema)]
pub struct Authors {
    /// In the order of the text.
    pub spans: Vec<AuthorSpan>,
}

/// Which versions are listed.
#[derive(Deserialize)]
pub struct HistoryQuery {
    /// The version that those wanted are older than.
    before: Option<String>,
    /// How many, 50 at most.
    limit: Option<usize>,
}

/// Which versions are compared.
#[derive(Deserialize)]
pub struct CompareQuery {
    /// The older one.
    from: String,
    /// The newer one.
    to: String,
}

/// Reads a version's name.
fn parse(text: &str) -> Answered<Hash> {
    let digits = |at: usize| text.get(at * 2..at * 2 + 2).filter(|pair| !pair.starts_with('+'));
    let mut hash = [0; 32];
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = digits(at).and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or(BAD_REQUEST)?;
    }
    if text.len() == 64 { Ok(hash) } else { Err(BAD_REQUEST.into()) }
}

fn time(hlc: Hlc) -> String {
    shape::text::time(hlc.millis())
}

#[utoipa::path(get, path = "/pages/{id}/history", tag = "pages", operation_id = "page_history",
    params(("id" = String, Path), ("before" = Option<String>, Query, description = "A version: older ones are listed"),
        ("limit" = Option<usize>, Query, description = "How many, 50 at most")),
    responses((status = 200, body = shape::Page<PageVersion>)))]
pub(in crate::http) async fn list(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    InQuery(wanted): InQuery<HistoryQuery>,
) -> Answered<axum::Json<shape::Page<PageVersion>>> {
    let (_, sheet) = app.sheet(viewer.user, id)?;
    let limit = wanted.limit.unwrap_or(ITEMS_MAX).clamp(1, ITEMS_MAX);
    let before = wanted.before.as_deref().map(parse).transpose()?;
    let versions = sheet.with(|document| document.versions()).await.ok_or_else(|| ApiError::later(BUSY, 1))?;
    let first = match before {
        Some(before) => versions.iter().position(|version| version.id == before).map_or(versions.len(), |at| at + 1),
        None => 0,
    };
    let rest = &versions[first..];
    let page = &rest[..rest.len().min(limit)];
    let next = page.last().filter(|_| rest.len() > limit).map(|version| hex(version.id));
    let items = app.shape(viewer.user, |shaper| {
        let of = |version: &Version| PageVersion {
            id: hex(version.id),
            at: time(version.at),
            from: time(version.from),
            people: version.people.iter().map(|user| shaper.person_ref(*user)).collect(),
            changes: version.changes,
            added: version.added,
            removed: version.removed,
        };
        page.iter().map(of).collect()
    });
    Ok(axum::Json(shape::Page { items, next }))
}

#[utoipa::path(get, path = "/pages/{id}/versions/{version}", tag = "pages", operation_id = "page_version",
    params(("id" = String, Path), ("version" = String, Path)), responses((status = 200, body = VersionText)))]
pub(in crate::http) async fn read(
    State(app): State<App>,
    viewer: Viewer,
    At(named): At<(Key<EntryId>, String)>,
) -> Answered<axum::Json<VersionText>> {
    let (Key(id), version) = named;
    let (_, sheet) = app.sheet(viewer.user, id)?;
    let version = parse(&version)?;
    let found = sheet.with(move |document| {
        let lines = document.lines_at(&document.heads_at(&version)?);
        let known = document.versions().into_iter().find(|known| known.id == version);
        Some((known, lines))
    });
    let (known, lines) = found.await.ok_or_else(|| ApiError::later(BUSY, 1))?.ok_or(NOT_FOUND)?;
    let people = known.as_ref().map(|version| version.people.clone()).unwrap_or_default();
    Ok(axum::Json(VersionText {
        at: known.map(|version| time(version.at)).unwrap_or_default(),
        people: app.shape(viewer.user, |shaper| people.iter().map(|user| shaper.person_ref(*user)).collect()),
        html: render::html(&lines),
        text: render::plain(&lines),
    }))
}

#[utoipa::path(get, path = "/pages/{id}/compare", tag = "pages", operation_id = "page_compare",
    params(("id" = String, Path), ("from" = String, Query, description = "The older version"),
        ("to" = String, Query, description = "The newer one")), responses((status = 200, body = Comparison)))]
pub(in crate::http) async fn compare(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    InQuery(wanted): InQuery<CompareQuery>,
) -> Answered<axum::Json<Comparison>> {
    let (_, sheet) = app.sheet(viewer.user, id)?;
    let (from, to) = (parse(&wanted.from)?, parse(&wanted.to)?);
    let parts = sheet.with(move |document| {
        let text = |version| Some(render::plain(&document.lines_at(&document.heads_at(version)?)));
        Some(compared(&text(&from)?, &text(&to)?))
    });
    let parts = parts.await.ok_or_else(|| ApiError::later(BUSY, 1))?.ok_or(NOT_FOUND)?;
    let shown = parts.into_iter().map(|part| {
        let (op, text) = match part {
            Part::Same(text) => ("same", text),
            Part::Added(text) => ("added", text),
            Part::Removed(text) => ("removed", text),
        };
        ComparedPart { op, text }
    });
    Ok(axum::Json(Comparison { parts: shown.collect() }))
}

#[utoipa::path(post, path = "/pages/{id}/versions/{version}/restore", tag = "pages", operation_id = "page_version_restore",
    params(("id" = String, Path), ("version" = String, Path)), request_body = Plain,
    responses((status = 200, body = super::Page)))]
pub(in crate::http) async fn restore(
    State(app): State<App>,
    viewer: Viewer,
    At(named): At<(Key<EntryId>, String)>,
    super::Json(wanted): super::Json<Plain>,
) -> Answered<axum::Json<super::Page>> {
    let (Key(id), version) = named;
    let (view, sheet) = app.sheet(viewer.user, id)?;
    if !view.may.edit {
        return Err(FORBIDDEN.into());
    }
    let version = parse(&version)?;
    let seconds = super::seconds(&app);
    // Asked for twice it is done once: the second time nothing differs.
    let _ = wanted.request_id;
    let composed = sheet.compose(
        viewer.user,
        move |document, actor| match document.heads_at(&version) {
            Some(heads) => document.restore(actor, seconds, &heads).map_or(Composed::TooLong, Composed::Changes),
            None => Composed::Unknown,
        },
        |named| super::attachments(&app, &viewer, &named),
    );
    super::composed(composed.await)?;
    shown(&app, &viewer, id).await
}

#[utoipa::path(get, path = "/pages/{id}/authors", tag = "pages", operation_id = "page_authors",
    params(("id" = String, Path)), responses((status = 200, body = Authors)))]
pub(in crate::http) async fn authors(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
) -> Answered<axum::Json<Authors>> {
    let (_, sheet) = app.sheet(viewer.user, id)?;
    let written = sheet.with(|document| document.authors()).await.ok_or_else(|| ApiError::later(BUSY, 1))?;
    let spans = app.shape(viewer.user, |shaper| {
        let people: std::collections::BTreeMap<_, _> =
            written.iter().map(|span| (span.author, shaper.person_ref(span.author))).collect();
        let of = |span: protocol::document::Written| {
            Some(AuthorSpan { start: span.start, end: span.end, person: people.get(&span.author)?.clone() })
        };
        written.into_iter().filter_map(of).collect()
    });
    Ok(axum::Json(Authors { spans }))
}
