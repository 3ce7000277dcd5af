//! Turns a host name with letters like å into what DNS knows (`xn--…`).
//!
//! The crate `idna` does the work (UTS 46). On top, a name in which that would replace characters
//! by other ones (full-width digits, circled letters, soft hyphens) is refused: no name changes
//! into another one unseen.

/// The name in lower-case ASCII; `None` when a character cannot stand in a host name.
pub(super) fn to_ascii(host: &str) -> Option<String> {
    if host.is_ascii() {
        return Some(host.to_ascii_lowercase());
    }
    let ascii = idna::domain_to_ascii(host).ok()?;
    let (shown, readable) = idna::domain_to_unicode(&ascii);
    // The other full stops are no disguise; they only separate.
    let asked = host
        .to_lowercase()
        .replace(['\u{3002}', '\u{ff0e}', '\u{ff61}'], ".");
    (readable.is_ok() && shown == asked).then_some(ascii)
}

#[cfg(test)]
mod tests {
    use super::to_ascii;

    #[test]
    fn names_become_what_dns_knows_and_none_becomes_another() {
        let rows = [
            ("EXAMPLE.com", Some("example.com")),
            ("blåbær.no", Some("xn--blbr-roah.no")),
            ("BLÅBÆR.NO", Some("xn--blbr-roah.no")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("straße.de", Some("xn--strae-oqa.de")),
            ("例え.jp", Some("xn--r8jz45g.jp")),
            ("пример.рф", Some("xn--e1afmkfd.xn--p1ai")),
            ("example。no", Some("example.no")),
            ("127。0。0。1", Some("127.0.0.1")),
            ("１２７.0.0.1", None),
            ("ｌocalhost", None),
            ("ⓛocalhost", None),
            ("local\u{ad}host", None),
            ("a\u{30a}.no", None),
        ];
        for (host, expected) in rows {
            assert_eq!(to_ascii(host).as_deref(), expected, "{host}");
        }
    }
}
