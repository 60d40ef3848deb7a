//! The node: everything that touches the world. This file alone wires the rooms together.

pub mod bundle;
pub mod cli;
pub mod config;
pub mod control_socket;
pub mod export;
pub mod feeds;
pub mod files;
pub mod http;
pub mod keeper;
pub mod local;
pub mod logs;
pub mod metrics;
pub mod naming;
pub mod network;
pub mod pages;
pub mod pairing;
pub mod runtime;
pub mod scrub;
pub mod search;
pub mod tls;
pub mod transfer;

use anyhow::Context;
use archipel_net::{Mdns, Ranges, Reach, Upnp};
use archipel_storage::blobs::{Blobs, Thumbs};
use archipel_storage::journal::Damage;
use archipel_storage::kvlog::KvLog;
use archipel_storage::lock::FolderLock;
use bundle::Bundles;
use config::{Config, Switch};
use control_socket::ControlSocket;
use export::Exports;
use files::Files;
use http::live::Live;
use http::server::{Server, Stopper};
use http::{App, Rooms};
use local::Local;
use metrics::Metrics;
use network::{Network, NetworkConfig};
use pairing::{Change, Pairings, RuntimeHouse};
use protocol::engine::input::Input;
use runtime::handle::{Handle, now};
use runtime::{Opened, Running};
use scrub::Scrub;
use search::Search;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tls::serving::Serving;
use tokio::task::JoinHandle;
use transfer::Transfer;
use zeroize::Zeroizing;

/// How often this machine's addresses are looked up.
const OWN_ADDRESSES_EVERY: Duration = Duration::from_secs(60);

/// A running site.
pub struct Node {
    running: Running,
    network: Network,
    feeds: Arc<feeds::Service>,
    pairings: Pairings,
    _control: Option<ControlSocket>,
    server: JoinHandle<std::io::Result<()>>,
    stopper: Stopper,
    live: Live,
    tasks: Vec<JoinHandle<()>>,
    ready_line: String,
    setup_code: Option<String>,
    _lock: FolderLock,
}

impl Node {
    /// Opens the data folder, takes the ports, and serves. Before an organisation exists only browsers are listened to.
    ///
    /// # Errors
    /// In words for the person at the console: a folder of another node, an address in use, a full disk.
    pub async fn start(mut config: Config) -> anyhow::Result<Self> {
        let data = config.data.clone();
        let lock = FolderLock::take(&data, config.network_folder)?;
        // Before the ports and everything else: half a copy of a folder must not come up as a new site.
        runtime::ensure_keys(&data)?;
        network::free_ports(&config.listen)?;
        let disk = archipel_storage::files::disk();
        let (rows, found) = KvLog::open(&data.join("local"), Arc::clone(&disk))?;
        if !found.damaged.is_empty() {
            tracing::error!(damaged = ?found.damaged, "a part of this site's own records cannot be read");
        }
        let rows = Arc::new(rows);
        let local = Arc::new(Local::open(Arc::clone(&rows))?);
        let (blobs, files) = open_files(&data, &disk)?;
        let opened = {
            let data = data.clone();
            tokio::task::spawn_blocking(move || Opened::open(&data)).await??
        };
        let secret = Zeroizing::new(runtime::node_seed(&data)?);
        let damaged = opened.damaged.clone();
        let mut running = runtime::start(opened);
        let handle = running.handle.clone();
        let tls = open_tls(&mut config).await?;
        let config = Arc::new(config);

        let transfer = Transfer::new(handle.clone(), blobs);
        let kept = transfer.clone();
        let network = Network::start(
            network_config(&config, *secret, &local, &rows),
            handle.clone(),
            running.take_wishes(),
            transfer,
        );
        let known = network.known();
        let house = {
            let (known, listen) = (known.clone(), config.listen.clone());
            RuntimeHouse::new(handle.clone(), move || known.own_or(&listen))
        };
        let settings = pairing::Settings { secret, sealing: handle.sealing(), listen: config.listen.clone() };
        let (pairings, pairing_task) = pairing::start(settings, Arc::clone(&rows), Arc::new(house))?;
        let bundles = Bundles::new(handle.clone(), files.clone());
        let exports = Exports::new(handle.clone(), Arc::clone(&local), files.clone());
        let control = control_socket::Rooms::new(handle.clone(), Arc::clone(&local), pairings.clone(), bundles.clone());
        let control = open_control(&data, control);
        let feeds = feeds::start(handle.clone(), Arc::clone(&local), Arc::clone(&rows), fetching())?;

        let live = Live::new();
        live.follow(&handle);
        let keeper = keeper::Rooms {
            handle: handle.clone(),
            local: Arc::clone(&local),
            files: files.clone(),
            transfer: kept,
            live: live.clone(),
        };
        handle.tell(Input::SiteKeeps(local.keeping())).await;
        let keeper = tokio::spawn(keeper::run(keeper, running.take_unused()));
        let (scrub, scrubbing) = check_disk(&handle, &local, &files, damaged);
        let pages = pages::Pages::start(handle.clone());
        let forgotten = running.take_forgotten();
        let (search, searching) = Search::start(words_of(&data, &handle, &pages, &files), forgotten);
        let mut tasks = vec![
            scrubbing,
            searching,
            pairing_task,
            keeper,
            tokio::spawn(tell_of_pairings(live.clone(), pairings.clone())),
            tokio::spawn(keep_own_addresses(Arc::clone(&feeds))),
        ];
        let server = Server::bind(config.http, tls.as_ref().map(Serving::acceptor))
            .with_context(|| format!("cannot listen for browsers on {}", config.http))?
            .called(tls.as_ref().and_then(|tls| tls.names().first().cloned()));
        tasks.extend(tls.map(|tls| tokio::spawn(tls.follow(tls::serving::LOOK_EVERY))));
        let app = App::new(
            Rooms {
                handle: handle.clone(),
                local,
                files,
                pages,
                search,
                bundles,
                exports,
                scrub,
                pairing: Arc::new(pairings.clone()),
                network: Arc::new(known),
                feeds: Arc::clone(&feeds) as Arc<dyn http::ports::Feeds>,
                live: live.clone(),
                metrics: Arc::new(Metrics::new()),
                config,
                clock: || now().0,
            },
            server.address().ip(),
        );
        let setup_code = app.waits_for_set_up().then(|| app.setup_code().to_owned());
        let (ready_line, stopper) = (server.ready_line(), server.stopper());
        let server = tokio::spawn(server.run(http::router(app)));
        Ok(Self {
            running,
            network,
            feeds,
            pairings,
            _control: control,
            server,
            stopper,
            live,
            tasks,
            ready_line,
            setup_code,
            _lock: lock,
        })
    }
}

impl cli::serve::Running for Node {
    fn ready_line(&self) -> String {
        self.ready_line.clone()
    }

    fn setup_code(&self) -> Option<String> {
        self.setup_code.clone()
    }

    /// Browsers first, then the rooms that write, then peers, then the engine: nothing is asked of a room that is gone.
    async fn stop(self) {
        self.stopper.stop();
        self.live.stop().await;
        if let Ok(Err(error)) = self.server.await {
            tracing::error!(%error, "the door for browsers broke");
        }
        self.feeds.stop().await;
        self.pairings.stop().await;
        for task in self.tasks {
            task.abort();
        }
        self.network.stop().await;
        self.running.stop().await;
    }
}

/// Begins to read what is kept again, at leisure.
fn check_disk(handle: &Handle, local: &Arc<Local>, files: &Files, damaged: Vec<Damage>) -> (Scrub, JoinHandle<()>) {
    let scrub = Scrub::new(local);
    let rooms = scrub::Rooms { handle: handle.clone(), local: Arc::clone(local), files: files.clone() };
    let task = tokio::spawn(scrub.clone().run(rooms, damaged));
    (scrub, task)
}

/// How the network is to be reached and what it keeps.
fn network_config(config: &Config, secret: [u8; 32], local: &Local, rows: &Arc<KvLog>) -> NetworkConfig {
    NetworkConfig {
        secret,
        listen: config.listen.clone(),
        reach: reach(config),
        kept: local.settings().static_addresses,
        mdns: if config.mdns == Switch::On { Mdns::On } else { Mdns::Off },
        rows: Arc::clone(rows),
    }
}

/// What can be searched in, and where its words are kept.
fn words_of(data: &Path, handle: &Handle, pages: &pages::Pages, files: &Files) -> search::Rooms {
    let folder = data.join(runtime::WORDS_FOLDER);
    search::Rooms { handle: handle.clone(), pages: pages.clone(), files: files.clone(), folder }
}

/// The store of files, and the room over it.
fn open_files(data: &Path, disk: &Arc<dyn archipel_storage::files::Files>) -> anyhow::Result<(Arc<Blobs>, Files)> {
    let blobs = Arc::new(Blobs::open(data, Arc::clone(disk))?);
    let thumbs = Thumbs::open(data, Arc::clone(disk))?;
    let files = Files::open(data, Arc::clone(&blobs), thumbs)?;
    Ok((blobs, files))
}

/// Feeds never lead to this node itself.
fn fetching() -> feeds::FetcherConfig {
    feeds::FetcherConfig { own_addresses: network::own_addresses(), ..Default::default() }
}

/// The door for the command line; a node works without it.
fn open_control(data: &Path, rooms: control_socket::Rooms) -> Option<ControlSocket> {
    let opened = control_socket::open(data, rooms);
    opened.inspect_err(|error| tracing::error!(%error, "the command line cannot reach this node")).ok()
}

/// Reads the certificate, if there is one. By the names in it browsers may call this site.
async fn open_tls(config: &mut Config) -> anyhow::Result<Option<Serving>> {
    let Some(files) = &mut config.tls else { return Ok(None) };
    let serving = Serving::open(files, &config.data).await?;
    files.signer = serving.signer();
    config.names.extend_from_slice(serving.names());
    Ok(Some(serving))
}

/// What the settings say of how other sites reach this one.
fn reach(config: &Config) -> Reach {
    Reach {
        announce: config.announce.clone(),
        ranges: if config.test_ranges == Switch::On { Ranges::WithTests } else { Ranges::Internet },
        upnp: if config.upnp == Switch::On { Upnp::On } else { Upnp::Off },
    }
}

/// Feeds never lead to this node itself, also when its addresses change.
async fn keep_own_addresses(feeds: Arc<feeds::Service>) {
    let mut looks = tokio::time::interval(OWN_ADDRESSES_EVERY);
    loop {
        looks.tick().await;
        feeds.set_own_addresses(network::own_addresses());
    }
}

/// Browsers follow a pairing as it goes on.
async fn tell_of_pairings(live: Live, pairings: Pairings) {
    let mut changes = pairings.changes();
    loop {
        match changes.recv().await {
            Ok(Change::Invitation(id)) => live.pairing_changed(id),
            Ok(Change::Join) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
            Err(tokio::sync::broadcast::error::RecvError::Closed) => return,
        }
    }
}
