//! Who administers the organisation: shown, proposed, signed. Each signature needs the password that opens the key.

use super::App;
use super::auth::Viewer;
use super::error::{ADMIN_KEY_MISSING, Answered, NOT_FOUND, NOT_SET_UP, RECOVERY_KEYS_WRONG};
use super::extract::{At, Json, Key};
use super::session::check;
use super::setup::recovery_seed;
use super::shape::person::PersonRef;
use super::shape::text;
use crate::local::audit::Event;
use axum::extract::State;
use protocol::engine::input::{Command, Rights};
use protocol::engine::query::ConstitutionView;
use protocol::ids::{EntryId, RequestId, UserId};
use protocol::keys::{PublicKey, SecretKey};
use protocol::limits::RECOVERY_KEYS_MAX;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// A change that waits for signatures.
#[derive(Debug, Serialize, ToSchema)]
pub struct Proposal {
    id: String,
    admins: Vec<PersonRef>,
    threshold: u32,
    signed: Vec<PersonRef>,
    needed: usize,
    by: Option<PersonRef>,
    at: String,
}

/// Two changes that competed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Competing {
    /// Who signed both.
    by: Vec<PersonRef>,
}

/// The constitution in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConstitutionShape {
    revision: u64,
    admins: Vec<PersonRef>,
    threshold: u32,
    /// How many recovery keys there are.
    recovery: usize,
    proposals: Vec<Proposal>,
    equivocation: Option<Competing>,
}

/// Other admins.
#[derive(Deserialize, ToSchema)]
pub struct NewProposal {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    #[schema(value_type = Vec<String>)]
    admins: Vec<Key<UserId>>,
    threshold: u32,
    password: String,
}

/// A signature.
#[derive(Deserialize, ToSchema)]
pub struct Signing {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    password: String,
}

fn shown(app: &App, viewer: &Viewer) -> Answered<axum::Json<ConstitutionShape>> {
    let view: ConstitutionView = app.handle.read(|reader| reader.constitution()).ok_or(NOT_SET_UP)?;
    Ok(axum::Json(app.shape(viewer.user, |shaper| {
        let people = |users: &[UserId]| users.iter().map(|user| shaper.person_ref(*user)).collect::<Vec<_>>();
        ConstitutionShape {
            revision: view.revision,
            admins: people(&view.admins),
            threshold: view.threshold,
            recovery: view.recovery.len(),
            proposals: view
                .proposals
                .iter()
                .map(|proposal| Proposal {
                    id: EntryId(proposal.id).to_string(),
                    admins: people(&proposal.admins),
                    threshold: proposal.threshold,
                    signed: people(&proposal.signed),
                    needed: proposal.needed,
                    by: proposal.by.map(|user| shaper.person_ref(user)),
                    at: text::time(proposal.at),
                })
                .collect(),
            equivocation: view.equivocation.as_deref().map(|users| Competing { by: people(users) }),
        }
    })))
}

#[utoipa::path(get, path = "/admin/constitution", tag = "administration", operation_id = "constitution_read",
    responses((status = 200, body = ConstitutionShape)))]
pub(super) async fn read(State(app): State<App>, viewer: Viewer) -> Answered<axum::Json<ConstitutionShape>> {
    viewer.require_organisation_admin(&app)?;
    shown(&app, &viewer)
}

/// The seed of the viewer's signing key, opened with the password just given.
async fn key(app: &App, viewer: &Viewer, password: String) -> Answered<Zeroizing<[u8; 32]>> {
    viewer.require_organisation_admin(app)?;
    viewer.require_sudo(app)?;
    let account = app.local.account(viewer.user).ok_or(NOT_FOUND)?;
    let (email, password) = (account.email.clone(), Zeroizing::new(password));
    app.throttle.may_log_in(&email, app.now())?;
    let account = check(app, Some(account), password.clone(), &email).await?;
    let vault = account.vault.ok_or(ADMIN_KEY_MISSING)?;
    let user = viewer.user;
    let secrets = app.hashing.run(move || vault.open(user, &vault.key(&password))).await??;
    Ok(Zeroizing::new(secrets.admin()))
}

#[utoipa::path(post, path = "/admin/constitution/proposals", tag = "administration",
    operation_id = "constitution_propose", request_body = NewProposal,
    responses((status = 200, body = ConstitutionShape), (status = 409, description = "`admin_key_missing`")))]
pub(super) async fn propose(
    State(app): State<App>,
    viewer: Viewer,
    Json(wanted): Json<NewProposal>,
) -> Answered<axum::Json<ConstitutionShape>> {
    let secret = *key(&app, &viewer, wanted.password).await?;
    let admins = wanted.admins.iter().map(|Key(user)| *user).collect();
    let command = Command::Rights(Rights::Propose { admins, threshold: wanted.threshold, secret });
    app.ask(Some(viewer.user), wanted.request_id.0, command).await?;
    shown(&app, &viewer)
}

#[utoipa::path(post, path = "/admin/constitution/proposals/{id}/sign", tag = "administration",
    operation_id = "constitution_sign", params(("id" = String, Path)), request_body = Signing,
    responses((status = 200, body = ConstitutionShape)))]
pub(super) async fn sign(
    State(app): State<App>,
    viewer: Viewer,
    At(Key(id)): At<Key<EntryId>>,
    Json(wanted): Json<Signing>,
) -> Answered<axum::Json<ConstitutionShape>> {
    let secret = *key(&app, &viewer, wanted.password).await?;
    let command = Command::Rights(Rights::Sign { proposal: id.0, secret });
    app.ask(Some(viewer.user), wanted.request_id.0, command).await?;
    shown(&app, &viewer)
}

/// Recovery keys, as they are printed.
#[derive(Deserialize, ToSchema)]
pub struct Recovering {
    #[schema(value_type = String)]
    request_id: Key<RequestId>,
    keys: Vec<String>,
}

#[utoipa::path(post, path = "/admin/recovery/use", tag = "administration", operation_id = "recovery_use",
    request_body = Recovering, responses((status = 200, body = ConstitutionShape,
    description = "The asker is the one administrator now"), (status = 422, description = "`recovery_keys_wrong`")))]
pub(super) async fn recover(
    State(app): State<App>,
    viewer: Viewer,
    Json(wanted): Json<Recovering>,
) -> Answered<axum::Json<ConstitutionShape>> {
    viewer.require_site_admin(&app)?;
    viewer.require_sudo(&app)?;
    let known = app.handle.read(|reader| reader.constitution()).ok_or(NOT_SET_UP)?;
    let texts = wanted.keys.iter().take(RECOVERY_KEYS_MAX);
    let seeds: Option<Vec<[u8; 32]>> = texts.map(|text| recovery_seed(text)).collect();
    let seeds = Zeroizing::new(seeds.ok_or(RECOVERY_KEYS_WRONG)?);
    let public: BTreeSet<PublicKey> = seeds.iter().map(|seed| SecretKey::from_seed(seed).public()).collect();
    if public.len() < known.recovery_needed.max(1) || !public.iter().all(|key| known.recovery.contains(key)) {
        return Err(RECOVERY_KEYS_WRONG.into());
    }
    let command = Command::Rights(Rights::Recover { keys: seeds.to_vec() });
    app.ask(Some(viewer.user), wanted.request_id.0, command).await?;
    let event = Event::new(app.now(), "recovery_keys_used").by(viewer.user);
    app.on_disk(move |local| local.note(event)).await?;
    shown(&app, &viewer)
}
