//! Hits in a text, marked for a page.

/// The text, escaped, with each of the sought words in a `<mark>`. Letters' case does not matter.
pub(super) fn marked(text: &str, sought: &str) -> String {
    let words: Vec<Vec<char>> = sought
        .split_whitespace()
        .map(|word| word.chars().flat_map(char::to_lowercase).collect())
        .collect();
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut rest = letters.as_slice();
    while let Some((first, behind)) = rest.split_first() {
        let found = words.iter().filter(|word| starts(rest, word));
        match found.map(Vec::len).max() {
            Some(length) if length > 0 => {
                let (hit, after) = rest.split_at(length);
                out.push_str("<mark>");
                hit.iter().for_each(|it| push(&mut out, *it));
                out.push_str("</mark>");
                rest = after;
            }
            Some(_) | None => {
                push(&mut out, *first);
                rest = behind;
            }
        }
    }
    out
}

/// Letter by letter; what becomes several letters in lower case is no hit.
fn starts(text: &[char], word: &[char]) -> bool {
    let same = |(it, sought): (&char, &char)| it.to_lowercase().eq([*sought]);
    text.len() >= word.len() && text.iter().zip(word).all(same)
}

fn push(out: &mut String, it: char) {
    match it {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\'' => out.push_str("&#39;"),
        other => out.push(other),
    }
}

#[cfg(test)]
mod tests {
    use super::marked;

    #[test]
    fn hits_are_marked_and_all_is_escaped() {
        for (text, sought, expected) in [
            (
                "Invalid MSN",
                "msn inv",
                "<mark>Inv</mark>alid <mark>MSN</mark>",
            ),
            ("a < b", "<", "a <mark>&lt;</mark> b"),
            ("<b>", "b", "&lt;<mark>b</mark>&gt;"),
            ("plain & simple", "", "plain &amp; simple"),
            ("aaa", "a aa", "<mark>aa</mark><mark>a</mark>"),
            ("&amp;", "amp", "&amp;<mark>amp</mark>;"),
        ] {
            assert_eq!(marked(text, sought), expected);
        }
    }
}
