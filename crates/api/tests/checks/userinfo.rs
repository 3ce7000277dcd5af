//! Userinfo: what a customer agreed to share, for how long, and under which name (reference:
//! userinfo.md).
use std::collections::BTreeSet;

use jiff::SignedDuration;
use sandkasse_domain::{
    consent::Scope,
    person::{Address, AddressKind, Person},
};
use sandkasse_engine::Act;
use sandkasse_testkit::{Shop, World, hours};
use serde_json::{Value, json};

async fn stage() -> (World, Shop, Person) {
    let world = World::new().await;
    let (shop, kari) = (world.shop(|_| {}).await, world.person(|_| {}).await);
    (world, shop, kari)
}

/// Asserts exactly these members besides `sub` and `sid`.
async fn tells(shop: &Shop, sub: &str, members: &str) {
    let got = shop.userinfo(sub).await;
    let sid = got.ok()["sid"].as_str().expect("a text").to_owned();
    assert!(uuid::Uuid::parse_str(&sid).is_ok() && sid != sub, "{sid}");
    got.ok_exactly(&format!(r#"{{"sub":"{sub}","sid":"{sid}"{members}}}"#));
}

const NAME: &str = r#","name":"Kari Nordmann","given_name":"Kari","family_name":"Nordmann""#;

#[tokio::test]
async fn uinf_01_uinf_06_members_follow_the_scope() {
    let (_, shop, kari) = stage().await;
    let phone = format!(r#","phone_number":"47{}""#, kari.phone);
    let email = r#","email":"kari@example.com","email_verified":true"#;
    let rows = [
        ("name phoneNumber", format!("{NAME}{phone}")),
        ("phoneNumber name openid", format!("{NAME}{phone}")),
        ("birthDate", r#","birthdate":"1993-01-02""#.to_owned()),
        ("email", email.to_owned()),
        ("accountNumbers", r#","accounts":[]"#.to_owned()),
        (
            "email birthDate phoneNumber name",
            format!(r#"{NAME},"birthdate":"1993-01-02"{email}{phone}"#),
        ),
    ];
    for (scope, members) in rows {
        // Each at a shop of its own: scopes of open sessions add up.
        let shop = shop_like(&shop).await;
        let sub = shop.share("acme-1", scope, &kari).await;
        tells(&shop, &sub, &members).await;
    }
    let sub = shop.share("acme-1", "email", &kari).await;
    shop.share("acme-2", "birthDate", &kari).await;
    tells(&shop, &sub, &format!(r#","birthdate":"1993-01-02"{email}"#)).await;
}

async fn shop_like(shop: &Shop) -> Shop {
    let world = shop.world();
    world.shop_of(&shop.unit().facts.merchant, |_| {}).await
}

#[tokio::test]
async fn uinf_03_uinf_04_without_consent_there_is_no_sub() {
    let (_, shop, kari) = stage().await;
    // No scope, or one for which nobody is asked.
    for (order, scope) in [
        ("none", Value::Null),
        ("empty", "".into()),
        ("openid", "openid".into()),
    ] {
        let body = |it: &mut Value| it["transaction"]["scope"] = scope;
        shop.initiate_but(order, 10_000, body).await.ok();
        shop.approve(order, &kari).await.expect("kari can pay");
    }
    // Refusing the consent card is rejecting the payment: all or nothing.
    let body = |it: &mut Value| it["transaction"]["scope"] = "name".into();
    shop.initiate_but("refused", 10_000, body).await.ok();
    shop.person("refused", Act::Reject)
        .await
        .expect("the request is open");
    assert_eq!(shop.log("refused").await, ["CANCEL", "INITIATE"]);

    shop.advance(hours(1)).await;
    for order in ["none", "empty", "openid", "refused"] {
        let details = shop.details(order).await.ok();
        assert_eq!(
            (details.get("sub"), details.get("userDetails")),
            (None, None),
            "{order}"
        );
    }
    assert_eq!(shop.consent(&kari).await, None);
    assert_eq!(shop.userinfo(&shop.sub(&kari)).await.status, 404);
}

/// What the consent card of a new payment with this scope lists.
async fn card(shop: &Shop, person: &Person, scope: &str) -> BTreeSet<Scope> {
    let order = format!("card-{}", shop.world().platform.engine.chance.uuid());
    let scoped = |it: &mut Value| it["transaction"]["scope"] = scope.into();
    shop.initiate_but(&order, 10_000, scoped).await.ok();
    let payment = shop.payment(&order).await;
    let engine = &shop.world().platform.engine;
    let unit = shop.unit();
    let listed = engine.not_shared_yet(&unit, &payment, &person.id);
    listed.await.expect("memory does not fail")
}

#[tokio::test]
async fn uinf_05_uinf_10_consent_is_asked_for_once_until_it_is_taken_back() {
    let (world, shop, kari) = stage().await;
    let (name, both) = ("name", "name email");
    assert_eq!(card(&shop, &kari, name).await, [Scope::Name].into());
    let sub = shop.share("acme-1", name, &kari).await;
    assert_eq!(card(&shop, &kari, name).await, [].into());
    assert_eq!(card(&shop, &kari, both).await, [Scope::Email].into());
    // What was shared with this shop another one must ask for.
    let other = world.shop(|_| {}).await;
    assert_eq!(card(&other, &kari, name).await, [Scope::Name].into());
    assert_eq!(shop.share("acme-2", both, &kari).await, sub);
    assert_eq!(card(&shop, &kari, both).await, [].into());

    assert!(shop.revoke(&kari).await);
    assert!(!shop.revoke(&kari).await, "once is enough");
    // What was paid for stays readable for its week, and the name stays the same.
    let email = r#","email":"kari@example.com","email_verified":true"#;
    tells(&shop, &sub, &format!("{NAME}{email}")).await;
    let all = [Scope::Name, Scope::Email].into();
    assert_eq!(card(&shop, &kari, both).await, all);
    assert_eq!(shop.share("acme-3", name, &kari).await, sub);
    assert_eq!(card(&shop, &kari, both).await, [Scope::Email].into());
}

#[tokio::test]
async fn uinf_07_addresses() {
    let (world, shop, _) = stage().await;
    let address = |kind, line2: Option<&str>| Address {
        kind,
        line1: "Suburbia 23".to_owned(),
        line2: line2.map(str::to_owned),
        post_code: "2101".to_owned(),
        city: "OSLO".to_owned(),
    };
    let home = address(AddressKind::Home, None);
    let work = address(AddressKind::Work, Some("4. etasje"));
    let other = address(AddressKind::Other, None);
    let said = |kind: &str| {
        format!(
            r#"{{"street_address":"Suburbia 23","postal_code":"2101","region":"OSLO","country":"NO","formatted":"Suburbia 23\n2101\nOSLO\nNO","address_type":"{kind}"}}"#
        )
    };
    let at_work = r#"{"street_address":"Suburbia 23\n4. etasje","postal_code":"2101","region":"OSLO","country":"NO","formatted":"Suburbia 23\n4. etasje\n2101\nOSLO\nNO","address_type":"work"}"#;
    let nowhere = r#"{"street_address":"","postal_code":"","region":"","country":"","formatted":"","address_type":""}"#;
    let rows = [
        (vec![home.clone()], said("home"), String::new()),
        (
            vec![home, work.clone(), other.clone()],
            said("home"),
            format!("{at_work},{}", said("other")),
        ),
        (vec![work, other], at_work.to_owned(), said("other")),
        (vec![], nowhere.to_owned(), String::new()),
    ];
    for (row, (addresses, first, others)) in rows.into_iter().enumerate() {
        let person = world.person(|it| it.addresses = addresses).await;
        let sub = shop.share(&format!("row-{row}"), "address", &person).await;
        let members = format!(r#","address":{first},"other_addresses":[{others}]"#);
        tells(&shop, &sub, &members).await;
    }
}

#[tokio::test]
async fn uinf_08_the_profile_is_as_it_is_when_asked_for() {
    let (world, shop, kari) = stage().await;
    let sub = shop.share("acme-1", "email", &kari).await;
    let change = |it: &mut Person| {
        it.email = "kari@nordmann.example".to_owned();
        it.email_verified = false;
    };
    world.change_person(&kari, change).await;
    tells(
        &shop,
        &sub,
        r#","email":"kari@nordmann.example","email_verified":false"#,
    )
    .await;
}

#[tokio::test]
async fn uinf_09_uinf_11_a_session_lasts_168_hours() {
    let (_, shop, kari) = stage().await;
    let sub = shop.share("acme-1", "name", &kari).await;
    let user = |details: &Value| details["userDetails"].clone();
    shop.advance(hours(167)).await;
    tells(&shop, &sub, NAME).await;
    let before = user(&shop.details("acme-1").await.ok());
    assert_eq!(
        (&before["firstName"], &before["bankIdVerified"]),
        (&"Kari".into(), &1.into())
    );
    shop.advance(hours(2)).await;
    let over = shop.userinfo(&sub).await;
    assert_eq!((over.status, over.cause()), (403, "userinfo.session_over"));
    let detail = over.json()["detail"].take();
    assert!(
        detail.as_str().is_some_and(|it| it.contains("168 hours")),
        "{detail}"
    );
    let expired = r#""userDetails":{"bankIdVerified":0,"email":"[Expired]","firstName":"[Expired]","lastName":"[Expired]","mobileNumber":"[Expired]","userId":"[Expired]"}"#;
    let details = shop.details("acme-1").await;
    assert!(details.body.contains(expired), "{}", details.body);

    // Only a new payment with a scope opens it again, for that scope.
    shop.reserved("acme-2", 10_000, &kari).await;
    assert_eq!(shop.userinfo(&sub).await.status, 403);
    assert_eq!(shop.share("acme-3", "birthDate", &kari).await, sub);
    tells(&shop, &sub, r#","birthdate":"1993-01-02""#).await;
    let details = shop.details("acme-1").await;
    assert!(details.body.contains(expired), "{}", details.body);
}

#[tokio::test]
async fn uinf_18_the_national_identity_number_needs_a_grant() {
    let (_, shop, kari) = stage().await;
    let body = |it: &mut Value| it["transaction"]["scope"] = "name nin".into();
    let got = shop.initiate_but("acme-1", 10_000, body).await;
    got.says(
        403,
        "Merchant",
        "51",
        "The Nin scope is not allowed.",
        "unit.nin",
    );
    shop.change(|unit| unit.nin_scope = true).await;
    let sub = shop.share("acme-1", "nin", &kari).await;
    tells(&shop, &sub, r#","nin":"02019312345""#).await;
}

#[tokio::test]
async fn uinf_19_uinf_25_the_sub_is_a_persons_name_at_one_unit() {
    let (world, shop, kari) = stage().await;
    let sister = shop_like(&shop).await;
    let sub = shop.share("acme-1", "name", &kari).await;
    let elsewhere = sister.share("acme-1", "name", &kari).await;
    let ola = world.person(|_| {}).await;
    let olas = shop.share("acme-2", "name", &ola).await;
    let different: BTreeSet<_> = [&sub, &elsewhere, &olas].into();
    assert_eq!(different.len(), 3);
    assert_eq!(shop.share("acme-3", "email", &kari).await, sub);
    // No product has a part in it.
    let through_epayment = shop.epay_but("acme-shop-1", 100, |body| {
        body["profile"] = json!({ "scope": "name" });
    });
    through_epayment.await.created();
    shop.approve("acme-shop-1", &kari).await.expect("she can");
    let payment = shop.epay_get("acme-shop-1").await.json();
    assert_eq!(payment["profile"]["sub"], *sub);

    // A new number is a new person to the shop.
    let renumbered = world.change_number(&kari, "48059528").await;
    for (unit, old) in [(&shop, &sub), (&sister, &elsewhere)] {
        let got = unit.userinfo(old).await;
        assert_eq!((got.status, got.cause()), (404, "userinfo.sub_unknown"));
        let new = unit.share("acme-4", "phoneNumber", &renumbered).await;
        assert_ne!(new, *old);
        tells(unit, &new, r#","phone_number":"4748059528""#).await;
    }
    let gone = shop.force_approve("acme-1", kari.phone.as_str()).await;
    gone.refused(400, "User", "81", "test.not_a_test_number");
}

#[tokio::test]
async fn uinf_20_the_sub_may_take_its_time() {
    let (_, shop, kari) = stage().await;
    shop.change(|unit| unit.sub_delay_ms = 2_000).await;
    let body = |it: &mut Value| it["transaction"]["scope"] = "name".into();
    shop.initiate_but("acme-1", 10_000, body).await.ok();
    shop.approve("acme-1", &kari).await.expect("kari can pay");
    for (wait, there) in [(0, false), (1_999, false), (1, true)] {
        shop.advance(SignedDuration::from_millis(wait)).await;
        let details = shop.details("acme-1").await.ok();
        assert_eq!(details.get("sub").is_some(), there);
    }
}

#[tokio::test]
async fn uinf_26_each_unit_has_its_own_time() {
    let (world, shop, kari) = stage().await;
    let other = world.shop(|_| {}).await;
    let (sub, others) = (
        shop.share("acme-1", "name", &kari).await,
        other.share("acme-1", "name", &kari).await,
    );
    other.advance(hours(8 * 24)).await;
    tells(&shop, &sub, NAME).await;
    assert_eq!(
        other.userinfo(&others).await.cause(),
        "userinfo.session_over"
    );
    world.pass(hours(8 * 24)).await;
    assert_eq!(shop.userinfo(&sub).await.cause(), "userinfo.session_over");
}
