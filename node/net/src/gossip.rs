//! Gossip settings: `docs/protocol.md`, "gossipsub settings", as code. Knows topics as opaque text.

use std::collections::BTreeSet;
use std::time::Duration;

use libp2p::gossipsub::{
    self, ConfigBuilder, IdentTopic, IdentityTransform, MaxCountSubscriptionFilter, Message, MessageAuthenticity,
    MessageId, PeerScoreParams, PeerScoreThresholds, TopicHash, TopicScoreParams, TopicSubscriptionFilter,
    ValidationMode,
};

use crate::limits;

/// The gossip behaviour.
pub(crate) type GossipBehaviour = gossipsub::Behaviour<IdentityTransform, Filter>;

/// The context of the hash that names a message.
const MESSAGE_ID_CONTEXT: &str = "archipel 2026 gossip-msg v1";
/// Length of a message id: long enough that nobody can make two messages of one id.
const MESSAGE_ID_BYTES: usize = 20;

// Scores: mild. Only proven misdeeds count, and nothing earns credit.

/// What the square of the count of invalid messages is multiplied by.
const INVALID_WEIGHT: f64 = -10.0;
/// In ten minutes half of it is forgotten.
const INVALID_HALF_LIFE_SECONDS: f64 = 600.0;
/// Broken rules of the protocol that are overlooked.
const PENALTIES_OVERLOOKED: f64 = 6.0;
/// Below: no gossip about messages. Two invalid messages.
const GOSSIP_THRESHOLD: f64 = -39.0;
/// Below: own messages are not sent there. More than three invalid messages.
const PUBLISH_THRESHOLD: f64 = -100.0;
/// Below: everything from there is ignored. More than six invalid messages.
pub(crate) const GRAYLIST_THRESHOLD: f64 = -400.0;

/// Builds the behaviour.
pub(crate) fn behaviour() -> Result<GossipBehaviour, String> {
    let config = config().map_err(|error| error.to_string())?;
    let mut gossip =
        gossipsub::Behaviour::new_with_subscription_filter(MessageAuthenticity::Anonymous, config, filter())?;
    gossip.with_peer_score(peer_score(), thresholds())?;
    Ok(gossip)
}

fn config() -> Result<gossipsub::Config, gossipsub::ConfigBuilderError> {
    ConfigBuilder::default()
        .protocol_id_prefix("/archipel/gossip")
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(message_id)
        .max_transmit_size(limits::GOSSIP_FRAME_BYTES_MAX)
        .max_control_message_size(limits::GOSSIP_FRAME_BYTES_MAX)
        .max_publish_messages(limits::GOSSIP_MESSAGES_PER_FRAME_MAX)
        .mesh_n(6)
        .mesh_n_low(4)
        .mesh_n_high(12)
        .mesh_outbound_min(2)
        .heartbeat_interval(Duration::from_secs(1))
        .heartbeat_initial_delay(Duration::from_secs(2))
        .history_length(6)
        .history_gossip(3)
        .duplicate_cache_time(Duration::from_secs(5 * 60))
        .flood_publish(true)
        .idontwant_message_size_threshold(1000)
        .connection_handler_queue_len(limits::GOSSIP_QUEUE_MAX)
        .build()
}

/// Anonymous messages have neither author nor number, so that only their content can name them.
fn message_id(message: &Message) -> MessageId {
    let mut hash = blake3::Hasher::new_derive_key(MESSAGE_ID_CONTEXT);
    hash.update(message.topic.as_str().as_bytes());
    hash.update(&message.data);
    MessageId::new(&hash.finalize().as_bytes()[..MESSAGE_ID_BYTES])
}

fn peer_score() -> PeerScoreParams {
    PeerScoreParams {
        // Many sites share one NAT or VPN address.
        ip_colocation_factor_weight: 0.0,
        app_specific_weight: 0.0,
        behaviour_penalty_threshold: PENALTIES_OVERLOOKED,
        ..PeerScoreParams::default()
    }
}

fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: GOSSIP_THRESHOLD,
        publish_threshold: PUBLISH_THRESHOLD,
        graylist_threshold: GRAYLIST_THRESHOLD,
        accept_px_threshold: 0.0,
        opportunistic_graft_threshold: 0.0,
    }
}

/// The score of a topic: invalid messages alone. Delivery quotas would punish quiet groups.
fn topic_score() -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: 0.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: INVALID_WEIGHT,
        invalid_message_deliveries_decay: 0.5_f64.powf(1.0 / INVALID_HALF_LIFE_SECONDS),
        ..TopicScoreParams::default()
    }
}

/// Makes the topics of the behaviour those wanted.
pub(crate) fn set_topics(gossip: &mut GossipBehaviour, wanted: &BTreeSet<String>) {
    let held: BTreeSet<String> = gossip.topics().map(|topic| topic.as_str().to_owned()).collect();
    for left in held.difference(wanted) {
        gossip.unsubscribe(&IdentTopic::new(left));
    }
    for joined in wanted.difference(&held) {
        let topic = IdentTopic::new(joined);
        if let Err(error) = gossip.set_topic_params(topic.clone(), topic_score()) {
            tracing::warn!(%error, "a topic has no score");
        }
        if let Err(error) = gossip.subscribe(&topic) {
            tracing::warn!(%error, "a topic could not be joined");
        }
    }
}

/// Is this a topic as we write them?
pub(crate) fn is_topic(text: &str) -> bool {
    !text.is_empty() && text.len() <= limits::TOPIC_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Which announced topics of a peer are remembered: well-formed ones, up to a bound. The library drops a whole
/// announcement that exceeds the bound, so that it must be no lower than what `set_topics` is given.
///
/// Not only topics that we have ourselves: a peer announces its topics once, when it connects. Whoever joins a topic
/// later would not know who else has it, and the library ignores mesh offers of peers not known to have the topic.
type Filter = MaxCountSubscriptionFilter<WellFormed>;

/// Lets topics pass that are written as ours are.
#[derive(Clone, Default)]
pub(crate) struct WellFormed;

impl TopicSubscriptionFilter for WellFormed {
    fn can_subscribe(&mut self, topic: &TopicHash) -> bool {
        is_topic(topic.as_str())
    }
}

fn filter() -> Filter {
    MaxCountSubscriptionFilter {
        filter: WellFormed,
        max_subscribed_topics: limits::TOPICS_MAX,
        // Leaving all topics and joining as many others.
        max_subscriptions_per_request: 2 * limits::TOPICS_MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_accepted_by_the_library() {
        assert!(behaviour().is_ok());
        assert!(topic_score().validate().is_ok());
    }

    #[test]
    fn odd_topics_are_not_remembered() {
        let passes = |topic: &str| filter().can_subscribe(&TopicHash::from_raw(topic));
        assert!(passes(&"a".repeat(32)));
        assert!(!passes(&"a".repeat(33)));
        assert!(!passes(""));
        assert!(!passes("a b"));
    }
}
