//! The constitution: a chain of revisions, each signed by enough admins of the one before (O1–O6, ruling A1).
//!
//! Signatures decide, not who logs a revision: any node's log may carry it, and several may. Of two valid successors the
//! final one counts, else the one with the lower id.

use super::history::History;
use super::history::graph::{Past, Place};
use super::op::{Constitution, ConstitutionSigned, ControlOp};
use crate::codec;
use crate::ids::{EntryId, NodeId, OrgId, UserId};
use crate::keys::{self, Context, PublicKey, Purpose};
use crate::limits::{ADMINS_MAX, BODY_BYTES_MAX, NAME_CHARS_MAX, RECOVERY_KEYS_MAX};
use std::collections::{BTreeMap, BTreeSet};

/// The id of a revision: over its canonical bytes. That of revision 0 is the organisation's.
pub fn revision_id(revision: &[u8]) -> [u8; 32] {
    keys::derive(Purpose::Scope, &[revision])
}

/// A revision with where it is logged.
#[derive(Debug, Clone)]
pub(crate) struct Revision {
    pub(crate) id: [u8; 32],
    pub(crate) body: Constitution,
    /// The first entry of each chain of the graph that carries it.
    pub(crate) carriers: Vec<Place>,
}

impl Revision {
    /// Whether an entry with this past names it, directly or not.
    pub(crate) fn is_named_in(&self, past: Option<&Past>) -> bool {
        past.is_none_or(|past| self.carriers.iter().any(|place| past.has(*place)))
    }

    pub(crate) fn names_admin(&self, user: &UserId) -> bool {
        self.body.admins.iter().any(|admin| admin.user == *user)
    }
}

/// Two valid successors of one revision (S17).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Equivocation {
    /// Number of the revision.
    pub revision: u64,
    /// The one that counts.
    pub kept: [u8; 32],
    /// The one that does not.
    pub lost: [u8; 32],
    /// Who signed both.
    pub signers: Vec<PublicKey>,
}

/// The revisions that count, from 0 on, and those that lost.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chain {
    pub(crate) revisions: Vec<Revision>,
    pub(crate) lost: Vec<Revision>,
    pub(crate) equivocations: Vec<Equivocation>,
    /// Successors of the last one that wait for signatures, the lowest id first.
    pub(crate) proposals: Vec<Proposal>,
}

/// A revision that an admin proposed and too few have signed so far (ruling A12). Any admin's node may log a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its id.
    pub id: [u8; 32],
    /// What it would be.
    pub body: Constitution,
    /// Its canonical bytes: what is signed.
    pub revision: Vec<u8>,
    /// Who has signed, of those who may.
    pub signed: Vec<UserId>,
    /// How many must.
    pub needed: usize,
    /// The entry that proposed it, as far as is known.
    pub entry: EntryId,
}

/// All that is logged of one revision.
struct Logged {
    bytes: Vec<u8>,
    /// The entry that carries it and saw least.
    first: (u32, EntryId),
    body: Constitution,
    carriers: BTreeMap<u32, Place>,
    signatures: BTreeSet<(PublicKey, keys::SignatureBytes)>,
}

type Book = BTreeMap<[u8; 32], Logged>;

/// Entries of one node that may carry revisions; later ones are not read. Each costs up to twenty checks of signatures,
/// and no organisation changes its admins that often.
const CARRIERS_PER_NODE_MAX: usize = 64;
/// Proposals shown at once: admins talk to each other.
const PROPOSALS_MAX: usize = 32;

fn read_all(history: &History) -> Book {
    let mut book = Book::new();
    for index in carriers(history) {
        let ControlOp::Constitution(signed) = &history.entries()[index].op else { continue };
        let Some(body) = read(signed) else { continue };
        let place = history.graph().node(index).place;
        let logged = book.entry(revision_id(&signed.revision)).or_insert_with(|| Logged {
            bytes: signed.revision.clone(),
            first: (history.graph().node(index).height, history.entries()[index].id),
            body,
            carriers: BTreeMap::new(),
            signatures: BTreeSet::new(),
        });
        logged.first = logged.first.min((history.graph().node(index).height, history.entries()[index].id));
        logged.carriers.entry(place.chain()).or_insert(place);
        logged.signatures.extend(signed.signatures.iter().map(|one| (one.key, one.signature)));
    }
    book
}

/// Entries that carry revisions: of each node those that saw least, so that what comes later changes nothing.
fn carriers(history: &History) -> Vec<usize> {
    let mut by_node: BTreeMap<NodeId, BTreeSet<(u32, EntryId, usize)>> = BTreeMap::new();
    for (index, entry) in history.entries().iter().enumerate() {
        if matches!(entry.op, ControlOp::Constitution(_)) {
            let all = by_node.entry(entry.node).or_default();
            all.insert((history.graph().node(index).height, entry.id, index));
            if all.len() > CARRIERS_PER_NODE_MAX {
                all.pop_last();
            }
        }
    }
    by_node.into_values().flatten().map(|(_, _, index)| index).collect()
}

/// Reads a revision whose bytes are canonical and whose form is in order (O1, O2).
fn read(signed: &ConstitutionSigned) -> Option<Constitution> {
    let body: Constitution = codec::decode("constitution revision", &signed.revision, BODY_BYTES_MAX).ok()?;
    let canonical = codec::encode(&body) == signed.revision;
    (canonical && signed.signatures.len() <= ADMINS_MAX + RECOVERY_KEYS_MAX && is_well_formed(&body)).then_some(body)
}

/// Whether numbers, thresholds and names are in order (O1, O2).
pub(crate) fn is_well_formed(body: &Constitution) -> bool {
    let users: BTreeSet<_> = body.admins.iter().map(|admin| admin.user).collect();
    let keys: BTreeSet<_> = body.admins.iter().map(|admin| admin.key).collect();
    let recovery: BTreeSet<_> = body.recovery.iter().collect();
    let (admins, threshold) = (body.admins.len(), body.threshold as usize);
    let threshold_fits = match admins {
        1 => threshold == 1,
        2 => threshold == 1 || threshold == 2,
        _ => threshold > admins / 2 && threshold <= admins,
    };
    let recovery_fits = if body.recovery.is_empty() {
        body.recovery_threshold == 0
    } else {
        (1..=body.recovery.len()).contains(&(body.recovery_threshold as usize))
    };
    (1..=ADMINS_MAX).contains(&admins)
        && users.len() == admins
        && keys.len() == admins
        && body.recovery.len() <= RECOVERY_KEYS_MAX
        && recovery.len() == body.recovery.len()
        && threshold_fits
        && recovery_fits
        && body.name.chars().count() <= NAME_CHARS_MAX
        && (body.revision == 0) == body.founder.is_some()
        && (body.revision == 0) == body.parent.is_none()
}

/// Whether a revision by recovery keys changes only admins and recovery keys (O5).
fn keeps_the_rest(parent: &Constitution, child: &Constitution) -> bool {
    (&parent.name, parent.rules, parent.features) == (&child.name, child.rules, child.features)
}

/// Those who signed validly and may.
fn signers(org: &OrgId, id: &[u8; 32], logged: &Logged, parent: &Constitution) -> BTreeSet<PublicKey> {
    let may: BTreeSet<PublicKey> = if logged.body.by_recovery {
        parent.recovery.iter().copied().collect()
    } else {
        parent.admins.iter().map(|admin| admin.key).collect()
    };
    let mut found = BTreeSet::new();
    for (key, signature) in &logged.signatures {
        if may.contains(key) && !found.contains(key) && keys::verify(*key, Context::Constitution, org, id, signature) {
            found.insert(*key);
        }
    }
    found
}

impl Chain {
    /// Follows the revisions from the organisation's id.
    pub(crate) fn follow(org: OrgId, history: &History, final_by: FinalBy<'_>) -> Self {
        let book = read_all(history);
        let mut chain = Self::default();
        let mut next = book.get(&org.0).map(|logged| revision(org.0, logged));
        while let Some(current) = next.take() {
            let children = successors(&org, &book, &current);
            if children.is_empty() {
                chain.proposals = proposals(&org, &book, &current);
            }
            chain.revisions.push(current);
            let kept = chain.winner(&children, final_by);
            for (at, (child, child_signers)) in children.iter().enumerate() {
                if at == kept {
                    next = Some(child.clone());
                } else {
                    let both = children[kept].1.intersection(child_signers).copied().collect();
                    chain.equivocations.push(Equivocation {
                        revision: child.body.revision,
                        kept: children[kept].0.id,
                        lost: child.id,
                        signers: both,
                    });
                    chain.lost.push(child.clone());
                }
            }
        }
        chain
    }

    /// Which of the successors counts: a final one, else that with the lower id.
    fn winner(&self, children: &[Signed], final_by: FinalBy<'_>) -> usize {
        if children.len() < 2 {
            return 0;
        }
        let finals = (0..children.len()).filter_map(|candidate| {
            let mut trial = self.clone();
            trial.revisions.push(children[candidate].0.clone());
            let others = children.iter().enumerate().filter(|(at, _)| *at != candidate);
            let siblings: Vec<&Revision> = others.map(|(_, child)| &child.0).collect();
            final_by(&trial, &siblings).map(|seniority| (seniority, candidate))
        });
        finals.min().map_or(0, |(_, candidate)| candidate)
    }

    /// The revision in force now.
    pub(crate) fn last(&self) -> Option<&Revision> {
        self.revisions.last()
    }

    /// The revision under which an entry with this past stands (N8); `None` past = now.
    pub(crate) fn under(&self, past: Option<&Past>) -> Option<usize> {
        self.revisions.iter().rposition(|revision| revision.is_named_in(past))
    }

    /// Whether an entry with this past rests on a revision that lost, without knowing the one that won (N8).
    pub(crate) fn rests_on_lost(&self, past: &Past) -> bool {
        self.lost.iter().any(|lost| {
            lost.is_named_in(Some(past))
                && self
                    .revisions
                    .get(usize::try_from(lost.body.revision).unwrap_or(usize::MAX))
                    .is_none_or(|winner| !winner.is_named_in(Some(past)))
        })
    }
}

/// Those named as successors of a revision that lack signatures; of each signer only the first few.
fn proposals(org: &OrgId, book: &Book, parent: &Revision) -> Vec<Proposal> {
    let follows = |logged: &Logged| {
        logged.body.parent == Some(parent.id)
            && Some(logged.body.revision) == parent.body.revision.checked_add(1)
            && !logged.body.by_recovery
    };
    book.iter()
        .filter(|(_, logged)| follows(logged))
        .filter_map(|(id, logged)| {
            let keys = signers(org, id, logged, &parent.body);
            let named = parent.body.admins.iter().filter(|admin| keys.contains(&admin.key));
            let signed: Vec<UserId> = named.map(|admin| admin.user).collect();
            (!signed.is_empty()).then(|| Proposal {
                id: *id,
                body: logged.body.clone(),
                revision: logged.bytes.clone(),
                signed,
                needed: parent.body.threshold as usize,
                entry: logged.first.1,
            })
        })
        .take(PROPOSALS_MAX)
        .collect()
}

/// A revision with who signed it validly.
type Signed = (Revision, BTreeSet<PublicKey>);

/// Asked for a chain that ends in a candidate, and the candidate's siblings: whether it is final by ruling A1, and how
/// senior the most senior node is that stands for it (lower is more).
pub(crate) type FinalBy<'a> = &'a dyn Fn(&Chain, &[&Revision]) -> Option<(u32, EntryId)>;

fn revision(id: [u8; 32], logged: &Logged) -> Revision {
    Revision { id, body: logged.body.clone(), carriers: logged.carriers.values().copied().collect() }
}

/// The valid successors of a revision, the lowest id first.
fn successors(org: &OrgId, book: &Book, parent: &Revision) -> Vec<Signed> {
    book.iter()
        .filter(|(_, logged)| {
            logged.body.parent == Some(parent.id) && Some(logged.body.revision) == parent.body.revision.checked_add(1)
        })
        .filter_map(|(id, logged)| {
            let needed =
                if logged.body.by_recovery { parent.body.recovery_threshold } else { parent.body.threshold } as usize;
            if needed == 0 || (logged.body.by_recovery && !keeps_the_rest(&parent.body, &logged.body)) {
                return None;
            }
            let signers = signers(org, id, logged, &parent.body);
            (signers.len() >= needed).then(|| (revision(*id, logged), signers))
        })
        .collect()
}
