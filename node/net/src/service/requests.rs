//! Requests in both directions and their bounds.

use bytes::Bytes;
use libp2p::PeerId;
use libp2p::core::upgrade::NegotiationError;
use libp2p::request_response::{Message, OutboundFailure, OutboundRequestId};

use super::Service;
use crate::address::PeerKey;
use crate::error::RequestError;
use crate::event::{NetEvent, RequestToken};
use crate::frame::{Frame, FrameError};
use crate::lane::{Lane, LaneEvent};
use crate::limits;
use crate::net::RequestReply;
use crate::supervise::Lasting;

/// A request of ours that is under way.
pub(crate) struct Asked {
    peer: PeerId,
    reply: RequestReply,
    /// The question, to ask it again when its connection ends.
    frame: Frame,
    /// How often that may happen: as often as the peer has other connections, all of which may be dead.
    again: usize,
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
            let request = self.swarm.behaviour_mut().lane(lane).send_request(&id, frame.clone());
            self.asked
                .insert((lane, request), Asked { peer: id, reply, frame, again: limits::ESTABLISHED_PER_PEER_MAX });
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
            LaneEvent::Message { peer, message: Message::Request { request_id, request, channel }, .. } => {
                let token = RequestToken { lane, peer, request: request_id, channel };
                self.on_request(token, request, lasting);
            }
            LaneEvent::Message { message: Message::Response { request_id, response }, .. } => {
                self.answered(lane, request_id, response.ok_or(RequestError::Refused));
            }
            LaneEvent::OutboundFailure { request_id, error: OutboundFailure::ConnectionClosed, .. }
                if self.ask_again(lane, request_id) => {}
            LaneEvent::OutboundFailure { request_id, error, .. } => {
                self.answered(lane, request_id, Err(request_error(error)));
            }
            LaneEvent::InboundFailure { peer, request_id, .. } | LaneEvent::ResponseSent { peer, request_id, .. } => {
                if let Some(peer) = self.peers.get_mut(&peer) {
                    peer.answering.remove(&(lane, request_id));
                }
            }
        }
    }

    /// A request ended with its connection: asked again over another one, if there is one. All requests bear that.
    fn ask_again(&mut self, lane: Lane, request: OutboundRequestId) -> bool {
        let Some(asked) = self.asked.get_mut(&(lane, request)) else { return false };
        if asked.again == 0 || self.peers.get(&asked.peer).is_none() {
            return false;
        }
        asked.again -= 1;
        let again = self.swarm.behaviour_mut().lane(lane).send_request(&asked.peer, asked.frame.clone());
        if let Some(asked) = self.asked.remove(&(lane, request)) {
            self.asked.insert((lane, again), asked);
        }
        true
    }

    fn answered(&mut self, lane: Lane, request: OutboundRequestId, answer: Result<Frame, RequestError>) {
        let Some(Asked { peer, reply, .. }) = self.asked.remove(&(lane, request)) else { return };
        let _ = reply.send(answer);
        if let Some(asking) = self.peers.get_mut(&peer).and_then(|peer| peer.asking.get_mut(&lane)) {
            *asking = asking.saturating_sub(1);
        }
        self.ask_next(peer, lane);
    }

    /// Hands a request to the node. Dropping the token refuses: the stream ends without an answer.
    fn on_request(&mut self, token: RequestToken, request: Frame, lasting: &mut Lasting) {
        // Not known: its connection is being closed because it was taken off the list.
        let Some(peer) = self.peers.get_mut(&token.peer) else { return };
        let lane = token.lane;
        peer.answering.insert((lane, token.request), 0);
        let bytes: Bytes = match request.unpack(lane.request_limit()) {
            Ok(bytes) if peer.answering.len() <= limits::INBOUND_REQUESTS_PER_PEER_MAX => bytes,
            _ => {
                self.status.requests_refused += 1;
                return;
            }
        };
        if lasting.outbox.offer(NetEvent::Request { peer: peer.key, lane, token, bytes }).is_err() {
            self.status.requests_refused += 1;
        }
    }

    /// Sends an answer, unless the peer already has too much to take.
    pub(super) fn respond(&mut self, token: RequestToken, frame: Frame) {
        let Some(peer) = self.peers.get_mut(&token.peer) else { return };
        let under_way: usize = peer.answering.values().sum();
        let Some(bytes) = peer.answering.get_mut(&(token.lane, token.request)) else { return };
        if under_way + frame.len() > limits::ANSWER_BYTES_PER_PEER_MAX {
            self.status.requests_refused += 1;
            return;
        }
        *bytes = frame.len();
        // The only error is that the peer is gone.
        let _ = self.swarm.behaviour_mut().lane(token.lane).send_response(token.channel, Some(frame));
    }
}

fn is_no_such_protocol(error: &NegotiationError) -> bool {
    matches!(error, NegotiationError::Failed)
}

fn request_error(error: OutboundFailure) -> RequestError {
    match error {
        OutboundFailure::Timeout => RequestError::Timeout,
        OutboundFailure::UnsupportedProtocols => RequestError::Refused,
        OutboundFailure::Io(error) => {
            let inner = error.get_ref();
            // The protocol is agreed on while the answer is read: a peer that has none of this name says so there.
            if inner.and_then(|inner| inner.downcast_ref()).is_some_and(is_no_such_protocol) {
                return RequestError::Refused;
            }
            let frame = inner.and_then(|inner| inner.downcast_ref::<FrameError>());
            frame.map_or(RequestError::Unreachable, |error| error.clone().into())
        }
        OutboundFailure::DialFailure | OutboundFailure::ConnectionClosed => RequestError::Unreachable,
    }
}
