//! Operations of a running platform while its disk fails.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

use super::strace::{Fault, Injection, Seen};
use crate::{
    ledger::{Book, Order, Taken},
    receiver::Receiver,
    server::{self, PATIENCE, Server, Target},
    shop::{self, Answer, Shop, Step},
};

/// What is asked for while calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Initiate,
    Capture,
    Refund,
    RegenerateKey,
}

pub(super) const OPERATIONS: [Operation; 4] = [
    Operation::Initiate,
    Operation::Capture,
    Operation::Refund,
    Operation::RegenerateKey,
];

/// What the platform documents for its own failures.
const INTERNAL: &str = r#""errorCode":"99""#;

/// A platform that is kept running, and what its shop knows.
pub(super) struct Rig<'a> {
    target: &'a Target,
    data: PathBuf,
    _receiver: Receiver,
    server: Server,
    shop: Shop,
    agent: ureq::Agent,
    book: Book,
    orders: u64,
}

impl Operation {
    /// What it asks the disk for. Only syncs of the log are made in the life of one operation.
    pub(super) fn syscalls(self) -> &'static [&'static str] {
        &["pwrite64", "fdatasync"]
    }

    fn step(self) -> Option<Step> {
        match self {
            Operation::Initiate => Some(Step::Initiate),
            Operation::Capture => Some(Step::Capture(1)),
            Operation::Refund => Some(Step::Refund(1)),
            Operation::RegenerateKey => None,
        }
    }

    /// What an order must have behind it.
    fn before(self) -> &'static [Step] {
        match self {
            Operation::Initiate | Operation::RegenerateKey => &[],
            Operation::Capture => &[Step::Initiate, Step::Approve],
            Operation::Refund => &[Step::Initiate, Step::Approve, Step::Capture(1)],
        }
    }
}

impl<'a> Rig<'a> {
    pub(super) fn new(target: &'a Target, data: &Path) -> anyhow::Result<Rig<'a>> {
        let receiver = Receiver::start()?;
        let server = target.start(&data.join("running"))?;
        let shop = Shop::create(&server.place, &receiver.prefix())?;
        Ok(Rig {
            target,
            data: data.to_owned(),
            _receiver: receiver,
            server,
            shop,
            agent: shop::agent(),
            book: Book::default(),
            orders: 0,
        })
    }

    fn folder(&self) -> PathBuf {
        self.data.join("running")
    }

    /// One operation with one fault, and all that must hold afterwards.
    pub(super) fn trial(
        &mut self,
        operation: Operation,
        injection: Injection,
    ) -> anyhow::Result<Seen> {
        let order = self.prepare(operation)?;
        let attached = injection.attach(self.server.id(), &self.folder(), &self.data)?;
        let answer = self.perform(operation, &order);
        let answered_at = now();
        let seen;
        if injection.fault != Fault::Enospc || injection.is_sync() {
            // Whether it ends by itself is known only while it is watched to the end.
            let limit = match answer {
                Some((200, _)) => Duration::ZERO,
                Some(_) | None => PATIENCE,
            };
            let ended = self.server.ended(limit)?;
            seen = attached.detach()?;
            if self.is_harmless(injection, &seen) {
                ensure!(is_success(&answer), "{answer:?}:\n{}", seen.told);
            } else if seen.is_struck {
                ensure!(
                    !is_success(&answer) || seen.struck_at.is_some_and(|at| at > answered_at),
                    "answered {answer:?} at {answered_at:.6} although the disk failed:\n{}",
                    seen.told
                );
                let ended = match ended {
                    Some(ended) => Some(ended),
                    None => self.server.ended(PATIENCE)?,
                };
                let ended = ended.context("the disk failed, and it does not end")?;
                let is_own = injection.fault == Fault::Kill || ended.code() == Some(1);
                ensure!(is_own, "it ended with {ended}: {}", self.target.said());
                ensure!(
                    !seen.is_retried,
                    "a failed {} was tried again",
                    injection.syscall
                );
                self.restart()?;
            }
        } else {
            seen = attached.detach()?;
            if seen.is_struck {
                // Something else may have written when the answer was given already.
                if !(is_success(&answer) && seen.struck_at.is_some_and(|at| at > answered_at)) {
                    self.is_documented(operation, &answer)?;
                }
                ensure!(
                    self.server.ended(Duration::ZERO)?.is_none(),
                    "a full disk ended it"
                );
                self.read_goes_on()?;
            }
        }
        if !seen.is_struck {
            ensure!(is_success(&answer), "nothing failed, and yet {answer:?}");
        }
        self.note(operation, &order, answer)?;
        self.repeat(operation, &order)?;
        self.verify(&order)?;
        Ok(seen)
    }

    /// SQLite syncs the folder with the first commit and ignores whether that fails. The start has done it already, and
    /// has not ignored it: see [`super::starting`].
    fn is_harmless(&self, injection: Injection, seen: &Seen) -> bool {
        injection.fault != Fault::Kill && seen.file.as_ref() == Some(&self.folder())
    }

    /// An order that is ready for the operation, with nothing under way beside it.
    fn prepare(&mut self, operation: Operation) -> anyhow::Result<String> {
        self.orders += 1;
        let order = format!("syscall-{}", self.orders);
        for step in operation.before() {
            let answer = self
                .shop
                .take(&self.agent, &self.server.place, &order, *step);
            let Some((200, _)) = answer else {
                bail!("{step:?} of {order}: {answer:?}")
            };
            self.entry(&order).answered.push(*step);
        }
        if operation.before().contains(&Step::Approve) {
            self.await_callback(&order)?;
        }
        Ok(order)
    }

    /// The callback's own notes would be counted otherwise.
    fn await_callback(&self, order: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.shop.calls(&self.agent, &self.server.place, order)? != ["done"] {
            ensure!(
                began.elapsed() < PATIENCE,
                "the callback of {order} does not end"
            );
            server::pause(Duration::from_millis(1));
        }
        Ok(())
    }

    fn perform(&self, operation: Operation, order: &str) -> Option<Answer> {
        let place = &self.server.place;
        match operation.step() {
            Some(step) => self.shop.take(&self.agent, place, order, step),
            None => match self.shop.regenerate(&self.agent, place)? {
                Ok(key) => Some((200, key)),
                Err(error) => Some((500, error.to_string())),
            },
        }
    }

    fn entry(&mut self, order: &str) -> &mut Order {
        self.book.orders.entry(order.to_owned()).or_default()
    }

    fn note(
        &mut self,
        operation: Operation,
        order: &str,
        answer: Option<Answer>,
    ) -> anyhow::Result<()> {
        match (operation.step(), answer) {
            (Some(step), Some((200, _))) => self.entry(order).answered.push(step),
            (Some(step), _) => self.entry(order).unknown = Some(step),
            (None, Some((200, key))) => self.book.keys.push(key),
            // Its audit line may have failed, and not the key.
            (None, _) => {
                let now = self.shop.second_key(&self.agent, &self.server.place)?;
                if !self.book.keys.contains(&now) {
                    self.book.keys.push(now);
                }
            }
        }
        Ok(())
    }

    /// What was not answered is asked for again, and succeeds.
    fn repeat(&mut self, operation: Operation, order: &str) -> anyhow::Result<()> {
        let Some(step) = self.book.orders.get(order).and_then(|entry| entry.unknown) else {
            return Ok(());
        };
        if !step.is_idempotent() {
            let there = self.shop.details(&self.agent, &self.server.place, order);
            if there.is_some_and(|(status, _)| status == 200) {
                return Ok(());
            }
        }
        let answer = self.perform(operation, order);
        ensure!(
            is_success(&answer),
            "{operation:?} of {order} again: {answer:?}"
        );
        let entry = self.entry(order);
        entry.unknown = None;
        entry.answered.push(step);
        Ok(())
    }

    fn verify(&self, order: &str) -> anyhow::Result<()> {
        let entry = self.book.orders.get(order).cloned();
        let part = Book {
            orders: entry
                .map(|entry| (order.to_owned(), entry))
                .into_iter()
                .collect(),
            ..self.book.clone()
        };
        self.compare(&part)
    }

    fn compare(&self, book: &Book) -> anyhow::Result<()> {
        let findings = book.verify(
            &self.shop,
            &self.server.place,
            Taken::AtTheEnd,
            &self.book.keys,
        )?;
        findings.must_be_clean()
    }

    fn is_documented(&self, operation: Operation, answer: &Option<Answer>) -> anyhow::Result<()> {
        match answer {
            Some((500, body)) if operation.step().is_none() || body.contains(INTERNAL) => Ok(()),
            other => bail!("a full disk was answered with {other:?}"),
        }
    }

    /// With a full disk, whatever is there can be read.
    fn read_goes_on(&self) -> anyhow::Result<()> {
        let Some((order, _)) = self
            .book
            .orders
            .iter()
            .find(|(_, it)| !it.answered.is_empty())
        else {
            return Ok(());
        };
        let read = self.shop.details(&self.agent, &self.server.place, order);
        ensure!(is_success(&read), "{order} cannot be read: {read:?}");
        Ok(())
    }

    fn restart(&mut self) -> anyhow::Result<()> {
        self.server = self.target.start(&self.folder())?;
        self.agent = shop::agent();
        Ok(())
    }

    /// All of it once more, after an end in order.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        server::signal(self.server.id(), "TERM")?;
        let ended = self.server.ended(PATIENCE)?;
        ensure!(
            ended.is_some_and(|status| status.success()),
            "SIGTERM: {ended:?}"
        );
        self.restart()?;
        self.compare(&self.book)
    }

    /// How many steps are missed when a row is deleted by hand.
    pub(super) fn without_one_row(mut self) -> anyhow::Result<usize> {
        let order = self.prepare(Operation::Refund)?;
        self.compare(&self.book)?;
        self.server.kill()?;
        let database = rusqlite::Connection::open(Target::file(&self.folder()))?;
        let delete = "DELETE FROM events WHERE place >> 31 = (SELECT number FROM records WHERE name = ?1 AND kind = 'payment')";
        ensure!(
            database.execute(delete, [&order])? > 0,
            "nothing was deleted"
        );
        drop(database);
        self.restart()?;
        let found = self.book.verify(
            &self.shop,
            &self.server.place,
            Taken::AtTheEnd,
            &self.book.keys,
        )?;
        Ok(found.lost.len())
    }
}

fn is_success(answer: &Option<Answer>) -> bool {
    matches!(answer, Some((200, _)))
}

/// Seconds of Unix time, as strace tells them.
#[expect(
    clippy::disallowed_methods,
    reason = "strace's moments are the machine's"
)]
fn now() -> f64 {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}
