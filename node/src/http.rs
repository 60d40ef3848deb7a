//! The door for browsers: requests, sessions, JSON shapes, the live stream and the web UI's files. Each noun has a file
//! that parses, asks the runtime and answers. It knows neither the disk nor the network nor how a decision is made.

pub mod alarms;
pub mod assets;
pub mod audit;
pub mod auth;
pub mod bundles;
pub mod comments;
pub mod constitution;
pub mod docs;
pub mod erasures;
pub mod error;
pub mod export;
pub mod extract;
pub mod feed;
pub mod files;
pub mod groups;
pub mod guard;
pub mod hashing;
pub mod health;
pub mod invitation;
pub mod live;
pub mod markdown;
pub mod me;
pub mod members;
pub mod network;
pub mod pages;
pub mod pairing;
pub mod people;
pub mod ports;
pub mod posts;
pub mod reach;
mod reactions;
pub mod removals;
pub mod search;
pub mod server;
pub mod session;
pub mod setup;
pub mod shape;
pub mod site;
pub mod sources;
pub mod storage;
pub mod throttle;
pub mod undelivered;
pub mod writing;

use crate::bundle::Bundles;
use crate::config::Config;
use crate::export::Exports;
use crate::files::Files;
use crate::local::{Local, LocalError};
use crate::metrics::Metrics;
use crate::pages::Pages;
use crate::runtime::handle::Handle;
use crate::scrub::Scrub;
use crate::search::Search;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn_with_state, map_response};
use error::{Answered, ApiError};
use ports::{Feeds, Network, Pairing};
use protocol::engine::effect::Answer;
use protocol::engine::input::Command;
use protocol::ids::{EntryId, RequestId, UserId};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A client that sends nothing of its body for so long is gone.
const BODY_SILENT_MAX: Duration = Duration::from_secs(60);

/// What the endpoints reach, put together by the node.
pub struct Rooms {
    /// The engine.
    pub handle: Handle,
    /// This site's own matters.
    pub local: Arc<Local>,
    /// Files by hash.
    pub files: Files,
    /// Pages that are open.
    pub pages: Pages,
    /// Words of what counts.
    pub search: Search,
    /// What a line would carry, in files.
    pub bundles: Bundles,
    /// Everything about one person.
    pub exports: Exports,
    /// Checking the disk.
    pub scrub: Scrub,
    /// Pairing.
    pub pairing: Arc<dyn Pairing>,
    /// What is known of other nodes.
    pub network: Arc<dyn Network>,
    /// Feeds from outside.
    pub feeds: Arc<dyn Feeds>,
    /// The stream of notices.
    pub live: live::Live,
    /// Numbers.
    pub metrics: Arc<Metrics>,
    /// Settings.
    pub config: Arc<Config>,
    /// The time in milliseconds since 1970.
    pub clock: fn() -> u64,
}

/// The state that all handlers share; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// What is behind [`App`].
pub struct Inner {
    rooms: Rooms,
    /// Names by which the site may be called.
    pub hosts: guard::Hosts,
    /// Places for requests.
    pub places: Arc<Semaphore>,
    /// Rate limits.
    pub throttle: throttle::Throttle,
    /// The gate in front of the password function.
    pub hashing: hashing::Hashing,
    /// Markdown.
    pub markdown: markdown::Renderer,
    /// The first minutes of a site.
    pub setup: setup::Setup,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl std::ops::Deref for Inner {
    type Target = Rooms;

    fn deref(&self) -> &Rooms {
        &self.rooms
    }
}

impl App {
    /// Puts the state together. `bound` is the address that is listened on.
    pub fn new(rooms: Rooms, bound: IpAddr) -> Self {
        Self(Arc::new(Inner {
            hosts: guard::Hosts::new(&rooms.config.names, bound),
            places: Arc::new(Semaphore::new(guard::REQUESTS_AT_ONCE_MAX)),
            throttle: throttle::Throttle::new(rooms.config.limits),
            hashing: hashing::Hashing::new(),
            markdown: markdown::Renderer::default(),
            setup: setup::Setup::new(),
            rooms,
        }))
    }

    /// The code that lets another machine set this site up, for the console.
    pub fn setup_code(&self) -> &str {
        self.setup.code()
    }

    /// Whether somebody who comes now has to set this site up: nobody has an account, or it belongs to no organisation.
    pub fn waits_for_set_up(&self) -> bool {
        setup::state(self) != setup::SiteState::Ready
    }

    /// Now, in milliseconds since 1970.
    pub fn now(&self) -> u64 {
        (self.clock)()
    }

    /// Asks the engine; answers the entry made, if one was.
    pub(crate) async fn ask(
        &self,
        actor: Option<UserId>,
        request: RequestId,
        command: Command,
    ) -> Answered<Option<EntryId>> {
        match self.handle.ask(actor, request, command).await? {
            Answer::Done { id } => Ok(Some(id)),
            Answer::Nothing => Ok(None),
            Answer::Refused(refusal) => Err(refusal.into()),
        }
    }

    /// As [`App::ask`], for commands that always make an entry.
    pub(crate) async fn make(&self, actor: UserId, request: RequestId, command: Command) -> Answered<EntryId> {
        let made = self.ask(Some(actor), request, command).await?;
        made.ok_or_else(|| ApiError::internal("a command that makes an entry made none"))
    }

    /// Changes this site's own records on a thread that may wait for the disk.
    pub(crate) async fn on_disk<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Local) -> Result<T, LocalError> + Send + 'static,
    ) -> Answered<T> {
        let local = Arc::clone(&self.local);
        let done = tokio::task::spawn_blocking(move || change(&local)).await;
        Ok(done.map_err(ApiError::internal)??)
    }

    /// Counts an act of a person.
    pub(crate) fn count(&self, act: throttle::Act, user: UserId) -> Answered<()> {
        Ok(self.throttle.count(act, &user.0, self.now())?)
    }
}

impl From<throttle::Wait> for ApiError {
    fn from(wait: throttle::Wait) -> Self {
        Self::later(error::THROTTLED, wait.ms.div_ceil(1_000))
    }
}

/// A random request id, for calls of which the contract has none.
pub(crate) fn fresh_request() -> RequestId {
    RequestId(crate::local::secret::random())
}

/// The whole site as one service.
pub fn router(app: App) -> Router {
    let (api, document) = api().split_for_parts();
    let documentation = docs::routes(document);
    let api = api
        .merge(documentation)
        .fallback(assets::no_such_endpoint)
        .method_not_allowed_fallback(assets::no_such_method)
        .layer(map_response(assets::never_stored))
        .layer(from_fn_with_state(app.clone(), auth::session))
        .layer(DefaultBodyLimit::max(extract::BODY_BYTES_MAX))
        .layer(RequestBodyTimeoutLayer::new(BODY_SILENT_MAX));
    Router::new()
        .nest("/api/v1", api)
        .route("/api", axum::routing::any(assets::no_such_endpoint))
        .route("/api/{*rest}", axum::routing::any(assets::no_such_endpoint))
        .merge(health::routes().method_not_allowed_fallback(assets::no_such_method))
        .fallback(assets::file)
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            axum::response::IntoResponse::into_response(ApiError::internal("a handler panicked"))
        }))
        .layer(from_fn_with_state(app.clone(), guard::guard))
        .with_state(app)
}

/// The endpoints with their description.
fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(docs::head())
        .routes(routes!(setup::status))
        .routes(routes!(setup::organisation))
        .routes(routes!(setup::join, setup::join_progress))
        .routes(routes!(setup::join_confirm))
        .routes(routes!(setup::join_cancel))
        .routes(routes!(setup::first_person))
        .routes(routes!(session::begin, session::read, session::end))
        .routes(routes!(session::sudo))
        .routes(routes!(session::list))
        .routes(routes!(session::end_one))
        .routes(routes!(me::change))
        .routes(routes!(me::password))
        .routes(routes!(invitation::read, invitation::accept))
        .routes(routes!(people::list, people::add))
        .routes(routes!(people::read))
        .routes(routes!(export::of_person))
        .routes(routes!(people::invite))
        .routes(routes!(people::suspend))
        .routes(routes!(people::resume))
        .routes(routes!(people::site_admin))
        .routes(routes!(groups::list, groups::create))
        .routes(routes!(groups::read, groups::change))
        .routes(routes!(groups::join))
        .routes(routes!(groups::leave))
        .routes(routes!(groups::mark_read))
        .routes(routes!(members::list, members::add))
        .routes(routes!(members::change, members::remove))
        .routes(routes!(feed::home))
        .routes(routes!(feed::of_group))
        .routes(routes!(posts::create))
        .routes(routes!(posts::read, posts::change, posts::delete))
        .routes(routes!(posts::delivery))
        .routes(routes!(erasures::of_post))
        .routes(routes!(erasures::of_comment))
        .routes(routes!(erasures::of_person))
        .routes(routes!(erasures::list))
        .routes(routes!(erasures::object))
        .routes(routes!(erasures::retention))
        .routes(routes!(erasures::hold))
        .routes(routes!(storage::read, storage::change))
        .routes(routes!(storage::check))
        .routes(routes!(comments::list, comments::create))
        .routes(routes!(comments::change, comments::delete))
        .routes(routes!(comments::delivery))
        .routes(routes!(reactions::on_post))
        .routes(routes!(reactions::on_comment))
        .routes(routes!(pages::list, pages::create))
        .routes(routes!(pages::read, pages::change, pages::delete))
        .routes(routes!(pages::restore))
        .routes(routes!(pages::export))
        .routes(routes!(pages::comments::list, pages::comments::create))
        .routes(routes!(pages::comments::change, pages::comments::delete))
        .routes(routes!(pages::comments::reply))
        .routes(routes!(pages::comments::resolve))
        .routes(routes!(erasures::of_page))
        .routes(routes!(erasures::of_page_comment))
        .routes(routes!(pages::history::list))
        .routes(routes!(pages::history::read))
        .routes(routes!(pages::history::compare))
        .routes(routes!(pages::history::restore))
        .routes(routes!(pages::history::authors))
        .routes(routes!(pages::socket::open))
        .routes(routes!(search::find))
        .routes(routes!(search::saved, search::save))
        .routes(routes!(search::read, search::make_anew))
        .routes(routes!(writing::preview))
        .routes(routes!(files::upload))
        .routes(routes!(files::thumb))
        .routes(routes!(files::read))
        .routes(routes!(sources::list, sources::add))
        .routes(routes!(sources::preview))
        .routes(routes!(sources::opml))
        .routes(routes!(sources::poll))
        .routes(routes!(sources::remove))
        .routes(routes!(audit::read))
        .routes(routes!(alarms::read))
        .routes(routes!(alarms::seal))
        .routes(routes!(alarms::dismiss))
        .routes(routes!(network::read))
        .routes(routes!(bundles::make))
        .routes(routes!(bundles::take))
        .routes(routes!(reach::read))
        .routes(routes!(reach::test))
        .routes(routes!(reach::keep))
        .routes(routes!(removals::suspend))
        .routes(routes!(removals::resume))
        .routes(routes!(removals::revoke))
        .routes(routes!(removals::list_of_nodes))
        .routes(routes!(removals::list_of_group))
        .routes(routes!(removals::cut))
        .routes(routes!(removals::appoint))
        .routes(routes!(removals::list_of_person))
        .routes(routes!(removals::rehome))
        .routes(routes!(people::account))
        .routes(routes!(constitution::read))
        .routes(routes!(constitution::propose))
        .routes(routes!(constitution::sign))
        .routes(routes!(undelivered::list))
        .routes(routes!(undelivered::resend))
        .routes(routes!(undelivered::remove))
        .routes(routes!(pairing::list, pairing::create))
        .routes(routes!(pairing::read, pairing::cancel))
        .routes(routes!(pairing::confirm))
        .routes(routes!(site::recovery))
        .routes(routes!(site::recovery_confirm))
        .routes(routes!(constitution::recover))
        .routes(routes!(site::read, site::change))
        .routes(routes!(live::socket::open))
}

#[cfg(test)]
mod tests;
