//! FAQ "Why `HTTP 401 Unauthorized`?", keys and tokens one by one: FAQ-16 to FAQ-25, FAQ-33,
//! FAQ-35, FAQ-36.

use sandkasse_api::Why;
use sandkasse_domain::{Environment::Test, sales_unit::Product};
use sandkasse_gate::{GateCause, TokenFault};
use sandkasse_testkit::{Jwt, hours};

use super::faq_stage::{AUTHORIZATION, BOTH, DETAILS, Faq, KEY, MSN, Says, check};

#[tokio::test]
async fn faq_16_faq_17_faq_18_subscription_keys() {
    let faq = Faq::new().await;
    faq.u1.initiate("acme-1", 100).await.ok();
    let right = faq.u1.ask("GET", DETAILS).await;
    let own = faq.u1.keys().primary;
    let last = own.chars().last().expect("a digit");
    let changed = format!("{}{}", &own[..31], if last == '0' { '1' } else { '0' });
    check(
        "faq_16",
        right.clone().without(KEY),
        &Says::KeyMissing,
        "subkey.missing",
    )
    .await;
    check(
        "faq_16 empty",
        right.clone().header(KEY, ""),
        &Says::KeyMissing,
        "subkey.missing",
    )
    .await;
    for wrong in [
        "0123456789abcdef0123456789abcdef",
        &changed,
        &format!(" {own}"),
        &format!("{own} "),
    ] {
        let ask = right.clone().header(KEY, wrong);
        check("faq_17", ask, &Says::KeyInvalid, "subkey.unknown").await;
    }
    // A unit without Login, and Userinfo.
    faq.u1
        .change(|it| it.products = [Product::Ecom].into())
        .await;
    let ask = right.clone().to("GET", "/vipps-userinfo-api/userinfo/abc");
    check("faq_18", ask, &Says::KeyInvalid, "subkey.product").await;
    check("control", right, &Says::Fine, "").await;
}

#[tokio::test]
async fn faq_20_faq_21_faq_22_faq_24_faq_25_tokens() {
    let faq = Faq::new().await;
    faq.u1.initiate("acme-1", 100).await.ok();
    let right = faq.u1.ask("GET", DETAILS).await;
    let token = faq.u1.token().await;
    let pasted = faq.u1.ask_token().send().await.body;
    let tampered = Jwt::read(&token)
        .with_claim("appid", faq.u2.keys().client_id)
        .token();
    let rejected = |row, value: String, cause| {
        let ask = right.clone().header(AUTHORIZATION, &value);
        check(row, ask, &Says::TokenRejected, cause)
    };
    check(
        "faq_20",
        right.clone().without(AUTHORIZATION),
        &Says::TokenRejected,
        "token.missing",
    )
    .await;
    for (row, value, cause) in [
        ("faq_20 empty", "Bearer".to_owned(), "token.missing"),
        ("faq_21 no JWT", "Bearer abc".to_owned(), "token.malformed"),
        (
            "faq_21 truncated",
            format!("Bearer {}", &token[..200]),
            "token.malformed",
        ),
        (
            "faq_21 the whole answer",
            format!("Bearer {pasted}"),
            "token.malformed",
        ),
        (
            "faq_21 quotes",
            format!("Bearer \"{token}\""),
            "token.malformed",
        ),
        ("faq_22", format!("Bearer {tampered}"), "token.signature"),
        ("faq_24", token.clone(), "token.no_scheme"),
        ("faq_25", format!("bearer {token}"), "token.scheme_case"),
        ("faq_25", format!("BEARER {token}"), "token.scheme_case"),
    ] {
        rejected(row, value, cause).await;
    }
    check("control", right, &Says::Fine, "").await;
}

#[tokio::test]
async fn faq_23_a_token_lives_an_hour_in_test_and_a_day_in_production() {
    for here in BOTH {
        let faq = Faq::at(here).await;
        faq.u1.initiate("acme-1", 100).await.ok();
        let ask = faq.u1.ask("GET", DETAILS).await;
        let life = if here == Test { hours(1) } else { hours(24) };
        faq.u1.advance(life - sandkasse_testkit::seconds(2)).await;
        check("in time", ask.clone(), &Says::Fine, "").await;
        faq.u1.advance(sandkasse_testkit::seconds(2)).await;
        check("late", ask, &Says::TokenRejected, "token.expired").await;
    }
}

/// A token that went on being used looks cached: the explanation carries how often, and since when.
#[tokio::test]
async fn faq_33_a_cached_token_tells_how_often_it_was_used() {
    let faq = Faq::new().await;
    faq.u1.initiate("acme-1", 100).await.ok();
    let ask = faq.u1.ask("GET", DETAILS).await;
    let first = faq.u1.now();
    for _ in 0..3 {
        check("cached", ask.clone(), &Says::Fine, "").await;
    }
    faq.u1.advance(hours(1)).await;
    for times in 3..6 {
        let got = check("faq_33", ask.clone(), &Says::TokenRejected, "token.expired").await;
        let Some(Why::Gate(GateCause::Token {
            fault: TokenFault::Expired { used, now, .. },
        })) = got.why
        else {
            panic!("{:?}", got.why)
        };
        assert_eq!((used.times, used.since), (times, Some(first)));
        assert_eq!(now, faq.u1.now());
    }
    // The remedy: a fresh one, and once more.
    check("renewed", faq.u1.ask("GET", DETAILS).await, &Says::Fine, "").await;
}

#[tokio::test]
async fn faq_35_misspelt_names_of_headers_are_missing_ones() {
    let faq = Faq::new().await;
    faq.u1.initiate("acme-1", 100).await.ok();
    let right = faq.u1.ask("GET", DETAILS).await;
    let (keys, bearer) = (faq.u1.keys(), format!("Bearer {}", faq.u1.token().await));
    let partner = faq.partner.ask("GET", DETAILS).await;
    let token = faq.u1.ask_token();
    let id = "The request body must contain the following parameter: 'client_id'.";
    let id = Says::Identity(400, "invalid_request", 900_144, id.to_owned());
    let secret = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
    let secret = Says::Identity(401, "invalid_client", 7_000_218, secret.to_owned());
    let msn = faq.u1.msn.as_str();
    for (ask, right, wrong, value, says) in [
        (
            &right,
            KEY,
            "Ocp-Apim-SubscriptionKey",
            keys.primary.as_str(),
            Says::KeyMissing,
        ),
        (
            &right,
            KEY,
            "Ocp_Apim_Subscription_Key",
            &keys.primary,
            Says::KeyMissing,
        ),
        (
            &right,
            AUTHORIZATION,
            "Authorisation",
            &bearer,
            Says::TokenRejected,
        ),
        (
            &right,
            AUTHORIZATION,
            "Autorization",
            &bearer,
            Says::TokenRejected,
        ),
        (&partner, MSN, "Merchant_Serial_Number", msn, Says::NoMsn),
        (&partner, MSN, "Merchant-SerialNumber", msn, Says::NoMsn),
        (&partner, MSN, "Merchant-Serial-Numer", msn, Says::NoMsn),
        (
            &token,
            "client_id",
            "client-id",
            &keys.client_id,
            id.clone(),
        ),
        (&token, "client_id", "clientid", &keys.client_id, id),
        (
            &token,
            "client_secret",
            "client-secret",
            &keys.client_secret,
            secret,
        ),
        (
            &token,
            KEY,
            "Ocp-Apim-Subscription-Keys",
            &keys.primary,
            Says::KeyMissing,
        ),
    ] {
        let ask = ask.clone().without(right).header(wrong, value);
        let got = check(wrong, ask, &says, "header.misspelt").await;
        // "Received X, expected Y": the explanation has the name that was sent, and no value.
        let why = format!("{:?}", got.why);
        assert!(why.contains(&wrong.to_ascii_lowercase()), "{why}");
        for secret in [&keys.primary, &keys.client_secret, &bearer] {
            assert!(!why.contains(secret.as_str()), "{why}");
        }
    }
}

#[tokio::test]
async fn faq_36_names_of_headers_in_any_case() {
    let faq = Faq::new().await;
    faq.u1.initiate("acme-1", 100).await.ok();
    let keys = faq.u1.keys();
    let bearer = format!("Bearer {}", faq.u1.token().await);
    for change in [str::to_ascii_lowercase, str::to_ascii_uppercase] {
        let ask = faq
            .world
            .ask(Test, "GET", DETAILS)
            .header(&change(KEY), &keys.primary)
            .header(&change(AUTHORIZATION), &bearer)
            .header(&change(MSN), faq.u1.msn.as_str());
        check("faq_36", ask, &Says::Fine, "").await;
    }
}
