//! The link as a QR code, for whoever sits at a computer and pays with a phone.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code, without which cameras do not find it.
const MARGIN: usize = 4;

/// A path of SVG with the dark modules, one unit each, and how wide the whole is. `None` for a
/// text that no code can hold.
pub(super) fn path(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
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
    // Dark on light in the dark as well: not every camera reads the inverse.
    Some(format!(
        r##"<svg class="qr" viewBox="0 0 {side} {side}" shape-rendering="crispEdges" aria-hidden="true" focusable="false"><rect width="{side}" height="{side}" fill="#fff"/><path d="{path}" fill="#000"/></svg>"##
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_three_corners_and_a_margin() {
        // Version 1: 21 modules and the margin.
        let svg = path("sandkasse").unwrap();
        assert!(svg.contains(r#"viewBox="0 0 29 29""#), "{svg}");
        // The uppermost row of the corners left and right, seven modules each.
        assert!(
            svg.contains("M4 4h7v1h-7z") && svg.contains("M18 4h7v1h-7z"),
            "{svg}"
        );
        assert!(svg.contains("M4 18h7v1h-7z"), "{svg}");
    }

    #[test]
    fn a_link_fits_and_a_book_does_not() {
        assert!(path(&"x".repeat(600)).is_some());
        assert!(path(&"x".repeat(3000)).is_none());
    }
}
