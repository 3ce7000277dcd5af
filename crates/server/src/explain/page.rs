//! An explanation as a page, in the portal's look. It stands on the API's own listener, so that its
//! address can be opened where the call was made; what it loads stands beside it.

use askama::Template;
use http::{
    HeaderName,
    header::{CACHE_CONTROL, REFERRER_POLICY},
};
use sandkasse_api::Answer;
use sandkasse_inspect::{Explanation, Step};

use crate::portal::shell;

/// Why there is nothing to read.
pub(super) const NOTHING: &str = "There is no such explanation, it was forgotten, or it is not yours: \
     send the keys of the call (Authorization and Ocp-Apim-Subscription-Key), or the administrator's token.";

/// Our own style sheet and script, no forms, no frames, nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; \
     frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "explain.html")]
struct Page<'a> {
    it: &'a Explanation,
    steps: Vec<Line>,
    /// The portal's base URL.
    portal: &'a str,
    /// Where the sales unit is on the portal.
    unit: Option<String>,
    msn: &'a str,
    /// The order that the path names.
    order: Option<&'a str>,
}

/// A step of the remedy, for people.
struct Line {
    what: String,
    curl: Option<String>,
}

#[derive(Template)]
#[template(path = "unexplained.html")]
struct Nothing {
    text: &'static str,
}

/// Filters of the templates.
mod filters {
    #[expect(clippy::unnecessary_wraps, reason = "the form of every filter")]
    pub(super) fn coded(text: &str, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(crate::coded::coded(text))
    }
}

pub(super) fn explanation(it: &Explanation) -> Answer {
    let alone = it.remedy.steps.len() == 1;
    let steps = it
        .remedy
        .steps
        .iter()
        .map(|step| match step {
            Step::Control { what, call, .. } | Step::Call { what, call, .. } => Line {
                what: what.clone(),
                curl: Some(call.curl()),
            },
            Step::Wait { seconds } => Line {
                what: format!("Wait {seconds} seconds."),
                curl: None,
            },
            Step::Send { call } => Line {
                what: if alone {
                    "Send this:"
                } else {
                    "Then send this:"
                }
                .to_owned(),
                curl: Some(call.curl()),
            },
        })
        .collect();
    let portal = it.page.url.split("/catalogue/").next().unwrap_or_default();
    let unit = it.msn.as_ref();
    let page = Page {
        steps,
        portal,
        // What the explanation names itself, and nothing that is looked up for the link.
        unit: unit.map(|msn| format!("{portal}/units/{}/{msn}", it.environment)),
        msn: unit.map_or("", |msn| msn.as_str()),
        order: order_in(&it.request.path),
        it,
    };
    answered(200, &page)
}

pub(super) fn nothing() -> Answer {
    answered(404, &Nothing { text: NOTHING })
}

/// What the page loads.
pub(super) fn file(name: &str) -> Option<Answer> {
    let (media, content) = shell::file(name)?;
    Some(secured(Answer::new(200, media, content)).with(CACHE_CONTROL, "max-age=300"))
}

/// `acme-1` in `/ecomm/v2/payments/acme-1/capture`.
fn order_in(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("/payments/")?;
    rest.split('/').next().filter(|it| !it.is_empty())
}

fn answered(status: u16, template: &impl Template) -> Answer {
    match template.render() {
        Ok(html) => secured(Answer::new(status, "text/html; charset=utf-8", html))
            .with(CACHE_CONTROL, "no-store"),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            sandkasse_api::gateway(500, "Internal server error")
        }
    }
}

/// The next site does not learn the address, which is a key of its own.
fn secured(answer: Answer) -> Answer {
    answer
        .with(HeaderName::from_static("content-security-policy"), POLICY)
        .with(HeaderName::from_static("x-frame-options"), "DENY")
        .with(HeaderName::from_static("x-content-type-options"), "nosniff")
        .with(REFERRER_POLICY, "no-referrer")
}
