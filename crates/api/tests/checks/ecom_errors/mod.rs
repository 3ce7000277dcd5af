//! Every refusal of eCom, provoked by a call (reference: ecom.md §5).
//!
//! Begin with the table in `causes.rs`.
mod causes;
mod provoke;

use std::{collections::BTreeSet, sync::Arc};

use sandkasse_engine::Settings;
use sandkasse_testkit::{TroubledStore, World};

use causes::{CAUSES, NOT_BY_CALL};
use provoke::{Stage, provoke};

const GROUPS: [&str; 6] = [
    "Authentication",
    "Payment",
    "InvalidRequest",
    "VippsError",
    "User",
    "Merchant",
];

#[tokio::test(start_paused = true)]
async fn ecom_102_every_refusal_has_a_group_a_code_and_a_context() {
    let store = Arc::new(TroubledStore::default());
    let world = World::with(store.clone(), Settings::default()).await;
    let kari = world.person(|_| {}).await;
    let stage = Stage { world, store, kari };
    let mut contexts = BTreeSet::new();
    for (cause, status, group, code) in CAUSES {
        // The array is asserted to the byte in here, with the types of all members.
        let got = provoke(&stage, cause).await;
        let text = got.refused(status, group, code, cause);
        assert!(!text.is_empty() && GROUPS.contains(&group), "{cause}");
        let context = got.json()[0]["contextId"].as_str().map(str::to_owned);
        let fresh = contexts.insert(context.clone());
        assert!(fresh, "{cause}: {context:?} was there before");
    }
    // Each entry of a longer array has one of its own, and so has each repetition.
    let shop = stage.world.shop(|_| {}).await;
    for _ in 0..2 {
        let got = shop.initiate("no order", 1).await;
        assert_eq!(got.refused_with(400, "order.format").len(), 2);
        for line in got.json().as_array().expect("an array") {
            let context = line["contextId"].as_str().map(str::to_owned);
            assert!(contexts.insert(context), "{}", got.body);
        }
    }
    assert_eq!(contexts.len(), CAUSES.len() + 4);
}

/// Completeness: whoever adds a cause to the machine adds a row here.
#[test]
fn ecom_102_no_cause_is_forgotten() {
    let refusals = include_str!("../../../src/ecom/refusals.rs");
    let (_, ids) = refusals.split_once("pub fn cause_id").expect("it is there");
    let ids: Vec<&str> = ids
        .split('"')
        .skip(1)
        .step_by(2)
        .filter(|text| text.contains('.'))
        .collect();
    assert!(ids.len() > 40, "{ids:?}");
    for id in ids {
        let rows = CAUSES.iter().filter(|row| row.0 == id).count();
        let excepted = NOT_BY_CALL.iter().filter(|row| row.0 == id).count();
        assert_eq!(rows + excepted, 1, "{id}");
    }
}
