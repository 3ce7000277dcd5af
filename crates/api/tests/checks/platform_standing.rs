//! States of units, merchants and partners: what they close, and what stays open (reference:
//! platform.md §2.1).

use sandkasse_domain::{
    merchant::Standing,
    sales_unit::{SalesUnit, UnitState},
};
use sandkasse_testkit::{World, closed, days};

use super::faq_stage::{BOTH, Faq, NOT_AVAILABLE, Says, check, is};

#[tokio::test]
async fn plat_28_plat_30_a_unit_is_closed_and_opened_again() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let (msn, keys) = (faq.u1.msn.clone(), faq.u1.keys());
        let ask = faq.u1.ask("POST", "/ecomm/v2/payments").await;
        let ask = ask.json(&faq.u1.initiate_body("acme-1", 100));
        faq.u1.change(|it| it.state = closed()).await;
        check("plat_28", ask.clone(), &NOT_AVAILABLE, "unit.deactivated").await;
        faq.u1.change(|it| it.state = UnitState::Active).await;
        // The very same call: number, keys and token are what they were.
        check("plat_30", ask, &Says::Fine, "").await;
        assert_eq!((&faq.u1.msn, faq.u1.keys()), (&msn, keys));
    }
}

#[tokio::test]
async fn plat_31_plat_32_what_the_register_says() {
    for (row, form, deleted, cause) in [
        (
            "plat_31",
            "AS",
            Some(jiff::civil::date(2023, 6, 1)),
            "merchant.register_deleted",
        ),
        ("plat_32", "ASA", None, "merchant.register_form_changed"),
    ] {
        let faq = Faq::new().await;
        let orgno = faq.u1.unit().facts.merchant.clone();
        faq.world.learn(&orgno, "AS", None).await;
        is(
            "before",
            &faq.u1.initiate("acme-1", 100).await,
            &Says::Fine,
            "",
        );
        faq.world.learn(&orgno, form, deleted).await;
        let got = faq.u1.initiate("acme-2", 100).await;
        is(row, &got, &NOT_AVAILABLE, cause);
        let why = format!("{:?}", got.why);
        assert!(why.contains("register: Some("), "{why}");
        // The page of the cause says what to do.
        let page = sandkasse_catalogue::Catalogue::get();
        let (_, page) = page
            .by_cause(cause, "ecom/merchant-not-available")
            .expect("a page");
        let told = format!("{} {:?}", page.means, page.remedy()).to_lowercase();
        let word = if row == "plat_31" {
            "brønnøysund"
        } else {
            "new agreement"
        };
        assert!(told.contains(word), "{told}");
    }
}

#[tokio::test]
async fn plat_34_test_units_are_not_given_up() {
    let world = World::new().await;
    let shop = world.shop(|_: &mut SalesUnit| {}).await;
    shop.initiate("acme-1", 100).await.ok();
    world.pass(days(400)).await;
    shop.advance(days(400)).await;
    is(
        "plat_34",
        &shop.initiate("acme-2", 100).await,
        &Says::Fine,
        "",
    );
}

/// Deactivation closes payments, not the books.
#[tokio::test]
async fn plat_35_what_exists_can_be_looked_at_and_given_back() {
    for closed_by in ["unit", "merchant", "register"] {
        let faq = Faq::new().await;
        for order in ["captured", "reserved"] {
            faq.u1.reserved(order, 10_000, &faq.adult).await;
        }
        faq.u1.capture("captured", 10_000).await.ok();
        let orgno = faq.u1.unit().facts.merchant.clone();
        let day = jiff::civil::date(2023, 6, 1);
        match closed_by {
            "unit" => faq.u1.change(|it| it.state = closed()).await,
            "merchant" => faq.world.set_standing(&orgno, Standing::Deactivated).await,
            _ => faq.world.learn(&orgno, "AS", Some(day)).await,
        }
        let cause = match closed_by {
            "unit" => "unit.deactivated",
            "merchant" => "merchant.deactivated",
            _ => "merchant.register_deleted",
        };
        is(
            "initiate",
            &faq.u1.initiate("new", 100).await,
            &NOT_AVAILABLE,
            cause,
        );
        is(
            "capture",
            &faq.u1.capture("reserved", 100).await,
            &NOT_AVAILABLE,
            cause,
        );
        for got in [
            faq.u1.details("captured").await,
            faq.u1.status("captured").await,
            faq.u1.refund("captured", 5_000).await,
            faq.u1.cancel("reserved").await,
        ] {
            is(closed_by, &got, &Says::Fine, "");
        }
        assert_eq!(
            faq.u1.log("captured").await,
            ["REFUND", "CAPTURE", "RESERVE", "INITIATE"]
        );
    }
}
