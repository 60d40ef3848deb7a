//! Groups and their members.

use super::Shaper;
use super::person::{PersonRef, SiteRef};
use super::text;
use crate::http::network::ProgressShape;
use protocol::control::op::{self, Access as EngineAccess};
use protocol::engine::query::{GroupView, MemberView};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Unread posts are counted up to this; the UI shows "99+".
pub const UNREAD_MAX: usize = 100;

macro_rules! mirrored {
    ($(#[$doc:meta])* $name:ident of $engine:path { $($(#[$each:meta])* $variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($(#[$each])* $variant),* }

        impl From<$engine> for $name {
            fn from(value: $engine) -> Self {
                match value { $(<$engine>::$variant => Self::$variant),* }
            }
        }

        impl From<$name> for $engine {
            fn from(value: $name) -> Self {
                match value { $($name::$variant => <$engine>::$variant),* }
            }
        }
    };
}

mirrored! {
    /// A group's type.
    GroupKind of op::GroupKind {
        /// A natural team.
        Project,
        /// People of one trade.
        Trade,
        /// Bound to a site.
        Place,
        /// A shared interest.
        Theme,
        /// A product or service.
        Product,
        /// The organisation's visibility on the internet.
        Visibility,
        /// Everybody.
        General,
    }
}

mirrored! {
    /// Who sees and joins a group.
    Access of EngineAccess {
        /// Listed; anybody joins.
        Open,
        /// Listed; members are invited.
        Closed,
        /// Not listed; members are invited.
        Secret,
    }
}

mirrored! {
    /// What a person is in a group.
    Role of op::Role {
        /// Everything.
        Owner,
        /// Members, moderation, sources.
        Facilitator,
        /// Reads and writes.
        Member,
        /// Reads and reacts.
        Reader,
        /// From outside; sees only this group.
        Guest,
    }
}

mirrored! {
    /// Who writes posts.
    Posting of op::Posting {
        /// All members.
        Members,
        /// Facilitators and owners.
        Facilitators,
    }
}

mirrored! {
    /// What guests do.
    Guests of op::Guests {
        /// Read and comment.
        Comment,
        /// Read alone.
        Read,
    }
}

/// What owners forbid beside what roles forbid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Policy {
    /// Who writes posts.
    pub post: Posting,
    /// What guests do.
    pub guests: Guests,
}

impl From<op::Policy> for Policy {
    fn from(policy: op::Policy) -> Self {
        Self { post: policy.post.into(), guests: policy.guests.into() }
    }
}

impl From<Policy> for op::Policy {
    fn from(policy: Policy) -> Self {
        Self { post: policy.post.into(), guests: policy.guests.into() }
    }
}

/// A group by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GroupRef {
    /// 52 characters.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: GroupKind,
    /// Who sees and joins.
    pub access: Access,
}

impl GroupRef {
    /// Of the engine's view.
    pub fn of(view: &GroupView) -> Self {
        Self {
            id: view.id.to_string(),
            name: text::name(&view.name),
            kind: view.kind.into(),
            access: view.access.into(),
        }
    }
}

impl GroupRef {
    /// Of a group that the viewer no longer sees: its name as last known to them, nothing else.
    pub fn of_left(id: protocol::ids::GroupId, name: &str) -> Self {
        Self { id: id.to_string(), name: text::name(name), kind: GroupKind::Theme, access: Access::Secret }
    }
}

/// What the asker may do in a group.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct GroupMay {
    /// Write posts.
    pub post: bool,
    /// Write comments.
    pub comment: bool,
    /// Members, card, sources.
    pub manage: bool,
    /// Join.
    pub join: bool,
    /// Leave.
    pub leave: bool,
    /// Change the policy.
    pub change_policy: bool,
    /// Give the group an owner: administrators of the organisation who are not.
    pub appoint: bool,
    /// Decide how long it keeps words and files.
    pub keep: bool,
}

/// How long a group keeps words and files.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Retention {
    /// Days; null is for ever.
    pub days: Option<u32>,
    /// Under legal hold: nothing is wiped.
    pub hold: bool,
}

/// A group as the asker sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Group {
    /// Id, name, type, access.
    #[serde(flatten)]
    pub group: GroupRef,
    /// What it is for.
    pub purpose: String,
    /// What is forbidden beside what roles forbid.
    pub policy: Policy,
    /// The asker's role; null when not in.
    pub role: Option<Role>,
    /// What the asker may do.
    pub may: GroupMay,
    /// Null when this site does not hold the group.
    pub members: Option<usize>,
    /// Sites that have members.
    pub sites: Vec<SiteRef>,
    /// When it was created.
    pub created: String,
    /// Posts by others since the asker last read, up to 100.
    pub unread: usize,
    /// The newest post.
    pub last_activity: Option<String>,
    /// While entries of it are missing here.
    pub filling: Option<ProgressShape>,
    /// One of the organisation's own landmarks.
    pub official: bool,
    /// How long it keeps words and files.
    pub retention: Retention,
}

/// A member of a group.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Member {
    /// Who.
    pub person: PersonRef,
    /// As what.
    pub role: Role,
    /// Since when.
    pub since: String,
}

impl Shaper<'_> {
    /// A group.
    pub fn group(&self, view: &GroupView) -> Group {
        let unread = match view.role {
            Some(_) => {
                let mark = self.app.local.mark(self.viewer, view.id);
                self.reader.unread(self.viewer, view.id, mark, UNREAD_MAX)
            }
            None => 0,
        };
        Group {
            group: GroupRef::of(view),
            purpose: view.purpose.clone(),
            policy: view.policy.into(),
            role: view.role.map(Into::into),
            may: GroupMay {
                post: view.may.post,
                comment: view.may.comment,
                manage: view.may.manage,
                join: view.may.join,
                leave: view.may.leave,
                change_policy: view.may.change_policy,
                appoint: view.may.appoint,
                keep: view.may.keep,
            },
            members: view.members,
            sites: view.sites.iter().map(|site| self.site(*site)).collect(),
            created: text::time(view.created),
            unread,
            last_activity: view.last_activity.map(text::time),
            filling: view.filling.map(ProgressShape::from),
            official: matches!(view.kind, op::GroupKind::General | op::GroupKind::Visibility),
            retention: Retention { days: view.retention_days, hold: view.hold },
        }
    }

    /// A member.
    pub fn member(&self, view: &MemberView) -> Member {
        Member { person: self.person_ref(view.user), role: view.role.into(), since: text::time(view.since) }
    }
}
