//! The home feed and a group's feed.

use super::App;
use super::auth::Viewer;
use super::error::{Answered, BAD_REQUEST, NOT_FOUND};
use super::extract::{At, InQuery, Key};
use super::shape::Page;
use super::shape::item::Post;
use super::shape::text::{cursor, parse_cursor};
use axum::extract::State;
use protocol::engine::query::{Before, FeedKind};
use protocol::ids::GroupId;
use protocol::limits::PAGE_ITEMS_MAX;
use serde::Deserialize;
use utoipa::ToSchema;

/// A page of a feed when no other length is asked for.
const PAGE_ITEMS: usize = 20;

/// Which posts.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// All.
    #[default]
    All,
    /// By people.
    People,
    /// From outside.
    Automatic,
}

/// Which page.
#[derive(Deserialize)]
pub struct FeedQuery {
    /// Where the page begins.
    before: Option<String>,
    /// How many, 50 at most.
    limit: Option<usize>,
    /// Which posts.
    kind: Option<Kind>,
}

/// A page's beginning and length out of a query.
pub(super) fn place(before: Option<&str>, limit: Option<usize>) -> Answered<(Option<Before>, usize)> {
    let before = match before {
        Some(text) => Some(parse_cursor(text).ok_or(BAD_REQUEST)?),
        None => None,
    };
    Ok((before, limit.unwrap_or(PAGE_ITEMS).clamp(1, PAGE_ITEMS_MAX)))
}

#[utoipa::path(get, path = "/feed", tag = "posts", operation_id = "feed_home", params(
        ("before" = Option<String>, Query, description = "Where the page begins"),
        ("limit" = Option<usize>, Query, description = "How many, 50 at most"),
        ("kind" = Option<Kind>, Query, description = "Which posts")),
    responses((status = 200, body = Page<Post>)))]
pub(super) async fn home(
    State(app): State<App>,
    viewer: Viewer,
    InQuery(wanted): InQuery<FeedQuery>,
) -> Answered<axum::Json<Page<Post>>> {
    page(&app, &viewer, None, &wanted)
}

#[utoipa::path(get, path = "/groups/{id}/feed", tag = "posts", operation_id = "feed_of_group",
    params(("id" = String, Path),
        ("before" = Option<String>, Query, description = "Where the page begins"),
        ("limit" = Option<usize>, Query, description = "How many, 50 at most"),
        ("kind" = Option<Kind>, Query, description = "Which posts")), responses((status = 200, body = Page<Post>)))]
pub(super) async fn of_group(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(group)): At<Key<GroupId>>,
    InQuery(wanted): InQuery<FeedQuery>,
) -> Answered<axum::Json<Page<Post>>> {
    page(&app, &viewer, Some(group), &wanted)
}

fn page(app: &App, viewer: &Viewer, group: Option<GroupId>, wanted: &FeedQuery) -> Answered<axum::Json<Page<Post>>> {
    let (before, limit) = place(wanted.before.as_deref(), wanted.limit)?;
    let kind = match wanted.kind.unwrap_or_default() {
        Kind::All => FeedKind::All,
        Kind::People => FeedKind::People,
        Kind::Automatic => FeedKind::Automatic,
    };
    let page = app.shape(viewer.user, |shaper| {
        let page = shaper.reader.feed(viewer.user, group, kind, before, limit)?;
        let items = page.items.iter().filter_map(|post| shaper.post(post)).collect();
        Some(Page { items, next: page.next.as_ref().map(cursor) })
    });
    page.map(axum::Json).ok_or(NOT_FOUND.into())
}
