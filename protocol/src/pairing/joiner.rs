//! The joining side: one attempt with one invitation.
//!
//! On every new connection it begins at `Hello`. What it showed or accepted once is kept and never changes, so each
//! repetition comes to the same digits; once its person agreed it asks until the other side says yes or no.

use super::frame::clocks_agree;
use super::record::{InviterShown, JoinerRecord, JoinerState};
use super::transcript::{Proofs, Side, Transcript, admin_mark, commit};
use super::{
    COMPARE_MS_MIN, Digits, Failure, Frame, HANDOVER_MS_MAX, Match, Nonce, PairingCode, SiteProposal, Step, Ticket,
    WELCOME_BYTES_MAX, usable,
};
use crate::clock::Millis;
use crate::ids::{NodeId, OrgId};
use crate::keys::{Digest, same};

/// What can happen to a joiner.
#[derive(Debug, Clone)]
pub enum JoinerEvent {
    /// Begin, or go on after a restart.
    Start,
    /// A connection stands to a node whose identity the transport proved.
    Connected {
        /// Who.
        peer: NodeId,
    },
    /// A frame from that node.
    Frame(Vec<u8>),
    /// The connection ended.
    Disconnected,
    /// No address of the invitation led to the node, though tried several times.
    Unreachable,
    /// The person here compared the digits.
    Confirm(Match),
    /// The engine took the organisation over.
    Joined {
        /// The organisation that it found in the welcome.
        org: OrgId,
    },
    /// The engine refused what was handed over; nothing was written.
    NotJoined {
        /// Why.
        code: PairingCode,
    },
    /// The person here gives up.
    Cancel,
    /// Time passed.
    Tick,
}

/// What the joiner wants done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinerWish {
    /// Keep these bytes durably before the wishes that follow.
    Keep(Vec<u8>),
    /// Reach the inviter: answered by `Connected` or `Unreachable`. Wait between repeated wishes.
    Dial,
    /// Send a frame.
    Send(Vec<u8>),
    /// End the connection once what was sent has left.
    Close,
    /// A step begins.
    Progress(Step),
    /// Take the organisation over; answered by `Joined` or `NotJoined`. Nothing may be written when the welcome's
    /// constitution is not this organisation's. May be wished again: having joined it already must count as done.
    Join {
        /// The organisation that the invitation names.
        org: OrgId,
        /// Opaque here.
        welcome: Vec<u8>,
    },
    /// Both sides are paired, or will be when the other side hears it.
    Done,
    /// It came to nothing.
    Failed(Failure),
}

/// What a joining node says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// Its id.
    pub node: NodeId,
    /// Its public X25519 key.
    pub sealing: [u8; 32],
    /// Its site.
    pub site: SiteProposal,
    /// Where it will be reached by members.
    pub addresses: Vec<String>,
}

/// Connections that may end before the other side said a word of the invitation: bad luck happens, thrice it is none.
const SILENT_LINES_MAX: u32 = 3;

/// The joining side.
#[derive(Debug)]
pub struct Joiner {
    record: JoinerRecord,
    link: Link,
    step: Step,
    /// The welcome's pieces so far, of this connection.
    welcome: Vec<u8>,
    parts: u32,
    /// The engine was asked to take the welcome over.
    joining: bool,
    /// Until when a lost connection is sought again before the person agreed.
    patience: Option<Millis>,
    /// Connections that ended before the other side said that the invitation is good.
    silent: u32,
}

/// How far this connection got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Link {
    Down,
    Greeted,
    Proved,
    Revealed,
}

impl Joiner {
    /// A new attempt by a node that says this of itself. `nonce` is random and serves this attempt only.
    pub fn new(ticket: Ticket, newcomer: Newcomer, nonce: Nonce) -> Self {
        let Newcomer { node, sealing, site, addresses } = newcomer;
        Self::resume(JoinerRecord {
            ticket,
            node,
            sealing,
            site,
            nonce,
            commitment: None,
            inviter: None,
            state: JoinerState::Asking,
            addresses: usable(addresses),
        })
    }

    /// An attempt as it was kept. Tell it [`JoinerEvent::Start`].
    pub fn resume(record: JoinerRecord) -> Self {
        let step = if record.inviter.is_some() { Step::Compare } else { Step::Read };
        Self {
            record,
            link: Link::Down,
            step,
            welcome: Vec::new(),
            parts: 0,
            joining: false,
            patience: None,
            silent: 0,
        }
    }

    /// The attempt once more after it failed or was given up, when a person enters the same invitation again: the
    /// other side may have admitted this node and waits for it.
    pub fn again(record: JoinerRecord) -> Self {
        let state = match record.state {
            JoinerState::Failed(_) | JoinerState::Cancelled => JoinerState::Asking,
            kept => kept,
        };
        Self::resume(JoinerRecord { state, ..record })
    }

    /// What is to be kept now.
    pub fn record(&self) -> &JoinerRecord {
        &self.record
    }

    /// The step that is under way, or at which it failed.
    pub fn step(&self) -> Step {
        match &self.record.state {
            JoinerState::Failed(failure) => failure.step,
            JoinerState::Joined | JoinerState::Paired => Step::Receive,
            JoinerState::Agreed { .. } => self.step.max(Step::Admit),
            _ => self.step,
        }
    }

    /// The digits to show while people compare.
    pub fn digits(&self) -> Option<Digits> {
        Some(self.proofs()?.digits(&self.record.inviter.as_ref()?.nonce, &self.record.nonce))
    }

    /// Takes one event.
    pub fn handle(&mut self, now: Millis, event: JoinerEvent) -> Vec<JoinerWish> {
        let mut out = Vec::new();
        match event {
            JoinerEvent::Start => self.start(now, &mut out),
            JoinerEvent::Connected { peer } => self.connected(now, peer, &mut out),
            JoinerEvent::Frame(bytes) => self.frame(now, &bytes, &mut out),
            JoinerEvent::Disconnected => {
                let was_up = std::mem::replace(&mut self.link, Link::Down) != Link::Down;
                if was_up && self.goes_on() {
                    self.lost(now, &mut out);
                }
            }
            JoinerEvent::Unreachable => self.unreachable(now, &mut out),
            JoinerEvent::Confirm(said) => self.confirm(now, said, &mut out),
            JoinerEvent::Joined { org } => self.joined(now, org, &mut out),
            JoinerEvent::NotJoined { code } => {
                if self.joining {
                    self.joining = false;
                    self.fail(code, &mut out);
                }
            }
            JoinerEvent::Cancel => self.cancel(&mut out),
            JoinerEvent::Tick => {
                let open =
                    matches!(self.record.state, JoinerState::Asking | JoinerState::Agreed { .. }) && !self.joining;
                if open && self.record.agreed_until().or(self.patience).is_some_and(|until| now > until) {
                    self.give_up(now, &mut out);
                }
            }
        }
        out
    }

    fn start(&mut self, now: Millis, out: &mut Vec<JoinerWish>) {
        if !self.goes_on() {
            return;
        }
        if self.record.commitment.is_some() {
            // The other side was reached before the restart.
            self.be_patient(now);
        }
        out.push(self.keep());
        if self.record.state == JoinerState::Asking && self.step < Step::Reach {
            self.step = Step::Reach;
            out.push(JoinerWish::Progress(Step::Reach));
        }
        out.push(JoinerWish::Dial);
    }

    /// Whether there is still something to ask the other side.
    fn goes_on(&self) -> bool {
        matches!(self.record.state, JoinerState::Asking | JoinerState::Agreed { .. } | JoinerState::Joined)
    }

    fn connected(&mut self, now: Millis, peer: NodeId, out: &mut Vec<JoinerWish>) {
        // The invitation pins the inviter: nobody else gets a word.
        if peer != self.record.ticket.inviter || !self.goes_on() {
            out.push(JoinerWish::Close);
            return self.unreachable(now, out);
        }
        self.link = Link::Greeted;
        self.welcome.clear();
        self.parts = 0;
        out.push(send(&Frame::Hello { ticket: self.record.ticket.id }));
    }

    fn frame(&mut self, now: Millis, bytes: &[u8], out: &mut Vec<JoinerWish>) {
        if self.link == Link::Down || !self.goes_on() {
            return;
        }
        match Frame::from_bytes(bytes) {
            Ok(Frame::Offer { commitment }) => self.offered(now, commitment, out),
            Ok(Frame::Accept { nonce, site, admin, addresses, time, proof }) => {
                self.accepted(now, InviterShown { nonce, site, admin, addresses }, Millis(time), &proof, out);
            }
            Ok(Frame::Part { index, count, proof, bytes }) => self.part(index, count, &proof, &bytes, out),
            Ok(Frame::Bye) if self.record.state == JoinerState::Joined => self.finished(out),
            Ok(Frame::Refuse { code }) => self.refused(code, out),
            Ok(_) | Err(_) => out.push(JoinerWish::Close),
        }
    }

    fn offered(&mut self, now: Millis, commitment: Digest, out: &mut Vec<JoinerWish>) {
        match self.record.commitment {
            None => {
                self.record.commitment = Some(commitment);
                out.push(self.keep());
            }
            // A second commitment would be a second draw of the digits.
            Some(kept) if !same(&kept, &commitment) => return self.fail(PairingCode::DigitsDiffer, out),
            Some(_) => {}
        }
        self.be_patient(now);
        self.advance(Step::Prove, out);
        let Some(proofs) = self.proofs() else { return };
        let frame = Frame::Prove {
            ticket: self.record.ticket.id,
            commitment: self.commitment(),
            sealing: self.record.sealing,
            site: self.record.site.clone(),
            addresses: self.record.addresses.clone(),
            time: now.0,
            proof: proofs.prove(&self.record.addresses, now),
        };
        self.link = self.link.max(Link::Proved);
        out.push(send(&frame));
    }

    fn accepted(&mut self, now: Millis, shown: InviterShown, time: Millis, proof: &Digest, out: &mut Vec<JoinerWish>) {
        let (Link::Proved | Link::Revealed, Some(proofs), Some(commitment)) =
            (self.link, self.proofs(), self.record.commitment)
        else {
            return out.push(JoinerWish::Close);
        };
        let ticket = &self.record.ticket;
        let proved = same(&proofs.accept(&shown, time), proof)
            && same(&commit(&shown.nonce, Side::Inviter, &ticket.inviter), &commitment)
            && admin_mark(&ticket.org, &shown.admin) == ticket.admin
            && super::is_name(&shown.site)
            && super::is_name(&shown.admin);
        if !proved {
            return self.fail(PairingCode::WrongCode, out);
        }
        if self.record.inviter.is_none() {
            if !clocks_agree(now, time.0) {
                return self.fail(PairingCode::Clock, out);
            }
            self.record.inviter = Some(InviterShown { addresses: usable(shown.addresses), ..shown });
            out.push(self.keep());
        }
        self.link = Link::Revealed;
        out.push(send(&Frame::Reveal { ticket: self.record.ticket.id, nonce: self.record.nonce }));
        match self.record.state {
            JoinerState::Agreed { .. } => out.extend(self.agree()),
            JoinerState::Joined => out.extend(self.say_joined()),
            _ => self.advance(Step::Compare, out),
        }
    }

    fn confirm(&mut self, now: Millis, said: Match, out: &mut Vec<JoinerWish>) {
        // Nobody can have compared what was not shown.
        if self.record.state != JoinerState::Asking || self.record.inviter.is_none() {
            return;
        }
        match said {
            Match::Same => {
                self.record.state = JoinerState::Agreed { until: now.0.saturating_add(HANDOVER_MS_MAX) };
                out.push(self.keep());
                self.advance(Step::Admit, out);
                if self.link == Link::Revealed {
                    out.extend(self.agree());
                }
            }
            Match::Differ => {
                let farewell = self.withdraw(PairingCode::DigitsDiffer);
                self.end(PairingCode::DigitsDiffer, farewell, out);
            }
        }
    }

    fn part(&mut self, index: u32, count: u32, proof: &Digest, bytes: &[u8], out: &mut Vec<JoinerWish>) {
        let agreed = matches!(self.record.state, JoinerState::Agreed { .. });
        if !agreed || self.joining || self.link != Link::Revealed {
            return;
        }
        let genuine = self.proofs().is_some_and(|proofs| same(&proofs.part(index, count, bytes), proof));
        if !genuine || self.welcome.len().saturating_add(bytes.len()) > WELCOME_BYTES_MAX {
            return out.push(JoinerWish::Close);
        }
        // A repeated piece, e.g. the first after both of us asked for it, changes nothing.
        if index != self.parts {
            return;
        }
        self.welcome.extend_from_slice(bytes);
        self.parts += 1;
        self.advance(Step::Receive, out);
        if self.parts < count {
            out.push(send(&Frame::More { ticket: self.record.ticket.id, index: self.parts }));
        } else {
            self.joining = true;
            out.push(JoinerWish::Join { org: self.record.ticket.org, welcome: std::mem::take(&mut self.welcome) });
        }
    }

    fn joined(&mut self, now: Millis, org: OrgId, out: &mut Vec<JoinerWish>) {
        // Also true of a restart between the engine's commit and our own.
        if !matches!(self.record.state, JoinerState::Asking | JoinerState::Agreed { .. }) {
            return;
        }
        self.joining = false;
        if org != self.record.ticket.org {
            return self.fail(PairingCode::OtherOrganisation, out);
        }
        self.record.state = JoinerState::Joined;
        self.patience = None;
        self.be_patient(now);
        out.push(self.keep());
        if self.link == Link::Revealed {
            out.extend(self.say_joined());
        }
        out.push(JoinerWish::Done);
    }

    fn finished(&mut self, out: &mut Vec<JoinerWish>) {
        self.record.state = JoinerState::Paired;
        out.push(self.keep());
        out.push(JoinerWish::Close);
    }

    fn refused(&mut self, code: PairingCode, out: &mut Vec<JoinerWish>) {
        match self.record.state {
            // Joined is joined; the other side only has no more to say about this invitation.
            JoinerState::Joined => self.finished(out),
            // The engine is at work on what the same side handed over.
            _ if self.joining => {}
            _ => self.fail(code, out),
        }
    }

    fn unreachable(&mut self, now: Millis, out: &mut Vec<JoinerWish>) {
        self.link = Link::Down;
        let until = self.record.agreed_until().or(self.patience);
        if !self.goes_on() {
            return;
        }
        if until.is_some_and(|until| now <= until) {
            out.push(JoinerWish::Dial);
        } else if self.record.state == JoinerState::Joined {
            // The other side will learn it when the two meet as members of the organisation.
            self.finished(out);
        } else {
            self.give_up(now, out);
        }
    }

    fn give_up(&mut self, now: Millis, out: &mut Vec<JoinerWish>) {
        let over = now > self.record.ticket.expiry && self.record.agreed_until().is_none();
        self.fail(if over { PairingCode::Expired } else { PairingCode::Unreachable }, out);
    }

    fn cancel(&mut self, out: &mut Vec<JoinerWish>) {
        let open = matches!(self.record.state, JoinerState::Asking | JoinerState::Agreed { .. });
        if !open || self.joining {
            return;
        }
        self.record.state = JoinerState::Cancelled;
        out.push(self.keep());
        out.extend(self.withdraw(PairingCode::Refused));
        out.push(JoinerWish::Close);
    }

    /// The line was lost. A side that never spoke of the invitation may have taken it back while it closed its door.
    fn lost(&mut self, now: Millis, out: &mut Vec<JoinerWish>) {
        let heard = self.record.agreed_until().is_some() || self.patience.is_some();
        self.silent += u32::from(!heard);
        if self.silent < SILENT_LINES_MAX {
            out.push(JoinerWish::Dial);
        } else {
            self.give_up(now, out);
        }
    }

    /// The other side said that the invitation is good: a lost line is sought again while people compare.
    fn be_patient(&mut self, now: Millis) {
        let until = match self.record.state {
            // Only the last word is left to say; the two also find each other as members.
            JoinerState::Joined => now.0.saturating_add(HANDOVER_MS_MAX),
            _ => now.0.max(self.record.ticket.expiry.0).saturating_add(COMPARE_MS_MIN),
        };
        self.patience.get_or_insert(Millis(until));
    }

    fn fail(&mut self, code: PairingCode, out: &mut Vec<JoinerWish>) {
        self.end(code, None, out);
    }

    fn end(&mut self, code: PairingCode, farewell: Option<JoinerWish>, out: &mut Vec<JoinerWish>) {
        let failure = Failure { code, step: self.step() };
        self.record.state = JoinerState::Failed(failure);
        out.push(self.keep());
        out.extend(farewell);
        out.push(JoinerWish::Close);
        out.push(JoinerWish::Failed(failure));
    }

    fn advance(&mut self, step: Step, out: &mut Vec<JoinerWish>) {
        if self.step < step {
            self.step = step;
            out.push(JoinerWish::Progress(step));
        }
    }

    fn keep(&self) -> JoinerWish {
        JoinerWish::Keep(self.record.to_bytes())
    }

    fn commitment(&self) -> Digest {
        commit(&self.record.nonce, Side::Joiner, &self.record.node)
    }

    fn agree(&self) -> Option<JoinerWish> {
        let proof = self.proofs()?.agree(&self.record.inviter.as_ref()?.nonce, &self.record.nonce);
        Some(send(&Frame::Agree { ticket: self.record.ticket.id, proof }))
    }

    fn say_joined(&self) -> Option<JoinerWish> {
        Some(send(&Frame::Joined { ticket: self.record.ticket.id, proof: self.proofs()?.joined() }))
    }

    fn withdraw(&self, code: PairingCode) -> Option<JoinerWish> {
        let proof = self.proofs().filter(|_| self.link >= Link::Proved)?.withdraw();
        Some(send(&Frame::Withdraw { ticket: self.record.ticket.id, code, proof }))
    }

    fn proofs(&self) -> Option<Proofs> {
        let transcript = Transcript {
            ticket: &self.record.ticket,
            joiner: self.record.node,
            inviter_commitment: self.record.commitment?,
            joiner_commitment: self.commitment(),
            sealing: self.record.sealing,
            site: &self.record.site,
        };
        Some(transcript.proofs())
    }
}

fn send(frame: &Frame) -> JoinerWish {
    JoinerWish::Send(frame.to_bytes())
}
