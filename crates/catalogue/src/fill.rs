//! Requests as they are sent: usual headers added, placeholders found.

use crate::Request;

impl Request<'_> {
    /// The headers that are sent: those of a correct program, unless the page leaves one out or has
    /// another in its place. Values may hold placeholders; so may `path`, which is the one filled in.
    pub fn all_headers(&self, path: &str) -> Vec<(&str, &str)> {
        let mut headers = usual_headers(path, !self.body.is_empty());
        let named = |name: &str| {
            let own = self.headers.iter().map(|(name, _)| name);
            own.chain(&self.without)
                .any(|it| it.eq_ignore_ascii_case(name))
        };
        headers.retain(|(name, _)| !named(name));
        headers.extend(&self.headers);
        headers
    }
}

/// What a correct program of this API sends.
fn usual_headers(path: &str, has_body: bool) -> Vec<(&'static str, &'static str)> {
    let key = ("Ocp-Apim-Subscription-Key", "$SUBSCRIPTION_KEY");
    let path = path.to_ascii_lowercase();
    let mut headers = if path.starts_with("/accesstoken") {
        vec![
            ("client_id", "$CLIENT_ID"),
            ("client_secret", "$CLIENT_SECRET"),
            key,
        ]
    } else if path.starts_with("/miami") {
        Vec::new()
    } else {
        vec![("Authorization", "Bearer $TOKEN"), key]
    };
    if has_body && !path.starts_with("/miami") {
        headers.push(("Content-Type", "application/json"));
    }
    headers
}

/// A piece of a text with placeholders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// As it stands.
    Text(&'a str),
    /// The name of a value, without its `$`.
    Name(&'a str),
}

/// Cuts a text at its `$PLACEHOLDERS`.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut parts = text.split('$');
    let mut pieces = vec![Piece::Text(parts.next().unwrap_or_default())];
    for part in parts {
        let end = part.find(|it: char| !it.is_ascii_uppercase() && it != '_');
        let (name, rest) = part.split_at(end.unwrap_or(part.len()));
        pieces.extend([Piece::Name(name), Piece::Text(rest)]);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_their_placeholders() {
        use Piece::{Name, Text};
        assert_eq!(
            pieces("a $MSN/$TOKEN"),
            [Text("a "), Name("MSN"), Text("/"), Name("TOKEN"), Text("")]
        );
        assert_eq!(pieces("plain"), [Text("plain")]);
    }
}
