//! Pictures made from a number: a sky, hills, a few houses. No two are alike and none is anybody's.

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};

const WIDTH: u32 = 1_200;
const HEIGHT: u32 = 800;
const QUALITY: u8 = 78;

/// A JPEG.
pub fn jpeg(number: usize) -> Vec<u8> {
    let mut image = RgbImage::new(WIDTH, HEIGHT);
    let hue = number as f32 * 0.7;
    for (x, y, pixel) in image.enumerate_pixels_mut() {
        let (fx, fy) = (x as f32 / WIDTH as f32, y as f32 / HEIGHT as f32);
        *pixel = shade(fx, fy, hue);
    }
    houses(&mut image, number);
    let mut out = Vec::new();
    // Writing into a Vec fails only for sizes that JPEG does not know; this one it does.
    let _ = JpegEncoder::new_with_quality(&mut out, QUALITY).encode_image(&image);
    out
}

fn shade(x: f32, y: f32, hue: f32) -> Rgb<u8> {
    let hill = |base: f32, height: f32, waves: f32| base + height * (x * waves + hue).sin();
    let mix = |a: [f32; 3], b: [f32; 3], t: f32| {
        let part = |at: usize| (a[at] + (b[at] - a[at]) * t).clamp(0.0, 255.0) as u8;
        Rgb([part(0), part(1), part(2)])
    };
    let warm = (hue.sin() + 1.0) / 2.0;
    if y > hill(0.78, 0.05, 5.0) {
        mix([58.0, 98.0, 88.0], [30.0, 60.0, 62.0], (y - 0.7) * 3.0)
    } else if y > hill(0.62, 0.07, 3.0) {
        mix([120.0, 158.0, 150.0], [86.0, 126.0, 122.0], (y - 0.5) * 3.0)
    } else {
        mix([150.0 + 80.0 * warm, 190.0, 214.0 - 30.0 * warm], [244.0, 226.0, 200.0], y * 1.5)
    }
}

fn houses(image: &mut RgbImage, number: usize) {
    for at in 0..4 + number % 5 {
        let width = 70 + ((number * 37 + at * 53) % 80) as u32;
        let height = 140 + ((number * 71 + at * 97) % 240) as u32;
        let left = ((number * 131 + at * 251) as u32) % (WIDTH - width);
        let top = HEIGHT - 90 - height;
        let light = 190 + ((at * 17 + number * 5) % 50) as u8;
        for y in top..HEIGHT - 90 {
            for x in left..left + width {
                let window = (x - left) % 26 > 8 && (y - top) % 34 > 14 && x - left > 8 && left + width - x > 8;
                let value =
                    if window { [70, 96, 110] } else { [light, light.saturating_sub(8), light.saturating_sub(22)] };
                image.put_pixel(x, y, Rgb(value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_picture_is_a_jpeg_and_its_number_tells_it_from_others() {
        let (first, second) = (super::jpeg(1), super::jpeg(2));
        assert_eq!(&first[..3], &[0xff, 0xd8, 0xff]);
        assert_ne!(first, second);
    }
}
