//! Knocks at one address as another node would, outside the swarm, to tell a person how far one gets. Decides nothing.
//!
//! A node that admits us opens streams at once (who are you, are you alive); one that does not closes the connection
//! without any. So the first stream tells that the gate is open.

use std::io;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::poll_fn;
use libp2p::Transport;
use libp2p::core::Endpoint;
use libp2p::core::muxing::{StreamMuxerBox, StreamMuxerExt};
use libp2p::core::transport::{DialOpts, PortUse};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::address::{self, PeerKey};
use crate::error::NetError;
use crate::{limits, transport};

/// How far a knock got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Knock {
    /// Nothing answers.
    Silent,
    /// The machine answers that nothing listens at the port.
    Refused,
    /// Something answers that does not speak as a node of this organisation.
    Foreign,
    /// Another node answers.
    OtherNode,
    /// The node answers and shows us the door.
    NotAdmitted,
    /// The node lets us in.
    Admitted,
}

/// Knocks at an address where `peer` is expected; says how far it got and how long an answer took.
pub async fn knock(
    secret: &[u8; 32],
    org_tag: &[u8; 16],
    address: &str,
    peer: PeerKey,
) -> Result<(Knock, Duration), NetError> {
    let dialled = address::parse(address, Some(peer))?;
    let keypair = address::keypair(secret);
    let setup = |error: String| NetError::Setup { reason: error };
    let mut transport = transport::build(&keypair, org_tag).map_err(|error| setup(error.to_string()))?;
    let began = Instant::now();
    if let Ok((host, port, address::Transport::Tcp)) = address::address_parts(address) {
        match timeout(limits::KNOCK_TIMEOUT, TcpStream::connect((host.as_str(), port))).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                return Ok((Knock::Refused, began.elapsed()));
            }
            Ok(Err(_)) | Err(_) => return Ok((Knock::Silent, began.elapsed())),
        }
    }
    let options = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
    let dial = transport.dial(dialled, options).map_err(|error| setup(address::causes(&error)))?;
    let outcome = match timeout(limits::KNOCK_TIMEOUT, dial).await {
        // Over UDP silence is all that there is; over TCP somebody has accepted the connection.
        Err(_) => Knock::Silent,
        Ok(Err(error)) if is_silence(&error) => Knock::Silent,
        Ok(Err(error)) => {
            tracing::debug!(error = address::causes(&error), "knocked at a foreign door");
            Knock::Foreign
        }
        Ok(Ok((found, _))) if found != peer.peer_id() => Knock::OtherNode,
        Ok(Ok((_, muxer))) => is_admitted(muxer).await,
    };
    Ok((outcome, began.elapsed()))
}

fn is_silence(error: &io::Error) -> bool {
    let text = address::causes(error).to_lowercase();
    error.kind() == io::ErrorKind::TimedOut || text.contains("timeout") || text.contains("timed out")
}

async fn is_admitted(mut muxer: StreamMuxerBox) -> Knock {
    let told = poll_fn(|cx| {
        if let Poll::Ready(opened) = muxer.poll_inbound_unpin(cx) {
            return Poll::Ready(if opened.is_ok() { Knock::Admitted } else { Knock::NotAdmitted });
        }
        match muxer.poll_unpin(cx) {
            Poll::Ready(Err(_)) => Poll::Ready(Knock::NotAdmitted),
            Poll::Ready(Ok(_)) | Poll::Pending => Poll::Pending,
        }
    });
    let told = timeout(limits::KNOCK_TIMEOUT, told).await.unwrap_or(Knock::NotAdmitted);
    // Politeness: nobody is to wait for us. What it says no longer matters.
    let _ = timeout(limits::LEAVE_TIMEOUT, muxer.close().map(drop)).await;
    told
}
