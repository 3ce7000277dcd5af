//! The half of [`super::expected`] that is about single values: amounts, URLs, numbers of payers.

use super::{
    Api, Cell,
    causes::Cause,
    expected::{NO_AMOUNT, members, own, says},
    wire::Wire,
};

const NO_URL: &str = "Its calls have no URLs.";
const NO_PAYER: &str = "Its calls name no payer.";
const DNS_LATER: &str =
    "Only the text of the URL is judged; what DNS says shows when it is called.";
const HOST_LATER: &str =
    "Only HTTPS and syntax are judged; whether the host can be reached shows when it is called.";
const BROWSER: &str = "Only the customer's phone or browser opens it.";

pub(super) fn values(cause: Cause, api: Api) -> Cell {
    match cause {
        Cause::AmountTooLow => amount(api),
        Cause::UrlScheme | Cause::UrlLocal | Cause::UrlSyntax | Cause::UrlDns => url(cause, api),
        _ => person(cause, api),
    }
}

fn amount(api: Api) -> Cell {
    let range = |name, least: i64, most: i64| {
        let (_, member) = str::rsplit_once(name, '.').expect("a path");
        let text = format!("The field {member} must be between {least} and {most}.");
        says(Wire::Members(vec![(name, text)]), "request.range")
    };
    match api {
        Api::Ecom => says(
            members([("transaction.amount", "Invalid amount")]),
            "amount.invalid",
        ),
        Api::Epayment => says(
            own(
                400,
                "6010",
                "Amount too small",
                "The amount is too small. Amounts are specified in minor units, like øre or cent.",
            ),
            "amount.too_small",
        ),
        Api::OrderManagement => range("OrderLines[0].TotalAmount", 0, i64::MAX),
        Api::Checkout => range("Transaction.Amount.Value", 0, i64::from(i32::MAX)),
        _ => Cell::Never(NO_AMOUNT),
    }
}

fn url(cause: Cause, api: Api) -> Cell {
    let refused = |text: &str, cause| says(members([("url", text)]), cause);
    let ecom = |cause| {
        let named = [(
            "merchantInfo.callbackPrefix.invalid",
            "callbackUrl is invalid",
        )];
        says(members(named), cause)
    };
    let redirect = r"The field RedirectUrl must match the regular expression '^https://[\w\.]+([\w#!:.?+=&%@\-/]+)?$'.";
    let redirect = || says(members([("RedirectUrl", redirect)]), "request.pattern");
    let callback = r"The field CallbackUrl must match the regular expression '^https:\/\/.+'.";
    let callback = || {
        let named = [("MerchantInfo.CallbackUrl", callback)];
        says(members(named), "request.pattern")
    };
    let back = |url: &str| {
        let text = format!("The parameter `{url}` is invalid.");
        says(own(400, "4090", "Invalid URL", text), "url.epayment")
    };
    match (cause, api) {
        (_, Api::Token | Api::Userinfo | Api::Report) => Cell::Never(NO_URL),
        (Cause::UrlScheme, Api::Ecom) => ecom("url.scheme"),
        (Cause::UrlLocal, Api::Ecom) => ecom("url.local"),
        (Cause::UrlSyntax, Api::Ecom) => ecom("url.syntax"),
        (_, Api::Ecom) => ecom("url.dns"),
        (Cause::UrlScheme, Api::Epayment) => back("http://example.com/page"),
        (Cause::UrlLocal, Api::Epayment) => back("https://localhost/page"),
        (Cause::UrlSyntax, Api::Epayment) => back("https://exa mple"),
        (_, Api::Epayment) => Cell::Passes(BROWSER),
        (Cause::UrlScheme, Api::Webhooks) => {
            refused("The URL must use https.", "webhook.url_invalid")
        }
        (Cause::UrlLocal, Api::Webhooks) => refused(
            "The host 'localhost' cannot be reached from the internet.",
            "webhook.url_invalid",
        ),
        (Cause::UrlSyntax, Api::Webhooks) => {
            refused("The value must be an absolute URL.", "webhook.url_invalid")
        }
        (_, Api::Webhooks) => Cell::Passes(DNS_LATER),
        (Cause::UrlSyntax, Api::OrderManagement) => {
            let text =
                "The OrderDetailsUrl field is not a valid fully-qualified http, https, or ftp URL.";
            says(members([("OrderDetailsUrl", text)]), "url.syntax")
        }
        (_, Api::OrderManagement) => Cell::Passes(BROWSER),
        (Cause::UrlScheme | Cause::UrlSyntax, Api::Qr) => redirect(),
        (_, Api::Qr) => Cell::Passes(BROWSER),
        (Cause::UrlScheme | Cause::UrlSyntax, Api::Checkout) => callback(),
        (_, Api::Checkout) => Cell::Passes(HOST_LATER),
    }
}

fn person(cause: Cause, api: Api) -> Cell {
    let (ecom, epayment) = match cause {
        Cause::PhoneFormat => ("phone.format", "customer.phone"),
        Cause::PhoneForeign => ("phone.foreign", "phone.foreign"),
        Cause::NoTestUser => ("test.real_user", "test.real_user"),
        _ => ("user.unavailable", "user.unavailable"),
    };
    match api {
        Api::Ecom => says(
            own(400, "User/81", "", "User not registered with Vipps"),
            ecom,
        ),
        Api::Epayment if cause == Cause::PhoneFormat => says(
            own(
                400,
                "4070",
                "Invalid phone number",
                "The phone number is invalid. Phone numbers must be in MSISDN format: Country code and subscriber number, but no prefix.",
            ),
            epayment,
        ),
        Api::Epayment => says(
            own(
                400,
                "7010",
                "Customer not found",
                "The phone number does not belong to a Vipps or MobilePay user, or the user cannot pay businesses. We cannot give more details.",
            ),
            epayment,
        ),
        Api::Checkout => {
            Cell::Passes("A bad value to begin with is no error: the customer is asked again.")
        }
        _ => Cell::Never(NO_PAYER),
    }
}
