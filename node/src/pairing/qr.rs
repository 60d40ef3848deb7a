//! An invitation as a picture: the only file that names the QR code crate.

use qrcode::render::svg::Color;
use qrcode::{EcLevel, QrCode};

/// Side of the picture in pixels, if the code's grid allows; it scales without loss.
const SIDE_PX: u32 = 320;

/// The QR code of an invitation's text as an SVG document; `None` if the text is too long for one.
///
/// The text is put in upper case, which makes the code a third smaller; reading an invitation ignores case.
pub fn svg(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text.to_uppercase(), EcLevel::L).ok()?;
    let mut picture = code.render();
    picture.min_dimensions(SIDE_PX, SIDE_PX).dark_color(Color("#000")).light_color(Color("#fff"));
    Some(picture.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_invitation_fits() {
        // 400 bytes and a checksum in base32 with the mark before it.
        let text = format!("archipel1{}", "a".repeat(647));
        let picture = svg(&text).unwrap();
        assert!(picture.contains("<svg") && picture.ends_with("</svg>"), "{}", &picture[..80]);
    }

    #[test]
    fn a_text_beyond_every_code_gives_none() {
        assert!(svg(&"a".repeat(10_000)).is_none());
    }
}
