//! Wishes about rights: nodes, homes, owners, cuts, the constitution.

use crate::ids::{EntryId, GroupId, NodeId, SiteId, UserId};

/// What an administrator, an owner or a person's home may want.
#[derive(Debug, Clone)]
pub enum Rights {
    /// The node gets nothing but the lifeline from now on (ruling A10).
    SuspendNode(NodeId),
    /// It is served again.
    ResumeNode(NodeId),
    /// The node is out for ever, once enough admins say so (N2).
    RevokeNode {
        /// The node.
        node: NodeId,
        /// Why, for all to read.
        reason: String,
    },
    /// Another site vouches for a person from now on (N6).
    Rehome {
        /// The person.
        user: UserId,
        /// The new home.
        site: SiteId,
    },
    /// An admin gives a group an owner (N7).
    Appoint {
        /// The group.
        group: GroupId,
        /// Its new owner.
        user: UserId,
    },
    /// What somebody removed wrote before, as far as it is held anywhere, counts after all (G12).
    KeepAll {
        /// The group.
        group: GroupId,
        /// The removal.
        removal: EntryId,
    },
    /// Tells the actor's own public signing key (ruling A12).
    TellKey([u8; 32]),
    /// Proposes other admins. In force at once where one signature is enough.
    Propose {
        /// All admins from then on.
        admins: Vec<UserId>,
        /// How many must sign the next change.
        threshold: u32,
        /// The actor's signing key; it is not kept.
        secret: [u8; 32],
    },
    /// Signs what another admin proposed.
    Sign {
        /// The proposal: the id of its revision.
        proposal: [u8; 32],
        /// The actor's signing key; it is not kept.
        secret: [u8; 32],
    },
    /// Makes the actor the one admin, by recovery keys (O5).
    Recover {
        /// Seeds of the recovery keys; they are not kept.
        keys: Vec<[u8; 32]>,
    },
    /// Writes again what did not count when it was written (G13).
    Resend(EntryId),
}
