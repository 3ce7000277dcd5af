//! FAQ "Why `errorCode 35`?" and "Why `errorCode 37`?": FAQ-73 to FAQ-79, FAQ-81 to FAQ-84,
//! FAQ-86, FAQ-120.

use sandkasse_api::Why;
use sandkasse_domain::{
    Environment::Test,
    merchant::{OrgForm, Standing},
    sales_unit::{RateLimits, UnitState},
};
use sandkasse_engine::Settings;
use sandkasse_gate::{GateCause, Standing as Refused};
use sandkasse_testkit::{Shop, World, closed, days};

use super::faq_stage::{BOTH, Faq, NOT_AVAILABLE, ORDER_UNKNOWN, Says, check, is};

async fn refused(row: &str, shop: &Shop, order: &str, cause: &str) {
    is(row, &shop.initiate(order, 100).await, &NOT_AVAILABLE, cause);
}

async fn works(row: &str, shop: &Shop, order: &str) {
    is(row, &shop.initiate(order, 100).await, &Says::Fine, "");
}

#[tokio::test]
async fn faq_73_faq_74_faq_75_whose_order_it_is() {
    let faq = Faq::new().await;
    faq.u1.initiate("acme-1-7", 100).await.ok();
    for order in ["acme-2", "ACME-1-7", "acme-1"] {
        is(
            "faq_73",
            &faq.u1.details(order).await,
            &ORDER_UNKNOWN,
            "order.unknown",
        );
    }
    let sister = faq.u2.details("acme-1-7").await;
    is("faq_74", &sister, &ORDER_UNKNOWN, "order.other_unit");
    assert!(
        format!("{:?}", sister.why).contains(faq.u1.msn.as_str()),
        "names U1"
    );
    let stranger = faq.v1.details("acme-1-7").await;
    is("faq_74", &stranger, &ORDER_UNKNOWN, "order.unknown");
    assert!(!format!("{:?}", stranger.why).contains(faq.u1.msn.as_str()));

    faq.u2.initiate("acme-1-7", 200).await.ok();
    for (shop, amount) in [(&faq.u1, 100), (&faq.u2, 200)] {
        let details = shop.details("acme-1-7").await.ok();
        assert_eq!(
            details["transactionLogHistory"][0]["amount"], amount,
            "faq_75"
        );
    }
}

#[tokio::test]
async fn faq_76_faq_77_faq_86_faq_120_a_merchant_that_is_closed() {
    for (row, cause) in [
        ("faq_76", "merchant.register_deleted"),
        ("faq_77", "merchant.register_form_changed"),
        ("faq_86", "merchant.unconfirmed"),
    ] {
        let faq = Faq::new().await;
        let orgno = faq.u1.unit().facts.merchant.clone();
        let directory = &faq.world.platform.engine.directory;
        let sole = |it: &mut sandkasse_domain::merchant::Merchant| it.form = OrgForm("ENK".into());
        directory
            .change_merchant(Test, &orgno, sole)
            .await
            .expect("memory does not fail");
        match row {
            "faq_76" => {
                let day = jiff::civil::date(2023, 6, 1);
                faq.world.learn(&orgno, "ENK", Some(day)).await;
            }
            "faq_77" => faq.world.learn(&orgno, "AS", None).await,
            _ => faq.world.set_standing(&orgno, Standing::Unconfirmed).await,
        }
        for shop in [&faq.u1, &faq.u2] {
            refused(row, shop, "acme-1", cause).await;
        }
        works("another merchant", &faq.v1, "acme-1").await;
        // A new organisation makes an agreement of its own, and gets new units and keys.
        let successor = faq.world.shop(|it| it.environment = Test).await;
        works("faq_120", &successor, "acme-1").await;
        assert_ne!(successor.msn, faq.u1.msn);
        refused("the old one still", &faq.u1, "acme-2", cause).await;
    }
}

/// The explanation has the day and the form, as the register told them.
#[tokio::test]
async fn faq_76_the_register_is_quoted() {
    let faq = Faq::new().await;
    let day = jiff::civil::date(2023, 6, 1);
    let orgno = faq.u1.unit().facts.merchant.clone();
    faq.world.learn(&orgno, "AS", Some(day)).await;
    let got = faq.u1.initiate("acme-1", 100).await;
    let Some(Why::Gate(GateCause::Standing {
        standing:
            Refused::DeletedFromRegister {
                orgno: told,
                register,
            },
    })) = got.why
    else {
        panic!("{:?}", got.why)
    };
    let register = register.expect("it was asked");
    assert_eq!((told, register.deleted_on), (orgno.0, Some(day)));
}

#[tokio::test]
async fn faq_78_faq_79_a_unit_that_its_merchant_closed() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let keys = faq.u1.keys();
        faq.u1.change(|it| it.state = closed()).await;
        let got = faq.u1.initiate("acme-1", 100).await;
        is("faq_78", &got, &NOT_AVAILABLE, "unit.deactivated");
        let why = format!("{:?}", got.why);
        assert!(why.contains("Ola Nordmann"), "who, and when: {why}");
        works("faq_78 U2", &faq.u2, "acme-1").await;
        faq.u1.change(|it| it.state = UnitState::Active).await;
        works("faq_79", &faq.u1, "acme-1").await;
        assert_eq!(faq.u1.keys(), keys);
    }
}

#[tokio::test]
async fn faq_81_faq_82_faq_83_a_test_unit_that_nobody_used() {
    for closes in [true, false] {
        let settings = Settings {
            test_idle_deactivation: closes,
            ..Settings::default()
        };
        let world = World::with_settings(settings).await;
        let off =
            |it: &mut sandkasse_domain::sales_unit::SalesUnit| it.rate_limits = RateLimits::Off;
        let shop = world.shop(off).await;
        works("used", &shop, "acme-1").await;
        shop.advance(days(364)).await;
        works("used", &shop, "acme-2").await;
        shop.advance(days(366)).await;
        if !closes {
            works("faq_82", &shop, "acme-3").await;
            continue;
        }
        refused("faq_81", &shop, "acme-3", "unit.test_idle").await;
        refused("faq_81 it stays", &shop, "acme-3", "unit.test_idle").await;
        // The alternative, and the administrator.
        let new = world.shop_of(&shop.unit().facts.merchant, off).await;
        works("faq_83", &new, "acme-1").await;
        shop.change(|it| it.state = UnitState::Active).await;
        works("reactivated", &shop, "acme-3").await;
    }
}

#[tokio::test]
async fn faq_84_a_deactivated_partner_of_an_active_unit() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        faq.u1.initiate("acme-1", 100).await.ok();
        faq.partner.deactivate().await;
        let ask = faq.partner.ask_initiate(&faq.u1, "acme-2", 100).await;
        check("faq_84", ask, &NOT_AVAILABLE, "partner.deactivated").await;
        // Not the books either: nothing works with these keys.
        let ask = faq.partner.ask_details(faq.u1.msn.as_str(), "acme-1").await;
        check("faq_84", ask, &NOT_AVAILABLE, "partner.deactivated").await;
        works("faq_84 own keys", &faq.u1, "acme-2").await;
    }
}
