//! The first minutes of a site: founding an organisation, joining one, and its first person. Open to this machine, and
//! to others only with the code that the node shows on its console; closed for good once somebody has an account.

use super::error::{
    Answered, EMAIL_INVALID, NAME_MISSING, NOT_SET_UP, SETUP_CODE_REQUIRED, SETUP_CODE_WRONG, SETUP_DONE,
};
use super::extract::{Agent, Json, Peer};
use super::markdown::name;
use super::pairing::{Progress, shape_progress};
use super::ports::{Digits, JoinState};
use super::shape::text::in_groups;
use super::throttle::{Act, address_key};
use super::{App, fresh_request};
use crate::local::account::{Account, Language, normalise_email};
use crate::local::audit::Event;
use crate::local::password::{self, PasswordHash};
use crate::local::secret::random;
use crate::local::vault::{Secrets, Vault};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use protocol::engine::input::Command;
use protocol::ids::{SiteId, UserId, from_text, to_text};
use protocol::keys::SecretKey;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// Carries the console's code where there is no body.
pub const CODE_HEADER: &str = "x-archipel-code";
/// Recovery keys made with an organisation: any of them replaces lost administrators.
const RECOVERY_KEYS: usize = 3;

/// The console's code, and the door that lets one set-up through at a time.
pub struct Setup {
    code: String,
    door: Mutex<()>,
}

impl Setup {
    /// With a fresh code of forty bits, which the throttle for strangers makes long enough.
    pub(super) fn new() -> Self {
        Self { code: in_groups(&to_text(&random::<5>())).replace(' ', "-"), door: Mutex::new(()) }
    }

    pub(super) fn code(&self) -> &str {
        &self.code
    }
}

/// How far the site is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SiteState {
    /// Belongs to no organisation.
    New,
    /// Is being joined to one.
    Joining,
    /// Belongs to one; nobody has an account.
    JoinedNoPerson,
    /// Works.
    Ready,
}

/// The site for somebody who is not logged in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    state: SiteState,
    organisation: Option<String>,
    site: Option<String>,
    version: &'static str,
    setup_code_required: bool,
    build: &'static str,
}

/// Founding an organisation.
#[derive(Deserialize, ToSchema)]
pub struct Founding {
    code: Option<String>,
    organisation: String,
    site: String,
    company: Option<String>,
    #[serde(default)]
    language: Language,
    admin: FirstPerson,
}

/// Who comes first.
#[derive(Deserialize, ToSchema)]
pub struct FirstPerson {
    name: String,
    email: String,
    password: String,
}

/// Joining with an invitation.
#[derive(Deserialize, ToSchema)]
pub struct Joining {
    code: Option<String>,
    invitation: String,
    site: String,
    company: Option<String>,
}

/// What the person says of the digits.
#[derive(Deserialize, ToSchema)]
pub struct Compared {
    code: Option<String>,
    #[serde(rename = "match")]
    same: bool,
}

/// Only the console's code.
#[derive(Deserialize, ToSchema)]
pub struct CodeOnly {
    code: Option<String>,
}

/// The first person of a joined site.
#[derive(Deserialize, ToSchema)]
pub struct FirstOfSite {
    code: Option<String>,
    name: String,
    email: String,
    password: String,
    #[serde(default)]
    language: Language,
}

/// Set up: oneself, logged in, and keys to write down.
#[derive(Serialize, ToSchema)]
pub struct Founded {
    me: super::shape::person::Me,
    /// Twelve and more groups of four, to be printed and kept apart from the machine.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recovery_keys: Vec<String>,
}

#[utoipa::path(get, path = "/status", tag = "start", operation_id = "status", responses((status = 200, body = Status)))]
pub(super) async fn status(State(app): State<App>, peer: Peer) -> axum::Json<Status> {
    let (organisation, site) = app.handle.read(|reader| {
        let organisation = reader.organisation();
        let site = organisation
            .as_ref()
            .and_then(|organisation| reader.sites().into_iter().find(|site| site.id == organisation.site));
        (organisation.map(|organisation| name(&organisation.name)), site.map(|site| name(&site.name)))
    });
    let state = state_of(&app, organisation.is_some());
    let setup_code_required = state != SiteState::Ready && !peer.is_here();
    axum::Json(Status {
        state,
        organisation,
        site,
        version: env!("CARGO_PKG_VERSION"),
        setup_code_required,
        build: if archipel_web_ui::is_placeholder() { "without web UI" } else { "complete" },
    })
}

fn state_of(app: &App, belongs: bool) -> SiteState {
    match (belongs, app.local.accounts() > 0) {
        (true, true) => SiteState::Ready,
        (true, false) => SiteState::JoinedNoPerson,
        (false, _) => match app.pairing.join_progress().state {
            JoinState::Idle | JoinState::Failed => SiteState::New,
            JoinState::Working | JoinState::Compare | JoinState::Waiting | JoinState::Done => SiteState::Joining,
        },
    }
}

pub(super) fn state(app: &App) -> SiteState {
    state_of(app, app.handle.read(|reader| reader.organisation().is_some()))
}

/// Lets this machine in, and others with the code.
fn enter(app: &App, peer: Peer, code: Option<&str>) -> Answered<()> {
    if state(app) == SiteState::Ready {
        return Err(SETUP_DONE.into());
    }
    if peer.is_here() {
        return Ok(());
    }
    let given: String = code.unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
    if given.is_empty() {
        return Err(SETUP_CODE_REQUIRED.into());
    }
    app.throttle.count(Act::LoginHere, &address_key(peer.0), app.now())?;
    app.throttle.count(Act::LoginAnywhere, &[], app.now())?;
    let wanted = app.setup_code().replace('-', "");
    let same = blake3::hash(given.to_ascii_lowercase().as_bytes()) == blake3::hash(wanted.as_bytes());
    if same { Ok(()) } else { Err(SETUP_CODE_WRONG.into()) }
}

/// A checked first person.
struct Newcomer {
    user: UserId,
    name: String,
    email: String,
    password: Zeroizing<String>,
}

fn newcomer(person_name: &str, email: &str, password: String, own: &[&str]) -> Answered<Newcomer> {
    let person_name = name(person_name);
    if person_name.is_empty() {
        return Err(NAME_MISSING.into());
    }
    let email = normalise_email(email).ok_or(EMAIL_INVALID)?;
    let password = Zeroizing::new(password);
    let local_part = email.split('@').next().unwrap_or_default();
    let words: Vec<&str> = own.iter().copied().chain([&*person_name, &*email, local_part]).collect();
    password::check(&password, &words)?;
    Ok(Newcomer { user: UserId(random()), name: person_name, email, password })
}

#[utoipa::path(post, path = "/setup/organisation", tag = "start", operation_id = "setup_organisation",
    request_body = Founding, responses((status = 201, body = Founded)))]
pub(super) async fn organisation(
    State(app): State<App>,
    peer: Peer,
    Agent(agent): Agent,
    Json(wanted): Json<Founding>,
) -> Answered<impl IntoResponse> {
    let _door = app.setup.door.lock().await;
    enter(&app, peer, wanted.code.as_deref())?;
    if state(&app) != SiteState::New {
        return Err(SETUP_DONE.into());
    }
    let (organisation, site_name) = (name(&wanted.organisation), name(&wanted.site));
    if organisation.is_empty() || site_name.is_empty() {
        return Err(NAME_MISSING.into());
    }
    let admin = newcomer(&wanted.admin.name, &wanted.admin.email, wanted.admin.password, &[&organisation, &site_name])?;
    if app.handle.organisation().borrow().is_some() {
        return Err(SETUP_DONE.into());
    }
    let key = SecretKey::from_seed(&random());
    let recovery: Vec<SecretKey> = (0..RECOVERY_KEYS).map(|_| SecretKey::from_seed(&random())).collect();
    let seeds: Vec<[u8; 32]> = recovery.iter().map(|key| *key.seed()).collect();
    let secrets = Secrets::new(*key.seed(), &seeds);
    let account = first_account(&app, &admin, wanted.language, Some(secrets)).await?;
    // The account first: an organisation whose only administrator has lost the key would be worth nothing, while an
    // account without an organisation is dropped by the attempt that succeeds.
    let leftovers = app.local.account_users();
    let before = step_aside(&app, &account).await?;
    let event = Event::new(app.now(), "organisation_founded").by(admin.user);
    let added = account.clone();
    app.on_disk(move |local| local.add_account(added, event)).await?;
    let command = Command::CreateOrganisation {
        name: organisation,
        site: SiteId(random()),
        site_name,
        company: name(&wanted.company.unwrap_or_default()),
        admin: admin.user,
        admin_name: admin.name,
        admin_key: key.public().0,
        admin_secret: *key.seed(),
        recovery: recovery.iter().map(|key| key.public().0).collect(),
    };
    let asked = app.ask(None, fresh_request(), command).await;
    let refused = asked.is_err();
    let kept = keep_or_drop(&app, admin.user, asked).await;
    if let Some(before) = before.filter(|_| refused) {
        let event = Event::new(app.now(), "account_put_back").by(before.user());
        app.on_disk(move |local| local.add_account(before, event)).await?;
    }
    kept?;
    drop_leftovers(&app, leftovers).await?;
    let keys = seeds.iter().map(recovery_text).collect();
    founded(&app, &account, agent, keys).await
}

#[utoipa::path(post, path = "/setup/first-person", tag = "start", operation_id = "setup_first_person",
    request_body = FirstOfSite, responses((status = 201, body = Founded)))]
pub(super) async fn first_person(
    State(app): State<App>,
    peer: Peer,
    Agent(agent): Agent,
    Json(wanted): Json<FirstOfSite>,
) -> Answered<impl IntoResponse> {
    let _door = app.setup.door.lock().await;
    enter(&app, peer, wanted.code.as_deref())?;
    if state(&app) != SiteState::JoinedNoPerson {
        return Err(NOT_SET_UP.into());
    }
    let person = newcomer(&wanted.name, &wanted.email, wanted.password, &[])?;
    let account = first_account(&app, &person, wanted.language, None).await?;
    let command = Command::RegisterUser { user: person.user, name: person.name, title: String::new() };
    let event = Event::new(app.now(), "first_person").by(person.user);
    let added = account.clone();
    app.on_disk(move |local| local.add_account(added, event)).await?;
    let asked = app.ask(None, fresh_request(), command).await;
    keep_or_drop(&app, person.user, asked).await?;
    founded(&app, &account, agent, Vec::new()).await
}

async fn first_account(
    app: &App,
    person: &Newcomer,
    language: Language,
    secrets: Option<Secrets>,
) -> Answered<Account> {
    let (user, cost, password) = (person.user, app.config.password_cost, person.password.clone());
    let work = move || {
        let vault = secrets.map(|secrets| Vault::seal(&secrets, user, &password, cost)).transpose();
        (PasswordHash::new(&password, cost), vault)
    };
    let (hash, vault) = app.hashing.run(work).await?;
    let mut account = Account::new(user, person.email.clone(), language, app.now());
    account.password = Some(hash);
    account.site_admin = true;
    account.vault = vault?;
    Ok(account)
}

/// Makes room for the first account where an interrupted set-up left one of the same e-mail address; answers what stood
/// there, to be put back if nothing comes of this one either.
async fn step_aside(app: &App, account: &Account) -> Answered<Option<Account>> {
    let Some(before) = app.local.account_of(&account.email) else { return Ok(None) };
    let user = before.user();
    app.on_disk(move |local| local.drop_account(user)).await?;
    Ok(Some(before))
}

/// Accounts from before the organisation are what an interrupted set-up left. They go only once there is one.
async fn drop_leftovers(app: &App, leftovers: Vec<UserId>) -> Answered<()> {
    app.on_disk(move |local| leftovers.into_iter().try_for_each(|user| local.drop_account(user))).await
}

async fn keep_or_drop<T>(app: &App, user: UserId, asked: Answered<T>) -> Answered<T> {
    if asked.is_err() {
        app.on_disk(move |local| local.drop_account(user)).await?;
    }
    asked
}

async fn founded(
    app: &App,
    account: &Account,
    agent: String,
    keys: Vec<String>,
) -> Answered<impl IntoResponse + use<>> {
    let (user, now) = (account.user(), app.now());
    let (login, token) = app.on_disk(move |local| local.begin_login(user, &agent, now)).await?;
    let me = super::session::me(app, user, &login)?;
    Ok((StatusCode::CREATED, super::auth::set_cookie(app, &token), axum::Json(Founded { me, recovery_keys: keys })))
}

/// A recovery key as it is printed.
pub(super) fn recovery_text(seed: &[u8; 32]) -> String {
    in_groups(&to_text(seed))
}

/// The seed of a recovery key, however it was typed; `None` for anything else.
pub(super) fn recovery_seed(text: &str) -> Option<[u8; 32]> {
    let plain: String = text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    from_text(&plain)?.try_into().ok()
}

#[utoipa::path(post, path = "/setup/join", tag = "start", operation_id = "setup_join", request_body = Joining,
    responses((status = 202, body = Progress)))]
pub(super) async fn join(
    State(app): State<App>,
    peer: Peer,
    Json(wanted): Json<Joining>,
) -> Answered<(StatusCode, axum::Json<Progress>)> {
    enter(&app, peer, wanted.code.as_deref())?;
    if app.handle.read(|reader| reader.organisation().is_some()) {
        return Err(SETUP_DONE.into());
    }
    let site = name(&wanted.site);
    if site.is_empty() {
        return Err(NAME_MISSING.into());
    }
    let company = name(&wanted.company.unwrap_or_default());
    let progress = app.pairing.join(wanted.invitation.trim().to_owned(), site, company).await;
    Ok((StatusCode::ACCEPTED, axum::Json(shape_progress(progress))))
}

#[utoipa::path(get, path = "/setup/join", tag = "start", operation_id = "setup_join_progress",
    responses((status = 200, body = Progress)))]
pub(super) async fn join_progress(
    State(app): State<App>,
    peer: Peer,
    headers: HeaderMap,
) -> Answered<axum::Json<Progress>> {
    let code = headers.get(CODE_HEADER).and_then(|code| code.to_str().ok());
    enter(&app, peer, code)?;
    Ok(axum::Json(shape_progress(app.pairing.join_progress())))
}

#[utoipa::path(post, path = "/setup/join/confirm", tag = "start", operation_id = "setup_join_confirm",
    request_body = Compared, responses((status = 200, body = Progress)))]
pub(super) async fn join_confirm(
    State(app): State<App>,
    peer: Peer,
    Json(said): Json<Compared>,
) -> Answered<axum::Json<Progress>> {
    enter(&app, peer, said.code.as_deref())?;
    let digits = if said.same { Digits::Same } else { Digits::Differ };
    Ok(axum::Json(shape_progress(app.pairing.join_confirm(digits).await)))
}

#[utoipa::path(post, path = "/setup/join/cancel", tag = "start", operation_id = "setup_join_cancel",
    request_body = CodeOnly, responses((status = 200, body = Progress)))]
pub(super) async fn join_cancel(
    State(app): State<App>,
    peer: Peer,
    Json(given): Json<CodeOnly>,
) -> Answered<axum::Json<Progress>> {
    enter(&app, peer, given.code.as_deref())?;
    Ok(axum::Json(shape_progress(app.pairing.join_cancel().await)))
}
