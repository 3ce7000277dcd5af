//! `shipping`: Express (reference: epayment.md §2.8).

use sandkasse_courier::judge_prefix;
use sandkasse_domain::{payment::ShippingSource, sales_unit::UrlPolicy};
use sandkasse_engine::read_groups;

use super::{EpaymentCause, read::Reading};
use crate::params::Place;

/// Where the ways to ship come from, and the `callbackAuthorizationToken`.
pub(super) type Shipping = (ShippingSource, Option<String>);

/// Reads it; exactly one of the two kinds must be there.
pub(super) fn shipping(
    reading: &mut Reading,
    of: &Place<'_>,
    policy: UrlPolicy,
) -> Option<Shipping> {
    let shipping = reading.shape.object(of, "shipping", false)?;
    match (shipping.has("fixedOptions"), shipping.has("dynamicOptions")) {
        (true, true) => {
            reading.shape.fault(
                "shipping",
                "Only one of fixedOptions and dynamicOptions may be given.",
                "express.both",
                "both",
            );
            None
        }
        (false, false) => {
            reading.coded(EpaymentCause::ShippingMissing);
            None
        }
        (true, false) => {
            let groups = reading.shape.member(&shipping, "fixedOptions", true)?;
            match read_groups(&groups.rounded()) {
                Ok(methods) => Some((ShippingSource::Static(methods), None)),
                Err(what) => {
                    let reason = "The shipping options are not valid.";
                    let path = "shipping.fixedOptions";
                    reading
                        .shape
                        .fault(path, format!("{reason} {what}."), "express.options", what);
                    None
                }
            }
        }
        (false, true) => {
            let options = reading.shape.object(&shipping, "dynamicOptions", true)?;
            let url = reading.text(&options, "callbackUrl", true);
            let token = reading.text(&options, "callbackAuthorizationToken", false);
            let url = url?;
            if let Err(fault) = judge_prefix(&url, policy) {
                reading.coded(EpaymentCause::Url {
                    member: "callbackUrl".into(),
                    url: url.chars().take(255).collect(),
                    why: fault.name().to_owned(),
                });
                return None;
            }
            let token = token.filter(|token| !token.is_empty());
            Some((ShippingSource::Asked { prefix: url }, token))
        }
    }
}
