//! An explanation as a page.

use askama::Template;
use sandkasse_api::Answer;
use sandkasse_inspect::{Explanation, Step};

use crate::landing::page;

/// Why there is nothing to read.
pub(super) const NOTHING: &str = "There is no such explanation, it was forgotten, or it is not yours: \
     send the keys of the call (Authorization and Ocp-Apim-Subscription-Key), or the administrator's token.";

#[derive(Template)]
#[template(path = "explain.html")]
struct Page<'a> {
    it: &'a Explanation,
    steps: Vec<Line>,
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
    page(200, &Page { it, steps })
}

pub(super) fn nothing() -> Answer {
    page(404, &Nothing { text: NOTHING })
}
