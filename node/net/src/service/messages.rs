//! Gossip: topics, messages out, messages in, verdicts.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use libp2p::gossipsub::{self, IdentTopic, MessageAcceptance};

use super::Service;
use crate::error::PublishError;
use crate::event::{GossipToken, NetEvent, Verdict};
use crate::supervise::Lasting;
use crate::{gossip, limits};

impl Service {
    pub(super) fn set_topics(&mut self, topics: &BTreeSet<String>) {
        if let Some(gossip) = self.swarm.behaviour_mut().gossip() {
            gossip::set_topics(gossip, topics);
        }
    }

    pub(super) fn publish(&mut self, topic: String, bytes: Bytes) -> Result<(), PublishError> {
        let gossip = self.swarm.behaviour_mut().gossip().ok_or(PublishError::Off)?;
        match gossip.publish(IdentTopic::new(topic), bytes) {
            Ok(_) => Ok(()),
            Err(gossipsub::PublishError::Duplicate) => Err(PublishError::Duplicate),
            Err(gossipsub::PublishError::AllQueuesFull(_)) => Err(PublishError::QueuesFull),
            Err(gossipsub::PublishError::MessageTooLarge) => {
                Err(PublishError::TooLarge { max: limits::GOSSIP_BYTES_MAX })
            }
            Err(error) => {
                tracing::debug!(%error, "not published");
                Err(PublishError::NoPeers)
            }
        }
    }

    pub(super) fn on_gossip(&mut self, event: gossipsub::Event, lasting: &mut Lasting) {
        let gossipsub::Event::Message { propagation_source, message_id, message } = event else { return };
        let Some(peer) = self.peers.get(&propagation_source) else { return };
        let verdict = if message.data.len() > limits::GOSSIP_BYTES_MAX {
            MessageAcceptance::Reject
        } else if let Ok(slot) = Arc::clone(&peer.unjudged).try_acquire_owned() {
            let token = GossipToken { message: message_id.clone(), from: propagation_source, _slot: slot };
            let (topic, bytes) = (message.topic.into_string(), message.data.into());
            if lasting.outbox.offer(NetEvent::Gossip { topic, from: peer.key, token, bytes }).is_ok() {
                return;
            }
            MessageAcceptance::Ignore
        } else {
            MessageAcceptance::Ignore
        };
        self.status.gossip_dropped += 1;
        if let Some(gossip) = self.swarm.behaviour_mut().gossip() {
            gossip.report_message_validation_result(&message_id, &propagation_source, verdict);
        }
    }

    pub(super) fn judge(&mut self, token: GossipToken, verdict: Verdict, lasting: &mut Lasting) {
        let Some(gossip) = self.swarm.behaviour_mut().gossip() else { return };
        let acceptance = match verdict {
            Verdict::Accept => MessageAcceptance::Accept,
            Verdict::Ignore => MessageAcceptance::Ignore,
            Verdict::Reject => MessageAcceptance::Reject,
        };
        gossip.report_message_validation_result(&token.message, &token.from, acceptance);
        if verdict == Verdict::Reject
            && gossip.peer_score(&token.from).is_some_and(|score| score < gossip::GRAYLIST_THRESHOLD)
            && let Some(peer) = self.peers.get_mut(&token.from)
            && !std::mem::replace(&mut peer.graylisted, true)
        {
            lasting.outbox.tell(NetEvent::Graylisted { peer: peer.key });
        }
    }
}
