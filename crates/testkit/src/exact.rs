//! Exact bytes with ids in them that nobody can foresee.

use crate::Got;

impl Got {
    /// Asserts a 200 of eCom with exactly this body, in which every `{id}` stands for a
    /// transaction id of ten digits or more. Answers the ids in their order.
    #[track_caller]
    pub fn ok_exactly(&self, pattern: &str) -> Vec<String> {
        let media = self.header("content-type");
        assert_eq!(
            (self.status, media, self.cause()),
            (200, Some("application/json;charset=UTF-8"), ""),
            "{}",
            self.body
        );
        transaction_ids(&self.body, pattern)
    }
}

/// Asserts that a text is exactly this, in which every `{id}` stands for a transaction id of ten
/// digits or more. Answers the ids in their order.
#[track_caller]
pub fn transaction_ids(text: &str, pattern: &str) -> Vec<String> {
    let mut pieces = pattern.split("{id}");
    let differs = || panic!("expected {pattern}\nreceived {text}");
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else {
        differs()
    };
    let mut ids = Vec::new();
    for piece in pieces {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (id, after) = rest.split_at(digits);
        let Some(after) = after.strip_prefix(piece).filter(|_| digits >= 10) else {
            differs()
        };
        ids.push(id.to_owned());
        rest = after;
    }
    if !rest.is_empty() {
        differs()
    }
    ids
}
