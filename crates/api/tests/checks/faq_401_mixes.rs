//! FAQ "Why `HTTP 401 Unauthorized`?", keys that do not belong together: FAQ-19, FAQ-26 to FAQ-34,
//! FAQ-37 to FAQ-39, FAQ-41 to FAQ-43.

use sandkasse_testkit::{Ask, Shop, with_member, without_member};

use super::faq_stage::{
    AUTHORIZATION, BOTH, DETAILS, Faq, KEY, MSN, ORDER_UNKNOWN, PAYMENTS, Says, check, is,
};

/// A token of a request with the client of one unit and the subscription key of another.
async fn token(client: &Shop, key: &Shop) -> String {
    let ask = client.ask_token().header(KEY, &key.keys().primary);
    let token = ask.send().await.ok();
    let token = token["access_token"].as_str().expect("a token");
    format!("Bearer {token}")
}

/// An initiate of `shop`, with another token and another subscription key.
async fn initiate(shop: &Shop, token: &str, key: &str) -> Ask {
    let ask = shop.ask("POST", PAYMENTS).await;
    let ask = ask.header(AUTHORIZATION, token).header(KEY, key);
    ask.json(&shop.initiate_body("acme-1", 100))
}

#[tokio::test]
async fn faq_19_faq_26_faq_28_faq_29_faq_30_keys_of_two_units() {
    let faq = Faq::new().await;
    let (u1, u2) = (&faq.u1, &faq.u2);
    let (k1, k2) = (u1.keys(), u2.keys());
    let (of_u1, of_u2) = (token(u1, u1).await, token(u2, u2).await);
    let u2_with_key_of_u1 = token(u2, u1).await;
    let u1_with_key_of_u2 = token(u1, u2).await;
    let c = Says::OtherOwner;
    for (row, bearer, key, cause) in [
        ("faq_19", &of_u1, &k2.primary, "subkey.other_client"),
        ("faq_19", &of_u1, &k2.secondary, "subkey.other_client"),
        (
            "faq_28",
            &of_u1,
            &faq.v1.keys().primary,
            "subkey.other_client",
        ),
        ("faq_26", &of_u2, &k1.primary, "token.client_other_unit"),
        // Who has a wrong client_id sends the right subscription key to the token endpoint too.
        (
            "faq_26",
            &u2_with_key_of_u1,
            &k1.primary,
            "token.client_other_unit",
        ),
        ("faq_29", &u1_with_key_of_u2, &k2.primary, "subkey.changed"),
    ] {
        check(row, initiate(u1, bearer, key).await, &c, cause).await;
    }
    for bearer in [&of_u2, &u2_with_key_of_u1] {
        let ask = initiate(u1, bearer, &k2.primary).await;
        check("faq_26", ask, &Says::k(401, &u1.msn), "msn.not_yours").await;
    }
    // The token endpoint does not compare; with the right key in the call all is well.
    let ask = initiate(u1, &u1_with_key_of_u2, &k1.primary).await;
    check("faq_29 control", ask, &Says::Fine, "").await;
    let ask = u1.ask_token().header(KEY, &k1.primary).send().await;
    let bearer = format!(
        "Bearer {}",
        ask.ok()["access_token"].as_str().expect("a token")
    );
    let ask = u1.ask("GET", DETAILS).await.header(AUTHORIZATION, &bearer);
    check("faq_30", ask.header(KEY, &k1.secondary), &Says::Fine, "").await;
}

#[tokio::test]
async fn faq_31_faq_32_faq_34_keys_that_fit_together_and_not_with_the_unit() {
    let faq = Faq::new().await;
    let (u1, u2) = (&faq.u1, &faq.u2);
    u1.initiate("acme-1", 100).await.ok();
    let of_u2 = token(u2, u2).await;
    let ask = initiate(u1, &of_u2, &u2.keys().primary).await;
    check("faq_31", ask, &Says::k(401, &u1.msn), "msn.not_yours").await;
    let ask = u2.ask("GET", DETAILS).await;
    check("faq_32", ask.clone(), &ORDER_UNKNOWN, "order.other_unit").await;
    // The configuration changed from U1 to U2; a token of U1 was kept, or all of its keys.
    let of_u1 = token(u1, u1).await;
    let cached = ask.header(AUTHORIZATION, &of_u1);
    check("faq_34", cached, &Says::OtherOwner, "subkey.other_client").await;
    let cached = initiate(u2, &of_u1, &u1.keys().primary).await;
    check("faq_34", cached, &Says::k(401, &u2.msn), "msn.not_yours").await;
}

#[tokio::test]
async fn faq_37_faq_38_keys_of_the_other_environment() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let (right, wrong) = (&faq.u1, &faq.elsewhere);
        let row = if wrong.environment == BOTH[0] {
            "faq_37"
        } else {
            "faq_38"
        };
        let says = Says::KeyInvalid;
        let ask = wrong.ask_token().in_environment(here);
        check(row, ask, &says, "env.keys").await;
        let ask = wrong.ask("GET", DETAILS).await.in_environment(here);
        check(row, ask, &says, "env.keys").await;
        let ask = wrong.ask("GET", DETAILS).await.in_environment(here);
        let ask = ask.header(KEY, &right.keys().primary);
        check(row, ask, &Says::TokenRejected, "env.keys").await;
        // A right subscription key, and the other environment's client.
        let ask = right
            .ask_token()
            .header("client_id", &wrong.keys().client_id);
        let directory = if here == BOTH[0] {
            "VIPPS-TEST"
        } else {
            "VIPPS"
        };
        let says = Says::not_found_in_directory(&wrong.keys().client_id, directory);
        check(row, ask, &says, "token.client_unknown").await;
    }
}

#[tokio::test]
async fn faq_39_right_keys_and_the_msn_of_the_other_environment() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        let far = faq.elsewhere.msn.to_string();
        let says = Says::k(401, &far);
        let body = faq.u1.initiate_body("acme-1", 100);
        let body = with_member(body, "merchantInfo.merchantSerialNumber", far.as_str());
        is(
            "faq_39 body",
            &faq.u1.initiate_with(&body).await,
            &says,
            "env.msn",
        );
        let ask = faq.u1.ask("GET", DETAILS).await.header(MSN, &far);
        check("faq_39 header", ask, &says, "env.msn").await;
        // A stranger's over there is not told of.
        let stranger = faq.world.shop(|it| it.environment = here.other()).await.msn;
        let ask = faq
            .u1
            .ask("GET", DETAILS)
            .await
            .header(MSN, stranger.as_str());
        check(
            "a stranger's",
            ask,
            &Says::k(401, &stranger),
            "msn.not_yours",
        )
        .await;
    }
}

#[tokio::test]
async fn faq_41_faq_42_faq_43_header_and_body_have_names_of_their_own() {
    let faq = Faq::new().await;
    let (msn, body) = (faq.u1.msn.as_str(), faq.u1.initiate_body("acme-1", 100));
    let ask = faq.partner.ask("POST", PAYMENTS).await.json(&body);
    check(
        "faq_41",
        ask.clone(),
        &Says::NoMsn,
        "partner.msn_in_body_only",
    )
    .await;
    let misnamed = ask.clone().header("merchantSerialNumber", msn);
    check("faq_42", misnamed, &Says::NoMsn, "header.misspelt").await;
    let named = ask.header(MSN, msn);
    check("the remedy", named, &Says::Fine, "").await;

    let body = faq.u1.initiate_body("acme-2", 100);
    let body = without_member(body, "merchantInfo.merchantSerialNumber");
    let misnamed = with_member(body.clone(), "merchantInfo.Merchant-Serial-Number", msn);
    let says = Says::Ecom(
        400,
        "InvalidRequest",
        "merchantInfo.merchantSerialNumber",
        "merchantSerialNumber must be 4-7 digits",
    );
    for ask in [
        faq.partner.ask_for(msn, "POST", PAYMENTS).await,
        faq.u1.ask("POST", PAYMENTS).await,
    ] {
        let got = check(
            "faq_43",
            ask.clone().json(&misnamed),
            &says,
            "body.header_name_as_member",
        );
        got.await;
        check("no member at all", ask.json(&body), &says, "msn.format").await;
    }
}
