//! The body that makes a session (reference: checkout.md §2.1). Bad members of `prefillCustomer` are
//! no error: the customer is asked again.

use sandkasse_domain::{Currency, OrderId, receipt::Receipt};

use super::configuration::{self, Configuration};
use crate::{
    Why,
    json::Json,
    params::{Params, Place, Rule},
    receipt,
};

/// What a new session shall be.
pub(super) struct Wanted {
    pub(super) reference: OrderId,
    pub(super) amount: i64,
    pub(super) currency: Currency,
    pub(super) description: String,
    pub(super) callback_url: String,
    pub(super) callback_token: String,
    pub(super) return_url: String,
    pub(super) require_user_info: bool,
    pub(super) receipt: Option<Receipt>,
    /// Neither the goods nor any way to send them costs anything.
    pub(super) is_free: bool,
}

const REFERENCE: &str = "^[-a-zA-Z0-9]*$";
const CURRENCIES: [&str; 3] = ["NOK", "DKK", "EUR"];
const HTTPS: Rule<'_> = Rule::Pattern(r"^https:\/\/.+", is_https);
const RETURN: Rule<'_> = Rule::Pattern(r"^(?!http:)[a-zA-Z][\w+.-]*:\/\/.+", is_return);
/// Which types each brand has.
const BRANDS: [(&str, &[&str]); 9] = [
    ("POSTEN", &["MAILBOX", "PICKUP_POINT", "HOME_DELIVERY"]),
    ("POSTNORD", &["PICKUP_POINT", "HOME_DELIVERY"]),
    ("PORTERBUDDY", &["HOME_DELIVERY"]),
    ("HELTHJEM", &["HOME_DELIVERY", "PICKUP_POINT"]),
    ("POSTI", &["MAILBOX", "PICKUP_POINT"]),
    ("GLS", &["PICKUP_POINT"]),
    ("DAO", &["PICKUP_POINT"]),
    // Until December 2023.
    ("INSTABOX", &["PICKUP_POINT", "HOME_DELIVERY"]),
    ("OTHER", &[]),
];

/// Reads it, and notes every fault.
pub(super) fn session(sent: &Json) -> Result<Wanted, Why> {
    if sent.get("type").and_then(Json::as_str) == Some("SUBSCRIPTION") {
        return Err(Why::NotBuilt);
    }
    let mut params = Params::default();
    let wanted = params.root(sent).and_then(|root| whole(&mut params, &root));
    params.into_result(wanted)
}

fn whole(params: &mut Params, root: &Place<'_>) -> Option<Wanted> {
    params.text(root, "type", false, &[Rule::OneOf(&["PAYMENT"])]);
    let merchant = params.object(root, "merchantInfo", true);
    let merchant = merchant.map(|it| {
        let callback_url = params.text(&it, "callbackUrl", true, &[HTTPS]);
        let return_url = params.text(&it, "returnUrl", true, &[RETURN]);
        let token = params.text(&it, "callbackAuthorizationToken", true, &[]);
        params.text(&it, "termsAndConditionsUrl", false, &[Rule::Url]);
        Some((callback_url?, return_url?, token?))
    });
    let transaction = params.object(root, "transaction", true);
    let transaction = transaction.map(|it| {
        let amount = params.object(&it, "amount", true);
        let amount = amount.map(|it| money(params, &it));
        let reference = sized(params, &it, "reference", 8, 50);
        let reference = reference.and_then(|text| {
            let id = OrderId::try_new(&text);
            if id.is_none() {
                let reason =
                    format!("The field Reference must match the regular expression '{REFERENCE}'.");
                let detail = format!("received {text:?}");
                params.fault("transaction.reference", reason, "request.pattern", detail);
            }
            id
        });
        let description = sized(params, &it, "paymentDescription", 3, 100);
        let receipt = params
            .object(&it, "orderSummary", false)
            .and_then(|it| receipt::read_with(params, &it, "orderBottomLine"));
        Some((amount??, reference?, description?, receipt))
    });
    let logistics = params.object(root, "logistics", false);
    let shipping = logistics
        .as_ref()
        .is_some_and(|it| logistics_of(params, it));
    let configuration = params
        .object(root, "configuration", false)
        .map_or_else(Configuration::default, |it| {
            configuration::read(params, &it)
        });
    if let Some(logistics) = logistics.filter(|_| !configuration.asks_address) {
        for name in ["dynamicOptionsCallback", "integrations"] {
            if logistics.has(name) {
                let reason = "It cannot be used where no address is asked for.";
                let detail = "`elements` is not `Full`";
                params.fault(logistics.name(name), reason, "checkout.no_address", detail);
            }
        }
    }
    let (callback_url, return_url, callback_token) = merchant??;
    let ((amount, currency), reference, description, receipt) = transaction??;
    Some(Wanted {
        reference,
        amount,
        currency,
        description,
        callback_url,
        callback_token,
        return_url,
        require_user_info: configuration.require_user_info,
        receipt,
        is_free: amount < currency.least_payment().units() && !shipping,
    })
}

/// A text with as many characters as are allowed.
fn sized(
    params: &mut Params,
    of: &Place<'_>,
    name: &str,
    least: usize,
    most: usize,
) -> Option<String> {
    let text = params.text(of, name, true, &[])?;
    let length = text.chars().count();
    if (least..=most).contains(&length) {
        return Some(text);
    }
    let mut capital = name.to_owned();
    if let Some(first) = capital.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let reason = format!(
        "The field {capital} must be a string with a minimum length of {least} and a maximum length of {most}."
    );
    let detail = format!("{length} characters");
    params.fault(of.name(name), reason, "request.length", detail);
    None
}

fn money(params: &mut Params, of: &Place<'_>) -> Option<(i64, Currency)> {
    let value = params.integer(of, "value", true, (0, i64::from(i32::MAX)));
    let currency = params.text(of, "currency", true, &[Rule::OneOf(&CURRENCIES)]);
    let currency = currency.as_deref();
    let currency = Currency::ALL
        .into_iter()
        .find(|it| Some(it.code()) == currency);
    value.zip(currency)
}

/// Whether some way to send the goods may cost something.
fn logistics_of(params: &mut Params, of: &Place<'_>) -> bool {
    let asks = params.text(of, "dynamicOptionsCallback", false, &[HTTPS]);
    let mut costs = asks.is_some();
    for option in &params.objects_if_any(of, "fixedOptions") {
        params.text(option, "id", true, &[Rule::Most(200)]);
        params.integer(option, "priority", true, (0, i64::from(i32::MAX)));
        if option.has("isDefault") {
            params.boolean(option, "isDefault");
        } else {
            params.missing(option, "isDefault");
        }
        let names = BRANDS.map(|(brand, _)| brand);
        let brand = params.text(option, "brand", true, &[Rule::OneOf(&names)]);
        let types = BRANDS
            .iter()
            .find(|(name, _)| Some(*name) == brand.as_deref());
        if let Some((_, types)) = types.filter(|(_, types)| !types.is_empty()) {
            params.text(option, "type", false, &[Rule::OneOf(types)]);
        }
        let is_other = brand.as_deref() == Some("OTHER");
        params.text(option, "title", is_other, &[Rule::Most(200)]);
        let is_porterbuddy = brand.as_deref() == Some("PORTERBUDDY");
        let amount = params.object(option, "amount", !is_porterbuddy);
        let amount = amount.and_then(|it| money(params, &it));
        let is_paid =
            |(value, currency): (i64, Currency)| value >= currency.least_payment().units();
        costs |= is_porterbuddy || amount.is_some_and(is_paid);
    }
    costs
}

/// Syntax only: no DNS is asked, and any port will do.
fn is_https(text: &str) -> bool {
    let uri = text.parse::<http::Uri>();
    uri.is_ok_and(|uri| uri.scheme_str() == Some("https") && uri.host().is_some())
}

/// HTTPS, or a scheme of an app.
fn is_return(text: &str) -> bool {
    match text.split_once("://") {
        Some(("https", rest)) => !rest.is_empty(),
        Some((scheme, rest)) => {
            let of_scheme = |it: char| it.is_ascii_alphanumeric() || "+.-_".contains(it);
            let dangerous = ["http", "javascript", "data", "vbscript", "file"];
            let begins = scheme.starts_with(|it: char| it.is_ascii_alphabetic());
            begins
                && scheme.chars().all(of_scheme)
                && !rest.is_empty()
                && !dangerous.contains(&scheme.to_ascii_lowercase().as_str())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_customer_goes_back_to_https_or_to_an_app() {
        for (text, fine) in [
            ("https://example.com/ret", true),
            ("https://your-url-here.com:3000", true),
            ("myapp://checkout", true),
            ("http://example.com", false),
            ("javascript://alert(1)", false),
            ("example.com", false),
            ("https://", false),
            ("1app://x", false),
        ] {
            assert_eq!(is_return(text), fine, "{text}");
        }
    }
}
