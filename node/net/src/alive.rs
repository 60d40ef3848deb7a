//! Which connections are alive. Each is probed now and then, and at once when its peer comes by another one: after a
//! crash and restart QUIC alone would learn half a minute late that the old one is dead, and until then requests would go
//! there. Speaks libp2p's ping protocol; only silence counts as death, any reaction is a sign of life.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::future::{BoxFuture, FutureExt};
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::ReadyUpgrade;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::handler::{ConnectionEvent, FullyNegotiatedInbound, FullyNegotiatedOutbound};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour,
    NotifyHandler, SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{PeerId, Stream, StreamProtocol};
use tokio::time::Sleep;

use crate::limits;

const PROTOCOL: StreamProtocol = StreamProtocol::new("/ipfs/ping/1.0.0");
/// What one probe carries, by that protocol.
const PROBE_BYTES: usize = 32;

/// What a probe told.
#[derive(Debug)]
pub(crate) struct Heard {
    pub peer: PeerId,
    pub connection: ConnectionId,
    /// `None`: nothing was heard in time.
    pub round_trip: Option<Duration>,
}

/// The behaviour.
#[derive(Default)]
pub(crate) struct Alive {
    events: VecDeque<ToSwarm<Heard, Hurry>>,
}

impl Alive {
    /// Probes a connection now, with little patience. Call it from the swarm's own task, which polls afterwards.
    pub fn hurry(&mut self, peer: PeerId, connection: ConnectionId) {
        let handler = NotifyHandler::One(connection);
        self.events.push_back(ToSwarm::NotifyHandler { peer_id: peer, handler, event: Hurry });
    }
}

impl NetworkBehaviour for Alive {
    type ConnectionHandler = Handler;
    type ToSwarm = Heard;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(Handler::new())
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(&mut self, peer: PeerId, connection: ConnectionId, heard: THandlerOutEvent<Self>) {
        self.events.push_back(ToSwarm::GenerateEvent(Heard { peer, connection, round_trip: heard }));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.events.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Tells a connection to be probed now.
#[derive(Debug)]
pub(crate) struct Hurry;

/// Probes one connection and answers its peer's probes.
pub(crate) struct Handler {
    answering: Option<BoxFuture<'static, io::Result<Stream>>>,
    probe: Probe,
    /// When the next probe begins, or the one under way has failed.
    timer: Pin<Box<Sleep>>,
    patience: Duration,
    began: Instant,
}

enum Probe {
    Resting,
    Opening,
    Asked(BoxFuture<'static, io::Result<()>>),
    /// Nothing was heard: the connection is being closed.
    Over,
}

impl Handler {
    fn new() -> Handler {
        Handler {
            answering: None,
            probe: Probe::Resting,
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            patience: limits::PING_TIMEOUT,
            began: Instant::now(),
        }
    }

    fn rest(&mut self) {
        self.probe = Probe::Resting;
        self.patience = limits::PING_TIMEOUT;
        self.wake_in(limits::PING_INTERVAL);
    }

    fn wake_in(&mut self, pause: Duration) {
        self.timer.as_mut().reset(tokio::time::Instant::now() + pause);
    }

    fn answer(&mut self, cx: &mut Context<'_>) {
        let Some(answering) = &mut self.answering else { return };
        match answering.poll_unpin(cx) {
            Poll::Pending => {}
            Poll::Ready(Ok(stream)) => {
                self.answering = Some(answer(stream).boxed());
                // One answer a turn, so that a peer that asks without end does not keep the connection's task.
                cx.waker().wake_by_ref();
            }
            Poll::Ready(Err(_)) => self.answering = None,
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Hurry;
    type ToBehaviour = Option<Duration>;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), ())
    }

    fn on_behaviour_event(&mut self, _: Hurry) {
        self.patience = limits::HURRIED_PING_TIMEOUT;
        match self.probe {
            Probe::Resting => self.wake_in(Duration::ZERO),
            Probe::Opening | Probe::Asked(_) => self.wake_in(self.patience),
            Probe::Over => {}
        }
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Self::InboundProtocol, Self::OutboundProtocol>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound { protocol: mut stream, .. }) => {
                stream.ignore_for_keep_alive();
                self.answering = Some(answer(stream).boxed());
            }
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol: mut stream, .. }) => {
                stream.ignore_for_keep_alive();
                if matches!(self.probe, Probe::Opening) {
                    self.probe = Probe::Asked(ask(stream).boxed());
                }
            }
            ConnectionEvent::DialUpgradeError(failed) if matches!(self.probe, Probe::Opening) => match failed.error {
                // Left to our own patience.
                libp2p::swarm::StreamUpgradeError::Timeout => {}
                _ => self.rest(),
            },
            _ => {}
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, (), Self::ToBehaviour>> {
        self.answer(cx);
        if let Probe::Asked(asked) = &mut self.probe
            && let Poll::Ready(outcome) = asked.poll_unpin(cx)
        {
            self.rest();
            if outcome.is_ok() {
                return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(Some(self.began.elapsed())));
            }
        }
        if matches!(self.probe, Probe::Over) || self.timer.poll_unpin(cx).is_pending() {
            return Poll::Pending;
        }
        if matches!(self.probe, Probe::Resting) {
            self.probe = Probe::Opening;
            self.began = Instant::now();
            self.wake_in(self.patience);
            // The timer must hear of its new time.
            cx.waker().wake_by_ref();
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                protocol: SubstreamProtocol::new(ReadyUpgrade::new(PROTOCOL), ()),
            });
        }
        self.probe = Probe::Over;
        Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(None))
    }
}

async fn ask(mut stream: Stream) -> io::Result<()> {
    let mut probe: [u8; PROBE_BYTES] = rand::random();
    stream.write_all(&probe).await?;
    stream.flush().await?;
    stream.read_exact(&mut probe).await?;
    stream.close().await
}

async fn answer(mut stream: Stream) -> io::Result<Stream> {
    let mut probe = [0; PROBE_BYTES];
    stream.read_exact(&mut probe).await?;
    stream.write_all(&probe).await?;
    stream.flush().await?;
    Ok(stream)
}
