//! Pairing: a swarm of its own, open for as long as a ticket is, with one protocol and a handful of connections.
//! It carries opaque frames between two authenticated keys; tickets, proofs and digits are the caller's.
//!
//! The main swarm's list of peers is never relaxed for a newcomer. Whoever opened a connection here has proven nothing
//! but its own key: the caller must close connections that stay silent before their proof (60 s, `docs/protocol.md`).

mod hall;

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::address::{self, PeerKey};
use crate::error::NetError;
use crate::frame::{Frame, FrameError};
use crate::{limits, transport};
use hall::{Command, Hall};

/// The only protocol of a pairing swarm.
pub(crate) const PROTOCOL: &str = "/archipel/pair/1";
/// Hashed into the TCP handshake, so that main and pairing swarms never meet.
const PROLOGUE: &[u8] = b"archipel pairing 1";

/// Something that happened at a pairing listener.
#[derive(Debug)]
pub enum PairEvent {
    /// Somebody connected; who it is worth is still to be proven.
    Connected(PairConnection),
}

/// Why pairing frames do not travel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// Nobody answers at any of the addresses.
    #[error("nobody answers at the given addresses")]
    Unreachable,
    /// Somebody answers, but with another key than expected.
    #[error("another node answers at the given addresses")]
    WrongPeer,
    /// No connection, or no confirmation of a frame, in time.
    #[error("no answer in time")]
    Timeout,
    /// The connection ended.
    #[error("the connection ended")]
    Closed,
    /// A frame is empty or too large.
    #[error("a frame has 1 to {max} bytes")]
    Size {
        /// The limit.
        max: usize,
    },
    /// None of the addresses is usable, or the network cannot be set up.
    #[error("the network cannot be set up: {reason}")]
    Setup {
        /// Why.
        reason: String,
    },
}

/// An open door for newcomers. Dropped or closed, it ends its connections too.
#[derive(Debug)]
pub struct PairListener {
    addresses: Vec<String>,
    commands: mpsc::Sender<Command>,
}

/// A stream of frames in both directions with an authenticated key. Dropping it ends the connection.
#[derive(Debug)]
pub struct PairConnection {
    peer: PeerKey,
    address: String,
    frames: mpsc::Receiver<Bytes>,
    commands: mpsc::Sender<Command>,
}

impl PairListener {
    /// Opens the door. `secret` is the node's own key, which the ticket names.
    pub async fn open(
        secret: &[u8; 32],
        listen: &[String],
    ) -> Result<(PairListener, mpsc::Receiver<PairEvent>), NetError> {
        let addresses = listen.iter().map(|text| address::parse(text, None)).collect::<Result<Vec<_>, _>>()?;
        let (commands, command_queue) = mpsc::channel(limits::COMMANDS_MAX);
        let (events, event_queue) = mpsc::channel(limits::PAIR_CONNECTIONS_MAX as usize);
        let mut hall = Hall::new(secret, commands.downgrade(), events)
            .map_err(|error| NetError::Setup { reason: error.to_string() })?;
        let addresses = hall.listen(&addresses).await?;
        tokio::spawn(hall.run(command_queue));
        Ok((PairListener { addresses, commands }, event_queue))
    }

    /// Where the door is, interface by interface.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Closes the door and all connections that came through it.
    pub async fn close(self) {
        let (done, closed) = oneshot::channel();
        if self.commands.send(Command::Shut { done }).await.is_ok() {
            // The only error is that it is closed already.
            let _ = closed.await;
        }
    }
}

impl Drop for PairListener {
    fn drop(&mut self) {
        // The door must not stay open because somebody who came through it is still here. The queue is full only if
        // nobody reads it, and then the door is shut already.
        let (done, _) = oneshot::channel();
        let _ = self.commands.try_send(Command::Shut { done });
    }
}

/// Connects to the pairing listener of the peer that a ticket names. Returns only if that very key answers.
pub async fn pair_dial(
    secret: &[u8; 32],
    expected: PeerKey,
    addresses: &[String],
) -> Result<PairConnection, PairError> {
    let setup = |reason: String| PairError::Setup { reason };
    let addresses = address::parse_all(addresses, expected);
    if addresses.is_empty() {
        return Err(setup("no usable address".to_owned()));
    }
    let (commands, command_queue) = mpsc::channel(limits::COMMANDS_MAX);
    let (events, mut event_queue) = mpsc::channel(1);
    let mut hall = Hall::new(secret, commands.downgrade(), events).map_err(|error| setup(error.to_string()))?;
    tokio::time::timeout(DIAL_TIMEOUT, hall.dial(expected, addresses)).await.map_err(|_| PairError::Timeout)??;
    tokio::spawn(hall.run(command_queue));
    match event_queue.recv().await {
        Some(PairEvent::Connected(connection)) => Ok(connection),
        None => Err(PairError::Closed),
    }
}

/// How long all addresses of a ticket are tried.
const DIAL_TIMEOUT: Duration = Duration::from_secs(20);

impl PairConnection {
    /// The authenticated key at the other end.
    pub fn peer(&self) -> PeerKey {
        self.peer
    }

    /// Where the other end is, seen from here.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends a frame of 1 byte to 1 MiB; returns when the other end has it.
    pub async fn send(&mut self, bytes: Bytes) -> Result<(), PairError> {
        let size = PairError::Size { max: limits::PAIR_FRAME_BYTES_MAX };
        if bytes.is_empty() {
            return Err(size);
        }
        let frame = Frame::pack(bytes, hall::FRAME).map_err(|error| match error {
            FrameError::TooLarge { .. } | FrameError::Malformed => size,
        })?;
        let (reply, sent) = oneshot::channel();
        let command = Command::Send { peer: self.peer, frame, reply };
        self.commands.send(command).await.map_err(|_| PairError::Closed)?;
        sent.await.unwrap_or(Err(PairError::Closed))
    }

    /// The next frame; `None` once the connection has ended.
    pub async fn recv(&mut self) -> Option<Bytes> {
        let bytes = self.frames.recv().await?;
        // Tells that there is room for a frame that waits; with a full command queue the next beat does.
        let _ = self.commands.try_send(Command::Read { peer: self.peer });
        Some(bytes)
    }

    /// Ends the connection; the same as dropping it.
    pub fn close(self) {}
}

impl Drop for PairConnection {
    fn drop(&mut self) {
        // With a full command queue the next beat finds out.
        let _ = self.commands.try_send(Command::Leave { peer: self.peer });
    }
}
