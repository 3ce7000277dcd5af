//! What only DNS can tell of a payment to be initiated.

use sandkasse_courier::{Host, Resolver, judge_prefix};
use sandkasse_domain::{
    payment::{Checkout, Order, ShippingSource},
    sales_unit::UrlPolicy,
};

use crate::{FieldFault, body::Fields};

/// What only DNS can tell, asked when nothing else is wrong: whether the hosts that the platform
/// will call exist. A `local` unit's are not asked for (reference: platform.md §6).
pub(in crate::ecom) async fn check_hosts(
    order: &Order,
    policy: UrlPolicy,
    resolver: &dyn Resolver,
) -> Result<(), Vec<FieldFault>> {
    if policy == UrlPolicy::Local {
        return Ok(());
    }
    let (consent_removal, shipping) = match &order.checkout {
        Checkout::Regular => (None, None),
        Checkout::Express {
            consent_removal_prefix,
            shipping,
        } => {
            let asked = match shipping {
                ShippingSource::Asked { prefix } => Some(prefix),
                ShippingSource::Static(_) => None,
            };
            (consent_removal_prefix.as_ref(), asked)
        }
    };
    let prefixes = [
        (
            Some(&order.callback_prefix),
            "merchantInfo.callbackPrefix.invalid",
            "callbackUrl is invalid",
        ),
        (
            consent_removal,
            "merchantInfo.consentRemovalPrefix.invalid",
            "Invalid consentRemovalPrefix URL",
        ),
        (
            shipping,
            "merchantInfo.shippingDetailsPrefix.invalid",
            "Invalid shippingDetailsPrefix URL",
        ),
    ];
    let mut fields = Fields::default();
    for (prefix, code, says) in prefixes {
        let Some(Ok(target)) = prefix.map(|prefix| judge_prefix(prefix, policy)) else {
            continue;
        };
        let Host::Name(name) = &target.host else {
            continue;
        };
        match resolver.resolve(name, target.port).await {
            Ok(addresses) if !addresses.is_empty() => {}
            // No DNS at all is our trouble, not the merchant's: only a clear "no such name" counts.
            Err(error) if !names_nobody(&error) => {
                tracing::warn!(%error, "DNS could not be asked about a merchant's host");
            }
            Ok(_) => fields.fault(code, says, "url.dns", format!("{name} has no address")),
            Err(error) => fields.fault(code, says, "url.dns", format!("{name}: {error}")),
        }
    }
    fields.into_result(Some(()))
}

/// Whether a resolver said that there is no such name, and not that it could not ask. The system's
/// resolver tells the two apart in its text only.
fn names_nobody(error: &std::io::Error) -> bool {
    let text = error.to_string();
    error.kind() == std::io::ErrorKind::NotFound
        || [
            "not known",
            "does not resolve",
            "No address associated",
            "nodename nor servname",
        ]
        .iter()
        .any(|sign| text.contains(sign))
}
