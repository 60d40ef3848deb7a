//! Administration: this site's settings, and the recovery keys until they are safe elsewhere.

use super::auth::Viewer;
use super::error::{Answered, ApiError, BAD_REQUEST, NAME_MISSING, NOT_FOUND, NOT_SET_UP, SUDO_REQUIRED};
use super::extract::Json;
use super::markdown::name;
use super::setup::recovery_text;
use super::{App, fresh_request};
use crate::local::account::Account;
use crate::local::audit::Event;
use crate::local::settings::{FEED_ORIGINS_MAX, Settings};
use crate::local::vault::{Secrets, Vault};
use axum::extract::State;
use axum::http::StatusCode;
use protocol::engine::input::Command;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use url::{Origin, Url};
use utoipa::ToSchema;

/// What an administrator sets for the site.
#[derive(Debug, Serialize, ToSchema)]
pub struct SiteSettings {
    name: String,
    company: String,
    /// Exact origins that feeds may use though not public.
    feed_origins: Vec<String>,
}

/// What changes; what is absent stays.
#[derive(Deserialize, ToSchema)]
pub struct SiteChange {
    name: Option<String>,
    company: Option<String>,
    feed_origins: Option<Vec<String>>,
}

/// Recovery keys as printed.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct RecoveryKeys {
    keys: Vec<String>,
}

fn shown(app: &App) -> Answered<axum::Json<SiteSettings>> {
    let site = app.handle.read(|reader| reader.sites().into_iter().find(|site| site.own)).ok_or(NOT_SET_UP)?;
    let Settings { feed_origins, .. } = app.local.settings();
    Ok(axum::Json(SiteSettings { name: name(&site.name), company: name(&site.company), feed_origins }))
}

#[utoipa::path(get, path = "/admin/site", tag = "administration", operation_id = "site_read",
    responses((status = 200, body = SiteSettings)))]
pub(super) async fn read(State(app): State<App>, viewer: Viewer) -> Answered<axum::Json<SiteSettings>> {
    viewer.require_site_admin(&app)?;
    shown(&app)
}

#[utoipa::path(patch, path = "/admin/site", tag = "administration", operation_id = "site_change",
    request_body = SiteChange, responses((status = 200, body = SiteSettings)))]
pub(super) async fn change(
    State(app): State<App>,
    viewer: Viewer,
    Json(wanted): Json<SiteChange>,
) -> Answered<axum::Json<SiteSettings>> {
    viewer.require_site_admin(&app)?;
    viewer.require_sudo(&app)?;
    let origins = wanted.feed_origins.map(|origins| canonical(&origins)).transpose()?;
    if wanted.name.is_some() || wanted.company.is_some() {
        let site = app.handle.read(|reader| reader.sites().into_iter().find(|site| site.own)).ok_or(NOT_SET_UP)?;
        let new_name = wanted.name.as_deref().map_or_else(|| site.name.clone(), name);
        let company = wanted.company.as_deref().map_or_else(|| site.company.clone(), name);
        if new_name.is_empty() {
            return Err(NAME_MISSING.into());
        }
        if (&new_name, &company) != (&site.name, &site.company) {
            let command = Command::SetSite { site: site.id, name: new_name, company };
            app.ask(Some(viewer.user), fresh_request(), command).await?;
        }
    }
    if let Some(feed_origins) = origins {
        let event = Event::new(app.now(), "settings_changed").by(viewer.user);
        let settings = Settings { feed_origins, ..app.local.settings() };
        app.on_disk(move |local| local.set_settings(settings, event)).await?;
    }
    shown(&app)
}

/// Exact origins: scheme, host and port, nothing else.
fn canonical(origins: &[String]) -> Answered<Vec<String>> {
    if origins.len() > FEED_ORIGINS_MAX {
        return Err(BAD_REQUEST.into());
    }
    let one = |text: &String| {
        let wrong = || ApiError::with(BAD_REQUEST, json!({ "origin": text }));
        let url = Url::parse(text.trim()).map_err(|_| wrong())?;
        let exact = url.host_str().is_some_and(|host| !host.contains('*'));
        let bare = exact && matches!(url.path(), "" | "/") && url.query().is_none() && url.username().is_empty();
        match url.origin() {
            origin @ Origin::Tuple(..) if bare && matches!(url.scheme(), "http" | "https") => {
                Ok(origin.ascii_serialization())
            }
            _ => Err(wrong()),
        }
    };
    let set: BTreeSet<String> = origins.iter().map(one).collect::<Answered<_>>()?;
    Ok(set.into_iter().collect())
}

/// The vault of an administrator in sudo mode, open.
fn opened(app: &App, viewer: &Viewer) -> Answered<(Vault, Secrets, [u8; 32])> {
    viewer.require_organisation_admin(app)?;
    viewer.require_sudo(app)?;
    let vault = app.local.account(viewer.user).and_then(|account| account.vault).ok_or(NOT_FOUND)?;
    let key = *viewer.login.vault_key(app.now()).ok_or(SUDO_REQUIRED)?;
    let secrets = vault.open(viewer.user, &key)?;
    Ok((vault, secrets, key))
}

#[utoipa::path(get, path = "/admin/recovery", tag = "administration", operation_id = "recovery_read",
    responses((status = 200, body = RecoveryKeys), (status = 403, description = "`sudo_required`")))]
pub(super) async fn recovery(State(app): State<App>, viewer: Viewer) -> Answered<axum::Json<RecoveryKeys>> {
    let (_, secrets, _) = opened(&app, &viewer)?;
    let keys: Vec<String> = secrets.recovery().iter().map(recovery_text).collect();
    Ok(axum::Json(RecoveryKeys { keys }))
}

#[utoipa::path(post, path = "/admin/recovery/confirm", tag = "administration", operation_id = "recovery_confirm",
    request_body = RecoveryKeys, responses((status = 204), (status = 400, description = "the keys are not these")))]
pub(super) async fn recovery_confirm(
    State(app): State<App>,
    viewer: Viewer,
    Json(typed): Json<RecoveryKeys>,
) -> Answered<StatusCode> {
    let (vault, secrets, key) = opened(&app, &viewer)?;
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let wanted: BTreeSet<String> = secrets.recovery().iter().map(|seed| plain(&recovery_text(seed))).collect();
    let given: BTreeSet<String> = typed.keys.iter().map(|text| plain(text)).collect();
    if wanted != given || wanted.is_empty() {
        return Err(BAD_REQUEST.into());
    }
    let user = viewer.user;
    let without = vault.replace(&secrets.without_recovery(), user, &key)?;
    let event = Event::new(app.now(), "recovery_confirmed").by(user);
    let change = move |account: &mut Account| {
        account.vault = Some(without);
        Ok(())
    };
    app.on_disk(move |local| local.change_account(user, Some(event), change)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_exact() {
        let given = ["https://Intranet.example/".to_owned(), "http://10.0.0.1:8080".to_owned()];
        assert_eq!(canonical(&given).unwrap(), ["http://10.0.0.1:8080", "https://intranet.example"]);
        for bad in ["intranet.example", "https://a/b", "ftp://a", "https://u@a", "https://*", "https://a?b", "file:///"]
        {
            assert!(canonical(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }
}
