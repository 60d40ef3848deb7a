//! Eve lies: a swarm that sends whatever bytes it likes on our protocols.

use std::io;
use std::time::Duration;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::{self, NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, StreamProtocol, Swarm, Transport, core, gossipsub, identify, noise, quic, tcp, yamux};

#[derive(Clone, Default)]
pub struct AnyBytes;

impl request_response::Codec for AnyBytes {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        io.take(64).read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        io.read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        io.write_all(&bytes).await
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()> {
        io.write_all(&bytes).await
    }
}

#[derive(NetworkBehaviour)]
pub struct Behaviour {
    pub sync: request_response::Behaviour<AnyBytes>,
    pub identify: identify::Behaviour,
    pub gossip: gossipsub::Behaviour,
}

pub type Eve = Swarm<Behaviour>;

/// A swarm with the key of a seed that mixes `tag` into its TCP handshakes.
pub fn eve(seed: u8, tag: &[u8; 16]) -> Eve {
    let keypair = Keypair::ed25519_from_bytes([seed; 32]).unwrap();
    let noise = noise::Config::new(&keypair).unwrap().with_prologue(tag.to_vec());
    let tcp = tcp::tokio::Transport::default()
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex(yamux::Config::default())
        .map(|(peer, muxer), _| (peer, core::muxing::StreamMuxerBox::new(muxer)));
    let quic = quic::tokio::Transport::new(quic::Config::new(&keypair))
        .map(|(peer, muxer), _| (peer, core::muxing::StreamMuxerBox::new(muxer)));
    let transport = core::transport::OrTransport::new(quic, tcp).map(|either, _| either.into_inner()).boxed();
    let protocol = (StreamProtocol::new("/archipel/sync/1"), ProtocolSupport::Full);
    let gossip = gossipsub::ConfigBuilder::default()
        .protocol_id_prefix("/archipel/gossip")
        .validation_mode(gossipsub::ValidationMode::Anonymous)
        .build()
        .unwrap();
    let mut behaviour = Behaviour {
        sync: request_response::Behaviour::new([protocol], request_response::Config::default()),
        identify: identify::Behaviour::new(identify::Config::new("p2p/1".to_owned(), keypair.public())),
        gossip: gossipsub::Behaviour::new(gossipsub::MessageAuthenticity::Anonymous, gossip).unwrap(),
    };
    behaviour.gossip.subscribe(&gossipsub::IdentTopic::new("0".repeat(32))).unwrap();
    let config = swarm::Config::with_tokio_executor().with_idle_connection_timeout(Duration::from_secs(60));
    Swarm::new(transport, behaviour, keypair.public().to_peer_id(), config)
}

/// A frame as our nodes write it, with any flag, length and body.
pub fn frame(claimed: usize, flag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(claimed).unwrap().to_be_bytes().to_vec();
    bytes.push(flag);
    bytes.extend_from_slice(body);
    bytes
}

/// A frame whose payload inflates to `bytes` zeros, written by hand: four bytes of zstd stand for 128 KiB.
pub fn bomb(bytes: u64) -> Vec<u8> {
    const BLOCK: u64 = 128 * 1024;
    // Magic, no content size, a window of 128 KiB.
    let mut body = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
    let mut left = bytes;
    while left > 0 {
        let size = left.min(BLOCK);
        left -= size;
        let head = (size << 3) | (1 << 1) | u64::from(left == 0);
        body.extend_from_slice(&head.to_le_bytes()[..3]);
        body.push(0);
    }
    frame(body.len() + 1, 1, &body)
}

/// Runs Eve until `pick` takes an event.
pub async fn until<T>(eve: &mut Eve, mut pick: impl FnMut(SwarmEvent<BehaviourEvent>) -> Option<T>) -> T {
    loop {
        if let Some(found) = pick(eve.select_next_some().await) {
            return found;
        }
    }
}

/// Connects Eve and waits until she believes it.
pub async fn connect(eve: &mut Eve, address: &str) {
    eve.dial(address.parse::<Multiaddr>().unwrap()).unwrap();
    until(eve, |event| matches!(event, SwarmEvent::ConnectionEstablished { .. }).then_some(())).await;
}
