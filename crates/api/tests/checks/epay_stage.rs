//! What the tests of creating payments share.

use sandkasse_domain::{person::Person, sales_unit::SalesUnit};
use sandkasse_testkit::{Got, Shop, World};
use serde_json::{Value, json};

const SHAPE: &str = "See extraDetails for further details";

pub(crate) async fn stage() -> (World, Shop, Person) {
    let world = World::new().await;
    let shop = world.shop(free).await;
    let kari = world.person(|_| {}).await;
    (world, shop, kari)
}

/// Without limits per minute, and with everything allowed.
pub(crate) fn free(unit: &mut SalesUnit) {
    unit.rate_limits = sandkasse_domain::sales_unit::RateLimits::Off;
    unit.skip_landing_page = true;
    unit.long_living = true;
}

/// Asserts that the only member named is this one; answers the reason.
#[track_caller]
pub(crate) fn names(got: &Got, member: &str, cause: &str) -> String {
    assert_eq!((got.status, got.cause()), (400, cause), "{}", got.body);
    let body = got.json();
    assert_eq!(body["detail"], SHAPE, "{}", got.body);
    let reason = body["extraDetails"][0]["reason"]
        .as_str()
        .unwrap_or_default();
    got.shapes(cause, &[(member, reason)]);
    reason.to_owned()
}

pub(crate) fn msisdn(person: &Person) -> Value {
    json!({ "phoneNumber": person.phone.msisdn() })
}
