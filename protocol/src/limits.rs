//! Every maximum in the system, each with its reason. Nothing foreign is read without one of these in front.

/// A header is small by design: nine ids at most, and a proof.
pub const HEADER_BYTES_MAX: usize = 2 * 1024;
/// Bigger content is a file, which travels on its own lane.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Length of the random salt that keeps a body's commitment from being guessed after erasure.
pub const SALT_BYTES: usize = 16;
/// A control frontier has one or two heads in practice; a `see` entry folds more.
pub const CTL_HEADS_MAX: usize = 8;
/// How many heads one `see` entry folds (ruling D4).
pub const SEE_HEADS_MAX: usize = 256;
/// Targets that indexing needs after the body is gone.
pub const REFS_MAX: usize = 16;
/// Room for a WebAuthn assertion.
pub const AUTH_PROOF_BYTES_MAX: usize = 1024;
/// An explicit `ctl` and a kept signature at least this often (ruling D4).
pub const EXPLICIT_EVERY_ENTRIES: u64 = 256;
/// Sites run NTP; five minutes forgives a bad one and bounds the damage of a lying one.
pub const CLOCK_AHEAD_MS_MAX: u64 = 5 * 60 * 1000;
/// A node far from its peers' time would only write entries that are held back.
pub const CLOCK_WARN_MS: u64 = 2 * 60 * 1000;
/// A node so far from its peers' time writes nothing.
pub const CLOCK_STOP_MS: u64 = 24 * 60 * 60 * 1000;
/// A group's control log: normal groups need tens of entries (§1.6).
pub const GROUP_CONTROL_SEQ_MAX: u64 = 2_000;
/// An organisation's control log of one node.
pub const ORG_CONTROL_SEQ_MAX: u64 = 20_000;
/// New incarnations come from restores and lost gates, a few in a node's life (ruling A6).
pub const INCARNATIONS_MAX: usize = 4_096;
/// Branches kept of a forked log (ruling A7).
pub const FORK_BRANCHES_MAX: usize = 8;
/// Entries held back because they come from the future.
pub const HELD_PER_PEER_MAX: usize = 1_000;
/// Bytes of entries held back of one writer.
pub const HELD_BYTES_PER_PEER_MAX: usize = 4 * 1024 * 1024;
/// Entries whose named control entries have not arrived.
pub const PENDING_MAX: usize = 20_000;

/// Entries in one batch: what one signature proves at a time.
pub const BATCH_ENTRIES_MAX: usize = 1024;
/// Bytes of headers and bodies in one batch before compression; a response inflates to at most 4 MiB.
pub const BATCH_BYTES_MAX: usize = 900 * 1024;
/// A request between nodes.
pub const REQUEST_BYTES_MAX: usize = 128 * 1024;
/// A response between nodes, inflated.
pub const RESPONSE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Logs named in one frontier: 200 sites with several incarnations.
pub const FRONTIER_LOGS_MAX: usize = 4_096;
/// Groups compared in one request.
pub const GROUPS_PER_REQUEST_MAX: usize = 1_000;
/// Scopes shared by two nodes: as many digests fit in an answer several times over.
pub const SHARED_SCOPES_MAX: usize = 16_384;
/// Bytes of frontiers in one answer; the scopes left over are asked for again.
pub const FRONTIER_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Ranges asked of one peer at once.
pub const RANGES_PER_PEER_MAX: usize = 4;
/// Ranges under way in all.
pub const RANGES_MAX: usize = 16;
/// A piece of a log asked for at once: what a batch holds at most. Pieces begin at multiples of it, where the control
/// frontier stands in the entry.
pub const PIECE_ENTRIES: u64 = BATCH_ENTRIES_MAX as u64;
/// The first piece of a log that is not here yet only says whose it is.
pub const FIRST_PIECE_ENTRIES: u64 = EXPLICIT_EVERY_ENTRIES;
/// A log that lacks more than this is filled from its newest entry down: below, all of it is here in a moment.
pub const BACKFILL_ENTRIES_MIN: u64 = 2 * PIECE_ENTRIES;
/// A range that is not answered in this time is asked of another peer, if one holds it.
pub const RANGE_SLOW_MS: u64 = 8_000;
/// Logs that one peer may claim to hold more of, at a time: what is beyond comes with the next round.
pub const WANTED_LOGS_PER_PEER_MAX: usize = FRONTIER_LOGS_MAX;
/// Calls to one peer without an answer; notes beyond are left to the next comparison.
pub const CALLS_PER_PEER_MAX: usize = 64;
/// Peers compare at least this often though nothing was announced.
pub const COMPARE_EVERY_MS: u64 = 60 * 1000;
/// The interval doubles while nothing changes, up to this (ruling B4).
pub const COMPARE_EVERY_MS_MAX: u64 = 30 * 60 * 1000;
/// Entries pushed to a peer in one message while live; more is announced and pulled.
pub const PUSH_ENTRIES_MAX: usize = 64;
/// A chunk of a file in one response.
pub const BLOB_CHUNK_BYTES: u32 = 512 * 1024;

/// Words of a person's own: a long report, not a book. Bigger texts are documents.
pub const TEXT_BYTES_MAX: usize = 100 * 1024;
/// Comments are answers.
pub const COMMENT_BYTES_MAX: usize = 20 * 1024;
/// Titles stand on one or two lines.
pub const TITLE_CHARS_MAX: usize = 200;
/// Names of people, groups and sites stand in menus.
pub const NAME_CHARS_MAX: usize = 120;
/// A group's purpose: four short answers.
pub const PURPOSE_CHARS_MAX: usize = 2_000;
/// A gallery and some files.
pub const ATTACHMENTS_MAX: usize = 30;
/// Files of a post in this version; larger ones come with resumable upload.
pub const FILE_BYTES_MAX: u64 = 25 * 1024 * 1024;
/// Names of files and folders: what the file systems of people's machines take.
pub const FILE_NAME_CHARS_MAX: usize = 200;
/// Files of the file space: a film of some hours, or the whole of a building's plans (§1.13).
pub const SPACE_FILE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Folders of one group: the tree is made anew for each look at it, in a millisecond for so many.
pub const FOLDERS_PER_GROUP_MAX: usize = 2_000;
/// How deep folders stand in each other: a path must fit the file systems of people's machines.
pub const FOLDER_DEPTH_MAX: usize = 16;
/// Files of one folder: a list is read whole, to be shown by name.
pub const FILES_PER_FOLDER_MAX: usize = 2_000;
/// Files of the file space up to this size are kept by every site of the group; of larger ones by their custodians, and
/// by others on demand (§1.12).
pub const KEPT_EVERYWHERE_BYTES_MAX: u64 = 5 * 1024 * 1024;
/// Nodes that keep a larger file beside the one where it was put in (§1.12).
pub const CUSTODIANS_BESIDE: usize = 2;
/// Members changed by one entry (G16).
pub const MEMBERS_PER_ENTRY_MAX: usize = 64;
/// Admins that a constitution may name (O1).
pub const ADMINS_MAX: usize = 15;
/// Recovery keys that a constitution may name (O1).
pub const RECOVERY_KEYS_MAX: usize = 5;
/// Items of one page of anything.
pub const PAGE_ITEMS_MAX: usize = 50;
/// Feeds of one group: each costs polling.
pub const SOURCES_PER_GROUP_MAX: usize = 200;
/// Length of a feed's address.
pub const URL_BYTES_MAX: usize = 2_048;
/// An erasure of another's words can be objected to for so long: three days, so that a weekend does not decide (ruling A5).
pub const OBJECTION_MS: u64 = 72 * 60 * 60 * 1000;
/// Records written anew in one step of erasing: some tens of milliseconds, so that people's requests go between.
pub const ERASE_RECORDS_PER_STEP: usize = 32;
/// Erasures that a statement names as not carried out yet; where there are more, none counts as carried out.
pub const UNERASED_MAX: usize = 1_024;
/// The longest retention that can be asked for: more than a career.
pub const KEEP_DAYS_MAX: u32 = 36_500;
/// Entries in one record: reading one of them reads them all.
pub const RECORD_ENTRIES_MAX: usize = 64;
/// Bytes of bodies in one record, for the same reason.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;
/// Peers that a node may name as connected: as many as it may be connected to, and more.
pub const LINKS_MAX: usize = 1_024;
/// Bytes pushed in one message: within a request's limit, encoded.
pub const PUSH_BYTES_MAX: usize = 96 * 1024;
/// A live message, sealed: the library's own limit is twice that (§4.2).
pub const GOSSIP_BYTES_MAX: usize = 60 * 1024;
/// Up to so many other nodes an entry is pushed to each of them; beyond, gossip carries it.
pub const PUSH_PEERS_MAX: usize = 8;
/// Epochs of a scope whose keys are kept: messages sealed under an older one are found by comparing.
pub const EPOCHS_KEPT: usize = 4;
/// A key is made anew after so many days.
pub const EPOCH_DAYS: u64 = 30;
/// Member nodes take turns at making a missing key, this far apart.
pub const EPOCH_RANK_MS: u64 = 3_000;
/// Nodes of one scope, each of which gets an epoch's key.
pub const EPOCH_NODES_MAX: usize = 1_024;
/// People of one site, unless its admission says otherwise (ruling A11): twice the largest organisation aimed at.
pub const SITE_USERS_MAX: u32 = 10_000;
/// Entries of one site in the organisation's control logs, over all incarnations: five changes a person.
pub const SITE_CONTROL_ENTRIES_MAX: u32 = 50_000;
/// Bytes a day of one site: a busy day of five thousand people, or the first fill of a large site.
pub const SITE_BYTES_A_DAY_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Logs that one removal or statement names: what fits a body. Of a person's removal those of their homes come first.
pub const CUTS_MAX: usize = 2_500;
/// Why a node was revoked: a sentence.
pub const REASON_CHARS_MAX: usize = 300;
/// The opening of a bundle: one sealed key of some hundred and twenty bytes for each node of the receiving site.
pub const BUNDLE_OPENING_BYTES_MAX: usize = 256 * 1024;
/// One record of a bundle: as much as a response between nodes, sealed.
pub const BUNDLE_RECORD_BYTES_MAX: usize = RESPONSE_BYTES_MAX + 64;
/// Statements in one record of a bundle, encoded; one alone may be a third of it.
pub const BUNDLE_HELDS_BYTES: usize = 1024 * 1024;
/// Files looked up at once for a bundle: rows read in one go.
pub const BUNDLE_FILES_PER_LOOK: usize = 500;
