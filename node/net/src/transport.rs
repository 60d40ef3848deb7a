//! The transports: QUIC, and TCP with Noise and yamux, with names resolved. Knows keys and settings, no peers.

use std::io;
use std::time::Duration;

use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::{Boxed, OrTransport, timeout::TransportTimeout};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::{PeerId, Transport, dns, noise, quic, relay, tcp, yamux};

use crate::limits;
use crate::linger::Lingering;

/// Builds the transport, and what listens and dials over relays with it.
pub(crate) fn with_relays(
    keypair: &Keypair,
    prologue: &[u8],
) -> io::Result<(Boxed<(PeerId, StreamMuxerBox)>, relay::client::Behaviour)> {
    let (carried, behaviour) = relay::client::new(keypair.public().to_peer_id());
    let (security, streams) = upgrades(keypair, prologue)?;
    let carried = carried
        .upgrade(Version::V1Lazy)
        .authenticate(security)
        .multiplex(streams)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(Lingering(muxer))));
    let transport = OrTransport::new(carried, build(keypair, prologue)?).map(|either, _| either.into_inner());
    Ok((TransportTimeout::new(transport, limits::CONNECT_TIMEOUT).boxed(), behaviour))
}

fn upgrades(keypair: &Keypair, prologue: &[u8]) -> io::Result<(noise::Config, yamux::Config)> {
    let security = noise::Config::new(keypair).map_err(io::Error::other)?.with_prologue(prologue.to_vec());
    let mut streams = yamux::Config::default();
    streams.set_max_num_streams(limits::STREAMS_PER_CONNECTION_MAX);
    Ok((security, streams))
}

/// Builds the transport. The prologue is hashed into the Noise handshake: over TCP who has another one fails before
/// anything is exchanged. QUIC has no such thing; there the gate alone decides.
pub(crate) fn build(keypair: &Keypair, prologue: &[u8]) -> io::Result<Boxed<(PeerId, StreamMuxerBox)>> {
    let (security, streams) = upgrades(keypair, prologue)?;
    let both = || {
        let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
            .upgrade(Version::V1Lazy)
            .authenticate(security.clone())
            .multiplex(streams.clone())
            .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(Lingering(muxer))));
        let quic = quic::tokio::Transport::new(quic_config(keypair))
            .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(Lingering(muxer))));
        OrTransport::new(quic, tcp).map(|either, _| either.into_inner())
    };
    // A machine without resolver settings can still dial by IP address: its lookups fail one by one.
    let named = dns::tokio::Transport::system(both())
        .unwrap_or_else(|_| dns::tokio::Transport::custom(both(), Default::default(), Default::default()));
    Ok(TransportTimeout::new(named, limits::CONNECT_TIMEOUT).boxed())
}

fn quic_config(keypair: &Keypair) -> quic::Config {
    let mut config = quic::Config::new(keypair);
    config.max_idle_timeout = u32::try_from(limits::QUIC_IDLE_TIMEOUT.as_millis()).expect("half a minute");
    config.keep_alive_interval = limits::QUIC_KEEP_ALIVE;
    config.max_concurrent_stream_limit = limits::STREAMS_PER_CONNECTION_MAX as u32;
    config.max_stream_data = limits::QUIC_STREAM_WINDOW_BYTES;
    config.max_connection_data = limits::QUIC_CONNECTION_WINDOW_BYTES;
    config.handshake_timeout = Duration::from_secs(10);
    config
}
