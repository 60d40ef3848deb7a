//! Invitations for other sites, and the shapes of both sides of a pairing.

use super::App;
use super::auth::Viewer;
use super::error::{self, Answered, ApiError, NOT_FOUND};
use super::extract::{At, Json, Key};
use super::ports::{self, Digits, InvitationState, JoinState, PairError, StepState};
use super::shape::text::time_ms;
use crate::local::audit::Event;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::ids::TicketId;
use qrcode::QrCode;
use qrcode::render::svg;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

/// How long an invitation is open when nothing else is asked for.
const MINUTES: u32 = 15;
/// A day: a longer one is forgotten somewhere.
const MINUTES_MAX: u32 = 24 * 60;

/// A step of the list on the screen.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepShape {
    id: &'static str,
    state: &'static str,
}

/// Why a pairing does not go on.
#[derive(Debug, Serialize, ToSchema)]
pub struct PairErrorShape {
    code: &'static str,
    message: &'static str,
    step: &'static str,
}

/// Where joining stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct Progress {
    state: &'static str,
    steps: Vec<StepShape>,
    digits: Option<String>,
    organisation: Option<String>,
    other_site: Option<String>,
    admin: Option<String>,
    fingerprint: Option<String>,
    error: Option<PairErrorShape>,
}

/// An invitation as its maker sees it; `text`, `link` and `qr_svg` only while it is open.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationShape {
    id: String,
    state: &'static str,
    text: Option<String>,
    link: Option<String>,
    qr_svg: Option<String>,
    expires: String,
    digits: Option<String>,
    other_site: Option<String>,
    fingerprint: Option<String>,
    error: Option<PairErrorShape>,
    steps: Vec<StepShape>,
}

/// How long.
#[derive(Deserialize, ToSchema)]
pub struct NewInvitation {
    /// 1 to 1,440; 15 when absent.
    minutes: Option<u32>,
}

/// What the person says of the digits.
#[derive(Deserialize, ToSchema)]
pub struct Compared {
    #[serde(rename = "match")]
    same: bool,
}

fn steps(steps: Vec<ports::Step>) -> Vec<StepShape> {
    let shape = |step: ports::Step| StepShape {
        id: step.id,
        state: match step.state {
            StepState::Todo => "todo",
            StepState::Doing => "doing",
            StepState::Done => "done",
            StepState::Failed => "failed",
        },
    };
    steps.into_iter().map(shape).collect()
}

fn pair_error(error: PairError) -> PairErrorShape {
    let code = error::by_name(error.code);
    PairErrorShape { code: code.name, message: code.message, step: error.step }
}

/// The shape of where joining stands.
pub(super) fn shape_progress(progress: ports::JoinProgress) -> Progress {
    Progress {
        state: match progress.state {
            JoinState::Idle => "idle",
            JoinState::Working => "working",
            JoinState::Compare => "compare",
            JoinState::Waiting => "waiting",
            JoinState::Done => "done",
            JoinState::Failed => "failed",
        },
        steps: steps(progress.steps),
        digits: progress.digits,
        organisation: progress.organisation,
        other_site: progress.other_site,
        admin: progress.admin,
        fingerprint: progress.fingerprint,
        error: progress.error.map(pair_error),
    }
}

fn shape(invitation: ports::Invitation) -> InvitationShape {
    let text = invitation.text.filter(|_| invitation.state == InvitationState::Open);
    InvitationShape {
        id: invitation.id.to_string(),
        state: match invitation.state {
            InvitationState::Open => "open",
            InvitationState::Claimed => "claimed",
            InvitationState::Compare => "compare",
            InvitationState::Waiting => "waiting",
            InvitationState::Paired => "paired",
            InvitationState::Failed => "failed",
            InvitationState::Expired => "expired",
            InvitationState::Cancelled => "cancelled",
        },
        // After the hash, so that the secret reaches no server's log.
        link: text.as_ref().map(|text| format!("/join#{text}")),
        qr_svg: text.as_ref().and_then(|text| qr(text)),
        text,
        expires: time_ms(invitation.expires),
        digits: invitation.digits,
        other_site: invitation.other_site,
        fingerprint: invitation.fingerprint,
        error: invitation.error.map(pair_error),
        steps: steps(invitation.steps),
    }
}

/// Upper case, of which a QR code holds nearly twice as much; tickets read in either case.
fn qr(text: &str) -> Option<String> {
    let code = QrCode::new(text.to_uppercase()).ok()?;
    let picture = code.render::<svg::Color<'_>>().min_dimensions(240, 240).quiet_zone(true).build();
    // A picture inside a page needs no XML declaration.
    Some(picture.find("<svg").map_or_else(String::new, |at| picture[at..].to_owned()))
}

#[utoipa::path(get, path = "/pairing", tag = "network", operation_id = "pairing_list",
    responses((status = 200, body = Vec<InvitationShape>)))]
pub(super) async fn list(State(app): State<App>, viewer: Viewer) -> Answered<axum::Json<Vec<InvitationShape>>> {
    viewer.require_organisation_admin(&app)?;
    Ok(axum::Json(app.pairing.invitations().into_iter().map(shape).collect()))
}

#[utoipa::path(post, path = "/pairing", tag = "network", operation_id = "pairing_create",
    request_body = NewInvitation, responses((status = 201, body = InvitationShape)))]
pub(super) async fn create(
    State(app): State<App>,
    viewer: Viewer,
    Json(wanted): Json<NewInvitation>,
) -> Answered<(StatusCode, axum::Json<InvitationShape>)> {
    viewer.require_organisation_admin(&app)?;
    viewer.require_sudo(&app)?;
    let minutes = wanted.minutes.unwrap_or(MINUTES).clamp(1, MINUTES_MAX);
    let made = app.pairing.invite(viewer.user, minutes).await;
    let invitation = made.map_err(|error| ApiError::with(error::by_name(error.code), json!({ "step": error.step })))?;
    note(&app, &viewer, "pairing_invited", invitation.id).await?;
    Ok((StatusCode::CREATED, axum::Json(shape(invitation))))
}

#[utoipa::path(get, path = "/pairing/{id}", tag = "network", operation_id = "pairing_read",
    params(("id" = String, Path)), responses((status = 200, body = InvitationShape)))]
pub(super) async fn read(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<TicketId>>,
) -> Answered<axum::Json<InvitationShape>> {
    viewer.require_organisation_admin(&app)?;
    app.pairing.invitation(id).map(|invitation| axum::Json(shape(invitation))).ok_or(NOT_FOUND.into())
}

#[utoipa::path(delete, path = "/pairing/{id}", tag = "network", operation_id = "pairing_cancel",
    params(("id" = String, Path)), responses((status = 200, body = InvitationShape)))]
pub(super) async fn cancel(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<TicketId>>,
) -> Answered<axum::Json<InvitationShape>> {
    viewer.require_organisation_admin(&app)?;
    let invitation = app.pairing.cancel(id).await.ok_or(NOT_FOUND)?;
    note(&app, &viewer, "pairing_cancelled", id).await?;
    Ok(axum::Json(shape(invitation)))
}

#[utoipa::path(post, path = "/pairing/{id}/confirm", tag = "network", operation_id = "pairing_confirm",
    params(("id" = String, Path)), request_body = Compared, responses((status = 200, body = InvitationShape)))]
pub(super) async fn confirm(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<TicketId>>,
    Json(said): Json<Compared>,
) -> Answered<axum::Json<InvitationShape>> {
    viewer.require_organisation_admin(&app)?;
    viewer.require_sudo(&app)?;
    let (digits, kind) =
        if said.same { (Digits::Same, "pairing_confirmed") } else { (Digits::Differ, "pairing_refused") };
    let invitation = app.pairing.confirm(id, viewer.user, digits).await.ok_or(NOT_FOUND)?;
    note(&app, &viewer, kind, id).await?;
    Ok(axum::Json(shape(invitation)))
}

async fn note(app: &App, viewer: &Viewer, kind: &'static str, id: TicketId) -> Answered<()> {
    let event = Event::new(app.now(), kind).by(viewer.user).about(&id.to_string());
    app.on_disk(move |local| local.note(event)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_shows_its_secret_only_while_open() {
        let open = ports::Invitation {
            id: TicketId([1; 16]),
            state: InvitationState::Open,
            text: Some("archipel-secret".repeat(20)),
            expires: 0,
            digits: None,
            other_site: None,
            fingerprint: None,
            error: None,
            steps: Vec::new(),
        };
        let shown = shape(open.clone());
        assert!(shown.qr_svg.unwrap().starts_with("<svg"));
        assert!(shown.link.unwrap().starts_with("/join#archipel-secret"));
        let used = shape(ports::Invitation { state: InvitationState::Claimed, ..open });
        assert!(used.text.is_none() && used.link.is_none() && used.qr_svg.is_none());
    }
}
