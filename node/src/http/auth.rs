//! Who is asking. A cookie names a login; a header token, given with the session, goes with every change, so that a
//! forged request from elsewhere fails even if it got past the check of its origin.

use super::App;
use super::error::{Answered, ApiError, CSRF, FORBIDDEN, SUDO_REQUIRED, UNAUTHENTICATED};
use super::extract::Peer;
use super::throttle::{Act, address_key};
use crate::local::login::{AGE_MS_MAX, Login, Touch};
use crate::local::secret::Token;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use protocol::ids::UserId;
use std::sync::Arc;

/// Carries the token of every change.
pub const CSRF_HEADER: HeaderName = HeaderName::from_static("x-archipel-token");
const COOKIE_PLAIN: &str = "archipel";
/// Browsers take a cookie of this prefix only over TLS, for the whole site and for this very name.
const COOKIE_TLS: &str = "__Host-archipel";

/// The person who asks, logged in.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// Who.
    pub user: UserId,
    /// By which login.
    pub login: Arc<Login>,
}

/// Loads the session, if any, and counts the request: a person's changes, a stranger's everything.
pub async fn session(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let now = app.now();
    let viewer = cookie(&app, request.headers()).and_then(|token| find(&app, token, now));
    let counted = match &viewer {
        Some(viewer) if *request.method() != Method::GET => app.count(Act::Write, viewer.user),
        Some(_) => Ok(()),
        None => {
            let key = address_key(Peer::of(request.extensions()).0);
            app.throttle.count(Act::Stranger, &key, now).map_err(ApiError::from)
        }
    };
    if let Err(error) = counted {
        return error.into_response();
    }
    if let Some(viewer) = viewer {
        if app.local.use_login(viewer.login.id, now) == Touch::Due {
            let id = viewer.login.id;
            // The request goes on whether or not the disk takes the time of use.
            if let Err(error) = app.on_disk(move |local| local.touch_login(id, now)).await {
                tracing::warn!(code = error.code.name, "the time of use of a login was not written");
            }
        }
        request.extensions_mut().insert(viewer);
    }
    next.run(request).await
}

fn find(app: &App, token: &str, now: u64) -> Option<Viewer> {
    let login = app.local.login(token, now)?;
    let user = login.user();
    let suspended = app.local.with_account(user, |account| account.suspended).unwrap_or(true);
    // A person who moved to another site logs in there.
    let gone = app.handle.read(|reader| {
        let home = reader.organisation().map(|organisation| organisation.site);
        reader.person(user).is_some_and(|person| !person.active || Some(person.site) != home)
    });
    (!suspended && !gone).then(|| Viewer { user, login: Arc::new(login) })
}

impl FromRequestParts<App> for Viewer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, ApiError> {
        let viewer = parts.extensions.get::<Self>().cloned().ok_or(UNAUTHENTICATED)?;
        let given = parts.headers.get(CSRF_HEADER).map(HeaderValue::as_bytes).unwrap_or_default();
        let reads = parts.method == Method::GET || parts.method == Method::HEAD;
        if !reads && !same(given, viewer.login.csrf.as_bytes()) {
            return Err(CSRF.into());
        }
        Ok(viewer)
    }
}

/// The session of the request if there is one; for calls that work without.
pub struct MaybeViewer(pub Option<Viewer>);

impl FromRequestParts<App> for MaybeViewer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.get::<Viewer>().cloned()))
    }
}

fn same(a: &[u8], b: &[u8]) -> bool {
    blake3::hash(a) == blake3::hash(b)
}

impl Viewer {
    /// Passes whoever gave the password in the last five minutes.
    ///
    /// # Errors
    /// `sudo_required`.
    pub fn require_sudo(&self, app: &App) -> Answered<()> {
        if self.login.is_sudo(app.now()) { Ok(()) } else { Err(SUDO_REQUIRED.into()) }
    }

    /// Passes administrators of the organisation.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn require_organisation_admin(&self, app: &App) -> Answered<()> {
        let admin = app.handle.read(|reader| reader.person(self.user).is_some_and(|person| person.admin));
        if admin { Ok(()) } else { Err(FORBIDDEN.into()) }
    }

    /// Passes administrators of this site; those of the organisation are that too, at home.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn require_site_admin(&self, app: &App) -> Answered<()> {
        let local = app.local.with_account(self.user, |account| account.site_admin).unwrap_or(false);
        if local { Ok(()) } else { self.require_organisation_admin(app) }
    }
}

/// The token in the request's cookie.
fn cookie<'a>(app: &App, headers: &'a HeaderMap) -> Option<&'a str> {
    let name = cookie_name(app);
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(given, _)| *given == name).map(|(_, value)| value)
}

fn cookie_name(app: &App) -> &'static str {
    if app.config.tls.is_some() { COOKIE_TLS } else { COOKIE_PLAIN }
}

/// The header that hands the token to the browser.
pub fn set_cookie(app: &App, token: &Token) -> [(HeaderName, String); 1] {
    let seconds = AGE_MS_MAX / 1_000;
    [(header::SET_COOKIE, cookie_line(app, token.text(), seconds))]
}

/// The header that takes it back.
pub fn clear_cookie(app: &App) -> [(HeaderName, String); 1] {
    [(header::SET_COOKIE, cookie_line(app, "", 0))]
}

fn cookie_line(app: &App, value: &str, seconds: u64) -> String {
    let name = cookie_name(app);
    let secure = if app.config.tls.is_some() { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}
