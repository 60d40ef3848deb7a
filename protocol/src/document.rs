//! Pages as documents written together: the only room that names automerge.
//!
//! A document is a function of the `page.change` entries that count in its group, in whatever order they arrive
//! (INV-06): [`Document::build`] makes it from all of them, [`Document::take`] adds one. Nothing reaches automerge that
//! `admission` has not found good; what goes wrong in automerge all the same puts this node's copy in quarantine and
//! changes no verdict (ruling A8).

mod admission;
mod chunk;
mod diff;
mod history;
mod index;
mod line;
mod order;
pub mod render;
mod saved;
mod schema;
mod write;

use crate::clock::Hlc;
use crate::ids::{EntryId, NodeId, UserId};
use crate::keys::{Purpose, derive};
use admission::{Judged, Read};
use automerge::transaction::{CommitOptions, Transactable};
use automerge::{ActorId, Automerge, Change, ChangeHash, ObjId, ObjType, ROOT, TextEncoding};
use index::{Draft, Head, Index};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use chunk::{deflated, plain};
pub use diff::{Part, compare};
pub use history::{Version, Written};
pub use index::{Actor, Hash};
pub use line::{Inline, Kind, Line, Marks};
pub use saved::{Front, Saved, digest};
pub use schema::{CHANGE_BYTES_MAX, CHANGES_PER_ENTRY_MAX, ENTRY_CHANGES_BYTES_MAX, OPS_PER_CHANGE_MAX};

/// Changes of one document that wait for others.
const WAITING_MAX: usize = 2_000;
/// Bytes of them.
const WAITING_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Changes of other nodes that are applied one at a time and proved by saving and loading while the document is so small.
const PROVED_BYTES_MAX: usize = 64 * 1024;
/// In larger documents every so many of them.
const PROVED_EVERY: u32 = 50;

/// What a loaded document takes though nothing stands in it (measured: 31 KiB).
const WEIGHT_EMPTY: usize = 32 * 1024;
/// What is known of a change beside its operations.
const WEIGHT_CHANGE: usize = 400;
/// An operation in automerge's columns and in ours.
const WEIGHT_OP: usize = 32;

/// Why a change never counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// An entry or change is over its limit.
    #[error("more bytes, changes or names than there may be")]
    Size,
    /// Not one uncompressed change of the known form.
    #[error("not an uncompressed change")]
    Chunk,
    /// It reads, but an honest writer would write it otherwise.
    #[error("not written as automerge writes it")]
    Encoding,
    /// More operations than a change may have, or than can be looked at.
    #[error("too many operations, or none")]
    TooMany,
    /// Written under a name that the entry's node did not give out.
    #[error("a foreign writer's name")]
    Actor,
    /// Not the writer's next change.
    #[error("not the next change of its writer")]
    Seq,
    /// Another change of this writer has its number and comes first.
    #[error("a second change with one number")]
    Twin,
    /// Operations are not numbered on from what it builds on.
    #[error("operations are numbered wrongly")]
    Start,
    /// It names an object, element or operation that it does not know of.
    #[error("something that it names does not exist for it")]
    Missing,
    /// The operation does not fit the object.
    #[error("an operation that its object does not have")]
    Kind,
    /// What it takes the place of stands elsewhere.
    #[error("takes the place of something else")]
    Pred,
    /// A mark without an end, or that ends before it begins.
    #[error("a mark that is not one")]
    Mark,
    /// Too deep.
    #[error("nested too deeply")]
    Nesting,
    /// Not what a page consists of.
    #[error("not what a page consists of")]
    Schema,
}

/// The writer's name of a session that a node gave out for a page. Nobody else can use it: entries bear their node.
pub fn actor(node: &NodeId, page: &EntryId, session: u64) -> Actor {
    let digest = derive(Purpose::DocumentActor, &[&node.0, &page.0, &session.to_be_bytes()]);
    let mut actor = [0; 16];
    actor.copy_from_slice(&digest[..16]);
    actor
}

/// What an entry with changes carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The entry.
    pub entry: EntryId,
    /// Who wrote it.
    pub author: UserId,
    /// The node whose log it stands in.
    pub node: NodeId,
    /// Its position there.
    pub seq: u64,
    /// When.
    pub hlc: Hlc,
    /// The session that the node gave out.
    pub session: u64,
    /// One act from beginning to end.
    pub whole: bool,
    /// The changes' bytes.
    pub changes: Vec<Vec<u8>>,
}

/// Where a change stands among others that claim its number: the lowest counts.
type Rank = (u64, u64, EntryId);

/// Who wrote a change, and when.
#[derive(Debug, Clone, Copy)]
struct Fact {
    author: Option<UserId>,
    hlc: Hlc,
    rank: Rank,
    whole: bool,
}

/// What came of an entry.
#[derive(Debug, Default)]
pub struct Taken {
    /// Changes that count from now on, in an order in which they can be applied; of this entry and of others that waited
    /// for it.
    pub applied: Vec<Vec<u8>>,
    /// Something of the entry never counts.
    pub malformed: Option<Malformed>,
    /// What counted before may not count any more: the document must be built anew.
    pub rebuild: bool,
}

/// What became of own changes.
#[derive(Debug, Default)]
pub struct Admitted {
    /// These are good and new: they are to be logged, in this order.
    pub fresh: Vec<Vec<u8>>,
    /// All that are good, new or known.
    pub kept: Vec<Hash>,
    /// Files that the new ones put into the page, as they are named there.
    pub files: Vec<String>,
    /// Those from the first that is not.
    pub refused: Vec<Hash>,
    /// Why that one is not; `None` when it waits for something that is not here.
    pub malformed: Option<Malformed>,
}

/// A change that waits, with who wrote it.
struct Waiting {
    bytes: Vec<u8>,
    fact: Fact,
}

/// A page's content.
pub struct Document {
    page: EntryId,
    doc: Automerge,
    text: ObjId,
    index: Index,
    facts: Vec<Fact>,
    entries: BTreeSet<EntryId>,
    sessions: BTreeMap<Actor, (u64, UserId)>,
    waiting: BTreeMap<Hash, Vec<Waiting>>,
    waiting_bytes: usize,
    /// Some could not be held: they are in the log.
    overflowed: bool,
    quarantined: bool,
    unproved: u32,
}

impl Document {
    /// An empty page. Its first change is the same at every node.
    pub fn new(page: EntryId) -> Self {
        let (doc, text, first) = first_change(&page);
        let rank = (0, 0, page);
        Self {
            page,
            doc,
            text,
            index: Index::new(first),
            facts: vec![Fact { author: None, hlc: Hlc(0), rank, whole: false }],
            entries: BTreeSet::new(),
            sessions: BTreeMap::new(),
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            overflowed: false,
            quarantined: false,
            unproved: 0,
        }
    }

    /// A page from all its entries, in any order.
    pub fn build(page: EntryId, carried: Vec<Carried>) -> Self {
        let mut document = Self::new(page);
        document.take_all(carried);
        document
    }

    /// Takes many entries at once, in any order.
    pub fn take_all(&mut self, carried: Vec<Carried>) -> Taken {
        let mut taken = Taken::default();
        let mut reads = Vec::new();
        for carried in carried {
            if self.entries.contains(&carried.entry) {
                continue;
            }
            self.note(&carried);
            let (good, malformed) = read_entry(&self.page, &carried);
            taken.malformed = taken.malformed.or(malformed);
            reads.extend(good);
        }
        // What a change builds on has lower numbers: in this order everything is decided when its turn comes.
        reads.sort_by_key(|(read, fact)| (read.change.start_op(), fact.rank));
        let mut batch = Vec::new();
        for (read, fact) in reads {
            self.submit(read, fact, &mut batch, &mut taken);
        }
        taken.rebuild |= self.overflowed && !batch.is_empty();
        taken.applied = batch.iter().map(|change| change.raw_bytes().to_vec()).collect();
        self.apply(batch);
        taken
    }

    /// Takes one more entry.
    pub fn take(&mut self, carried: &Carried) -> Taken {
        let mut taken = Taken::default();
        if self.entries.contains(&carried.entry) {
            return taken;
        }
        self.note(carried);
        let (reads, malformed) = read_entry(&self.page, carried);
        taken.malformed = malformed;
        let mut batch = Vec::new();
        for (read, fact) in reads {
            self.submit(read, fact, &mut batch, &mut taken);
        }
        taken.rebuild |= self.overflowed && !batch.is_empty();
        taken.applied = batch.iter().map(|change| change.raw_bytes().to_vec()).collect();
        self.apply(batch);
        self.prove();
        taken
    }

    /// Takes changes of an own session, which the caller logs before anybody hears of them. When that fails, this document
    /// is ahead of the log and must be built anew.
    pub fn admit(&mut self, session: u64, node: &NodeId, author: UserId, hlc: Hlc, changes: &[Vec<u8>]) -> Admitted {
        let expected = actor(node, &self.page, session);
        let mut admitted = Admitted::default();
        let mut batch = Vec::new();
        for (at, bytes) in changes.iter().enumerate() {
            let read = match admission::read(bytes) {
                Ok(read) if read.actor() == Some(expected) => Ok(read),
                Ok(read) => Err((Some(read.hash()), Malformed::Actor)),
                Err(malformed) => Err((None, malformed)),
            };
            let outcome = read.and_then(|read| match admission::judge(&self.index, &read) {
                Judged::Known => Ok((read.hash(), None)),
                Judged::Good(found) => Ok((read.hash(), Some((read, found)))),
                Judged::Twin(_) => Err((Some(read.hash()), Malformed::Twin)),
                Judged::Waits(_) => Err((Some(read.hash()), Malformed::Missing)),
                Judged::Bad(malformed) => Err((Some(read.hash()), malformed)),
            });
            match outcome {
                Ok((hash, found)) => {
                    admitted.kept.push(hash);
                    if let Some((read, found)) = found {
                        admitted.fresh.push(read.change.raw_bytes().to_vec());
                        admitted.files.extend(read.files());
                        let fact = Fact { author: Some(author), hlc, rank: (u64::MAX, 0, self.page), whole: false };
                        self.add(*found, fact);
                        batch.push(read.change);
                    }
                }
                Err((_, malformed)) => {
                    admitted.malformed = Some(malformed);
                    admitted.refused = changes[at..].iter().map(|bytes| hash_of(bytes)).collect();
                    break;
                }
            }
        }
        self.apply(batch);
        admitted
    }

    /// Notes that own changes stand in the log now: the entry itself brings nothing new.
    pub fn logged(&mut self, carried: &Carried) {
        self.note(carried);
        for (number, bytes) in (0..).zip(&carried.changes) {
            if let Some(at) = self.index.find(&hash_of(bytes)) {
                self.facts[at as usize] = Fact { rank: (carried.seq, number, carried.entry), ..fact_of(carried) };
            }
        }
    }

    fn note(&mut self, carried: &Carried) {
        self.entries.insert(carried.entry);
        let name = actor(&carried.node, &self.page, carried.session);
        self.sessions.entry(name).or_insert((carried.session, carried.author));
    }

    fn submit(&mut self, read: Read, fact: Fact, batch: &mut Vec<Change>, taken: &mut Taken) {
        let mut ready = vec![(read, fact)];
        while let Some((read, fact)) = ready.pop() {
            match admission::judge(&self.index, &read) {
                Judged::Good(found) => {
                    let hash = read.hash();
                    self.add(*found, fact);
                    batch.push(read.change);
                    ready.extend(self.release(&hash));
                }
                Judged::Known => self.prefer(&read.hash(), fact),
                Judged::Waits(missing) => self.hold(missing, read.change.raw_bytes(), fact),
                Judged::Twin(twin) => {
                    let known = self.rank_of(twin);
                    // The one that counted should not have: in the right order it comes later.
                    taken.rebuild |= (read.change.start_op().get(), fact.rank) < known;
                    taken.malformed = taken.malformed.or(Some(Malformed::Twin));
                }
                Judged::Bad(malformed) => taken.malformed = taken.malformed.or(Some(malformed)),
            }
        }
    }

    fn rank_of(&self, at: u32) -> (u64, Rank) {
        (self.index.changes[at as usize].start, self.facts[at as usize].rank)
    }

    /// The same change in two entries: the first one tells who wrote it.
    fn prefer(&mut self, hash: &Hash, fact: Fact) {
        if let Some(at) = self.index.find(hash)
            && fact.rank < self.facts[at as usize].rank
        {
            self.facts[at as usize] = fact;
        }
    }

    fn add(&mut self, (head, draft): (Head, Draft), fact: Fact) {
        self.index.add(head, draft);
        self.facts.push(fact);
    }

    fn hold(&mut self, missing: Hash, bytes: &[u8], fact: Fact) {
        let held: usize = self.waiting.values().map(Vec::len).sum();
        if held >= WAITING_MAX || self.waiting_bytes + bytes.len() > WAITING_BYTES_MAX {
            self.overflowed = true;
            return;
        }
        self.waiting_bytes += bytes.len();
        self.waiting.entry(missing).or_default().push(Waiting { bytes: bytes.to_vec(), fact });
    }

    fn release(&mut self, hash: &Hash) -> Vec<(Read, Fact)> {
        let released = self.waiting.remove(hash).unwrap_or_default();
        self.waiting_bytes -= released.iter().map(|waiting| waiting.bytes.len()).sum::<usize>();
        let read = |waiting: Waiting| Some((admission::read(&waiting.bytes).ok()?, waiting.fact));
        let mut reads: Vec<(Read, Fact)> = released.into_iter().filter_map(read).collect();
        // Taken from the end: the lowest first.
        reads.sort_by_key(|(read, fact)| std::cmp::Reverse((read.change.start_op(), fact.rank)));
        reads
    }

    /// Hands admitted changes to automerge. What goes wrong here is a fault that admission does not know: this copy is put
    /// in quarantine.
    fn apply(&mut self, batch: Vec<Change>) {
        if batch.is_empty() || self.quarantined {
            return;
        }
        self.unproved += batch.len() as u32;
        let doc = &mut self.doc;
        let applied = catch_unwind(AssertUnwindSafe(|| doc.apply_changes(batch)));
        let whole = matches!(applied, Ok(Ok(())));
        self.quarantined |= !whole || self.doc.get_heads().len() != self.index.heads_len();
    }

    /// Saves and loads what others wrote, where that is cheap, and now and then where it is not (INV-29).
    fn prove(&mut self) {
        if self.quarantined || self.unproved == 0 {
            return;
        }
        let cheap = self.index.changes.len() < 100;
        if !cheap && self.unproved < PROVED_EVERY {
            return;
        }
        self.unproved = 0;
        let doc = &self.doc;
        let loaded = catch_unwind(AssertUnwindSafe(|| {
            let bytes = doc.save();
            if cheap && bytes.len() > PROVED_BYTES_MAX {
                return true;
            }
            Automerge::load(&bytes).is_ok_and(|loaded| loaded.get_heads() == doc.get_heads())
        }));
        self.quarantined |= !loaded.unwrap_or(false);
    }

    // --- what is there --------------------------------------------------------------------------------------------

    /// Its page.
    pub fn page(&self) -> EntryId {
        self.page
    }

    /// Entries that were taken.
    pub fn entries(&self) -> &BTreeSet<EntryId> {
        &self.entries
    }

    /// Automerge did with it what it never should: it is shown no more and written no more at this node.
    pub fn is_quarantined(&self) -> bool {
        self.quarantined
    }

    /// Changes wait for others that are not here.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty() || self.overflowed
    }

    /// How many changes count.
    pub fn changes(&self) -> usize {
        self.index.changes.len() - 1
    }

    /// The newest changes, that nothing builds on.
    pub fn heads(&self) -> Vec<Hash> {
        self.index.heads()
    }

    /// How many changes of a writer count.
    pub fn count_of(&self, actor: &Actor) -> u32 {
        self.index.actor(actor).map_or(0, |actor| self.index.count_of(actor))
    }

    /// The session of a writer's name, and whose it is, as far as it has written something.
    pub fn session_of(&self, actor: &Actor) -> Option<(u64, UserId)> {
        self.sessions.get(actor).copied()
    }

    /// Roughly how much room it takes, in bytes.
    pub fn weight(&self) -> usize {
        let ops: u64 = self.index.changes.iter().map(|change| change.len).sum();
        WEIGHT_EMPTY + self.index.changes.len() * WEIGHT_CHANGE + ops as usize * WEIGHT_OP
    }

    /// Everything, as a browser loads it.
    pub fn save(&self) -> Vec<u8> {
        self.doc.save()
    }

    /// Changes beyond what stood at these heads; `None` when it does not know them all.
    pub fn since(&self, heads: &[Hash]) -> Option<Vec<Vec<u8>>> {
        if !heads.iter().all(|head| self.index.find(head).is_some()) {
            return None;
        }
        let heads: Vec<ChangeHash> = heads.iter().copied().map(ChangeHash).collect();
        Some(self.doc.get_changes(&heads).iter().map(|change| change.raw_bytes().to_vec()).collect())
    }

    /// Who wrote in it, the newest first.
    pub fn writers(&self) -> Vec<UserId> {
        let mut newest: BTreeMap<UserId, Hlc> = BTreeMap::new();
        for fact in &self.facts {
            if let Some(author) = fact.author {
                let at = newest.entry(author).or_insert(fact.hlc);
                *at = (*at).max(fact.hlc);
            }
        }
        let mut writers: Vec<(UserId, Hlc)> = newest.into_iter().collect();
        writers.sort_by_key(|(user, hlc)| (std::cmp::Reverse(*hlc), *user));
        writers.into_iter().map(|(user, _)| user).collect()
    }
}

/// The change that makes a page's text: its bytes depend on the page's id alone.
fn first_change(page: &EntryId) -> (Automerge, ObjId, Head) {
    let digest = derive(Purpose::DocumentActor, &[&page.0]);
    let mut actor = [0; 16];
    actor.copy_from_slice(&digest[..16]);
    let mut doc = Automerge::new_with_encoding(TextEncoding::Utf16CodeUnit);
    doc.set_actor(ActorId::from(&actor[..]));
    let mut transaction = doc.transaction();
    let text = transaction.put_object(ROOT, "text", ObjType::Text).expect("an empty document takes a text");
    transaction.commit_with(CommitOptions::default().with_time(0));
    let hash = doc.get_heads().first().map(|hash| hash.0).unwrap_or_default();
    (doc, text, Head { hash, actor, seq: 1, start: 1, len: 1, deps: Vec::new() })
}

fn fact_of(carried: &Carried) -> Fact {
    let rank = (carried.seq, 0, carried.entry);
    Fact { author: Some(carried.author), hlc: carried.hlc, rank, whole: carried.whole }
}

/// The changes of an entry that can be read and bear the right name, and why others cannot.
fn read_entry(page: &EntryId, carried: &Carried) -> (Vec<(Read, Fact)>, Option<Malformed>) {
    let sum: usize = carried.changes.iter().map(Vec::len).sum();
    if carried.changes.len() > CHANGES_PER_ENTRY_MAX || sum > ENTRY_CHANGES_BYTES_MAX {
        return (Vec::new(), Some(Malformed::Size));
    }
    let expected = actor(&carried.node, page, carried.session);
    let mut reads = Vec::new();
    let mut malformed = None;
    for (at, bytes) in (0..).zip(&carried.changes) {
        match admission::read(bytes) {
            Ok(read) if read.actor() == Some(expected) => {
                let fact = fact_of(carried);
                reads.push((read, Fact { rank: (carried.seq, at, carried.entry), ..fact }));
            }
            Ok(_) => malformed = malformed.or(Some(Malformed::Actor)),
            Err(why) => malformed = malformed.or(Some(why)),
        }
    }
    (reads, malformed)
}

/// The letters that changes put in, whether or not they count: what a person wrote, for that person.
pub fn words(changes: &[Vec<u8>]) -> String {
    changes.iter().filter_map(|bytes| admission::read(bytes).ok()).map(|read| read.words()).collect()
}

/// The hash that a change's bytes have, whether or not they are a change: what a browser calls it by.
pub fn hash_of(bytes: &[u8]) -> Hash {
    let read = catch_unwind(AssertUnwindSafe(|| {
        chunk::check(bytes).ok().and_then(|()| Change::from_bytes(bytes.to_vec()).ok())
    }));
    read.ok().flatten().map(|change| change.hash().0).unwrap_or_default()
}

#[cfg(test)]
mod tests;
