//! The audit log of this site, for its administrators: who did what, when, newest first (`docs/security.md`).

use super::App;
use super::auth::Viewer;
use super::error::Answered;
use super::extract::InQuery;
use super::shape::Shaper;
use super::shape::person::PersonRef;
use super::shape::text::time_ms;
use crate::local::audit::{Intact, Line};
use axum::extract::State;
use protocol::ids::{GroupId, SiteId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Lines on one page.
const LINES_MAX: usize = 100;

/// Where the page begins.
#[derive(Deserialize)]
pub struct Wanted {
    before: Option<usize>,
}

/// One line.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditLine {
    at: String,
    /// What happened, such as `login`.
    kind: String,
    /// Whose doing; null where nobody is known.
    by: Option<PersonRef>,
    /// What it happened to: a name where there is one, else an id; may be empty.
    about: String,
}

/// A page of lines.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditPage {
    items: Vec<AuditLine>,
    /// To be given as `before` for older lines.
    next: Option<usize>,
    /// False: a line was changed or is missing.
    intact: bool,
}

#[utoipa::path(get, path = "/admin/audit", tag = "administration", operation_id = "audit_read",
    params(("before" = Option<usize>, Query, description = "Lines before this one")),
    responses((status = 200, body = AuditPage)))]
pub(super) async fn read(
    State(app): State<App>,
    viewer: Viewer,
    InQuery(wanted): InQuery<Wanted>,
) -> Answered<axum::Json<AuditPage>> {
    viewer.require_site_admin(&app)?;
    let (lines, intact) = app.on_disk(|local| Ok(local.audit())).await?;
    let end = wanted.before.unwrap_or(lines.len()).min(lines.len());
    let begin = end.saturating_sub(LINES_MAX);
    let items =
        app.shape(viewer.user, |shaper| lines[begin..end].iter().rev().map(|line| shape(shaper, line)).collect());
    Ok(axum::Json(AuditPage { items, next: (begin > 0).then_some(begin), intact: intact == Intact::Yes }))
}

fn shape(shaper: &Shaper<'_>, line: &Line) -> AuditLine {
    AuditLine {
        at: time_ms(line.at),
        kind: line.kind.clone(),
        by: line.actor().map(|user| shaper.person_ref(user)),
        about: name(shaper, &line.subject).unwrap_or_else(|| line.subject.clone()),
    }
}

/// The name of a person, a site or a group that the viewer may know.
fn name(shaper: &Shaper<'_>, subject: &str) -> Option<String> {
    let person = subject.parse().ok().map(|user: UserId| shaper.person_ref(user).name).filter(|name| !name.is_empty());
    person
        .or_else(|| subject.parse().ok().map(|site: SiteId| shaper.site(site).name).filter(|name| !name.is_empty()))
        .or_else(|| subject.parse().ok().and_then(|group: GroupId| shaper.group_ref(group)).map(|group| group.name))
}
