//! Kind numbers of control entries, group and organisation alike. Data kinds stand in `group.rs`.

/// Opens a log.
pub const LOG_OPEN: u16 = 0x0001;
/// Folds many control heads into one (ruling D4).
pub const SEE: u16 = 0x0002;
/// A revision of the constitution.
pub const CONSTITUTION: u16 = 0x0010;
/// A site's name and company.
pub const SITE_SET: u16 = 0x0020;
/// Admits a node (N1).
pub const NODE_ADMIT: u16 = 0x0021;
/// Revokes a node for ever (N2).
pub const NODE_REVOKE: u16 = 0x0022;
/// Suspends a node (N2a, transport only by ruling A10).
pub const NODE_SUSPEND: u16 = 0x0023;
/// Ends a suspension.
pub const NODE_RESUME: u16 = 0x0024;
/// Registers a person at the home site (N5).
pub const USER_REGISTER: u16 = 0x0030;
/// Disables a person.
pub const USER_DISABLE: u16 = 0x0031;
/// Enables a person again.
pub const USER_ENABLE: u16 = 0x0032;
/// Moves a person to another site (N6).
pub const USER_REHOME: u16 = 0x0033;
/// Break-glass: an admin gives a group an owner (N7).
pub const APPOINT_OWNER: u16 = 0x0034;
/// A person's public signing key, told by the home (ruling A12).
pub const USER_KEY: u16 = 0x0035;
/// Creates a group and opens its creator's control log; the id of this entry is the group's.
pub const GROUP_CREATE: u16 = 0x0100;
/// Gives roles.
pub const GRANT: u16 = 0x0101;
/// Takes roles away.
pub const REVOKE: u16 = 0x0102;
/// A person leaves.
pub const LEAVE: u16 = 0x0103;
/// A person joins an open group (ruling D2).
pub const JOIN: u16 = 0x0104;
/// Name, purpose, access.
pub const GROUP_EDIT: u16 = 0x0105;
/// Replaces a revocation's cut (G12).
pub const AMEND_CUT: u16 = 0x0106;
/// Ends a forked log (ruling A7).
pub const LOG_SEAL: u16 = 0x0107;
/// A new epoch key, sealed to the member nodes.
pub const EPOCH_ROTATE: u16 = 0x0108;
/// The current epoch key for a node that joined (ruling D13).
pub const EPOCH_SHARE: u16 = 0x0109;
/// What a node held when it learned of a removal (ruling A2).
pub const SEEN: u16 = 0x010A;
/// First kind number that is not control.
pub const DATA: u16 = 0x0200;
