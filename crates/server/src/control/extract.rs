//! Reads paths, queries and bodies; what cannot be read is a [`Problem`].

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
};
use http::request::Parts;
use sandkasse_domain::{Environment, Msn, PhoneNumber};
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
