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
                if let Some(failure) = outcome.failure {
                    let detail = format!("{failure:?}");
                    return Err(ActRefused::BadShippingAnswer { detail });
                }
                let answer = outcome.answer.unwrap_or_default();
                read_methods(&answer).map_err(|detail| ActRefused::BadShippingAnswer { detail })?
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
