//! One box over everything: posts, comments, pages, files, people and groups. Words are looked for in the groups that the
//! person may read at this moment, and each hit is asked about once more before it is shown.

mod answer;
mod names;

use super::App;
use super::auth::Viewer;
use super::error::{Answered, ApiError, BAD_REQUEST, BUSY, NOT_FOUND};
use super::extract::{InQuery, Json, Key};
use super::markdown::name;
use super::throttle::Act;
use crate::local::searches::SavedSearch;
use crate::search::{Kind, Lookup, NoAnswer, Order, State as Index, Wanted};
use answer::{Answer, Filling, Hit, Missing};
use axum::extract::State;
use axum::http::StatusCode;
use protocol::engine::read::Reader;
use protocol::ids::{EntryId, GroupId, SiteId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Hits on a page when no other number is asked for.
const PAGE_HITS: usize = 20;
/// Hits on a page at most.
const PAGE_HITS_MAX: usize = 50;
/// Nobody turns more pages than that: whoever has so many hits asks for more words.
const SKIP_MAX: usize = 2_000;
/// Hits that may no longer be shown make a page ask again, so many times.
const ROUNDS_MAX: usize = 4;
/// Letters of a question; the rest is not looked at.
const QUESTION_BYTES_MAX: usize = 1_024;
/// Questions that a person may keep.
const SAVED_MAX: usize = 50;
/// Letters of a kept question's name.
const SAVED_NAME_CHARS_MAX: usize = 80;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// Posts, by people and from outside.
    Post,
    /// Comments, under posts and on pages.
    Comment,
    /// Pages.
    Page,
    /// Files of posts, by their names and by what stands in plain text.
    File,
    /// People, by name and job.
    Person,
    /// Groups, by name and purpose.
    Group,
}

/// What comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum First {
    /// What fits best.
    #[default]
    Best,
    /// What was written last.
    Recent,
}

/// A question.
#[derive(Debug, Deserialize)]
pub struct Question {
    #[serde(default)]
    q: String,
    group: Option<Key<GroupId>>,
    person: Option<Key<UserId>>,
    site: Option<Key<SiteId>>,
    kind: Option<What>,
    source: Option<Key<EntryId>>,
    from: Option<String>,
    to: Option<String>,
    #[serde(default)]
    order: First,
    before: Option<String>,
    limit: Option<usize>,
}

#[utoipa::path(get, path = "/search", tag = "search", operation_id = "search", params(
        ("q" = Option<String>, Query, description = "Words and parts of words, phrases between quotation marks"),
        ("group" = Option<String>, Query, description = "In one group"),
        ("person" = Option<String>, Query, description = "By one person"),
        ("site" = Option<String>, Query, description = "By people of one site"),
        ("kind" = Option<What>, Query, description = "Of one kind"),
        ("source" = Option<String>, Query, description = "From one feed"),
        ("from" = Option<String>, Query, description = "Not before this time"),
        ("to" = Option<String>, Query, description = "Before this time"),
        ("order" = Option<First>, Query, description = "What comes first"),
        ("before" = Option<String>, Query, description = "Where the page begins"),
        ("limit" = Option<usize>, Query, description = "How many, 50 at most")),
    responses((status = 200, body = Answer)))]
pub(super) async fn find(
    State(app): State<App>,
    viewer: Viewer,
    InQuery(asked): InQuery<Question>,
) -> Answered<axum::Json<Answer>> {
    app.count(Act::Search, viewer.user)?;
    if asked.q.len() > QUESTION_BYTES_MAX {
        return Err(BAD_REQUEST.into());
    }
    let skip = match asked.before.as_deref() {
        Some(text) => text.parse::<usize>().ok().filter(|skip| *skip <= SKIP_MAX).ok_or(BAD_REQUEST)?,
        None => 0,
    };
    let limit = asked.limit.unwrap_or(PAGE_HITS).clamp(1, PAGE_HITS_MAX);
    let lookup = Lookup::new(&asked.q);
    let wanted = app.handle.read(|reader| wanted(reader, viewer.user, &asked))?;
    let (mut people, mut groups) = (Vec::new(), Vec::new());
    if skip == 0 {
        (people, groups) = app.shape(viewer.user, |shaper| names::find(shaper, &asked, &lookup));
    }
    let groups_asked = wanted.groups.clone();
    let narrowed = asked.group.is_some() || asked.person.is_some() || asked.source.is_some() || asked.kind.is_some();
    let (mut hits, mut next) = (Vec::new(), None);
    let content = !matches!(asked.kind, Some(What::Person | What::Group));
    if content && (!lookup.is_empty() || narrowed || asked.site.is_some() || asked.from.is_some()) {
        (hits, next) = page(&app, viewer.user, &lookup, wanted, skip, limit).await?;
    }
    Ok(axum::Json(Answer {
        people,
        groups,
        items: hits,
        next: next.filter(|next| *next <= SKIP_MAX).map(|next| next.to_string()),
        missing: app.handle.read(|reader| missing(reader, &groups_asked)),
        filling: match app.search.state() {
            Index::Ready => None,
            Index::Filling { done, of } => Some(Filling { done, of }),
            Index::Off => Some(Filling { done: 0, of: 0 }),
        },
    }))
}

/// A page of hits that may be shown, and where the next begins.
async fn page(
    app: &App,
    viewer: UserId,
    lookup: &Lookup,
    mut wanted: Wanted,
    skip: usize,
    limit: usize,
) -> Answered<(Vec<Hit>, Option<usize>)> {
    let mut hits: Vec<Hit> = Vec::new();
    wanted.skip = skip;
    for _ in 0..ROUNDS_MAX {
        wanted.max = limit - hits.len();
        let found = match app.search.find(wanted.clone()).await {
            Ok(found) => found,
            // Names are found without the index, and the answer says that it is being made.
            Err(NoAnswer::Off) => return Ok((hits, None)),
            Err(NoAnswer::Busy) => return Err(ApiError::later(BUSY, 2)),
        };
        wanted.skip += found.hits.len();
        let shown = app.shape(viewer, |shaper| {
            let shown = found.hits.iter().filter_map(|hit| answer::hit(shaper, lookup, hit));
            shown.collect::<Vec<Hit>>()
        });
        hits.extend(shown);
        if !found.more || hits.len() >= limit {
            return Ok((hits, found.more.then_some(wanted.skip)));
        }
    }
    Ok((hits, Some(wanted.skip)))
}

/// What is to be looked for, in the groups that the person may read now.
fn wanted(reader: &Reader<'_>, viewer: UserId, asked: &Question) -> Answered<Wanted> {
    let mut groups = reader.readable_groups(viewer);
    if let Some(Key(group)) = asked.group {
        groups.retain(|readable| *readable == group);
        if groups.is_empty() {
            return Err(NOT_FOUND.into());
        }
    }
    let authors = match (asked.person, asked.site) {
        (Some(Key(person)), _) => Some(vec![person.0]),
        (None, Some(Key(site))) => {
            let there = reader.people().into_iter().filter(|person| person.site == site);
            Some(there.map(|person| person.id.0).collect())
        }
        (None, None) => None,
    };
    let time = |text: &Option<String>| match text.as_deref() {
        Some(text) => answer::parse_time(text).map(Some).ok_or(ApiError::from(BAD_REQUEST)),
        None => Ok(None),
    };
    Ok(Wanted {
        words: asked.q.clone(),
        groups: groups.into_iter().map(|group| group.0).collect(),
        authors,
        kinds: match asked.kind {
            Some(What::Post) => vec![Kind::Post],
            Some(What::Comment) => vec![Kind::Comment, Kind::PageComment],
            Some(What::Page) => vec![Kind::Page],
            Some(What::File) => vec![Kind::File],
            Some(What::Person | What::Group) | None => Vec::new(),
        },
        source: asked.source.map(|Key(source)| source.0),
        from: time(&asked.from)?,
        to: time(&asked.to)?,
        order: if asked.order == First::Recent { Order::Recent } else { Order::Best },
        skip: 0,
        max: 0,
    })
}

/// What of these groups is known to exist and has not arrived.
fn missing(reader: &Reader<'_>, groups: &[[u8; 32]]) -> Option<Missing> {
    let filling: Vec<_> = groups.iter().filter_map(|group| reader.filling_of(GroupId(*group))).collect();
    let missing = Missing {
        groups: filling.len(),
        have: filling.iter().map(|progress| progress.have).sum(),
        of: filling.iter().map(|progress| progress.of).sum(),
    };
    (missing.groups > 0).then_some(missing)
}

// --- the index ------------------------------------------------------------------------------------------------------

/// How far the index is.
#[derive(Debug, Serialize, ToSchema)]
pub struct IndexShape {
    /// Whether all that is here can be found.
    state: IndexState,
    /// While it is being filled.
    filling: Option<Filling>,
}

/// Whether all that is here can be found.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum IndexState {
    /// It can.
    Ready,
    /// It is being filled.
    Filling,
    /// The disk refuses; it is tried again.
    Off,
}

fn index(app: &App) -> axum::Json<IndexShape> {
    axum::Json(match app.search.state() {
        Index::Ready => IndexShape { state: IndexState::Ready, filling: None },
        Index::Filling { done, of } => IndexShape { state: IndexState::Filling, filling: Some(Filling { done, of }) },
        Index::Off => IndexShape { state: IndexState::Off, filling: None },
    })
}

#[utoipa::path(get, path = "/admin/search", tag = "administration", operation_id = "search_index",
    responses((status = 200, body = IndexShape)))]
pub(super) async fn read(State(app): State<App>, viewer: Viewer) -> Answered<axum::Json<IndexShape>> {
    viewer.require_site_admin(&app)?;
    Ok(index(&app))
}

#[utoipa::path(post, path = "/admin/search", tag = "administration", operation_id = "search_make_anew",
    responses((status = 202, body = IndexShape, description = "The index is thrown away and made again")))]
pub(super) async fn make_anew(
    State(app): State<App>,
    viewer: Viewer,
) -> Answered<(StatusCode, axum::Json<IndexShape>)> {
    viewer.require_site_admin(&app)?;
    app.search.make_anew();
    Ok((StatusCode::ACCEPTED, index(&app)))
}

// --- kept questions -------------------------------------------------------------------------------------------------

/// A question with its name.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Saved {
    /// As the person calls it.
    name: String,
    /// What stands behind `?` in the address of the search screen.
    query: String,
}

#[utoipa::path(get, path = "/me/searches", tag = "search", operation_id = "searches_list",
    responses((status = 200, body = Vec<Saved>)))]
pub(super) async fn saved(State(app): State<App>, viewer: Viewer) -> axum::Json<Vec<Saved>> {
    let searches = app.local.searches(viewer.user).into_iter();
    axum::Json(searches.map(|SavedSearch { name, query }| Saved { name, query }).collect())
}

#[utoipa::path(put, path = "/me/searches", tag = "search", operation_id = "searches_change",
    request_body = Vec<Saved>, responses((status = 200, body = Vec<Saved>)))]
pub(super) async fn save(
    State(app): State<App>,
    viewer: Viewer,
    Json(wanted): Json<Vec<Saved>>,
) -> Answered<axum::Json<Vec<Saved>>> {
    let fits =
        |saved: &Saved| saved.name.chars().count() <= SAVED_NAME_CHARS_MAX && saved.query.len() <= QUESTION_BYTES_MAX;
    if wanted.len() > SAVED_MAX || !wanted.iter().all(fits) {
        return Err(BAD_REQUEST.into());
    }
    let kept: Vec<SavedSearch> =
        wanted.into_iter().map(|saved| SavedSearch { name: name(&saved.name), query: saved.query }).collect();
    let user = viewer.user;
    app.on_disk(move |local| local.set_searches(user, &kept)).await?;
    Ok(saved(State(app), viewer).await)
}
