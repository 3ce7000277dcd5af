//! What the gate refused: paths, keys, numbers of sales units, limits, standing.

use sandkasse_api::Route;
use sandkasse_engine::directory::Client;
use sandkasse_gate::{GateCause, KeyNear, MsnIs, PartnerFault, Standing, TokenFault};
use serde_json::json;

use super::{Case, Remedy, Saves, Step, nearest};
use crate::{HttpCall, record::Owner};

const KEY: &str = "Ocp-Apim-Subscription-Key";
const MSN: &str = "Merchant-Serial-Number";

pub(super) fn remedy(case: &Case<'_>, cause: &GateCause) -> Remedy {
    match cause {
        GateCause::RouteUnknown { .. } => route(case),
        GateCause::MethodUnknown { allowed, .. } => {
            let method = allowed.0;
            let mut call = case.sent();
            method.clone_into(&mut call.method);
            case.send(call, format!("Use {method}."))
        }
        GateCause::SubscriptionKeyMissing { misspelt } => {
            let call = renamed(case.sent(), misspelt.as_deref());
            let says = match misspelt {
                Some(sent) => format!("Received `{sent}`, expected `{KEY}`: rename the header."),
                None => case.fix.to_owned(),
            };
            case.send(call.header(KEY, "$SUBSCRIPTION_KEY"), says)
        }
        GateCause::SubscriptionKeyUnknown { near } => {
            let says = match near.as_ref().filter(|_| case.knows_keys) {
                Some(KeyNear::OtherEnvironment { of }) => format!(
                    "This key belongs to {of} in the {} environment. Use the keys of the {} environment here, or call the other host.",
                    case.environment().other(),
                    case.environment()
                ),
                Some(KeyNear::Regenerated { of, at, .. }) => format!(
                    "This key of {of} was regenerated at {at}, and is dead since. Copy the new one."
                ),
                Some(KeyNear::Blanks { of }) => format!(
                    "There are blanks or capital letters in the key; without them it is the key of {of}."
                ),
                None => case.fix.to_owned(),
            };
            case.send(case.sent().header(KEY, "$SUBSCRIPTION_KEY"), says)
        }
        GateCause::SubscriptionKeyProduct { .. } if !case.knows_keys => {
            case.send(case.sent().header(KEY, "$SUBSCRIPTION_KEY"), case.fix)
        }
        GateCause::SubscriptionKeyProduct { product, .. } => {
            let steps = order_product(case, &serde_json::to_value(product).unwrap_or_default());
            case.after(steps, case.sent(), case.fix)
        }
        GateCause::Token { fault } => token(case, fault),
        GateCause::KeysOfDifferentOwners {
            token_of, key_of, ..
        } => {
            let says = if case.knows_keys {
                format!(
                    "The token is {token_of}'s, the subscription key {key_of}'s. Use one set for both."
                )
            } else {
                case.fix.to_owned()
            };
            all_keys(case, case.sent(), says)
        }
        GateCause::KeysWithoutRight { kind } => all_keys(
            case,
            case.sent().header(MSN, case.msn()),
            format!(
                "These are {kind} keys, which have no right to this API. Use a sales unit's own keys."
            ),
        ),
        GateCause::RateExceeded {
            limit,
            about,
            retry_after,
            ..
        } => {
            let seconds = retry_after.as_secs();
            case.after(
                vec![Step::Wait { seconds }],
                case.sent(),
                format!(
                    "At most {limit} calls a minute for {about}. The next one passes in {seconds} seconds."
                ),
            )
        }
        GateCause::MsnNotYours { msn, yours, is, .. } => {
            let whose = match is {
                Some(MsnIs::OwnOther) => ", which is another sales unit of the same merchant",
                Some(MsnIs::OwnElsewhere) => {
                    ", which is a sales unit of the same merchant in the other environment"
                }
                None => "",
            };
            case.send(
                with_msn(case.sent(), yours.as_str()),
                format!("These are the keys of sales unit {yours}. The call names {msn}{whose}."),
            )
        }
        GateCause::PartnerMsnMissing { misspelt, in_body } => {
            let msn = in_body.clone().unwrap_or_else(|| case.msn());
            let call = renamed(case.sent(), misspelt.as_deref());
            case.send(call.header(MSN, msn), case.fix)
        }
        GateCause::PartnerMsnUnknown { .. } => {
            case.send(with_msn(case.sent(), "$MSN").header(MSN, "$MSN"), case.fix)
        }
        GateCause::PartnerMsn { msn, fault } => partner(case, msn, fault),
        GateCause::Standing { standing } => of_standing(case, standing),
    }
}

fn route(case: &Case<'_>) -> Remedy {
    let record = case.record;
    match nearest(record.method.as_str(), record.path()) {
        None => case.nothing(),
        Some((method, path)) => {
            let says = format!("Did you mean `{method} {path}`?");
            let mut call = case.sent();
            method.clone_into(&mut call.method);
            call.path = path;
            case.send(call, says)
        }
    }
}

fn token(case: &Case<'_>, fault: &TokenFault) -> Remedy {
    let (call, says) = match fault {
        TokenFault::Missing {
            misspelt: Some(sent),
        } => (
            renamed(case.sent(), Some(sent)),
            format!("Received `{sent}`, expected `Authorization`: rename the header."),
        ),
        TokenFault::Expired { at, now, used } => {
            let cached = match used.since {
                Some(since) => format!(
                    " It was used {} times since {since}, so it looks cached: renew it before it expires, and once after a 401.",
                    used.times
                ),
                None => String::new(),
            };
            (
                case.sent(),
                format!(
                    "The token expired at {at}, and it is {now} on the sales unit's clock.{cached}"
                ),
            )
        }
        TokenFault::SchemeCase { received } => (
            case.sent(),
            format!("Received `{received}`, expected `Bearer` with a capital B."),
        ),
        TokenFault::Malformed { detail } => (
            case.sent(),
            format!("{} What could not be read: {detail}.", case.fix),
        ),
        TokenFault::Missing { misspelt: None }
        | TokenFault::NoScheme
        | TokenFault::Signature
        | TokenFault::OtherEnvironment
        | TokenFault::NotYet { .. }
        | TokenFault::ClientGone { .. } => (case.sent(), case.fix.to_owned()),
    };
    let call = call.header("Authorization", "Bearer $ACCESS_TOKEN");
    case.after(vec![case.fetch_token()], call, says)
}

/// The same call with one set of keys.
fn all_keys(case: &Case<'_>, call: HttpCall, says: String) -> Remedy {
    let call = call
        .header(KEY, "$SUBSCRIPTION_KEY")
        .header("Authorization", "Bearer $ACCESS_TOKEN");
    let mut remedy = case.after(vec![case.fetch_token()], call, says);
    remedy.keys_of = None;
    remedy
}

fn renamed(call: HttpCall, misspelt: Option<&str>) -> HttpCall {
    match misspelt {
        Some(sent) => call.without(sent),
        None => call,
    }
}

/// The call with this number wherever it names one.
fn with_msn(call: HttpCall, msn: &str) -> HttpCall {
    const IN_BODY: &str = "merchantInfo.merchantSerialNumber";
    let names_one = |name: &str| {
        call.headers
            .iter()
            .any(|(it, _)| it.eq_ignore_ascii_case(name))
    };
    let (in_header, in_body) = (names_one(MSN), call.member(IN_BODY).is_some());
    let call = if in_header {
        call.header(MSN, msn)
    } else {
        call
    };
    if in_body {
        call.set(IN_BODY, msn)
    } else {
        call
    }
}

fn partner(case: &Case<'_>, msn: &str, fault: &PartnerFault) -> Remedy {
    match fault {
        PartnerFault::NotLinked => {
            let partner = match &case.record.client {
                Some(Owner::Known(Client::Partner(partner))) => partner.id.0.as_str(),
                Some(Owner::Known(_) | Owner::Gone { .. }) | None => "",
            };
            let path = format!("/sales-units/{}/{msn}/partner", case.environment());
            let link = case.control(
                "The merchant orders a change of partner.",
                "PUT",
                path,
                json!({ "partner": partner }),
            );
            case.after(vec![link], case.sent(), case.fix)
        }
        PartnerFault::OwnNumber | PartnerFault::NotDigits => {
            case.send(with_msn(case.sent(), "$MSN").header(MSN, "$MSN"), case.fix)
        }
        PartnerFault::BodyDiffers { header } => case.send(
            with_msn(case.sent(), header),
            format!("The header names {header}, the body {msn}. Name the same sales unit in both."),
        ),
    }
}

fn order_product(case: &Case<'_>, product: &serde_json::Value) -> Vec<Step> {
    let name = product.as_str().unwrap_or("ecom");
    vec![
        case.control(
            "The merchant orders the product on the portal.",
            "POST",
            case.unit_path("/orders"),
            json!({ "product": name }),
        ),
        case.control(
            "The platform approves it.",
            "POST",
            case.unit_path(&format!("/orders/{name}/approve")),
            serde_json::Value::Null,
        ),
    ]
}

fn of_standing(case: &Case<'_>, standing: &Standing) -> Remedy {
    let merchant = |orgno: &str| {
        case.control(
            "Customer service opens the merchant again.",
            "PATCH",
            format!("/merchants/{}/{orgno}", case.environment()),
            json!({ "standing": "active" }),
        )
    };
    let own_merchant = || {
        case.control(
            "Customer service opens the merchant again.",
            "PATCH",
            case.unit_path(""),
            json!({ "merchant_standing": "active" }),
        )
    };
    match standing {
        Standing::PartnerDeactivated { partner } => {
            let path = format!("/partners/{}/{partner}", case.environment());
            let open = json!({ "status": "active" });
            let step = case.control("The platform activates the partner.", "PATCH", path, open);
            case.after(vec![step], case.sent(), case.fix)
        }
        Standing::Blocked => case.nothing(),
        Standing::Unsigned => case.after(vec![own_merchant()], case.sent(), case.fix),
        Standing::MerchantDeactivated { orgno } | Standing::Unconfirmed { orgno } => {
            case.after(vec![merchant(orgno)], case.sent(), case.fix)
        }
        Standing::DeletedFromRegister { orgno, register } => {
            let what = register.as_ref().and_then(|it| it.deleted_on);
            quoted(case, orgno, what.map(|day| format!("was deleted on {day}")))
        }
        Standing::FormChanged { orgno, register } => {
            let what = register.as_ref();
            let form = what.map(|it| format!("has the form {} now", it.form.0));
            quoted(case, orgno, form)
        }
        Standing::UnitDeactivated { person, at } => {
            let session = Step::Control {
                what: "Somebody with rights signs with BankID.".to_owned(),
                call: HttpCall::control(
                    case.portal,
                    "POST",
                    "/bankid".to_owned(),
                    json!({
                        "person_name": "Ola Nordmann",
                        "purpose": "reactivate",
                        "environment": case.environment(),
                        "msn": case.msn(),
                    }),
                ),
                saves: Some(Saves {
                    member: "id",
                    placeholder: "$BANKID",
                }),
            };
            let confirm = case.control(
                "The person confirms.",
                "POST",
                "/bankid/$BANKID/confirm".to_owned(),
                serde_json::Value::Null,
            );
            let reopen = case.control(
                "The merchant reactivates the sales unit.",
                "POST",
                case.unit_path("/reactivate"),
                json!({ "bankid": "$BANKID" }),
            );
            case.after(
                vec![session, confirm, reopen],
                case.sent(),
                format!("{person} deactivated this sales unit at {at}. {}", case.fix),
            )
        }
        Standing::UnitIdle { .. } => {
            let reopen = case.control(
                "Customer service reactivates the test unit.",
                "POST",
                case.unit_path("/reactivate"),
                json!({ "by": "customer_service" }),
            );
            case.after(vec![reopen], case.sent(), case.fix)
        }
        Standing::LoginOnly => {
            let steps = order_product(case, &json!("ecom"));
            case.after(steps, case.sent(), case.fix)
        }
    }
}

/// Nothing mends what the Business register says; it is quoted where it was asked.
fn quoted(case: &Case<'_>, orgno: &str, says: Option<String>) -> Remedy {
    let mut remedy = case.nothing();
    if let Some(says) = says {
        let place = format!("{}/merchants/{}/{orgno}", case.portal, case.environment());
        remedy.says = format!(
            "In the Business register {orgno} {says}, as {place} shows. All sales units of this merchant are concerned. {}",
            remedy.says
        );
    }
    remedy
}

/// Whether a route is a token endpoint.
pub(super) fn is_token(route: Option<&Route>) -> bool {
    matches!(route, Some(Route::Token | Route::Miami))
}
