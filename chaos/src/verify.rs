//! After the load: every order is read again, and some keys are repeated.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::JoinSet;

use crate::checker::{self, Finding, Seen};
use crate::command::rest;
use crate::history::{End, Order, Step};
use crate::http::{Answer, Client};
use crate::load::{CLIENT_PATIENCE, Load, Seenings, TEXTS};
use crate::shop::Wish;

/// How many connections read.
const READERS: usize = 16;
/// One key in so many is repeated.
const REPEATED: u32 = 50;
/// So often is one question repeated until there is an answer.
const TRIES: u32 = 200;
const BETWEEN: std::time::Duration = std::time::Duration::from_millis(100);

/// All that came out of one load.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) orders: usize,
    pub(crate) acknowledged: usize,
    /// Operations of which some attempt got no answer, and which were resolved by their key.
    pub(crate) resolved: usize,
    /// Those that nobody knows of.
    pub(crate) unresolved: usize,
    pub(crate) lost: usize,
    pub(crate) doubled: usize,
    pub(crate) wrong: usize,
    pub(crate) repeated: usize,
    pub(crate) answers: BTreeMap<String, u64>,
    /// The first findings, in words.
    pub(crate) texts: Vec<String>,
}

impl Verdict {
    /// Whether every promise was kept, and there was something to keep.
    pub(crate) fn is_clean(&self) -> bool {
        let findings = self.lost + self.doubled + self.wrong + self.unresolved;
        findings == 0 && self.acknowledged > 0 && self.repeated > 0
    }

    fn note(&mut self, finding: Finding) {
        let (count, text) = match finding {
            Finding::Lost(text) => (&mut self.lost, format!("lost: {text}")),
            Finding::Doubled(text) => (&mut self.doubled, format!("doubled: {text}")),
            Finding::Wrong(text) => (&mut self.wrong, format!("wrong: {text}")),
        };
        *count += 1;
        if self.texts.len() < TEXTS {
            self.texts.push(text);
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            orders,
            acknowledged,
            resolved,
            unresolved,
            lost,
            doubled,
            wrong,
            repeated,
            answers,
            ..
        } = self;
        write!(
            f,
            "{orders} orders, {acknowledged} operations acknowledged, {resolved} of them after an unknown outcome, \
             {unresolved} unresolved, {repeated} repeated; lost {lost}, doubled {doubled}, wrong answers {wrong}; {answers:?}"
        )
    }
}

/// Reads every order through all doors in turn and compares.
pub(crate) async fn verify(load: &Arc<Load>, seen: Seenings) -> Verdict {
    let operations = seen.orders.iter().flat_map(|order| &order.operations);
    let mut verdict = Verdict {
        orders: seen.orders.len(),
        answers: seen.answers,
        ..Verdict::default()
    };
    for operation in operations {
        verdict.acknowledged += usize::from(operation.is_acknowledged());
        verdict.resolved += usize::from(operation.is_acknowledged() && operation.doubtful);
        verdict.unresolved += usize::from(operation.end == End::Unknown);
    }
    for finding in seen.findings {
        verdict.note(finding);
    }
    let mut readers = JoinSet::new();
    let portion = seen.orders.len().div_ceil(READERS).max(1);
    let mut orders = seen.orders.into_iter();
    for number in 0..READERS {
        let portion: Vec<Order> = orders.by_ref().take(portion).collect();
        let reader = Reader {
            load: load.clone(),
            clients: load.doors.iter().map(|door| Client::new(*door)).collect(),
            turn: number,
        };
        readers.spawn(reader.read(portion));
    }
    for (findings, repeated) in readers.join_all().await {
        verdict.repeated += repeated;
        for finding in findings {
            verdict.note(finding);
        }
    }
    verdict
}

struct Reader {
    load: Arc<Load>,
    clients: Vec<Client>,
    turn: usize,
}

impl Reader {
    async fn read(mut self, orders: Vec<Order>) -> (Vec<Finding>, usize) {
        let mut random = SmallRng::seed_from_u64(self.load.seed ^ self.turn as u64);
        let (mut findings, mut repeated) = (Vec::new(), 0);
        for order in orders {
            for operation in &order.operations {
                if let End::Acknowledged(first) = &operation.end
                    && matches!(operation.step, Step::Capture { .. } | Step::Refund { .. })
                    && random.random_ratio(1, REPEATED)
                {
                    repeated += 1;
                    findings.extend(self.repeat(&order, &operation.step, first).await);
                }
            }
            // After the repetitions, so that an effect of theirs shows.
            findings.extend(self.compare(&order).await);
        }
        (findings, repeated)
    }

    /// The same key gets the same bytes.
    async fn repeat(&mut self, order: &Order, step: &Step, first: &Answer) -> Option<Finding> {
        let again = self.ask(order, step.wish(order.amount)).await;
        let what = match again {
            Some(again) if again == *first => return None,
            Some(again) => format!("{} {}", again.status, again.text()),
            None => "no answer".to_owned(),
        };
        let first = first.text();
        let id = &order.id;
        Some(Finding::Wrong(format!(
            "{id}: {step:?} repeated: {what} instead of {first}"
        )))
    }

    async fn compare(&mut self, order: &Order) -> Vec<Finding> {
        let seen = match self.ask(order, Wish::Details).await {
            Some(answer) if answer.status == 200 => {
                serde_json::from_slice(&answer.body).map(Seen::Details).ok()
            }
            Some(answer) if answer.status == 404 => Some(Seen::Nothing),
            _ => None,
        };
        match seen {
            Some(seen) => checker::judge(order, &seen),
            None => vec![Finding::Wrong(format!("{}: no details", order.id))],
        }
    }

    /// Asks one door after the other until one answers with something else than "again".
    async fn ask(&mut self, order: &Order, wish: Wish<'_>) -> Option<Answer> {
        let shop = self.load.shops.get(order.shop)?;
        for _ in 0..TRIES {
            self.turn += 1;
            let door = self.turn % self.clients.len().max(1);
            let client = self.clients.get_mut(door)?;
            let said = client
                .call(shop.request(&order.id, wish), CLIENT_PATIENCE)
                .await;
            match said {
                Ok(answer) if !matches!(answer.status, 409 | 429 | 500) => return Some(answer),
                _ => rest(BETWEEN).await,
            }
        }
        None
    }
}
