//! A payment as the control API shows it.

use sandkasse_domain::{
    Environment, Minor, Msn, Timestamp,
    payment::{CancelledBy, Happened, Open, Payment, Refusal, Reservation, ShippingMethod, State},
};
use sandkasse_engine::Unit;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{happened_view::HappenedView, person_traits::AddressWire, schemas};
use crate::redirect;

/// Where a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum StateName {
    /// The payer has not decided.
    Initiated,
    /// Approved; the bank is silent.
    OutcomeUnknown,
    /// Approved; nothing is captured.
    Reserved,
    /// A part is captured.
    PartlyCaptured,
    /// All is captured, or the rest was let go.
    Captured,
    /// A part of what was captured is given back.
    PartlyRefunded,
    /// All of what was captured is given back.
    Refunded,
    /// Rejected, cancelled or timed out before approval.
    Cancelled,
    /// The bank refused, and the payer gave up.
    Failed,
    /// The merchant let the reservation go.
    Voided,
}

impl StateName {
    pub(crate) fn of(payment: &Payment) -> StateName {
        match &payment.state {
            State::Initiated(_) => StateName::Initiated,
            State::OutcomeUnknown { .. } => StateName::OutcomeUnknown,
            State::Cancelled { .. } => StateName::Cancelled,
            State::Failed { .. } => StateName::Failed,
            State::Voided { .. } => StateName::Voided,
            State::Reserved(reservation) => StateName::of_reservation(reservation),
        }
    }

    fn of_reservation(reservation: &Reservation) -> StateName {
        if reservation.captured.is_zero() {
            StateName::Reserved
        } else if reservation.remaining_to_refund().is_zero() {
            StateName::Refunded
        } else if !reservation.refunded.is_zero() {
            StateName::PartlyRefunded
        } else if reservation.remaining_to_capture().is_zero() {
            StateName::Captured
        } else {
            StateName::PartlyCaptured
        }
    }

    /// Whether nothing can follow.
    pub(crate) fn is_final(self) -> bool {
        match self {
            StateName::Cancelled | StateName::Failed | StateName::Voided => true,
            StateName::Initiated
            | StateName::OutcomeUnknown
            | StateName::Reserved
            | StateName::PartlyCaptured
            | StateName::Captured
            | StateName::PartlyRefunded
            | StateName::Refunded => false,
        }
    }
}

impl std::fmt::Display for StateName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Serialize::serialize(self, f)
    }
}

/// A payment. Amounts are in minor units.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PaymentView {
    #[schema(schema_with = schemas::environment)]
    environment: Environment,
    #[schema(value_type = String, example = "220001")]
    msn: Msn,
    order_id: String,
    state: StateName,
    /// As ordered, without shipping.
    #[schema(value_type = i64, example = 49_900)]
    amount: Minor,
    text: String,
    #[schema(value_type = String, format = DateTime)]
    initiated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<String>,
    /// While the payer has not decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestView>,
    /// Once there is a reservation.
    #[serde(skip_serializing_if = "Option::is_none")]
    money: Option<MoneyView>,
    /// How it ended before any money was reserved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::cancelled_by)]
    cancelled_by: Option<CancelledBy>,
    /// The bank's last refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schemas::refusal)]
    refused: Option<Refusal>,
    /// What the app opens now that the payment is decided: `fallBack` with a status. A browser's
    /// landing page leads to `fallBack` without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://example.com/result?status=100")]
    app_redirect: Option<String>,
    /// What the act just made happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    happened: Option<Vec<HappenedView>>,
    /// All that happened, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<HappenedView>>,
}

/// A payment request that waits for its payer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WaitingRequest)]
struct RequestView {
    /// When it times out, unless it is opened before.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// When the payer logged in, or said OK.
    #[schema(value_type = Option<String>, format = DateTime)]
    opened_at: Option<Timestamp>,
    /// In whose app it shows.
    payer: Option<String>,
    /// When that person approves unasked.
    #[schema(value_type = Option<String>, format = DateTime)]
    acts_at: Option<Timestamp>,
    /// The payer is confirming with the bank: approving once more does it.
    in_three_d_secure: bool,
    /// Express: the address chosen, and the methods for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping: Option<ShippingView>,
}

/// Shipping on offer.
#[derive(Debug, Serialize, ToSchema)]
struct ShippingView {
    address: AddressWire,
    methods: Vec<MethodView>,
}

/// One way to ship.
#[derive(Debug, Serialize, ToSchema)]
struct MethodView {
    id: String,
    name: String,
    /// In minor units.
    #[schema(value_type = i64)]
    cost: Minor,
    priority: i64,
    is_default: bool,
}

/// A reservation's money, in minor units.
#[derive(Debug, Serialize, ToSchema)]
struct MoneyView {
    /// Who pays.
    payer: String,
    /// With shipping.
    #[schema(value_type = i64)]
    reserved: Minor,
    #[schema(value_type = i64)]
    captured: Minor,
    #[schema(value_type = i64)]
    refunded: Minor,
    #[schema(value_type = i64)]
    remaining_to_capture: Minor,
    #[schema(value_type = i64)]
    remaining_to_refund: Minor,
}

impl PaymentView {
    pub(super) fn of(unit: &Unit, payment: &Payment) -> PaymentView {
        let order = &payment.order;
        let (cancelled_by, refused) = match &payment.state {
            State::Cancelled { by, .. } => (Some(*by), None),
            State::Failed { refusal, .. } => (None, Some(*refusal)),
            State::Initiated(open) => (None, open.refused),
            State::OutcomeUnknown { .. } | State::Reserved(_) | State::Voided { .. } => {
                (None, None)
            }
        };
        PaymentView {
            environment: unit.facts.environment,
            msn: unit.facts.msn.clone(),
            order_id: order.id.to_string(),
            state: StateName::of(payment),
            amount: order.amount,
            text: order.text.clone(),
            initiated_at: payment.initiated_at,
            transaction_id: payment.transaction_id.as_ref().map(|id| id.0.clone()),
            request: payment.open().map(|open| RequestView::of(payment, open)),
            money: payment.reservation().map(MoneyView::of),
            cancelled_by,
            refused,
            app_redirect: redirect::app(payment),
            happened: None,
            history: None,
        }
    }

    /// With what an act made happen.
    pub(super) fn after(mut self, happened: &[Happened]) -> PaymentView {
        self.happened = Some(happened.iter().map(HappenedView::of).collect());
        self
    }

    /// With all that happened.
    pub(super) fn with_history(mut self, history: &[Happened]) -> PaymentView {
        self.history = Some(history.iter().map(HappenedView::of).collect());
        self
    }
}

impl RequestView {
    fn of(payment: &Payment, open: &Open) -> RequestView {
        RequestView {
            expires_at: payment.link_expires_at(),
            opened_at: open.opened_at,
            payer: open.payer.as_ref().map(|payer| payer.phone.to_string()),
            acts_at: open.acting.as_ref().map(|acting| acting.at),
            in_three_d_secure: open.in_three_d_secure,
            shipping: open.offer.as_ref().map(|offer| ShippingView {
                address: AddressWire::from(&offer.address),
                methods: offer.methods.iter().map(MethodView::of).collect(),
            }),
        }
    }
}

impl MethodView {
    fn of(method: &ShippingMethod) -> MethodView {
        MethodView {
            id: method.id.clone(),
            name: method.name.clone(),
            cost: method.cost,
            priority: method.priority,
            is_default: method.is_default,
        }
    }
}

impl MoneyView {
    fn of(reservation: &Reservation) -> MoneyView {
        MoneyView {
            payer: reservation.grant.payer.phone.to_string(),
            reserved: reservation.grant.amount,
            captured: reservation.captured,
            refunded: reservation.refunded,
            remaining_to_capture: reservation.remaining_to_capture(),
            remaining_to_refund: reservation.remaining_to_refund(),
        }
    }
}
