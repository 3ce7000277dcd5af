//! Texts with `{placeholders}`.

/// Whether a text is this pattern, in which every `{name}` stands for anything, even nothing.
///
/// ```
/// use sandkasse_catalogue::matches;
/// assert!(matches("Try again in {seconds} seconds.", "Try again in 41 seconds."));
/// assert!(!matches("Try again in {seconds} seconds.", "Try again."));
/// ```
pub fn matches(pattern: &str, text: &str) -> bool {
    captures(pattern, text).is_some()
}

/// What stands in the place of each `{name}`, in their order; `None` when it is another text.
pub fn captures<'a>(pattern: &'a str, text: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let (first, mut rest_of_pattern) = next(pattern);
    let mut rest = text.strip_prefix(first)?;
    let mut found = Vec::new();
    while let Some(after) = rest_of_pattern {
        let (name, after) = after.split_once('}')?;
        let (literal, next) = next(after);
        // The last piece of text is looked for at the end, any other where it comes first.
        let at = match (literal, next) {
            ("", None) => rest.len(),
            (_, None) => rest.len().checked_sub(literal.len())?,
            (_, Some(_)) => rest.find(literal)?,
        };
        let value = rest.get(..at)?;
        rest = rest.get(at..)?.strip_prefix(literal)?;
        found.push((name, value));
        rest_of_pattern = next;
    }
    rest.is_empty().then_some(found)
}

/// The text up to the next placeholder, and what follows its opening brace. A brace that is not
/// followed by a letter is text: regular expressions have such.
fn next(pattern: &str) -> (&str, Option<&str>) {
    let opens = |(at, _): &(usize, &str)| {
        let after = pattern.get(at + 1..).unwrap_or_default();
        after.starts_with(|it: char| it.is_ascii_alphabetic())
    };
    match pattern.match_indices('{').find(opens) {
        None => (pattern, None),
        Some((at, _)) => {
            let (text, rest) = pattern.split_at(at);
            (text, rest.strip_prefix('{'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_stand_for_anything_and_the_rest_for_itself() {
        for (pattern, text, same) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("{x}", "", true),
            ("a {x} c", "a b c", true),
            ("a {x} c", "a b d", false),
            ("{x}. End.", "One. End. Two. End.", true),
            ("{x}-{y}", "1-2", true),
            ("{x}-{y}", "12", false),
            ("^[a-z]{1,50}$", "^[a-z]{1,50}$", true),
        ] {
            assert_eq!(matches(pattern, text), same, "{pattern} {text}");
        }
        let found = captures("Order '{order}' of {msn}.", "Order 'a' of 1.");
        assert_eq!(found, Some(vec![("order", "a"), ("msn", "1")]));
    }
}
