//! The page on which somebody signs: `/bankid/{id}` on the portal. It says plainly what it is not.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, Method, StatusCode};

use super::{Errand, Lack, Session};
use crate::{
    control::{Control, Problem},
    portal::{
        shell::{self, Frame, Part},
        sign_in,
        visitor::{self, Anyone, Visitor},
    },
    rights::How,
};

#[derive(Template)]
#[template(path = "portal/bankid.html")]
struct Page<'a> {
    frame: Frame<'a>,
    /// What is signed, if there is something to sign.
    signing: Option<Signing<'a>>,
    message: &'a str,
}

struct Signing<'a> {
    person: &'a str,
    what: String,
    environment: Option<&'a str>,
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
    Anyone(visitor): Anyone,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let session = match find(&control, &id, &headers) {
        Ok(session) => session,
        Err(lack) => return nothing(visitor.as_ref(), lack),
    };
    if method == Method::POST {
        return match sign(&control, &session, &headers).await {
            Ok(answer) => answer,
            Err(Refused::Lack(lack)) => nothing(visitor.as_ref(), lack),
            Err(Refused::Problem(problem)) => problem.into_response(),
        };
    }
    show(&control, &session, visitor.as_ref())
}

enum Refused {
    Lack(Lack),
    Problem(Problem),
}

impl From<Lack> for Refused {
    fn from(lack: Lack) -> Refused {
        Refused::Lack(lack)
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Refused {
        Refused::Problem(problem)
    }
}

/// The session, if it is not over, and this browser may see it.
fn find(control: &Control, id: &str, headers: &HeaderMap) -> Result<Session, Lack> {
    let session = control.bankid.get(id).ok_or(Lack::Unknown)?;
    if session.is_over(control.platform.engine.clock.now()) {
        return Err(Lack::Expired);
    }
    let Some(bound_to) = &session.bound_to else {
        return Ok(session);
    };
    let own = match session.errand {
        Errand::SignIn(_) => visitor::browser(control, headers),
        Errand::SignAgain | Errand::Act(_) => visitor::secret(control, headers),
    };
    let is_own = own.is_some_and(|own| sandkasse_gate::token::same_secret(&own, bound_to));
    is_own.then_some(session).ok_or(Lack::OtherBrowser)
}

/// The person signs, and goes on.
async fn sign(
    control: &Control,
    session: &Session,
    headers: &HeaderMap,
) -> Result<Response, Refused> {
    let now = control.platform.engine.clock.now();
    let signed = control.bankid.confirm(&session.id, now)?;
    let back = signed.back.as_deref().unwrap_or("/units");
    match &signed.errand {
        Errand::Act(subject) => {
            let verb = subject.purpose.word();
            let (environment, msn) = (subject.environment, &subject.msn);
            let action = format!("BankID: sign to {verb} sales unit {environment}/{msn}");
            control
                .note(&signed.person_name, None, How::Nobody, &action)
                .await?;
            let visitor = visitor::who(control, headers);
            Ok(show(control, &signed, visitor.as_ref()))
        }
        Errand::SignIn(user) => {
            control.bankid.used(&signed.id);
            Ok(sign_in::finish(control, user, headers, back).await?)
        }
        Errand::SignAgain => {
            control.bankid.used(&signed.id);
            Ok(sign_in::finish_again(control, headers, back).await?)
        }
    }
}

fn show(control: &Control, session: &Session, visitor: Option<&Visitor>) -> Response {
    // Whoever signs an act for a page of the portal goes on there.
    if let (Errand::Act(_), true, Some(back)) = (&session.errand, session.confirmed, &session.back)
    {
        return shell::see_other(&format!("{back}?bankid={}", session.id));
    }
    let (title, message) = if session.confirmed {
        (
            "Signed",
            "You can close this page and go on where you came from.",
        )
    } else {
        ("Sign with BankID", "")
    };
    let (what, environment) = match &session.errand {
        Errand::Act(subject) => {
            let directory = control.platform.engine.directory.of(subject.environment);
            let unit = directory.unit(&subject.msn);
            let name = unit.map_or("", |unit| unit.facts.name.as_str());
            let verb = subject.purpose.word();
            let what = format!("{verb} sales unit {} {name}", subject.msn);
            (what, Some(subject.environment.name()))
        }
        Errand::SignIn(_) => ("sign in to this portal".to_owned(), None),
        Errand::SignAgain => ("go on with what needs a fresh signature".to_owned(), None),
    };
    let page = Page {
        frame: Frame::new(title, Part::Other, visitor),
        signing: Some(Signing {
            person: &session.person_name,
            what,
            environment,
            confirmed: session.confirmed,
        }),
        message,
    };
    shell::page(StatusCode::OK, &page)
}

fn nothing(visitor: Option<&Visitor>, lack: Lack) -> Response {
    let status = match lack {
        Lack::Expired => StatusCode::GONE,
        Lack::OtherBrowser => StatusCode::FORBIDDEN,
        Lack::Unknown | Lack::Unconfirmed | Lack::OtherUnit | Lack::OtherPurpose => {
            StatusCode::NOT_FOUND
        }
    };
    let message = format!("Nothing was signed: {}. Begin again.", lack.words());
    let page = Page {
        frame: Frame::new("Nothing to sign", Part::Other, visitor),
        signing: None,
        message: &message,
    };
    shell::page(status, &page)
}
