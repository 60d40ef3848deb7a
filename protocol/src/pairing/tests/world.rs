//! Two sites, the line between them, their engines and their people; all of it in one thread and one virtual time.
//!
//! The line behaves like the transport: frames arrive in order, a close takes effect after what was sent before it.

use crate::clock::Millis;
use crate::ids::{NodeId, OrgId, SiteId, TicketId};
use crate::pairing::*;
use std::collections::VecDeque;
use zeroize::Zeroizing;

pub const START: Millis = Millis(1_790_000_000_000);
pub const ORG: OrgId = OrgId([0x0a; 32]);
pub const INVITER: NodeId = NodeId([0x11; 32]);
pub const JOINER: NodeId = NodeId([0x22; 32]);
pub const ADMIN: &str = "Ann Archer";
/// Redials before a test gives up on its own: more than a day of them would be a loop.
const ROUNDS_MAX: usize = 20_000;

pub fn ticket() -> Ticket {
    Ticket {
        org: ORG,
        organisation: "Four Winds".into(),
        site: "Lyon".into(),
        inviter: INVITER,
        addresses: vec!["/ip4/192.168.1.20/udp/7302/quic-v1".into(), "/ip4/192.168.1.20/tcp/7302".into()],
        id: TicketId([0x33; 16]),
        secret: Zeroizing::new([0x44; 32]),
        expiry: Millis(START.0 + TICKET_MS_DEFAULT),
        admin: admin_mark(&ORG, ADMIN),
    }
    .fit()
}

pub fn proposal() -> SiteProposal {
    SiteProposal { site: SiteId([0x55; 16]), name: "Brest".into(), company: "Four Winds Marine".into() }
}

pub fn inviter() -> Inviter {
    Inviter::open(ticket(), shown(ADMIN, [0x66; 32]))
}

pub fn joiner() -> Joiner {
    joiner_at(JOINER, [0x77; 32])
}

pub fn joiner_at(node: NodeId, nonce: Nonce) -> Joiner {
    Joiner::new(ticket(), newcomer(node), nonce)
}

pub fn shown(admin: &str, nonce: Nonce) -> InviterShown {
    let addresses = vec!["/ip4/192.168.1.20/tcp/7301".into(), "no address".into()];
    InviterShown { nonce, site: "Lyon".into(), admin: admin.into(), addresses }
}

pub fn newcomer(node: NodeId) -> Newcomer {
    Newcomer { node, sealing: [0x88; 32], site: proposal(), addresses: vec!["/ip4/10.0.0.7/tcp/7301".into()] }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Inviter,
    Joiner,
}

/// What the line does to the n-th frame: what arrives instead.
pub type Tamper = Box<dyn FnMut(usize, At, Vec<u8>) -> Vec<Vec<u8>>>;

pub struct World {
    pub inviter: Option<Inviter>,
    pub joiner: Option<Joiner>,
    pub kept_inviter: Vec<u8>,
    pub kept_joiner: Vec<u8>,
    pub clock_inviter: Millis,
    pub clock_joiner: Millis,
    /// What the inviter's engine wrote: it survives a crash.
    pub admitted: Vec<NodeId>,
    /// What the joiner's engine took over: it survives a crash.
    pub joined: Option<OrgId>,
    pub welcome: Vec<u8>,
    pub admits: Result<(), PairingCode>,
    pub person_inviter: Option<Match>,
    pub person_joiner: Option<Match>,
    pub done: Vec<At>,
    pub failed: Vec<(At, Failure)>,
    pub burned: usize,
    pub steps: Vec<(At, Step)>,
    /// Digits as each side showed them.
    pub shown: Vec<(At, Digits)>,
    /// Drop this side just before it carries out its n-th wish.
    pub crash: Option<(At, usize)>,
    pub wishes: [usize; 2],
    pub dials_max: usize,
    pub tamper: Option<Tamper>,
    pub frames: usize,
    dials: usize,
    dial_owed: bool,
    linked: bool,
    to_inviter: VecDeque<Option<Vec<u8>>>,
    to_joiner: VecDeque<Option<Vec<u8>>>,
    events_inviter: VecDeque<InviterEvent>,
    events_joiner: VecDeque<JoinerEvent>,
}

impl World {
    pub fn new() -> Self {
        let inviter = inviter();
        let kept_inviter = inviter.record().to_bytes();
        let mut world = Self {
            inviter: Some(inviter),
            joiner: None,
            kept_inviter,
            kept_joiner: Vec::new(),
            clock_inviter: START,
            clock_joiner: START,
            admitted: Vec::new(),
            joined: None,
            welcome: b"what the organisation knows".to_vec(),
            admits: Ok(()),
            person_inviter: Some(Match::Same),
            person_joiner: Some(Match::Same),
            done: Vec::new(),
            failed: Vec::new(),
            burned: 0,
            steps: Vec::new(),
            shown: Vec::new(),
            crash: None,
            wishes: [0; 2],
            dials_max: usize::MAX,
            tamper: None,
            frames: 0,
            dials: 0,
            dial_owed: false,
            linked: false,
            to_inviter: VecDeque::new(),
            to_joiner: VecDeque::new(),
            events_inviter: VecDeque::new(),
            events_joiner: VecDeque::new(),
        };
        world.start_joiner();
        world
    }

    /// Runs until nothing more happens by itself.
    pub fn run(&mut self) {
        for _ in 0..ROUNDS_MAX {
            if !self.advance() {
                return;
            }
        }
        panic!("the two sides never come to rest");
    }

    /// One event somewhere; whether there was one.
    pub fn advance(&mut self) -> bool {
        if self.inviter.is_some()
            && let Some(event) = self.events_inviter.pop_front()
        {
            self.inviter_event(event);
        } else if self.joiner.is_some()
            && let Some(event) = self.events_joiner.pop_front()
        {
            self.joiner_event(event);
        } else if let Some(frame) = self.to_inviter.pop_front() {
            match frame {
                Some(bytes) => self.inviter_event(InviterEvent::Frame { peer: JOINER, bytes }),
                None => self.cut(),
            }
        } else if let Some(frame) = self.to_joiner.pop_front() {
            match frame {
                Some(bytes) => self.joiner_event(JoinerEvent::Frame(bytes)),
                None => self.cut(),
            }
        } else {
            return self.ask_people();
        }
        true
    }

    pub fn pass(&mut self, ms: u64) {
        self.clock_inviter.0 += ms;
        self.clock_joiner.0 += ms;
        self.inviter_event(InviterEvent::Tick);
        self.joiner_event(JoinerEvent::Tick);
    }

    /// The line goes down; what was on its way is lost.
    pub fn cut(&mut self) {
        self.to_inviter.clear();
        self.to_joiner.clear();
        if std::mem::take(&mut self.linked) && self.joiner.is_some() {
            // Behind a `Connected` that the joiner has not heard of yet.
            self.events_joiner.push_back(JoinerEvent::Disconnected);
        }
    }

    pub fn crash_inviter(&mut self) {
        self.inviter = None;
        self.events_inviter.clear();
        self.cut();
    }

    pub fn crash_joiner(&mut self) {
        self.joiner = None;
        self.events_joiner.clear();
        self.linked = false;
        self.to_inviter.clear();
        self.to_joiner.clear();
    }

    pub fn start_inviter(&mut self) {
        let record = InviterRecord::from_bytes(&self.kept_inviter).expect("what was kept reads back");
        self.inviter = Some(Inviter::resume(record));
        self.events_inviter.push_back(InviterEvent::Resumed);
    }

    pub fn start_joiner(&mut self) {
        self.joiner = Some(if self.kept_joiner.is_empty() {
            joiner()
        } else {
            Joiner::resume(JoinerRecord::from_bytes(&self.kept_joiner).expect("what was kept reads back"))
        });
        if let Some(org) = self.joined {
            self.events_joiner.push_back(JoinerEvent::Joined { org });
        }
        self.events_joiner.push_back(JoinerEvent::Start);
    }

    /// Starts whatever is down and runs until rest.
    pub fn heal(&mut self) {
        self.crash = None;
        self.tamper = None;
        self.dials_max = usize::MAX;
        // A line on which nothing comes any more ends at some time.
        self.cut();
        if self.dial_owed && self.joiner.is_some() {
            self.dial();
        }
        if self.inviter.is_none() {
            self.start_inviter();
        }
        if self.joiner.is_none() {
            self.start_joiner();
        }
        self.run();
    }

    pub fn inviter_event(&mut self, event: InviterEvent) {
        let Some(inviter) = &mut self.inviter else { return };
        let wishes = inviter.handle(self.clock_inviter, event);
        for wish in wishes {
            if self.crashes(At::Inviter) {
                return self.crash_inviter();
            }
            self.inviter_wish(wish);
        }
    }

    pub fn joiner_event(&mut self, event: JoinerEvent) {
        let Some(joiner) = &mut self.joiner else { return };
        let wishes = joiner.handle(self.clock_joiner, event);
        for wish in wishes {
            if self.crashes(At::Joiner) {
                return self.crash_joiner();
            }
            self.joiner_wish(wish);
        }
    }

    pub fn inviter_is_paired(&self) -> bool {
        matches!(
            InviterRecord::from_bytes(&self.kept_inviter).expect("what was kept reads back").state,
            TicketState::Paired(_)
        )
    }

    fn crashes(&mut self, at: At) -> bool {
        let count = &mut self.wishes[at as usize];
        *count += 1;
        self.crash == Some((at, *count - 1))
    }

    fn inviter_wish(&mut self, wish: InviterWish) {
        match wish {
            InviterWish::Keep(bytes) => self.kept_inviter = bytes,
            InviterWish::Send { to, frame } if self.linked && to == JOINER => {
                let frames = self.on_the_way(At::Inviter, frame);
                self.to_joiner.extend(frames);
            }
            InviterWish::Send { .. } => {}
            InviterWish::Close(_) if self.linked => self.to_joiner.push_back(None),
            InviterWish::Close(_) => {}
            InviterWish::Admit { node, .. } => self.events_inviter.push_back(match self.admits {
                Ok(()) => {
                    self.admitted.retain(|held| *held != node);
                    self.admitted.push(node);
                    InviterEvent::Admitted { welcome: self.welcome.clone() }
                }
                Err(code) => InviterEvent::NotAdmitted { code },
            }),
            InviterWish::Progress(step) => self.steps.push((At::Inviter, step)),
            InviterWish::Burned => self.burned += 1,
            InviterWish::Done => self.done.push(At::Inviter),
            InviterWish::Failed(failure) => self.failed.push((At::Inviter, failure)),
        }
    }

    fn joiner_wish(&mut self, wish: JoinerWish) {
        match wish {
            JoinerWish::Keep(bytes) => self.kept_joiner = bytes,
            JoinerWish::Dial => self.dial(),
            JoinerWish::Send(frame) if self.linked => {
                let frames = self.on_the_way(At::Joiner, frame);
                self.to_inviter.extend(frames);
            }
            JoinerWish::Send(_) => {}
            JoinerWish::Close if self.linked => self.to_inviter.push_back(None),
            JoinerWish::Close => {}
            JoinerWish::Join { org, welcome } => {
                assert_eq!(welcome, self.welcome);
                self.joined = Some(org);
                self.events_joiner.push_back(JoinerEvent::Joined { org });
            }
            JoinerWish::Progress(step) => self.steps.push((At::Joiner, step)),
            JoinerWish::Done => self.done.push(At::Joiner),
            JoinerWish::Failed(failure) => self.failed.push((At::Joiner, failure)),
        }
    }

    fn dial(&mut self) {
        self.dial_owed = self.dials >= self.dials_max;
        if self.dial_owed {
            return;
        }
        if self.dials > 0 {
            self.clock_inviter.0 += 60_000;
            self.clock_joiner.0 += 60_000;
        }
        self.dials += 1;
        self.linked = self.inviter.as_ref().is_some_and(|inviter| inviter.listens(self.clock_inviter));
        self.events_joiner.push_back(match self.linked {
            true => JoinerEvent::Connected { peer: INVITER },
            false => JoinerEvent::Unreachable,
        });
    }

    fn on_the_way(&mut self, from: At, frame: Vec<u8>) -> Vec<Option<Vec<u8>>> {
        let number = self.frames;
        self.frames += 1;
        let frames = match &mut self.tamper {
            Some(tamper) => tamper(number, from, frame),
            None => vec![frame],
        };
        frames.into_iter().map(Some).collect()
    }

    /// People answer what they see, the joiner's person first.
    fn ask_people(&mut self) -> bool {
        if let (Some(joiner), Some(said)) = (&self.joiner, self.person_joiner)
            && let (Some(digits), JoinerState::Asking) = (joiner.digits(), &joiner.record().state)
        {
            self.shown.push((At::Joiner, digits));
            self.joiner_event(JoinerEvent::Confirm(said));
            return true;
        }
        if let (Some(inviter), Some(said)) = (&self.inviter, self.person_inviter)
            && let (Some(digits), TicketState::Claimed(claim)) = (inviter.digits(), &inviter.record().state)
            && !claim.agreed_here
        {
            self.shown.push((At::Inviter, digits));
            self.inviter_event(InviterEvent::Confirm(said));
            return true;
        }
        false
    }
}

/// The frames that an inviter sends in answer.
pub fn answers(wishes: &[InviterWish]) -> Vec<Frame> {
    let frames = wishes.iter().filter_map(|wish| match wish {
        InviterWish::Send { frame, .. } => Some(Frame::from_bytes(frame).expect("own frames read back")),
        _ => None,
    });
    frames.collect()
}

/// The frames that a joiner sends.
pub fn says(wishes: &[JoinerWish]) -> Vec<Vec<u8>> {
    let frames = wishes.iter().filter_map(|wish| match wish {
        JoinerWish::Send(frame) => Some(frame.clone()),
        _ => None,
    });
    frames.collect()
}
