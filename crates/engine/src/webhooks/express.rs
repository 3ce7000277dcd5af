//! What a payer chose and told with Express, in ePayment's words: the same in the answer to a GET and
//! in what webhooks tell of the authorization (reference: epayment.md §2.8).

use sandkasse_domain::{
    Minor,
    payment::{ChosenShipping, Grant},
    person::Address,
};
use serde::Serialize;

/// `shippingDetails`: where to, and how, at what cost in minor units.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShippingDetails<'a> {
    address: Shown<'a>,
    shipping_cost: Minor,
    shipping_option_id: &'a str,
    shipping_option_name: &'a str,
}

/// `userDetails`: who pays.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserDetails<'a> {
    addresses: [Shown<'a>; 1],
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    mobile_number: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    address_line1: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address_line2: Option<&'a str>,
    city: &'a str,
    country: &'static str,
    post_code: &'a str,
}

impl<'a> From<&'a Address> for Shown<'a> {
    fn from(address: &'a Address) -> Shown<'a> {
        Shown {
            address_line1: &address.line1,
            address_line2: address.line2.as_deref(),
            city: &address.city,
            country: "NO",
            post_code: &address.post_code,
        }
    }
}

impl<'a> ShippingDetails<'a> {
    /// `None` when nothing is shipped.
    pub fn of(grant: &'a Grant) -> Option<ShippingDetails<'a>> {
        let ChosenShipping {
            address, method, ..
        } = grant.shipping.as_ref()?;
        Some(ShippingDetails {
            address: address.into(),
            shipping_cost: method.cost,
            shipping_option_id: &method.id,
            shipping_option_name: &method.name,
        })
    }
}

impl<'a> UserDetails<'a> {
    /// `None` unless something is shipped to somebody.
    pub fn of(grant: &'a Grant) -> Option<UserDetails<'a>> {
        let (user, shipping) = grant.user.as_ref().zip(grant.shipping.as_ref())?;
        Some(UserDetails {
            addresses: [(&shipping.address).into()],
            email: &user.email,
            first_name: &user.first_name,
            last_name: &user.last_name,
            mobile_number: user.mobile.msisdn(),
        })
    }
}
