//! Uploads from their first byte to what is kept, and what hostile pictures do.

use super::*;
use archipel_storage::files::disk;
use futures::stream;
use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat, RgbImage, RgbaImage};
use std::io::Cursor;

fn room() -> (tempfile::TempDir, Files) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Arc::new(Blobs::open(folder.path(), disk()).unwrap());
    let thumbs = Thumbs::open(folder.path(), disk()).unwrap();
    let files = Files::open(folder.path(), blobs, thumbs).unwrap();
    (folder, files)
}

async fn take(files: &Files, bytes: Vec<u8>) -> Result<Stored, FileError> {
    let pieces: Vec<Result<Bytes, io::Error>> =
        bytes.chunks(10_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    files.take(stream::iter(pieces)).await
}

async fn kept(files: &Files, blob: BlobId) -> Vec<u8> {
    let mut bytes = Vec::new();
    files.read(blob).await.unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 7]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A JPEG with everything that must go: EXIF with a place, XMP, a comment, a second picture behind the end.
fn telling_jpeg() -> Vec<u8> {
    let plain = encoded(1_000, 500, ImageFormat::Jpeg);
    let mut bytes = plain[..2].to_vec();
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0".to_vec();
    exif.extend_from_slice(b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0");
    exif.extend_from_slice(b"\x0F\x01\x02\0\x0E\0\0\0\x26\0\0\0\0\0\0\0SECRET-CAMERA\0");
    for (marker, content) in
        [(0xE1, exif), (0xE1, b"http://ns.adobe.com/xap/1.0/\0SECRET-XMP".to_vec()), (0xFE, b"SECRET-COMMENT".to_vec())]
    {
        bytes.extend_from_slice(&[0xFF, marker]);
        bytes.extend_from_slice(&(content.len() as u16 + 2).to_be_bytes());
        bytes.extend_from_slice(&content);
    }
    bytes.extend_from_slice(&plain[2..]);
    bytes.extend_from_slice(b"SECRET-FILM");
    bytes
}

fn holds(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[tokio::test]
async fn a_file_is_kept_as_it_is_and_found_by_its_hash() {
    let (folder, files) = room();
    let stored = take(&files, b"%PDF-1.7 hello".to_vec()).await.unwrap();
    assert_eq!(stored.media_type, "application/pdf");
    assert_eq!(stored.blob.0, *blake3::hash(b"%PDF-1.7 hello").as_bytes());
    assert!(files.is_here(stored.blob));
    assert_eq!(kept(&files, stored.blob).await, b"%PDF-1.7 hello");
    assert!(!files.is_here(BlobId([9; 32])));
    assert!(matches!(files.read(BlobId([9; 32])).await, Err(FileError::NotHere)));
    assert_eq!(std::fs::read_dir(folder.path().join("uploads")).unwrap().count(), 0, "nothing temporary is left");
}

#[tokio::test]
async fn too_large_and_interrupted_uploads_leave_nothing() {
    let (folder, files) = room();
    let piece = Bytes::from(vec![0; 1024 * 1024]);
    let endless = stream::repeat_with(|| Ok::<_, io::Error>(piece.clone()));
    assert!(matches!(files.take(endless).await, Err(FileError::TooLarge)));
    let broken = stream::iter([Ok(Bytes::from_static(b"abc")), Err(io::Error::other("gone"))]);
    assert!(matches!(files.take(broken).await, Err(FileError::Interrupted)));
    assert_eq!(std::fs::read_dir(folder.path().join("uploads")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_jpeg_loses_its_secrets_but_not_its_turn() {
    let (_folder, files) = room();
    let original = telling_jpeg();
    let before = picture::measure(Picture::Jpeg, &original).unwrap();
    assert_eq!(before.orientation, Orientation::Rotate90);
    let stored = take(&files, original.clone()).await.unwrap();
    assert_eq!(stored.picture, Some((500, 1_000)), "as shown");
    let bytes = kept(&files, stored.blob).await;
    assert!(holds(&original, b"SECRET") && !holds(&bytes, b"SECRET"));
    assert_eq!(picture::measure(Picture::Jpeg, &bytes).unwrap(), before);
    let pixels = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().into_rgb8();
    assert_eq!(pixels(&bytes), pixels(&original), "not encoded again");

    let thumb = files.thumb(stored.blob).await.unwrap();
    let small = image::load_from_memory(&thumb.bytes).unwrap();
    assert_eq!((thumb.media_type, small.width(), small.height()), ("image/jpeg", 360, 720));
    let again = take(&files, bytes).await.unwrap();
    assert_eq!(again.blob, stored.blob, "stripping twice changes nothing");
}

#[tokio::test]
async fn every_format_keeps_its_pixels_and_loses_its_comments() {
    let (_folder, files) = room();
    let mut png = encoded(20, 10, ImageFormat::Png);
    let text = b"tEXtComment\0SECRET";
    let mut chunk = (text.len() as u32 - 4).to_be_bytes().to_vec();
    chunk.extend_from_slice(text);
    chunk.extend_from_slice(&[0; 4]);
    png.splice(33..33, chunk);
    let mut gif = encoded(20, 10, ImageFormat::Gif);
    let end = gif.len() - 1;
    gif.splice(end..end, b"\x21\xFE\x06SECRET\0".iter().copied());
    let mut webp = encoded(20, 10, ImageFormat::WebP);
    webp.extend_from_slice(b"XMP \x06\0\0\0SECRET");
    let length = webp.len() as u32 - 8;
    webp[4..8].copy_from_slice(&length.to_le_bytes());
    for (media_type, original) in [("image/png", png), ("image/gif", gif), ("image/webp", webp)] {
        let stored = take(&files, original.clone()).await.unwrap();
        assert_eq!((stored.media_type.as_str(), stored.picture), (media_type, Some((20, 10))));
        let bytes = kept(&files, stored.blob).await;
        assert!(holds(&original, b"SECRET") && !holds(&bytes, b"SECRET"), "{media_type}");
        assert_eq!(
            image::load_from_memory(&bytes).unwrap().into_rgba8(),
            image::load_from_memory(&original).unwrap().into_rgba8(),
            "{media_type}"
        );
    }
}

#[tokio::test]
async fn a_see_through_picture_has_a_see_through_thumbnail() {
    let (_folder, files) = room();
    let picture = RgbaImage::from_fn(800, 800, |x, _| image::Rgba([1, 2, 3, x as u8]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture).write_to(&mut bytes, ImageFormat::Png).unwrap();
    let stored = take(&files, bytes.into_inner()).await.unwrap();
    assert_eq!(files.thumb(stored.blob).await.unwrap().media_type, "image/png");
}

#[tokio::test]
async fn a_bomb_and_a_broken_picture_are_refused() {
    let (_folder, files) = room();
    let mut bomb = encoded(10, 10, ImageFormat::Png);
    bomb[16..24].copy_from_slice(&[0, 0, 0x75, 0, 0, 0, 0x75, 0]);
    assert!(matches!(take(&files, bomb).await, Err(FileError::Refused)));
    let mut cut = encoded(100, 100, ImageFormat::Png);
    cut.truncate(60);
    assert!(matches!(take(&files, cut).await, Err(FileError::Refused)));
    let svg = take(&files, b"<svg onload=alert(1)></svg>".to_vec()).await.unwrap();
    assert!(svg.picture.is_none());
    assert!(matches!(files.thumb(svg.blob).await, Err(FileError::Refused)));
}

#[test]
fn no_change_of_bytes_makes_stripping_panic_or_grow() {
    let originals = [
        (Picture::Jpeg, telling_jpeg()),
        (Picture::Png, encoded(40, 30, ImageFormat::Png)),
        (Picture::Gif, encoded(40, 30, ImageFormat::Gif)),
        (Picture::WebP, encoded(40, 30, ImageFormat::WebP)),
    ];
    for (kind, original) in originals {
        let mut state = 7u64;
        let mut random = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % below
        };
        for _ in 0..3_000 {
            let mut bytes = original.clone();
            for _ in 0..1 + random(4) {
                let at = random(bytes.len());
                match random(4) {
                    0 => bytes.truncate(at.max(1)),
                    1 => bytes[at] = 0xFF,
                    _ => bytes[at] = random(256) as u8,
                }
            }
            if let Some(stripped) = strip::strip(kind, &bytes, Orientation::Rotate90) {
                assert!(stripped.len() <= bytes.len() + 64);
            }
        }
    }
}
