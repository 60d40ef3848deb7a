//! The wires between the sites of a world: messages are lost, late, repeated and reordered; lines are cut and walled off.

use super::{Millis, World};
use protocol::engine::input::Input;
use protocol::entry::batch;
use protocol::sync::message::Response;
use std::collections::{BTreeMap, BTreeSet};

/// After so long the asker of a lost request hears that it failed.
const TIMEOUT_MS: u64 = 30_000;

/// What travels.
#[derive(Debug, Clone)]
pub enum Message {
    /// A question.
    Request { call: u64, bytes: Vec<u8> },
    /// Its answer; `None` when there is none.
    Response { call: u64, bytes: Option<Vec<u8>> },
    /// A live message.
    Live { topic: String, bytes: Vec<u8> },
}

/// A message under way.
#[derive(Debug, Clone)]
pub struct Packet {
    /// The sender.
    pub from: usize,
    /// The receiver.
    pub to: usize,
    /// When it arrives.
    pub due: Millis,
    /// What it says.
    pub message: Message,
}

/// What the wires do to messages.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// Of a hundred messages so many are lost.
    pub loss_percent: u64,
    /// Messages are delivered in any order.
    pub reorder: bool,
    /// Messages take up to so long.
    pub delay_ms_max: u64,
    /// Of a hundred messages so many arrive twice.
    pub repeat_percent: u64,
}

/// The key of a line.
pub fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

impl World {
    /// Puts a message on the wire.
    pub fn send(&mut self, from: usize, to: usize, message: Message) {
        let weather = self.weather;
        let mut due = self.now;
        if weather.delay_ms_max > 0 {
            due.0 += self.below(weather.delay_ms_max + 1);
        }
        if weather.repeat_percent > 0 && self.below(100) < weather.repeat_percent {
            let later = Millis(due.0 + self.below(weather.delay_ms_max + 1));
            self.packets.push_back(Packet { from, to, due: later, message: message.clone() });
        }
        self.packets.push_back(Packet { from, to, due, message });
    }

    /// Connects two sites, if both allow it and nothing stands between them.
    pub fn connect(&mut self, a: usize, b: usize) {
        let (node_a, node_b) = (self.node(a), self.node(b));
        let allowed = |at: usize, node| self.sites[at].puppet || self.sites[at].allowed.contains(node);
        let may = a != b && allowed(a, &node_b) && allowed(b, &node_a) && !self.walls.contains(&pair(a, b));
        if may && self.links.insert(pair(a, b)) {
            self.input(a, Input::PeerConnected(node_b));
            // The first may have crashed over it.
            if self.links.contains(&pair(a, b)) {
                self.input(b, Input::PeerConnected(node_a));
            }
        }
    }

    /// Connects all that may.
    pub fn connect_all(&mut self) {
        for a in 0..self.sites.len() {
            for b in a + 1..self.sites.len() {
                self.connect(a, b);
            }
        }
    }

    /// Cuts the line between two sites; what is under way is lost.
    pub fn cut(&mut self, a: usize, b: usize) {
        if self.part(a, b) {
            let (node_a, node_b) = (self.node(a), self.node(b));
            self.input(a, Input::PeerGone(node_b));
            self.input(b, Input::PeerGone(node_a));
        }
    }

    fn part(&mut self, a: usize, b: usize) -> bool {
        let stood = self.links.remove(&pair(a, b));
        if stood {
            self.packets.retain(|packet| pair(packet.from, packet.to) != pair(a, b));
        }
        stood
    }

    /// Cuts all lines of a site.
    pub fn isolate(&mut self, at: usize) {
        for other in 0..self.sites.len() {
            if other != at {
                self.cut(at, other);
            }
        }
    }

    /// All lines of a site whose process is gone: only the other ends notice.
    pub fn silence(&mut self, at: usize) {
        let node = self.node(at);
        let others: Vec<usize> = (0..self.sites.len()).filter(|other| *other != at && self.part(at, *other)).collect();
        for other in others {
            self.input(other, Input::PeerGone(node));
        }
    }

    /// Delivers until nothing is due.
    pub fn deliver(&mut self) {
        let mut left = 200_000;
        while self.deliver_one() {
            left -= 1;
            assert!(left > 0, "the sites talk for ever: {} packets under way", self.packets.len());
        }
    }

    fn take_due(&mut self) -> Option<Packet> {
        let now = self.now;
        let is_due = |packet: &Packet| packet.due <= now;
        let at = if self.weather.reorder {
            let due: Vec<usize> =
                self.packets.iter().enumerate().filter(|(_, packet)| is_due(packet)).map(|(at, _)| at).collect();
            if due.is_empty() {
                return None;
            }
            due[self.below(due.len() as u64) as usize]
        } else {
            self.packets.iter().position(is_due)?
        };
        self.packets.remove(at)
    }

    /// Delivers so many messages at most.
    pub fn deliver_some(&mut self, count: usize) {
        for _ in 0..count {
            self.deliver_one();
        }
    }

    /// Counts from now on what comes in ranges.
    pub fn watch_ranges(&mut self) {
        self.ranges = Some(BTreeMap::new());
    }

    fn count_range(&mut self, from: usize, to: usize, bytes: Option<&[u8]>) {
        let Some(ranges) = &mut self.ranges else { return };
        if let Some(Ok(Response::Range { batches })) = bytes.map(Response::decode) {
            let count: usize = batches.iter().filter_map(|bytes| batch::decode(bytes).ok()).map(|run| run.len()).sum();
            *ranges.entry((from, to)).or_default() += count;
        }
    }

    fn deliver_one(&mut self) -> bool {
        let Some(Packet { from, to, message, .. }) = self.take_due() else { return false };
        let linked = self.links.contains(&pair(from, to));
        let failed = matches!(message, Message::Response { bytes: None, .. });
        let lost = !linked || (!failed && self.weather.loss_percent > 0 && self.below(100) < self.weather.loss_percent);
        let peer = self.node(from);
        match message {
            Message::Request { call, .. } if lost => self.fail(to, from, call),
            Message::Response { call, .. } if lost => self.fail(from, to, call),
            Message::Live { .. } if lost || self.silent => {}
            Message::Live { topic, bytes } => {
                self.input(to, Input::Live { topic, token: 0, bytes });
            }
            Message::Request { call, bytes } if self.sites[to].puppet => {
                let answer = self.puppeteer.clone().and_then(|puppeteer| puppeteer(self, to, from, &bytes));
                self.send(to, from, Message::Response { call, bytes: answer });
            }
            Message::Request { call, bytes } => {
                self.next_token += 1;
                let token = self.next_token;
                self.tokens.insert((to, token), (from, call));
                self.input(to, Input::PeerRequest { peer, token, bytes });
                // A site whose disk refused what the answer rests on says nothing: the asker waits in vain. One that crashed
                // has no lines any more, which ends all calls.
                if self.tokens.remove(&(to, token)).is_some() {
                    self.fail(to, from, call);
                }
            }
            Message::Response { call, bytes } => {
                self.count_range(from, to, bytes.as_deref());
                self.input(to, Input::PeerResponse { peer, call, bytes });
            }
        }
        true
    }

    /// A call that nobody answers fails after a while.
    fn fail(&mut self, from: usize, to: usize, call: u64) {
        if !self.links.contains(&pair(from, to)) {
            return;
        }
        let patience = if self.weather.delay_ms_max > 0 { self.below(TIMEOUT_MS) } else { 0 };
        let due = Millis(self.now.0 + patience);
        self.packets.push_back(Packet { from, to, due, message: Message::Response { call, bytes: None } });
    }

    /// The sites that a site can reach over lines that may stand, through those that pass.
    pub fn reach(&self, from: usize, passes: impl Fn(usize) -> bool) -> BTreeSet<usize> {
        let mut reached = BTreeSet::from([from]);
        let mut next = vec![from];
        while let Some(at) = next.pop() {
            for other in 0..self.sites.len() {
                if !self.walls.contains(&pair(at, other)) && passes(other) && reached.insert(other) {
                    next.push(other);
                }
            }
        }
        reached
    }
}
