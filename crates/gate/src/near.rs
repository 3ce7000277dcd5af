//! Headers whose names are almost right: the usual reason why one is "missing".

use http::{HeaderMap, HeaderName};

/// So many letters may be wrong, left out or too many.
const LETTERS_OFF: usize = 2;

/// The name of a header that was sent and probably meant as `name`: other hyphens, underscores
/// for hyphens, or a letter or two off (reference: errors-faq.md, "Explanation record").
pub fn misspelt(headers: &HeaderMap, name: &str) -> Option<String> {
    let letters = |name: &str| name.replace(['-', '_'], "");
    let wanted = letters(name);
    let mut sent = headers.keys().map(HeaderName::as_str);
    sent.find(|sent| *sent != name && distance(&letters(sent), &wanted) <= LETTERS_OFF)
        .map(str::to_owned)
}

/// How many letters must be put in, taken out or replaced to make one text the other.
pub fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (1..=b.len()).collect();
    for (above, x) in a.bytes().enumerate() {
        let (mut diagonal, mut left) = (above, above + 1);
        for (cell, y) in row.iter_mut().zip(b.bytes()) {
            let replaced = diagonal + usize::from(x != y);
            diagonal = *cell;
            left = replaced.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::sent::SUBSCRIPTION_KEY;

    #[test]
    fn near_misses_are_told_from_other_headers() {
        for (sent, near) in [
            ("ocp-apim-subscriptionkey", true),
            ("ocp_apim_subscription_key", true),
            ("ocpapimsubscriptionkey", true),
            ("ocp-apim-subscripton-key", true),
            ("ocp-apim-subscription-keys", true),
            ("opc-apim-subscription-key", true),
            ("ocp-apim-subscription", false),
            ("subscription-key", false),
            ("authorization", false),
            ("x", false),
            // The right name is no near miss, not even with an empty value.
            (SUBSCRIPTION_KEY, false),
        ] {
            let headers = [(
                HeaderName::from_static(sent),
                HeaderValue::from_static("0123"),
            )];
            let found = misspelt(&HeaderMap::from_iter(headers), SUBSCRIPTION_KEY);
            assert_eq!(found.as_deref(), near.then_some(sent));
        }
    }

    #[test]
    fn distances_count_letters() {
        for (a, b, expected) in [
            ("", "", 0),
            ("abc", "abc", 0),
            ("abc", "", 3),
            ("", "abc", 3),
            ("abc", "abd", 1),
            ("abc", "bc", 1),
            ("abcd", "badc", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
        }
    }
}
