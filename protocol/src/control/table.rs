//! The one table of roles and acts.
//!
//! Nothing else in the project decides by role: evaluator, commands and interface all ask [`allows`], or [`permits`] where
//! the group's policy has a say.

use super::op::{Guests, Policy, Posting, Role};

/// Something a person may do in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// See what is there.
    Read,
    /// Set a reaction.
    React,
    /// Write a post.
    Post,
    /// Write a comment.
    Comment,
    /// Change or delete one's own post or comment.
    EditOwn,
    /// Delete anybody's.
    DeleteAny,
    /// Erase anybody's for good (ruling A5).
    EraseAny,
    /// Decide how long words and files are kept, and object to an erasure.
    Keep,
    /// Give the roles member, reader and guest.
    Invite,
    /// Take those roles away, or exchange them for lower ones.
    Remove,
    /// Give the role facilitator.
    GrantFacilitator,
    /// Take it away, or exchange it for a lower one.
    RemoveFacilitator,
    /// Give the role owner.
    GrantOwner,
    /// Take it away from a junior owner, or exchange it for a lower one.
    RemoveOwner,
    /// Add and remove feeds.
    ManageSources,
    /// Change name and purpose.
    EditGroup,
    /// Change who may see and join.
    ChangeAccess,
    /// Change who posts and what guests do.
    ChangePolicy,
    /// Change how much of a removed person's writing is kept.
    AmendCut,
    /// Enter an open group by oneself.
    Join,
    /// Leave.
    Leave,
}

impl Act {
    /// All of them, in order.
    pub const ALL: [Self; 21] = [
        Self::Read,
        Self::React,
        Self::Post,
        Self::Comment,
        Self::EditOwn,
        Self::DeleteAny,
        Self::EraseAny,
        Self::Keep,
        Self::Invite,
        Self::Remove,
        Self::GrantFacilitator,
        Self::RemoveFacilitator,
        Self::GrantOwner,
        Self::RemoveOwner,
        Self::ManageSources,
        Self::EditGroup,
        Self::ChangeAccess,
        Self::ChangePolicy,
        Self::AmendCut,
        Self::Join,
        Self::Leave,
    ];

    /// The act of giving this role.
    pub fn granting(role: Role) -> Self {
        match role {
            Role::Owner => Self::GrantOwner,
            Role::Facilitator => Self::GrantFacilitator,
            Role::Member | Role::Reader | Role::Guest => Self::Invite,
        }
    }

    /// The act of taking this role away.
    pub fn removing(role: Role) -> Self {
        match role {
            Role::Owner => Self::RemoveOwner,
            Role::Facilitator => Self::RemoveFacilitator,
            Role::Member | Role::Reader | Role::Guest => Self::Remove,
        }
    }
}

/// Whether the role permits the act (§2.4, ruling D17). Joining needs no role and so is permitted by none.
pub fn allows(role: Role, act: Act) -> bool {
    match act {
        Act::Read | Act::React | Act::Leave => true,
        Act::Comment | Act::EditOwn => role != Role::Reader,
        Act::Post => role <= Role::Member,
        Act::DeleteAny
        | Act::EraseAny
        | Act::Invite
        | Act::Remove
        | Act::AmendCut
        | Act::ManageSources
        | Act::EditGroup => role <= Role::Facilitator,
        Act::GrantFacilitator
        | Act::RemoveFacilitator
        | Act::GrantOwner
        | Act::RemoveOwner
        | Act::ChangeAccess
        | Act::Keep
        | Act::ChangePolicy => role == Role::Owner,
        Act::Join => false,
    }
}

/// Whether the role permits the act where this policy holds (G11). A policy only takes away.
pub fn permits(role: Role, act: Act, policy: Policy) -> bool {
    let forbidden = match act {
        Act::Post => policy.post == Posting::Facilitators && role > Role::Facilitator,
        Act::Comment => policy.guests == Guests::Read && role == Role::Guest,
        _ => false,
    };
    allows(role, act) && !forbidden
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 5] = [Role::Owner, Role::Facilitator, Role::Member, Role::Reader, Role::Guest];

    /// One row an act: owner, facilitator, member, reader, guest.
    const TABLE: [(Act, [u8; 5]); 21] = [
        (Act::Read, [1, 1, 1, 1, 1]),
        (Act::React, [1, 1, 1, 1, 1]),
        (Act::Post, [1, 1, 1, 0, 0]),
        (Act::Comment, [1, 1, 1, 0, 1]),
        (Act::EditOwn, [1, 1, 1, 0, 1]),
        (Act::DeleteAny, [1, 1, 0, 0, 0]),
        (Act::EraseAny, [1, 1, 0, 0, 0]),
        (Act::Keep, [1, 0, 0, 0, 0]),
        (Act::Invite, [1, 1, 0, 0, 0]),
        (Act::Remove, [1, 1, 0, 0, 0]),
        (Act::GrantFacilitator, [1, 0, 0, 0, 0]),
        (Act::RemoveFacilitator, [1, 0, 0, 0, 0]),
        (Act::GrantOwner, [1, 0, 0, 0, 0]),
        (Act::RemoveOwner, [1, 0, 0, 0, 0]),
        (Act::ManageSources, [1, 1, 0, 0, 0]),
        (Act::EditGroup, [1, 1, 0, 0, 0]),
        (Act::ChangeAccess, [1, 0, 0, 0, 0]),
        (Act::ChangePolicy, [1, 0, 0, 0, 0]),
        (Act::AmendCut, [1, 1, 0, 0, 0]),
        (Act::Join, [0, 0, 0, 0, 0]),
        (Act::Leave, [1, 1, 1, 1, 1]),
    ];

    #[test]
    fn every_role_may_do_exactly_what_the_table_says() {
        assert_eq!(TABLE.map(|(act, _)| act), Act::ALL);
        for (act, row) in TABLE {
            for (role, expected) in ROLES.into_iter().zip(row) {
                assert_eq!(allows(role, act), expected == 1, "{role:?} {act:?}");
            }
        }
    }

    #[test]
    fn a_policy_takes_posts_from_members_and_comments_from_guests_and_nothing_else() {
        let strict = Policy { post: Posting::Facilitators, guests: Guests::Read };
        for role in ROLES {
            for act in Act::ALL {
                let taken = matches!((role, act), (Role::Member, Act::Post) | (Role::Guest, Act::Comment));
                assert_eq!(permits(role, act, Policy::default()), allows(role, act), "{role:?} {act:?}");
                assert_eq!(permits(role, act, strict), allows(role, act) && !taken, "{role:?} {act:?}");
            }
        }
    }

    #[test]
    fn a_higher_role_may_do_all_that_a_lower_one_may() {
        for pair in ROLES[..4].windows(2) {
            for act in Act::ALL {
                assert!(pair[1] == Role::Reader || !allows(pair[1], act) || allows(pair[0], act), "{pair:?} {act:?}");
            }
        }
    }
}
