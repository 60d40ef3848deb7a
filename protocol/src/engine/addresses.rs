//! Where peers can be reached: own records made, others' taken and passed on.

use super::effect::Effect;
use super::{Cx, Engine};
use crate::codec;
use crate::ids::NodeId;
use crate::store::Direction;
use crate::store::keys::{self, Key, table};
use crate::sync::address::{ADDRESS_BYTES_MAX, ADDRESSES_MAX, AddressRecord};
use crate::sync::message::Request;
use crate::sync::session::Asked;

/// Bytes of one record, generously.
const RECORD_ROW_BYTES_MAX: usize = ADDRESSES_MAX * (ADDRESS_BYTES_MAX + 8) + 256;
/// Records given to a peer in one message.
const RECORDS_PER_MESSAGE_MAX: usize = 64;
/// Own records within the window below: one a minute on average, and the few changes of a start at once.
const RECORDS_IN_WINDOW_MAX: usize = 3;
/// The window of the count above.
const RECORDS_WINDOW_MS: u64 = 180_000;
/// A node's records are at least this far apart in time; closer ones are refused, so that nobody floods all others.
const RECORDS_APART_MS: u64 = 5_000;

impl Engine {
    /// This node can be reached here from now on.
    pub(crate) fn listening(&mut self, cx: &mut Cx<'_>, addresses: Vec<String>) {
        self.own_addresses = addresses;
        self.state_addresses(cx);
    }

    /// Makes the own record anew if it changed and the last few are old enough, and gives it to all peers.
    pub(crate) fn state_addresses(&mut self, cx: &mut Cx<'_>) {
        let (Some(org), node) = (self.org(), self.node()) else { return };
        let known = self.address_record(cx, &node);
        if self.own_addresses.is_empty() || known.as_ref().is_some_and(|known| known.addresses == self.own_addresses) {
            return;
        }
        let earliest = known.map_or(0, |known| known.at + RECORDS_APART_MS);
        self.addresses_stated.retain(|at| cx.now.0 < at + RECORDS_WINDOW_MS);
        // A clock that went back must not silence the node: then the record is dated after the last one.
        let soon = earliest > cx.now.0 && earliest <= cx.now.0 + RECORDS_APART_MS;
        if soon || self.addresses_stated.len() >= RECORDS_IN_WINDOW_MAX {
            return;
        }
        let at = cx.now.0.max(earliest);
        self.addresses_stated.push(cx.now.0);
        let record = AddressRecord::sign(at, self.own_addresses.clone(), &org, &self.identity.key);
        cx.tx.put(&keys::address(&node), &codec::encode(&record));
        let peers: Vec<NodeId> = self.sessions.keys().copied().collect();
        for peer in peers {
            self.call(cx, peer, &Request::Addresses { records: vec![record.clone()] }, Asked::Note);
        }
    }

    fn address_record(&self, cx: &Cx<'_>, node: &NodeId) -> Option<AddressRecord> {
        codec::decode("address row", &cx.tx.get(&keys::address(node))?, RECORD_ROW_BYTES_MAX).ok()
    }

    fn address_records(&self, cx: &Cx<'_>) -> Vec<AddressRecord> {
        let (from, to) = Key::of(table::ADDRESS).prefix();
        let rows = cx.tx.range(&from, &to, crate::limits::FRONTIER_LOGS_MAX, Direction::Forward);
        rows.iter().filter_map(|(_, row)| codec::decode("address row", row, RECORD_ROW_BYTES_MAX).ok()).collect()
    }

    /// Tells the caller where everybody was last known to be.
    pub(crate) fn recall_addresses(&mut self, cx: &mut Cx<'_>) {
        let own = self.node();
        for record in self.address_records(cx).into_iter().filter(|record| record.node != own) {
            cx.effects.push(Effect::Addresses { node: record.node, addresses: record.addresses });
        }
    }

    /// A peer that has just greeted learns all addresses known here.
    pub(crate) fn give_addresses(&mut self, cx: &mut Cx<'_>, peer: NodeId) {
        let records: Vec<AddressRecord> =
            self.address_records(cx).into_iter().filter(|record| record.node != peer && record.at > 0).collect();
        for chunk in records.chunks(RECORDS_PER_MESSAGE_MAX) {
            self.call(cx, peer, &Request::Addresses { records: chunk.to_vec() }, Asked::Note);
        }
    }

    /// Takes a record and passes news on.
    pub(crate) fn take_addresses(&mut self, cx: &mut Cx<'_>, from: NodeId, record: AddressRecord) {
        let Some(org) = self.org() else { return };
        let known = self.address_record(cx, &record.node).map(|known| known.at).filter(|at| *at > 0);
        let member = self.view.org_state().is_some_and(|state| state.connectable().any(|node| node == record.node));
        if record.node == self.node()
            || !member
            || known.is_some_and(|known| record.at < known + RECORDS_APART_MS)
            || record.at > cx.now.0 + crate::limits::CLOCK_AHEAD_MS_MAX
            || !record.is_valid(&org)
        {
            return;
        }
        cx.tx.put(&keys::address(&record.node), &codec::encode(&record));
        cx.effects.push(Effect::Addresses { node: record.node, addresses: record.addresses.clone() });
        let peers: Vec<NodeId> =
            self.sessions.keys().copied().filter(|peer| *peer != from && *peer != record.node).collect();
        for peer in peers {
            self.call(cx, peer, &Request::Addresses { records: vec![record.clone()] }, Asked::Note);
        }
    }

    /// What a pairing told of a node's whereabouts, until its own record arrives.
    pub(crate) fn hint_addresses(&mut self, cx: &mut Cx<'_>, node: NodeId, addresses: Vec<String>) {
        if self.address_record(cx, &node).is_none() {
            let record = AddressRecord { node, at: 0, addresses: addresses.clone(), signature: [0; 64] };
            cx.tx.put(&keys::address(&node), &codec::encode(&record));
        }
        cx.effects.push(Effect::Addresses { node, addresses });
    }
}
