//! Capture, refund, cancel and force approve by hand: what a merchant's people do on the portal.
//! What is refused, is refused in the words that the eCom API has for it.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use sandkasse_api::ecom::{self, ByHand, Moved, NotDone};
use sandkasse_domain::{Environment, Minor};
use sandkasse_engine::Unit;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Control, Problem, Shared,
    extract::{Named, PaymentPath, Said, phone as read_phone},
    payment_view::PaymentView,
};

/// No text has more characters, as in the API.
const LONGEST_TEXT: usize = 100;
/// No request id has more characters, as in the API.
const LONGEST_REQUEST_ID: usize = 40;

/// Money to be moved.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Amount {
    /// In minor units; everything if left out.
    #[schema(value_type = Option<i64>, example = 10_000)]
    amount: Option<Minor>,
    /// What the payer reads, at most 100 characters.
    text: Option<String>,
    /// The same one a second time does nothing more; at most 40 characters. A fresh one if left out.
    request_id: Option<String>,
}

/// What a cancel lets go.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Cancel {
    /// What the payer reads, at most 100 characters.
    text: Option<String>,
    /// After a capture: give back what was not captured.
    release_remainder: bool,
}

/// Who pays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ForceApprove {
    /// Whom the merchant named, if left out.
    #[schema(example = "41000001")]
    phone: Option<String>,
}

impl Control {
    /// Does something to a payment as its merchant, or in the payer's place.
    pub(crate) async fn by_hand(
        &self,
        unit: &Arc<Unit>,
        order: &str,
        wanted: ByHand,
    ) -> Result<(), NotDone> {
        ecom::by_hand(self.engine(), unit, order, wanted).await
    }

    /// A movement with its text and request id, if both are short enough.
    pub(crate) fn moved(
        &self,
        amount: Option<Minor>,
        text: Option<String>,
        request_id: Option<String>,
    ) -> Result<Moved, Problem> {
        let fresh = || self.engine().chance.uuid().to_string();
        let request_id = request_id.filter(|id| !id.is_empty()).unwrap_or_else(fresh);
        if request_id.chars().count() > LONGEST_REQUEST_ID {
            return Err(Problem::bad_request(format!(
                "the request id has more than {LONGEST_REQUEST_ID} characters"
            )));
        }
        if amount.is_some_and(|it| it.is_zero() || it > Minor::GREATEST_PAYMENT) {
            return Err(Problem::bad_request(
                "the amount is nothing, or more than the platform can count",
            ));
        }
        Ok(Moved {
            amount,
            text: words(text)?,
            request_id,
        })
    }

    /// Force approve is a call of the test environment.
    pub(crate) fn test_only(environment: Environment) -> Result<(), Problem> {
        if environment == Environment::Test {
            return Ok(());
        }
        Err(Problem::conflict(
            "test_only",
            "force approve exists in the test environment only; in production the payer approves",
        ))
    }

    async fn done(&self, path: PaymentPath, wanted: ByHand) -> Result<Json<PaymentView>, Problem> {
        let unit = self.unit(path.environment, &path.msn)?;
        self.by_hand(&unit, &path.order_id, wanted).await?;
        let view = self.engine().view(&unit, &path.order_id).await?;
        Ok(Json(
            PaymentView::of(&unit, &view.payment).with_history(&view.history),
        ))
    }
}

/// The merchant's words for an operation.
pub(crate) fn words(said: Option<String>) -> Result<String, Problem> {
    let text = said.filter(|text| !text.trim().is_empty());
    let text = text.unwrap_or_else(|| "By hand on the portal".to_owned());
    if text.chars().count() > LONGEST_TEXT {
        return Err(Problem::bad_request(format!(
            "the text has more than {LONGEST_TEXT} characters"
        )));
    }
    Ok(text)
}

impl From<NotDone> for Problem {
    fn from(not_done: NotDone) -> Problem {
        match not_done {
            NotDone::Refused(says) => {
                let status = StatusCode::from_u16(says.status).unwrap_or(StatusCode::CONFLICT);
                Problem::new(status, says.cause, format!("{} {}", says.code, says.text))
            }
            NotDone::Fault(fault) => Problem::fault(&fault),
        }
    }
}

/// Captures reserved money by hand. The merchant's own call is `POST /ecomm/v2/payments/{orderId}/capture`;
/// this needs none of its keys, and is refused for the same reasons.
#[utoipa::path(
    post, path = "/payments/{environment}/{msn}/{order_id}/capture", tag = "Payments", params(PaymentPath),
    request_body(content = Amount, example = json!({"amount": 10_000})),
    responses(
        (status = 200, description = "The payment afterwards", body = PaymentView),
        (status = "default", description = "Refused, with the API's code and text", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn capture(
    State(control): Shared,
    Named(path): Named<PaymentPath>,
    Said(said): Said<Amount>,
) -> Result<Json<PaymentView>, Problem> {
    let moved = control.moved(said.amount, said.text, said.request_id)?;
    control.done(path, ByHand::Capture(moved)).await
}

/// Gives captured money back by hand.
#[utoipa::path(
    post, path = "/payments/{environment}/{msn}/{order_id}/refund", tag = "Payments", params(PaymentPath),
    request_body(content = Amount, example = json!({"amount": 10_000})),
    responses(
        (status = 200, description = "The payment afterwards", body = PaymentView),
        (status = "default", description = "Refused, with the API's code and text", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn refund(
    State(control): Shared,
    Named(path): Named<PaymentPath>,
    Said(said): Said<Amount>,
) -> Result<Json<PaymentView>, Problem> {
    let moved = control.moved(said.amount, said.text, said.request_id)?;
    control.done(path, ByHand::Refund(moved)).await
}

/// Lets a payment go by hand; after a capture, what was not captured.
#[utoipa::path(
    post, path = "/payments/{environment}/{msn}/{order_id}/cancel", tag = "Payments", params(PaymentPath),
    request_body(content = Cancel, example = json!({"text": "Sold out"})),
    responses(
        (status = 200, description = "The payment afterwards", body = PaymentView),
        (status = "default", description = "Refused, with the API's code and text", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn cancel(
    State(control): Shared,
    Named(path): Named<PaymentPath>,
    Said(said): Said<Cancel>,
) -> Result<Json<PaymentView>, Problem> {
    let wanted = ByHand::Cancel {
        text: words(said.text)?,
        release_remainder: said.release_remainder,
    };
    control.done(path, wanted).await
}

/// Approves in the payer's place, as the API's test call does. It ignores test amounts.
#[utoipa::path(
    post, path = "/payments/{environment}/{msn}/{order_id}/force-approve", tag = "Payments", params(PaymentPath),
    request_body(content = ForceApprove, example = json!({"phone": "41000001"})),
    responses(
        (status = 200, description = "The payment afterwards", body = PaymentView),
        (status = "default", description = "Refused, with the API's code and text", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn force_approve(
    State(control): Shared,
    Named(path): Named<PaymentPath>,
    Said(said): Said<ForceApprove>,
) -> Result<Json<PaymentView>, Problem> {
    Control::test_only(path.environment)?;
    let phone = said.phone.as_deref().map(read_phone).transpose()?;
    control.done(path, ByHand::Approve { phone }).await
}
