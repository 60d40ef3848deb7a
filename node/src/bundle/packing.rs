//! Items made smaller on their way into a bundle, before they are sealed: what is sealed cannot be. Knows sizes, and no
//! item's meaning.

use protocol::bundle::{BundleError, Item};
use protocol::limits::RESPONSE_BYTES_MAX;

/// Below this little is gained: ids, salts and signatures are random.
const PACK_BYTES_MIN: usize = 1_024;
/// The library's own choice between time and size: a bundle is made once and carried by hand.
const PACK_LEVEL: i32 = zstd::DEFAULT_COMPRESSION_LEVEL;

/// The item packed, if that makes it smaller; pictures and archives are packed already.
pub(super) fn packed(item: &Item) -> Option<Item> {
    if !matches!(item, Item::Entries { .. } | Item::Helds { .. } | Item::Piece { .. }) {
        return None;
    }
    let plain = item.to_bytes();
    if !(PACK_BYTES_MIN..=RESPONSE_BYTES_MAX).contains(&plain.len()) {
        return None;
    }
    let bytes = zstd::bulk::compress(&plain, PACK_LEVEL).ok().filter(|bytes| bytes.len() < plain.len())?;
    Some(Item::Packed { length: u32::try_from(plain.len()).ok()?, bytes: bytes.into() })
}

/// The item as it was before. What it may measure is known before anything is allocated.
///
/// # Errors
/// [`BundleError::Damaged`]: it is longer than an item can be, or something else than was said.
pub(super) fn unpacked(item: Item) -> Result<Item, BundleError> {
    let Item::Packed { length, bytes } = item else { return Ok(item) };
    let length = usize::try_from(length).ok().filter(|length| *length <= RESPONSE_BYTES_MAX);
    let length = length.ok_or(BundleError::Damaged)?;
    let plain = zstd::bulk::decompress(&bytes, length).map_err(|_| BundleError::Damaged)?;
    if plain.len() == length { Item::unpacked(&plain) } else { Err(BundleError::Damaged) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Item {
        Item::Piece { bytes: "la place de la gare ".repeat(500).into_bytes().into() }
    }

    fn parts(item: Item) -> (u32, Vec<u8>) {
        match item {
            Item::Packed { length, bytes } => (length, bytes.into()),
            other => panic!("not packed: {other:?}"),
        }
    }

    #[test]
    fn words_become_smaller_and_read_back() {
        let (length, bytes) = parts(packed(&text()).expect("words repeat"));
        assert!(bytes.len() < length as usize / 10);
        assert_eq!(unpacked(Item::Packed { length, bytes: bytes.into() }), Ok(text()));
    }

    #[test]
    fn what_gains_nothing_stays_as_it_is() {
        let mut state = 1_u64;
        let noise = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        });
        let noise = Item::Piece { bytes: noise.take(100_000).collect::<Vec<u8>>().into() };
        let short = Item::Piece { bytes: vec![7; 100].into() };
        for item in [noise, short, Item::End] {
            assert_eq!(packed(&item), None);
            assert_eq!(unpacked(item.clone()), Ok(item));
        }
    }

    #[test]
    fn what_claims_another_length_or_holds_another_item_is_damage() {
        let (length, bytes) = parts(packed(&text()).expect("words repeat"));
        for wrong in [length - 1, length + 1, u32::MAX] {
            assert_eq!(
                unpacked(Item::Packed { length: wrong, bytes: bytes.clone().into() }),
                Err(BundleError::Damaged)
            );
        }
        for inner in [Item::End, Item::Packed { length, bytes: bytes.into() }] {
            let plain = inner.to_bytes();
            let bytes = zstd::bulk::compress(&plain, 1).expect("memory suffices");
            let twice = Item::Packed { length: plain.len() as u32, bytes: bytes.into() };
            assert_eq!(unpacked(twice), Err(BundleError::Damaged));
        }
    }
}
