//! A site and browsers that talk to it: each keeps its cookie and its token as a real one does.

use crate::bundle::Bundles;
use crate::config::{Config, Limits, LogForm, MetricsFor, Switch};
use crate::export::Exports;
use crate::files::Files;
use crate::http::live::Live;
use crate::http::ports::Nothing;
use crate::http::{App, Rooms, router};
use crate::local::Local;
use crate::local::password::Cost;
use crate::metrics::Metrics;
use crate::runtime::{self, Opened, Running};
use archipel_storage::blobs::{Blobs, Thumbs};
use archipel_storage::files::disk;
use archipel_storage::kvlog::KvLog;
use archipel_storage::lock::NetworkFolders;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode};
use protocol::ids::to_text;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tower::ServiceExt;

/// A password that nobody would refuse.
pub const PASSWORD: &str = "le chat dort sur le toit";

/// One clock for all sites of a test process: it starts at the real time and moves on when told.
static AHEAD_MS: AtomicU64 = AtomicU64::new(0);

/// What a site of a test is like.
#[derive(Clone, Copy)]
pub struct Like {
    /// Rate limits.
    pub limits: Limits,
    /// The clock of the HTTP room.
    pub clock: fn() -> u64,
}

impl Default for Like {
    fn default() -> Self {
        Self { limits: Limits::Wide, clock: || runtime::handle::now().0 }
    }
}

/// A clock that [`later`] moves, for one test alone.
pub fn movable_clock() -> u64 {
    runtime::handle::now().0 + AHEAD_MS.load(Ordering::Relaxed)
}

/// Moves [`movable_clock`].
pub fn later(ms: u64) {
    AHEAD_MS.fetch_add(ms, Ordering::Relaxed);
}

/// A site.
pub struct Site {
    pub app: App,
    router: Router,
    /// The engine's thread ends with it.
    running: Option<Running>,
    _folder: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The JSON body.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Fails unless the status is this one.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// Fails unless it is this refusal.
    pub fn refused(&self, code: &str) {
        assert_eq!(self.json()["code"], code, "{}", String::from_utf8_lossy(&self.bytes));
        let listed = crate::http::error::by_name(code);
        assert_eq!(self.status.as_u16(), listed.status);
    }
}

impl Site {
    /// A new site, not set up.
    pub async fn new(like: Like) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path();
        let opened = Opened::open(data).unwrap();
        let mut running = runtime::start(opened);
        let mut wishes = running.take_wishes();
        tokio::spawn(async move { while wishes.recv().await.is_some() {} });
        let (rows, _) = KvLog::open(&data.join("local"), disk()).unwrap();
        let blobs = Arc::new(Blobs::open(data, disk()).unwrap());
        let thumbs = Thumbs::open(data, disk()).unwrap();
        let live = Live::new();
        live.follow(&running.handle);
        let files = Files::open(data, blobs, thumbs).unwrap();
        let local = Arc::new(Local::open(Arc::new(rows)).unwrap());
        let pages = crate::pages::Pages::start(running.handle.clone());
        let rooms = crate::search::Rooms {
            handle: running.handle.clone(),
            pages: pages.clone(),
            files: files.clone(),
            folder: data.join(runtime::WORDS_FOLDER),
        };
        let (search, _) = crate::search::Search::start(rooms, running.take_forgotten());
        let app = App::new(
            Rooms {
                handle: running.handle.clone(),
                scrub: crate::scrub::Scrub::new(&local),
                exports: Exports::new(running.handle.clone(), Arc::clone(&local), files.clone()),
                local,
                bundles: Bundles::new(running.handle.clone(), files.clone()),
                files,
                pages,
                search,
                pairing: Arc::new(Nothing),
                network: Arc::new(Nothing),
                feeds: Arc::new(Nothing),
                live,
                metrics: Arc::new(Metrics::new()),
                config: Arc::new(config(data, like.limits)),
                clock: like.clock,
            },
            "127.0.0.1".parse().unwrap(),
        );
        Self { router: router(app.clone()), app, running: Some(running), _folder: folder }
    }

    /// Ends the engine's thread; requests are still answered.
    pub async fn stop_engine(&mut self) {
        self.running.take().expect("it runs").stop().await;
    }

    /// Its data folder.
    pub fn folder(&self) -> &std::path::Path {
        self._folder.path()
    }

    /// A site with an organisation and Ann, its administrator, logged in.
    pub async fn founded() -> (Self, Browser) {
        Self::founded_like(Like::default()).await
    }

    /// The same on another clock or with other limits.
    pub async fn founded_like(like: Like) -> (Self, Browser) {
        let site = Self::new(like).await;
        let mut ann = site.browser();
        ann.post("/setup/organisation", founding()).await.expect(201);
        (site, ann)
    }

    /// A browser on this machine.
    pub fn browser(&self) -> Browser {
        Browser { router: self.router.clone(), cookie: None, csrf: None, address: "127.0.0.1:50000".parse().unwrap() }
    }

    /// A browser elsewhere.
    pub fn distant_browser(&self) -> Browser {
        Browser { address: "192.0.2.9:50000".parse().unwrap(), ..self.browser() }
    }

    /// Sends a request as it is.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        send(self.router.clone(), request).await
    }
}

/// The body of a founding.
pub fn founding() -> Value {
    json!({ "organisation": "Archipel", "site": "Lille", "language": "fr",
        "admin": { "name": "Ann", "email": "ann@example.org", "password": PASSWORD } })
}

fn config(data: &std::path::Path, limits: Limits) -> Config {
    Config {
        data: data.to_owned(),
        http: "127.0.0.1:0".parse().unwrap(),
        listen: Vec::new(),
        announce: Vec::new(),
        upnp: Switch::Off,
        test_ranges: Switch::Off,
        names: vec!["intranet.example".to_owned()],
        tls: None,
        password_cost: Cost::Small,
        log: "warn".to_owned(),
        log_form: LogForm::Text,
        mdns: Switch::Off,
        metrics: MetricsFor::Loopback,
        limits,
        network_folder: NetworkFolders::Refuse,
    }
}

async fn send(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec();
    Answer { status, headers, bytes }
}

/// A browser.
#[derive(Clone)]
pub struct Browser {
    router: Router,
    pub cookie: Option<String>,
    pub csrf: Option<String>,
    pub address: SocketAddr,
}

impl Browser {
    /// A request as this browser sends it, to be changed before it goes.
    pub fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("host", "localhost:7300")
            .header("sec-fetch-site", "same-origin")
            .extension(ConnectInfo(self.address));
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", format!("other=1; {cookie}"));
        }
        if let Some(csrf) = &self.csrf {
            request = request.header("x-archipel-token", csrf);
        }
        request
    }

    /// Sends, and keeps the cookie and token of the answer.
    pub async fn send(&mut self, request: Request<Body>) -> Answer {
        let answer = send(self.router.clone(), request).await;
        if let Some(line) = answer.headers.get("set-cookie") {
            let pair = line.to_str().unwrap().split(';').next().unwrap().to_owned();
            self.cookie = (!pair.ends_with('=')).then_some(pair);
        }
        if let Ok(body) = serde_json::from_slice::<Value>(&answer.bytes) {
            let csrf = body["csrf"].as_str().or(body["me"]["csrf"].as_str());
            self.csrf = csrf.map(str::to_owned).or(self.csrf.take());
        }
        answer
    }

    async fn with_body(&mut self, method: &str, path: &str, body: Value) -> Answer {
        let request = self.request(method, path).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let request = self.request("GET", path).body(Body::empty()).unwrap();
        self.send(request).await
    }

    pub async fn delete(&mut self, path: &str) -> Answer {
        let request = self.request("DELETE", path).body(Body::empty()).unwrap();
        self.send(request).await
    }

    pub async fn post(&mut self, path: &str, body: Value) -> Answer {
        self.with_body("POST", path, body).await
    }

    pub async fn patch(&mut self, path: &str, body: Value) -> Answer {
        self.with_body("PATCH", path, body).await
    }

    pub async fn put(&mut self, path: &str, body: Value) -> Answer {
        self.with_body("PUT", path, body).await
    }

    /// Logs in.
    pub async fn log_in(&mut self, email: &str, password: &str) -> Answer {
        self.post("/session", json!({ "email": email, "password": password })).await
    }

    /// Gives the password again, as administering asks for.
    pub async fn sudo(&mut self) {
        self.post("/session/sudo", json!({ "password": PASSWORD })).await.expect(200);
    }

    /// Makes a group and gives its id.
    pub async fn group(&mut self, name: &str, access: &str) -> String {
        let body = json!({ "request_id": id(), "name": name, "purpose": "to test", "kind": "theme", "access": access });
        text(&self.post("/groups", body).await.expect(201), "id")
    }

    /// Writes a post and gives its id.
    pub async fn write(&mut self, group: &str, words: &str) -> String {
        let body = json!({ "request_id": id(), "text": words });
        text(&self.post(&format!("/groups/{group}/posts"), body).await.expect(201), "id")
    }

    /// Adds a person of this site and gives a browser where they are logged in, with their id.
    pub async fn invite(&mut self, name: &str) -> (Browser, String) {
        let email = format!("{}@example.org", name.to_lowercase());
        let body = json!({ "request_id": id(), "name": name, "email": email, "title": "", "language": "en" });
        let added = self.post("/people", body).await.expect(201);
        let link = text(&added, "invitation_link");
        let mut browser = Browser { cookie: None, csrf: None, ..self.clone() };
        browser.post(&link, json!({ "password": PASSWORD, "language": "en" })).await.expect(200);
        (browser, added["person"]["id"].as_str().unwrap().to_owned())
    }
}

/// A fresh request id.
pub fn id() -> String {
    to_text(&crate::local::secret::random::<16>())
}

/// A text of an object.
pub fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}
