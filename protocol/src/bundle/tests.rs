//! Bundles at the byte: what was changed, moved, left out or cut is noticed, and nothing panics.

use super::*;
use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng;

const ORG: OrgId = OrgId([1; 32]);
const TAG: [u8; 16] = [2; 16];
const SITE: SiteId = SiteId([3; 16]);
const BEN: NodeId = NodeId([4; 32]);
const SECRET: [u8; 32] = [5; 32];

fn items() -> Vec<Item> {
    vec![
        Item::Entries { batches: vec![vec![1, 2, 3].into()] },
        Item::File { blob: BlobId([6; 32]), size: 4 },
        Item::Piece { bytes: vec![7; 4].into() },
        Item::End,
    ]
}

/// The frames of a small bundle, the opening first.
fn made() -> Vec<Vec<u8>> {
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    let ann = SecretKey::from_seed(&[9; 32]);
    let readers = [(NodeId([8; 32]), keys::sealing_public(&[8; 32])), (BEN, keys::sealing_public(&SECRET))];
    let (opening, key) = begin(&ORG, TAG, &ann, (SITE, 77), &readers, &mut rng).expect("good keys");
    let mut sealer = Sealer::new(key);
    let mut frames = vec![opening];
    frames.extend(items().iter().map(|item| sealer.seal(item)));
    frames
}

/// All items up to the first thing that is wrong, given in pieces of so many bytes.
fn read(bytes: &[u8], piece: usize) -> (Vec<Item>, Result<(), BundleError>) {
    let mut found = Vec::new();
    let outcome = read_into(bytes, piece, &mut found);
    (found, outcome)
}

fn read_into(bytes: &[u8], piece: usize, found: &mut Vec<Item>) -> Result<(), BundleError> {
    let mut frames = Frames::default();
    let mut opener: Option<Opener> = None;
    for piece in bytes.chunks(piece) {
        frames.push(piece);
        if opener.is_none() {
            let Some(opened) = frames.opening()? else { continue };
            if !opened.is_signed(&ORG) {
                return Err(BundleError::Damaged);
            }
            opener = Some(Opener::new(opened.key(&BEN, &SECRET).ok_or(BundleError::Damaged)?));
        }
        let Some(opener) = &mut opener else { continue };
        while let Some(record) = frames.record()? {
            found.push(opener.open(&record)?);
        }
    }
    match opener {
        Some(opener) if opener.is_over() && frames.is_empty() => Ok(()),
        Some(opener) if opener.is_over() => Err(BundleError::Damaged),
        _ => Err(frames.ended()),
    }
}

#[test]
fn what_was_sealed_opens_for_its_readers_alone_in_pieces_of_any_size() {
    let bytes = made().concat();
    for piece in [1, 2, 7, bytes.len()] {
        assert_eq!(read(&bytes, piece), (items(), Ok(())), "pieces of {piece}");
    }
    let mut frames = Frames::default();
    frames.push(&bytes);
    let opened = frames.opening().expect("good").expect("whole");
    assert!(opened.is_signed(&ORG) && !opened.is_signed(&OrgId([2; 32])));
    assert_eq!(opened.opening.to, SITE);
    assert_eq!(opened.key(&BEN, &[6; 32]), None, "another secret");
    assert_eq!(opened.key(&NodeId([7; 32]), &SECRET), None, "another node");
}

#[test]
fn every_cut_and_every_flipped_bit_is_noticed_and_what_came_before_is_as_it_was_made() {
    let bytes = made().concat();
    for cut in 0..bytes.len() {
        let (found, outcome) = read(&bytes[..cut], 64);
        assert!(outcome.is_err(), "cut at {cut}");
        assert_eq!(found, items()[..found.len()], "cut at {cut}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let (found, outcome) = read(&changed, 64);
        assert!(outcome.is_err(), "bit {bit}");
        assert_eq!(found, items()[..found.len()], "bit {bit}");
    }
}

#[test]
fn records_that_are_moved_repeated_left_out_or_added_do_not_open() {
    let good = made();
    let with = |order: &[usize]| read(&order.iter().flat_map(|at| good[*at].clone()).collect::<Vec<u8>>(), 64).1;
    assert_eq!(with(&[0, 1, 2, 3, 4]), Ok(()));
    assert_eq!(with(&[0, 2, 1, 3, 4]), Err(BundleError::Damaged));
    assert_eq!(with(&[0, 1, 1, 2, 3, 4]), Err(BundleError::Damaged));
    assert_eq!(with(&[0, 1, 2, 4]), Err(BundleError::Damaged));
    assert_eq!(with(&[0, 1, 2, 3, 4, 4]), Err(BundleError::Damaged));
    assert_eq!(with(&[0, 1, 2, 3]), Err(BundleError::CutShort));
    // Records of another bundle, though for the same site.
    let mut rng = ChaCha12Rng::seed_from_u64(2);
    let ann = SecretKey::from_seed(&[9; 32]);
    let (_, key) = begin(&ORG, TAG, &ann, (SITE, 77), &[(BEN, keys::sealing_public(&SECRET))], &mut rng).expect("good");
    let foreign = Sealer::new(key).seal(&items()[0]);
    assert_eq!(read(&[good[0].clone(), foreign].concat(), 64).1, Err(BundleError::Damaged));
}

#[test]
fn other_files_are_told_apart_from_damaged_ones() {
    assert_eq!(read(b"PK\x03\x04 something else", 8).1, Err(BundleError::NotABundle));
    assert_eq!(read(b"", 8).1, Err(BundleError::NotABundle));
    assert_eq!(read(b"archipel bundle 2\nand more", 8).1, Err(BundleError::Newer));
    let mut long = MAGIC.to_vec();
    long.extend_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(read(&long, 8).1, Err(BundleError::Damaged), "nothing is kept for a length that nothing has");
}

#[test]
fn a_bundle_for_nobody_is_not_made() {
    let mut rng = ChaCha12Rng::seed_from_u64(3);
    assert!(begin(&ORG, TAG, &SecretKey::from_seed(&[9; 32]), (SITE, 1), &[], &mut rng).is_none());
}
