//! `configuration` of a session: what its customer is asked (reference: checkout.md §2.1).

use crate::params::{Params, Place, Rule};

/// What of it matters elsewhere.
pub(super) struct Configuration {
    pub(super) require_user_info: bool,
    /// Whether the customer says where they live.
    pub(super) asks_address: bool,
}

impl Default for Configuration {
    fn default() -> Configuration {
        Configuration {
            require_user_info: false,
            asks_address: true,
        }
    }
}

const FULL: &str = "Full";
const ALPHA_2: Rule<'_> = Rule::Pattern("^[A-Z]{2}$", is_alpha_2);

pub(super) fn read(params: &mut Params, of: &Place<'_>) -> Configuration {
    let mut word = |name, words| params.text(of, name, false, &[Rule::OneOf(words)]);
    // Upper and lower case differ, which they did not in v2.
    word(
        "customerInteraction",
        &["CUSTOMER_PRESENT", "CUSTOMER_NOT_PRESENT"],
    );
    word("userFlow", &["WEB_REDIRECT", "NATIVE_REDIRECT"]);
    let elements = word("elements", &[FULL, "PaymentAndContactInfo", "PaymentOnly"]);
    if let Some(countries) = params.object(of, "countries", false) {
        params.texts(&countries, "supported", true, &[ALPHA_2]);
    }
    if let Some(consent) = params.object(of, "customConsent", false) {
        custom_consent(params, &consent);
    }
    params.boolean(of, "showOrderSummary");
    for method in params.objects_if_any(of, "externalPaymentMethods") {
        params.text(&method, "paymentMethod", true, &[Rule::OneOf(&["Klarna"])]);
        params.text(&method, "redirectUrl", true, &[Rule::Url]);
    }
    Configuration {
        require_user_info: params.boolean(of, "requireUserInfo").unwrap_or(false),
        asks_address: elements.is_none_or(|it| it == FULL),
    }
}

fn custom_consent(params: &mut Params, of: &Place<'_>) {
    let text = params.text(of, "text", true, &[]);
    if of.has("required") {
        params.boolean(of, "required");
    } else {
        params.missing(of, "required");
    }
    let links = text.as_deref().map_or(0, links);
    if links > 1 {
        let reason = "The field Text must not have more than one link.";
        let detail = format!("{links} links");
        params.fault(of.name("text"), reason, "request.pattern", detail);
    }
}

/// How many links a text has, as Markdown writes them: `[terms](https://example.com)`.
fn links(text: &str) -> usize {
    let mut rest = text;
    let mut found = 0;
    while let Some((before, behind)) = rest.split_once("](") {
        let Some((_, next)) = behind.split_once(')') else {
            break;
        };
        found += usize::from(before.contains('['));
        rest = next;
    }
    found
}

fn is_alpha_2(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|it| it.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_those_of_markdown() {
        for (text, count) in [
            ("I agree.", 0),
            ("I agree [really](", 0),
            ("](https://example.com)", 0),
            ("[terms](https://example.com)", 1),
            ("the [terms](https://a.example) and (see) [more] of it", 1),
            ("[a](https://a.example)[b](https://b.example)", 2),
        ] {
            assert_eq!(links(text), count, "{text}");
        }
    }
}
