//! What a merchant orders when it initiates a payment.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::MadeBy;
use crate::{
    Minor, OrderId, PhoneNumber, consent::Scope, person::Address, sales_unit::CaptureType,
};

/// A payment as it was asked for. It never changes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// By which API.
    #[serde(default)]
    pub made_by: MadeBy,
    /// The merchant's name for it.
    pub id: OrderId,
    /// What is to be paid, without shipping.
    pub amount: Minor,
    /// Shown to the payer.
    pub text: String,
    /// Where the merchant hears of the outcome.
    pub callback_prefix: String,
    /// Where the payer is sent afterwards.
    pub fall_back: String,
    /// Sent as `Authorization` with callbacks and shipping requests. A secret of the merchant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_token: Option<String>,
    /// Whether the merchant's own app opens the link.
    pub is_app: bool,
    /// Whether the request is pushed to the app without a landing page.
    pub skip_landing_page: bool,
    /// The number the merchant named, corrected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mobile: Option<PhoneNumber>,
    /// Personal data asked for together with the payment.
    pub scope: BTreeSet<Scope>,
    /// Express checkout, or a payment alone.
    pub checkout: Checkout,
    /// The sales unit's capture type at that moment.
    pub capture: CaptureType,
}

/// What the payer settles besides paying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Checkout {
    /// Nothing.
    Regular,
    /// Address and shipping are chosen in the app.
    Express {
        /// Where the merchant hears that a person wants to be forgotten; eCom's alone.
        #[serde(default)]
        consent_removal_prefix: Option<String>,
        /// Where the methods come from.
        shipping: ShippingSource,
    },
}

/// Where the shipping methods of an express payment come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShippingSource {
    /// Listed by the merchant when it initiated; wins over a prefix.
    Static(Vec<ShippingMethod>),
    /// Asked of the merchant when the payer has chosen an address.
    Asked {
        /// Prefix of the URL.
        prefix: String,
    },
}

/// One way to ship.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingMethod {
    /// The merchant's id.
    pub id: String,
    /// Shown to the payer.
    pub name: String,
    /// What it adds to the payment. On the wire in kroner, with decimals.
    pub cost: Minor,
    /// Ascending display order.
    pub priority: i64,
    /// Whether it is chosen unless the payer picks another.
    pub is_default: bool,
}

/// The methods that a payer was offered for an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingOffer {
    /// Where to.
    pub address: Address,
    /// What there is; never empty.
    pub methods: Vec<ShippingMethod>,
}

/// What the payer of an express payment chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChosenShipping {
    /// Where to.
    pub address: Address,
    /// How.
    pub method: ShippingMethod,
}

impl ShippingOffer {
    /// The method with this id. `None` asks for the default one, or the first to be shown where no
    /// method is the default.
    pub fn method(&self, id: Option<&str>) -> Option<&ShippingMethod> {
        let mut methods = self.methods.iter();
        match id {
            Some(id) => methods.find(|method| method.id == id),
            None => methods
                .find(|method| method.is_default)
                .or_else(|| self.methods.iter().min_by_key(|method| method.priority)),
        }
    }
}

/// The merchant's `authToken` stays out of logs and panics.
impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Order")
            .field("id", &self.id)
            .field("amount", &self.amount)
            .field("checkout", &self.checkout)
            .finish_non_exhaustive()
    }
}

impl Order {
    /// Whether the merchant learns something of the payer.
    pub fn shares_data(&self) -> bool {
        self.is_express() || !self.scope.is_empty()
    }

    /// Whether address and shipping are chosen in the app.
    pub fn is_express(&self) -> bool {
        matches!(self.checkout, Checkout::Express { .. })
    }
}
