//! partial captures of one order with different keys, through two nodes at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::bail;
use serde_json::Value;
use tokio::task::JoinSet;

use super::duplicates::insist;
use crate::http::Client;
use crate::shop::{Shop, Wish};
use crate::stage::{self, Stage};
use crate::words;

/// How many orders are worked on at the same time.
const AT_ONCE: usize = 16;
/// How many captures an order gets at the same time.
const CAPTURES: usize = 8;
/// Five of the captures fit, and a rest of half of one stays.
const RESERVED: u64 = 11_000;
const CAPTURED: u64 = 2_000;
const FIT: usize = 5;

/// What came of one order.
struct Outcome {
    successes: usize,
    refused: usize,
    findings: Vec<String>,
}

/// So many orders, one after the other on each of a few tasks.
pub(crate) async fn run(stage: &mut Stage, orders: u64) -> anyhow::Result<()> {
    let postgres = stage.postgres().await?;
    let platform = stage.platform(&stage::url(postgres.address), 2).await?;
    let shops = platform.shops(AT_ONCE).await?;
    let left = Arc::new(AtomicU64::new(orders));
    let began = Instant::now();
    let mut set = JoinSet::new();
    for shop in shops {
        set.spawn(work(platform.doors(), Arc::new(shop), left.clone()));
    }
    let (mut successes, mut refused, mut wrong) = (0, 0, Vec::new());
    let mut done = 0;
    for outcomes in set.join_all().await {
        for outcome in outcomes? {
            done += 1;
            successes += outcome.successes;
            refused += outcome.refused;
            wrong.extend(outcome.findings);
        }
    }
    if done != orders || refused == 0 {
        wrong.push(format!("{done} orders, {refused} refusals"));
    }
    wrong.truncate(20);
    let shown = format!(
        "{done} orders x {CAPTURES} captures in {:.0} s: {successes} done, {refused} refused with 61",
        began.elapsed().as_secs_f64()
    );
    stage
        .results
        .note("R-7 two keys, one order", &shown, &wrong);
    Ok(())
}

async fn work(
    doors: Vec<SocketAddr>,
    shop: Arc<Shop>,
    left: Arc<AtomicU64>,
) -> anyhow::Result<Vec<Outcome>> {
    let mut clients: Vec<Client> = doors
        .iter()
        .cycle()
        .take(CAPTURES)
        .map(|door| Client::new(*door))
        .collect();
    let mut outcomes = Vec::new();
    let take = |left: u64| left.checked_sub(1);
    while let Ok(number) = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) {
        let order = format!("keys-{number}");
        for wish in [Wish::Initiate { amount: RESERVED }, Wish::Approve] {
            let Some(client) = clients.first_mut() else {
                bail!("there are no nodes");
            };
            let answer = insist(client, &shop, &order, wish).await?;
            if answer.status != 200 {
                bail!("{order}: {wish:?}: {} {}", answer.status, answer.text());
            }
        }
        outcomes.push(one(&mut clients, &shop, &order).await?);
    }
    Ok(outcomes)
}

/// All captures at once, then what the platform says of them.
async fn one(clients: &mut Vec<Client>, shop: &Arc<Shop>, order: &str) -> anyhow::Result<Outcome> {
    let mut set = JoinSet::new();
    for (number, mut client) in clients.drain(..).enumerate() {
        let (shop, order) = (shop.clone(), order.to_owned());
        set.spawn(async move {
            let key = format!("{order}-{number}");
            let wish = Wish::Capture {
                amount: CAPTURED,
                key: &key,
            };
            let answer = insist(&mut client, &shop, &order, wish).await;
            (client, answer)
        });
    }
    let (mut successes, mut refused, mut findings) = (0, 0, Vec::new());
    for (client, answer) in set.join_all().await {
        clients.push(client);
        let answer = answer?;
        match (answer.status, words::code(&answer).as_deref()) {
            (200, _) => successes += 1,
            (400, Some("61")) => refused += 1,
            _ => findings.push(format!("{order}: {} {}", answer.status, answer.text())),
        }
    }
    let Some(client) = clients.last_mut() else {
        bail!("there are no nodes");
    };
    let details = insist(client, shop, order, Wish::Details).await?;
    let details: Value = serde_json::from_slice(&details.body)?;
    let captured = words::sums(&details).map(|sums| sums.captured);
    let expected = CAPTURED * u64::try_from(successes).unwrap_or_default();
    if captured != Some(expected) || successes != FIT {
        findings.push(format!(
            "{order}: {successes} successes, {captured:?} captured: {details}"
        ));
    }
    Ok(Outcome {
        successes,
        refused,
        findings,
    })
}
