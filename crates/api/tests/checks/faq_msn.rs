//! FAQ "Invalid MSN": FAQ-97 to FAQ-103.

use super::faq_stage::{
    BOTH, DETAILS, Faq, KEY, MSN, NOBODYS_MSN, ORDER_UNKNOWN, PAYMENTS, Says, check,
};

#[tokio::test]
async fn faq_97_a_unit_that_is_not_linked_to_the_partner() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let msn = faq.v1.msn.as_str();
        let ask = faq.partner.ask_details(msn, "acme-1").await;
        let got = check(
            "faq_97",
            ask.clone(),
            &Says::k(403, msn),
            "partner.not_linked",
        )
        .await;
        let owner = faq.v1.unit().facts.merchant.0.clone();
        let told = format!("{:?} {:?} {}", got.why, got.trace, got.body);
        assert!(!told.contains(&owner), "the owner is not told: {told}");
        // The same merchant's other units are no more linked than a stranger's.
        let sister = faq.u2.msn.as_str();
        let ask_sister = faq.partner.ask_details(sister, "acme-1").await;
        check(
            "faq_97",
            ask_sister,
            &Says::k(403, sister),
            "partner.not_linked",
        )
        .await;
        // The remedy: the merchant changes its partner.
        faq.world.link(&faq.v1, &faq.partner).await;
        check("faq_97", ask, &ORDER_UNKNOWN, "order.unknown").await;
    }
}

#[tokio::test]
async fn faq_98_keys_or_msn_of_the_wrong_environment() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let wrong = faq.elsewhere.ask("GET", DETAILS).await;
        let wrong = wrong.in_environment(here);
        check("faq_98 keys", wrong, &Says::KeyInvalid, "env.keys").await;
        let msn = faq.elsewhere.msn.as_str();
        let mixed = faq.u1.ask("GET", DETAILS).await.header(MSN, msn);
        check("faq_98 MSN", mixed, &Says::k(401, msn), "env.msn").await;
    }
}

#[tokio::test]
async fn faq_99_the_header_is_not_used_as_it_should_be() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let cause = "partner.header_mismatch";
        let v1 = faq.v1.msn.as_str();
        let ask = faq
            .partner
            .ask_for(faq.u1.msn.as_str(), "POST", PAYMENTS)
            .await;
        let ask = ask.json(&faq.v1.initiate_body("acme-1", 100));
        check("header U1, body V1", ask, &Says::k(403, v1), cause).await;
        let own_number = faq.partner.partner().own_number.to_string();
        for header in ["abc", "12345x", &own_number] {
            let ask = faq.partner.ask_details(header, "acme-1").await;
            check("faq_99", ask, &Says::k(403, header), cause).await;
        }
        let ask = faq.partner.ask_initiate(&faq.u1, "acme-1", 100).await;
        check("control", ask, &Says::Fine, "").await;
    }
}

#[tokio::test]
async fn faq_100_partner_keys_of_the_other_environment() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let msn = faq.elsewhere.msn.as_str();
        let far = faq.partner.ask_details(msn, "acme-1").await;
        let far = far.in_environment(here.other());
        check("faq_100", far, &Says::KeyInvalid, "env.keys").await;
        let token = faq.partner.ask_token().in_environment(here.other());
        check("faq_100", token.clone(), &Says::KeyInvalid, "env.keys").await;
        // A mixed set: the host's own subscription key, and the client of the other environment.
        let key = faq.elsewhere.keys().primary;
        let directory = if here == BOTH[0] {
            "VIPPS"
        } else {
            "VIPPS-TEST"
        };
        let id = faq.partner.keys().client_id;
        let says = Says::not_found_in_directory(&id, directory);
        check(
            "faq_100",
            token.header(KEY, &key),
            &says,
            "token.client_unknown",
        )
        .await;
        // Right keys with the MSN of the other environment.
        let ask = faq.partner.ask_details(msn, "acme-1").await;
        check("faq_100", ask, &Says::s1(msn), "env.msn").await;
    }
}

#[tokio::test]
async fn faq_101_an_msn_of_the_other_environment() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let far = faq.elsewhere.msn.as_str();
        let stranger = faq.world.shop(|it| it.environment = here.other()).await;
        for msn in [far, stranger.msn.as_str()] {
            let ask = faq.partner.ask_details(msn, "acme-1").await;
            check("faq_101", ask, &Says::s1(msn), "env.msn").await;
        }
        for msn in [NOBODYS_MSN, "123", "12345678"] {
            let ask = faq.partner.ask_details(msn, "acme-1").await;
            check("nobody's", ask, &Says::s1(msn), "partner.msn_unknown").await;
        }
    }
}

#[tokio::test]
async fn faq_102_faq_103_no_header_and_no_number_in_the_text() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let ask = faq.partner.ask("GET", DETAILS).await;
        for ask in [ask.clone(), ask.header(MSN, "")] {
            let got = check("faq_102", ask, &Says::NoMsn, "partner.msn_missing").await;
            let text = got.json()[0]["errorMessage"].to_string();
            assert!(!text.bytes().any(|it| it.is_ascii_digit()), "{text}");
        }
    }
}
