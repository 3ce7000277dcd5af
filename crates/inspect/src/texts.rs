//! All texts of a call in one piece of memory.
//!
//! A call has some forty texts, and is forgotten thousands of calls later by another thread. Forty
//! pieces of memory would cost more than writing them.

use sandkasse_api::{Answer, Request};
use sandkasse_gate::{Step, Trace};
use serde::{Deserialize, Serialize};

use crate::secrets;

/// No more of a body is kept.
pub(crate) const MOST_BODY: usize = 64 * 1024;
/// Masked values may be a little longer than was thought.
const SPARE: usize = 64;

/// Path, headers, bodies and checks, without secrets.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    /// One behind the other.
    text: String,
    layout: Layout,
}

/// Which piece of the text is what.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Layout {
    /// Where each text ends: path, body, answer's body, names and values of the headers, those of
    /// the answer's headers, what each check saw.
    ends: Vec<u32>,
    /// Whether the value of each header was masked, the answer's last.
    masked: Vec<bool>,
    /// Of the headers, so many are the request's.
    of_request: usize,
    /// Each check, and whether it let the call pass.
    steps: Vec<(Step, bool)>,
}

/// A header as it may be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The name, in small letters.
    pub name: &'a str,
    /// The value, or what may be seen of it.
    pub value: &'a str,
    /// Whether the value was masked.
    pub masked: bool,
}

/// A check of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Check<'a> {
    /// Which one.
    pub step: Step,
    /// Whether it let the call pass.
    pub passed: bool,
    /// What it saw.
    pub saw: &'a str,
}

/// Where the texts of each kind begin among the ends.
const PATH: usize = 0;
const BODY: usize = 1;
const ANSWER_BODY: usize = 2;
const HEADERS: usize = 3;

impl Texts {
    pub(crate) fn of(
        request: &Request,
        answer: &Answer,
        trace: &Trace,
        is_key: &dyn Fn(&str) -> bool,
    ) -> Texts {
        let all = [&request.headers, &answer.headers];
        let headers = request.headers.len() + answer.headers.len();
        let checks = trace.lines();
        let length = request.path.len()
            + request.body.len().min(MOST_BODY)
            + answer.body.len().min(MOST_BODY)
            + all.map(secrets::length).iter().sum::<usize>()
            + checks.iter().map(|check| check.saw.len()).sum::<usize>()
            + SPARE;
        let mut texts = Texts {
            text: String::with_capacity(length),
            layout: Layout {
                ends: Vec::with_capacity(HEADERS + 2 * headers + checks.len()),
                masked: Vec::with_capacity(headers),
                of_request: request.headers.len(),
                steps: Vec::with_capacity(checks.len()),
            },
        };
        texts.push(|out| secrets::push_words(out, &request.path, is_key));
        texts.push(|out| push_body(out, &request.body, is_key));
        texts.push(|out| push_body(out, &answer.body, is_key));
        for (name, value) in all.into_iter().flatten() {
            texts.push(|out| out.push_str(name.as_str()));
            let value = value.as_bytes();
            let masked = texts.push(|out| secrets::push_header(out, name, value, is_key));
            texts.layout.masked.push(masked);
        }
        for check in checks {
            texts.push(|out| match &check.saw {
                // What is written in the program holds no secret.
                std::borrow::Cow::Borrowed(saw) => out.push_str(saw),
                std::borrow::Cow::Owned(saw) => {
                    secrets::push_words(out, saw, is_key);
                }
            });
            texts.layout.steps.push((check.step, check.passed));
        }
        texts
    }

    /// The same as it was written down. `None` when text and layout do not fit.
    pub(crate) fn put_together(text: String, layout: Layout) -> Option<Texts> {
        let count = HEADERS + 2 * layout.masked.len() + layout.steps.len();
        let fits = layout.ends.len() == count
            && layout.of_request <= layout.masked.len()
            && layout.ends.is_sorted()
            && layout
                .ends
                .iter()
                .all(|end| text.is_char_boundary(*end as usize))
            && layout
                .ends
                .last()
                .is_some_and(|end| *end as usize == text.len());
        fits.then_some(Texts { text, layout })
    }

    /// All texts, one behind the other.
    pub(crate) fn all(&self) -> &str {
        &self.text
    }

    /// Which piece is what.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    fn push<T>(&mut self, write: impl FnOnce(&mut String) -> T) -> T {
        let written = write(&mut self.text);
        // Longer than four gigabytes is no call: headers and bodies are limited.
        self.layout
            .ends
            .push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        written
    }

    fn get(&self, at: usize) -> &str {
        let end = |at: usize| self.layout.ends.get(at).map_or(0, |end| *end as usize);
        let begin = at.checked_sub(1).map_or(0, end);
        self.text.get(begin..end(at)).unwrap_or_default()
    }

    pub(crate) fn path(&self) -> &str {
        self.get(PATH)
    }

    pub(crate) fn body(&self) -> &str {
        self.get(BODY)
    }

    pub(crate) fn answer_body(&self) -> &str {
        self.get(ANSWER_BODY)
    }

    fn all_headers(&self) -> impl Iterator<Item = Header<'_>> {
        let each = self.layout.masked.iter().enumerate();
        each.map(|(number, masked)| {
            let at = HEADERS + 2 * number;
            Header {
                name: self.get(at),
                value: self.get(at + 1),
                masked: *masked,
            }
        })
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        self.all_headers().take(self.layout.of_request)
    }

    pub(crate) fn answer_headers(&self) -> impl Iterator<Item = Header<'_>> {
        self.all_headers().skip(self.layout.of_request)
    }

    pub(crate) fn checks(&self) -> impl Iterator<Item = Check<'_>> {
        let first = HEADERS + 2 * self.layout.masked.len();
        let each = self.layout.steps.iter().enumerate();
        each.map(move |(number, (step, passed))| Check {
            step: *step,
            passed: *passed,
            saw: self.get(first + number),
        })
    }

    /// Bytes in memory, roughly.
    pub(crate) fn size(&self) -> usize {
        self.text.capacity()
            + self.layout.ends.capacity() * size_of::<u32>()
            + self.layout.masked.capacity()
            + self.layout.steps.capacity() * size_of::<(Step, bool)>()
    }
}

/// The same, to be passed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShownHeader {
    /// The name, in small letters.
    pub name: String,
    /// The value, or what may be seen of it.
    pub value: String,
    /// Whether the value was masked.
    pub masked: bool,
}

impl From<Header<'_>> for ShownHeader {
    fn from(header: Header<'_>) -> ShownHeader {
        ShownHeader {
            name: header.name.to_owned(),
            value: header.value.to_owned(),
            masked: header.masked,
        }
    }
}

fn push_body(out: &mut String, bytes: &[u8], is_key: &dyn Fn(&str) -> bool) {
    let kept = bytes.get(..MOST_BODY).map_or(bytes, |kept| {
        // A secret that is cut in two is none that is recognised: it goes as a whole.
        let blank = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"+/=_-.%".contains(byte);
        let whole = kept.iter().rposition(blank).unwrap_or(0);
        kept.get(..whole).unwrap_or_default()
    });
    secrets::push_body(out, &secrets::text(kept), is_key);
}
