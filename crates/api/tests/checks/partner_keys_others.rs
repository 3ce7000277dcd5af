//! Partner keys off the main road: limits per MSN, management and PSP keys, Userinfo (reference:
//! partner-keys.md §9).

use sandkasse_domain::sales_unit::RateLimits;
use sandkasse_engine::directory::OfficeKind;
use sandkasse_testkit::{Ask, with_member, without_member};

use super::faq_stage::{
    AUTHORIZATION, BOTH, DETAILS, Faq, INTERNAL, KEY, MSN, NOBODYS_MSN, PAYMENTS, Says, check, is,
};

#[tokio::test]
async fn pk_34_limits_count_for_the_sales_unit() {
    let faq = Faq::new().await;
    for shop in [&faq.u1, &faq.u2] {
        faq.world.link(shop, &faq.partner).await;
        shop.change(|it| it.rate_limits = RateLimits::On).await;
    }
    let details = async |msn: &str| faq.partner.ask_details(msn, "acme-1").await;
    let (a, b) = (
        details(faq.u1.msn.as_str()).await,
        details(faq.u2.msn.as_str()).await,
    );
    // Neither an unlinked MSN nor a missing one uses up a linked one's window.
    for ask in [details(faq.v1.msn.as_str()).await, a.clone().without(MSN)] {
        for _ in 0..120 {
            assert_eq!(ask.clone().send().await.status, 403);
        }
        check("refused ones", ask, &Says::Limited, "rate.details").await;
    }
    for (row, ask) in [("pk_34 A", a), ("pk_34 B", b)] {
        for _ in 0..120 {
            assert_eq!(ask.clone().send().await.status, 404, "{row}");
        }
        check(row, ask, &Says::Limited, "rate.details").await;
    }
    // Partner and merchant share the window of an order that is initiated.
    for ask in [
        faq.partner.ask_initiate(&faq.u1, "acme-2", 100).await,
        faq.u1
            .ask("POST", PAYMENTS)
            .await
            .json(&faq.u1.initiate_body("acme-2", 100)),
    ] {
        assert_ne!(ask.send().await.status, 429);
    }
    let ask = faq.partner.ask_initiate(&faq.u1, "acme-2", 100).await;
    check("shared", ask, &Says::Limited, "rate.initiate").await;
    let ask = faq.partner.ask_initiate(&faq.u2, "acme-2", 100).await;
    check("another MSN", ask, &Says::Fine, "").await;
}

#[tokio::test]
async fn pk_22_management_keys_have_a_token_endpoint_of_their_own() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        for kind in [OfficeKind::Management, OfficeKind::Accounting] {
            let keys = faq.world.office_keys(here, kind).await;
            let with = |ask: Ask| {
                ask.header("client_id", &keys.client_id)
                    .header("client_secret", &keys.client_secret)
            };
            let directory = if here == BOTH[0] {
                "VIPPS-TEST"
            } else {
                "VIPPS"
            };
            let says = Says::not_found_in_directory(&keys.client_id, directory);
            check(
                "pk_22",
                with(faq.u1.ask_token()),
                &says,
                "token.wrong_endpoint",
            )
            .await;
            let ask = with(faq.world.ask(here, "POST", "/miami/v1/token"));
            let ask = ask.body("grant_type=client_credentials");
            let token = check("pk_22", ask, &Says::Fine, "").await.ok();
            assert_eq!(token["expires_in"], 900);
            // They move no money: with a subscription key they do not fit, without one they may not.
            let bearer = format!(
                "Bearer {}",
                token["access_token"].as_str().expect("a token")
            );
            let ask = faq
                .u1
                .ask("GET", DETAILS)
                .await
                .header("Authorization", &bearer);
            check(
                "with a key",
                ask.clone(),
                &Says::OtherOwner,
                "subkey.other_client",
            )
            .await;
            check(
                "alone",
                ask.without(KEY),
                &Says::Forbidden,
                "keys.without_right",
            )
            .await;
        }
    }
}

#[tokio::test]
async fn pk_36_keys_of_a_payment_service_provider() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let psp = faq.world.psp(here).await;
        let body = faq.u1.initiate_body("acme-1", 100);
        let initiate = psp.ask("POST", PAYMENTS).await.json(&body);
        for ask in [
            initiate.clone(),
            initiate.header(MSN, faq.u1.msn.as_str()),
            psp.ask("GET", DETAILS).await,
        ] {
            check("pk_36", ask, &Says::Forbidden, "keys.without_right").await;
        }
    }
}

#[tokio::test]
async fn pk_30_pk_31_pk_32_what_every_key_gets_alike() {
    let faq = Faq::new().await;
    let own = faq.u1.ask("POST", PAYMENTS).await;
    let partner = faq
        .partner
        .ask_for(faq.u1.msn.as_str(), "POST", PAYMENTS)
        .await;
    let body = faq.u1.initiate_body("acme-1", 100);
    let msn: u32 = faq.u1.msn.as_str().parse().expect("digits");
    let number = with_member(body.clone(), "merchantInfo.merchantSerialNumber", msn);
    let misnamed = without_member(body.clone(), "merchantInfo.merchantSerialNumber");
    let misnamed = with_member(
        misnamed,
        "merchantInfo.Merchant-Serial-Number",
        faq.u1.msn.as_str(),
    );
    let missing = Says::Ecom(
        400,
        "InvalidRequest",
        "merchantInfo.merchantSerialNumber",
        "merchantSerialNumber must be 4-7 digits",
    );
    for ask in [own, partner] {
        check(
            "pk_30",
            ask.clone().json(&number),
            &INTERNAL,
            "json.type.msn",
        )
        .await;
        let cause = "body.header_name_as_member";
        check("pk_31", ask.clone().json(&misnamed), &missing, cause).await;
        let bearer = ask.request().headers[AUTHORIZATION]
            .to_str()
            .expect("text")
            .to_owned();
        let lower = ask
            .json(&body)
            .header(AUTHORIZATION, &bearer.replacen('B', "b", 1));
        check("pk_32", lower, &Says::TokenRejected, "token.scheme_case").await;
    }
}

/// The same table in problem details.
#[tokio::test]
async fn uinf_24_userinfo_with_partner_keys() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let sub = faq.u1.share("acme-1", "name", &faq.adult).await;
        let path = format!("/vipps-userinfo-api/userinfo/{sub}");
        let bare = faq.partner.ask("GET", &path).await;
        let with = |msn: &str| bare.clone().header(MSN, msn);
        check("linked", with(faq.u1.msn.as_str()), &Says::Fine, "").await;
        let keyless = with(faq.u1.msn.as_str()).without(KEY);
        check("without a subscription key", keyless, &Says::Fine, "").await;
        check(
            "no header",
            bare.clone(),
            &Says::NoMsn,
            "partner.msn_missing",
        )
        .await;
        let misspelt = bare
            .clone()
            .header("merchantSerialNumber", faq.u1.msn.as_str());
        check("misspelt", misspelt, &Says::NoMsn, "header.misspelt").await;
        let (v1, far) = (faq.v1.msn.as_str(), faq.elsewhere.msn.as_str());
        for (msn, says, cause) in [
            (v1, Says::k(403, v1), "partner.not_linked"),
            ("abc", Says::k(403, "abc"), "partner.header_mismatch"),
            (far, Says::s1(far), "env.msn"),
            (NOBODYS_MSN, Says::s1(NOBODYS_MSN), "partner.msn_unknown"),
        ] {
            let got = check(msn, with(msn), &says, cause).await;
            assert_eq!(got.header("content-type"), Some("application/problem+json"));
        }
        // Data shared with one unit are not another's, although both are the partner's.
        faq.world.link(&faq.u2, &faq.partner).await;
        let other = with(faq.u2.msn.as_str());
        let says = Says::Problem(404, "The sub was not found.".to_owned());
        check("another unit", other, &says, "userinfo.sub_unknown").await;
        // Nothing works with a deactivated partner's keys (step 7 of partner-keys.md §5.1).
        faq.partner.deactivate().await;
        let says = Says::Problem(403, "These keys have no access to this API.".to_owned());
        let ask = with(faq.u1.msn.as_str());
        check("deactivated", ask, &says, "partner.deactivated").await;
        is("own keys", &faq.u1.userinfo(&sub).await, &Says::Fine, "");
    }
}
