//! What ePayment knows of a payment besides what eCom does, and what it asks of a new one.
//!
//! There is one payment machine and one namespace of order ids; an [`Order`] says by which API it
//! was made (reference: epayment.md §2.9).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{CancelledBy, Cause, Order, Payment, State, clock};
use crate::{Currency, receipt::Receipt, sales_unit::CaptureType};

/// By which API a payment was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MadeBy {
    /// eCom v2; what was stored before ePayment was there.
    #[default]
    Ecom,
    /// ePayment v1.
    Epayment(Box<Epayment>),
}

/// What an ePayment order carries besides what all orders do. `fall_back` is its `returnUrl`, `text`
/// its `paymentDescription`, `mobile` its customer's number, `auth_token` the
/// `callbackAuthorizationToken` of dynamic shipping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epayment {
    /// Names the creation, and the payment in all answers to modifications: a UUID.
    pub psp_reference: String,
    /// The key of the create call.
    pub idempotency_key: String,
    /// How the payer comes to the app.
    pub user_flow: UserFlow,
    /// What it is paid with.
    pub method: Method,
    /// What the amount counts.
    pub currency: Currency,
    /// Kinds of cards that may not pay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_sources: Vec<BlockedSource>,
    /// Whether the payer stands in the shop.
    #[serde(default)]
    pub customer_present: bool,
    /// Younger persons cannot pay it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_user_age: Option<u8>,
    /// A long-living payment stays open until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// What the QR code comes as, for [`UserFlow::Qr`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr: Option<QrFormat>,
    /// What is bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// The merchant's own pairs, in their order. `None` when none were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Vec<(String, String)>>,
    /// Where the payer finds the merchant's receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt_url: Option<String>,
    /// For airlines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub airline: Option<Airline>,
    /// For payment service providers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_passthrough: Option<CardPassthrough>,
}

/// How the payer comes to the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are the platform's own")]
pub enum UserFlow {
    WebRedirect,
    NativeRedirect,
    PushMessage,
    Qr,
}

impl UserFlow {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            UserFlow::WebRedirect => "WEB_REDIRECT",
            UserFlow::NativeRedirect => "NATIVE_REDIRECT",
            UserFlow::PushMessage => "PUSH_MESSAGE",
            UserFlow::Qr => "QR",
        }
    }
}

/// What a payment is paid with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Method {
    /// The app.
    Wallet,
    /// A card form, without the app.
    Card,
    /// The app, and the provider charges the card itself.
    CardPassthrough,
}

impl Method {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Method::Wallet => "WALLET",
            Method::Card => "CARD",
            Method::CardPassthrough => "CARD_PASSTHROUGH",
        }
    }
}

/// Kinds of cards that may not pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names are the platform's own")]
pub enum BlockedSource {
    CommercialCards,
}

/// What a QR code comes as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QrFormat {
    /// An image without pixels.
    Svg,
    /// A square image.
    Png {
        /// Of so many pixels.
        size: u16,
    },
    /// What the code says, to be drawn by the merchant.
    TargetUrl,
}

/// A flight. Members are named as on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the platform's own")]
pub struct Airline {
    pub agency_invoice_number: String,
    pub airline_code: String,
    pub airline_designator_code: String,
    pub passenger_name: String,
    pub ticket_number: Option<String>,
}

/// What a provider says of a card payment that it carries out itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the platform's own")]
pub struct CardPassthrough {
    pub psp_reference: Option<String>,
    pub card_callback_url: Option<String>,
    pub allowed_card_types: Vec<String>,
    pub prefer_visa_part_of_visa_dankort: bool,
    pub public_encryption_key_id: Option<String>,
}

/// Where a payment stands, in ePayment's words: capture, refund and cancel move only the sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nobody decided.
    #[default]
    Created,
    /// The payer did not want to.
    Aborted,
    /// Time ran out, or the bank refused for good.
    Expired,
    /// The payer approved.
    Authorized,
    /// The merchant took it back before that.
    Terminated,
}

impl Phase {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Created => "CREATED",
            Phase::Aborted => "ABORTED",
            Phase::Expired => "EXPIRED",
            Phase::Authorized => "AUTHORIZED",
            Phase::Terminated => "TERMINATED",
        }
    }
}

impl From<CancelledBy> for Phase {
    fn from(by: CancelledBy) -> Phase {
        match by {
            CancelledBy::Payer | CancelledBy::LandingPage => Phase::Aborted,
            CancelledBy::Merchant => Phase::Terminated,
            CancelledBy::Timeout => Phase::Expired,
        }
    }
}

impl Payment {
    /// Where it stands, in ePayment's words, whichever API made it (reference: epayment.md §2.9).
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::Initiated(_) | State::OutcomeUnknown { .. } => Phase::Created,
            State::Cancelled { by, .. } => (*by).into(),
            State::Failed { .. } => Phase::Expired,
            State::Reserved(_) | State::Voided { .. } => Phase::Authorized,
        }
    }
}

impl Order {
    /// What it carries as a payment of ePayment, if it is one.
    pub fn epayment(&self) -> Option<&Epayment> {
        match &self.made_by {
            MadeBy::Ecom => None,
            MadeBy::Epayment(epayment) => Some(epayment),
        }
    }

    /// What its amounts count; eCom knows Norwegian kroner only.
    pub fn currency(&self) -> Currency {
        self.epayment().map_or(Currency::Nok, |it| it.currency)
    }
}

/// What a sales unit and its environment allow a new ePayment order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Freestanding cards.
    pub cards: bool,
    /// Express.
    pub express: bool,
    /// Payments that live longer than ten minutes.
    pub long_living: bool,
    /// What it is paid in.
    pub currency: Currency,
    /// How far ahead a payment may expire.
    pub longest_life: SignedDuration,
    /// Whether one that lives longer must have a receipt.
    pub needs_receipt: bool,
}

/// Whether everything but the payer is right with a new payment. The order of the checks is contract:
/// the merchant's configuration, then the amount and the times (reference: epayment.md §5).
pub(super) fn check(
    order: &Order,
    epayment: &Epayment,
    allowed: &Allowed,
    skip_landing_page: bool,
    nin: bool,
    now: Timestamp,
) -> Result<(), Cause> {
    match epayment.method {
        Method::Card if !allowed.cards => return Err(Cause::CardNotAvailable),
        // For payment service providers, and none has an agreement on it here.
        Method::CardPassthrough => return Err(Cause::CardPassthroughNotAvailable),
        Method::Card | Method::Wallet => {}
    }
    if order.capture == CaptureType::Direct {
        return Err(Cause::ReserveNotAllowed);
    }
    if order.is_express() && !allowed.express {
        return Err(Cause::ExpressNotAllowed);
    }
    if order.skip_landing_page && !skip_landing_page {
        return Err(Cause::SkipLandingPageNotAllowed);
    }
    if order.scope.contains(&crate::consent::Scope::Nin) && !nin {
        return Err(Cause::NinNotAllowed);
    }
    if epayment.expires_at.is_some() && !allowed.long_living {
        return Err(Cause::LongLivingNotAllowed);
    }
    if epayment.currency != allowed.currency {
        return Err(Cause::CurrencyNotAllowed {
            asked: epayment.currency,
            takes: allowed.currency,
        });
    }
    // Danish and Finnish sales units alone may.
    if !epayment.blocked_sources.is_empty() && allowed.currency == Currency::Nok {
        return Err(Cause::BlockedSourcesNotApplicable);
    }
    let least = epayment.currency.least_payment();
    if order.amount < least {
        let asked = order.amount;
        return Err(Cause::AmountTooSmall { asked, least });
    }
    let Some(expires_at) = epayment.expires_at else {
        return Ok(());
    };
    if matches!(
        epayment.user_flow,
        UserFlow::WebRedirect | UserFlow::NativeRedirect
    ) {
        let flow = epayment.user_flow;
        return Err(Cause::ExpiryNotAllowed { flow });
    }
    let earliest = clock::after(now, clock::SHORTEST_LONG_LIFE);
    if expires_at <= earliest {
        return Err(Cause::ExpiryTooSoon {
            expires_at,
            earliest,
        });
    }
    let latest = clock::after(now, allowed.longest_life);
    if expires_at >= latest {
        return Err(Cause::ExpiryTooLate { expires_at, latest });
    }
    if allowed.needs_receipt && epayment.receipt.is_none() {
        return Err(Cause::ReceiptMissing);
    }
    Ok(())
}
