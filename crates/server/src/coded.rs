//! Texts with code in them, as HTML.

/// What stands between backticks, as code; everything escaped.
pub(crate) fn coded(text: &str) -> String {
    let pieces = text.split('`').enumerate().map(|(at, piece)| {
        let piece = piece
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#39;");
        if at % 2 == 0 {
            piece
        } else {
            format!("<code>{piece}</code>")
        }
    });
    pieces.collect()
}
