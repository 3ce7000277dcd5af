//! QR codes as pictures.

use std::{fmt::Write, ops::RangeInclusive};

use qrcode::{Color, EcLevel, QrCode};
use serde::{Deserialize, Serialize};

/// Light modules around the code, without which cameras do not find it.
const MARGIN: usize = 4;
/// Pixels of a PNG.
pub(super) const SIZES: RangeInclusive<u32> = 100..=2000;
/// Pixels of a PNG when nobody says how many.
pub(super) const USUAL_SIZE: u32 = 800;

/// In which form a caller wants a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wish {
    /// SVG.
    Svg,
    /// PNG of so many pixels square.
    Png(u32),
    /// The text in it.
    Text,
}

impl Wish {
    /// By the header `Accept`: the first that we know. Without one, SVG.
    pub(super) fn of(accept: &str) -> Option<Wish> {
        if accept.trim().is_empty() {
            return Some(Wish::Svg);
        }
        accept.split(',').find_map(|media| {
            let media = media.split(';').next().unwrap_or_default().trim();
            Some(match media.to_ascii_lowercase().as_str() {
                "image/png" => Wish::Png(USUAL_SIZE),
                "image/svg+xml" | "image/*" | "*/*" => Wish::Svg,
                "text/targeturl" => Wish::Text,
                _ => return None,
            })
        })
    }

    pub(super) fn sized(self, pixels: u32) -> Wish {
        match self {
            Wish::Png(_) => Wish::Png(pixels),
            Wish::Svg | Wish::Text => self,
        }
    }
}

/// Media type and bytes. `None` for a text that no code can hold.
pub(crate) fn drawn(text: &str, wish: Wish) -> Option<(&'static str, Vec<u8>)> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    Some(match wish {
        Wish::Svg => ("image/svg+xml", svg(&code).into_bytes()),
        Wish::Png(pixels) => ("image/png", png(&code, pixels)?),
        Wish::Text => ("text/plain", text.as_bytes().to_vec()),
    })
}

fn svg(code: &QrCode) -> String {
    let width = code.width();
    let side = width + 2 * MARGIN;
    let mut path = String::new();
    for (row, modules) in code.to_colors().chunks(width).enumerate() {
        let mut column = 0;
        for run in modules.chunk_by(|one, next| one == next) {
            if run.first() == Some(&Color::Dark) {
                let (x, y, length) = (column + MARGIN, row + MARGIN, run.len());
                write!(path, "M{x} {y}h{length}v1h-{length}z").expect("a text takes everything");
            }
            column += run.len();
        }
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges"><rect width="{side}" height="{side}" fill="#fff"/><path d="{path}" fill="#000"/></svg>"##
    )
}

/// Every pixel has the colour of the module it is in, so edges are sharp at any size.
fn png(code: &QrCode, pixels: u32) -> Option<Vec<u8>> {
    let (width, colors) = (code.width(), code.to_colors());
    let side = width + 2 * MARGIN;
    let size = usize::try_from(pixels).ok()?;
    let module = |pixel: usize| (pixel * side / size).checked_sub(MARGIN);
    let mut gray = Vec::with_capacity(size * size);
    for y in 0..size {
        let row = module(y).filter(|row| *row < width);
        for x in 0..size {
            let column = module(x).filter(|column| *column < width);
            let place = row.zip(column).map(|(row, column)| row * width + column);
            let color = place.and_then(|place| colors.get(place));
            gray.push(if color == Some(&Color::Dark) { 0 } else { 255 });
        }
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, pixels, pixels);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&gray).ok()?;
    writer.finish().ok()?;
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_we_know_is_taken() {
        for (accept, wish) in [
            ("", Some(Wish::Svg)),
            ("*/*", Some(Wish::Svg)),
            ("image/*", Some(Wish::Svg)),
            ("image/svg+xml", Some(Wish::Svg)),
            ("image/png", Some(Wish::Png(800))),
            ("IMAGE/PNG;q=0.9, */*;q=0.1", Some(Wish::Png(800))),
            ("text/html, image/png", Some(Wish::Png(800))),
            ("text/targetUrl", Some(Wish::Text)),
            ("application/xml", None),
            ("application/json", None),
        ] {
            assert_eq!(Wish::of(accept), wish, "{accept}");
        }
    }

    #[test]
    fn a_png_has_the_size_that_was_asked_for_and_the_corners_of_a_code() {
        for size in [100, 500, 2000] {
            let (media, file) = drawn("https://example.com", Wish::Png(size)).expect("it fits");
            assert_eq!(media, "image/png");
            let decoder = png::Decoder::new(std::io::Cursor::new(&file));
            let mut reader = decoder.read_info().expect("a PNG");
            let mut gray = vec![0; reader.output_buffer_size().expect("it is small")];
            let info = reader.next_frame(&mut gray).expect("a picture");
            assert_eq!((info.width, info.height), (size, size));
            // The margin is light; the first dark module is the corner of the upper left eye.
            let side = size as usize;
            let first = gray.iter().position(|it| *it == 0).expect("something dark");
            let module = side.div_ceil(25 + 8);
            assert!(first / side >= 3 * module && first / side <= 5 * module);
        }
        assert!(drawn(&"x".repeat(3000), Wish::Svg).is_none());
    }
}
