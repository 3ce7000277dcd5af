//! Filters of the inspector's templates.

/// What stands between backticks, as code; everything escaped.
#[expect(clippy::unnecessary_wraps, reason = "the form of every filter")]
pub(super) fn coded(text: &str, _: &dyn askama::Values) -> askama::Result<String> {
    let mut html = String::with_capacity(text.len());
    for (at, piece) in text.split('`').enumerate() {
        let is_code = at % 2 == 1;
        html.push_str(if is_code { "<code>" } else { "" });
        for letter in piece.chars() {
            match letter {
                '&' => html.push_str("&amp;"),
                '<' => html.push_str("&lt;"),
                '>' => html.push_str("&gt;"),
                '"' => html.push_str("&quot;"),
                '\'' => html.push_str("&#39;"),
                other => html.push(other),
            }
        }
        html.push_str(if is_code { "</code>" } else { "" });
    }
    Ok(html)
}
