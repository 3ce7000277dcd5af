use std::collections::BTreeSet;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sandkasse_domain::person::CannotPay;

use super::*;
use crate::testing::House;

/// What stands in examples, and in other people's tests. It only ever grows.
const SNAPSHOT: &str = "\
test 220001 demo 5a4dca55-7e57-4000-8000-000000000001 c2FuZGthc3NlLXRlc3QtMQ== 7e5700010a0a0a0a0a0a0a0a0a0a0a0a
test 220002 direct 5a4dca55-7e57-4000-8000-000000000002 c2FuZGthc3NlLXRlc3QtMg== 7e5700020a0a0a0a0a0a0a0a0a0a0a0a
test 220003 skip 5a4dca55-7e57-4000-8000-000000000003 c2FuZGthc3NlLXRlc3QtMw== 7e5700030a0a0a0a0a0a0a0a0a0a0a0a
test 220004 login-only 5a4dca55-7e57-4000-8000-000000000004 c2FuZGthc3NlLXRlc3QtNA== 7e5700040a0a0a0a0a0a0a0a0a0a0a0a
test 220005 strict 5a4dca55-7e57-4000-8000-000000000005 c2FuZGthc3NlLXRlc3QtNQ== 7e5700050a0a0a0a0a0a0a0a0a0a0a0a
test 220006 other-merchant 5a4dca55-7e57-4000-8000-000000000006 c2FuZGthc3NlLXRlc3QtNg== 7e5700060a0a0a0a0a0a0a0a0a0a0a0a
production 330001 demo 5a4dca55-9d0d-4000-8000-000000000001 c2FuZGthc3NlLXByb2QtMQ== 9d0d00010a0a0a0a0a0a0a0a0a0a0a0a
production 330002 direct 5a4dca55-9d0d-4000-8000-000000000002 c2FuZGthc3NlLXByb2QtMg== 9d0d00020a0a0a0a0a0a0a0a0a0a0a0a
production 330003 skip 5a4dca55-9d0d-4000-8000-000000000003 c2FuZGthc3NlLXByb2QtMw== 9d0d00030a0a0a0a0a0a0a0a0a0a0a0a
production 330004 login-only 5a4dca55-9d0d-4000-8000-000000000004 c2FuZGthc3NlLXByb2QtNA== 9d0d00040a0a0a0a0a0a0a0a0a0a0a0a
production 330005 strict 5a4dca55-9d0d-4000-8000-000000000005 c2FuZGthc3NlLXByb2QtNQ== 9d0d00050a0a0a0a0a0a0a0a0a0a0a0a
production 330006 other-merchant 5a4dca55-9d0d-4000-8000-000000000006 c2FuZGthc3NlLXByb2QtNg== 9d0d00060a0a0a0a0a0a0a0a0a0a0a0a
";

#[tokio::test]
async fn demo_data_is_the_same_everywhere() {
    let house = House::new().await;
    let mut table = String::new();
    for environment in Environment::ALL {
        for unit in house.engine().directory.of(environment).units() {
            let (facts, keys) = (&unit.facts, &unit.facts.keys);
            table.push_str(&format!(
                "{environment} {} {} {} {} {}\n",
                facts.msn, facts.name, keys.client_id, keys.client_secret, keys.primary
            ));
        }
    }
    assert_eq!(table, SNAPSHOT);
}

#[tokio::test]
async fn keys_are_well_formed_and_all_different() {
    let house = House::new().await;
    let mut all = BTreeSet::new();
    let mut count = 0;
    for environment in Environment::ALL {
        for unit in house.engine().directory.of(environment).units() {
            let keys = &unit.facts.keys;
            assert_eq!(
                keys.client_id.split('-').map(str::len).collect::<Vec<_>>(),
                [8, 4, 4, 4, 12]
            );
            assert_eq!(STANDARD.decode(&keys.client_secret).unwrap().len(), 16);
            for key in [&keys.primary, &keys.secondary] {
                let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
                assert!(key.len() == 32 && key.chars().all(hex), "{key}");
            }
            assert_eq!(unit.facts.msn.as_str().len(), 6);
            count += 5;
            all.extend([
                keys.client_id.clone(),
                keys.client_secret.clone(),
                keys.primary.clone(),
                keys.secondary.clone(),
                unit.facts.msn.to_string(),
            ]);
        }
    }
    assert_eq!(all.len(), count, "no value is used twice");
}

#[tokio::test]
async fn there_is_somebody_for_every_way_to_fail() {
    let house = House::new().await;
    for (environment, series) in [(Environment::Test, "41"), (Environment::Production, "91")] {
        let directory = house.engine().directory.of(environment);
        let now = house.engine().clock.now();
        let may_pay: Vec<_> = directory
            .persons()
            .iter()
            .map(|person| {
                assert!(person.phone.as_str().starts_with(series));
                person.may_pay(now)
            })
            .collect();
        assert_eq!(
            may_pay,
            [
                Ok(()),
                Ok(()),
                Err(CannotPay::TooYoung),
                Err(CannotPay::Blocked),
                Err(CannotPay::NeverLoggedIn),
                Err(CannotPay::LimitReached),
                Ok(()),
                Ok(()),
            ]
        );
    }
}

#[tokio::test]
async fn demo_keys_are_noticed_as_long_as_one_is_in_use() {
    let house = House::new().await;
    assert!(is_within(house.engine()));
    house.engine().clear().await.unwrap();
    assert!(!is_within(house.engine()));
    fill(house.engine(), false).await.unwrap();
    assert!(is_within(house.engine()));
    let directory = house.engine().directory.of(Environment::Test);
    let strict = |unit: &&std::sync::Arc<sandkasse_engine::Unit>| {
        unit.facts.url_policy == sandkasse_domain::sales_unit::UrlPolicy::Strict
    };
    assert!(directory.units().iter().all(strict));
}
