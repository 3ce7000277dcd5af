//! What the control API says when it says no: problem+json (RFC 9457), with a detail that tells
//! what to do.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use sandkasse_domain::{payment::Cause, person::CannotPay};
use sandkasse_engine::{ActRefused, Refused};
use sandkasse_store::StoreError;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Why a request was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: the status and `cause` say which one it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 409)]
    pub(crate) status: u16,
    /// What is wrong, and what to do about it.
    pub(crate) detail: String,
    /// A short name that stays the same, for programs.
    #[schema(example = "not_open")]
    cause: String,
    /// The facts behind the cause, where there are some.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    facts: Option<Box<Value>>,
    /// What the person sees in the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "No shipping methods found")]
    app_shows: Option<&'static str>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, cause: &str, detail: impl Into<String>) -> Problem {
        Problem {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            cause: cause.to_owned(),
            facts: None,
            app_shows: None,
        }
    }

    /// Status and detail, for a page.
    pub(crate) fn said(&self) -> (StatusCode, &str) {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        (status, &self.detail)
    }

    /// The request itself is wrong.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "bad_request", detail)
    }

    /// What the request names is not there.
    pub(crate) fn not_found(cause: &str, detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, cause, detail)
    }

    /// The thing is there, and in no state for this.
    pub(crate) fn conflict(cause: &str, detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, cause, detail)
    }

    /// The platform itself failed.
    pub(crate) fn fault(text: &str) -> Problem {
        tracing::error!(fault = text, "the control API failed");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "fault",
            "the platform failed; its log says why",
        )
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What is wrong, and what to do about it.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    fn showing(mut self, app_shows: &'static str) -> Problem {
        self.app_shows = Some(app_shows);
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = serde_json::to_string(&self).expect("plain structs always serialise");
        let headers = [(header::CONTENT_TYPE, "application/problem+json")];
        (status, headers, body).into_response()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        Problem::fault(&error.0)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Problem {
        match refused {
            Refused::Because(cause) => Problem::from(cause),
            Refused::Fault(fault) => Problem::fault(&fault),
        }
    }
}

impl From<ActRefused> for Problem {
    fn from(refused: ActRefused) -> Problem {
        match refused {
            ActRefused::Refused(refused) => Problem::from(refused),
            ActRefused::NoShippingMethods { detail } => Problem::conflict(
                "no_shipping_methods",
                format!("the app shows \"No shipping methods found\": {detail}"),
            )
            .showing("No shipping methods found"),
            ActRefused::BadShippingAnswer { detail } => Problem::conflict(
                "bad_shipping_answer",
                format!("the app shows \"Payment failed\": {detail}"),
            )
            .showing("Payment failed"),
        }
    }
}

impl From<Cause> for Problem {
    fn from(cause: Cause) -> Problem {
        let mut facts = serde_json::to_value(&cause).unwrap_or_default();
        let name = facts
            .as_object_mut()
            .and_then(|facts| facts.remove("cause"))
            .and_then(|name| name.as_str().map(str::to_owned))
            .unwrap_or_default();
        let (status, detail) = explain(&cause, &name);
        let mut problem = Problem::new(status, &name, detail);
        problem.facts = Some(Box::new(facts))
            .filter(|facts| facts.as_object().is_some_and(|it| !it.is_empty()));
        problem
    }
}

/// Persons meet few causes; those of merchants cannot come from here, and get their name.
fn explain(cause: &Cause, name: &str) -> (StatusCode, String) {
    let conflict = |detail: &str| (StatusCode::CONFLICT, detail.to_owned());
    match cause {
        Cause::OrderUnknown { order, .. } => (
            StatusCode::NOT_FOUND,
            format!("this sales unit has no payment {order}"),
        ),
        Cause::OrderOfAnotherUnit {
            order, owned_by, ..
        } => (
            StatusCode::NOT_FOUND,
            format!(
                "this sales unit has no payment {order}, but its merchant's unit {owned_by} has"
            ),
        ),
        Cause::NotOpen { ended: true, .. } => {
            conflict("the payment has ended; only an open one can be approved or rejected")
        }
        Cause::NotOpen { ended: false, .. } => conflict(
            "the payment is approved already; only an open one can be approved or rejected",
        ),
        Cause::CannotPay { reason } => (StatusCode::CONFLICT, cannot_pay(*reason).to_owned()),
        Cause::NotThePayer => conflict(
            "this payment skips the landing page: only the number that the merchant named can pay it",
        ),
        Cause::ShippingNotChosen => conflict(
            "shipping must be chosen: `shipping_method` names none of those on offer, or the payment has none",
        ),
        Cause::OrderLocked { .. } => {
            conflict("another operation on this payment takes too long; try again")
        }
        Cause::OutcomePending { until } => conflict(&format!(
            "the bank is silent about the outcome until {until}"
        )),
        Cause::SkipLandingPageNotAllowed
        | Cause::NinNotAllowed
        | Cause::ReceivingLimitExceeded { .. }
        | Cause::RequestLimitExceeded { .. }
        | Cause::DuplicateOrder { .. }
        | Cause::OrderOfEpayment { .. }
        | Cause::AppOutdated
        | Cause::KeyReused { .. }
        | Cause::CaptureNotReserved { .. }
        | Cause::CaptureOfCancelled { .. }
        | Cause::AlreadyCaptured { .. }
        | Cause::CapturedDirectly
        | Cause::CaptureTooLate { .. }
        | Cause::CaptureExceedsReserved { .. }
        | Cause::CaptureAfterRelease { .. }
        | Cause::CaptureRefusedByBank
        | Cause::CancelAfterCapture { .. }
        | Cause::AlreadyCancelled { .. }
        | Cause::CancelInThreeDSecure
        | Cause::CancelTooLate { .. }
        | Cause::CancelRefusedByBank
        | Cause::RefundNotCaptured { .. }
        | Cause::RefundOfCancelled { .. }
        | Cause::RefundTooLate { .. }
        | Cause::RefundExceedsCaptured { .. }
        | Cause::SettlementExhausted { .. }
        | Cause::ReserveNotAllowed
        | Cause::ExpressNotAllowed
        | Cause::LongLivingNotAllowed
        | Cause::CardNotAvailable
        | Cause::CardPassthroughNotAvailable
        | Cause::CurrencyNotAllowed { .. }
        | Cause::BlockedSourcesNotApplicable
        | Cause::AmountTooSmall { .. }
        | Cause::ExpiryNotAllowed { .. }
        | Cause::ExpiryTooSoon { .. }
        | Cause::ExpiryTooLate { .. }
        | Cause::ReceiptMissing
        | Cause::CaptureMustBeWhole { .. }
        | Cause::OtherCurrency { .. }
        | Cause::CancelOfAuthorized
        | Cause::ApproveCard
        | Cause::ApproveInProduction
        | Cause::ApproveExpress
        | Cause::ApproveSkipsLandingPage
        | Cause::NotATestNumber { .. }
        | Cause::NoDefaultCard
        | Cause::NeverApprovedInApp
        | Cause::TokenOfAnotherOrder
        | Cause::RefusedByIssuer { .. } => conflict(&format!("the platform refuses: {name}")),
    }
}

fn cannot_pay(reason: CannotPay) -> &'static str {
    match reason {
        CannotPay::Number(_) => "this is no Norwegian number of eight digits",
        CannotPay::Unknown => {
            "nobody in this environment has the number; POST /control/v1/persons makes somebody"
        }
        CannotPay::TooYoung => "the person is younger than 15",
        CannotPay::BelowMinimumAge => "the person is younger than this payment asks for",
        CannotPay::Blocked => "the person's profile is blocked",
        CannotPay::LimitReached => "the person's spending limit is used up",
        CannotPay::NeverLoggedIn => "the person never logged in to the app",
    }
}
