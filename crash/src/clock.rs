//! Somebody sets the machine's clock while the platform works (RELIABILITY R-15 of the issue that asked for it).
//!
//! The program runs under Debian's libfaketime, which adds to the wall clock what stands in a file; the monotonic clock
//! stays as it is. While shops work, the file is changed: a day, an hour or a second, forwards and backwards, at
//! moments that the seed chooses. After each jump the program must say the new time itself; every token that was
//! ever fetched must live or be dead by that time; and a payment that waited for its payer must be over when
//! its time is, and only then. In the end the ledger is compared as after kills. The control is the same
//! without libfaketime: there the program keeps the old time, and that must be noticed.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicU64,
    time::{Duration, Instant, SystemTime},
};

use anyhow::{Context as _, ensure};
use clap::Args;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};

use crate::{
    kills,
    ledger::{Findings, Ledger, Taken},
    load::{self, Slot},
    receiver::Receiver,
    server::{self, PATIENCE, Place, Server, Target},
    shop::{self, Shop, Step, Token},
};

/// By how much the clock is set in each round, in seconds, in an order that the seed chooses.
const JUMPS: [i64; 5] = [24 * HOUR, -24 * HOUR, HOUR, -HOUR, -1];
const HOUR: i64 = 3_600;
/// A payment that waits for its payer is over after this, also when it was opened just before.
const LONGEST_WAIT: i64 = 600;
/// Between two jumps, at most.
const PAUSE_MS: u64 = 400;
const TRADERS: usize = 3;
/// Seconds are told without their parts, and asking takes time.
const SLACK: i64 = 2;
/// So many of the newest tokens are tried after each jump.
const TOKENS: usize = 12;

#[derive(Args)]
pub(crate) struct Options {
    /// How often all five jumps are made.
    #[arg(long, default_value_t = 20)]
    rounds: usize,
}

/// What a run showed.
#[derive(Default)]
struct Outcome {
    jumps: usize,
    /// Those after which the clock was not the machine's.
    away: usize,
    /// Jumps after which the program's own time was another.
    unseen: Vec<String>,
    /// Tokens that lived, and that were dead, as they should.
    living: usize,
    dead: usize,
    /// Tokens that lived or were dead when they should not.
    tokens: Vec<String>,
    /// Payments that were over or not when they should not.
    waits: Vec<String>,
    renewed: u64,
    callbacks: usize,
    findings: Findings,
}

pub(crate) fn run(
    options: &Options,
    target: &Target,
    data: &Path,
    seed: u64,
) -> anyhow::Result<()> {
    let library = library()?;
    let mut random = StdRng::seed_from_u64(seed);
    let control = Stage::new(target, data, "clock-control", None)?.play(1, &mut random)?;
    println!(
        "control, without libfaketime: the program did not see that the clock was another after {} of {} jumps; {} tokens \
         and {} payments were not as they should be",
        control.unseen.len(),
        control.away,
        control.tokens.len(),
        control.waits.len(),
    );
    ensure!(
        control.away > 0
            && control.unseen.len() == control.away
            && !control.tokens.is_empty()
            && !control.waits.is_empty(),
        "a clock that stood still was not noticed: the run proves nothing"
    );

    let stage = Stage::new(target, data, "clock", Some(&library))?;
    let all = stage.play(options.rounds, &mut random)?;
    println!(
        "seed {seed}: the clock was set {} times; {} tokens lived and {} were dead, as they should, {} new ones; \
         {} payments were over; {}; {} callbacks",
        all.jumps,
        all.living,
        all.dead,
        all.renewed,
        all.findings.expired,
        all.findings,
        all.callbacks,
    );
    let wrong = [&all.unseen, &all.tokens, &all.waits].map(|it| it.iter().take(5));
    let wrong: Vec<&String> = wrong.into_iter().flatten().collect();
    ensure!(wrong.is_empty(), "not by the clock: {wrong:#?}");
    all.findings.must_be_clean()?;
    ensure!(
        all.findings.in_flight == 0,
        "{} calls were not answered",
        all.findings.in_flight
    );
    ensure!(
        all.living > 0 && all.dead > 0 && all.renewed > 0 && all.findings.expired > 0,
        "no token died, or no payment ended: the run proves nothing"
    );
    let log = fs::read_to_string(&target.log).unwrap_or_default();
    let panics: Vec<&str> = log.lines().filter(|it| it.contains("panicked")).collect();
    ensure!(panics.is_empty(), "it panicked: {panics:#?}");
    Ok(())
}

/// Where Debian has it, for whatever machine.
fn library() -> anyhow::Result<PathBuf> {
    let folders = fs::read_dir("/usr/lib")?.flatten();
    // The one for programs with threads.
    let mut files = folders.map(|it| it.path().join("faketime/libfaketimeMT.so.1"));
    let found = files.find(|it| it.exists());
    found.context("there is no libfaketime: `cargo xtask setup` installs it")
}

/// What the program takes for the machine's clock.
struct Wall {
    file: PathBuf,
    /// By how many seconds it is ahead of this machine's.
    ahead: i64,
}

impl Wall {
    fn new(file: PathBuf) -> anyhow::Result<Wall> {
        let mut wall = Wall { file, ahead: 0 };
        wall.set(0)?;
        Ok(wall)
    }

    /// Sets it by so many seconds, in one moment for whoever reads.
    fn set(&mut self, by: i64) -> anyhow::Result<()> {
        self.ahead += by;
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{:+}", self.ahead))?;
        fs::rename(&new, &self.file)?;
        Ok(())
    }

    /// What it shows, in seconds of Unix time.
    fn now(&self) -> i64 {
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or_default() + self.ahead
    }
}

/// A platform, its shop, and the clock that it sees.
struct Stage<'a> {
    name: &'a str,
    target: Target,
    folder: PathBuf,
    wall: Wall,
}

impl<'a> Stage<'a> {
    fn new(
        target: &Target,
        data: &Path,
        name: &'a str,
        library: Option<&Path>,
    ) -> anyhow::Result<Stage<'a>> {
        let wall = Wall::new(data.join(format!("{name}-ahead")))?;
        let mut target = target.clone();
        if let Some(library) = library {
            let variables = [
                ("LD_PRELOAD", library),
                ("FAKETIME_TIMESTAMP_FILE", wall.file.as_path()),
                ("FAKETIME_NO_CACHE", Path::new("1")),
                ("FAKETIME_DONT_FAKE_MONOTONIC", Path::new("1")),
                ("NO_FAKE_STAT", Path::new("1")),
            ];
            for (variable, value) in variables {
                let value = value.to_str().context("a path that is no text")?;
                target
                    .variables
                    .push((variable.to_owned(), value.to_owned()));
            }
        }
        Ok(Stage {
            name,
            target,
            folder: data.join(name),
            wall,
        })
    }

    /// Sets the clock under load, so many times each way; then compares everything.
    fn play(mut self, rounds: usize, random: &mut StdRng) -> anyhow::Result<Outcome> {
        let receiver = Receiver::start()?;
        let server = self.target.start(&self.folder)?;
        let shop = Shop::create(&server.place, &receiver.prefix())?.renewing();
        let (slot, ledger, orders) = (Slot::default(), Ledger::default(), AtomicU64::new(0));
        slot.up(&server.place);
        let mut played = Played {
            agent: shop::agent(),
            place: &server.place,
            shop: &shop,
            ledger: &ledger,
            name: self.name,
            wall: &mut self.wall,
            tokens: Vec::new(),
            all: Outcome::default(),
        };
        std::thread::scope(|scope| {
            for _ in 0..TRADERS {
                scope.spawn(|| load::trade(&slot, &shop, &ledger, &orders, self.name));
            }
            scope.spawn(|| load::change_keys(&slot, &shop, &ledger));
            let set = played.rounds(rounds, random);
            slot.over();
            set
        })?;
        // A clock that stands still would be waited for in vain.
        if played.all.unseen.is_empty() {
            played.leave_alone(&receiver)?;
        }
        let mut all = played.all;
        all.renewed = shop.renewed();
        let book = ledger.into_book();
        let keys = book.keys.clone();
        all.findings = book.verify(&shop, &server.place, Taken::AtTheEnd, &keys)?;
        for (order, entry) in &book.orders {
            if entry.is_expired || entry.answered.contains(&Step::Approve) {
                let state = kills::settled(&shop::agent(), &shop, &server.place, order)?;
                let received = receiver.count(order);
                all.callbacks += received;
                if (state.as_str(), received) != ("done", 1) {
                    let text = format!("callback of {order}: {state}, received {received} times");
                    all.findings.doubled.push(text);
                }
            }
        }
        self.end(server)?;
        Ok(all)
    }

    fn end(&self, server: Server) -> anyhow::Result<()> {
        let status = server.terminate()?;
        let said = self.target.said();
        ensure!(status.success(), "SIGTERM ends it with {status}: {said}");
        Ok(())
    }
}

/// A run under way.
struct Played<'a> {
    agent: ureq::Agent,
    place: &'a Place,
    shop: &'a Shop,
    ledger: &'a Ledger,
    name: &'a str,
    wall: &'a mut Wall,
    tokens: Vec<Token>,
    all: Outcome,
}

impl Played<'_> {
    fn rounds(&mut self, rounds: usize, random: &mut StdRng) -> anyhow::Result<()> {
        for _ in 0..rounds {
            let mut jumps = JUMPS;
            jumps.shuffle(random);
            for by in jumps {
                let pause = random.random_range(0..=PAUSE_MS * 1_000);
                server::pause(Duration::from_micros(pause));
                self.jump(by)?;
            }
        }
        Ok(())
    }

    /// Sets the clock, and looks whether everything goes by it.
    fn jump(&mut self, by: i64) -> anyhow::Result<()> {
        let order = format!("{}-probe-{}", self.name, self.all.jumps);
        ensure!(self.step(&order, Step::Initiate)?, "{order} was not made");
        let token = self.shop.fetch_token(&self.agent, self.place)?;
        self.tokens.push(token);
        self.set(by)?;
        self.look_at_the_time(by)?;
        self.try_tokens(&order)?;
        let is_approved = self.step(&order, Step::Approve)?;
        if is_approved != (by < LONGEST_WAIT) {
            let text = format!("{order}, set by {by} s: approved {is_approved}");
            self.all.waits.push(text);
        }
        Ok(())
    }

    fn set(&mut self, by: i64) -> anyhow::Result<()> {
        self.all.jumps += 1;
        let wall = &mut *self.wall;
        match by > 0 {
            true => self.ledger.set_forward(|| wall.set(by)),
            false => wall.set(by),
        }
    }

    /// The program says the new time itself, as that of a token.
    fn look_at_the_time(&mut self, by: i64) -> anyhow::Result<()> {
        self.all.away += usize::from(self.wall.ahead.abs() > 2 * SLACK);
        let shown = self.wall.now();
        let said = self.shop.fetch_token(&self.agent, self.place)?.issued;
        if !(shown - SLACK..=self.wall.now() + SLACK).contains(&said) {
            let text = format!("set by {by} s: it says {said}, the clock shows {shown}");
            self.all.unseen.push(text);
        }
        Ok(())
    }

    /// Tokens live and die by the new time (TOK of `docs/reference/access-token.md`: from `not_before` to `expires_on`).
    fn try_tokens(&mut self, order: &str) -> anyhow::Result<()> {
        for token in self.tokens.iter().rev().take(TOKENS) {
            let now = self.wall.now();
            let is_near = |edge: i64| (now - edge).abs() <= SLACK;
            if is_near(token.not_before) || is_near(token.expires) {
                continue;
            }
            let lives = (token.not_before..token.expires).contains(&now);
            let said = self
                .shop
                .details_with(&self.agent, self.place, order, token);
            let (status, body) = said.context("no answer")?;
            match (status, lives) {
                (200, true) => self.all.living += 1,
                (401, false) => self.all.dead += 1,
                _ => {
                    let age = now - token.issued;
                    let text = format!("a token {age} s after it was issued: {status} {body}");
                    self.all.tokens.push(text);
                }
            }
        }
        Ok(())
    }

    /// A payment that nobody touches ends by itself when the clock is set over its time, and says so.
    fn leave_alone(&mut self, receiver: &Receiver) -> anyhow::Result<()> {
        let order = format!("{}-alone", self.name);
        ensure!(self.step(&order, Step::Initiate)?, "{order} was not made");
        self.set(HOUR)?;
        self.look_at_the_time(HOUR)?;
        let began = Instant::now();
        // How long the program may miss that it was set: `LOOK_EVERY` of the engine's clock, and some for a busy machine.
        let limit = PATIENCE / 2;
        while receiver.count(&order) == 0 && began.elapsed() < limit {
            server::pause(Duration::from_millis(10));
        }
        if receiver.count(&order) == 0 {
            let text =
                format!("{order} is not over {limit:?} after the clock was set over its time");
            self.all.waits.push(text);
            return Ok(());
        }
        let mut book = self.ledger.book();
        book.orders.entry(order).or_default().is_expired = true;
        Ok(())
    }

    /// Takes a step. Whether it was a success.
    fn step(&self, order: &str, step: Step) -> anyhow::Result<bool> {
        self.ledger.asked(order, step);
        let said = self.shop.take(&self.agent, self.place, order, step);
        let answer = said.with_context(|| format!("no answer to {step:?} of {order}"))?;
        Ok(self.ledger.answered(order, step, &answer))
    }
}
