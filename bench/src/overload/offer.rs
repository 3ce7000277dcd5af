//! Calls that are made when they are due, over very many connections that do not wait for each other.
//!
//! A connection takes one call at a time, as those of most clients do. A call that is due while all of them wait is not
//! sent, and counted.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::http::Connection;
use crate::latency::Latencies;
use crate::process::pause;
use crate::shop::Shop;

/// Who does not answer for so long never will.
const LONGEST: Duration = Duration::from_secs(10);
/// How often it is looked what is due.
const TICK: Duration = Duration::from_millis(1);
/// Whoever could not connect tries again after so long.
const AGAIN: Duration = Duration::from_millis(10);

pub(super) struct Offer {
    pub(super) address: SocketAddr,
    /// The connections are theirs in turn.
    pub(super) shops: Vec<Rc<Shop>>,
    pub(super) connections: usize,
    pub(super) per_second: f64,
    pub(super) time: Duration,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) due: usize,
    pub(super) unsent: usize,
    pub(super) accepted: Latencies,
    pub(super) refused: Latencies,
    /// Due, but there was no new connection for one that had been closed.
    pub(super) unconnected: usize,
    /// Closed, or not answered in time.
    pub(super) broken: usize,
    /// Answers that are neither, by status.
    pub(super) others: BTreeMap<u16, usize>,
}

/// What the connections share.
#[derive(Default)]
struct Shared {
    /// Numbers of calls that are due and not yet taken.
    due: RefCell<VecDeque<usize>>,
    idle: Cell<usize>,
    wake: Notify,
    is_over: Cell<bool>,
    outcome: RefCell<Outcome>,
}

impl Outcome {
    /// How many calls the platform got.
    pub(super) fn sent(&self) -> usize {
        self.accepted.len() + self.refused.len() + self.unclear()
    }

    /// How many calls were neither accepted nor refused.
    pub(super) fn lost(&self) -> usize {
        self.unconnected + self.unclear()
    }

    fn unclear(&self) -> usize {
        self.broken + self.others.values().sum::<usize>()
    }
}

impl Offer {
    /// What came of it, and when no more was due; the last answers came later.
    pub(super) async fn make(&self) -> anyhow::Result<(Outcome, Instant)> {
        let shared = Rc::new(Shared::default());
        let mut workers = Vec::new();
        for (_, shop) in (0..self.connections).zip(self.shops.iter().cycle()) {
            let connection = Connection::open(self.address).await?;
            let (shop, shared) = (Rc::clone(shop), Rc::clone(&shared));
            workers.push(spawn_local(work(self.address, connection, shop, shared)));
        }
        // Everybody gets to where it waits.
        pause(TICK).await;
        eprintln!(
            "overload: {:.0} calls a second for {} s",
            self.per_second,
            self.time.as_secs()
        );
        let began = Instant::now();
        let mut due = 0;
        while began.elapsed() < self.time {
            let now = (self.per_second * began.elapsed().as_secs_f64()) as usize;
            while due < now {
                if shared.idle.get() > shared.due.borrow().len() {
                    shared.due.borrow_mut().push_back(due);
                    shared.wake.notify_one();
                } else {
                    shared.outcome.borrow_mut().unsent += 1;
                }
                due += 1;
            }
            pause(TICK).await;
        }
        let ended = Instant::now();
        shared.is_over.set(true);
        shared.wake.notify_waiters();
        for worker in workers {
            worker.await?;
        }
        let mut outcome = shared.outcome.take();
        outcome.due = due;
        Ok((outcome, ended))
    }
}

async fn work(address: SocketAddr, connection: Connection, shop: Rc<Shop>, shared: Rc<Shared>) {
    let mut connection = Some(connection);
    loop {
        shared.idle.set(shared.idle.get() + 1);
        let number = loop {
            if let Some(number) = shared.due.borrow_mut().pop_front() {
                break Some(number);
            }
            if shared.is_over.get() {
                break None;
            }
            shared.wake.notified().await;
        };
        shared.idle.set(shared.idle.get() - 1);
        let Some(number) = number else { return };
        let request = shop.initiate(&format!("bench-over-{number:09}"));
        let began = Instant::now();
        let mut open = match connection.take() {
            Some(open) => open,
            None => match timeout(LONGEST, Connection::open(address)).await {
                Ok(Ok(open)) => open,
                Ok(Err(_)) | Err(_) => {
                    shared.outcome.borrow_mut().unconnected += 1;
                    pause(AGAIN).await;
                    continue;
                }
            },
        };
        let answer = match timeout(LONGEST, open.exchange(&request)).await {
            Ok(Ok(answer)) => Some((answer.status, answer.closes())),
            Ok(Err(_)) | Err(_) => None,
        };
        let took = began.elapsed();
        let mut outcome = shared.outcome.borrow_mut();
        match answer {
            Some((200, _)) => outcome.accepted.add(took),
            Some((429 | 503, _)) => outcome.refused.add(took),
            Some((other, _)) => *outcome.others.entry(other).or_default() += 1,
            None => outcome.broken += 1,
        }
        if answer.is_some_and(|(_, closes)| !closes) {
            connection = Some(open);
        }
    }
}
