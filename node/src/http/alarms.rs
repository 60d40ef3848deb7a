//! What administrators must know: forked logs, restored machines, hostile peers, wrong clocks, damage. Facts only; the
//! web UI says what they mean.

use super::auth::Viewer;
use super::error::Answered;
use super::extract::{At, Json, Key};
use super::shape::Shaper;
use super::shape::group::GroupRef;
use super::shape::person::{PersonRef, SiteRef};
use super::shape::text::time;
use super::{App, fresh_request};
use crate::local::audit::Event;
use axum::extract::State;
use protocol::clock::Millis;
use protocol::engine::alarms::{Alarm, AlarmKind, Fact};
use protocol::engine::input::Command;
use protocol::ids::{EntryId, GroupId, RequestId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A number or a text.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum FactShape {
    /// A number.
    Number(i64),
    /// An id or a code.
    Text(String),
}

/// Where the sealing of a forked log stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct SealShape {
    signed: Vec<PersonRef>,
    needed: usize,
}

/// One alarm.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlarmShape {
    id: String,
    /// `fork`, `restored`, `hostile`, `clock`, `damage`, `equivocation`, `page`.
    kind: &'static str,
    since: String,
    site: Option<SiteRef>,
    node: Option<String>,
    group: Option<GroupRef>,
    #[schema(value_type = Object)]
    facts: BTreeMap<String, FactShape>,
    /// What the viewer may do: `seal`, `suspend`, `revoke`, `dismiss`.
    can: Vec<&'static str>,
    seal: Option<SealShape>,
}

/// Sealing bears a request id: asked again it is done once.
#[derive(Deserialize, ToSchema)]
pub struct SealWish {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
}

fn shape(shaper: &Shaper<'_>, id: EntryId, alarm: &Alarm, admin: bool) -> AlarmShape {
    let view = shaper.reader.view;
    let state = view.org_state();
    let seal = alarm.log.and_then(|log| state?.seals(&log).first());
    let sealed = seal.is_some_and(|seal| seal.in_force);
    let foreign = alarm.node.is_some_and(|node| node != view.node);
    let mut can = Vec::new();
    if admin && alarm.kind == AlarmKind::Fork && !sealed {
        can.push("seal");
    }
    if admin && foreign && matches!(alarm.kind, AlarmKind::Fork | AlarmKind::Hostile) {
        can.extend(["suspend", "revoke"]);
    }
    can.push("dismiss");
    let mut facts: BTreeMap<String, FactShape> = BTreeMap::new();
    for (name, fact) in &alarm.facts {
        let fact = match fact {
            Fact::Number(number) => FactShape::Number(*number),
            Fact::Text(text) => FactShape::Text(text.clone()),
        };
        facts.insert(name.clone(), fact);
    }
    if let Some(page) = alarm.page {
        facts.insert("page".into(), FactShape::Text(page.to_string()));
    }
    if sealed {
        facts.insert("sealed".into(), FactShape::Number(1));
    }
    AlarmShape {
        id: id.to_string(),
        kind: alarm.kind.code(),
        since: time(Millis(alarm.since)),
        site: alarm.node.and_then(|node| state?.site_of_node(&node)).map(|site| shaper.site(site)),
        node: alarm.node.map(|node| node.to_string()),
        // A group that the viewer may not see is not named.
        group: alarm.scope.and_then(|scope| shaper.group_ref(GroupId::from(scope))),
        facts,
        can,
        seal: seal.map(|seal| SealShape {
            signed: seal.signed.iter().map(|user| shaper.person_ref(*user)).collect(),
            needed: seal.needed,
        }),
    }
}

fn list(app: &App, viewer: &Viewer) -> axum::Json<Vec<AlarmShape>> {
    let admin = viewer.require_organisation_admin(app).is_ok();
    axum::Json(app.shape(viewer.user, |shaper| {
        let alarms = shaper.reader.view.alarms();
        alarms.iter().map(|(id, alarm)| shape(shaper, *id, alarm, admin)).collect()
    }))
}

#[utoipa::path(get, path = "/admin/alarms", tag = "administration", operation_id = "alarms_list",
    responses((status = 200, body = Vec<AlarmShape>)))]
pub(super) async fn read(State(app): State<App>, viewer: Viewer) -> Answered<axum::Json<Vec<AlarmShape>>> {
    viewer.require_site_admin(&app)?;
    Ok(list(&app, &viewer))
}

#[utoipa::path(post, path = "/admin/alarms/{id}/seal", tag = "administration", operation_id = "alarm_seal",
    params(("id" = String, Path)), request_body = SealWish, responses((status = 200, body = Vec<AlarmShape>)))]
pub(super) async fn seal(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(alarm)): At<Key<EntryId>>,
    Json(wish): Json<SealWish>,
) -> Answered<axum::Json<Vec<AlarmShape>>> {
    viewer.require_organisation_admin(&app)?;
    viewer.require_sudo(&app)?;
    let Key(request) = wish.request_id;
    app.ask(Some(viewer.user), request, Command::SealLog { alarm }).await?;
    let event = Event::new(app.now(), "log_sealed").by(viewer.user);
    app.on_disk(move |local| local.note(event)).await?;
    Ok(list(&app, &viewer))
}

#[utoipa::path(post, path = "/admin/alarms/{id}/dismiss", tag = "administration", operation_id = "alarm_dismiss",
    params(("id" = String, Path)), responses((status = 200, body = Vec<AlarmShape>)))]
pub(super) async fn dismiss(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(alarm)): At<Key<EntryId>>,
) -> Answered<axum::Json<Vec<AlarmShape>>> {
    viewer.require_site_admin(&app)?;
    app.ask(Some(viewer.user), fresh_request(), Command::DismissAlarm { alarm }).await?;
    Ok(list(&app, &viewer))
}
