//! What the network room reads from strangers: frames, and addresses as text.

use crate::Target;
use bytes::Bytes;

#[path = "../../../node/net/src/address.rs"]
#[allow(dead_code, reason = "the whole room uses the rest")]
mod address;
#[path = "../../../node/net/src/frame.rs"]
#[allow(dead_code, reason = "the whole room uses the rest")]
mod frame;

/// The decoders.
pub const TARGETS: &[Target] =
    &[("frame", frame_from_the_wire), ("frame_round", frame_there_and_back), ("multiaddr", multiaddr)];

/// Small, so that the limits are met often.
const LIMIT: frame::Limit = frame::Limit { wire: 16 * 1024, plain: 64 * 1024 };

fn frame_from_the_wire(bytes: &[u8]) {
    let read = futures::executor::block_on(frame::Frame::read(&mut &bytes[..], LIMIT));
    if let Ok(Some(frame)) = read
        && let Ok(plain) = frame.unpack(LIMIT)
    {
        assert!(plain.len() <= LIMIT.plain, "nothing inflates beyond its limit");
    }
}

fn frame_there_and_back(bytes: &[u8]) {
    if let Ok(frame) = frame::Frame::pack(Bytes::copy_from_slice(bytes), LIMIT) {
        assert_eq!(frame.unpack(LIMIT).as_deref(), Ok(bytes), "what was packed is unpacked");
    }
}

fn multiaddr(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(address) = address::validate_multiaddr(&text) {
        assert_eq!(address::validate_multiaddr(&address).as_ref(), Ok(&address), "an address has one text");
    }
    let _ = address::address_parts(&text);
    let _ = address::parse_peer_id(&text);
}
