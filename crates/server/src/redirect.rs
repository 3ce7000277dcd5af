//! Where the payer goes afterwards (reference: ecom.md §3, "Redirect").

use sandkasse_courier::{is_dangerous_scheme, url::INTENT};
use sandkasse_domain::payment::{CancelledBy, Order, Payment, State};

/// The shop's page, if a browser may be sent there: not for `INTENT`, not for schemes that run
/// something, and not for payments without a landing page, whose payers never leave the app.
pub(crate) fn shop(order: &Order) -> Option<&str> {
    let url = order.fall_back.as_str();
    let nowhere = url == INTENT || is_dangerous_scheme(url) || order.skip_landing_page;
    (!nowhere && !url.is_empty()).then_some(url)
}

/// What the app opens when the payment is decided: the shop's page with a status. The statuses are
/// deprecated, and still sent.
pub(crate) fn app(payment: &Payment) -> Option<String> {
    let status = match &payment.state {
        State::Initiated(_) => return None,
        // The payer approved; that the bank is silent the app does not say here.
        State::Reserved(_) | State::Voided { .. } | State::OutcomeUnknown { .. } => 100,
        State::Cancelled { by, .. } => match by {
            CancelledBy::Payer | CancelledBy::LandingPage | CancelledBy::Merchant => 202,
            CancelledBy::Timeout => 401,
        },
        State::Failed { .. } => 999,
    };
    let url = shop(&payment.order)?;
    // ePayment's `returnUrl` is opened unchanged.
    if payment.order.epayment().is_some() {
        return Some(url.to_owned());
    }
    let (page, fragment) = match url.split_once('#') {
        Some((page, fragment)) => (page, format!("#{fragment}")),
        None => (url, String::new()),
    };
    let mark = if page.contains('?') { '&' } else { '?' };
    Some(format!("{page}{mark}status={status}{fragment}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sandkasse_domain::{
        Minor, OrderId, Timestamp,
        payment::{Checkout, MadeBy},
        sales_unit::CaptureType,
    };

    use super::*;

    fn ended(fall_back: &str, by: CancelledBy, skip_landing_page: bool) -> Payment {
        Payment {
            order: Order {
                made_by: MadeBy::Ecom,
                id: OrderId::try_new("acme-1").unwrap(),
                amount: Minor::LEAST_PAYMENT,
                text: "Socks".to_owned(),
                callback_prefix: "https://example.com".to_owned(),
                fall_back: fall_back.to_owned(),
                auth_token: None,
                is_app: true,
                skip_landing_page,
                mobile: None,
                scope: BTreeSet::new(),
                checkout: Checkout::Regular,
                capture: CaptureType::Reserve,
            },
            initiated_at: Timestamp::UNIX_EPOCH,
            transaction_id: None,
            state: State::Cancelled {
                at: Timestamp::UNIX_EPOCH,
                by,
            },
        }
    }

    #[test]
    fn the_app_tells_the_status() {
        let rows = [
            ("https://example.com/r", "https://example.com/r?status=202"),
            (
                "merchantApp://result?x",
                "merchantApp://result?x&status=202",
            ),
            (
                "https://example.com/r#top",
                "https://example.com/r?status=202#top",
            ),
        ];
        for (fall_back, expected) in rows {
            let payment = ended(fall_back, CancelledBy::Payer, false);
            assert_eq!(app(&payment).as_deref(), Some(expected));
        }
        let late = ended("a://b", CancelledBy::Timeout, false);
        assert_eq!(app(&late).as_deref(), Some("a://b?status=401"));
    }

    #[test]
    fn some_payers_are_sent_nowhere() {
        for fall_back in ["INTENT", "javascript:alert(1)", " Data:text/html,x", ""] {
            let payment = ended(fall_back, CancelledBy::Payer, false);
            assert_eq!(app(&payment), None, "{fall_back}");
            assert_eq!(shop(&payment.order), None, "{fall_back}");
        }
        let pushed = ended("https://example.com", CancelledBy::Payer, true);
        assert_eq!(app(&pushed), None);
    }
}
