//! Each cause that the FAQ names, on each API: the FAQ's entries hold for all of them, and each answers
//! in a format of its own.
//!
//! [`expected`](expected::expected) says what must come, [`plays`] makes the call that has it, [`wire`] writes
//! the bytes, and [`page`] makes `docs/faq-by-api.md` of all that was played.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "few of the causes and APIs are special, and a new one shows what it answers in the test"
)]

mod causes;
mod expected;
mod page;
mod plays;
mod values;
mod wire;

use causes::{ALL, Named};
use expected::expected;
use plays::Stage;
use wire::Wire;

/// The APIs that are served, and how merchants get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Api {
    Token,
    Ecom,
    Epayment,
    Webhooks,
    Userinfo,
    OrderManagement,
    Qr,
    Report,
    Checkout,
}

const APIS: [Api; 9] = [
    Api::Token,
    Api::Ecom,
    Api::Epayment,
    Api::Webhooks,
    Api::Userinfo,
    Api::OrderManagement,
    Api::Qr,
    Api::Report,
    Api::Checkout,
];

impl Api {
    fn title(self) -> &'static str {
        match self {
            Api::Token => "Access token",
            Api::Ecom => "eCom",
            Api::Epayment => "ePayment",
            Api::Webhooks => "Webhooks",
            Api::Userinfo => "Userinfo",
            Api::OrderManagement => "Order Management",
            Api::Qr => "QR",
            Api::Report => "Report",
            Api::Checkout => "Checkout",
        }
    }
}

/// What an API makes of a cause.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    /// It refuses with this answer, for the cause of this id.
    Says(Wire, &'static str),
    /// It does not mind, and why. The call is made all the same.
    Passes(&'static str),
    /// The cause cannot happen there, and why.
    Never(&'static str),
}

/// Each row in a world of its own, each cell with a call of its own.
#[tokio::test]
async fn faq_01_every_cause_on_every_api() {
    let mut wrong = Vec::new();
    let mut rows = Vec::new();
    for named in &ALL {
        let stage = Stage::new(named.cause).await;
        let mut cells = Vec::new();
        for api in APIS {
            let cell = expected(named.cause, api, &stage.about());
            if !matches!(cell, Cell::Never(_)) {
                let got = stage.play(named.cause, api).await;
                if let Err(differs) = wire::compare(api, &cell, &got) {
                    wrong.push(format!("{:?} on {api:?}: {differs}", named.cause));
                }
            }
            cells.push(cell);
        }
        rows.push((named, cells));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    page::compare(&rows);
}

/// What a row refuses is refused by one API at least, and each cell that is not says why.
#[tokio::test]
async fn no_row_is_empty_and_no_gap_without_reason() {
    let stage = Stage::new(ALL[0].cause).await;
    for Named { cause, faq, .. } in &ALL {
        let cells = APIS.map(|api| expected(*cause, api, &stage.about()));
        let says = cells.iter().any(|cell| matches!(cell, Cell::Says(..)));
        assert!(says && !faq.is_empty(), "{cause:?}");
        for cell in cells {
            if let Cell::Passes(why) | Cell::Never(why) = cell {
                assert!(why.ends_with('.') && why.len() > 10, "{why}");
            }
        }
    }
}
