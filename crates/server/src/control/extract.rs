//! Reads paths, queries and bodies; what cannot be read is a [`Problem`].

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
};
use http::request::Parts;
use sandkasse_domain::{Environment, Msn, PhoneNumber, keys::KeyName, merchant::OrgNo};
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::IntoParams;

use super::Problem;

/// The names in a path.
pub(crate) struct Named<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(names) = Path::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
        Ok(Named(names))
    }
}

/// The parameters of a query.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(asked) = Query::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
        Ok(Asked(asked))
    }
}

/// A JSON body, whatever its `Content-Type`; none at all is `{}`.
pub(crate) struct Said<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Said<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| Problem::bad_request(rejection.body_text()))?;
        let json: &[u8] = if body.trim_ascii().is_empty() {
            b"{}"
        } else {
            &body
        };
        serde_json::from_slice(json)
            .map(Said)
            .map_err(|error| Problem::bad_request(format!("the body: {error}")))
    }
}

/// A sales unit in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct UnitPath {
    /// `test` or `production`.
    #[param(value_type = String, example = "test")]
    pub(crate) environment: Environment,
    /// The sales unit's number.
    #[param(value_type = String, example = "220001")]
    pub(crate) msn: Msn,
}

/// A payment in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct PaymentPath {
    /// `test` or `production`.
    #[param(value_type = String, example = "test")]
    pub(crate) environment: Environment,
    /// The sales unit's number.
    #[param(value_type = String, example = "220001")]
    pub(crate) msn: Msn,
    /// The merchant's id of the payment.
    #[param(example = "acme-shop-123-order123abc")]
    pub(crate) order_id: String,
}

/// A person in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct PersonPath {
    /// `test` or `production`.
    #[param(value_type = String, example = "test")]
    pub(crate) environment: Environment,
    /// The telephone number, with or without country code.
    #[param(example = "41000001")]
    pub(crate) phone: String,
}

/// Whoever has keys, and is no sales unit, in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OwnerPath {
    /// `test` or `production`.
    #[param(value_type = String, example = "production")]
    pub(crate) environment: Environment,
    /// Its id.
    #[param(example = "demo-partner")]
    pub(crate) id: String,
}

/// One key of them in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OwnerKeyPath {
    /// `test` or `production`.
    #[param(value_type = String, example = "production")]
    pub(crate) environment: Environment,
    /// Its id.
    #[param(example = "demo-partner")]
    pub(crate) id: String,
    /// `client_secret`, `primary_subscription_key` or `secondary_subscription_key`.
    #[param(value_type = String, example = "client_secret")]
    pub(crate) key: KeyName,
}

/// Which environment.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct InEnvironment {
    /// `test` or `production`; both if left out.
    #[param(value_type = Option<String>)]
    pub(crate) environment: Option<Environment>,
}

impl InEnvironment {
    /// One, or both.
    pub(crate) fn all(&self) -> impl Iterator<Item = Environment> {
        let only = self.environment;
        Environment::ALL
            .into_iter()
            .filter(move |environment| only.is_none_or(|only| only == *environment))
    }
}

/// The id that somebody chose for who gets keys.
pub(crate) fn owner_id(said: &str) -> Result<String, Problem> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if (1..=50).contains(&said.len()) && said.bytes().all(fits) {
        return Ok(said.to_owned());
    }
    Err(Problem::bad_request(
        "`id` has 1 to 50 letters, digits, `-` and `_`",
    ))
}

/// No name has more characters.
const LONGEST_NAME: usize = 200;

/// A name that can be shown.
pub(crate) fn name(said: &str) -> Result<String, Problem> {
    if said.trim().is_empty() {
        return Err(Problem::bad_request("the name is empty"));
    }
    if said.chars().count() > LONGEST_NAME {
        let detail = format!("the name has more than {LONGEST_NAME} characters");
        return Err(Problem::bad_request(detail));
    }
    Ok(said.to_owned())
}

/// An organisation number of one of the three countries.
pub(crate) fn orgno(said: &str) -> Result<OrgNo, Problem> {
    let digits = said.bytes().all(|byte| byte.is_ascii_digit());
    if digits && (8..=9).contains(&said.len()) {
        return Ok(OrgNo(said.to_owned()));
    }
    Err(Problem::bad_request(format!(
        "`{said}` is no organisation number: it has nine digits in Norway, eight in Denmark and Finland"
    )))
}

/// Reads a number as the platform does.
pub(crate) fn phone(text: &str) -> Result<PhoneNumber, Problem> {
    PhoneNumber::correct(text).map_err(|_| {
        Problem::bad_request(format!(
            "`{text}` is no Norwegian telephone number: eight digits, with or without 47 in front"
        ))
    })
}

/// A member that may be there and null: `Some(None)` takes away what was there.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
