//! Starts and ends while the disk fails.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

use super::backwards::to_first_version;
use super::strace::{Fault, Injection, Seen, seen};
use crate::{
    ledger::{Book, Taken},
    receiver::Receiver,
    server::{self, PATIENCE, Server, Target, ready_file, run},
    shop::{self, LIFE, Shop},
};

/// What happens while calls fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The first start, in a folder that is not there yet.
    FirstStart,
    /// The signing keys are made.
    MakeKeys,
    /// A start after `kill -9`.
    Restart,
    /// The first start on a file of the first version of the schema.
    Upgrade,
    /// SIGTERM.
    Stop,
}

pub(super) const PHASES: [Phase; 5] = [
    Phase::FirstStart,
    Phase::MakeKeys,
    Phase::Restart,
    Phase::Upgrade,
    Phase::Stop,
];

/// So many orders are in the folder that is started again.
const ORDERS: usize = 5;
/// A signing key is made in less time, on a busy machine and without optimization.
const KEYS_TAKE: Duration = Duration::from_secs(10);

/// Folders to start on, as they were left.
pub(super) struct Nursery<'a> {
    target: &'a Target,
    data: PathBuf,
    /// Of a platform that was killed after some payments.
    killed: PathBuf,
    /// The same, as the first version would have left it.
    old: PathBuf,
    shop: Shop,
    book: Book,
    _receiver: Receiver,
}

impl Phase {
    pub(super) fn syscalls(self) -> &'static [&'static str] {
        match self {
            Phase::FirstStart => &[
                "mkdir",
                "openat",
                "write",
                "pwrite64",
                "ftruncate",
                "fsync",
                "fdatasync",
                "rename",
                "unlink",
            ],
            Phase::MakeKeys => &["openat", "write", "fsync", "rename"],
            Phase::Restart => &[
                "openat",
                "write",
                "pwrite64",
                "ftruncate",
                "fsync",
                "fdatasync",
            ],
            Phase::Upgrade => &["pwrite64", "ftruncate", "fdatasync"],
            Phase::Stop => &["pwrite64", "fdatasync", "unlink"],
        }
    }
}

impl<'a> Nursery<'a> {
    pub(super) fn new(target: &'a Target, data: &Path) -> anyhow::Result<Nursery<'a>> {
        let receiver = Receiver::start()?;
        let killed = data.join("killed");
        let mut server = target.start(&killed)?;
        let shop = Shop::create(&server.place, &receiver.prefix())?;
        let agent = shop::agent();
        let mut book = Book::default();
        for number in 0..ORDERS {
            let order = format!("kept-{number}");
            for step in LIFE {
                let answer = shop.take(&agent, &server.place, &order, step);
                ensure!(matches!(answer, Some((200, _))), "{step:?}: {answer:?}");
                book.orders
                    .entry(order.clone())
                    .or_default()
                    .answered
                    .push(step);
            }
        }
        // It is made beside the first requests.
        let began = Instant::now();
        while !signing_key(&killed).exists() {
            ensure!(began.elapsed() < KEYS_TAKE, "no signing key is made");
            server::pause(Duration::from_millis(5));
        }
        server.kill()?;
        let old = data.join("old");
        run(Command::new("cp").arg("-r").args([&killed, &old]))?;
        to_first_version(&Target::file(&old))?;
        Ok(Nursery {
            target,
            data: data.to_owned(),
            killed,
            old,
            shop,
            book,
            _receiver: receiver,
        })
    }

    pub(super) fn trial(&self, phase: Phase, injection: Injection) -> anyhow::Result<Seen> {
        let folder = self.folder(phase)?;
        let seen = if phase == Phase::Stop {
            self.stop(&folder, injection)?
        } else {
            self.start(phase, &folder, injection)?
        };
        // Without faults it starts, whatever happened before, and knows all that it knew.
        let mut server = self.target.start(&folder)?;
        if phase == Phase::FirstStart {
            shop::make_person(&server.place)?;
        } else {
            let place = &server.place;
            let findings = self.book.verify(&self.shop, place, Taken::AtTheEnd, &[]);
            findings?.must_be_clean()?;
        }
        server.kill()?;
        Ok(seen)
    }

    fn folder(&self, phase: Phase) -> anyhow::Result<PathBuf> {
        let folder = self.data.join("tried");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let left = match phase {
            Phase::FirstStart => return Ok(folder),
            Phase::Upgrade => &self.old,
            Phase::MakeKeys | Phase::Restart | Phase::Stop => &self.killed,
        };
        run(Command::new("cp").arg("-r").args([left, &folder]))?;
        Ok(folder)
    }

    fn start(&self, phase: Phase, folder: &Path, injection: Injection) -> anyhow::Result<Seen> {
        if phase == Phase::MakeKeys {
            // The production one: what the shop holds was signed with the other.
            fs::remove_file(signing_key(folder))?;
        }
        let (target, output) = injection.around(self.target, folder, &self.data)?;
        let _ = fs::remove_file(ready_file(folder));
        let before = self.complaints();
        let mut child = target.spawn(folder)?;
        let began = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            let is_made = phase != Phase::MakeKeys
                || signing_key(folder).exists()
                || seen(&output)?.is_struck;
            if ready_file(folder).exists() && is_made {
                break None;
            }
            let is_late = began.elapsed() > PATIENCE + KEYS_TAKE;
            if is_late {
                let _ = child.kill();
                let _ = child.wait();
            }
            ensure!(!is_late, "neither ready nor ended: {}", target.said());
            server::pause(Duration::from_micros(500));
        };
        match status {
            None => {
                let mut server: Server = target.await_ready(child, folder)?;
                // Killed by the fault at this very moment, perhaps.
                let _ = server::signal(server.id(), "TERM");
                let ended = server.ended(PATIENCE)?;
                ensure!(ended.is_some(), "SIGTERM does not end it");
            }
            Some(status) if injection.fault != Fault::Kill => {
                ensure!(
                    !status.success(),
                    "it ended with success, and never was ready"
                );
                let said = self.complaints() > before;
                ensure!(said, "it ended with {status} and did not say why");
            }
            Some(_) => {}
        }
        seen(&output)
    }

    fn complaints(&self) -> u64 {
        fs::metadata(&self.target.log).map_or(0, |file| file.len())
    }

    fn stop(&self, folder: &Path, injection: Injection) -> anyhow::Result<Seen> {
        let server = self.target.start(folder)?;
        // Something that is only in the log yet.
        shop::make_person(&server.place)?;
        let attached = injection.attach(server.id(), folder, &self.data)?;
        let status = server.terminate().context("it does not end")?;
        let seen = attached.detach()?;
        ensure!(
            seen.is_struck || status.success(),
            "SIGTERM ends it with {status}"
        );
        Ok(seen)
    }
}

fn signing_key(folder: &Path) -> PathBuf {
    folder.join("production-signing-key.pem")
}
