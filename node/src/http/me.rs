//! Changing oneself: name, job, language, colours, password.

use super::auth::{Viewer, set_cookie};
use super::error::{Answered, NAME_MISSING, NOT_FOUND};
use super::extract::{Agent, Json};
use super::markdown::name;
use super::session::{check, end_logins, me};
use super::shape::person::Me;
use super::{App, fresh_request};
use crate::local::account::{Account, Language, Theme};
use crate::local::audit::Event;
use crate::local::login::Which;
use crate::local::password::{self, PasswordHash};
use crate::local::vault::Vault;
use axum::extract::State;
use axum::response::IntoResponse;
use protocol::engine::input::Command;
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// What may be changed of oneself; what is absent stays.
#[derive(Deserialize, ToSchema)]
pub struct MeChange {
    name: Option<String>,
    title: Option<String>,
    language: Option<Language>,
    theme: Option<Theme>,
}

/// A new password.
#[derive(Deserialize, ToSchema)]
pub struct PasswordChange {
    current: String,
    new: String,
}

#[utoipa::path(patch, path = "/me", tag = "session", operation_id = "me_change", request_body = MeChange,
    responses((status = 200, body = Me)))]
pub(super) async fn change(
    State(app): State<App>,
    viewer: Viewer,
    Json(wanted): Json<MeChange>,
) -> Answered<axum::Json<Me>> {
    let user = viewer.user;
    let known = app.handle.read(|reader| reader.person(user)).ok_or(NOT_FOUND)?;
    let new_name = wanted.name.as_deref().map(name);
    if new_name.as_deref() == Some("") {
        return Err(NAME_MISSING.into());
    }
    let new_name = new_name.unwrap_or_else(|| known.name.clone());
    let title = wanted.title.as_deref().map_or_else(|| known.title.clone(), name);
    if (&new_name, &title) != (&known.name, &known.title) {
        app.ask(Some(user), fresh_request(), Command::SetProfile { user, name: new_name, title }).await?;
    }
    if wanted.language.is_some() || wanted.theme.is_some() {
        let change = move |account: &mut Account| {
            account.language = wanted.language.unwrap_or(account.language);
            account.theme = wanted.theme.unwrap_or(account.theme);
            Ok(())
        };
        app.on_disk(move |local| local.change_account(user, None, change)).await?;
    }
    me(&app, user, &viewer.login).map(axum::Json)
}

#[utoipa::path(post, path = "/me/password", tag = "session", operation_id = "me_password",
    request_body = PasswordChange, responses((status = 200, body = Me), (status = 401, description = "`bad_login`")))]
pub(super) async fn password(
    State(app): State<App>,
    viewer: Viewer,
    Agent(agent): Agent,
    Json(given): Json<PasswordChange>,
) -> Answered<impl IntoResponse> {
    let user = viewer.user;
    let account = app.local.account(user).ok_or(NOT_FOUND)?;
    let (current, new) = (Zeroizing::new(given.current), Zeroizing::new(given.new));
    app.throttle.may_log_in(&account.email, app.now())?;
    let email = account.email.clone();
    let account = check(&app, Some(account), current.clone(), &email).await?;
    check_new(&app, &account, &new)?;
    let cost = app.config.password_cost;
    let vault = account.vault.clone();
    let work = move || {
        let rewrap = |vault: Vault| {
            let secrets = vault.open(user, &vault.key(&current))?;
            Vault::seal(&secrets, user, &new, cost)
        };
        (PasswordHash::new(&new, cost), vault.map(rewrap).transpose())
    };
    let (hash, vault) = app.hashing.run(work).await?;
    let vault = vault?;
    let change = move |account: &mut Account| {
        account.password = Some(hash);
        account.vault = vault;
        Ok(())
    };
    let event = Event::new(app.now(), "password_changed").by(user);
    app.on_disk(move |local| local.change_account(user, Some(event), change)).await?;
    // All logins end, this one too: it goes on under a new token.
    end_logins(&app, user, Which::AllBut(viewer.login.id)).await?;
    let now = app.now();
    let (login, token) = app.on_disk(move |local| local.begin_login(user, &agent, now)).await?;
    let old = viewer.login.id;
    app.on_disk(move |local| local.end_logins(user, Which::One(old), now)).await?;
    app.live.end(old);
    Ok((set_cookie(&app, &token), axum::Json(me(&app, user, &login)?)))
}

/// Refuses a password that is easy to guess for this person.
pub(super) fn check_new(app: &App, account: &Account, new: &str) -> Answered<()> {
    let person = app.handle.read(|reader| reader.person(account.user()));
    let known = person.map(|person| person.name).unwrap_or_default();
    let local_part = account.email.split('@').next().unwrap_or_default();
    Ok(password::check(new, &[&known, &account.email, local_part])?)
}
