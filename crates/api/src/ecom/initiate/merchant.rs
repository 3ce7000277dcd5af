//! `merchantInfo` of an initiate.

use sandkasse_courier::{UrlFault, is_dangerous_scheme, judge_fall_back, judge_prefix};
use sandkasse_domain::{
    Msn,
    payment::{Checkout, ShippingMethod, ShippingSource},
    sales_unit::UrlPolicy,
};
use sandkasse_engine::read_method;

use crate::{
    body::{BodyFault, Fields, Need, Object},
    json::Json,
};

/// The longest URL and the longest `authToken`.
const MAX_LONG: usize = 255;

/// Members of the right types.
pub(super) struct Merchant {
    pub(super) msn: SentMsn,
    callback_prefix: Option<String>,
    fall_back: Option<String>,
    auth_token: Option<String>,
    is_app: bool,
    payment_type: Option<String>,
    consent_removal_prefix: Option<String>,
    shipping_details_prefix: Option<String>,
    static_shipping: Option<Vec<Json>>,
}

/// The same, with allowed values.
pub(super) struct CheckedMerchant {
    pub(super) callback_prefix: String,
    pub(super) fall_back: String,
    pub(super) auth_token: Option<String>,
    pub(super) is_app: bool,
    pub(super) checkout: Checkout,
}

impl Merchant {
    pub(super) fn read(object: Object<'_>) -> Result<Merchant, BodyFault> {
        let static_shipping = object.list("staticShippingDetails")?.map(<[Json]>::to_vec);
        check_types(static_shipping.iter().flatten())?;
        Ok(Merchant {
            msn: SentMsn::read(object)?,
            callback_prefix: object.text("callbackPrefix", Need::Required)?,
            fall_back: object.text("fallBack", Need::Required)?,
            auth_token: object.text("authToken", Need::Optional)?,
            is_app: object.boolean("isApp")?,
            payment_type: object.text("paymentType", Need::Optional)?,
            consent_removal_prefix: object.text("consentRemovalPrefix", Need::Optional)?,
            shipping_details_prefix: object.text("shippingDetailsPrefix", Need::Optional)?,
            static_shipping,
        })
    }

    pub(super) fn is_express(&self) -> bool {
        self.payment_type.as_deref() == Some("eComm Express Payment")
    }

    pub(super) fn check(self, policy: UrlPolicy, fields: &mut Fields) -> Option<CheckedMerchant> {
        let express = self.is_express();
        self.msn.check(fields);
        let callback_prefix = prefix(
            self.callback_prefix,
            policy,
            "merchantInfo.callbackPrefix.invalid",
            "callbackUrl is invalid",
            fields,
        );
        let fall_back = check_fall_back(self.fall_back, self.is_app, fields);
        if let Some(long) = self
            .auth_token
            .as_ref()
            .filter(|it| it.chars().count() > MAX_LONG)
        {
            let detail = format!("{} characters", long.chars().count());
            let code = "merchantInfo.authToken";
            fields.fault(
                code,
                "authToken: maximum 255 characters",
                "request.too_long",
                detail,
            );
        }
        match self.payment_type.as_deref() {
            None | Some("" | "eComm Regular Payment" | "eComm Express Payment") => {}
            Some(other) => fields.fault(
                "merchantInfo.paymentType",
                "Unknown paymentType",
                "request.unknown_value",
                format!("received {other:?}"),
            ),
        }
        let checkout = if express {
            check_express(
                self.consent_removal_prefix,
                self.static_shipping,
                self.shipping_details_prefix,
                policy,
                fields,
            )
        } else {
            Some(Checkout::Regular)
        };
        Some(CheckedMerchant {
            callback_prefix: callback_prefix?,
            fall_back: fall_back?,
            auth_token: self.auth_token.filter(|token| !token.is_empty()),
            is_app: self.is_app,
            checkout: checkout?,
        })
    }
}

/// The MSN of a body, as sent.
pub(in crate::ecom) struct SentMsn {
    pub(in crate::ecom) text: Option<String>,
    /// A member that was probably meant as it.
    lookalike: Option<String>,
}

impl SentMsn {
    pub(in crate::ecom) fn read(merchant_info: Object<'_>) -> Result<SentMsn, BodyFault> {
        const NAME: &str = "merchantSerialNumber";
        let text = merchant_info.text(NAME, Need::Required)?;
        let lookalike = match &text {
            None => merchant_info.lookalike(NAME),
            Some(_) => None,
        };
        Ok(SentMsn { text, lookalike })
    }

    /// Well-formed foreign ones were refused before.
    pub(in crate::ecom) fn check(&self, fields: &mut Fields) {
        let (cause, detail) = match (&self.text, &self.lookalike) {
            (Some(msn), _) if Msn::try_new(msn).is_some() => return,
            (Some(msn), _) => ("msn.format", format!("received {msn:?}")),
            (None, Some(sent)) => ("body.header_name_as_member", format!("received `{sent}`")),
            (None, None) => ("msn.format", "absent".to_owned()),
        };
        fields.fault(
            "merchantInfo.merchantSerialNumber",
            "merchantSerialNumber must be 4-7 digits",
            cause,
            detail,
        );
    }
}

fn check_express(
    consent_removal: Option<String>,
    static_shipping: Option<Vec<Json>>,
    shipping_details: Option<String>,
    policy: UrlPolicy,
    fields: &mut Fields,
) -> Option<Checkout> {
    let consent_removal_prefix = prefix(
        consent_removal,
        policy,
        "merchantInfo.consentRemovalPrefix.invalid",
        "Invalid consentRemovalPrefix URL",
        fields,
    );
    // A static list wins over the prefix (reference: ecom.md §2.1).
    let shipping = match static_shipping.filter(|list| !list.is_empty()) {
        Some(list) => check_static_shipping(&list, fields).map(ShippingSource::Static),
        None => prefix(
            shipping_details,
            policy,
            "merchantInfo.shippingDetailsPrefix.invalid",
            "Invalid shippingDetailsPrefix URL",
            fields,
        )
        .map(|prefix| ShippingSource::Asked { prefix }),
    };
    Some(Checkout::Express {
        consent_removal_prefix: Some(consent_removal_prefix?),
        shipping: shipping?,
    })
}

/// The types of listed methods. Cost and priority may be texts (reference: ecom.md §2.1).
fn check_types<'a>(methods: impl Iterator<Item = &'a Json>) -> Result<(), BodyFault> {
    for method in methods {
        let method = Object::root(method)?;
        for name in ["isDefault", "shippingMethod", "shippingMethodId"] {
            method.text(name, Need::Required)?;
        }
        method.number_or_text("shippingCost", Need::Required)?;
        method.number_or_text("priority", Need::Optional)?;
    }
    Ok(())
}

fn check_static_shipping(list: &[Json], fields: &mut Fields) -> Option<Vec<ShippingMethod>> {
    let mut methods = Vec::with_capacity(list.len());
    for (index, value) in list.iter().enumerate() {
        match read_method(&value.rounded()) {
            Ok(method) => methods.push(method),
            Err(what) => {
                let member = what.split(' ').next().unwrap_or_default().to_owned();
                let code = format!("merchantInfo.staticShippingDetails[{index}].{member}");
                fields.fault(code, what.clone(), "request.shipping", what);
            }
        }
    }
    (methods.len() == list.len()).then_some(methods)
}

fn prefix(
    text: Option<String>,
    policy: UrlPolicy,
    code: &'static str,
    says: &'static str,
    fields: &mut Fields,
) -> Option<String> {
    let text = text.unwrap_or_default();
    match judge_prefix(&text, policy) {
        Ok(_) => Some(text),
        Err(fault) => {
            fields.fault(code, says, url_cause(&fault), format!("{fault:?}"));
            None
        }
    }
}

fn check_fall_back(text: Option<String>, is_app: bool, fields: &mut Fields) -> Option<String> {
    let text = text.unwrap_or_default();
    let judged = match judge_fall_back(&text, is_app) {
        Ok(()) if text.is_empty() => Err(UrlFault::Empty),
        // An app's own scheme is its business; one that runs in a browser never is.
        Ok(()) if is_dangerous_scheme(&text) => {
            let scheme = text.split(':').next().unwrap_or_default().to_owned();
            Err(UrlFault::Scheme { scheme })
        }
        judged => judged,
    };
    judged
        .map_err(|fault| {
            let code = "merchantInfo.fallBack.invalid";
            fields.fault(
                code,
                "Invalid fallback URL",
                url_cause(&fault),
                format!("{fault:?}"),
            );
        })
        .ok()
        .map(|()| text)
}

/// The cause, as errors-faq.md lists those of URLs.
fn url_cause(fault: &UrlFault) -> &'static str {
    match fault {
        UrlFault::Scheme { .. } => "url.scheme",
        UrlFault::LocalHost { .. }
        | UrlFault::BareHost { .. }
        | UrlFault::OddAddress { .. }
        | UrlFault::Address { .. } => "url.local",
        UrlFault::Empty
        | UrlFault::TooLong { .. }
        | UrlFault::Syntax { .. }
        | UrlFault::UnknownTld { .. } => "url.syntax",
    }
}
