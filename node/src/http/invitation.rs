//! Taking up an invitation: a link with a token, good for seven days and for choosing a password once.

use super::App;
use super::error::{Answered, ApiError, INVITATION_EXPIRED, INVITATION_UNKNOWN};
use super::extract::{Agent, At, Json};
use super::me::check_new;
use super::session::{end_logins, log_in};
use super::shape::person::Me;
use super::shape::text;
use crate::local::LocalError;
use crate::local::account::{Account, Language};
use crate::local::audit::Event;
use crate::local::login::Which;
use crate::local::password::PasswordHash;
use axum::extract::State;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

/// What the link leads to.
#[derive(Debug, Serialize, ToSchema)]
pub struct InvitationOf {
    name: String,
    email: String,
    site: String,
    organisation: String,
    language: Language,
}

/// The password chosen.
#[derive(Deserialize, ToSchema)]
pub struct Acceptance {
    password: String,
    language: Option<Language>,
}

#[utoipa::path(get, path = "/invitation/{token}", tag = "session", operation_id = "invitation_read",
    params(("token" = String, Path)),
    responses((status = 200, body = InvitationOf), (status = 404, description = "`invitation_unknown`"),
        (status = 410, description = "`invitation_expired`")))]
pub(super) async fn read(State(app): State<App>, At(token): At<String>) -> Answered<axum::Json<InvitationOf>> {
    let account = invited(&app, &token)?;
    let user = account.user();
    let shown = app.handle.read(|reader| {
        let organisation = reader.organisation()?;
        let site = reader.sites().into_iter().find(|site| site.id == organisation.site);
        Some(InvitationOf {
            name: text::name(&reader.person(user)?.name),
            email: account.email,
            site: site.map(|site| text::name(&site.name)).unwrap_or_default(),
            organisation: text::name(&organisation.name),
            language: account.language,
        })
    });
    shown.map(axum::Json).ok_or(INVITATION_UNKNOWN.into())
}

fn invited(app: &App, token: &str) -> Answered<Account> {
    app.local.account_invited(token, app.now()).map_err(named)
}

fn named(error: LocalError) -> ApiError {
    match error {
        LocalError::NotFound => INVITATION_UNKNOWN.into(),
        LocalError::Expired => INVITATION_EXPIRED.into(),
        other => other.into(),
    }
}

#[utoipa::path(post, path = "/invitation/{token}", tag = "session", operation_id = "invitation_accept",
    params(("token" = String, Path)), request_body = Acceptance, responses((status = 200, body = Me)))]
pub(super) async fn accept(
    State(app): State<App>,
    At(token): At<String>,
    Agent(agent): Agent,
    Json(given): Json<Acceptance>,
) -> Answered<impl IntoResponse> {
    let account = invited(&app, &token)?;
    let (user, cost) = (account.user(), app.config.password_cost);
    let password = Zeroizing::new(given.password);
    check_new(&app, &account, &password)?;
    let hash = app.hashing.run(move || PasswordHash::new(&password, cost)).await?;
    let open = account.invitation;
    let change = move |account: &mut Account| {
        // Somebody may have used the link meanwhile.
        if account.invitation.is_none() || account.invitation != open {
            return Err(LocalError::NotFound);
        }
        account.invitation = None;
        account.password = Some(hash);
        // Keys under a forgotten password are gone with it.
        account.vault = None;
        account.language = given.language.unwrap_or(account.language);
        Ok(())
    };
    let event = Event::new(app.now(), "invitation_accepted").by(user);
    let changed = app.on_disk(move |local| Ok(local.change_account(user, Some(event), change))).await?;
    let account = changed.map_err(named)?;
    end_logins(&app, user, Which::All).await?;
    log_in(&app, &account, agent).await
}
