//! Whose phone a request is about, whether it is open, and what a form on it said.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header, request::Parts};
use sandkasse_domain::{Environment, PhoneNumber, person::Person};
use serde::de::DeserializeOwned;

use super::{
    sessions::{self, Unlocked},
    words::Language,
};
use crate::{
    control::Control,
    portal::{
        shell,
        visitor::{Anyone, CSRF, Turned, Visitor},
        visitors::Role,
    },
};

/// Somebody's phone.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) environment: Environment,
    pub(super) person: Arc<Person>,
    /// The session and its secret, while the phone is open.
    pub(super) open: Option<(String, Unlocked)>,
}

/// A form sent from an open phone, and where its page is.
pub(super) struct Tapped<T>(pub(super) Opened, pub(super) T);

/// A phone that is open.
pub(super) struct Opened {
    pub(super) owner: Owner,
    pub(super) secret: String,
    pub(super) phone: Unlocked,
    /// The page with the form.
    pub(super) back: String,
}

/// Why there is no such phone, or nothing is done on it.
pub(super) enum NoPhone {
    Unknown,
    /// It locked itself meanwhile; its page asks for the PIN.
    Locked(String),
    Turned(Turned),
}

impl IntoResponse for NoPhone {
    fn into_response(self) -> Response {
        match self {
            NoPhone::Unknown => shell::message(
                StatusCode::NOT_FOUND,
                None,
                "Nobody has this number",
                "There is no test person with this number. The page \"Phone\" lists all there are.",
            ),
            NoPhone::Locked(home) => shell::see_other(&home),
            NoPhone::Turned(turned) => turned.into_response(),
        }
    }
}

impl From<Turned> for NoPhone {
    fn from(turned: Turned) -> NoPhone {
        NoPhone::Turned(turned)
    }
}

/// Where a phone is.
pub(super) fn home(environment: Environment, phone: &PhoneNumber) -> String {
    match environment {
        Environment::Test => format!("/phone/{phone}"),
        Environment::Production => format!("/phone/production/{phone}"),
    }
}

/// The phones of production are for developers who are signed in.
pub(super) fn may_see(environment: Environment, visitor: Option<&Visitor>) -> Result<(), Turned> {
    match (environment, visitor) {
        (Environment::Test, _) => Ok(()),
        (Environment::Production, Some(visitor)) => visitor.at_least(Role::Developer),
        (Environment::Production, None) => Err(Turned::SignIn("/phone".to_owned())),
    }
}

impl Owner {
    /// The phone of a number, open if this browser opened it.
    pub(super) fn find(
        control: &Control,
        headers: &HeaderMap,
        environment: Environment,
        number: &str,
    ) -> Option<Owner> {
        let engine = &control.platform.engine;
        let phone = PhoneNumber::correct(number).ok()?;
        let person = engine
            .directory
            .of(environment)
            .person_by_phone(&phone)?
            .clone();
        let secret = sessions::secret(headers, environment, &phone);
        let open = secret.and_then(|secret| {
            let now = engine.clock.now();
            let open = control.phones.of(&secret, environment, &person.id, now)?;
            Some((secret, open))
        });
        Some(Owner {
            environment,
            person,
            open,
        })
    }

    pub(super) fn home(&self) -> String {
        home(self.environment, &self.person.phone)
    }
}

impl FromRequestParts<Arc<Control>> for Owner {
    type Rejection = NoPhone;

    async fn from_request_parts(
        parts: &mut Parts,
        control: &Arc<Control>,
    ) -> Result<Owner, NoPhone> {
        let path = parts.uri.path().to_owned();
        let rest = path.strip_prefix("/phone/").unwrap_or_default();
        let (environment, rest) = match rest.strip_prefix("production/") {
            Some(rest) => (Environment::Production, rest),
            None => (Environment::Test, rest),
        };
        if environment == Environment::Production {
            let Ok(Anyone(visitor)) = Anyone::from_request_parts(parts, control).await;
            may_see(environment, visitor.as_ref())?;
        }
        let number = rest.split('/').next().unwrap_or_default();
        Owner::find(control, &parts.headers, environment, number).ok_or(NoPhone::Unknown)
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Control>> for Tapped<T> {
    type Rejection = NoPhone;

    async fn from_request(request: Request, control: &Arc<Control>) -> Result<Tapped<T>, NoPhone> {
        let (mut parts, body) = request.into_parts();
        let owner = Owner::from_request_parts(&mut parts, control).await?;
        let body = Bytes::from_request(Request::from_parts(parts, body), control).await;
        let body =
            body.map_err(|_| Turned::Unreadable("Its content did not arrive.".to_owned()))?;
        let field = |wanted: &str| {
            let mut fields = form_urlencoded::parse(&body);
            fields
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.into_owned())
        };
        let back = back(field("back"), &owner.home());
        let Some((secret, phone)) = owner.open.clone() else {
            return Err(NoPhone::Locked(back));
        };
        let is_ours =
            field(CSRF).is_some_and(|sent| sandkasse_gate::token::same_secret(&sent, &phone.csrf));
        if !is_ours {
            return Err(Turned::Foreign.into());
        }
        let said = serde_urlencoded::from_bytes(&body)
            .map_err(|error| Turned::Unreadable(format!("{error}.")))?;
        let opened = Opened {
            owner,
            secret,
            phone,
            back,
        };
        Ok(Tapped(opened, said))
    }
}

/// The page to go back to: one with phones, or else the phone's own.
pub(super) fn back(said: Option<String>, home: &str) -> String {
    let is_phone = |path: &String| {
        path.starts_with("/phone") && path.bytes().all(|byte| byte.is_ascii_graphic())
    };
    said.filter(is_phone).unwrap_or_else(|| home.to_owned())
}

/// The language of a request.
pub(super) fn language(chosen: Option<&str>, headers: &HeaderMap) -> Language {
    let wished = headers.get(header::ACCEPT_LANGUAGE);
    Language::pick(chosen, wished.and_then(|value| value.to_str().ok()))
}
