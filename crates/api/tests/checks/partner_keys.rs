//! Partner keys: who may act for which sales unit (reference: partner-keys.md §9), on eCom.

use sandkasse_domain::{keys::KeyName, sales_unit::UnitState};
use sandkasse_testkit::{PartnerShop, closed, with_member};

use super::faq_stage::{
    AUTHORIZATION, BOTH, DETAILS, Faq, KEY, LOGIN_ONLY, MSN, NOBODYS_MSN, NOT_AVAILABLE,
    ORDER_UNKNOWN, PAYMENTS, Says, check, is,
};

#[tokio::test]
async fn pk_01_pk_06_pk_12_a_linked_unit() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let msn = faq.u1.msn.as_str();
        let ask = faq.partner.ask_initiate(&faq.u1, "acme-1", 100).await;
        check("pk_01", ask, &Says::Fine, "").await;
        assert_eq!(
            faq.u1.details("acme-1").await.ok()["orderId"],
            "acme-1",
            "it is the unit's"
        );
        let ask = faq.partner.ask_details(msn, "acme-2").await;
        check("pk_06", ask, &ORDER_UNKNOWN, "order.unknown").await;
        let ask = faq.partner.ask("GET", DETAILS).await;
        let ask = ask.header("MERCHANT-SERIAL-NUMBER", msn);
        check("pk_12", ask, &Says::Fine, "").await;
        for (row, ask) in [
            (
                "capture",
                faq.u1
                    .ask_modify("capture", "acme-3", &faq.u1.modify_body(100))
                    .await,
            ),
            (
                "refund",
                faq.u1
                    .ask_modify("refund", "acme-3", &faq.u1.modify_body(100))
                    .await,
            ),
        ] {
            // The whole life of a payment, with the partner's keys.
            if row == "capture" {
                let ask = faq.partner.ask_initiate(&faq.u1, "acme-3", 100).await;
                check("initiate", ask, &Says::Fine, "").await;
                let approved = faq.u1.approve("acme-3", &faq.adult).await;
                approved.expect("the adult can pay");
            }
            let keys = faq.partner.keys();
            let token = faq.partner.ask_token().send().await.ok();
            let token = token["access_token"].as_str().expect("a token").to_owned();
            let ask = ask
                .header(AUTHORIZATION, &format!("Bearer {token}"))
                .header(KEY, &keys.secondary)
                .header(MSN, msn);
            check(row, ask, &Says::Fine, "").await;
        }
    }
}

#[tokio::test]
async fn pk_02_pk_03_pk_04_plat_23_plat_26_no_header_and_the_wrong_one() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let (msn, own) = (faq.v1.msn.as_str(), faq.u1.msn.as_str());
        let bare = faq.partner.ask("GET", DETAILS).await;
        let got = check("pk_02", bare.clone(), &Says::NoMsn, "partner.msn_missing").await;
        let text = got.json()[0]["errorMessage"].to_string();
        let first = "\"Invalid MSN: This MSN is not valid for the provided supermerchant ID.";
        assert!(text.starts_with(first), "{text}");
        let misspelt = bare.header("merchantSerialNumber", own);
        let got = check("pk_03", misspelt, &Says::NoMsn, "header.misspelt").await;
        assert!(format!("{:?}", got.why).contains("merchantserialnumber"));
        let rival = faq.world.partner(here, |_| {}).await;
        faq.world.link(&faq.v1, &rival).await;
        let ask = faq.partner.ask_details(msn, "acme-1").await;
        check(
            "pk_04 plat_23",
            ask,
            &Says::k(403, msn),
            "partner.not_linked",
        )
        .await;
        let ask = faq.partner.ask("POST", PAYMENTS).await;
        let ask = ask.json(&faq.u1.initiate_body("acme-1", 100));
        let got = check("plat_26", ask, &Says::NoMsn, "partner.msn_in_body_only").await;
        let text = got.json()[0]["errorMessage"].to_string();
        assert!(!text.bytes().any(|it| it.is_ascii_digit()), "{text}");
    }
}

/// Four mistakes, two texts, four explanations.
#[tokio::test]
async fn pk_05_plat_25_four_explanations() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let own_number = faq.partner.partner().own_number.to_string();
        let (v1, far) = (faq.v1.msn.as_str(), faq.elsewhere.msn.as_str());
        for (row, msn, says, cause) in [
            ("unlinked", v1, Says::k(403, v1), "partner.not_linked"),
            (
                "own number",
                &own_number,
                Says::k(403, &own_number),
                "partner.header_mismatch",
            ),
            (
                "unknown",
                NOBODYS_MSN,
                Says::s1(NOBODYS_MSN),
                "partner.msn_unknown",
            ),
            ("plat_25", far, Says::s1(far), "env.msn"),
        ] {
            let ask = faq.partner.ask_details(msn, "acme-1").await;
            check(row, ask, &says, cause).await;
        }
    }
}

#[tokio::test]
async fn pk_07_pk_14_pk_33_orders_are_of_one_unit() {
    let faq = Faq::new().await;
    faq.world.link(&faq.u2, &faq.partner).await;
    for (shop, amount) in [(&faq.u1, 100), (&faq.u2, 200)] {
        let ask = faq.partner.ask_initiate(shop, "acme-1", amount).await;
        check("pk_33", ask, &Says::Fine, "").await;
    }
    let ask = faq.partner.ask_initiate(&faq.u1, "acme-2", 100).await;
    check("pk_07", ask, &Says::Fine, "").await;
    let ask = faq.partner.ask_details(faq.u2.msn.as_str(), "acme-2").await;
    check("pk_07", ask, &ORDER_UNKNOWN, "order.other_unit").await;
    let new = faq.world.partner(faq.u1.environment, |_| {}).await;
    faq.world.link(&faq.u1, &new).await;
    let ask = new.ask_details(faq.u1.msn.as_str(), "acme-2").await;
    check("pk_14", ask, &Says::Fine, "").await;
}

#[tokio::test]
async fn pk_08_pk_09_pk_10_pk_11_plat_24_header_and_body() {
    let faq = Faq::new().await;
    faq.world.link(&faq.u2, &faq.partner).await;
    let (a, b) = (&faq.u1, faq.u2.msn.as_str());
    let body = a.initiate_body("acme-1", 100);
    let body_b = with_member(body.clone(), "merchantInfo.merchantSerialNumber", b);
    let ask = faq.partner.ask_for(a.msn.as_str(), "POST", PAYMENTS).await;
    let ask = ask.json(&body_b);
    check(
        "pk_08 plat_24",
        ask,
        &Says::k(403, b),
        "partner.header_mismatch",
    )
    .await;
    let own = a.ask("POST", PAYMENTS).await;
    let ask = own.clone().header(MSN, b).json(&body);
    check("pk_09", ask, &Says::k(401, b), "msn.not_yours").await;
    let ask = own.clone().json(&body_b);
    check("pk_10", ask, &Says::k(401, b), "msn.not_yours").await;
    check("pk_11", own.json(&body), &Says::Fine, "").await;
}

#[tokio::test]
async fn pk_13_a_link_moves() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let (msn, new) = (faq.u1.msn.as_str(), faq.world.partner(here, |_| {}).await);
        faq.u1.initiate("acme-1", 100).await.ok();
        let details = async |partner: &PartnerShop| partner.ask_details(msn, "acme-1").await;
        check("before", details(&faq.partner).await, &Says::Fine, "").await;
        let says = Says::k(403, msn);
        check("before", details(&new).await, &says, "partner.not_linked").await;
        faq.world.link(&faq.u1, &new).await;
        check(
            "P1",
            details(&faq.partner).await,
            &says,
            "partner.not_linked",
        )
        .await;
        check("P2", details(&new).await, &Says::Fine, "").await;
        is("merchant", &faq.u1.details("acme-1").await, &Says::Fine, "");
        faq.u1.change(|it| it.partner = None).await;
        check("nobody's", details(&new).await, &says, "partner.not_linked").await;
    }
}

#[tokio::test]
async fn pk_15_keys_of_merchant_and_partner_are_regenerated_apart() {
    let faq = Faq::new().await;
    faq.u1.initiate("acme-1", 100).await.ok();
    let ask = faq.u1.ask("GET", DETAILS).await;
    let partner = faq.partner.ask_details(faq.u1.msn.as_str(), "acme-1").await;
    let old = faq.u1.regenerate(KeyName::PrimarySubscriptionKey).await;
    check(
        "pk_15",
        ask.header(KEY, &old),
        &Says::KeyInvalid,
        "subkey.regenerated",
    )
    .await;
    check("pk_15", partner.clone(), &Says::Fine, "").await;
    let old = faq
        .partner
        .regenerate(KeyName::PrimarySubscriptionKey)
        .await;
    let old = partner.header(KEY, &old);
    check("the reverse", old, &Says::KeyInvalid, "subkey.regenerated").await;
    is(
        "the reverse",
        &faq.u1.details("acme-1").await,
        &Says::Fine,
        "",
    );
}

#[tokio::test]
async fn pk_16_pk_17_pk_18_pk_19_plat_33_faq_87_who_is_closed() {
    let faq = Faq::new().await;
    let ask = async || faq.partner.ask_initiate(&faq.u1, "acme-1", 100).await;
    faq.u1.change(|it| it.state = closed()).await;
    check("pk_17", ask().await, &NOT_AVAILABLE, "unit.deactivated").await;
    faq.u1.change(|it| it.state = UnitState::Active).await;
    faq.partner.deactivate().await;
    check("pk_16", ask().await, &NOT_AVAILABLE, "partner.deactivated").await;
    check("pk_18", faq.partner.ask_token(), &Says::Fine, "").await;
    let own = faq.u1.initiate("acme-1", 100).await;
    is("plat_33", &own, &Says::Fine, "");

    let faq = Faq::new().await;
    faq.world.link(&faq.l1, &faq.partner).await;
    let ask = faq.partner.ask_initiate(&faq.l1, "acme-1", 100).await;
    check("pk_19", ask, &LOGIN_ONLY, "unit.login_only").await;
}

#[tokio::test]
async fn pk_20_pk_21_keys_of_two_owners_and_of_two_environments() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        faq.u1.initiate("acme-1", 100).await.ok();
        let right = faq.partner.ask_details(faq.u1.msn.as_str(), "acme-1").await;
        let mixed = right.clone().header(KEY, &faq.u1.keys().primary);
        check("pk_20", mixed, &Says::OtherOwner, "token.client_other_unit").await;
        let mixed = faq.u1.ask("GET", DETAILS).await;
        let mixed = mixed.header(KEY, &faq.partner.keys().primary);
        check(
            "the reverse",
            mixed,
            &Says::OtherOwner,
            "subkey.other_client",
        )
        .await;
        let there = faq.partner.ask_token().in_environment(here.other());
        check("pk_21", there, &Says::KeyInvalid, "env.keys").await;
        // Where an installation has made partner keys, they work; in test as in production.
        check("pk_21", faq.partner.ask_token(), &Says::Fine, "").await;
        check("pk_21", right, &Says::Fine, "").await;
    }
}
