//! Whom a node is connected to, as it tells its peers. A claim, never proved: who claims too much hears late, nobody else.

use crate::ids::NodeId;
use crate::limits::LINKS_MAX;
use minicbor::decode::Error;
use minicbor::{Decode, Decoder, Encode, Encoder};
use std::collections::BTreeSet;

/// The first eight bytes of a node's id. Somebody who looked for a key with the same ones would keep a statement of the
/// other from coming over third parties, for as long as both do not meet.
pub type Link = u64;

/// The link that stands for a node.
pub fn link(node: &NodeId) -> Link {
    node.0.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

/// All links of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links(BTreeSet<Link>);

impl Links {
    /// Whether the node said to be connected to this one.
    pub fn has(&self, node: &NodeId) -> bool {
        self.0.contains(&link(node))
    }
}

impl<'a> FromIterator<&'a NodeId> for Links {
    fn from_iter<I: IntoIterator<Item = &'a NodeId>>(nodes: I) -> Self {
        Self(nodes.into_iter().map(link).take(LINKS_MAX).collect())
    }
}

impl<C> Encode<C> for Links {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        self.0.iter().copied().collect::<Vec<Link>>().encode(e, ctx)
    }
}

impl<'b, C> Decode<'b, C> for Links {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, Error> {
        let links = Vec::<Link>::decode(d, ctx)?;
        // One form for one set, as everywhere in the codec.
        if links.len() > LINKS_MAX || !links.windows(2).all(|pair| pair[0] < pair[1]) {
            return Err(Error::message("links out of order or too many"));
        }
        Ok(Self(links.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;

    #[test]
    fn links_have_one_form() {
        let links: Links = [NodeId([7; 32]), NodeId([3; 32])].iter().collect();
        let bytes = codec::encode(&links);
        let read: Links = codec::decode("links", &bytes, 100).expect("read");
        assert_eq!(read, links);
        assert!(read.has(&NodeId([3; 32])) && !read.has(&NodeId([4; 32])));
        let twice = codec::encode(&vec![3u64, 3]);
        assert!(codec::decode::<Links>("links", &twice, 100).is_err());
    }
}
