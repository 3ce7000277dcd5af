//! Signing in and out.
//!
//! Where no administrator's token is set, only this machine reaches the portal: whoever signs in
//! chooses a user, and signs with the stand-in for BankID, which checks nobody. Where one is set,
//! others reach the portal, and whoever signs in sends a token: the administrator's, or one that an
//! admin made.
//!
//! Nobody can make somebody else's browser sign in as them: what is begun is bound to the browser by
//! a cookie of its own, forms come from pages here only, and a session's secret is always new.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form, Router,
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode, header};
use sandkasse_domain::user::User;
use serde::Deserialize;

use super::{
    shell::{self, Frame, Part},
    visitor::{Anyone, Posted, Visitor, browser_cookie_for, cookie, secret},
    visitors::{Account, Role},
};
use crate::{
    bankid::Errand,
    control::{Control, Problem},
    rights::How,
};

#[derive(Template)]
#[template(path = "portal/sign_in.html")]
struct Page<'a> {
    frame: Frame<'a>,
    next: &'a str,
    /// Whom to choose from; where a token is asked for, nobody.
    users: Vec<Arc<User>>,
    by_token: bool,
    /// Who else signs people in.
    provider: Option<&'a str>,
    refused: bool,
}

#[derive(Template)]
#[template(path = "portal/sign_again.html")]
struct Again<'a> {
    frame: Frame<'a>,
    next: &'a str,
    by_token: bool,
    /// Who signed them in, if somebody else did.
    provider: Option<&'a str>,
    refused: bool,
}

/// Where to go on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Onward {
    next: String,
}

/// Who wants to sign in.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    /// The id of a user.
    user: String,
    token: String,
    next: String,
}

/// Who signs out where.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Leaving {
    everywhere: Option<String>,
}

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/sign-in", get(show).post(begin))
        .route("/sign-in/again", get(show_again).post(begin_again))
        .route("/sign-out", post(sign_out))
}

async fn show(
    State(control): State<Arc<Control>>,
    Anyone(visitor): Anyone,
    Query(onward): Query<Onward>,
) -> Response {
    choice(&control, visitor.as_ref(), &onward.next, false)
}

fn choice(control: &Control, visitor: Option<&Visitor>, next: &str, refused: bool) -> Response {
    let by_token = control.admin_token.is_some();
    let users = if by_token {
        Vec::new()
    } else {
        control.platform.engine.directory.users()
    };
    let page = Page {
        frame: Frame::new("Sign in", Part::Other, visitor),
        next: &here(next),
        users,
        by_token,
        provider: control.provider.as_ref().map(|it| it.name()),
        refused,
    };
    shell::page(status(refused), &page)
}

fn status(refused: bool) -> StatusCode {
    if refused {
        StatusCode::UNAUTHORIZED
    } else {
        StatusCode::OK
    }
}

async fn begin(
    State(control): State<Arc<Control>>,
    Anyone(visitor): Anyone,
    headers: HeaderMap,
    Form(wanted): Form<Wanted>,
) -> Result<Response, Problem> {
    let next = here(&wanted.next);
    if control.admin_token.is_some() {
        let Some((holder, account)) = control.holder(&wanted.token) else {
            let now = control.platform.engine.clock.now();
            if let Some(times) = control.visitors.wrong_token(now) {
                tracing::warn!(times, "somebody tried to sign in with a wrong token");
            }
            return Ok(choice(&control, visitor.as_ref(), &next, true));
        };
        let (name, role) = (holder.name, holder.role);
        return enter(&control, account, name, role, holder.how, &headers, &next).await;
    }
    let Some(user) = control.platform.engine.directory.user(&wanted.user) else {
        return Ok(choice(&control, visitor.as_ref(), &next, true));
    };
    let browser = control.visitors.secret();
    let errand = Errand::SignIn(user.id.clone());
    let session =
        control.begin_bankid(user.name.clone(), errand, Some(browser.clone()), Some(next));
    let bound = [(header::SET_COOKIE, browser_cookie_for(&control, &browser))];
    let onward = shell::see_other(&format!("/bankid/{}", session.id));
    Ok((bound, onward).into_response())
}

/// A user has signed.
pub(crate) async fn finish(
    control: &Control,
    user: &str,
    headers: &HeaderMap,
    next: &str,
) -> Result<Response, Problem> {
    let user = control.platform.engine.directory.user(user);
    let Some(user) = user.filter(|_| control.admin_token.is_none()) else {
        return Ok(choice(control, None, next, true));
    };
    let account = Account::User(user.id.clone());
    let (name, role) = (user.name.clone(), user.role);
    enter(control, account, name, role, How::Session, headers, next).await
}

/// Signs somebody in; whoever was signed in here before is signed out.
pub(super) async fn enter(
    control: &Control,
    account: Account,
    name: String,
    role: Role,
    how: How,
    headers: &HeaderMap,
    next: &str,
) -> Result<Response, Problem> {
    control.note(&name, Some(role), how, "sign in").await?;
    if let Some(secret) = secret(control, headers) {
        control.visitors.sign_out(&secret);
    }
    let now = control.platform.engine.clock.now();
    let secret = control.visitors.sign_in(account, name, role, now);
    let mut response = shell::see_other(&here(next));
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, cookie(control, &secret));
    headers.append(header::SET_COOKIE, browser_cookie_for(control, ""));
    Ok(response)
}

async fn show_again(
    State(control): State<Arc<Control>>,
    visitor: Visitor,
    Query(onward): Query<Onward>,
) -> Response {
    proof(&control, &visitor, &onward.next, false)
}

fn proof(control: &Control, visitor: &Visitor, next: &str, refused: bool) -> Response {
    let page = Again {
        frame: Frame::new("Sign again", Part::Other, Some(visitor)),
        next: &here(next),
        by_token: control.admin_token.is_some(),
        provider: control
            .provider
            .as_ref()
            .filter(|it| it.knows(&visitor.0.account))
            .map(|it| it.name()),
        refused,
    };
    shell::page(status(refused), &page)
}

async fn begin_again(
    State(control): State<Arc<Control>>,
    headers: HeaderMap,
    Posted(visitor, wanted): Posted<Wanted>,
) -> Result<Response, Problem> {
    let next = here(&wanted.next);
    if control.admin_token.is_some() {
        let holder = control.holder(&wanted.token);
        if holder.is_none_or(|(_, account)| account != visitor.0.account) {
            return Ok(proof(&control, &visitor, &next, true));
        }
        return finish_again(&control, &headers, &next).await;
    }
    let bound_to = secret(&control, &headers);
    let name = visitor.0.name;
    let session = control.begin_bankid(name, Errand::SignAgain, bound_to, Some(next));
    Ok(shell::see_other(&format!("/bankid/{}", session.id)))
}

/// Somebody has proved again that it is them.
pub(crate) async fn finish_again(
    control: &Control,
    headers: &HeaderMap,
    next: &str,
) -> Result<Response, Problem> {
    if let (Some(visitor), Some(secret)) = (
        super::visitor::who(control, headers),
        secret(control, headers),
    ) {
        let (name, role) = (&visitor.0.name, visitor.0.role);
        control
            .note(name, Some(role), How::Session, "sign again")
            .await?;
        let now = control.platform.engine.clock.now();
        control.visitors.signed_again(&secret, now);
    }
    Ok(shell::see_other(&here(next)))
}

async fn sign_out(
    State(control): State<Arc<Control>>,
    headers: HeaderMap,
    Posted(visitor, leaving): Posted<Leaving>,
) -> Result<Response, Problem> {
    let action = if leaving.everywhere.is_some() {
        control.visitors.sign_out_everywhere(&visitor.0.account);
        "sign out everywhere"
    } else {
        "sign out"
    };
    if let Some(secret) = secret(&control, &headers) {
        control.visitors.sign_out(&secret);
    }
    let (name, role) = (&visitor.0.name, visitor.0.role);
    control.note(name, Some(role), How::Session, action).await?;
    let gone = [(header::SET_COOKIE, cookie(&control, ""))];
    Ok((gone, shell::see_other("/")).into_response())
}

/// A path of the portal itself, never of another host.
pub(super) fn here(next: &str) -> String {
    let is_path = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains(|it: char| it == '\\' || it.is_ascii_control());
    if is_path { next } else { "/units" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::here;

    #[test]
    fn nobody_is_led_to_another_host() {
        for (next, path) in [
            ("/units/test/220001?a=b", "/units/test/220001?a=b"),
            ("", "/units"),
            ("units", "/units"),
            ("//evil.example.com", "/units"),
            ("/\\evil.example.com", "/units"),
            ("/\t/evil.example.com", "/units"),
            ("https://evil.example.com", "/units"),
            ("javascript:alert(1)", "/units"),
            ("/x\r\nset-cookie: a=b", "/units"),
        ] {
            assert_eq!(here(next), path, "{next:?}");
        }
    }
}
