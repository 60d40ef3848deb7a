//! Requests in both directions and their bounds.

use bytes::Bytes;
use libp2p::PeerId;
use libp2p::request_response::{Message, OutboundFailure};

use super::Service;
use crate::address::PeerKey;
use crate::event::{NetEvent, RequestToken};
use crate::frame::{Frame, FrameError};
use crate::lane::{Lane, LaneEvent};
use crate::limits;
use crate::net::{RequestError, RequestReply};
use crate::supervise::Lasting;

/// A request of ours that is under way.
pub(crate) struct Asked {
    peer: PeerId,
    reply: RequestReply,
}

/// A request of ours that waits for a slot.
pub(crate) struct Waiting {
    frame: Frame,
    reply: RequestReply,
}

impl Service {
    /// Asks a peer, now or when one of its slots is free.
    pub(super) fn request(&mut self, peer: PeerKey, lane: Lane, frame: Frame, reply: RequestReply, lasting: &Lasting) {
        // The one who asks may have given up: errors of sending the reply mean nothing.
        let id = peer.peer_id();
        if lane != Lane::Lifeline && lasting.lists.confined.contains(&peer) {
            let _ = reply.send(Err(RequestError::Refused));
            return;
        }
        let Some(peer) = self.peers.get_mut(&id) else {
            let _ = reply.send(Err(RequestError::Unreachable));
            return;
        };
        let waiting = peer.waiting.entry(lane).or_default();
        if waiting.len() >= limits::WAITING_REQUESTS_PER_PEER_MAX {
            let _ = reply.send(Err(RequestError::Busy));
            return;
        }
        waiting.push_back(Waiting { frame, reply });
        self.ask_next(id, lane);
    }

    /// Fills the free slots of a peer's lane.
    fn ask_next(&mut self, id: PeerId, lane: Lane) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let asking = peer.asking.entry(lane).or_default();
        let waiting = peer.waiting.entry(lane).or_default();
        while *asking < lane.under_way_max()
            && let Some(Waiting { frame, reply }) = waiting.pop_front()
        {
            if reply.is_closed() {
                continue;
            }
            let request = self.swarm.behaviour_mut().lane(lane).send_request(&id, frame);
            self.asked.insert((lane, request), Asked { peer: id, reply });
            *asking += 1;
        }
    }

    /// A peer is gone: nothing asked of it will be answered.
    pub(super) fn abandon_requests(&mut self, peer: &PeerId) {
        let gone = self.asked.extract_if(.., |_, asked| asked.peer == *peer);
        gone.for_each(|(_, asked)| {
            let _ = asked.reply.send(Err(RequestError::Unreachable));
        });
    }

    pub(super) fn on_lane(&mut self, lane: Lane, event: LaneEvent, lasting: &mut Lasting) {
        match event {
            LaneEvent::Message { peer, message: Message::Request { request, channel, .. }, .. } => {
                self.on_request(peer, lane, request, channel, lasting);
            }
            LaneEvent::Message { message: Message::Response { request_id, response }, .. } => {
                self.answered(lane, request_id, response.ok_or(RequestError::Refused));
            }
            LaneEvent::OutboundFailure { request_id, error, .. } => {
                self.answered(lane, request_id, Err(request_error(error)));
            }
            LaneEvent::InboundFailure { peer, .. } | LaneEvent::ResponseSent { peer, .. } => {
                if let Some(peer) = self.peers.get_mut(&peer) {
                    peer.answering = peer.answering.saturating_sub(1);
                }
            }
        }
    }

    fn answered(
        &mut self,
        lane: Lane,
        request: libp2p::request_response::OutboundRequestId,
        answer: Result<Frame, RequestError>,
    ) {
        let Some(Asked { peer, reply }) = self.asked.remove(&(lane, request)) else { return };
        let _ = reply.send(answer);
        if let Some(asking) = self.peers.get_mut(&peer).and_then(|peer| peer.asking.get_mut(&lane)) {
            *asking = asking.saturating_sub(1);
        }
        self.ask_next(peer, lane);
    }

    /// Hands a request to the node. Dropping the channel refuses: the stream ends without an answer.
    fn on_request(
        &mut self,
        id: PeerId,
        lane: Lane,
        request: Frame,
        channel: crate::lane::AnswerChannel,
        lasting: &mut Lasting,
    ) {
        // Not known: its connection is being closed because it was taken off the list.
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.answering += 1;
        let bytes: Bytes = match request.unpack(lane.request_limit()) {
            Ok(bytes) if peer.answering <= limits::INBOUND_REQUESTS_PER_PEER_MAX => bytes,
            _ => {
                self.status.requests_refused += 1;
                return;
            }
        };
        let token = RequestToken { lane, channel };
        if lasting.outbox.offer(NetEvent::Request { peer: peer.key, lane, token, bytes }).is_err() {
            self.status.requests_refused += 1;
        }
    }
}

fn request_error(error: OutboundFailure) -> RequestError {
    match error {
        OutboundFailure::Timeout => RequestError::Timeout,
        OutboundFailure::UnsupportedProtocols => RequestError::Refused,
        OutboundFailure::Io(error) => {
            let frame = error.get_ref().and_then(|inner| inner.downcast_ref::<FrameError>());
            frame.map_or(RequestError::Unreachable, |error| error.clone().into())
        }
        OutboundFailure::DialFailure | OutboundFailure::ConnectionClosed => RequestError::Unreachable,
    }
}
