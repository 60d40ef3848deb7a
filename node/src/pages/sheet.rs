//! One open page: its document, who is at it, and what they are told.

use super::presence::{self, Here, Presence, Seat};
use crate::local::secret::random;
use crate::runtime::handle::{Busy, Handle, now};
use protocol::clock::Hlc;
use protocol::document::{
    self, Actor, Admitted, CHANGES_PER_ENTRY_MAX, Document, ENTRY_CHANGES_BYTES_MAX, Hash, Malformed,
};
use protocol::engine::alarms::Alarm;
use protocol::engine::effect::{Answer, FarHere, Refusal};
use protocol::engine::input::{Attachment, Command, Input, PageChange};
use protocol::ids::{EntryId, GroupId, RequestId, UserId};
use protocol::sync::here::Window;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as Lock, OwnedMutexGuard, broadcast};
use tokio::time::Instant;

/// What one browser may lag behind before it must open anew.
const SAID_MAX: usize = 512;
/// What comes from other sites within this time is applied and told at once (§1.7 item 6).
const GATHER: Duration = Duration::from_millis(50);
/// The same for long pages, whose every apply costs more.
const GATHER_LONG: Duration = Duration::from_millis(250);
/// A document of this weight is long: about 100,000 characters.
const LONG_WEIGHT: usize = 4 * 1024 * 1024;
/// Writers' names given out and not used yet, of one page.
const NAMES_MAX: usize = 4_096;

/// What those who have a page open are told.
#[derive(Debug, Clone)]
pub enum Said {
    /// Changes that count, but for the session that made them.
    Changes {
        /// Whose they are, when they were made here.
        from: Option<u64>,
        /// Their bytes, in an order in which they can be applied.
        changes: Arc<Vec<Vec<u8>>>,
    },
    /// Somebody is here.
    Here(Here),
    /// Not any more.
    Gone(Seat),
    /// Who may do what may have changed.
    Rights,
    /// What counted does not any more: open anew.
    Reset,
}

/// What became of changes that a browser sent.
#[derive(Debug, Default)]
pub struct Wrote {
    /// Durable here.
    pub kept: Vec<Hash>,
    /// Not taken.
    pub refused: Vec<Hash>,
    /// Why not; `None` when they build on something that is not here.
    pub malformed: Option<Malformed>,
}

/// Why nothing could be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteError {
    /// The engine says no.
    Refused(Refusal),
    /// It does not answer now.
    Busy(Busy),
}

/// What the node itself would write for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Composed {
    /// These changes, or none.
    Changes(Vec<Vec<u8>>),
    /// There is no such version.
    Unknown,
    /// It does not fit into changes that sites take.
    TooLong,
}

/// How changes are to stand in the log.
struct Wanted {
    user: UserId,
    session: u64,
    whole: bool,
}

type Guard = OwnedMutexGuard<Option<Document>>;

/// An open page.
pub struct Sheet {
    handle: Handle,
    group: GroupId,
    page: EntryId,
    document: Arc<Lock<Option<Document>>>,
    weight: AtomicUsize,
    said: broadcast::Sender<Said>,
    arrived: Mutex<Vec<EntryId>>,
    names: Mutex<BTreeMap<Actor, (u64, UserId)>>,
    presence: Mutex<Presence>,
    rights_due: AtomicBool,
    /// Whether it was in quarantine when it was last looked at; nothing when it was not looked at yet.
    quarantined: Mutex<Option<bool>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sheet {
    pub(super) fn new(handle: Handle, group: GroupId, page: EntryId) -> Self {
        Self {
            handle,
            group,
            page,
            document: Arc::default(),
            weight: AtomicUsize::new(0),
            said: broadcast::Sender::new(SAID_MAX),
            arrived: Mutex::default(),
            names: Mutex::default(),
            presence: Mutex::default(),
            rights_due: AtomicBool::new(false),
            quarantined: Mutex::default(),
        }
    }

    /// Its group.
    pub fn group(&self) -> GroupId {
        self.group
    }

    pub(super) fn weight(&self) -> usize {
        self.weight.load(Ordering::Relaxed)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.said.receiver_count() == 0
    }

    /// What is told from now on.
    pub fn listen(&self) -> broadcast::Receiver<Said> {
        self.said.subscribe()
    }

    pub(super) fn tell(&self, said: Said) {
        // Nobody listening is no error.
        let _ = self.said.send(said);
    }

    /// Something was written that may change who may do what: soon looked at, once for all that comes at the same time.
    pub(super) fn look_at_rights(self: &Arc<Self>) {
        if self.rights_due.swap(true, Ordering::Relaxed) {
            return;
        }
        let sheet = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(GATHER).await;
            sheet.rights_due.store(false, Ordering::Relaxed);
            sheet.tell(Said::Rights);
        });
    }

    /// Works with the document on a thread that may compute; it is made from its entries first when it is not there.
    pub async fn with<T: Send + 'static>(&self, work: impl FnOnce(&mut Document) -> T + Send + 'static) -> Option<T> {
        let guard = Arc::clone(&self.document).lock_owned().await;
        self.work(guard, work).await.map(|(_, done)| done)
    }

    async fn work<T: Send + 'static>(
        &self,
        mut guard: Guard,
        work: impl FnOnce(&mut Document) -> T + Send + 'static,
    ) -> Option<(Guard, T)> {
        let (handle, page) = (self.handle.clone(), self.page);
        let worked = tokio::task::spawn_blocking(move || {
            let document = guard.get_or_insert_with(|| build(&handle, page));
            let done = work(document);
            let (weight, quarantined) = (document.weight(), document.is_quarantined());
            (guard, done, weight, quarantined)
        });
        // A panic in here was caught before, or is this page's own trouble.
        let (guard, done, weight, quarantined) = worked.await.ok()?;
        self.weight.store(weight, Ordering::Relaxed);
        self.note_quarantine(quarantined).await;
        Some((guard, done))
    }

    /// Administrators are told when the page comes into quarantine, and when it is out of it.
    async fn note_quarantine(&self, quarantined: bool) {
        let before = lock(&self.quarantined).replace(quarantined);
        if before == Some(quarantined) {
            return;
        }
        let page = self.page;
        let stands = |alarms: Vec<(EntryId, Alarm)>| alarms.iter().any(|(_, alarm)| alarm.page == Some(page));
        if quarantined {
            tracing::error!(%page, "what counts of this page upsets the program: the page is in quarantine here");
            self.handle.tell(Input::PageQuarantined(page)).await;
        } else if self.handle.read(|reader| stands(reader.view.alarms())) {
            self.handle.tell(Input::PageSound(page)).await;
        }
    }

    // --- from elsewhere -------------------------------------------------------------------------------------------

    /// An entry with changes counts: it is taken soon, with others that come at the same time.
    pub(super) fn arrived(self: &Arc<Self>, entry: EntryId) {
        let mut arrived = lock(&self.arrived);
        arrived.push(entry);
        if arrived.len() > 1 {
            return;
        }
        let sheet = Arc::clone(self);
        let gather = if self.weight() > LONG_WEIGHT { GATHER_LONG } else { GATHER };
        tokio::spawn(async move {
            tokio::time::sleep(gather).await;
            let entries = std::mem::take(&mut *lock(&sheet.arrived));
            sheet.take(entries).await;
        });
    }

    async fn take(&self, entries: Vec<EntryId>) {
        let guard = Arc::clone(&self.document).lock_owned().await;
        if guard.is_none() {
            // Whoever opens it next reads them with all others.
            return;
        }
        let handle = self.handle.clone();
        let taken = self
            .work(guard, move |document| {
                let mut applied = Vec::new();
                let mut rebuild = false;
                for entry in entries {
                    if document.entries().contains(&entry) {
                        continue;
                    }
                    if let Some(carried) = handle.read(|reader| reader.page_change(entry)) {
                        let taken = document.take(&carried);
                        if let Some(malformed) = taken.malformed {
                            tracing::warn!(%entry, author = %carried.author, %malformed, "changes of a page do not count");
                        }
                        rebuild |= taken.rebuild;
                        applied.extend(taken.applied);
                    }
                }
                (applied, rebuild || document.is_quarantined())
            })
            .await;
        let Some((mut guard, (applied, rebuild))) = taken else { return };
        if rebuild {
            *guard = None;
            self.tell(Said::Reset);
        } else if !applied.is_empty() {
            self.tell(Said::Changes { from: None, changes: Arc::new(applied) });
        }
    }

    /// Compares what was taken with what counts now: rights, erasures and lost notices change it.
    pub(super) async fn compare(&self) {
        let guard = Arc::clone(&self.document).lock_owned().await;
        let Some(document) = guard.as_ref() else { return };
        let counting = self.handle.read(|reader| reader.page_entries(self.page));
        let fresh: Vec<EntryId> = counting.iter().filter(|id| !document.entries().contains(id)).copied().collect();
        let known = counting.len() - fresh.len();
        if known < document.entries().len() {
            let mut guard = guard;
            *guard = None;
            drop(guard);
            self.tell(Said::Reset);
        } else if !fresh.is_empty() {
            drop(guard);
            self.take(fresh).await;
        }
    }

    // --- from here ------------------------------------------------------------------------------------------------

    /// A writer's name for a window: the one that it had, if it was given to this person, or a new one.
    pub async fn name(&self, user: UserId, wanted: Option<Actor>) -> Option<(Actor, u64)> {
        let page = self.handle.read(|reader| reader.document_of(self.page));
        let node = self.handle.node();
        if let Some(actor) = wanted {
            let given = lock(&self.names).get(&actor).copied();
            let known = match given {
                Some(known) => Some(known),
                None => self.with(move |document| document.session_of(&actor)).await?,
            };
            if let Some((session, _)) = known.filter(|(_, owner)| *owner == user)
                && document::actor(&node, &page, session) == actor
            {
                lock(&self.names).insert(actor, (session, user));
                return Some((actor, session));
            }
        }
        let session = u64::from_be_bytes(random::<8>()).max(1);
        let actor = document::actor(&node, &page, session);
        let mut names = lock(&self.names);
        if names.len() >= NAMES_MAX {
            names.clear();
        }
        names.insert(actor, (session, user));
        Some((actor, session))
    }

    /// Takes a browser's changes: admitted, made durable, then told to the others at this site.
    ///
    /// # Errors
    /// When the engine does not keep them. The document is then made anew: it had gone ahead of the log.
    pub async fn write(
        &self,
        user: UserId,
        session: u64,
        changes: Vec<Vec<u8>>,
        files: impl FnOnce(Vec<String>) -> Vec<Attachment>,
    ) -> Result<Wrote, WriteError> {
        let (node, at) = (self.handle.node(), Hlc(now().0 << 16));
        let guard = Arc::clone(&self.document).lock_owned().await;
        let admitted = self.work(guard, move |document| document.admit(session, &node, user, at, &changes)).await;
        let (guard, admitted) = admitted.ok_or(WriteError::Busy(Busy::Full))?;
        self.log(guard, Wanted { user, session, whole: false }, admitted, files).await
    }

    /// Writes for a person what the node works out from the document as it stands, in a session of its own.
    ///
    /// # Errors
    /// As [`Sheet::write`].
    pub async fn compose(
        &self,
        user: UserId,
        make: impl FnOnce(&Document, Actor) -> Composed + Send + 'static,
        files: impl FnOnce(Vec<String>) -> Vec<Attachment>,
    ) -> Result<Result<Wrote, Composed>, WriteError> {
        let (actor, session) = self.name(user, None).await.ok_or(WriteError::Busy(Busy::Full))?;
        let (node, at) = (self.handle.node(), Hlc(now().0 << 16));
        let guard = Arc::clone(&self.document).lock_owned().await;
        let admitted = self.work(guard, move |document| match make(document, actor) {
            Composed::Changes(changes) => Ok(document.admit(session, &node, user, at, &changes)),
            other => Err(other),
        });
        let (guard, admitted) = admitted.await.ok_or(WriteError::Busy(Busy::Full))?;
        match admitted {
            Ok(admitted) => self.log(guard, Wanted { user, session, whole: true }, admitted, files).await.map(Ok),
            Err(why) => Ok(Err(why)),
        }
    }

    /// Makes admitted changes durable, and tells them.
    async fn log(
        &self,
        mut guard: Guard,
        Wanted { user, session, whole }: Wanted,
        admitted: Admitted,
        files: impl FnOnce(Vec<String>) -> Vec<Attachment>,
    ) -> Result<Wrote, WriteError> {
        let mut attachments = if admitted.files.is_empty() { Vec::new() } else { files(admitted.files) };
        for part in parts(&admitted.fresh) {
            let attachments = std::mem::take(&mut attachments);
            let changes = part.iter().cloned().map(Into::into).collect();
            let change = PageChange { session, changes, attachments, whole };
            let command = Command::ChangePage { page: self.page, change };
            let logged = match self.handle.ask(Some(user), RequestId(random()), command).await {
                Ok(Answer::Done { id }) => Ok(id),
                Ok(Answer::Refused(refusal)) => Err(WriteError::Refused(refusal)),
                Ok(Answer::Nothing) => Err(WriteError::Refused(Refusal::Invalid)),
                Err(busy) => Err(WriteError::Busy(busy)),
            };
            match logged {
                Ok(id) => {
                    let carried = self.handle.read(|reader| reader.page_change(id));
                    if let (Some(document), Some(carried)) = (guard.as_mut(), carried) {
                        document.logged(&carried);
                    }
                }
                Err(error) => {
                    *guard = None;
                    self.tell(Said::Reset);
                    return Err(error);
                }
            }
        }
        if guard.as_ref().is_some_and(Document::is_quarantined) {
            *guard = None;
            self.tell(Said::Reset);
        } else if !admitted.fresh.is_empty() {
            self.tell(Said::Changes { from: Some(session), changes: Arc::new(admitted.fresh) });
        }
        Ok(Wrote { kept: admitted.kept, refused: admitted.refused, malformed: admitted.malformed })
    }

    // --- who is here ----------------------------------------------------------------------------------------------

    /// Everybody who is at the page, here or at other sites.
    pub fn here(&self) -> Vec<Here> {
        lock(&self.presence).all()
    }

    /// Somebody of this site is here, at this place.
    pub fn arrive(self: &Arc<Self>, window: Window) {
        let said = lock(&self.presence).arrive(window);
        self.tell(said);
        self.tell_others();
    }

    /// A window was closed.
    pub fn leave(self: &Arc<Self>, session: u64) {
        let said = lock(&self.presence).leave(session);
        if let Some(said) = said {
            self.tell(said);
            self.tell_others();
        }
    }

    /// Another site's node said who is here.
    pub(super) fn heard(self: &Arc<Self>, far: FarHere) {
        let (said, answer) = lock(&self.presence).heard(Instant::now(), far.node, far.windows);
        said.into_iter().for_each(|said| self.tell(said));
        if answer {
            self.tell_others();
        }
    }

    /// Time has passed.
    pub(super) fn beat(self: &Arc<Self>) {
        let (said, again) = lock(&self.presence).beat(Instant::now());
        said.into_iter().for_each(|said| self.tell(said));
        if again {
            self.tell_others();
        }
    }

    /// Tells other sites soon, once for all that comes until then.
    fn tell_others(self: &Arc<Self>) {
        if !lock(&self.presence).begin() {
            return;
        }
        let sheet = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(presence::PACE).await;
            let word = lock(&sheet.presence).word(Instant::now());
            if let Some((windows, to)) = word {
                let here = protocol::sync::here::Here { page: sheet.page, windows };
                sheet.handle.tell(Input::Here { here, to }).await;
            }
        });
    }
}

/// A document from its entries.
fn build(handle: &Handle, page: EntryId) -> Document {
    handle.read(|reader| {
        let entries = reader.page_entries(page);
        let carried = entries.into_iter().filter_map(|entry| reader.page_change(entry)).collect();
        Document::build(reader.document_of(page), carried)
    })
}

/// As many changes at a time as one entry holds.
fn parts(changes: &[Vec<u8>]) -> Vec<&[Vec<u8>]> {
    let mut parts = Vec::new();
    let mut rest = changes;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fit = rest.iter().take(CHANGES_PER_ENTRY_MAX).take_while(|change| {
            bytes += change.len();
            bytes <= ENTRY_CHANGES_BYTES_MAX
        });
        let (part, after) = rest.split_at(fit.count().max(1));
        parts.push(part);
        rest = after;
    }
    parts
}
