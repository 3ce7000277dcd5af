//! Why a call was refused, for one reader.

use std::sync::Arc;

use sandkasse_api::{Route, find};
use sandkasse_catalogue::{Catalogue, Cause as PageCause, Kind, Page, Wire};
use sandkasse_domain::{Environment, Msn, Timestamp};
use sandkasse_engine::Engine;
use sandkasse_gate::Step as Check;
use serde::Serialize;
use serde_json::Value;

use crate::{
    Compared, HttpCall, Reader, Record,
    compared::compared,
    entitled::{knows_keys, may_speak_of_keys, speaks_of_keys},
    near::{near_misses, near_order},
    record::is_key,
    remedy::{Case, Remedy, remedy},
    secrets,
    texts::ShownHeader,
};

/// All there is to say about a refusal, to one reader.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The last part of its address.
    pub id: String,
    /// Real time.
    pub at: Timestamp,
    /// Where the call was made.
    pub environment: Environment,
    /// What was called, if that exists: `POST /ecomm/v2/payments`.
    pub operation: Option<&'static str>,
    /// Whose keys these were, if they fit together.
    pub caller: Option<String>,
    /// The sales unit acted for.
    pub msn: Option<Msn>,
    /// What was sent, without secrets.
    pub request: Sent,
    /// What was answered, without secrets.
    pub response: Answered,
    /// The checks in their order; the last one failed.
    pub checks: Vec<Checked>,
    /// Why, finer than any code.
    pub cause: &'static str,
    /// What is true.
    pub means: String,
    /// How to tell that it is this one.
    pub tell: String,
    /// What was expected and what came.
    pub compared: Vec<Compared>,
    /// What was probably meant.
    pub near_misses: Vec<String>,
    /// What to do.
    pub remedy: Remedy,
    /// The page of the catalogue.
    pub page: PageLink,
    /// How sure we are that the platform answers so: `recorded`, `documented` or `inferred`.
    pub certainty: &'static str,
    /// Where we know it from.
    pub source: String,
    /// Rows of the FAQ.
    pub faq: Vec<String>,
    /// Where the platform tells what is wrong with it: of an answer with 500 or above, while it tells
    /// of something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_page: Option<String>,
    /// What this reader does not see, if there is something.
    pub withheld: Option<&'static str>,
}

/// A request, as it may be seen.
#[derive(Clone, Debug, Serialize)]
pub struct Sent {
    /// HTTP method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The headers.
    pub headers: Vec<ShownHeader>,
    /// The body.
    pub body: String,
    /// The same as a command; secrets are named.
    pub curl: String,
}

/// An answer, as it may be seen.
#[derive(Clone, Debug, Serialize)]
pub struct Answered {
    /// HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<ShownHeader>,
    /// The body.
    pub body: String,
}

/// A check that was made.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// Which one.
    pub check: Check,
    /// Whether it let the call pass.
    pub passed: bool,
    /// What it saw.
    pub saw: String,
}

/// A page of the catalogue.
#[derive(Clone, Debug, Serialize)]
pub struct PageLink {
    /// Its name.
    pub slug: String,
    /// Its heading.
    pub title: String,
    /// Where it can be read.
    pub url: String,
}

/// Says why a recorded call was refused. `None` when it was not.
pub(crate) async fn explain(
    engine: &Engine,
    record: &Arc<Record>,
    id: String,
    reader: &Reader,
    (base, portal): (&str, &str),
) -> Option<Explanation> {
    let why = record.why.as_ref()?;
    let knows_keys = knows_keys(engine, record, why, reader);
    let hears_of_keys = *reader == Reader::Administrator || (speaks_of_keys(why) && knows_keys);
    let cause = if knows_keys {
        why.id(record.environment)
    } else {
        why.public_id(record.environment)
    };
    let (page, page_cause) = page(record, cause)?;
    let near_order = near_order(engine, record, why).await;
    let case = Case {
        engine,
        record,
        why,
        base,
        portal,
        fix: &page_cause.fix,
        instead: page_cause.instead.as_deref(),
        near_order: near_order.clone(),
        knows_keys,
    };
    let route = find(record.environment, &record.method, record.path()).ok();
    // What checks received is not masked as the record is, and people paste keys anywhere.
    let is_key = is_key(engine);
    let shown = |text: &str| secrets::words(text, &is_key);
    let mut compared = compared(record, why);
    for row in &mut compared {
        (row.expected, row.received) = (shown(&row.expected), shown(&row.received));
    }
    let near_misses = near_misses(engine, record, why, near_order, knows_keys).await;
    Some(Explanation {
        id,
        at: record.at,
        environment: record.environment,
        operation: route.as_ref().map(Route::name),
        caller: record.client_described(),
        msn: record.unit.clone(),
        request: Sent {
            method: record.method.to_string(),
            path: record.path().to_owned(),
            headers: record.headers().map(ShownHeader::from).collect(),
            body: record.body().to_owned(),
            curl: HttpCall::of(record, base).curl(),
        },
        response: Answered {
            status: record.status,
            headers: record.answer_headers().map(ShownHeader::from).collect(),
            body: record.answer_body().to_owned(),
        },
        checks: checks(record, cause, hears_of_keys),
        cause,
        means: page_cause.means.clone(),
        tell: page_cause.tell.clone(),
        compared,
        near_misses: near_misses.iter().map(|near| shown(near)).collect(),
        remedy: remedy(&case).shown(&shown),
        page: PageLink {
            slug: page.slug.clone(),
            title: page.title.clone(),
            url: format!("{portal}/catalogue/{}", page.slug),
        },
        certainty: match page.evidence.kind {
            Kind::Recorded => "recorded",
            Kind::Documented => "documented",
            Kind::Inferred => "inferred",
        },
        source: page.evidence.source.clone(),
        faq: page_cause.faq.clone(),
        status_page: (record.status >= 500 && engine.is_troubled(record.environment))
            .then(|| format!("{portal}/status/{}", record.environment)),
        withheld: (may_speak_of_keys(why) && !hears_of_keys).then_some(
            "If this key or token nearly is a stored one, only its owner and the administrator read which.",
        ),
    })
}

/// The page about an answer; where its text was changed, the page of the cause.
fn page(record: &Record, cause: &'static str) -> Option<(&'static Page, &'static PageCause)> {
    let catalogue = Catalogue::get();
    let media = record
        .answer_headers()
        .find(|header| header.name == "content-type")
        .map_or("", |header| header.value);
    let (code, text) = spoken(record.answer_body());
    let wire = Wire {
        status: record.status,
        media,
        code: code.as_deref(),
        text: text.as_deref(),
    };
    catalogue
        .of_answer(cause, wire)
        .or_else(|| catalogue.pages_of(cause).next())
}

/// Code and text of an answer, whatever its format.
fn spoken(body: &str) -> (Option<String>, Option<String>) {
    let Ok(value) = serde_json::from_str::<Value>(body) else {
        return (None, None);
    };
    let first = value.get(0).unwrap_or(&value);
    let text = |name: &str| first.get(name).and_then(Value::as_str).map(str::to_owned);
    // Of bad members the first, of which the `detail` tells nothing.
    let param = |name: &str| {
        let found = first.pointer(&format!("/invalidParams/0/{name}"));
        found.and_then(Value::as_str).map(str::to_owned)
    };
    // ePayment: a code, or else the first bad member.
    let extra = |name: &str| {
        let found = first.pointer(&format!("/extraDetails/0/{name}"));
        found.and_then(Value::as_str).map(str::to_owned)
    };
    if extra("name").as_deref() == Some("ErrorCode") {
        return (extra("reason"), text("detail"));
    }
    if text("detail").as_deref() == Some("See extraDetails for further details") {
        return (extra("name"), extra("reason"));
    }
    // Checkout lists texts by member, and has no `detail` where the title says all.
    let by_member = || {
        let texts = first.get("errors")?.as_object()?.values().next()?;
        texts.get(0)?.as_str().map(str::to_owned)
    };
    let said = text("errorMessage")
        .or_else(|| text("message"))
        .or_else(|| param("reason"))
        .or_else(by_member)
        .or_else(|| text("detail"))
        .or_else(|| text("errorCode").and_then(|_| text("title")));
    (text("errorCode").or_else(|| param("name")), said)
}

fn checks(record: &Record, cause: &'static str, hears_of_keys: bool) -> Vec<Checked> {
    let proved = record.client.is_some() || hears_of_keys;
    record
        .checks()
        .map(|line| {
            // Whose a key is shows only to a caller who has proved it.
            let of_keys = matches!(
                line.step,
                Check::SubscriptionKeyValid | Check::Token | Check::SameOwner
            );
            let saw = if !line.passed {
                cause.to_owned()
            } else if of_keys && !proved {
                "passed".to_owned()
            } else {
                line.saw.to_string()
            };
            Checked {
                check: line.step,
                passed: line.passed,
                saw,
            }
        })
        .collect()
}
