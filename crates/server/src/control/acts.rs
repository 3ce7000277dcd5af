//! Acting as a person, in the app and on the landing page.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use sandkasse_domain::{
    PhoneNumber,
    payment::{Cause, Happened, Payment},
    person::PINS_BEFORE_LOCK,
};
use sandkasse_engine::{Act, Operated, Unit, View};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Control, Problem, Shared,
    extract::{Named, PaymentPath, Said, phone as read_phone},
    payment_view::{PaymentView, StateName},
};
use crate::people::{PIN, Pin, enter_pin};

/// Who approves, and how.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Approve {
    /// Whose app; the one in which the request shows, or else the number that the merchant named,
    /// if left out.
    #[schema(example = "41000001")]
    phone: Option<String>,
    /// 1236 is right for everybody, and what is meant if left out.
    #[schema(example = "1236")]
    pin: Option<String>,
    /// Which of the person's cards, from 0.
    card: usize,
    /// Express: the id of the method; the default one if left out.
    shipping_method: Option<String>,
}

/// Whose app.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Show {
    /// The number given on the landing page.
    #[schema(example = "41000001")]
    phone: String,
}

/// Whose address.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ChooseAddress {
    /// Whose app; as for approve if left out.
    #[schema(example = "41000001")]
    phone: Option<String>,
    /// Which of the person's addresses, from 0.
    address: usize,
}

/// A payment that somebody acts on.
struct Acted {
    unit: Arc<Unit>,
    order: String,
}

impl Control {
    fn acted(&self, path: PaymentPath) -> Result<Acted, Problem> {
        Ok(Acted {
            unit: self.unit(path.environment, &path.msn)?,
            order: path.order_id,
        })
    }

    async fn act(&self, path: PaymentPath, act: Act) -> Result<Json<PaymentView>, Problem> {
        let Acted { unit, order } = self.acted(path)?;
        let operated = self.engine().person_acts(&unit, &order, act).await?;
        Ok(answer(&unit, &operated))
    }

    /// A PIN that is said must be the right one.
    async fn check_pin(
        &self,
        unit: &Unit,
        phone: &PhoneNumber,
        pin: Option<&str>,
    ) -> Result<(), Problem> {
        let environment = unit.facts.environment;
        let directory = self.engine().directory.of(environment);
        let (Some(pin), Some(person)) = (pin, directory.person_by_phone(phone)) else {
            return Ok(());
        };
        let forbidden = |cause, detail| Err(Problem::new(StatusCode::FORBIDDEN, cause, detail));
        match enter_pin(self.engine(), environment, &person.id, pin).await? {
            Pin::Right => Ok(()),
            Pin::Wrong => {
                let detail = format!("the app does not accept this PIN; everybody's is {PIN}");
                forbidden("wrong_pin", detail)
            }
            Pin::Locked => {
                let detail = format!(
                    "{PINS_BEFORE_LOCK} wrong PINs have locked this app; `wrong_pins` of the person opens it again"
                );
                forbidden("pin_locked", detail)
            }
        }
    }

    /// The number said, or else whose app shows the request, or else whom the merchant named.
    fn who(&self, said: Option<&str>, payment: &Payment) -> Result<PhoneNumber, Problem> {
        if let Some(said) = said {
            return read_phone(said);
        }
        let Some(open) = payment.open() else {
            let ended = StateName::of(payment).is_final();
            let phase = payment.phase();
            return Err(Cause::NotOpen { ended, phase }.into());
        };
        let shown = open.payer.as_ref().map(|payer| payer.phone.clone());
        shown
            .or_else(|| payment.order.mobile.clone())
            .ok_or_else(|| {
                Problem::bad_request(
                    "say whose app: the request shows in none yet, so `phone` is needed",
                )
            })
    }
}

fn answer(unit: &Unit, operated: &Operated) -> Json<PaymentView> {
    Json(PaymentView::of(unit, &operated.payment).after(&operated.happened))
}

/// What is new since somebody looked.
fn since(unit: &Unit, before: &View, after: &View) -> Json<PaymentView> {
    let new: &[Happened] = after
        .history
        .get(before.history.len()..)
        .unwrap_or_default();
    Json(PaymentView::of(unit, &after.payment).after(new))
}

/// A person approves in the app. When the bank refuses, the answer says so and the request stays
/// open; when the bank wants a confirmation (3-D Secure), approving once more gives it.
///
/// In the test environment the amount says what the bank answers, in øre: 151 insufficient funds, 182
/// refused, 183 suspected fraud, 184 limit exceeded (all code 42), 186 expired card (44), 187 invalid
/// card (41), 197 3-D Secure denied (45), 201 unknown for an hour, 202 wants a confirmation. Force
/// approve ignores them. `issuer-refuses` of `POST /control/v1/faults` refuses any amount.
#[utoipa::path(
    post, path = "/payments/{environment}/{msn}/{order_id}/approve", tag = "Acting as a person", params(PaymentPath),
    request_body(content = Approve, example = json!({"phone": "41000001", "pin": "1236"})),
    responses(
        (status = 200, description = "The payment afterwards", body = PaymentView),
        (status = 403, description = "Wrong PIN", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn approve(
    State(control): Shared,
    Named(path): Named<PaymentPath>,
    Said(approve): Said<Approve>,
) -> Result<Json<PaymentView>, Problem> {
    let Acted { unit, order } = control.acted(path)?;
    let engine = control.engine();
    let view = engine.view(&unit, &order).await?;
    let phone = control.who(approve.phone.as_deref(), &view.payment)?;
    control
        .check_pin(&unit, &phone, approve.pin.as_deref())
        .await?;
    let person = engine
        .payer(&unit, &phone, view.now)
        .map_err(|reason| Cause::CannotPay { reason })?;
    // Somebody without any card can try as well; the bank refuses.
    if approve.card > 0 && approve.card >= person.cards.len() {
        let detail = format!(
            "the person has {} cards, counted from 0",
            person.cards.len()
        );
        return Err(Problem::bad_request(detail));
    }
    let operated = engine
        .approve(&unit, &order, &phone, approve.card, approve.shipping_method)
        .await?;
    Ok(answer(&unit, &operated))
}

/// The person rejects in the app.
#[utoipa::path(
    post, path = "/payments/{environment}/{msn}/{order_id}/reject", tag = "Acting as a person", params(PaymentPath),
    responses(
        (status = 200, description = "The payment afterwards", body = PaymentView),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn reject(
    State(control): Shared,
    Named(path): Named<PaymentPath>,
) -> Result<Json<PaymentView>, Problem> {
    control.act(path, Act::Reject).await
}

/// The payer logs in, or says OK on the landing page: five more minutes from now.
#[utoipa::path(
    post, path = "/payments/{environment}/{msn}/{order_id}/open", tag = "Acting as a person", params(PaymentPath),
    responses(
        (status = 200, description = "The payment afterwards", body = PaymentView),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn open(
    State(control): Shared,
    Named(path): Named<PaymentPath>,
) -> Result<Json<PaymentView>, Problem> {
    control.act(path, Act::Open).await
}

/// A number is given on the landing page: the request shows in that person's app.
#[utoipa::path(
    post, path = "/payments/{environment}/{msn}/{order_id}/show", tag = "Acting as a person", params(PaymentPath),
    request_body = Show,
    responses(
        (status = 200, description = "The payment afterwards", body = PaymentView),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Named(path): Named<PaymentPath>,
    Said(show): Said<Show>,
) -> Result<Json<PaymentView>, Problem> {
    let phone = read_phone(&show.phone)?;
    control.act(path, Act::Show { phone }).await
}

/// The payer goes to the bank's 3-D Secure page; meanwhile the merchant cannot cancel.
#[utoipa::path(
    post, path = "/payments/{environment}/{msn}/{order_id}/enter-3d-secure", tag = "Acting as a person",
    params(PaymentPath),
    responses(
        (status = 200, description = "The payment afterwards", body = PaymentView),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn enter_3d_secure(
    State(control): Shared,
    Named(path): Named<PaymentPath>,
) -> Result<Json<PaymentView>, Problem> {
    control.act(path, Act::EnterThreeDSecure).await
}

/// The payer cancels on the landing page.
#[utoipa::path(
    post, path = "/payments/{environment}/{msn}/{order_id}/leave-landing-page", tag = "Acting as a person",
    params(PaymentPath),
    responses(
        (status = 200, description = "The payment afterwards", body = PaymentView),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn leave_landing_page(
    State(control): Shared,
    Named(path): Named<PaymentPath>,
) -> Result<Json<PaymentView>, Problem> {
    control.act(path, Act::LeaveLandingPage).await
}

/// Express: the person chooses an address, and the shop says how it ships there. What the app
/// shows when the shop fails is in the problem, as `app_shows`.
#[utoipa::path(
    post, path = "/payments/{environment}/{msn}/{order_id}/choose-address", tag = "Acting as a person",
    params(PaymentPath),
    request_body(content = ChooseAddress, example = json!({"phone": "41000001", "address": 0})),
    responses(
        (status = 200, description = "The payment, with `request.shipping`", body = PaymentView),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn choose_address(
    State(control): Shared,
    Named(path): Named<PaymentPath>,
    Said(choose): Said<ChooseAddress>,
) -> Result<Json<PaymentView>, Problem> {
    let Acted { unit, order } = control.acted(path)?;
    let engine = control.engine();
    let before = engine.view(&unit, &order).await?;
    let phone = control.who(choose.phone.as_deref(), &before.payment)?;
    if before.payment.open().is_some() && !before.payment.order.is_express() {
        let detail = "this is no express payment, so there is no address to choose";
        return Err(Problem::conflict("not_express", detail));
    }
    engine
        .choose_address(&unit, &order, &phone, choose.address)
        .await?;
    let after = engine.view(&unit, &order).await?;
    Ok(since(&unit, &before, &after))
}

/// Lets the request time out: advances the sales unit's clock to that moment. Everything else of
/// the unit that is due by then happens as well.
#[utoipa::path(
    post, path = "/payments/{environment}/{msn}/{order_id}/time-out", tag = "Acting as a person", params(PaymentPath),
    responses(
        (status = 200, description = "The payment afterwards", body = PaymentView),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn time_out(
    State(control): Shared,
    Named(path): Named<PaymentPath>,
) -> Result<Json<PaymentView>, Problem> {
    let Acted { unit, order } = control.acted(path)?;
    let engine = control.engine();
    let before = engine.view(&unit, &order).await?;
    if before.payment.open().is_none() {
        let ended = StateName::of(&before.payment).is_final();
        let phase = before.payment.phase();
        return Err(Cause::NotOpen { ended, phase }.into());
    }
    let moment = before.payment.link_expires_at();
    control.advance_to(&unit, moment).await?;
    let after = engine.view(&unit, &order).await?;
    Ok(since(&unit, &before, &after))
}
