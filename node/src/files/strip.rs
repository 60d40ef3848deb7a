//! Takes out of a picture what tells of its maker: place, time, device, comments, hidden small copies. The pixels are
//! not touched; only parts that are needed to show them stay, by lists of what may stay rather than of what must go.
//! How the picture must be turned is the one thing that is written back.

use super::picture::Picture;
use super::{gif, jpeg, png, webp};
use image::metadata::Orientation;

/// The picture without metadata; `None` when its parts do not read.
pub fn strip(kind: Picture, bytes: &[u8], orientation: Orientation) -> Option<Vec<u8>> {
    let turned = (orientation != Orientation::NoTransforms).then(|| exif(orientation));
    match kind {
        Picture::Jpeg => jpeg::strip(bytes, turned.as_deref()),
        Picture::Png => png::strip(bytes, turned.as_deref()),
        Picture::WebP => webp::strip(bytes, turned.as_deref()),
        Picture::Gif => gif::strip(bytes),
    }
}

/// The smallest EXIF block: little-endian, one directory of one entry, the orientation.
fn exif(orientation: Orientation) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    block.extend_from_slice(&[orientation.to_exif(), 0, 0, 0]);
    block.extend_from_slice(&[0; 4]);
    block
}

/// The next `n` bytes at a place that moves on.
pub(super) fn take<'a>(bytes: &'a [u8], at: &mut usize, n: usize) -> Option<&'a [u8]> {
    let end = at.checked_add(n)?;
    let part = bytes.get(*at..end)?;
    *at = end;
    Some(part)
}
