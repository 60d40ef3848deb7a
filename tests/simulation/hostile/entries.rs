//! Entries that bear the hostile site's real signature, and messages that are not what they should be.

use crate::world::World;
use protocol::clock::Hlc;
use protocol::entry::batch::{self, Signatures};
use protocol::entry::{Body, Entry, Header};
use protocol::ids::{EntryId, LogId, ScopeId, UserId};
use protocol::log::Log;
use protocol::store::Store;
use protocol::store::keys::{self};
use protocol::sync::message::Request;

impl super::Hostile {
    pub(super) fn state(&self, world: &World, log: &LogId) -> Option<Log> {
        if let Some((state, _)) = self.made.get(log) {
            return Some(state.clone());
        }
        Log::from_bytes(&world.sites[self.at].store.get(&keys::log(log))?).ok()
    }

    pub(super) fn entry(
        &self,
        world: &mut World,
        log: &LogId,
        state: &Log,
        (kind, bytes): &(u16, Vec<u8>),
        actor: Option<UserId>,
        refs: Vec<EntryId>,
    ) -> Entry {
        let body = Body { salt: world.random(), bytes: bytes.clone() };
        let hlc = Hlc(state.hlc + 1).max(self.dated.unwrap_or(Hlc::at(world.now)));
        let place = Some((*log, state.next, state.head));
        let header = header_of(state.scope, place, hlc, None, *kind, actor, &body, refs);
        Entry::sign(header, body, &self.org(world), &world.sites[self.at].identity.key)
    }

    pub(super) fn append(
        &mut self,
        world: &mut World,
        log: &LogId,
        op: &(u16, Vec<u8>),
        actor: Option<UserId>,
        refs: Vec<EntryId>,
    ) {
        let Some(mut state) = self.state(world, log) else { return };
        let entry = self.entry(world, log, &state, op, actor, refs);
        state.extend(std::slice::from_ref(&entry));
        let made = self.made.entry(*log).or_insert_with(|| (state.clone(), Vec::new()));
        made.0 = state;
        made.1.push(entry);
    }

    /// Gives everything that was made in a log.
    pub(super) fn push(&self, world: &mut World, victim: usize, log: &LogId) {
        let Some((_, entries)) = self.made.get(log) else { return };
        let from = entries.len().saturating_sub(24);
        let bytes = batch::encode(&entries[from..], Signatures::All);
        self.tell_bytes(world, victim, push_of(&[bytes]));
    }
}

#[expect(clippy::too_many_arguments, reason = "a header has that many parts")]
pub(super) fn header_of(
    scope: ScopeId,
    place: Option<(LogId, u64, EntryId)>,
    hlc: Hlc,
    ctl: Option<Vec<EntryId>>,
    kind: u16,
    actor: Option<UserId>,
    body: &Body,
    refs: Vec<EntryId>,
) -> Header {
    Header {
        scope,
        log: place.map(|(log, ..)| log),
        seq: place.map_or(0, |(_, seq, _)| seq),
        prev: place.map(|(.., head)| head),
        hlc,
        ctl,
        kind,
        actor,
        body_len: body.bytes.len() as u32,
        body_commit: body.commitment(),
        refs,
        auth_proof: None,
        extra: Vec::new(),
    }
}

pub(super) fn push_of(batches: &[Vec<u8>]) -> Vec<u8> {
    Request::Push { batches: batches.iter().cloned().map(Into::into).collect() }.encode()
}

pub(super) fn choose<T: Clone>(world: &mut World, of: &[T]) -> Option<T> {
    (!of.is_empty()).then(|| of[world.below(of.len() as u64) as usize].clone())
}

pub(super) fn noise(world: &mut World) -> Vec<u8> {
    let bytes: [u8; 64] = world.random();
    let len = world.below(64) as usize;
    bytes[..len].to_vec()
}

/// Some bits the other way round, or the end cut off.
pub(super) fn spoil(world: &mut World, mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.is_empty() {
        return bytes;
    }
    for _ in 0..=world.below(3) {
        let at = world.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << world.below(8);
    }
    if world.below(4) == 0 {
        let len = world.below(bytes.len() as u64) as usize;
        bytes.truncate(len);
    }
    bytes
}
