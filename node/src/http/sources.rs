//! Feeds from outside that post into a group.

use super::auth::Viewer;
use super::error::{self, Answered, ApiError, FORBIDDEN, NOT_FOUND};
use super::extract::{At, Json, Key};
use super::markdown::name;
use super::ports::{FeedError, FeedState, FeedTrouble, OpmlFeed};
use super::shape::Shaper;
use super::shape::item::is_web;
use super::shape::person::SiteRef;
use super::shape::text::time_ms;
use super::throttle::Act;
use super::{App, fresh_request};
use axum::extract::State;
use axum::http::StatusCode;
use protocol::engine::input::Command;
use protocol::engine::query::SourceView;
use protocol::ids::{EntryId, GroupId, RequestId};
use protocol::limits::SOURCES_PER_GROUP_MAX;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// Items shown before a feed is added.
const PREVIEW_ITEMS: usize = 5;

/// What is wrong with a feed.
#[derive(Debug, Serialize, ToSchema)]
pub struct SourceError {
    code: &'static str,
    message: String,
    since: String,
    retry: Option<String>,
}

/// A feed of a group.
#[derive(Debug, Serialize, ToSchema)]
pub struct Source {
    id: String,
    group: String,
    url: String,
    title: String,
    site_url: Option<String>,
    poller: Option<SiteRef>,
    polled_here: bool,
    last_success: Option<String>,
    last_item: Option<String>,
    items: usize,
    error: Option<SourceError>,
}

/// An address to look at.
#[derive(Deserialize, ToSchema)]
pub struct Address {
    url: String,
}

/// An item of a feed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Item {
    title: String,
    url: Option<String>,
    published: Option<String>,
}

/// A feed before it is added.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preview {
    url: String,
    title: String,
    site_url: Option<String>,
    items: Vec<Item>,
}

/// A feed to add.
#[derive(Deserialize, ToSchema)]
pub struct NewSource {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    url: String,
    title: Option<String>,
}

/// A list of feeds.
#[derive(Deserialize, ToSchema)]
pub struct OpmlText {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    opml: String,
}

/// A feed of the list that was left out.
#[derive(Debug, Serialize, ToSchema)]
pub struct Skipped {
    url: String,
    title: String,
    /// A code.
    reason: &'static str,
}

/// What became of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpmlResult {
    added: Vec<Source>,
    skipped: Vec<Skipped>,
}

impl From<FeedError> for ApiError {
    fn from(feed: FeedError) -> Self {
        Self::with(error::by_name(feed.code), json!({ "reason": feed.message }))
    }
}

fn source(shaper: &Shaper<'_>, view: &SourceView) -> Source {
    let FeedState { poller, polled_here, last_success, last_item, error } = shaper.app.feeds.state(view.id);
    let trouble = |trouble: FeedTrouble| SourceError {
        code: error::by_name(trouble.code).name,
        message: trouble.message,
        since: time_ms(trouble.since),
        retry: trouble.retry.map(time_ms),
    };
    Source {
        id: view.id.to_string(),
        group: view.group.to_string(),
        url: view.url.clone(),
        title: name(&view.title),
        site_url: view.site_url.clone().filter(|url| is_web(url)),
        poller: poller.or_else(|| view.sites.first().copied()).map(|site| shaper.site(site)),
        polled_here,
        last_success: last_success.map(time_ms),
        last_item: last_item.map(time_ms),
        items: view.items,
        error: error.map(trouble),
    }
}

fn shown(app: &App, viewer: &Viewer, id: EntryId) -> Answered<Source> {
    let shape = |shaper: &Shaper<'_>| Some(source(shaper, &shaper.reader.source(viewer.user, id)?));
    app.shape(viewer.user, shape).ok_or(NOT_FOUND.into())
}

/// Passes those who care for the group's feeds.
fn require_manager(app: &App, viewer: &Viewer, group: GroupId) -> Answered<()> {
    let group = app.handle.read(|reader| reader.group(viewer.user, group)).ok_or(NOT_FOUND)?;
    if group.may.manage { Ok(()) } else { Err(FORBIDDEN.into()) }
}

#[utoipa::path(get, path = "/groups/{id}/sources", tag = "feeds", operation_id = "sources_list",
    params(("id" = String, Path)), responses((status = 200, body = Vec<Source>)))]
pub(super) async fn list(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(group)): At<Key<GroupId>>,
) -> Answered<axum::Json<Vec<Source>>> {
    let sources = app.shape(viewer.user, |shaper| {
        let views = shaper.reader.sources(viewer.user, group)?;
        Some(views.iter().map(|view| source(shaper, view)).collect())
    });
    sources.map(axum::Json).ok_or(NOT_FOUND.into())
}

#[utoipa::path(post, path = "/groups/{id}/sources/preview", tag = "feeds", operation_id = "sources_preview",
    params(("id" = String, Path)), request_body = Address, responses((status = 200, body = Preview)))]
pub(super) async fn preview(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(group)): At<Key<GroupId>>,
    Json(wanted): Json<Address>,
) -> Answered<axum::Json<Preview>> {
    require_manager(&app, &viewer, group)?;
    app.count(Act::Fetch, viewer.user)?;
    let feed = app.feeds.preview(wanted.url).await?;
    let items = feed.items.into_iter().take(PREVIEW_ITEMS).map(|item| Item {
        title: name(&item.title),
        url: item.url.filter(|url| is_web(url)),
        published: item.published.map(time_ms),
    });
    Ok(axum::Json(Preview {
        url: feed.url,
        title: name(&feed.title),
        site_url: feed.site_url.filter(|url| is_web(url)),
        items: items.collect(),
    }))
}

#[utoipa::path(post, path = "/groups/{id}/sources", tag = "feeds", operation_id = "source_add",
    params(("id" = String, Path)), request_body = NewSource, responses((status = 201, body = Source)))]
pub(super) async fn add(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(group)): At<Key<GroupId>>,
    Json(wanted): Json<NewSource>,
) -> Answered<(StatusCode, axum::Json<Source>)> {
    require_manager(&app, &viewer, group)?;
    app.count(Act::Fetch, viewer.user)?;
    // Read once before it is added, so that a wrong address is told to the person who types it.
    let feed = app.feeds.preview(wanted.url).await?;
    let given = wanted.title.as_deref().map(name).filter(|title| !title.is_empty());
    let title = given.unwrap_or_else(|| name(&feed.title));
    let command = Command::SetSource { group, url: feed.url, title, site_url: feed.site_url };
    let id = app.make(viewer.user, wanted.request_id.0, command).await?;
    Ok((StatusCode::CREATED, axum::Json(shown(&app, &viewer, id)?)))
}

#[utoipa::path(post, path = "/groups/{id}/sources/opml", tag = "feeds", operation_id = "sources_opml",
    params(("id" = String, Path)), request_body = OpmlText, responses((status = 200, body = OpmlResult)))]
pub(super) async fn opml(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(group)): At<Key<GroupId>>,
    Json(wanted): Json<OpmlText>,
) -> Answered<axum::Json<OpmlResult>> {
    require_manager(&app, &viewer, group)?;
    let feeds = app.feeds.opml(&wanted.opml)?;
    let mut result = OpmlResult { added: Vec::new(), skipped: Vec::new() };
    for (n, feed) in feeds.into_iter().enumerate() {
        let request = part(wanted.request_id.0, n);
        match add_listed(&app, &viewer, group, request, &feed).await {
            Ok(source) => result.added.push(source),
            Err(error) if error.code == error::BUSY => return Err(error),
            Err(error) => {
                result.skipped.push(Skipped { url: feed.url, title: name(&feed.title), reason: error.code.name });
            }
        }
    }
    Ok(axum::Json(result))
}

async fn add_listed(
    app: &App,
    viewer: &Viewer,
    group: GroupId,
    request: RequestId,
    feed: &OpmlFeed,
) -> Answered<Source> {
    let url = app.feeds.canonical(&feed.url)?;
    let held = app.handle.read(|reader| reader.sources(viewer.user, group)).unwrap_or_default();
    if held.iter().any(|source| source.url == url) {
        return Err(error::ALREADY_THERE.into());
    }
    if held.len() >= SOURCES_PER_GROUP_MAX {
        return Err(error::FEEDS_TOO_MANY.into());
    }
    let title = name(&feed.title);
    let title = if title.is_empty() { url.clone() } else { title };
    let command = Command::SetSource { group, url, title, site_url: feed.site_url.clone().filter(|url| is_web(url)) };
    let id = app.make(viewer.user, request, command).await?;
    shown(app, viewer, id)
}

/// The request id of the n-th feed of a list: the same every time the list is repeated.
fn part(request: RequestId, n: usize) -> RequestId {
    let mut bytes = request.0;
    for (byte, n) in bytes.iter_mut().zip((n as u64).to_le_bytes()) {
        *byte ^= n;
    }
    RequestId(bytes)
}

fn managed(app: &App, viewer: &Viewer, id: EntryId) -> Answered<SourceView> {
    let view = app.handle.read(|reader| reader.source(viewer.user, id)).ok_or(NOT_FOUND)?;
    require_manager(app, viewer, view.group)?;
    Ok(view)
}

#[utoipa::path(post, path = "/sources/{id}/poll", tag = "feeds", operation_id = "source_poll",
    params(("id" = String, Path)), responses((status = 200, body = Source)))]
pub(super) async fn poll(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
) -> Answered<axum::Json<Source>> {
    managed(&app, &viewer, id)?;
    app.count(Act::Fetch, viewer.user)?;
    app.feeds.poll(id).await;
    shown(&app, &viewer, id).map(axum::Json)
}

#[utoipa::path(delete, path = "/sources/{id}", tag = "feeds", operation_id = "source_remove",
    params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn remove(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
) -> Answered<StatusCode> {
    managed(&app, &viewer, id)?;
    app.ask(Some(viewer.user), fresh_request(), Command::RemoveSource { source: id }).await?;
    Ok(StatusCode::NO_CONTENT)
}
