//! Every maximum of the network room, each with its reason. Nothing here knows what the bytes mean.

use std::time::Duration;

// Frames. The wire sizes follow `docs/protocol.md`, "Catch-up"; the pairs are (on the wire, inflated).

/// Largest request on the sync lane: 256 entry ids or 1,000 group digests fit well below.
pub const REQUEST_BYTES_MAX: usize = 128 * 1024;
/// Largest request on the lifeline: "what is new in this log".
pub const LIFELINE_REQUEST_BYTES_MAX: usize = 16 * 1024;
/// Largest response on the sync and lifeline lanes as it travels: one batch.
pub const RESPONSE_WIRE_BYTES_MAX: usize = 1024 * 1024;
/// Largest response on the sync and lifeline lanes once inflated: text shrinks about four times.
pub const RESPONSE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest request on the blob lane: a blob id and a range.
pub const BLOB_REQUEST_BYTES_MAX: usize = 4 * 1024;
/// Largest response on the blob lane, on the wire and inflated: one chunk of 1 MiB and its proof.
pub const BLOB_RESPONSE_BYTES_MAX: usize = 1024 * 1024 + 64 * 1024;
/// Largest pairing frame: organisation control logs travel in pieces of at most this size.
pub const PAIR_FRAME_BYTES_MAX: usize = 1024 * 1024;
/// Below this size compressing costs more than it saves.
pub const COMPRESS_BYTES_MIN: usize = 128;
/// How much of a large payload is compressed on trial before all of it is.
pub const COMPRESS_SAMPLE_BYTES: usize = 32 * 1024;
/// zstd level: 3 gave the best ratio for the time in the measurements behind the design.
pub const COMPRESS_LEVEL: i32 = 3;

// Requests.

/// How long a request may take from its stream's opening to the end of its response.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a request may wait for a free slot and then be answered.
pub const REQUEST_TOTAL_TIMEOUT: Duration = Duration::from_secs(60);
/// Requests of one peer that we work on at once; more are refused.
pub const INBOUND_REQUESTS_PER_PEER_MAX: usize = 32;
/// Bytes of answers on their way to one peer; more are refused. Enough for all that an honest peer asks at once.
pub const ANSWER_BYTES_PER_PEER_MAX: usize = 20 * 1024 * 1024;
/// Our own requests to one peer on the sync lane under way at once: twice what the protocol asks for.
pub const SYNC_REQUESTS_PER_PEER_MAX: usize = 8;
/// Our own requests to one peer on the blob lane under way at once: fills a fast line with 1 MiB pieces.
pub const BLOB_REQUESTS_PER_PEER_MAX: usize = 8;
/// Our own requests to one peer on the lifeline under way at once: it is a conversation of one.
pub const LIFELINE_REQUESTS_PER_PEER_MAX: usize = 2;
/// Our own requests to one peer and lane that wait for a slot; more are `Busy`.
pub const WAITING_REQUESTS_PER_PEER_MAX: usize = 64;
/// Request streams per connection and lane, both directions: above what honest peers reach, see the counts above.
pub const REQUEST_STREAMS_PER_CONNECTION_MAX: usize = 32;

// Connections.

/// Inbound handshakes under way: each costs CPU before we know who it is.
pub const PENDING_INBOUND_MAX: u32 = 32;
/// Outbound dials under way.
pub const PENDING_OUTBOUND_MAX: u32 = 64;
/// Outbound dials that we start on our own at once: leaves room below `PENDING_OUTBOUND_MAX`.
pub const DIALS_AT_ONCE_MAX: usize = 32;
/// Connections in all: the scale target is 200 sites.
pub const ESTABLISHED_MAX: u32 = 256;
/// Connections of one peer: both sides may dial at once, and a relayed one lasts until a direct one stands. A further one
/// is admitted and the oldest closed.
pub const ESTABLISHED_PER_PEER_MAX: usize = 3;
/// Connections of one peer that are being closed and have not ended; with more, new ones are refused.
pub const ENDING_PER_PEER_MAX: usize = 2;
/// How long a second connection of a peer stays: until it is known which of them are alive, and nothing new goes there.
pub const TIDY_AFTER: Duration = Duration::from_secs(4);
/// Inbound streams whose protocol is being negotiated, per connection.
pub const NEGOTIATING_STREAMS_MAX: usize = 32;
/// Streams of one TCP connection; yamux ends a connection that exceeds it. QUIC has the same bound.
pub const STREAMS_PER_CONNECTION_MAX: usize = 128;
/// Unread bytes of one QUIC stream: two pieces of a file.
pub const QUIC_STREAM_WINDOW_BYTES: u32 = 2 * 1024 * 1024;
/// Unread bytes of one QUIC connection; 4 MiB still fill 300 Mbit/s at 100 ms. The library's 15 MB would break the
/// memory bound of a peer with four connections.
pub const QUIC_CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// A silent QUIC connection is dead after this long.
pub const QUIC_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How often QUIC says that it is alive; a third of the timeout above.
pub const QUIC_KEEP_ALIVE: Duration = Duration::from_secs(10);
/// A whole connection attempt, all layers.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A connection without open streams stays this long: quiet is normal here, see `docs/network.md`.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// How often a connection is probed: a cut cable shows on TCP only so.
pub const PING_INTERVAL: Duration = Duration::from_secs(15);
/// A probe unanswered for this long ends the connection.
pub const PING_TIMEOUT: Duration = Duration::from_secs(15);
/// The same where the peer has just come by another connection, so that little is lost.
pub const HURRIED_PING_TIMEOUT: Duration = Duration::from_secs(3);

/// How long one waits for each answer of an address that is tried for a person who looks at the screen.
pub const KNOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// Callers that wait for a round trip to one peer to be measured.
pub const SOUNDINGS_MAX: usize = 8;

// Strangers.

/// Failed attempts an address of strangers may make at once.
pub const STRANGER_BURST: f64 = 10.0;
/// Failed attempts an address of strangers gets back per second: ten a minute.
pub const STRANGER_REFILL_PER_SECOND: f64 = 10.0 / 60.0;
/// The same for an address from which a known peer came lately: its colleagues must not lock it out.
pub const FAMILIAR_BURST: f64 = 600.0;
/// Refill of the bucket above.
pub const FAMILIAR_REFILL_PER_SECOND: f64 = 10.0;
/// How long an address stays familiar after a known peer was authenticated from it.
pub const FAMILIAR_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// Addresses remembered at once; the one that owes least is forgotten first.
pub const ADDRESSES_REMEMBERED_MAX: usize = 4096;

// Dialling.

/// First pause after a failed dial (ruling B5).
pub const REDIAL_FIRST: Duration = Duration::from_secs(1);
/// Longest pause between dials (ruling B5).
pub const REDIAL_MAX: Duration = Duration::from_secs(15);
/// Peers whose connection is wanted: five times the scale target.
pub const PEERS_WANTED_MAX: usize = 1024;
/// Addresses kept per peer.
pub const ADDRESSES_PER_PEER_MAX: usize = 16;
/// Length of an address in text.
pub const ADDRESS_CHARS_MAX: usize = 300;
/// How long a listener that ended waits before it is opened again.
pub const RELISTEN_PAUSE: Duration = Duration::from_secs(5);

/// A connection that ended sooner was none: the next pause is longer, for a peer that lets nobody stay.
pub const SHORT_LIVED: Duration = Duration::from_secs(5);
/// First and longest pause before a direct connection is tried while a relayed one stands.
pub const DIRECT_FIRST: Duration = Duration::from_secs(5);
/// See `DIRECT_FIRST`.
pub const DIRECT_MAX: Duration = Duration::from_secs(60);

// Reaching each other (`docs/network.md`).

/// How often addresses not yet tested are given to a member to test.
pub const REACH_TEST_EVERY: Duration = Duration::from_secs(5);
/// Own addresses that others claim to have seen: a few networks, two transports each.
pub const CANDIDATES_MAX: usize = 32;
/// Members remembered as witnesses of one address.
pub const WITNESSES_MAX: usize = 8;
/// Members that must have reached an address before it counts: one may be mistaken, or lie.
pub const WITNESSES_NEEDED: usize = 2;
/// How long who is gone still counts as a witness: longer than a restart, shorter than a router keeps a new address.
pub const WITNESS_FOR: Duration = Duration::from_secs(10 * 60);
/// Relays that a node which nobody reaches asks for a reservation: one may fail.
pub const RELAYS_USED_MAX: usize = 2;
/// The pause before a relay that ended a reservation, or another one, is asked again.
pub const RELAY_PAUSE: Duration = Duration::from_secs(5);
/// Reservations that this node grants: more than the scale target of 200 sites.
pub const RESERVATIONS_MAX: usize = 256;
/// Reservations of one peer: one a connection.
pub const RESERVATIONS_PER_PEER_MAX: usize = ESTABLISHED_PER_PEER_MAX;
/// How long a reservation lasts; it is renewed in time.
pub const RESERVATION_FOR: Duration = Duration::from_secs(60 * 60);
/// Connections between others that pass through this node.
pub const CIRCUITS_MAX: usize = 64;
/// The same, begun by one peer.
pub const CIRCUITS_PER_PEER_MAX: usize = 4;
/// How long such a connection lasts: the library's two minutes would cut every catch-up.
pub const CIRCUIT_FOR: Duration = Duration::from_secs(60 * 60);
/// What such a connection may carry: a long catch-up. The library's 128 KiB would cut every one.
pub const CIRCUIT_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Tries of one peer to begin one, at once; a try comes back every `CIRCUIT_TRY_EVERY`, as often as a peer is dialled.
pub const CIRCUIT_TRIES_MAX: u32 = 120;
/// See above.
pub const CIRCUIT_TRY_EVERY: Duration = Duration::from_secs(5);

// Queues.

/// Commands waiting for the swarm.
pub const COMMANDS_MAX: usize = 256;
/// Events waiting for the node; what does not fit is refused or dropped, never queued without bound.
pub const EVENTS_MAX: usize = 512;
/// Gossip messages of one peer that the node has not judged yet, of at most 60 KiB each.
pub const UNJUDGED_PER_PEER_MAX: usize = 128;

// Gossip (`docs/protocol.md`, "gossipsub settings").

/// Topics one node may have, and one peer may announce.
pub const TOPICS_MAX: usize = 2048;
/// Length of a topic: 32 hex characters, so that the greeting with all topics fits the frame below.
pub const TOPIC_BYTES_MAX: usize = 32;
/// Largest message.
pub const GOSSIP_BYTES_MAX: usize = 60 * 1024;
/// Largest gossip frame: the greeting lists all topics, 2,048 of about 38 bytes.
pub const GOSSIP_FRAME_BYTES_MAX: usize = 128 * 1024;
/// Messages in one frame.
pub const GOSSIP_MESSAGES_PER_FRAME_MAX: usize = 64;
/// Messages waiting to be sent to one peer.
pub const GOSSIP_QUEUE_MAX: usize = 512;

// Supervision.

/// Panics within `PANIC_WINDOW` after which networking stays off.
pub const PANICS_MAX: usize = 3;
/// The window of the count above.
pub const PANIC_WINDOW: Duration = Duration::from_secs(10 * 60);
/// How long closing may take before what is left is cut.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The same for a process that ends: what it says last is sent at once, and waiting for ports is not its business.
pub const LEAVE_TIMEOUT: Duration = Duration::from_millis(250);
/// How long a start waits for the listeners to name their addresses.
pub const LISTEN_TIMEOUT: Duration = Duration::from_secs(2);

// Pairing.

/// Connections of a pairing swarm.
pub const PAIR_CONNECTIONS_MAX: u32 = 4;
/// Frames of one pairing connection that wait to be read.
pub const PAIR_FRAMES_WAITING_MAX: usize = 4;
/// A pairing connection outlives a ticket's 15 minutes, in which people compare digits in silence.
pub const PAIR_IDLE_TIMEOUT: Duration = Duration::from_secs(30 * 60);
