//! `kill -9` under load, again and again (RELIABILITY of the issue that asked for it).
//!
//! Several platforms work side by side. Each is killed at moments that the seed chooses, one time in five while it is
//! starting, and started again at once on the same folder, while its shops go on asking. After every
//! [`BATCH`] kills: every answered step is there once, no step is there that nobody asked for, sums agree with the log,
//! the newest key is the one that was told, and every owed callback was attempted at most once. The callbacks that
//! were begun when the process died are listed as interrupted and were not repeated.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicU64,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use crate::{
    ledger::{Book, Findings, Ledger, Taken},
    load::{self, Slot},
    receiver::Receiver,
    server::{self, Database, PATIENCE, Place, Server, Target},
    shop::{self, Shop, Step},
};

/// So many kills are between two looks. The platform forgets the oldest of 10,000 calls of a sales unit, so each
/// batch has a sales unit of its own.
const BATCH: u64 = 50;
/// Threads of each platform's shop that take orders through their lives.
const TRADERS: usize = 3;
/// A running platform is killed within this time of its start.
const LIFE_MS: u64 = 120;
/// One kill in so many meets a platform that is starting.
const ONE_IN: u64 = 5;

#[derive(Args)]
pub(crate) struct Options {
    /// How often a process is killed.
    #[arg(long, default_value_t = 1_000)]
    kills: u64,
    /// How many platforms work side by side.
    #[arg(long, default_value_t = 2)]
    side_by_side: u64,
    /// Fail when more than 1 % of the starts take longer.
    #[arg(long, value_name = "MS")]
    restart_ms: Option<u64>,
}

/// What one platform went through.
#[derive(Default)]
struct Outcome {
    findings: Findings,
    kills: u64,
    kills_at_start: u64,
    starts: Vec<Duration>,
    sent: usize,
    interrupted: usize,
}

pub(crate) fn run(
    options: &Options,
    target: &Target,
    data: &Path,
    seed: u64,
) -> anyhow::Result<()> {
    control(target, data)?;
    let receiver = Receiver::start()?;
    let lanes = options.side_by_side.max(1);
    let outcomes: Vec<anyhow::Result<Outcome>> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes)
            .map(|lane| {
                let receiver = &receiver;
                let share = options.kills / lanes + u64::from(lane < options.kills % lanes);
                let folder = data.join(format!("kills-{lane}"));
                let random = StdRng::seed_from_u64(seed ^ (lane << 32));
                scope.spawn(move || {
                    Lane {
                        target,
                        receiver,
                        folder,
                        random,
                        lane,
                    }
                    .run(share)
                })
            })
            .collect();
        let joined = lanes.into_iter().map(|lane| match lane.join() {
            Ok(outcome) => outcome,
            Err(_) => bail!("a thread panicked"),
        });
        joined.collect()
    });
    let mut all = Outcome::default();
    for outcome in outcomes {
        let outcome = outcome?;
        all.findings.add(outcome.findings);
        all.kills += outcome.kills;
        all.kills_at_start += outcome.kills_at_start;
        all.starts.extend(outcome.starts);
        all.sent += outcome.sent;
        all.interrupted += outcome.interrupted;
    }
    all.starts.sort_unstable();
    let at = |share: usize| {
        let found = all.starts.get(all.starts.len() * share / 1_000);
        found.map_or(0, Duration::as_millis)
    };
    println!(
        "seed {seed}: {} kills, {} of them while starting; {}; {} callbacks received, {} interrupted; \
         ready again after {} ms (p50), {} ms (p99), {} ms (longest)",
        all.kills,
        all.kills_at_start,
        all.findings,
        all.sent,
        all.interrupted,
        at(500),
        at(990),
        all.starts.last().map_or(0, Duration::as_millis),
    );
    all.findings.must_be_clean()?;
    ensure!(all.kills == options.kills, "some kills were not made");
    ensure!(
        all.findings.in_flight > 0,
        "no kill met a step in flight: the run proves nothing"
    );
    ensure!(all.sent > 0, "no callback went out: the run proves nothing");
    if let Some(most) = options.restart_ms {
        ensure!(
            at(990) <= u128::from(most),
            "restarts take longer than {most} ms"
        );
    }
    Ok(())
}

/// With protection off, the same checks must see a loss; and they must see a capture that nobody noted.
fn control(target: &Target, data: &Path) -> anyhow::Result<()> {
    let receiver = Receiver::start()?;
    let folder = data.join("kills-control");
    let memory = Target {
        database: Database::Memory,
        ..target.clone()
    };
    let mut server = memory.start(&folder)?;
    let shop = Shop::create(&server.place, &receiver.prefix())?;
    let ledger = Ledger::default();
    let agent = shop::agent();
    for step in [Step::Initiate, Step::Approve, Step::Capture(1)] {
        ledger.asked("control", step);
        let answer = shop
            .take(&agent, &server.place, "control", step)
            .context("no answer")?;
        ensure!(ledger.answered("control", step, &answer), "{answer:?}");
    }
    let book = ledger.into_book();
    book.verify(&shop, &server.place, Taken::AtTheEnd, &[])?
        .must_be_clean()?;
    let again = shop.capture_again(&agent, &server.place, "control");
    ensure!(
        again.is_some_and(|(status, _)| status == 200),
        "no second capture"
    );
    let seen = book.verify(&shop, &server.place, Taken::AtTheEnd, &[])?;
    ensure!(
        !seen.unbalanced.is_empty(),
        "a capture that nobody noted was not seen"
    );
    server.kill()?;
    let server = memory.start(&folder)?;
    // Its keys are gone as well: whatever it answers, it does not know the order.
    let details = shop
        .details(&agent, &server.place, "control")
        .context("no answer")?;
    ensure!(details.0 != 200, "memory outlived the process: {details:?}");
    println!(
        "control: without a disk the order is gone after one kill; a capture that nobody noted is seen"
    );
    Ok(())
}

/// One platform and its shop.
struct Lane<'a> {
    target: &'a Target,
    receiver: &'a Receiver,
    folder: PathBuf,
    random: StdRng,
    lane: u64,
}

impl Lane<'_> {
    fn run(mut self, kills: u64) -> anyhow::Result<Outcome> {
        let mut all = Outcome::default();
        let mut server = self.target.start(&self.folder)?;
        let mut batch = 0;
        while all.kills < kills {
            let share = BATCH.min(kills - all.kills);
            server = self.batch(server, batch, share, &mut all)?;
            batch += 1;
        }
        let status = server.terminate()?;
        ensure!(
            status.success(),
            "SIGTERM ends it with {status}: {}",
            self.target.said()
        );
        Ok(all)
    }

    fn batch(
        &mut self,
        server: Server,
        batch: u64,
        kills: u64,
        all: &mut Outcome,
    ) -> anyhow::Result<Server> {
        let shop = Shop::create(&server.place, &self.receiver.prefix())?;
        let (slot, ledger, orders) = (Slot::default(), Ledger::default(), AtomicU64::new(0));
        let name = format!("k{}-{batch}", self.lane);
        slot.up(&server.place);
        let killed = std::thread::scope(|scope| {
            for _ in 0..TRADERS {
                scope.spawn(|| load::trade(&slot, &shop, &ledger, &orders, &name));
            }
            scope.spawn(|| load::change_keys(&slot, &shop, &ledger));
            let killed = self.kill(server, &slot, kills, all);
            slot.over();
            killed
        });
        let server = killed?;
        let mut book = ledger.into_book();
        // Before they are repeated: these are the steps that a kill met.
        all.findings.in_flight += book
            .orders
            .values()
            .filter(|it| it.unknown.is_some())
            .count();
        book.finish_unknown(&shop, &server.place)?;
        let keys = book.keys.clone();
        let mut found = book.verify(&shop, &server.place, Taken::AtTheEnd, &keys)?;
        found.in_flight = 0;
        all.findings.add(found);
        self.check_callbacks(&shop, &server.place, &book, all)?;
        Ok(server)
    }

    /// Kills and starts again, and answers the last one, which runs.
    fn kill(
        &mut self,
        mut server: Server,
        slot: &Slot,
        kills: u64,
        all: &mut Outcome,
    ) -> anyhow::Result<Server> {
        for _ in 0..kills {
            if self.random.random_range(0..ONE_IN) == 0 {
                server.kill()?;
                let mut child = self.target.spawn(&self.folder)?;
                let longest = all.starts.last().map_or(50, Duration::as_millis);
                let most = u64::try_from(longest).unwrap_or(50) * 1_000;
                server::pause(Duration::from_micros(self.random.random_range(0..=most)));
                child.kill()?;
                child.wait()?;
                all.kills_at_start += 1;
            } else {
                let life = self.random.random_range(0..LIFE_MS * 1_000);
                server::pause(Duration::from_micros(life));
                server.kill()?;
            }
            all.kills += 1;
            let began = Instant::now();
            server = self.target.start(&self.folder)?;
            all.starts.push(began.elapsed());
            slot.up(&server.place);
        }
        Ok(server)
    }

    /// Every reserved order's callback came once, or stands as interrupted; none came twice.
    fn check_callbacks(
        &self,
        shop: &Shop,
        place: &Place,
        book: &Book,
        all: &mut Outcome,
    ) -> anyhow::Result<()> {
        let agent = shop::agent();
        for (order, entry) in &book.orders {
            if !entry.answered.contains(&Step::Approve) {
                continue;
            }
            let state = settled(&agent, shop, place, order)?;
            let received = self.receiver.count(order);
            all.sent += received;
            match (state.as_str(), received) {
                ("done", 1) => {}
                ("interrupted", 0 | 1) => all.interrupted += 1,
                other => all
                    .findings
                    .doubled
                    .push(format!("callback of {order}: {other:?}")),
            }
        }
        Ok(())
    }
}

/// The state of the only callback about an order, once it is no longer under way.
pub(crate) fn settled(
    agent: &ureq::Agent,
    shop: &Shop,
    place: &Place,
    order: &str,
) -> anyhow::Result<String> {
    let began = Instant::now();
    loop {
        let calls = shop.calls(agent, place, order)?;
        match calls.as_slice() {
            [state] if state == "done" || state == "interrupted" => return Ok(state.clone()),
            [_] if began.elapsed() < PATIENCE => {}
            other => bail!("{order} owes one callback: {other:?}"),
        }
        server::pause(Duration::from_millis(2));
    }
}
