//! Signing in with an account elsewhere: there, and back.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

use super::{
    shell, sign_in,
    visitor::{self, Anyone, Visitor, browser_cookie_for},
};
use crate::{
    control::Control,
    provider::{Begun, Provider, Refused},
    rights::How,
};

/// Where to go on, and whether somebody proves again that it is them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Onward {
    next: String,
    again: Option<String>,
}

/// What the provider sends people back with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Back {
    code: String,
    state: String,
    error: Option<String>,
}

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/sign-in/provider", get(there))
        .route("/sign-in/provider/back", get(back))
}

fn not_signed_in(visitor: Option<&Visitor>, refused: &Refused) -> Response {
    let text = format!("Nobody was signed in: {refused}.");
    shell::message(StatusCode::FORBIDDEN, visitor, "Not signed in", &text)
}

fn provider(control: &Control) -> Result<&Provider, Refused> {
    let none = || Refused("this installation has no provider of accounts".to_owned());
    control.provider.as_ref().ok_or_else(none)
}

async fn there(
    State(control): State<Arc<Control>>,
    Anyone(visitor): Anyone,
    Query(onward): Query<Onward>,
) -> Response {
    let [state, nonce, verifier, browser] = [(); 4].map(|()| control.visitors.secret());
    let begun = Begun {
        state,
        nonce,
        verifier,
        browser: browser.clone(),
        next: sign_in::here(&onward.next),
        again: onward.again.is_some() && visitor.is_some(),
        at: control.platform.engine.clock.now(),
    };
    let led = match provider(&control) {
        Ok(provider) => provider.begin(begun).await,
        Err(refused) => Err(refused),
    };
    let to = led.and_then(|url| {
        HeaderValue::from_str(&url).map_err(|_| Refused("the provider has no address".to_owned()))
    });
    match to {
        Ok(to) => (
            StatusCode::SEE_OTHER,
            shell::secured("text/plain; charset=utf-8"),
            [
                (header::LOCATION, to),
                (header::SET_COOKIE, browser_cookie_for(&control, &browser)),
            ],
        )
            .into_response(),
        Err(refused) => not_signed_in(visitor.as_ref(), &refused),
    }
}

async fn back(
    State(control): State<Arc<Control>>,
    Anyone(visitor): Anyone,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> Response {
    match finish(&control, visitor.as_ref(), &headers, &back).await {
        Ok(response) => response,
        Err(refused) => not_signed_in(visitor.as_ref(), &refused),
    }
}

async fn finish(
    control: &Control,
    visitor: Option<&Visitor>,
    headers: &HeaderMap,
    back: &Back,
) -> Result<Response, Refused> {
    let provider = provider(control)?;
    let now = control.platform.engine.clock.now();
    let browser = visitor::browser(control, headers);
    let begun = provider.take(&back.state, browser.as_deref(), now)?;
    if back.error.is_some() || back.code.is_empty() {
        return Err(Refused("the provider said no".to_owned()));
    }
    let known = provider.finish(&begun, &back.code, now).await?;
    let done = if begun.again {
        if visitor.is_none_or(|visitor| visitor.0.account != known.account) {
            return Err(Refused("that was another account".to_owned()));
        }
        sign_in::finish_again(control, headers, &begun.next).await
    } else {
        let (account, name, role) = (known.account, known.name, known.role);
        sign_in::enter(
            control,
            account,
            name,
            role,
            How::Session,
            headers,
            &begun.next,
        )
        .await
    };
    Ok(done.unwrap_or_else(IntoResponse::into_response))
}
