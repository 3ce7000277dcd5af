//! Whose order it is, and what is the matter with a person.

use super::*;

/// PLAT-66.
#[tokio::test]
async fn plat_66_an_order_of_the_own_other_unit_is_named_and_a_strangers_is_not() {
    let world = World::new().await;
    let merchant = world.merchant().await;
    let shop = world.shop_of(&merchant, |_| {}).await;
    let own = world.shop_of(&merchant, |_| {}).await;
    let stranger = world.shop(|_| {}).await;
    own.initiate("own-order-1", 49_900).await.ok();
    stranger.initiate("their-order", 49_900).await.ok();
    let inspector = watching(&world);
    let mut told = Vec::new();
    for order in ["own-order-1", "their-order", "nobodys-one"] {
        let path = format!("/ecomm/v2/payments/{order}/details");
        let ask = shop.ask("GET", &path).await;
        let address = refused(&inspector, &ask).await.unwrap();
        let reader = Reader::Keys(shop.keys().client_id);
        let explanation = inspector.explain(&address, &reader).await.unwrap();
        let text = serde_json::to_string(&explanation).unwrap();
        assert_eq!(
            text.contains(own.msn.as_str()),
            order == "own-order-1",
            "{text}"
        );
        assert!(!text.contains(stranger.msn.as_str()), "{text}");
        let token = ask.request().headers["authorization"].to_str().unwrap();
        told.push(level(&explanation, &[order, token]));
    }
    assert_eq!(told[1], told[2], "a stranger's order is an unknown one");
    assert_ne!(told[0], told[1]);
}

/// A user's age, block and limits are nobody's business; test users are made up.
#[tokio::test]
async fn what_is_the_matter_with_a_person_is_told_in_test_only() {
    for environment in Environment::ALL {
        let world = World::new().await;
        let shop = world
            .shop(|unit| {
                unit.environment = environment;
                unit.rate_limits = RateLimits::Off;
            })
            .await;
        let inspector = watching(&world);
        let child = |it: &mut Person| it.birthdate = jiff::civil::date(2015, 1, 2);
        let numbers = [
            world.person_in(environment, child).await.phone,
            world
                .person_in(environment, |it| it.blocked = true)
                .await
                .phone,
            world
                .person_in(environment, |it| it.limit_reached = true)
                .await
                .phone,
        ]
        .map(|phone| phone.as_str().to_owned());
        let mut told = Vec::new();
        for number in numbers.iter().map(String::as_str).chain(["49999999"]) {
            let mut body = shop.initiate_body("acme-1", 49_900);
            body["customerInfo"]["mobileNumber"] = number.into();
            let ask = shop.ask("POST", "/ecomm/v2/payments").await.json(&body);
            let address = refused(&inspector, &ask).await.expect("refused");
            let reader = Reader::Keys(shop.keys().client_id);
            let explanation = inspector.explain(&address, &reader).await.unwrap();
            told.push(level(&explanation, &[number]));
        }
        if environment == Environment::Production {
            for other in &told {
                let lines = other.lines().zip(told[3].lines());
                let differ: Vec<_> = lines.filter(|(one, other)| one != other).collect();
                assert!(
                    differ.is_empty() && other.len() == told[3].len(),
                    "{differ:#?}"
                );
            }
        } else {
            assert!(told.iter().any(|it| *it != told[3]), "made up, and told");
        }
    }
}
