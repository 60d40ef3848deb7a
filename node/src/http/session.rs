//! Logging in and out, sudo, and the list of one's logins.

use super::App;
use super::auth::{MaybeViewer, Viewer, clear_cookie, set_cookie};
use super::error::{Answered, ApiError, BAD_LOGIN, BAD_REQUEST, NOT_FOUND};
use super::extract::{Agent, At, Json, Peer};
use super::shape::person::Me;
use super::shape::text;
use super::throttle::{Act, address_key};
use crate::local::account::{Account, normalise_email};
use crate::local::audit::Event;
use crate::local::login::{Login, LoginId, Which};
use crate::local::password::{PASSWORD_CHARS_MAX, PasswordHash};
use crate::local::vault::{Secrets, Vault};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use protocol::engine::input::{Command, Rights};
use protocol::ids::UserId;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// What a login needs.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    email: String,
    password: String,
}

/// A password given again.
#[derive(Deserialize, ToSchema)]
pub struct PasswordAgain {
    password: String,
}

/// One of one's logins.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoginShape {
    id: String,
    created: String,
    last_used: String,
    agent: String,
    current: bool,
}

#[utoipa::path(post, path = "/session", tag = "session", operation_id = "session_begin", request_body = Credentials,
    responses((status = 200, body = Me), (status = 401, description = "`bad_login`"), (status = 429, description = "`throttled`")))]
pub(super) async fn begin(
    State(app): State<App>,
    peer: Peer,
    MaybeViewer(before): MaybeViewer,
    Agent(agent): Agent,
    Json(given): Json<Credentials>,
) -> Answered<impl IntoResponse> {
    let now = app.now();
    app.throttle.count(Act::LoginHere, &address_key(peer.0), now)?;
    app.throttle.count(Act::LoginAnywhere, &[], now)?;
    // What is no address has no account, and takes as long to refuse.
    let email = normalise_email(&given.email).unwrap_or_default();
    app.throttle.may_log_in(&email, now)?;
    let account = app.local.account_of(&email);
    let account = check(&app, account, Zeroizing::new(given.password), &email).await?;
    if let Some(before) = before {
        end_logins(&app, before.user, Which::One(before.login.id)).await?;
    }
    log_in(&app, &account, agent).await
}

/// Checks a password against an account; takes the same time when there is none, and answers the same.
pub(super) async fn check(
    app: &App,
    account: Option<Account>,
    password: Zeroizing<String>,
    throttled_as: &str,
) -> Answered<Account> {
    let cost = app.config.password_cost;
    let usable = account.filter(|account| !account.suspended && account.password.is_some());
    let hash = usable.as_ref().and_then(|account| account.password.clone());
    let short = password.chars().take(PASSWORD_CHARS_MAX + 1).count() <= PASSWORD_CHARS_MAX;
    let work = move || {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY[usize::from(cost == crate::local::password::Cost::Small)].clone());
        let right = short && hash.verify(&password) && known;
        let upgraded = (right && hash.is_weaker_than(cost)).then(|| PasswordHash::new(&password, cost));
        (right, upgraded)
    };
    let (right, upgraded) = app.hashing.run(work).await?;
    match usable {
        Some(account) if right => {
            app.throttle.login_succeeded(throttled_as);
            if let Some(hash) = upgraded {
                let change = move |account: &mut Account| {
                    account.password = Some(hash);
                    Ok(())
                };
                let user = account.user();
                app.on_disk(move |local| local.change_account(user, None, change)).await?;
            }
            Ok(account)
        }
        other => {
            failed(app, other.map(|account| account.user()), throttled_as).await;
            Err(BAD_LOGIN.into())
        }
    }
}

/// Hashes of no password, so that unknown accounts cost what known ones do: normal, small.
static NOBODY: LazyLock<[PasswordHash; 2]> = LazyLock::new(|| {
    use crate::local::password::Cost;
    let password = crate::local::secret::Token::new();
    [Cost::Normal, Cost::Small].map(|cost| PasswordHash::new(password.text(), cost))
});

async fn failed(app: &App, user: Option<UserId>, throttled_as: &str) {
    let now = app.now();
    app.metrics.logins_refused.inc();
    let count = app.throttle.login_failed(throttled_as, now);
    // The first and every fifth: a guessing machine must not fill the log.
    if count % 5 == 1
        && let Some(user) = user
    {
        let note = app.on_disk(move |local| local.note(Event::new(now, "login_failed").about(&user.to_string())));
        if let Err(error) = note.await {
            tracing::warn!(code = error.code.name, "a failed login was not noted");
        }
    }
}

/// Begins a login and answers oneself with the cookie.
pub(super) async fn log_in(app: &App, account: &Account, agent: String) -> Answered<impl IntoResponse + use<>> {
    let (user, now) = (account.user(), app.now());
    let (login, token) = app.on_disk(move |local| local.begin_login(user, &agent, now)).await?;
    Ok((set_cookie(app, &token), axum::Json(me(app, user, &login)?)))
}

/// Oneself, as the engine and the account know one.
pub(super) fn me(app: &App, user: UserId, login: &Login) -> Answered<Me> {
    let account = app.local.account(user).ok_or(NOT_FOUND)?;
    let me = app.shape(user, |shaper| shaper.me(&account, login));
    me.ok_or_else(|| ApiError::later(super::error::BUSY, 1))
}

/// Ends logins and tells their live streams.
pub(super) async fn end_logins(app: &App, user: UserId, which: Which) -> Answered<()> {
    let now = app.now();
    let ended = app.on_disk(move |local| local.end_logins(user, which, now)).await?;
    for login in ended {
        app.live.end(login);
    }
    Ok(())
}

#[utoipa::path(get, path = "/session", tag = "session", operation_id = "session_read",
    responses((status = 200, body = Me), (status = 401, description = "`unauthenticated`")))]
pub(super) async fn read(State(app): State<App>, viewer: Viewer) -> Answered<axum::Json<Me>> {
    me(&app, viewer.user, &viewer.login).map(axum::Json)
}

#[utoipa::path(delete, path = "/session", tag = "session", operation_id = "session_end", responses((status = 204)))]
pub(super) async fn end(State(app): State<App>, viewer: Viewer) -> Answered<impl IntoResponse> {
    end_logins(&app, viewer.user, Which::One(viewer.login.id)).await?;
    Ok((StatusCode::NO_CONTENT, clear_cookie(&app)))
}

#[utoipa::path(post, path = "/session/sudo", tag = "session", operation_id = "session_sudo",
    request_body = PasswordAgain, responses((status = 200, body = Me), (status = 401, description = "`bad_login`")))]
pub(super) async fn sudo(
    State(app): State<App>,
    viewer: Viewer,
    Json(given): Json<PasswordAgain>,
) -> Answered<impl IntoResponse> {
    let account = app.local.account(viewer.user).ok_or(NOT_FOUND)?;
    let (email, password) = (account.email.clone(), Zeroizing::new(given.password));
    app.throttle.may_log_in(&email, app.now())?;
    let account = check(&app, Some(account), password.clone(), &email).await?;
    let vault = match account.vault.clone() {
        None if account.site_admin => Some(new_key(&app, &account, password.clone()).await?),
        vault => vault,
    };
    let key = match vault {
        Some(vault) => {
            let unwrapping = vault.clone();
            let key = app.hashing.run(move || unwrapping.key(&password)).await?;
            tell_key(&app, viewer.user, &vault, &key).await?;
            Some(key)
        }
        None => None,
    };
    let (id, now) = (viewer.login.id, app.now());
    let (login, token) = app.on_disk(move |local| local.begin_sudo(id, key, now)).await?;
    Ok((set_cookie(&app, &token), axum::Json(me(&app, viewer.user, &login)?)))
}

/// Makes the signing key of somebody who may become an administrator of the organisation. Only their password opens it
/// (ruling A12).
async fn new_key(app: &App, account: &Account, password: Zeroizing<String>) -> Answered<Vault> {
    let (user, cost) = (account.user(), app.config.password_cost);
    let secrets = Secrets::new(crate::local::secret::random(), &[]);
    let vault = app.hashing.run(move || Vault::seal(&secrets, user, &password, cost)).await??;
    let kept = vault.clone();
    let event = Event::new(app.now(), "signing_key_made").by(user);
    let change = move |account: &mut Account| {
        account.vault = Some(kept);
        Ok(())
    };
    app.on_disk(move |local| local.change_account(user, Some(event), change)).await?;
    Ok(vault)
}

/// Tells the public half of a signing key that the organisation does not know yet.
async fn tell_key(app: &App, user: UserId, vault: &Vault, key: &[u8; 32]) -> Answered<()> {
    if app.handle.read(|reader| reader.has_key(user)) {
        return Ok(());
    }
    let seed = Zeroizing::new(vault.open(user, key)?.admin());
    let public = protocol::keys::SecretKey::from_seed(&seed).public().0;
    app.ask(Some(user), super::fresh_request(), Command::Rights(Rights::TellKey(public))).await?;
    Ok(())
}

#[utoipa::path(get, path = "/sessions", tag = "session", operation_id = "logins_list",
    responses((status = 200, body = Vec<LoginShape>)))]
pub(super) async fn list(State(app): State<App>, viewer: Viewer) -> axum::Json<Vec<LoginShape>> {
    let shape = |login: Login| LoginShape {
        id: login.id.text(),
        created: text::time_ms(login.created),
        last_used: text::time_ms(login.last_used),
        current: login.id == viewer.login.id,
        agent: login.agent,
    };
    axum::Json(app.local.standing_logins(viewer.user, app.now()).into_iter().map(shape).collect())
}

#[utoipa::path(delete, path = "/sessions/{id}", tag = "session", operation_id = "login_end",
    params(("id" = String, Path)), responses((status = 204)))]
pub(super) async fn end_one(State(app): State<App>, viewer: Viewer, At(id): At<String>) -> Answered<StatusCode> {
    let id = LoginId::parse(&id).ok_or(BAD_REQUEST)?;
    if !app.local.logins_of(viewer.user).iter().any(|login| login.id == id) {
        return Err(NOT_FOUND.into());
    }
    end_logins(&app, viewer.user, Which::One(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
