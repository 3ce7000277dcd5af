//! How a shop ships to an address: its static list, or its answer when asked.

use std::sync::Arc;

use sandkasse_domain::{
    Minor, PhoneNumber,
    payment::{Cause, Checkout, Command, ShippingMethod, ShippingOffer, ShippingSource},
};
use sandkasse_store::CallFailure;
use serde::Deserialize;

use crate::{Act, ActRefused, Engine, Refused, Unit, View, intent::At, outgoing};

impl Engine {
    pub(crate) async fn see_shipping_if_needed(
        &self,
        unit: &Arc<Unit>,
        view: &View,
        phone: &PhoneNumber,
        at: At,
    ) -> Result<(), ActRefused> {
        let missing = view.payment.open().is_some_and(|open| open.offer.is_none());
        if view.payment.order.is_express() && missing {
            self.see_shipping(unit, view, phone, 0, at).await?;
        }
        Ok(())
    }

    pub(crate) async fn see_shipping(
        &self,
        unit: &Arc<Unit>,
        view: &View,
        phone: &PhoneNumber,
        address: usize,
        at: At,
    ) -> Result<ShippingOffer, ActRefused> {
        let payment = &view.payment;
        // Before the shop is asked anything.
        payment
            .decide(&Command::Open, view.now)
            .map_err(Refused::from)?;
        let person = self
            .payer_of_order(unit, &payment.order, phone, view.now)
            .map_err(|reason| Refused::from(Cause::CannotPay { reason }))?;
        let Checkout::Express { shipping, .. } = &payment.order.checkout else {
            return Err(Refused::from(Cause::ShippingNotChosen).into());
        };
        let Some(to) = person.addresses.get(address) else {
            let detail = "the person has no such address".to_owned();
            return Err(ActRefused::NoShippingMethods { detail });
        };
        let methods = match shipping {
            ShippingSource::Static(methods) => methods.clone(),
            ShippingSource::Asked { prefix } => {
                let id = self.chance.uuid().to_string();
                let address_id = u32::try_from(address).unwrap_or_default() + 1;
                let call =
                    outgoing::shipping_details(id, payment, prefix, to, address_id, view.now);
                let policy = unit.facts.url_policy;
                let outcome = self.outgoing.ask(unit.partition(), policy, call).await;
                if let Some(CallFailure::Timeout { limit_ms }) = outcome.failure {
                    let detail = format!("the shop did not answer within {limit_ms} ms");
                    return Err(ActRefused::NoShippingMethods { detail });
                }
                // ePayment's shops say so when they do not ship there.
                let by_epayment = payment.order.epayment().is_some();
                if by_epayment
                    && matches!(outcome.failure, Some(CallFailure::Status { status: 400 }))
                {
                    let detail = "the shop does not ship to this address".to_owned();
                    return Err(ActRefused::NoShippingMethods { detail });
                }
                if let Some(failure) = outcome.failure {
                    let detail = format!("{failure:?}");
                    return Err(ActRefused::BadShippingAnswer { detail });
                }
                let answer = outcome.answer.unwrap_or_default();
                let read = if by_epayment {
                    read_offer
                } else {
                    read_methods
                };
                read(&answer).map_err(|detail| ActRefused::BadShippingAnswer { detail })?
            }
        };
        let offer = ShippingOffer {
            address: to.clone(),
            methods,
        };
        let act = Act::SeeShipping(offer.clone());
        self.act(unit, payment.order.id.as_str(), act, at).await?;
        Ok(offer)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShippingAnswer {
    shipping_details: Vec<serde_json::Value>,
}

/// Reads a shop's answer as tolerantly as the platform: numbers may be strings, the priority may
/// be missing, `addressId` and `orderId` are not looked at (reference: ecom.md §6).
pub fn read_methods(answer: &str) -> Result<Vec<ShippingMethod>, String> {
    let answer: ShippingAnswer = serde_json::from_str(answer)
        .map_err(|error| format!("the answer is not as documented: {error}"))?;
    if answer.shipping_details.is_empty() {
        return Err("shippingDetails is empty".to_owned());
    }
    answer
        .shipping_details
        .iter()
        .enumerate()
        .map(|(index, method)| {
            read_method(method).map_err(|what| format!("shippingDetails[{index}]: {what}"))
        })
        .collect()
}

/// Reads one shipping method, from a shop's answer or from a static list.
pub fn read_method(method: &serde_json::Value) -> Result<ShippingMethod, String> {
    let text = |member: &str, most: usize| {
        let text = method.get(member).and_then(serde_json::Value::as_str);
        text.filter(|text| !text.is_empty() && text.chars().count() <= most)
            .map(str::to_owned)
            .ok_or(format!(
                "{member} must be a text of at most {most} characters"
            ))
    };
    let is_default = match method.get("isDefault").and_then(serde_json::Value::as_str) {
        Some("Y") => true,
        Some("N") => false,
        _ => return Err("isDefault must be \"Y\" or \"N\"".to_owned()),
    };
    let cost = number(method.get("shippingCost"))
        .and_then(minor)
        .ok_or("shippingCost must be a number of kroner, not negative")?;
    let priority = match method.get("priority") {
        None | Some(serde_json::Value::Null) => 0,
        Some(priority) => number(Some(priority))
            .filter(|number| number.fract() == 0.0 && number.abs() < 1e9)
            .map(whole)
            .ok_or("priority must be an integer")?,
    };
    Ok(ShippingMethod {
        id: text("shippingMethodId", 100)?,
        name: text("shippingMethod", 256)?,
        cost,
        priority,
        is_default,
    })
}

/// Reads the answer of a shop of ePayment's (reference: epayment.md §6).
fn read_offer(answer: &str) -> Result<Vec<ShippingMethod>, String> {
    let answer: serde_json::Value = serde_json::from_str(answer)
        .map_err(|error| format!("the answer is not as documented: {error}"))?;
    read_groups(answer.get("groups").unwrap_or(&serde_json::Value::Null))
}

/// Reads groups of shipping options, from a shop's answer or from a fixed list: one after the other,
/// in the order in which they are shown.
pub fn read_groups(groups: &serde_json::Value) -> Result<Vec<ShippingMethod>, String> {
    let groups = groups.as_array().ok_or("the groups must be a list")?;
    let mut known = Vec::new();
    let mut methods = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        let kind = (
            one_of(group, "type", &TYPES)?,
            one_of(group, "brand", &BRANDS)?,
        );
        if known.contains(&kind) {
            return Err(format!(
                "groups[{index}]: its brand and type are in another group"
            ));
        }
        known.push(kind);
        let options = group.get("options").and_then(serde_json::Value::as_array);
        let options = options.filter(|options| !options.is_empty());
        let options = options.ok_or(format!("groups[{index}].options must be a list"))?;
        for option in options {
            let method =
                read_option(option).map_err(|what| format!("groups[{index}].options: {what}"))?;
            let is_default = method.is_default && flag(group, "isDefault");
            methods.push((
                order(group),
                ShippingMethod {
                    is_default,
                    ..method
                },
            ));
        }
    }
    if methods.is_empty() {
        return Err("there are no options".to_owned());
    }
    methods.sort_by_key(|(group, method)| (*group, method.priority));
    let mut shown: Vec<ShippingMethod> = methods.into_iter().map(|(_, method)| method).collect();
    for (place, method) in (0..).zip(shown.iter_mut()) {
        method.priority = place;
    }
    Ok(shown)
}

const TYPES: [&str; 5] = [
    "HOME_DELIVERY",
    "PICKUP_POINT",
    "MAILBOX",
    "IN_STORE",
    "OTHER",
];
const BRANDS: [&str; 13] = [
    "POSTEN",
    "BRING",
    "POSTNORD",
    "HELTHJEM",
    "PORTERBUDDY",
    "DHL",
    "INSTABOX",
    "FEDEX",
    "MATKAHUOLTO",
    "GLS",
    "POSTI",
    "GORDON",
    "OTHER",
];

fn one_of(
    of: &serde_json::Value,
    member: &str,
    words: &[&'static str],
) -> Result<&'static str, String> {
    let text = of.get(member).and_then(serde_json::Value::as_str);
    let found = text.and_then(|text| words.iter().find(|word| **word == text));
    found
        .copied()
        .ok_or(format!("{member} must be one of {}", words.join(", ")))
}

fn flag(of: &serde_json::Value, member: &str) -> bool {
    of.get(member).and_then(serde_json::Value::as_bool) == Some(true)
}

/// Lower numbers stand higher; what has none stands last.
fn order(of: &serde_json::Value) -> i64 {
    of.get("priority")
        .and_then(serde_json::Value::as_i64)
        .unwrap_or(i64::MAX)
}

fn read_option(option: &serde_json::Value) -> Result<ShippingMethod, String> {
    let text = |member: &str| {
        let text = option.get(member).and_then(serde_json::Value::as_str);
        text.filter(|text| !text.is_empty() && text.chars().count() <= 256)
            .map(str::to_owned)
            .ok_or(format!("{member} must be a text"))
    };
    let cost = option.get("amount").and_then(|amount| amount.get("value"));
    let cost = cost
        .and_then(serde_json::Value::as_i64)
        .filter(|cost| *cost <= i64::from(i32::MAX))
        .and_then(Minor::try_new)
        .ok_or("amount.value must be a whole number, not negative")?;
    Ok(ShippingMethod {
        id: text("id")?,
        name: text("name")?,
        cost,
        priority: order(option),
        is_default: flag(option, "isDefault"),
    })
}

fn number(value: Option<&serde_json::Value>) -> Option<f64> {
    let value = value?;
    let text = value.as_str().and_then(|text| text.trim().parse().ok());
    value.as_f64().or(text).filter(|number| number.is_finite())
}

fn minor(kroner: f64) -> Option<Minor> {
    let units = (kroner * 100.0).round();
    (units <= f64::from(i32::MAX))
        .then(|| whole(units))
        .and_then(Minor::try_new)
}

#[expect(clippy::cast_possible_truncation, reason = "callers have bounded it")]
fn whole(number: f64) -> i64 {
    number as i64
}
