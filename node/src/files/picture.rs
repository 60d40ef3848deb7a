//! Pictures: how large, how turned, and a small copy. Decoding foreign bytes is bounded in pixels and memory, and runs
//! where a panic ends nothing else.

use super::{FileError, Thumb};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits};
use std::io::Cursor;

/// The longer side of a small copy.
pub const THUMB_PIXELS_MAX: u32 = 720;
/// A large camera's picture; more is a bomb or a scan.
pub const PIXELS_MAX: u64 = 50_000_000;
/// Neither side may be longer: decoders keep whole rows.
const SIDE_MAX: u32 = 30_000;
/// What a decoder may take: four bytes for each pixel, and something to work with.
const DECODE_BYTES_MAX: u64 = 4 * PIXELS_MAX + 64 * 1024 * 1024;
/// Fine for a small copy.
const JPEG_QUALITY: u8 = 82;
/// Media type of small copies without transparency.
pub const JPEG: &str = "image/jpeg";
/// Media type of small copies with it.
pub const PNG: &str = "image/png";

/// The formats that are pictures here; others are files like any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picture {
    /// JPEG.
    Jpeg,
    /// PNG, moving or not.
    Png,
    /// GIF, moving or not.
    Gif,
    /// WebP, moving or not.
    WebP,
}

impl Picture {
    /// By the first bytes.
    pub fn sniff(head: &[u8]) -> Option<Self> {
        match head {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            _ => None,
        }
    }

    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => JPEG,
            Self::Png => PNG,
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
        }
    }

    const fn format(self) -> ImageFormat {
        match self {
            Self::Jpeg => ImageFormat::Jpeg,
            Self::Png => ImageFormat::Png,
            Self::Gif => ImageFormat::Gif,
            Self::WebP => ImageFormat::WebP,
        }
    }
}

/// What a picture says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Pixels as shown.
    pub width: u32,
    /// Pixels as shown.
    pub height: u32,
    /// How it must be turned to be shown.
    pub orientation: Orientation,
}

impl Measured {
    /// How many.
    pub fn pixels(self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }
}

/// Reads only the head.
///
/// # Errors
/// [`FileError::Refused`] when it does not read or is too large.
pub fn measure(kind: Picture, bytes: &[u8]) -> Result<Measured, FileError> {
    let mut decoder = decoder(kind, bytes)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let (width, height) = decoder.dimensions();
    let (width, height) = if turns(orientation) { (height, width) } else { (width, height) };
    let measured = Measured { width, height, orientation };
    let fits = measured.pixels() <= PIXELS_MAX && measured.pixels() > 0 && width.max(height) <= SIDE_MAX;
    if fits { Ok(measured) } else { Err(FileError::Refused) }
}

/// Whether width and height change places.
fn turns(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH
    )
}

fn decoder(kind: Picture, bytes: &[u8]) -> Result<impl ImageDecoder + '_, FileError> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), kind.format());
    reader.limits(limits);
    reader.into_decoder().map_err(|_| FileError::Refused)
}

/// A small copy, turned as it is shown; of moving pictures the first moment.
///
/// # Errors
/// [`FileError::Refused`] when the picture does not decode.
pub fn thumbnail(kind: Picture, bytes: &[u8]) -> Result<Thumb, FileError> {
    let Measured { orientation, .. } = measure(kind, bytes)?;
    let mut decoder = decoder(kind, bytes)?;
    let colours = decoder.icc_profile().ok().flatten().filter(|profile| profile.get(16..20) == Some(b"RGB "));
    let mut full = DynamicImage::from_decoder(decoder).map_err(|_| FileError::Refused)?;
    let large = full.width().max(full.height()) > THUMB_PIXELS_MAX;
    let mut small = if large { full.thumbnail(THUMB_PIXELS_MAX, THUMB_PIXELS_MAX) } else { std::mem::take(&mut full) };
    drop(full);
    small.apply_orientation(orientation);
    encode(&small, colours)
}

fn encode(small: &DynamicImage, colours: Option<Vec<u8>>) -> Result<Thumb, FileError> {
    let (width, height) = (small.width(), small.height());
    let see_through = small.color().has_alpha() && small.to_rgba8().pixels().any(|pixel| pixel.0[3] < u8::MAX);
    let mut bytes = Vec::new();
    let (written, media_type) = if see_through {
        let mut encoder = PngEncoder::new(&mut bytes);
        // Without its profile a small copy is only a little paler.
        let _ = colours.map(|profile| encoder.set_icc_profile(profile));
        (encoder.write_image(&small.to_rgba8(), width, height, ExtendedColorType::Rgba8), PNG)
    } else {
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
        let _ = colours.map(|profile| encoder.set_icc_profile(profile));
        (encoder.write_image(&small.to_rgb8(), width, height, ExtendedColorType::Rgb8), JPEG)
    };
    written.map_err(|_| FileError::Refused)?;
    Ok(Thumb { bytes, media_type })
}
