//! The page on which somebody signs: `/bankid/{id}` on the portal. It says plainly what it is not.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderValue, Method, header};

use super::{Lack, Session};
use crate::{control::Control, landing, listener, portal::shell};

#[derive(Template)]
#[template(path = "bankid.html")]
struct Page<'a> {
    title: &'a str,
    /// What is signed, if there is something to sign.
    signing: Option<Signing<'a>>,
    message: &'a str,
}

struct Signing<'a> {
    person: &'a str,
    verb: &'a str,
    environment: &'a str,
    msn: &'a str,
    unit: &'a str,
    confirmed: bool,
}

/// The page on the portal.
pub(crate) fn router(control: Arc<Control>) -> Router {
    Router::new()
        .route("/bankid/{id}", get(answer).post(answer))
        .with_state(control)
}

async fn answer(
    State(control): State<Arc<Control>>,
    Path(id): Path<String>,
    method: Method,
) -> Response {
    let now = control.platform.engine.clock.now();
    let session = if method == Method::POST {
        control.bankid.confirm(&id, now)
    } else {
        match control.bankid.get(&id) {
            Some(session) if session.is_over(now) => Err(Lack::Expired),
            Some(session) => Ok(session),
            None => Err(Lack::Unknown),
        }
    };
    // Whoever signs here for a page of the portal goes on there.
    if let Ok(Session {
        id,
        confirmed: true,
        back: Some(back),
        ..
    }) = &session
    {
        return shell::see_other(&format!("{back}?bankid={id}"));
    }
    let answer = match &session {
        Ok(session) => {
            let subject = &session.subject;
            let directory = control.platform.engine.directory.of(subject.environment);
            let unit = directory.unit(&subject.msn);
            let signing = Signing {
                person: &session.person_name,
                verb: subject.purpose.word(),
                environment: subject.environment.name(),
                msn: subject.msn.as_str(),
                unit: unit.map_or("", |unit| unit.facts.name.as_str()),
                confirmed: session.confirmed,
            };
            let (title, message) = if session.confirmed {
                (
                    "Signed",
                    "You can close this page and go on where you came from.",
                )
            } else {
                ("Sign with BankID", "")
            };
            landing::page(
                200,
                &Page {
                    title,
                    signing: Some(signing),
                    message,
                },
            )
        }
        Err(lack) => {
            let status = if *lack == Lack::Expired { 410 } else { 404 };
            let message = format!("Nothing was signed: {}. Begin again.", lack.words());
            landing::page(
                status,
                &Page {
                    title: "Nothing to sign",
                    signing: None,
                    message: &message,
                },
            )
        }
    };
    let mut response = listener::response(answer).into_response();
    // With no referrer at all a browser would not say either that the form was ours.
    let policy = HeaderValue::from_static("same-origin");
    response
        .headers_mut()
        .insert(header::REFERRER_POLICY, policy);
    response
}
