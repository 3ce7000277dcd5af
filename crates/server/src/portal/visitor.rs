//! What the portal's pages take from a request: who is there, and what a form said.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use serde::de::DeserializeOwned;

use super::{
    shell,
    visitors::{Account, Role, Session},
};
use crate::{bankid::LIFE, control::Control};

/// The cookie that holds a session's secret.
pub(crate) const COOKIE: &str = "sandkasse-session";
/// The same where the portal is reached over HTTPS.
pub(crate) const HTTPS_COOKIE: &str = "__Host-sandkasse-session";
/// The cookie of a browser that is about to sign in.
pub(crate) const BROWSER_COOKIE: &str = "sandkasse-browser";
/// The same where the portal is reached over HTTPS.
pub(crate) const HTTPS_BROWSER_COOKIE: &str = "__Host-sandkasse-browser";
/// The field of every form that says it is ours.
pub(crate) const CSRF: &str = "_csrf";

/// Somebody who is signed in. As an argument of a page, it sends everybody else to sign in first.
#[derive(Clone, Debug)]
pub(crate) struct Visitor(pub(crate) Session);

impl Visitor {
    /// Sends whoever has not proved lately who they are to do so again, and then to the page at
    /// `back`: before keys are shown or changed, and before a sales unit is closed.
    pub(crate) fn signed(&self, control: &Control, back: &str) -> Result<(), Turned> {
        if self.0.signed_lately(control.platform.engine.clock.now()) {
            Ok(())
        } else {
            Err(Turned::Sign(back.to_owned()))
        }
    }

    /// Refuses who may not do this.
    pub(crate) fn at_least(&self, role: Role) -> Result<(), Turned> {
        if self.0.role >= role {
            Ok(())
        } else {
            Err(Turned::Forbidden(Box::new(self.clone()), role))
        }
    }
}

/// Who may be signed in or not: the pages that everybody sees.
#[derive(Clone, Debug)]
pub(crate) struct Anyone(pub(crate) Option<Visitor>);

/// What a form said, by somebody who is signed in and saw the form here.
pub(crate) struct Posted<T>(pub(crate) Visitor, pub(crate) T);

/// Why somebody does not see a page, or a form is not done.
#[derive(Debug)]
pub(crate) enum Turned {
    /// Sign in first; then back to this path.
    SignIn(String),
    /// Sign again with BankID; then back to this path.
    Sign(String),
    /// A form that was not seen here, or in another session.
    Foreign,
    /// Another role is needed.
    Forbidden(Box<Visitor>, Role),
    /// A field is missing or wrong.
    Unreadable(String),
}

impl IntoResponse for Turned {
    fn into_response(self) -> Response {
        match self {
            Turned::SignIn(next) => onward("/sign-in", &next),
            Turned::Sign(next) => onward("/sign-in/again", &next),
            Turned::Foreign => shell::message(
                StatusCode::FORBIDDEN,
                None,
                "This form is too old",
                "It was not made in this session, so nothing was done. Go back, load the page again, and send it once more.",
            ),
            Turned::Forbidden(visitor, role) => shell::message(
                StatusCode::FORBIDDEN,
                Some(&visitor),
                "Not with your role",
                &format!(
                    "You are signed in as {} ({}); this needs the role {role}. An admin can change your role.",
                    visitor.0.name, visitor.0.role
                ),
            ),
            Turned::Unreadable(why) => shell::message(
                StatusCode::UNPROCESSABLE_ENTITY,
                None,
                "The form could not be read",
                &why,
            ),
        }
    }
}

fn onward(path: &str, next: &str) -> Response {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("next", next)
        .finish();
    shell::see_other(&format!("{path}?{query}"))
}

/// The session's secret, if a cookie holds one.
pub(crate) fn secret(control: &Control, headers: &HeaderMap) -> Option<String> {
    read_cookie(headers, session_cookie(control))
}

/// What binds a browser that is about to sign in to what it has begun.
pub(crate) fn browser(control: &Control, headers: &HeaderMap) -> Option<String> {
    read_cookie(headers, browser_cookie(control))
}

fn read_cookie(headers: &HeaderMap, wanted: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value.to_owned())
}

/// Over HTTPS only the cookie that no other host and no plain HTTP can have set is read.
fn session_cookie(control: &Control) -> &'static str {
    if is_https(control) {
        HTTPS_COOKIE
    } else {
        COOKIE
    }
}

fn browser_cookie(control: &Control) -> &'static str {
    if is_https(control) {
        HTTPS_BROWSER_COOKIE
    } else {
        BROWSER_COOKIE
    }
}

fn is_https(control: &Control) -> bool {
    control.portal_base.starts_with("https://")
}

/// The cookie for a session's secret; with an empty one it is taken away.
pub(crate) fn cookie(control: &Control, secret: &str) -> HeaderValue {
    let end = if secret.is_empty() { "; Max-Age=0" } else { "" };
    set_cookie(control, session_cookie(control), secret, end)
}

/// The cookie that binds a browser, for as long as somebody may take to sign in.
pub(crate) fn browser_cookie_for(control: &Control, secret: &str) -> HeaderValue {
    let seconds = if secret.is_empty() { 0 } else { LIFE.as_secs() };
    let end = format!("; Max-Age={seconds}");
    set_cookie(control, browser_cookie(control), secret, &end)
}

fn set_cookie(control: &Control, name: &str, secret: &str, end: &str) -> HeaderValue {
    let secure = if is_https(control) { "; Secure" } else { "" };
    let text = format!("{name}={secret}; Path=/; HttpOnly; SameSite=Lax{secure}{end}");
    HeaderValue::from_str(&text).expect("a secret is hexadecimal")
}

/// Who is signed in. A user's role is the one they have now, and whoever is removed is signed out.
pub(crate) fn who(control: &Control, headers: &HeaderMap) -> Option<Visitor> {
    let now = control.platform.engine.clock.now();
    let secret = secret(control, headers)?;
    let mut session = control.visitors.of(&secret, now)?;
    let directory = &control.platform.engine.directory;
    let known = match &session.account {
        Account::User(id) => directory.user(id).map(|it| (it.name.clone(), it.role)),
        Account::Token(id) => directory.api_token(id).map(|it| (it.name.clone(), it.role)),
        Account::Outside(_) => Some((session.name.clone(), session.role)),
    };
    let Some((name, role)) = known else {
        control.visitors.sign_out(&secret);
        return None;
    };
    (session.name, session.role) = (name, role);
    Some(Visitor(session))
}

impl FromRequestParts<Arc<Control>> for Visitor {
    type Rejection = Turned;

    async fn from_request_parts(
        parts: &mut Parts,
        control: &Arc<Control>,
    ) -> Result<Visitor, Turned> {
        who(control, &parts.headers).ok_or_else(|| {
            let next = parts.uri.path_and_query().map_or("/", |it| it.as_str());
            Turned::SignIn(next.to_owned())
        })
    }
}

impl FromRequestParts<Arc<Control>> for Anyone {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        control: &Arc<Control>,
    ) -> Result<Anyone, Self::Rejection> {
        Ok(Anyone(who(control, &parts.headers)))
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Control>> for Posted<T> {
    type Rejection = Turned;

    async fn from_request(request: Request, control: &Arc<Control>) -> Result<Posted<T>, Turned> {
        let Some(visitor) = who(control, request.headers()) else {
            // What was filled in is lost; the page it was on is not known.
            return Err(Turned::SignIn("/units".to_owned()));
        };
        let body = Bytes::from_request(request, control).await;
        let body =
            body.map_err(|_| Turned::Unreadable("Its content did not arrive.".to_owned()))?;
        let sent = form_urlencoded::parse(&body).find(|(name, _)| name == CSRF);
        let is_ours = sent
            .is_some_and(|(_, value)| sandkasse_gate::token::same_secret(&value, &visitor.0.csrf));
        if !is_ours {
            return Err(Turned::Foreign);
        }
        let said = serde_urlencoded::from_bytes(&body)
            .map_err(|error| Turned::Unreadable(format!("{error}.")))?;
        Ok(Posted(visitor, said))
    }
}
