//! the documented limits per minute hold exactly, through three nodes at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::task::JoinSet;

use crate::http::{Answer, Client};
use crate::shop::{Shop, Wish};
use crate::stage::{self, Stage};

const NODES: usize = 3;
/// Connections that share the calls of one key, in turn through all nodes.
const CONNECTIONS: usize = 6;
/// How many keys are called at the same time.
const AT_ONCE: usize = 8;
/// So many times as many calls as are allowed.
const TIMES: u32 = 4;
/// A key's calls must all fall into its one window; the rest of the minute is reserve.
const WINDOW: Duration = Duration::from_secs(50);
const PATIENCE: Duration = Duration::from_secs(30);

/// A row of the table of limits: calls a minute for each order.
struct Row {
    name: &'static str,
    wish: Wish<'static>,
    allowed: u32,
}

const CHANGE: u64 = 100;

/// The table of the reference, ecom.md §4.
const ROWS: [Row; 6] = [
    Row {
        name: "initiate",
        wish: Wish::Initiate { amount: CHANGE },
        allowed: 2,
    },
    Row {
        name: "cancel",
        wish: Wish::Cancel,
        allowed: 5,
    },
    Row {
        name: "capture",
        wish: Wish::Capture {
            amount: CHANGE,
            key: "limits",
        },
        allowed: 5,
    },
    Row {
        name: "refund",
        wish: Wish::Refund {
            amount: CHANGE,
            key: "limits",
        },
        allowed: 5,
    },
    Row {
        name: "details",
        wish: Wish::Details,
        allowed: 120,
    },
    Row {
        name: "status",
        wish: Wish::Status,
        allowed: 120,
    },
];

/// So many keys for each row.
pub(crate) async fn run(stage: &mut Stage, keys: u32) -> anyhow::Result<()> {
    let mut postgres = stage.postgres().await?;
    let platform = stage.platform(&stage::url(postgres.address), NODES).await?;
    let place = &platform.nodes.first().context("there are nodes")?.place;
    let shop = Shop::open(place, "on", &platform.receiver.prefix()).await?;
    let (doors, shop) = (platform.doors(), Arc::new(shop));
    for row in &ROWS {
        let began = Instant::now();
        let (mut passed, mut wrong) = (0, Vec::new());
        let mut numbers = 0..keys;
        loop {
            let mut set = JoinSet::new();
            for number in numbers.by_ref().take(AT_ONCE) {
                let order = format!("limit-{}-{number}", row.name);
                let burst = burst(
                    doors.clone(),
                    shop.clone(),
                    order,
                    row.wish,
                    row.allowed * TIMES,
                );
                set.spawn(burst);
            }
            if set.is_empty() {
                break;
            }
            for burst in set.join_all().await {
                let burst = burst?;
                passed += burst.passed;
                wrong.extend(burst.wrong);
                if burst.passed != row.allowed {
                    wrong.push(format!("{}: {} passed", burst.order, burst.passed));
                }
            }
        }
        wrong.truncate(10);
        let shown = format!(
            "{keys} orders x {} calls through {NODES} nodes in {:.1} s: {passed} passed, {} each",
            row.allowed * TIMES,
            began.elapsed().as_secs_f64(),
            row.allowed
        );
        stage
            .results
            .note(&format!("R-10 limit of {}", row.name), &shown, &wrong);
    }
    let free = Arc::new(platform.shops(1).await?.pop().context("one was made")?);
    let calls = LIMIT_OF_CAPTURE * TIMES;
    let control = burst(
        doors.clone(),
        free,
        "limit-off".to_owned(),
        capture(),
        calls,
    )
    .await?;
    let missed: Vec<String> = (control.passed != calls)
        .then(|| "limits hold where there are none".to_owned())
        .into_iter()
        .collect();
    let shown = format!("{} of {calls} captures passed", control.passed);
    stage
        .results
        .note("R-10, control: a unit without limits", &shown, &missed);

    let crashed = after_a_crash(&mut postgres, &doors, &shop).await?;
    let most = 2 * LIMIT_OF_CAPTURE;
    let wrong: Vec<String> = (crashed > most)
        .then(|| format!("more than twice the limit: {crashed}"))
        .into_iter()
        .collect();
    let shown =
        format!("{crashed} captures passed in the minute that saw the crash, at most {most}");
    stage
        .results
        .note("R-10 PostgreSQL crashes within a window", &shown, &wrong);
    Ok(())
}

const LIMIT_OF_CAPTURE: u32 = 5;

fn capture() -> Wish<'static> {
    Wish::Capture {
        amount: CHANGE,
        key: "limits",
    }
}

/// What passes in a window in which PostgreSQL is killed and started again.
async fn after_a_crash(
    postgres: &mut crate::postgres::Postgres,
    doors: &[SocketAddr],
    shop: &Arc<Shop>,
) -> anyhow::Result<u32> {
    let wish = Wish::Capture {
        amount: CHANGE,
        key: "limits",
    };
    let once = |calls| {
        burst(
            doors.to_vec(),
            shop.clone(),
            "limit-crash".to_owned(),
            wish,
            calls,
        )
    };
    let before = once(LIMIT_OF_CAPTURE * TIMES).await?;
    postgres.crash_and_restart().await?;
    let after = once(LIMIT_OF_CAPTURE * TIMES).await?;
    Ok(before.passed + after.passed)
}

/// What came of the calls under one key.
struct Burst {
    order: String,
    passed: u32,
    wrong: Vec<String>,
}

/// So many calls about one order, as fast as they go.
async fn burst(
    doors: Vec<SocketAddr>,
    shop: Arc<Shop>,
    order: String,
    wish: Wish<'static>,
    calls: u32,
) -> anyhow::Result<Burst> {
    let began = Instant::now();
    let left = Arc::new(AtomicU32::new(calls));
    let mut set = JoinSet::new();
    for door in doors.iter().cycle().take(CONNECTIONS) {
        let (left, shop, order) = (left.clone(), shop.clone(), order.clone());
        let mut client = Client::new(*door);
        set.spawn(async move {
            let (mut passed, mut wrong) = (0, Vec::new());
            let take = |left: u32| left.checked_sub(1);
            while left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
                .is_ok()
            {
                match client.call(shop.request(&order, wish), PATIENCE).await {
                    Ok(answer) if answer.status != 429 => passed += 1,
                    Ok(answer) if is_documented(&answer) => {}
                    other => wrong.push(format!("{order}: {other:?}")),
                }
            }
            (passed, wrong)
        });
    }
    let (mut passed, mut wrong) = (0, Vec::new());
    for (more, findings) in set.join_all().await {
        passed += more;
        wrong.extend(findings);
    }
    if began.elapsed() > WINDOW {
        wrong.push(format!("{order}: the calls took longer than a window"));
    }
    Ok(Burst {
        order,
        passed,
        wrong,
    })
}

/// `{ "statusCode": 429, "message": "Rate limit is exceeded. Try again in N seconds." }`, N from 1 to 60.
fn is_documented(answer: &Answer) -> bool {
    let text = answer.text();
    let seconds = text
        .strip_prefix("{ \"statusCode\": 429, \"message\": \"Rate limit is exceeded. Try again in ")
        .and_then(|rest| rest.strip_suffix(" seconds.\" }"));
    let seconds = seconds.and_then(|seconds| seconds.parse::<u32>().ok());
    seconds.is_some_and(|seconds| (1..=60).contains(&seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_documented_refusal_counts() {
        for (body, expected) in [
            (
                "{ \"statusCode\": 429, \"message\": \"Rate limit is exceeded. Try again in 7 seconds.\" }",
                true,
            ),
            (
                "{ \"statusCode\": 429, \"message\": \"Rate limit is exceeded. Try again in 0 seconds.\" }",
                false,
            ),
            (
                "{\"statusCode\":429,\"message\":\"Rate limit is exceeded. Try again in 7 seconds.\"}",
                false,
            ),
            ("", false),
        ] {
            let answer = Answer {
                status: 429,
                body: body.to_owned().into(),
            };
            assert_eq!(is_documented(&answer), expected, "{body}");
        }
    }
}
