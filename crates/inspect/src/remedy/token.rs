//! What the token endpoints and Userinfo refused.

use sandkasse_api::{Route, token::TokenCause, userinfo::UserinfoCause};
use serde_json::Value;

use super::{Case, Remedy, gate::is_token};
use crate::call::Content;

pub(super) fn remedy(case: &Case<'_>, cause: &TokenCause) -> Remedy {
    let call = case.sent();
    debug_assert!(
        is_token(case.route().as_ref()),
        "only these have such causes"
    );
    match cause {
        TokenCause::ClientIdMissing { misspelt } | TokenCause::SecretMissing { misspelt } => {
            let (name, value) = match cause {
                TokenCause::ClientIdMissing { .. } => ("client_id", "$CLIENT_ID"),
                TokenCause::ClientUnknown { .. }
                | TokenCause::WrongEndpoint { .. }
                | TokenCause::SecretMissing { .. }
                | TokenCause::SecretWrong { .. }
                | TokenCause::GrantType { .. } => ("client_secret", "$CLIENT_SECRET"),
            };
            let (call, says) = match misspelt {
                Some(sent) => (
                    call.without(sent),
                    format!("Received `{sent}`, expected `{name}`: rename the header."),
                ),
                None => (call, case.fix.to_owned()),
            };
            case.send(call.header(name, value), says)
        }
        TokenCause::ClientUnknown { elsewhere, .. } => {
            let says = if *elsewhere && case.knows_keys {
                format!(
                    "This client_id is of the {} environment. {}",
                    case.environment().other(),
                    case.fix
                )
            } else {
                case.fix.to_owned()
            };
            if case.route() == Some(Route::Miami) {
                return case.send(call.header("Authorization", "Basic $OFFICE_BASIC"), says);
            }
            case.send(call.header("client_id", "$CLIENT_ID"), says)
        }
        TokenCause::WrongEndpoint { .. } => {
            let mut call = call;
            if case.route() == Some(Route::Token) {
                "/miami/v1/token".clone_into(&mut call.path);
                call = call
                    .without("client_id")
                    .without("client_secret")
                    .without("ocp-apim-subscription-key")
                    .header("Content-Type", "application/x-www-form-urlencoded")
                    .header("Authorization", "Basic $OFFICE_BASIC");
                call.body = Some(Content::Text("grant_type=client_credentials".to_owned()));
            } else {
                "/accesstoken/get".clone_into(&mut call.path);
                call = call
                    .without("authorization")
                    .header("client_id", "$CLIENT_ID")
                    .header("client_secret", "$CLIENT_SECRET")
                    .header("Ocp-Apim-Subscription-Key", "$SUBSCRIPTION_KEY");
                call.body = None;
            }
            case.send(call, case.fix)
        }
        TokenCause::SecretWrong { regenerated_at } => {
            let says = match regenerated_at.filter(|_| case.knows_keys) {
                Some(at) => format!(
                    "This secret was regenerated at {at}, and is dead since. {}",
                    case.fix
                ),
                None => case.fix.to_owned(),
            };
            if case.route() == Some(Route::Miami) {
                return case.send(call.header("Authorization", "Basic $OFFICE_BASIC"), says);
            }
            case.send(call.header("client_secret", "$CLIENT_SECRET"), says)
        }
        TokenCause::GrantType { .. } => {
            let mut call = call.header("Content-Type", "application/x-www-form-urlencoded");
            call.body = Some(Content::Text("grant_type=client_credentials".to_owned()));
            case.send(call, case.fix)
        }
    }
}

pub(super) fn of_userinfo(case: &Case<'_>, cause: &UserinfoCause) -> Remedy {
    match cause {
        UserinfoCause::LoginNotActivated => {
            let order = case.control(
                "The merchant orders Login on the portal.",
                "POST",
                case.unit_path("/orders"),
                serde_json::json!({ "product": "login" }),
            );
            let approve = case.control(
                "The platform approves it.",
                "POST",
                case.unit_path("/orders/login/approve"),
                Value::Null,
            );
            case.after(vec![order, approve], case.sent(), case.fix)
        }
        UserinfoCause::SubFormat
        | UserinfoCause::SubUnknown
        | UserinfoCause::SessionOver
        | UserinfoCause::NotOfLogin => case.nothing(),
    }
}
