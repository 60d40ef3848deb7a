//! A site with one person and one group on a real engine in a temporary folder, and a clock that tests set.

use super::loopback::Server;
use crate::feeds::watch::Wish;
use crate::feeds::{FetcherConfig, Service, start_at};
use crate::http::ports::{FeedState, Feeds};
use crate::local::audit::Event;
use crate::local::settings::Settings;
use crate::local::{Local, for_test, secret::random};
use crate::runtime::handle::{Handle, now};
use crate::runtime::{Opened, Running, start};
use archipel_storage::kvlog::KvLog;
use protocol::control::op::{Access, GroupKind};
use protocol::engine::effect::{Answer, Notice};
use protocol::engine::input::Command;
use protocol::engine::query::{FeedKind, PostView};
use protocol::ids::{EntryId, GroupId, RequestId, SiteId, UserId};
use protocol::keys::SecretKey;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;
use tokio::sync::oneshot;

pub const MINUTE_MS: u64 = 60_000;
pub const SITE: SiteId = SiteId([7; 16]);
const ADMIN: UserId = UserId([8; 16]);

pub struct World {
    pub handle: Handle,
    pub local: Arc<Local>,
    pub rows: Arc<KvLog>,
    pub service: Arc<Service>,
    pub group: GroupId,
    pub clock: Arc<AtomicU64>,
    running: Option<Running>,
    data: TempDir,
    _folder: TempDir,
}

impl World {
    /// A site whose settings open the server's origin.
    pub async fn open(server: &Server) -> Self {
        let world = Self::closed().await;
        world.allow(&[server.origin()]);
        world
    }

    /// A site that opens no origin.
    pub async fn closed() -> Self {
        let data = tempfile::tempdir().unwrap();
        let running = start(Opened::open(data.path()).unwrap());
        let handle = running.handle.clone();
        let (folder, rows, local) = for_test();
        let local = Arc::new(local);
        let group = found(&handle).await;
        let clock = Arc::new(AtomicU64::new(now().0));
        let service = begin(&handle, &local, &rows, &clock);
        let running = Some(running);
        Self { handle, local, rows, service, group, clock, running, data, _folder: folder }
    }

    pub fn allow(&self, origins: &[String]) {
        let settings = Settings { feed_origins: origins.to_vec(), ..Settings::default() };
        self.local.set_settings(settings, Event::new(0, "settings")).unwrap();
    }

    /// Adds a feed and waits until it was polled.
    pub async fn add(&self, url: &str) -> EntryId {
        let url = self.service.canonical(url).unwrap();
        let command = Command::SetSource { group: self.group, url, title: "News".into(), site_url: None };
        self.source_changes(command).await
    }

    pub async fn remove(&self, source: EntryId) {
        self.source_changes(Command::RemoveSource { source }).await;
    }

    async fn source_changes(&self, command: Command) -> EntryId {
        let mut notices = self.handle.notices();
        let id = done(&self.handle, Some(ADMIN), command).await;
        while !matches!(notices.recv().await.unwrap(), Notice::Source { .. }) {}
        self.idle().await;
        id
    }

    /// Goes on with another group.
    pub async fn another_group(&mut self) {
        self.group = group(&self.handle).await;
    }

    /// Lets time pass, and waits until what is due then is done.
    pub async fn pass(&self, minutes: u64) {
        self.clock.fetch_add(minutes * MINUTE_MS, Ordering::SeqCst);
        self.idle().await;
    }

    /// Waits until nothing is due or under way.
    pub async fn idle(&self) {
        let (done, wait) = oneshot::channel();
        self.service.wishes.send(Wish::Idle(done)).await.unwrap();
        wait.await.unwrap();
    }

    pub fn state(&self, source: EntryId) -> FeedState {
        self.service.state(source)
    }

    pub fn now(&self) -> u64 {
        self.clock.load(Ordering::SeqCst)
    }

    /// Automatic posts of the group, the newest first.
    pub fn posts(&self) -> Vec<PostView> {
        self.handle.read(|reader| reader.feed(ADMIN, Some(self.group), FeedKind::Automatic, None, 50)).unwrap().items
    }

    pub fn titles(&self) -> Vec<String> {
        self.posts().into_iter().map(|post| post.title).collect()
    }

    /// Stops polling and starts it anew on the same rows.
    pub async fn restart(&mut self) {
        self.service.stop().await;
        self.service = begin(&self.handle, &self.local, &self.rows, &self.clock);
        self.idle().await;
    }

    /// Stops the engine while polling goes on.
    pub async fn stop_engine(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// Starts the engine on its folder again, and polling with it.
    pub async fn reopen(mut self) -> Self {
        self.service.stop().await;
        self.stop_engine().await;
        let Self { handle, local, rows, service, group, clock, running: _, data, _folder } = self;
        // The index can be opened again once nobody holds it any more.
        drop((handle, service));
        let running = start(Opened::open(data.path()).unwrap());
        let handle = running.handle.clone();
        let service = begin(&handle, &local, &rows, &clock);
        let world = Self { handle, local, rows, service, group, clock, running: Some(running), data, _folder };
        world.idle().await;
        world
    }

    pub async fn close(mut self) {
        self.service.stop().await;
        self.stop_engine().await;
    }
}

fn begin(handle: &Handle, local: &Arc<Local>, rows: &Arc<KvLog>, clock: &Arc<AtomicU64>) -> Arc<Service> {
    let clock = Arc::clone(clock);
    let time = Arc::new(move || clock.load(Ordering::SeqCst));
    start_at(handle.clone(), Arc::clone(local), Arc::clone(rows), FetcherConfig::default(), time).unwrap()
}

async fn done(handle: &Handle, actor: Option<UserId>, command: Command) -> EntryId {
    match handle.ask(actor, RequestId(random()), command).await.unwrap() {
        Answer::Done { id } => id,
        other => panic!("{other:?}"),
    }
}

/// An organisation, its admin and a group.
async fn found(handle: &Handle) -> GroupId {
    let key = SecretKey::from_seed(&[5; 32]);
    let command = Command::CreateOrganisation {
        name: "Org".into(),
        site: SITE,
        site_name: "Here".into(),
        company: String::new(),
        admin: ADMIN,
        admin_name: "Ann".into(),
        admin_key: key.public().0,
        admin_secret: *key.seed(),
        recovery: Vec::new(),
    };
    done(handle, None, command).await;
    group(handle).await
}

async fn group(handle: &Handle) -> GroupId {
    let command = Command::CreateGroup {
        name: "Group".into(),
        purpose: String::new(),
        kind: GroupKind::Theme,
        access: Access::Open,
    };
    GroupId(done(handle, Some(ADMIN), command).await.0)
}
