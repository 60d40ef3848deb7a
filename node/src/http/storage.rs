//! What this site keeps: the disk, bytes per group, and for how many days.

use super::App;
use super::auth::Viewer;
use super::error::{Answered, ApiError, BAD_VALUE, NOT_FOUND};
use super::extract::{Json, Key};
use super::shape::group::GroupRef;
use super::shape::text::{self, time};
use crate::files::measure::DiskLevel;
use crate::local::audit::Event;
use axum::extract::State;
use protocol::clock::Millis;
use protocol::engine::input::Input;
use protocol::engine::query::{GroupStorage, Keeping};
use protocol::ids::GroupId;
use protocol::limits::KEEP_DAYS_MAX;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// Room on the disk.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Everything works.
    Ok,
    /// No files and no bodies from other sites.
    Low,
    /// Only reading.
    Critical,
}

/// The disk.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiskShape {
    free: u64,
    total: u64,
    level: Level,
}

/// How a group is kept here.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kept {
    /// All that is known of.
    Complete,
    /// More is known to exist elsewhere.
    Filling,
    /// Nobody of this site is in it any more: it goes.
    Leaving,
    /// This site was removed from it: sealed, then it goes.
    Removed,
}

/// One group's share.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupShare {
    /// Null when the asker may not know of it.
    group: Option<GroupRef>,
    entries: u64,
    bytes: u64,
    file_bytes: u64,
    keep_days: Option<u32>,
    state: Kept,
    have: u64,
    of: u64,
}

/// How checking the disk stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckShape {
    running: bool,
    /// When everything was last read through; null before the first time.
    finished: Option<String>,
    /// Damaged places of the journal, and damaged or lost files, found so far: asked of other sites.
    places: u64,
    files: u64,
}

/// All of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Storage {
    disk: DiskShape,
    journal: u64,
    index: u64,
    files: u64,
    thumbs: u64,
    groups: Vec<GroupShare>,
    keep_days: Option<u32>,
    check: CheckShape,
}

/// How long this site keeps.
#[derive(Deserialize, ToSchema)]
pub struct KeepChange {
    /// Days; null as long as the group does.
    #[serde(deserialize_with = "given")]
    keep_days: Option<u32>,
    /// One group; without it all that have no rule of their own.
    #[schema(value_type = Option<String>)]
    group: Option<Key<GroupId>>,
}

/// Null is a value here, absence is a mistake.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    Option::deserialize(deserializer)
}

async fn shown(app: &App, viewer: &Viewer) -> Answered<axum::Json<Storage>> {
    let disk = app.files.measure().await.map_err(ApiError::internal)?;
    let (handle, files) = (app.handle.clone(), app.files.clone());
    let read = move || handle.read(|reader| reader.storage(&|blob| files.len_here(*blob)));
    let groups = tokio::task::spawn_blocking(read).await.map_err(ApiError::internal)?;
    let level = match disk.level {
        DiskLevel::Ok => Level::Ok,
        DiskLevel::Low => Level::Low,
        DiskLevel::Critical => Level::Critical,
    };
    let groups = app.shape(viewer.user, |shaper| {
        let share = |kept: &GroupStorage| GroupShare {
            group: shaper.group_ref(kept.group),
            entries: kept.entries,
            bytes: kept.bytes,
            file_bytes: kept.file_bytes,
            keep_days: kept.keep_days,
            state: match kept.state {
                Keeping::Complete => Kept::Complete,
                Keeping::Filling => Kept::Filling,
                Keeping::Leaving => Kept::Leaving,
                Keeping::Removed => Kept::Removed,
            },
            have: kept.have,
            of: kept.of,
        };
        let mut shares: Vec<GroupShare> = groups.iter().map(share).collect();
        shares.sort_by_key(|share| share.group.as_ref().map(|group| text::fold(&group.name)));
        shares
    });
    let pass = app.scrub.pass();
    Ok(axum::Json(Storage {
        check: CheckShape {
            running: pass.running,
            finished: pass.finished.map(|at| time(Millis(at))),
            places: pass.places,
            files: pass.files,
        },
        disk: DiskShape { free: disk.free, total: disk.total, level },
        journal: disk.journal,
        index: disk.index,
        files: disk.files,
        thumbs: disk.thumbs,
        groups,
        keep_days: app.local.keeping().everywhere,
    }))
}

#[utoipa::path(get, path = "/admin/storage", tag = "administration", operation_id = "storage_read",
    responses((status = 200, body = Storage)))]
pub(super) async fn read(State(app): State<App>, viewer: Viewer) -> Answered<axum::Json<Storage>> {
    viewer.require_site_admin(&app)?;
    shown(&app, &viewer).await
}

#[utoipa::path(post, path = "/admin/storage/check", tag = "administration", operation_id = "storage_check",
    responses((status = 200, body = Storage, description = "Everything kept is being read through")))]
pub(super) async fn check(State(app): State<App>, viewer: Viewer) -> Answered<axum::Json<Storage>> {
    viewer.require_site_admin(&app)?;
    app.scrub.begin();
    shown(&app, &viewer).await
}

#[utoipa::path(patch, path = "/admin/storage", tag = "administration", operation_id = "storage_change",
    request_body = KeepChange, responses((status = 200, body = Storage), (status = 403, description = "`sudo_required`")))]
pub(super) async fn change(
    State(app): State<App>,
    viewer: Viewer,
    Json(wanted): Json<KeepChange>,
) -> Answered<axum::Json<Storage>> {
    viewer.require_site_admin(&app)?;
    viewer.require_sudo(&app)?;
    if wanted.keep_days.is_some_and(|days| days == 0 || days > KEEP_DAYS_MAX) {
        return Err(ApiError::with(BAD_VALUE, json!({ "field": "keep_days", "min": 1, "max": KEEP_DAYS_MAX })));
    }
    let mut keeps = app.local.keeping();
    match wanted.group {
        None => keeps.everywhere = wanted.keep_days,
        Some(Key(group)) => {
            app.handle.read(|reader| reader.group(viewer.user, group)).ok_or(NOT_FOUND)?;
            keeps.groups.insert(group, wanted.keep_days);
        }
    }
    let event = Event::new(app.now(), "keeping_changed").by(viewer.user);
    let kept = keeps.clone();
    app.on_disk(move |local| local.set_keeping(&kept, event)).await?;
    app.handle.tell(Input::SiteKeeps(keeps)).await;
    shown(&app, &viewer).await
}
