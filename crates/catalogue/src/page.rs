//! A page: its head, which programs read, and its prose, which people read.

use std::fmt;

use sandkasse_domain::Wording;
use serde::Deserialize;

/// One answer on the wire, and what may be true when it comes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Folder and file name: `ecom/order-not-found`.
    #[serde(skip)]
    pub slug: String,
    /// The heading.
    pub title: String,
    /// HTTP status; `None` where it is no answer to a call.
    pub status: Option<u16>,
    /// How the answer is written.
    pub format: Format,
    /// `errorGroup`, or `error` of the identity provider.
    pub group: Option<String>,
    /// `errorCode`; for bad members the member's path. `{placeholders}` where it varies.
    pub code: Option<String>,
    /// Other codes that people look for and find here.
    #[serde(default)]
    pub also: Vec<String>,
    /// What it says, exactly.
    #[serde(rename = "wording")]
    pub texts: Texts,
    /// What else was different when it was recorded.
    #[serde(default)]
    pub recorded: Recorded,
    /// How we know.
    pub evidence: Evidence,
    /// What may be true.
    #[serde(rename = "cause")]
    pub causes: Vec<Cause>,
    /// The prose, as Markdown.
    #[serde(skip)]
    pub prose: String,
}

/// How an answer is written (reference: platform.md §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Format A: `{ "statusCode": …, "message": … }`.
    Gateway,
    /// Format B: the access token was refused.
    TokenRejected,
    /// Format C: keys of different owners, an object.
    KeysDiffer,
    /// Format F: the identity provider's own.
    Oauth,
    /// Format D: eCom's array.
    Ecom,
    /// Format E: problem details.
    Problem,
    /// The older problem details of QR and Order Management: `invalidParams`, and no status.
    Params,
    /// Report's own: a number and a text.
    Report,
    /// Checkout's own: `errorCode` beside the members of problem details.
    Checkout,
    /// `responseInfo` alone: a glitch of the test environment.
    Responseinfo,
    /// Words on a page or in the app that the payer sees.
    Page,
    /// A member of a call to the merchant, or such a call going wrong.
    Callback,
}

/// The exact text in each wording; `{placeholders}` where it varies.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// The default.
    pub faq: String,
    /// The guide's of 2023-06-08, if it differs.
    pub guide: Option<String>,
    /// What was recorded, if it differs.
    pub recorded: Option<String>,
}

/// What differs in the recorded form, other than the text.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// Another status.
    pub status: Option<u16>,
    /// Another group; the empty one is none.
    pub group: Option<String>,
}

/// How we know.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// How sure it is.
    pub kind: Kind,
    /// What documents say so, with their dates.
    pub source: String,
    /// Numbers of the reference's checks about it.
    #[serde(default)]
    pub checks: Vec<String>,
}

/// How sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Somebody saw these bytes.
    Recorded,
    /// A document says so.
    Documented,
    /// Our decision, from what documents say of similar things.
    Inferred,
}

/// Something that may be true.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// Its id, as explanations name it.
    pub id: String,
    /// Rows of errors-faq.md that name it.
    #[serde(default)]
    pub faq: Vec<String>,
    /// What is true.
    pub means: String,
    /// How to tell that it is this one.
    pub tell: String,
    /// What to change. With `mendable = false` empty.
    #[serde(default)]
    pub fix: String,
    /// Whether the caller can do something about it.
    #[serde(default = "yes")]
    pub mendable: bool,
    /// What to do when nothing mends it.
    pub instead: Option<String>,
    /// What happens before the request: stage directions (`catalogue/README.md`).
    #[serde(default)]
    pub given: Vec<String>,
    /// A request that provokes it.
    pub request: Option<String>,
    /// Why no request can provoke it.
    pub unprovokable: Option<String>,
    /// What must be built before the request provokes it.
    pub awaits: Option<String>,
}

fn yes() -> bool {
    true
}

/// A request as a page writes it; values may hold `$PLACEHOLDERS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// With its query, if any.
    pub path: &'a str,
    /// Headers sent besides the usual ones, or in their place.
    pub headers: Vec<(&'a str, &'a str)>,
    /// Usual headers left out.
    pub without: Vec<&'a str>,
    /// The body; empty for none.
    pub body: &'a str,
}

/// A page that cannot be read.
#[derive(Debug)]
pub struct Bad {
    slug: String,
    what: String,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "catalogue/{}.md: {}", self.slug, self.what)
    }
}

impl std::error::Error for Bad {}

impl Page {
    /// Reads a page: a TOML head between lines of `+++`, then Markdown.
    ///
    /// # Errors
    ///
    /// When there is no head, or a member of it is unknown, missing or of the wrong type.
    pub fn read(slug: &str, text: &str) -> Result<Page, Bad> {
        let bad = |what: String| Bad {
            slug: slug.to_owned(),
            what,
        };
        let (head, prose) = text
            .strip_prefix("+++\n")
            .and_then(|rest| rest.split_once("\n+++\n"))
            .ok_or_else(|| bad("no head between two lines of +++".to_owned()))?;
        let mut page: Page = toml::from_str(head).map_err(|error| bad(error.to_string()))?;
        slug.clone_into(&mut page.slug);
        prose.trim().clone_into(&mut page.prose);
        for cause in &page.causes {
            if cause.request.is_some() && cause.request().is_none() {
                return Err(bad(format!("{}: the request cannot be read", cause.id)));
            }
        }
        Ok(page)
    }

    /// The folder: whose answer it is.
    pub fn folder(&self) -> &str {
        self.slug.split('/').next().unwrap_or_default()
    }

    /// One of its causes.
    pub fn cause(&self, id: &str) -> Option<&Cause> {
        self.causes.iter().find(|cause| cause.id == id)
    }

    /// The status in a wording.
    pub fn status_in(&self, wording: Wording) -> Option<u16> {
        match wording {
            Wording::Faq | Wording::Guide => self.status,
            Wording::Recorded => self.recorded.status.or(self.status),
        }
    }

    /// The group in a wording; `None` where none is sent.
    pub fn group_in(&self, wording: Wording) -> Option<&str> {
        let usual = self.group.as_deref();
        let group = match wording {
            Wording::Faq | Wording::Guide => usual,
            Wording::Recorded => self.recorded.group.as_deref().or(usual),
        };
        group.filter(|group| !group.is_empty())
    }
}

impl Texts {
    /// The text in a wording.
    pub fn of(&self, wording: Wording) -> &str {
        let other = match wording {
            Wording::Faq => None,
            Wording::Guide => self.guide.as_deref(),
            Wording::Recorded => self.recorded.as_deref(),
        };
        other.unwrap_or(&self.faq)
    }

    /// Each text once, with where it is from.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let others = [
            ("guide of 2023-06-08", self.guide.as_deref()),
            ("recorded", self.recorded.as_deref()),
        ];
        let others = others
            .into_iter()
            .filter_map(|(from, text)| Some((from, text?)));
        std::iter::once(("", self.faq.as_str())).chain(others)
    }
}

impl Format {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Gateway => "gateway",
            Format::TokenRejected => "token rejected",
            Format::KeysDiffer => "keys differ",
            Format::Oauth => "identity provider",
            Format::Ecom => "eCom",
            Format::Problem => "problem details",
            Format::Params => "invalidParams",
            Format::Report => "Report",
            Format::Checkout => "Checkout",
            Format::Responseinfo => "responseInfo",
            Format::Page => "shown to the payer",
            Format::Callback => "call to the merchant",
        }
    }

    /// The `Content-Type` of such an answer; `None` where it is none.
    pub fn media_type(self) -> Option<&'static str> {
        Some(match self {
            Format::Gateway
            | Format::TokenRejected
            | Format::KeysDiffer
            | Format::Params
            | Format::Report
            | Format::Checkout
            | Format::Responseinfo => "application/json",
            Format::Oauth => "application/json; charset=utf-8",
            Format::Ecom => "application/json;charset=UTF-8",
            Format::Problem => "application/problem+json",
            Format::Page | Format::Callback => return None,
        })
    }
}

impl Kind {
    /// As a word.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Recorded => "recorded",
            Kind::Documented => "documented",
            Kind::Inferred => "inferred",
        }
    }
}

impl Cause {
    /// The request, cut into its parts; `None` when there is none.
    pub fn request(&self) -> Option<Request<'_>> {
        let text = self.request.as_deref()?.trim();
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let (method, path) = lines.next()?.split_once(' ')?;
        let (mut headers, mut without) = (Vec::new(), Vec::new());
        for line in lines {
            match line.strip_prefix('-') {
                Some(name) => without.push(name.trim()),
                None => {
                    let (name, value) = line.split_once(':')?;
                    headers.push((name.trim(), value.trim()));
                }
            }
        }
        Some(Request {
            method,
            path,
            headers,
            without,
            body: body.trim(),
        })
    }

    /// What to do about it, mendable or not.
    pub fn remedy(&self) -> &str {
        match &self.instead {
            Some(instead) if !self.mendable => instead,
            _ => &self.fix,
        }
    }
}
