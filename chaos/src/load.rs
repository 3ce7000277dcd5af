//! The load: workers that take orders through their lives, and repeat the same key until they are answered.
//!
//! A worker knows nothing of faults. Where no answer came, or one that says "again", it asks the next node for the very
//! same thing. All it was told is kept as [`Order`]s, which [`crate::verify`] compares with what is there afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::JoinSet;

use crate::checker::{self, Finding, Seen};
use crate::command::rest;
use crate::history::{End, Operation, Order, Step};
use crate::http::{Answer, Client};
use crate::shop::{Shop, Wish};
use crate::words::{self, Meaning};

/// How long a client waits for one answer.
pub(crate) const CLIENT_PATIENCE: Duration = Duration::from_secs(5);
/// How long it waits before it asks again.
const BACKOFF: Duration = Duration::from_millis(50);
/// How long an operation that began in time may be repeated after the end of the load.
const GRACE: Duration = Duration::from_secs(60);
/// One order in so many is read through the next node after each step.
const READ_BACK: u32 = 4;
/// So many texts of findings are kept; all are counted.
pub(crate) const TEXTS: usize = 20;

/// What workers share.
pub(crate) struct Load {
    pub(crate) shops: Vec<Shop>,
    /// Where the nodes, or what stands before them, take calls of the test environment.
    pub(crate) doors: Vec<std::net::SocketAddr>,
    pub(crate) seed: u64,
    /// Operations a second, all workers together; as many as possible if `None`.
    pub(crate) rate: Option<u64>,
    /// For a control: one capture in so many is sent again with a key of its own, as a broken proxy would.
    pub(crate) repeat_with_new_key: Option<u32>,
    /// For a control: after an attempt without an answer the next one has a key of its own.
    pub(crate) new_key_after_unknown: bool,
    /// Before the number in every order id, of its own for each load.
    pub(crate) tag: String,
    stop: AtomicBool,
    orders: AtomicU64,
}

/// What all workers saw.
#[derive(Default)]
pub(crate) struct Seenings {
    pub(crate) orders: Vec<Order>,
    pub(crate) successes: Vec<Success>,
    /// How often which status came, or no answer.
    pub(crate) answers: BTreeMap<String, u64>,
    pub(crate) findings: Vec<Finding>,
}

/// A write that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Success {
    pub(crate) at: Instant,
    pub(crate) door: usize,
}

impl Load {
    pub(crate) fn new(
        shops: Vec<Shop>,
        doors: Vec<std::net::SocketAddr>,
        seed: u64,
        tag: String,
    ) -> Self {
        Self {
            shops,
            doors,
            seed,
            rate: None,
            repeat_with_new_key: None,
            new_key_after_unknown: false,
            tag,
            stop: AtomicBool::new(false),
            orders: AtomicU64::new(0),
        }
    }

    /// Tells workers to begin no further operation.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// Starts so many workers; [`gather`] waits for them.
pub(crate) fn start(load: &Arc<Load>, workers: u64) -> JoinSet<Seenings> {
    let mut set = JoinSet::new();
    for number in 0..workers {
        let worker = Worker::new(load.clone(), number, workers);
        set.spawn(worker.work());
    }
    set
}

/// Waits for all workers of a load that was told to stop.
pub(crate) async fn gather(workers: JoinSet<Seenings>) -> Seenings {
    let mut all = Seenings::default();
    for one in workers.join_all().await {
        all.orders.extend(one.orders);
        all.successes.extend(one.successes);
        all.findings.extend(one.findings);
        for (what, count) in one.answers {
            *all.answers.entry(what).or_default() += count;
        }
    }
    all.successes.sort_by_key(|success| success.at);
    all
}

struct Worker {
    load: Arc<Load>,
    random: SmallRng,
    clients: Vec<Client>,
    /// Which door is asked first.
    door: usize,
    pace: Option<Pace>,
    seen: Seenings,
}

/// When the next operation shall begin, however late the last one was.
struct Pace {
    next: Instant,
    every: Duration,
}

impl Worker {
    fn new(load: Arc<Load>, number: u64, workers: u64) -> Self {
        let pace = load.rate.map(|rate| Pace {
            next: Instant::now(),
            every: Duration::from_secs_f64(workers as f64 / rate as f64),
        });
        Self {
            random: SmallRng::seed_from_u64(load.seed ^ (number << 32)),
            clients: load.doors.iter().map(|door| Client::new(*door)).collect(),
            door: usize::try_from(number).unwrap_or_default() % load.doors.len().max(1),
            pace,
            seen: Seenings::default(),
            load,
        }
    }

    async fn work(mut self) -> Seenings {
        while !self.load.stop.load(Ordering::SeqCst) {
            let mut order = self.new_order();
            let steps = life(&order, &mut self.random);
            let read_back = self.random.random_ratio(1, READ_BACK);
            for step in steps {
                if self.load.stop.load(Ordering::SeqCst) {
                    break;
                }
                self.keep_pace().await;
                let operation = self.operate(&order, step).await;
                let goes_on = operation.is_acknowledged();
                order.operations.push(operation);
                if !goes_on {
                    break;
                }
                if read_back {
                    self.read_back(&order).await;
                }
            }
            self.seen.orders.push(order);
        }
        self.seen
    }

    fn new_order(&mut self) -> Order {
        let number = self.load.orders.fetch_add(1, Ordering::SeqCst);
        Order {
            shop: self.random.random_range(0..self.load.shops.len()),
            id: format!("{}-{number}", self.load.tag),
            amount: self.random.random_range(10..1000) * 100,
            operations: Vec::new(),
        }
    }

    async fn keep_pace(&mut self) {
        if let Some(pace) = &mut self.pace {
            let wait = pace.next.saturating_duration_since(Instant::now());
            pace.next += pace.every;
            if !wait.is_zero() {
                rest(wait).await;
            }
        }
    }

    /// Repeats one step under one key until it is answered, the platform says something that cannot be, or the time
    /// after the end of the load is over.
    async fn operate(&mut self, order: &Order, step: Step) -> Operation {
        let mut operation = Operation {
            step,
            end: End::Unknown,
            attempts: 0,
            doubtful: false,
        };
        let mut stopped = None;
        loop {
            let step = match operation.doubtful && self.load.new_key_after_unknown {
                true => operation.step.with_key_of(operation.attempts),
                false => operation.step.clone(),
            };
            let said = self.ask(order, step.wish(order.amount)).await;
            operation.attempts += 1;
            let meaning = match &said {
                Some(answer) => words::meaning(order, &operation.step, answer, operation.doubtful),
                None => Meaning::Unknown,
            };
            match (meaning, said) {
                (Meaning::Done, Some(answer)) => {
                    operation.end = End::Acknowledged(answer);
                    self.succeeded();
                    self.misbehave(order, &operation.step).await;
                    return operation;
                }
                (Meaning::DoneBefore, _) => {
                    operation.end = End::DoneBefore;
                    self.succeeded();
                    return operation;
                }
                (Meaning::Wrong(why), _) => {
                    let what = format!("{}: {:?}: {why}", order.id, operation.step);
                    self.seen.findings.push(Finding::Wrong(what));
                    operation.end = End::Refused;
                    return operation;
                }
                (Meaning::Again, _) => {}
                (Meaning::Unknown | Meaning::Done, _) => operation.doubtful = true,
            }
            if self.load.stop.load(Ordering::SeqCst) {
                let since = *stopped.get_or_insert_with(Instant::now);
                if since.elapsed() > GRACE {
                    return operation;
                }
            }
            self.next_door();
            rest(BACKOFF).await;
        }
    }

    /// Asks the present door; `None` without a whole answer.
    async fn ask(&mut self, order: &Order, wish: Wish<'_>) -> Option<Answer> {
        let shop = self.load.shops.get(order.shop)?;
        let request = shop.request(&order.id, wish);
        let client = self.clients.get_mut(self.door)?;
        let said = client.call(request, CLIENT_PATIENCE).await;
        let what = match &said {
            Ok(answer) => match words::code(answer) {
                Some(code) => format!("{} {code}", answer.status),
                None => answer.status.to_string(),
            },
            Err(_) => "no answer".to_owned(),
        };
        *self.seen.answers.entry(what).or_default() += 1;
        said.ok()
    }

    fn next_door(&mut self) {
        self.door = (self.door + 1) % self.clients.len().max(1);
    }

    fn succeeded(&mut self) {
        self.seen.successes.push(Success {
            at: Instant::now(),
            door: self.door,
        });
    }

    /// What is acknowledged shows at once, through every node.
    async fn read_back(&mut self, order: &Order) {
        self.next_door();
        // While something is broken there may be no answer; what was read then is checked at the end.
        let Some(answer) = self.ask(order, Wish::Details).await else {
            return;
        };
        let seen = match answer.status {
            200 => serde_json::from_slice(&answer.body).ok().map(Seen::Details),
            404 => Some(Seen::Nothing),
            500 => return,
            _ => None,
        };
        let findings = match seen {
            Some(seen) => checker::judge(order, &seen),
            None => vec![Finding::Wrong(format!(
                "{}: details: {} {}",
                order.id,
                answer.status,
                answer.text()
            ))],
        };
        // Lost and doubled are counted once, at the end; here they are answers that cannot be.
        let stale = findings.into_iter().map(|finding| {
            let (Finding::Lost(text) | Finding::Doubled(text) | Finding::Wrong(text)) = finding;
            Finding::Wrong(format!("read back: {text}"))
        });
        self.seen.findings.extend(stale);
    }

    /// For the control: the capture once more, under a key that nobody chose.
    async fn misbehave(&mut self, order: &Order, step: &Step) {
        let Some(one_in) = self.load.repeat_with_new_key else {
            return;
        };
        if let Step::Capture { amount, key } = step
            && self.random.random_ratio(1, one_in)
        {
            let key = format!("{key}-again");
            let wish = Wish::Capture {
                amount: *amount,
                key: &key,
            };
            self.ask(order, wish).await;
        }
    }
}

/// The steps of an order: it is captured in up to three parts, and up to two parts of that are given back.
fn life(order: &Order, random: &mut SmallRng) -> Vec<Step> {
    let mut steps = vec![Step::Initiate, Step::Approve];
    let (mut left, mut captured) = (order.amount, 0);
    for number in 0..random.random_range(1..=3) {
        // Less than half each time, so that something is left for a control to take.
        let amount = random.random_range(1..=left / 3);
        (left, captured) = (left - amount, captured + amount);
        let key = format!("{}-c{number}", order.id);
        steps.push(Step::Capture { amount, key });
    }
    for number in 0..random.random_range(0..=2) {
        if captured > 0 {
            let amount = random.random_range(1..=captured);
            captured -= amount;
            let key = format!("{}-r{number}", order.id);
            steps.push(Step::Refund { amount, key });
        }
    }
    steps
}
