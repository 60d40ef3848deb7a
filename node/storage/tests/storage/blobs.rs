//! Files by hash on a real disk and on a faulty one (INV-39, INV-42).

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use archipel_storage::blobs::tree::{Builder, GROUP_BYTES, Tree, groups};
use archipel_storage::blobs::{BlobError, BlobId, BlobState, Blobs, Thumbs};
use archipel_storage::faults::{FaultyDisk, Survives};
use archipel_storage::files::disk as real_disk;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::crash::every_crash;

const GROUP: usize = GROUP_BYTES as usize;

fn content(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let word = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(word).take(len).collect()
}

fn tree_of(bytes: &[u8]) -> Tree {
    let mut builder = Builder::default();
    builder.update(bytes);
    builder.finish()
}

fn read_all(blobs: &Blobs, id: &BlobId) -> Vec<u8> {
    let mut out = Vec::new();
    blobs.read(id).unwrap().read_to_end(&mut out).unwrap();
    out
}

fn open(disk: &FaultyDisk) -> Result<Blobs, BlobError> {
    disk.files().create_dir(Path::new("data")).unwrap();
    Blobs::open(Path::new("data"), disk.files())
}

#[test]
fn what_must_be_a_certain_file_is_kept_only_if_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path(), real_disk()).unwrap();
    let bytes = content(3, GROUP * 2 + 9);
    let id = tree_of(&bytes).root();
    let mut other = bytes.clone();
    other[GROUP] ^= 1;
    for (given, kept) in [(&other, false), (&bytes, true)] {
        let mut writer = blobs.writer(given.len() as u64).unwrap();
        writer.write(given).unwrap();
        assert_eq!(writer.finish_as(&id).is_ok(), kept);
        assert_eq!(blobs.exists(&id).unwrap(), kept);
        assert_eq!(blobs.list().unwrap().len(), usize::from(kept), "nothing else stays");
    }
    assert_eq!(read_all(&blobs, &id), bytes);
}

#[test]
fn what_is_stored_reads_back_under_its_blake3() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path(), real_disk()).unwrap();
    let mut ids = Vec::new();
    for len in [0, 1, 1000, GROUP, GROUP + 1, 5 * GROUP + 17] {
        let bytes = content(len as u64, len);
        let mut writer = blobs.writer(len as u64).unwrap();
        bytes.chunks(1777).for_each(|chunk| writer.write(chunk).unwrap());
        let (id, stored) = writer.finish().unwrap();
        assert_eq!((id, stored), (*blake3::hash(&bytes).as_bytes(), len as u64));
        assert_eq!(read_all(&blobs, &id), bytes);
        assert_eq!(blobs.len(&id).unwrap(), len as u64);
        assert_eq!(blobs.scrub(&id).unwrap(), BlobState::Sound);
        let mut file = blobs.read(&id).unwrap();
        let at = len as u64 * 2 / 3;
        file.seek(SeekFrom::Start(at)).unwrap();
        let mut rest = Vec::new();
        file.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, bytes[at as usize..]);
        ids.push(id);
    }
    ids.sort_unstable();
    assert_eq!(blobs.list().unwrap(), ids);
    blobs.remove(&ids[0]).unwrap();
    blobs.remove(&ids[0]).unwrap();
    assert!(!blobs.exists(&ids[0]).unwrap());
    assert!(matches!(blobs.read(&ids[0]), Err(BlobError::NotFound)));
    assert_eq!(blobs.scrub(&ids[0]).unwrap(), BlobState::Absent);
}

#[test]
fn too_large_or_given_up_leaves_nothing() {
    let disk = FaultyDisk::new();
    let blobs = open(&disk).unwrap();
    let mut writer = blobs.writer(10).unwrap();
    writer.write(b"12345").unwrap();
    assert!(matches!(writer.write(b"678901"), Err(BlobError::TooLarge { limit: 10 })));
    drop(writer);
    assert_eq!(disk.paths(), [] as [&Path; 0]);
}

#[test]
fn every_flip_is_found_before_use_and_storing_again_mends() {
    let disk = FaultyDisk::new();
    let blobs = open(&disk).unwrap();
    let bytes = content(7, 3 * GROUP + 99);
    let id = blobs.put(&bytes).unwrap();
    let path = blobs.path(&id);
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for _ in 0..60 {
        let bit = rng.next_u32() as usize % (bytes.len() * 8);
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        disk.set_content(&path, damaged);
        let file = blobs.read(&id).unwrap();
        for index in 0..groups(bytes.len() as u64) {
            let group = file.group(index);
            assert_eq!(group.is_err(), index as usize == bit / 8 / GROUP, "bit {bit}");
        }
        let mut out = Vec::new();
        assert!(blobs.read(&id).unwrap().read_to_end(&mut out).is_err());
        assert!(out.len() <= bit / 8);
        assert_eq!(blobs.scrub(&id).unwrap(), BlobState::Damaged);
    }
    for len in [0, 1, GROUP, bytes.len() - 1] {
        disk.set_content(&path, bytes[..len].to_vec());
        let read = blobs.read(&id).and_then(|file| file.group(groups(len as u64) - 1));
        assert!(read.is_err(), "cut at {len}");
        assert_eq!(blobs.scrub(&id).unwrap(), BlobState::Damaged);
    }
    blobs.put(&bytes).unwrap();
    assert_eq!(read_all(&blobs, &id), bytes);
    // The tree beside it can be lost or damaged without harm.
    let tree = path.with_extension("tree");
    let sound = disk.content(&tree).unwrap();
    for bad in [Vec::new(), vec![1; sound.len()], sound[..40].to_vec()] {
        disk.set_content(&tree, bad);
        assert_eq!(read_all(&blobs, &id), bytes);
        assert_eq!(disk.content(&tree).unwrap(), sound, "made anew");
    }
}

#[test]
fn a_download_resumes_and_only_true_groups_are_taken() {
    let disk = FaultyDisk::new();
    let bytes = content(5, 4 * GROUP + 1234);
    let tree = tree_of(&bytes);
    let (id, len) = (tree.root(), bytes.len() as u64);
    let group = |index: u64| {
        let (from, len) = tree.group(index).unwrap();
        &bytes[from as usize..from as usize + len]
    };
    let blobs = open(&disk).unwrap();
    let mut partial = blobs.partial(&id, len).unwrap();
    assert!(matches!(partial.write_group(0, group(0)), Err(BlobError::OutOfRange)), "no tree yet");
    let other = tree_of(&content(6, bytes.len()));
    assert!(matches!(partial.set_tree(other), Err(BlobError::Mismatch)));
    partial.set_tree(tree.clone()).unwrap();
    assert!(matches!(partial.write_group(1, group(2)), Err(BlobError::Mismatch)));
    assert!(matches!(partial.write_group(9, group(2)), Err(BlobError::Mismatch)));
    partial.write_group(3, group(3)).unwrap();
    partial.write_group(1, group(1)).unwrap();
    partial.save().unwrap();
    partial.write_group(0, group(0)).unwrap();
    drop(partial);

    // A crash costs what was not saved.
    let disk = disk.crash(Survives::Nothing);
    let blobs = open(&disk).unwrap();
    let mut partial = blobs.partial(&id, len).unwrap();
    let group_at = |index: u64| index * GROUP_BYTES;
    assert_eq!(partial.missing(9), [(0, group_at(1)), (group_at(2), group_at(3)), (group_at(4), len)]);
    if partial.tree().is_none() {
        partial.set_tree(tree.clone()).unwrap();
    }
    for index in [0, 2] {
        partial.write_group(index, group(index)).unwrap();
    }
    assert!(matches!(blobs.read(&id), Err(BlobError::NotFound)));
    drop(partial);
    let mut partial = blobs.partial(&id, len).unwrap();
    for index in [0, 2, 4] {
        partial.write_group(index, group(index)).unwrap();
    }
    partial.finish().unwrap();
    assert_eq!(read_all(&blobs, &id), bytes);
    assert!(disk.paths().iter().all(|path| !path.starts_with("data/blobs/partial")), "{:?}", disk.paths());
}

#[test]
fn unverifiable_bytes_are_hashed_as_a_whole_before_they_count() {
    let disk = FaultyDisk::new();
    let blobs = open(&disk).unwrap();
    let bytes = content(2, 200_000);
    let id = *blake3::hash(&bytes).as_bytes();
    let mut partial = blobs.partial(&id, 200_000).unwrap();
    partial.write_at(100_000, &bytes[100_000..]).unwrap();
    assert!(matches!(partial.write_at(199_999, &bytes[..2]), Err(BlobError::OutOfRange)));
    assert_eq!(partial.held_bytes(), 100_000);
    partial.write_at(0, &content(3, 100_000)).unwrap();
    assert!(matches!(partial.finish(), Err(BlobError::Mismatch)));
    assert!(!blobs.exists(&id).unwrap());
    let mut partial = blobs.partial(&id, 200_000).unwrap();
    assert_eq!(partial.missing(5), [(0, 200_000)]);
    partial.write_at(0, &bytes).unwrap();
    partial.finish().unwrap();
    assert_eq!(read_all(&blobs, &id), bytes);
    let partial = blobs.partial(&[9; 32], 5).unwrap();
    assert!(matches!(partial.finish(), Err(BlobError::Incomplete { missing: 5 })));
}

/// Uploads, downloads and removals; returns what is promised to be there and what was promised to be gone.
fn script(disk: &FaultyDisk) -> (Vec<Vec<u8>>, Vec<BlobId>) {
    let (mut there, mut gone) = (Vec::new(), Vec::new());
    let _ = (|| -> Result<(), BlobError> {
        let blobs = open(disk)?;
        for n in 0..3 {
            let bytes = content(n, [900, GROUP + 300, 40_000][n as usize]);
            blobs.put(&bytes)?;
            there.push(bytes);
        }
        let bytes = content(10, GROUP + 5000);
        let tree = tree_of(&bytes);
        let mut partial = blobs.partial(&tree.root(), bytes.len() as u64)?;
        partial.set_tree(tree)?;
        partial.write_group(1, &bytes[GROUP..])?;
        partial.save()?;
        partial.write_group(0, &bytes[..GROUP])?;
        partial.finish()?;
        there.push(bytes);
        let first = there.remove(0);
        let id = *blake3::hash(&first).as_bytes();
        blobs.remove(&id)?;
        gone.push(id);
        Ok(())
    })();
    (there, gone)
}

#[test]
fn every_crash_point_keeps_stored_files_and_names_nothing_unverified() {
    let bytes = content(10, GROUP + 5000);
    let tree = tree_of(&bytes);
    let judged = every_crash(script, |(there, gone), disk, context| {
        let blobs = open(disk).unwrap_or_else(|error| panic!("{context}: {error}"));
        for bytes in there {
            let id = *blake3::hash(bytes).as_bytes();
            assert_eq!(blobs.scrub(&id).unwrap(), BlobState::Sound, "{context}");
            assert_eq!(read_all(&blobs, &id), *bytes, "{context}");
        }
        for id in gone {
            assert!(!blobs.exists(id).unwrap(), "{context}");
        }
        for id in blobs.list().unwrap() {
            assert_eq!(blobs.scrub(&id).unwrap(), BlobState::Sound, "{context}");
        }
        // The download goes on from whatever is left of it.
        let mut partial = blobs.partial(&tree.root(), bytes.len() as u64).unwrap();
        partial.set_tree(tree.clone()).unwrap();
        for (from, to) in partial.missing(9) {
            assert!(from % GROUP_BYTES == 0 && (to % GROUP_BYTES == 0 || to == bytes.len() as u64), "{context}");
            let index = from / GROUP_BYTES;
            for index in index..to.div_ceil(GROUP_BYTES) {
                let (from, len) = tree.group(index).unwrap();
                partial.write_group(index, &bytes[from as usize..from as usize + len]).unwrap();
            }
        }
        partial.finish().unwrap();
        assert_eq!(blobs.scrub(&tree.root()).unwrap(), BlobState::Sound, "{context}");
    });
    println!("{judged} crashes of files judged");
}

#[test]
fn previews_can_be_lost_but_not_wrong() {
    let disk = FaultyDisk::new();
    disk.files().create_dir(Path::new("data")).unwrap();
    let thumbs = Thumbs::open(Path::new("data"), disk.files()).unwrap();
    let id = [7; 32];
    thumbs.put(&id, "small", b"picture").unwrap();
    thumbs.put(&id, "large", b"larger picture").unwrap();
    thumbs.put(&[8; 32], "small", b"another").unwrap();
    assert_eq!(thumbs.get(&id, "small").unwrap().unwrap(), b"picture");
    assert_eq!(thumbs.get(&id, "none").unwrap(), None);
    for bad in ["", "UP", "a/b", "..", "far too long a kind"] {
        assert!(thumbs.put(&id, bad, b"").is_err());
    }
    for seed in 0..40 {
        let late = disk.crash(Survives::Random { seed });
        late.files().create_dir(Path::new("data")).unwrap();
        let thumbs = Thumbs::open(Path::new("data"), late.files()).unwrap();
        let found = thumbs.get(&id, "large").unwrap();
        assert!(found.is_none_or(|bytes| bytes == b"larger picture"));
    }
    thumbs.remove(&id).unwrap();
    assert_eq!(thumbs.get(&id, "large").unwrap(), None);
    thumbs.clear().unwrap();
    assert_eq!(disk.paths(), [] as [&Path; 0]);
}
