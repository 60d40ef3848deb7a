//! The one task that owns pairing: letters in, machines asked, their wishes carried out in order.
//!
//! 1. A machine whose record could not be kept is thrown away and read from the rows again, as after a crash; nothing
//!    that depends on the record was done.
//! 2. The door stands open only while an invitation may be used, and nobody stays inside for a minute without a proof.

mod inviting;
mod joining;

use super::address::{Wanted, candidates, ports, worth_telling};
use super::line::{Line, LineId};
use super::shelf::{Shelf, ShelfError};
use super::shown::Shown;
use super::{Change, House, Settings};
use crate::http::ports::{Digits, Invitation, JoinProgress, PairError};
use archipel_net::{PairConnection, PairEvent, PairListener};
use inviting::Inviting;
use joining::Joining;
use protocol::clock::Millis;
use protocol::ids::{TicketId, UserId};
use protocol::pairing::{InviterEvent, JoinerEvent, Match, PairingCode, PairingLock, refusal, ticket_of};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::MissedTickBehavior;

/// Time passes for the machines this often.
const TICK: Duration = Duration::from_secs(1);
/// A connection that proves nothing in this time makes room for others (`docs/protocol.md` §3).
const UNPROVEN_MAX: Duration = Duration::from_secs(60);
/// Ended invitations are listed for an hour, then forgotten with their secrets.
const ENDED_MS_MAX: u64 = 60 * 60 * 1000;
/// The pause after a door that could not be opened: after a restart the system may hold the port for a moment.
const DOOR_PAUSE: Duration = Duration::from_secs(2);

/// What people ask.
pub enum Ask {
    Invite { by: UserId, minutes: u32, reply: oneshot::Sender<Result<Invitation, PairError>> },
    Confirm { id: TicketId, by: UserId, digits: Digits, reply: oneshot::Sender<Option<Invitation>> },
    Cancel { id: TicketId, reply: oneshot::Sender<Option<Invitation>> },
    Join { invitation: String, site: String, company: String, reply: oneshot::Sender<JoinProgress> },
    JoinConfirm { digits: Digits, reply: oneshot::Sender<JoinProgress> },
    JoinCancel { reply: oneshot::Sender<JoinProgress> },
    Stop(oneshot::Sender<()>),
}

/// What arrives at the desk.
pub enum Letter {
    Ask(Ask),
    /// From a connection.
    Frame {
        line: LineId,
        bytes: Vec<u8>,
    },
    /// A connection ended.
    Gone {
        line: LineId,
    },
    /// The engine's word on an admission.
    Admitted {
        ticket: TicketId,
        answer: Result<Vec<u8>, PairingCode>,
    },
    /// What became of calling the inviter.
    Dialled {
        attempt: u64,
        line: Option<PairConnection>,
    },
    /// The engine's word on taking an organisation over.
    Joined {
        answer: Result<(), PairingCode>,
    },
}

/// The task's state.
pub struct Desk {
    settings: Settings,
    shelf: Shelf,
    house: Arc<dyn House>,
    letters: mpsc::WeakSender<Letter>,
    shown: Arc<RwLock<Shown>>,
    changes: broadcast::Sender<Change>,
    lock: PairingLock,
    invitations: BTreeMap<TicketId, Inviting>,
    joining: Option<Joining>,
    door: Option<Door>,
    door_pause: Option<Instant>,
    guests: BTreeMap<LineId, Guest>,
    lines: u64,
}

/// The open door.
struct Door {
    listener: PairListener,
    arrivals: mpsc::Receiver<PairEvent>,
}

/// Somebody who came in.
struct Guest {
    line: Line,
    since: Instant,
}

impl Desk {
    /// Takes up what was kept.
    pub fn open(
        settings: Settings,
        shelf: Shelf,
        house: Arc<dyn House>,
        letters: mpsc::WeakSender<Letter>,
        shown: Arc<RwLock<Shown>>,
        changes: broadcast::Sender<Change>,
    ) -> Result<Self, ShelfError> {
        let kept = shelf.invitations()?;
        let own = house.addresses();
        let invitations = kept.into_iter().map(|kept| (kept.record.ticket.id, Inviting::resume(kept, &own))).collect();
        let joining = shelf.join()?.map(|record| Joining::resume(record, &own));
        let lock = shelf.lock()?;
        Ok(Self {
            settings,
            shelf,
            house,
            letters,
            shown,
            changes,
            lock,
            invitations,
            joining,
            door: None,
            door_pause: None,
            guests: BTreeMap::new(),
            lines: 0,
        })
    }

    /// Works until it is told to stop or nobody can ask any more.
    pub async fn run(mut self, mut inbox: mpsc::Receiver<Letter>) {
        let mut beat = tokio::time::interval(TICK);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.resume().await;
        loop {
            tokio::select! {
                letter = inbox.recv() => match letter {
                    Some(Letter::Ask(Ask::Stop(reply))) => {
                        self.shut_door().await;
                        let _ = reply.send(());
                        return;
                    }
                    Some(letter) => self.letter(letter).await,
                    None => return self.shut_door().await,
                },
                event = arrival(&mut self.door) => match event {
                    Some(PairEvent::Connected(connection)) => self.arrived(connection),
                    None => self.door = None,
                },
                _ = beat.tick() => self.tick().await,
            }
        }
    }

    async fn resume(&mut self) {
        let ids: Vec<TicketId> = self.invitations.keys().copied().collect();
        for id in ids {
            self.inviter(id, InviterEvent::Resumed).await;
        }
        self.resume_join().await;
    }

    async fn letter(&mut self, letter: Letter) {
        match letter {
            Letter::Ask(ask) => self.answer(ask).await,
            Letter::Frame { line, bytes } if self.guests.contains_key(&line) => self.guest_said(line, bytes).await,
            Letter::Frame { line, bytes } => self.join_line(line, JoinerEvent::Frame(bytes)).await,
            Letter::Gone { line } if self.guests.remove(&line).is_some() => {}
            Letter::Gone { line } => self.join_line(line, JoinerEvent::Disconnected).await,
            Letter::Admitted { ticket, answer } => {
                let event = match answer {
                    Ok(welcome) => {
                        self.hint_joiner(ticket).await;
                        InviterEvent::Admitted { welcome }
                    }
                    Err(code) => InviterEvent::NotAdmitted { code },
                };
                self.inviter(ticket, event).await;
            }
            Letter::Dialled { attempt, line } => self.dialled(attempt, line).await,
            Letter::Joined { answer } => self.join_answered(answer).await,
        }
    }

    async fn answer(&mut self, ask: Ask) {
        // Whoever asked may be gone: what was asked is done all the same.
        match ask {
            Ask::Invite { by, minutes, reply } => {
                let _ = reply.send(self.invite(by, minutes).await);
            }
            Ask::Confirm { id, by, digits, reply } => {
                if let Some(inviting) = self.invitations.get_mut(&id) {
                    inviting.confirmed_by(by);
                }
                self.inviter(id, InviterEvent::Confirm(said(digits))).await;
                let _ = reply.send(self.shown().invitation(&id));
            }
            Ask::Cancel { id, reply } => {
                self.inviter(id, InviterEvent::Cancel).await;
                let _ = reply.send(self.shown().invitation(&id));
            }
            Ask::Join { invitation, site, company, reply } => {
                let progress = self.begin_join(&invitation, site, company).await;
                let _ = reply.send(progress);
            }
            Ask::JoinConfirm { digits, reply } => {
                self.joiner(JoinerEvent::Confirm(said(digits))).await;
                let _ = reply.send(self.shown().join());
            }
            Ask::JoinCancel { reply } => {
                self.give_up_join().await;
                let _ = reply.send(self.shown().join());
            }
            Ask::Stop(reply) => {
                let _ = reply.send(());
            }
        }
    }

    async fn tick(&mut self) {
        let now = now();
        let ids: Vec<TicketId> = self.invitations.keys().copied().collect();
        for id in ids {
            let met = self.invitations.get(&id).and_then(|inviting| inviting.awaited());
            match met.filter(|node| self.house.is_connected(*node)) {
                Some(node) => self.inviter(id, InviterEvent::Met(node)).await,
                None => self.inviter(id, InviterEvent::Tick).await,
            }
            let over = self.invitations.get(&id).and_then(Inviting::ended);
            if over.is_some_and(|ended| now.0 > ended.saturating_add(ENDED_MS_MAX)) {
                self.forget(id).await;
            }
        }
        self.joiner(JoinerEvent::Tick).await;
        let invitations = &self.invitations;
        let proven = |guest: &Guest| invitations.values().any(|inviting| inviting.is_claimed_by(guest.line.peer));
        self.guests.retain(|_, guest| guest.since.elapsed() < UNPROVEN_MAX || proven(guest));
        self.tend_door().await;
    }

    // --- the door -------------------------------------------------------------------------------------------------

    fn is_door_needed(&self) -> bool {
        self.invitations.values().any(|inviting| inviting.machine().listens(now()))
    }

    async fn tend_door(&mut self) {
        let paused = self.door_pause.is_some_and(|since| since.elapsed() < DOOR_PAUSE);
        match (self.is_door_needed(), self.door.is_some()) {
            // Invitations given out name the ports; a door elsewhere would be no use to them.
            (true, false) if !paused => {
                self.open_door(Wanted::AsTold).await;
            }
            (false, true) => self.shut_door().await,
            _ => {}
        }
    }

    /// The addresses to tell; empty when the door cannot be opened.
    async fn open_door(&mut self, wanted: Wanted) -> Vec<String> {
        if let Some(door) = &self.door {
            return worth_telling(door.listener.addresses());
        }
        for list in candidates(&self.settings.listen, self.shelf.ports(), wanted) {
            match PairListener::open(&self.settings.secret, &list).await {
                Ok((listener, arrivals)) => {
                    let addresses = listener.addresses().to_vec();
                    tracing::info!(?addresses, "pairing listens");
                    if let Err(error) = self.shelf.keep_ports(ports(&addresses)).await {
                        tracing::warn!(%error, "the pairing port will not be remembered");
                    }
                    self.door = Some(Door { listener, arrivals });
                    self.door_pause = None;
                    return worth_telling(&addresses);
                }
                Err(error) => tracing::warn!(%error, addresses = ?list, "pairing cannot listen here"),
            }
        }
        self.door_pause = Some(Instant::now());
        Vec::new()
    }

    async fn shut_door(&mut self) {
        self.guests.clear();
        if let Some(door) = self.door.take() {
            door.listener.close().await;
            tracing::info!("pairing listens no more");
        }
    }

    fn arrived(&mut self, connection: PairConnection) {
        let id = self.next_line();
        tracing::info!(peer = ?connection.peer(), from = connection.address(), "somebody comes to pair");
        let line = Line::open(id, connection, self.letters.clone());
        self.guests.insert(id, Guest { line, since: Instant::now() });
    }

    async fn guest_said(&mut self, line: LineId, bytes: Vec<u8>) {
        let Some(guest) = self.guests.get_mut(&line) else { return };
        let peer = guest.line.peer;
        let inviting = ticket_of(&bytes).map(|id| (id, self.invitations.get(&id)));
        let (id, no) = match inviting {
            // Not a frame of a joiner: not worth an answer.
            None => return guest.line.close(),
            Some((id, None)) => (id, Some(PairingCode::Used)),
            Some((id, Some(inviting))) => {
                (id, (inviting.is_open() && self.lock.until(now()).is_some()).then_some(PairingCode::Locked))
            }
        };
        if let Some(code) = no {
            guest.line.send(refusal(code));
            return guest.line.close();
        }
        self.inviter(id, InviterEvent::Frame { peer, bytes }).await;
    }

    // --- small things ---------------------------------------------------------------------------------------------

    fn next_line(&mut self) -> LineId {
        self.lines += 1;
        LineId(self.lines)
    }

    fn shown(&self) -> RwLockWriteGuard<'_, Shown> {
        self.shown.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does slow work beside the desk; its letter comes back, unless nobody waits for it any more.
    fn beside(&self, work: impl Future<Output = Letter> + Send + 'static) -> tokio::task::JoinHandle<()> {
        let letters = self.letters.clone();
        tokio::spawn(async move {
            let letter = work.await;
            if let Some(letters) = letters.upgrade() {
                let _ = letters.send(letter).await;
            }
        })
    }
}

/// Waits for ever while there is no door.
async fn arrival(door: &mut Option<Door>) -> Option<PairEvent> {
    match door {
        Some(door) => door.arrivals.recv().await,
        None => std::future::pending().await,
    }
}

fn said(digits: Digits) -> Match {
    match digits {
        Digits::Same => Match::Same,
        Digits::Differ => Match::Differ,
    }
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
