//! Why a call was refused, for one reader.

use std::sync::Arc;

use sandkasse_api::{Route, Why, find, token::TokenCause};
use sandkasse_catalogue::{Catalogue, Cause as PageCause, Kind, Page, Wire};
use sandkasse_domain::{
    Environment, Msn, OrderId, PhoneNumber, Timestamp, payment::Cause, person::CannotPay,
};
use sandkasse_engine::{Engine, Unit, directory::Client};
use sandkasse_gate::{GateCause, KeyNear, Step as Check, TokenFault, distance};
use sandkasse_store::{Kind as RecordKind, StreamId};
use serde::Serialize;
use serde_json::Value;

use crate::{
    HttpCall, Reader, Record,
    remedy::{Case, Remedy, nearest, remedy},
    secrets::ShownHeader,
};

/// So many orders of a sales unit are looked at for one that was probably meant.
const LOOKED_AT: usize = 1000;
/// An order id so many letters off was probably meant.
const LETTERS_OFF: usize = 2;

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

/// What was expected and what came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// Of what.
    pub what: &'static str,
    /// What would have passed.
    pub expected: String,
    /// What came. Of secrets only the beginning.
    pub received: String,
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
    let route = find(record.environment, &record.method, &record.path).ok();
    Some(Explanation {
        id,
        at: record.at,
        environment: record.environment,
        operation: route.as_ref().map(Route::name),
        caller: record.client_described.clone(),
        msn: record.unit.clone(),
        request: Sent {
            method: record.method.to_string(),
            path: record.path.clone(),
            headers: record.headers.to_vec(),
            body: record.body.clone(),
            curl: HttpCall::of(record, base).curl(),
        },
        response: Answered {
            status: record.status,
            headers: record.answer_headers.to_vec(),
            body: record.answer_body.clone(),
        },
        checks: checks(record, cause, knows_keys),
        cause,
        means: page_cause.means.clone(),
        tell: page_cause.tell.clone(),
        compared: compared(record, why),
        near_misses: near_misses(engine, record, why, near_order, knows_keys).await,
        remedy: remedy(&case),
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
        withheld: (!knows_keys && speaks_of_keys(why)).then_some(
            "What this key or token nearly is, only its owner and the administrator read.",
        ),
    })
}

/// The page about an answer; where its text was changed, the page of the cause.
fn page(record: &Record, cause: &'static str) -> Option<(&'static Page, &'static PageCause)> {
    let catalogue = Catalogue::get();
    let media = record
        .answer_headers
        .get("content-type")
        .unwrap_or_default();
    let (code, text) = spoken(&record.answer_body);
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
    let said = text("errorMessage")
        .or_else(|| text("message"))
        .or_else(|| text("detail"));
    (text("errorCode"), said)
}

/// Whether a reader may hear of stored keys: their owner, and the administrator.
fn knows_keys(engine: &Engine, record: &Record, why: &Why, reader: &Reader) -> bool {
    match reader {
        Reader::Administrator => true,
        Reader::Holder => !speaks_of_keys(why),
        Reader::Keys(client) => {
            if !speaks_of_keys(why) {
                return true;
            }
            let both = Environment::ALL.map(|environment| engine.directory.of(environment));
            let described = both
                .iter()
                .find_map(|directory| directory.client(client))
                .map(Client::described);
            if let Why::Token(_) = why {
                return record.header("client_id") == Some(client);
            }
            owners(why)
                .is_some_and(|owners| owners.iter().all(|owner| Some(owner) == described.as_ref()))
        }
    }
}

/// Whose keys a cause speaks of.
fn owners(why: &Why) -> Option<Vec<String>> {
    match why {
        Why::Gate(GateCause::SubscriptionKeyUnknown { near: Some(near) }) => {
            let (KeyNear::OtherEnvironment { of }
            | KeyNear::Regenerated { of, .. }
            | KeyNear::Blanks { of }) = near;
            Some(vec![of.clone()])
        }
        Why::Gate(GateCause::KeysOfDifferentOwners {
            token_of, key_of, ..
        }) => Some(vec![token_of.clone(), key_of.clone()]),
        Why::Gate(GateCause::SubscriptionKeyProduct { msn, .. }) => {
            Some(vec![format!("sales unit {msn}")])
        }
        Why::Gate(_)
        | Why::Body(_)
        | Why::Fields(_)
        | Why::Payment(_)
        | Why::Token(_)
        | Why::Userinfo(_)
        | Why::Unread(_)
        | Why::NotBuilt
        | Why::Struck(_)
        | Why::Fault(_) => None,
    }
}

fn speaks_of_keys(why: &Why) -> bool {
    matches!(
        why,
        Why::Gate(
            GateCause::SubscriptionKeyUnknown { near: Some(_) }
                | GateCause::SubscriptionKeyProduct { .. }
                | GateCause::KeysOfDifferentOwners { .. }
        ) | Why::Token(
            TokenCause::SecretWrong {
                regenerated_at: Some(_)
            } | TokenCause::ClientUnknown {
                elsewhere: true,
                ..
            }
        )
    )
}

fn checks(record: &Record, cause: &'static str, knows_keys: bool) -> Vec<Checked> {
    let proved = record.client.is_some() || knows_keys;
    record
        .trace
        .lines()
        .iter()
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

fn compared(record: &Record, why: &Why) -> Vec<Compared> {
    let one = |what, expected: String, received: String| {
        vec![Compared {
            what,
            expected,
            received,
        }]
    };
    let header = |name: &str| record.header(name).unwrap_or("nothing").to_owned();
    match why {
        Why::Gate(cause) => match cause {
            GateCause::RouteUnknown { path } => one("path", "a known one".to_owned(), path.clone()),
            GateCause::MethodUnknown {
                method, allowed, ..
            } => one("method", allowed.join(", "), method.clone()),
            GateCause::SubscriptionKeyMissing { misspelt } => one(
                "header",
                "Ocp-Apim-Subscription-Key".to_owned(),
                misspelt.clone().unwrap_or_else(|| "nothing".to_owned()),
            ),
            GateCause::SubscriptionKeyUnknown { .. } | GateCause::SubscriptionKeyProduct { .. } => {
                one(
                    "Ocp-Apim-Subscription-Key",
                    format!("a live key of the {} environment", record.environment),
                    header("ocp-apim-subscription-key"),
                )
            }
            GateCause::Token {
                fault:
                    TokenFault::Missing {
                        misspelt: Some(sent),
                    },
            } => one("header", "Authorization".to_owned(), sent.clone()),
            GateCause::Token { .. } => one(
                "Authorization",
                "Bearer, one space, and a live access token".to_owned(),
                header("authorization"),
            ),
            GateCause::RateExceeded { limit, about, .. } => one(
                "calls a minute",
                format!("at most {limit} for {about}"),
                "more".to_owned(),
            ),
            GateCause::MsnNotYours { msn, yours, .. } => {
                one("sales unit", yours.to_string(), msn.clone())
            }
            GateCause::PartnerMsnMissing { misspelt, in_body } => one(
                "header",
                "Merchant-Serial-Number".to_owned(),
                match (misspelt, in_body) {
                    (Some(sent), _) => sent.clone(),
                    (None, Some(msn)) => format!("{msn} in the body only"),
                    (None, None) => "nothing".to_owned(),
                },
            ),
            GateCause::PartnerMsnUnknown { msn, .. } | GateCause::PartnerMsn { msn, .. } => one(
                "sales unit",
                "one that is linked to this partner, the same in header and body".to_owned(),
                msn.clone(),
            ),
            GateCause::KeysOfDifferentOwners { .. }
            | GateCause::KeysWithoutRight { .. }
            | GateCause::Standing { .. } => Vec::new(),
        },
        Why::Body(sandkasse_api::BodyFault::Type {
            expected, received, ..
        }) => one("JSON type", (*expected).to_owned(), (*received).to_owned()),
        Why::Body(sandkasse_api::BodyFault::MemberCase { expected, received }) => {
            one("member", expected.clone(), received.clone())
        }
        Why::Fields(faults) => faults
            .iter()
            .map(|fault| Compared {
                what: "member",
                expected: format!("{}: {}", fault.code, fault.text),
                received: fault.detail.clone(),
            })
            .collect(),
        Why::Token(TokenCause::GrantType { received }) => one(
            "grant_type",
            "client_credentials".to_owned(),
            received.clone(),
        ),
        Why::Body(_)
        | Why::Payment(_)
        | Why::Token(_)
        | Why::Userinfo(_)
        | Why::Unread(_)
        | Why::NotBuilt
        | Why::Struck(_)
        | Why::Fault(_) => Vec::new(),
    }
}

/// The detectors of errors-faq.md, "Explanation record".
async fn near_misses(
    engine: &Engine,
    record: &Record,
    why: &Why,
    near_order: Option<String>,
    knows_keys: bool,
) -> Vec<String> {
    let mut near = Vec::new();
    match why {
        Why::Gate(GateCause::RouteUnknown { .. } | GateCause::MethodUnknown { .. }) => {
            if let Some((method, path)) = nearest(record.method.as_str(), &record.path) {
                near.push(format!("{method} {path} exists"));
            }
        }
        Why::Gate(GateCause::SubscriptionKeyUnknown { near: Some(it) }) if knows_keys => {
            near.push(match it {
                KeyNear::OtherEnvironment { of } => {
                    format!("the key is alive in the other environment, for {of}")
                }
                KeyNear::Regenerated { of, key, at } => {
                    format!("it was {of}'s {} until {at}", key.name())
                }
                KeyNear::Blanks { of } => format!("without blanks it is the key of {of}"),
            });
        }
        Why::Token(TokenCause::ClientUnknown {
            elsewhere: true, ..
        }) if knows_keys => near.push("the other environment knows this client_id".to_owned()),
        Why::Payment(Cause::OrderUnknown { order, .. }) => {
            if let Some(other) = near_order {
                near.push(format!("there is an order `{other}`"));
            }
            if is_elsewhere(engine, record, order).await {
                near.push(format!(
                    "the same merchant has an order of this id in the {} environment",
                    record.environment.other()
                ));
            }
        }
        Why::Payment(Cause::CannotPay { reason }) => {
            let call: Option<Value> = serde_json::from_str(&record.body).ok();
            let sent = call.and_then(|body| {
                let number = body.pointer("/customerInfo/mobileNumber")?;
                Some(
                    number
                        .as_str()
                        .map_or_else(|| number.to_string(), str::to_owned),
                )
            });
            if let Some(Ok(corrected)) = sent.as_deref().map(PhoneNumber::correct)
                && sent.as_deref() != Some(corrected.as_str())
            {
                near.push(format!(
                    "the number was corrected to {corrected}; please send eight digits"
                ));
            }
            if record.environment == Environment::Test {
                near.extend(scripted(*reason).map(str::to_owned));
            }
        }
        Why::Fields(faults) => {
            for fault in faults {
                let hundred = fault.cause == "amount.invalid"
                    && fault
                        .detail
                        .strip_prefix("received ")
                        .and_then(|amount| amount.parse::<i64>().ok())
                        .is_some_and(|amount| (1..100).contains(&amount));
                if hundred {
                    near.push("amounts are in øre: 1 krone is 100".to_owned());
                }
            }
        }
        Why::Body(sandkasse_api::BodyFault::Type {
            received: "number with decimals",
            ..
        }) => {
            near.push("computing with floating point leaves such decimals; count in øre".to_owned())
        }
        Why::Gate(_)
        | Why::Body(_)
        | Why::Payment(_)
        | Why::Token(_)
        | Why::Userinfo(_)
        | Why::Unread(_)
        | Why::NotBuilt
        | Why::Struck(_)
        | Why::Fault(_) => {}
    }
    near
}

/// All persons of the test environment are made up, so there one may hear what is the matter.
fn scripted(reason: CannotPay) -> Option<&'static str> {
    match reason {
        CannotPay::Number(_) => None,
        CannotPay::Unknown => Some("no test person has this number; only test persons exist here"),
        CannotPay::TooYoung => Some("this test person is younger than 15"),
        CannotPay::Blocked => Some("this test person is blocked"),
        CannotPay::LimitReached => Some("this test person's spending limit is reached"),
        CannotPay::NeverLoggedIn => Some("this test person never logged in to the test app"),
    }
}

fn unit_of(engine: &Engine, record: &Record) -> Option<Arc<Unit>> {
    let msn = record.unit.as_ref()?;
    engine.directory.of(record.environment).unit(msn).cloned()
}

/// An own order whose id differs by case only, or by a letter or two.
async fn near_order(engine: &Engine, record: &Record, why: &Why) -> Option<String> {
    let Why::Payment(Cause::OrderUnknown { order, .. }) = why else {
        return None;
    };
    let partition = unit_of(engine, record)?.partition();
    let orders = engine
        .store()
        .list(&partition, RecordKind::Payment, "", None, LOOKED_AT)
        .await
        .ok()?;
    let wanted = order.to_ascii_lowercase();
    orders
        .into_iter()
        .map(|(name, _)| (distance(&name.to_ascii_lowercase(), &wanted), name))
        .filter(|(off, _)| *off <= LETTERS_OFF.min(wanted.len() / 3))
        .min()
        .map(|(_, name)| name)
}

/// Whether the same merchant has this order in the other environment.
async fn is_elsewhere(engine: &Engine, record: &Record, order: &str) -> bool {
    let Some(own) = unit_of(engine, record) else {
        return false;
    };
    if OrderId::try_new(order).is_none() {
        return false;
    }
    let there = engine.directory.of(record.environment.other());
    let stream = StreamId {
        kind: RecordKind::Payment,
        name: order.to_owned(),
    };
    for unit in there.units() {
        if unit.facts.merchant == own.facts.merchant
            && let Ok(Some(_)) = engine.store().load(&unit.partition(), &stream).await
        {
            return true;
        }
    }
    false
}
