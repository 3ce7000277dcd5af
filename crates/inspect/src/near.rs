//! Near misses: what was probably meant. Hints beside the decision, never a part of it. Orders are
//! looked for among the caller's own only.

use std::sync::Arc;

use sandkasse_api::{Why, token::TokenCause};
use sandkasse_domain::{Environment, Known, OrderId, payment::Cause, person::CannotPay};
use sandkasse_engine::{Engine, Unit};
use sandkasse_gate::{GateCause, KeyNear, TokenFault, distance};
use sandkasse_store::{Kind, StreamId};

use crate::{Record, remedy::nearest};

/// So many orders of a sales unit are looked at for one that was probably meant.
const LOOKED_AT: usize = 1000;
/// An order id so many letters off was probably meant.
const LETTERS_OFF: usize = 2;

/// The detectors of errors-faq.md, "Explanation record".
pub(crate) async fn near_misses(
    engine: &Engine,
    record: &Record,
    why: &Why,
    near_order: Option<String>,
    knows_keys: bool,
) -> Vec<String> {
    let mut near = Vec::new();
    match why {
        Why::Gate(GateCause::RouteUnknown { .. } | GateCause::MethodUnknown { .. }) => {
            if let Some((method, path)) = nearest(record.method.as_str(), record.path()) {
                near.push(format!("{method} {path} exists"));
            }
        }
        Why::Gate(
            GateCause::SubscriptionKeyMissing {
                misspelt: Some(sent),
            }
            | GateCause::PartnerMsnMissing {
                misspelt: Some(sent),
                ..
            }
            | GateCause::Token {
                fault:
                    TokenFault::Missing {
                        misspelt: Some(sent),
                    },
            },
        )
        | Why::Token(
            TokenCause::ClientIdMissing {
                misspelt: Some(sent),
            }
            | TokenCause::SecretMissing {
                misspelt: Some(sent),
            },
        ) => near.push(format!("the header `{sent}` is almost the right one")),
        Why::Gate(GateCause::PartnerMsnMissing {
            in_body: Some(msn), ..
        }) => near.push(format!("{msn} stands in the body, and not in the header")),
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
            if let Some((_, corrected)) = record.corrected_phone() {
                near.push(format!(
                    "the number was corrected to {corrected}; please send eight digits"
                ));
            }
            if record.environment == Environment::Test {
                near.extend(scripted(*reason).map(str::to_owned));
            }
        }
        Why::Fields(faults) => {
            // The one that stands in the header belongs in the body as well.
            if faults.iter().any(|fault| fault.cause.0 == "msn.format")
                && let Some(msn) = record.header("merchant-serial-number")
            {
                near.push(format!("the header names {msn}, the body does not"));
            }
            for fault in faults {
                let hundred = fault.cause.0 == "amount.invalid"
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
            received: Known("number with decimals"),
            ..
        }) => {
            near.push("computing with floating point leaves such decimals; count in øre".to_owned())
        }
        Why::Gate(_)
        | Why::Body(_)
        | Why::Payment(_)
        | Why::Token(_)
        | Why::Userinfo(_)
        | Why::Epayment(_)
        | Why::OrderManagement(_)
        | Why::Qr(_)
        | Why::Report(_)
        | Why::Checkout(_)
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
        CannotPay::BelowMinimumAge => Some("this test person is younger than the payment asks for"),
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
pub(crate) async fn near_order(engine: &Engine, record: &Record, why: &Why) -> Option<String> {
    let Why::Payment(Cause::OrderUnknown { order, .. }) = why else {
        return None;
    };
    let partition = unit_of(engine, record)?.partition();
    let orders = engine
        .store()
        .list(&partition, Kind::Payment, "", None, LOOKED_AT)
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
        kind: Kind::Payment,
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
