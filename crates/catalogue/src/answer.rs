//! From an answer that was given to the page about it.

use sandkasse_domain::Wording;

use crate::{Catalogue, Cause, Page, pattern};

/// What of an answer decides its page.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wire<'a> {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub media: &'a str,
    /// `errorCode` of the first error, where there is one.
    pub code: Option<&'a str>,
    /// The text: `errorMessage`, `message` or `detail`; `None` when it is not at hand.
    pub text: Option<&'a str>,
}

impl Catalogue {
    /// The page about an answer that was given for a cause. Text and code decide where one cause
    /// is answered in several ways; what is not at hand decides nothing.
    pub fn of_answer(&self, cause: &str, wire: Wire<'_>) -> Option<(&Page, &Cause)> {
        self.pages
            .iter()
            .filter_map(|page| Some((page, page.cause(cause)?)))
            .filter(|(page, _)| page.answers(wire))
            .max_by_key(|(page, _)| page.folder() != "platform")
    }
}

impl Page {
    /// Whether an answer is the one this page is about, in any wording.
    pub fn answers(&self, wire: Wire<'_>) -> bool {
        let fits = |wording| {
            let status = self.status_in(wording).is_none_or(|it| it == wire.status);
            let text = wire
                .text
                .is_none_or(|text| pattern::matches(self.texts.of(wording), text));
            status && text
        };
        let code = match (&self.code, wire.code) {
            (Some(pattern), Some(code)) => pattern::matches(pattern, code),
            (None, _) | (_, None) => true,
        };
        let media = self.format.media_type() == Some(wire.media);
        media
            && code
            && [Wording::Faq, Wording::Guide, Wording::Recorded]
                .into_iter()
                .any(fits)
    }
}
