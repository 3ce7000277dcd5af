//! very many captures with one key, through two nodes at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::command::rest;
use crate::http::{Answer, Client};
use crate::shop::{Shop, Wish};
use crate::stage::{self, Stage};
use crate::words;

/// Connections to all nodes together.
const CONNECTIONS: usize = 128;
const LIMIT: Duration = Duration::from_secs(30);
const RESERVED: u64 = 100_000;
const CAPTURED: u64 = 4_000;
const ORDER: &str = "duplicates-1";
const KEY: &str = "one-key";

/// So many captures with one key, and a tenth as many with the same key and another amount.
pub(crate) async fn run(stage: &mut Stage, calls: u64) -> anyhow::Result<()> {
    let postgres = stage.postgres().await?;
    let platform = stage.platform(&stage::url(postgres.address), 2).await?;
    let doors = platform.doors();
    let shop = platform.shops(1).await?.pop().context("one was made")?;
    let shop = Arc::new(shop);
    let mut client = Client::new(*doors.first().context("there are nodes")?);
    for wish in [Wish::Initiate { amount: RESERVED }, Wish::Approve] {
        let answer = insist(&mut client, &shop, ORDER, wish).await?;
        if answer.status != 200 {
            bail!("{wish:?}: {} {}", answer.status, answer.text());
        }
    }
    let began = Instant::now();
    let same = flood(&doors, &shop, calls, CAPTURED).await?;
    let took = began.elapsed();
    let other = flood(&doors, &shop, calls / 10, CAPTURED + 1).await?;
    let details = insist(&mut client, &shop, ORDER, Wish::Details).await?;

    let mut wrong = Vec::new();
    let successes: Vec<&Answer> = same.keys().filter(|answer| answer.status == 200).collect();
    if successes.len() != 1 {
        wrong.push(format!(
            "{} different successes: {successes:?}",
            successes.len()
        ));
    }
    let done: u64 = same
        .iter()
        .filter(|(it, _)| it.status == 200)
        .map(|(_, n)| n)
        .sum();
    for (answer, count) in &same {
        if answer.status != 200 && words::code(answer).as_deref() != Some("94") {
            wrong.push(format!("{count} times {} {}", answer.status, answer.text()));
        }
    }
    let refused: u64 = other
        .iter()
        .filter(|(it, _)| is_93(it))
        .map(|(_, n)| n)
        .sum();
    for (answer, count) in other.iter().filter(|(it, _)| !is_93(it)) {
        wrong.push(format!(
            "another amount: {count} times {} {}",
            answer.status,
            answer.text()
        ));
    }
    let effects = effects(&details)?;
    if effects != [CAPTURED] {
        wrong.push(format!("captures: {effects:?}"));
    }
    let shown = format!(
        "{calls} calls in {:.1} s ({:.0}/s) over {CONNECTIONS} connections: {done} times the same success, {} effect; \
         another amount {} times: {refused} refused with 93",
        took.as_secs_f64(),
        calls as f64 / took.as_secs_f64(),
        effects.len(),
        calls / 10
    );
    stage
        .results
        .note("R-6 one key through two nodes", &shown, &wrong);
    Ok(())
}

fn is_93(answer: &Answer) -> bool {
    answer.status == 400 && words::code(answer).as_deref() == Some("93")
}

/// The amounts of all captures.
fn effects(details: &Answer) -> anyhow::Result<Vec<u64>> {
    let details: Value = serde_json::from_slice(&details.body)?;
    let log = details
        .get("transactionLogHistory")
        .and_then(Value::as_array);
    let captures = log
        .context("there is a log")?
        .iter()
        .filter(|entry| entry.get("operation").and_then(Value::as_str) == Some("CAPTURE"));
    Ok(captures
        .filter_map(|entry| entry.get("amount")?.as_u64())
        .collect())
}

/// So many of the same call at once; returns how often each answer came. Answers that differ only in the id of the
/// refusal count as one.
async fn flood(
    doors: &[SocketAddr],
    shop: &Arc<Shop>,
    calls: u64,
    amount: u64,
) -> anyhow::Result<BTreeMap<Answer, u64>> {
    let left = Arc::new(AtomicU64::new(calls));
    let mut set = JoinSet::new();
    for door in doors.iter().cycle().take(CONNECTIONS) {
        let (left, shop, mut client) = (left.clone(), shop.clone(), Client::new(*door));
        set.spawn(async move {
            let mut answers: BTreeMap<Answer, u64> = BTreeMap::new();
            let take = |left: u64| left.checked_sub(1);
            while left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
                .is_ok()
            {
                let wish = Wish::Capture { amount, key: KEY };
                let answer = client.call(shop.request(ORDER, wish), LIMIT).await;
                let answer = answer.map_err(|why| anyhow::anyhow!("no answer: {}", why.0))?;
                *answers.entry(without_id(answer)).or_default() += 1;
            }
            anyhow::Ok(answers)
        });
    }
    let mut all: BTreeMap<Answer, u64> = BTreeMap::new();
    for answers in set.join_all().await {
        for (answer, count) in answers? {
            *all.entry(answer).or_default() += count;
        }
    }
    Ok(all)
}

/// Every refusal has an id of its own; successes stay as they are, byte by byte.
fn without_id(answer: Answer) -> Answer {
    if answer.status == 200 {
        return answer;
    }
    let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else {
        return answer;
    };
    if let Some(id) = body.pointer_mut("/0/contextId") {
        *id = Value::Null;
    }
    Answer {
        status: answer.status,
        body: body.to_string().into(),
    }
}

/// Asks until the answer is not "locked".
pub(super) async fn insist(
    client: &mut Client,
    shop: &Shop,
    order: &str,
    wish: Wish<'_>,
) -> anyhow::Result<Answer> {
    loop {
        let answer = client.call(shop.request(order, wish), LIMIT).await;
        let answer = answer.map_err(|why| anyhow::anyhow!("no answer: {}", why.0))?;
        if answer.status != 409 {
            return Ok(answer);
        }
        rest(Duration::from_millis(5)).await;
    }
}
