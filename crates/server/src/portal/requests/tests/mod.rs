//! The inspector's pages and the dashboard, over their router and without sockets, except where a
//! merchant is called.

mod again;
mod checking;
mod escaping;
mod files;
mod list;
mod live;
mod outgoing;

use std::sync::Arc;

use sandkasse_inspect::Record;
use sandkasse_testkit::{Ask, Shop};

use crate::{portal::visitors::Role, testing::House};

const SUBSCRIPTION_KEY: &str = "Ocp-Apim-Subscription-Key";

/// Makes a call through the inspector, as the listener does; the newest entry of the journal.
async fn made(house: &House, ask: Ask) -> Arc<Record> {
    let environment = ask.environment();
    house.inspector.answer(environment, ask.request()).await;
    let journal = &house.inspector.journal;
    journal.get(journal.next() - 1).unwrap()
}

/// An initiate with this order.
async fn initiate(shop: &Shop, order: &str) -> Ask {
    let ask = shop.ask("POST", "/ecomm/v2/payments").await;
    ask.json(&shop.initiate_body(order, 49_900))
}

fn address(house: &House, record: &Record) -> String {
    house.inspector.address(record.number)
}

/// What a reader sees at a path.
async fn seen(house: &House, path: &str) -> String {
    let seen = house.guest(Some(Role::Reader)).get(path).await;
    assert_eq!(seen.status, 200, "{path}: {}", seen.html);
    seen.html
}
