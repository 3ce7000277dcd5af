//! Every system call that writes, failed one after the other (RELIABILITY R-4 of the issue that asked for it).
//!
//! For each operation, each kind of call and each fault: the first call fails, then the second, until the operation
//! succeeds untouched. [`running`] does it to operations of a running platform, [`starting`] to starts, ends and the
//! making of keys. What must hold: nothing that was answered is lost, the platform starts afterwards, a failed sync
//! ends the process and is not tried again, and on a full disk the platform answers its documented error, goes on
//! reading, and writes again as soon as there is room.

mod backwards;
mod running;
mod starting;
mod strace;

use std::{
    fs,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{bail, ensure};
use clap::Args;

use self::{
    running::{OPERATIONS, Operation, Rig},
    starting::{PHASES, Phase},
    strace::{FAULTS, Fault, Injection, Seen},
};
use crate::server::Target;

/// No operation makes more calls of one kind.
const MOST: u32 = 400;

#[derive(Args)]
pub(crate) struct Options {
    /// Only one of so many calls; which ones, the seed says.
    #[arg(long, default_value_t = 1)]
    every: u32,
    /// How often all of it is done.
    #[arg(long, default_value_t = 1)]
    passes: usize,
    /// How many platforms work side by side.
    #[arg(long, default_value_t = 2)]
    side_by_side: usize,
}

/// What is tried with one kind of call and one fault.
#[derive(Clone, Copy, Debug)]
enum Subject {
    Running(Operation),
    Starting(Phase),
}

#[derive(Clone, Copy, Debug)]
struct Sweep {
    subject: Subject,
    syscall: &'static str,
    fault: Fault,
}

#[derive(Default)]
struct Counts {
    struck: u32,
    untouched: u32,
}

pub(crate) fn run(
    options: &Options,
    target: &Target,
    data: &Path,
    seed: u64,
) -> anyhow::Result<()> {
    control(target, data)?;
    let sweeps: Vec<Sweep> = (0..options.passes).flat_map(|_| sweeps()).collect();
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let work = |lane: usize| -> anyhow::Result<()> {
        let data = data.join(format!("syscalls-{lane}"));
        fs::create_dir_all(&data)?;
        let mut rig = Rig::new(target, &data)?;
        let nursery = starting::Nursery::new(target, &data)?;
        while let Some(sweep) = sweeps.get(next.fetch_add(1, Ordering::SeqCst)) {
            let counts = sweep.run(options.every, seed, &mut rig, &nursery);
            let counts = counts.map_err(|error| error.context(format!("{sweep:?}")))?;
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            results.push((*sweep, counts));
        }
        rig.finish()
    };
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..options.side_by_side.max(1))
            .map(|lane| {
                let work = &work;
                scope.spawn(move || work(lane))
            })
            .collect();
        lanes.into_iter().try_for_each(|lane| match lane.join() {
            Ok(done) => done,
            Err(_) => bail!("a thread panicked"),
        })
    })?;
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    report(&results, options, seed)?;
    let said = fs::read_to_string(&target.log).unwrap_or_default();
    let panicked: Vec<_> = said
        .lines()
        .filter(|line| line.contains("panicked"))
        .collect();
    ensure!(panicked.is_empty(), "it panicked: {panicked:?}");
    Ok(())
}

fn sweeps() -> Vec<Sweep> {
    let mut sweeps = Vec::new();
    for fault in FAULTS {
        for operation in OPERATIONS {
            for syscall in operation.syscalls() {
                sweeps.push(Sweep {
                    subject: Subject::Running(operation),
                    syscall,
                    fault,
                });
            }
        }
        for phase in PHASES {
            for syscall in phase.syscalls() {
                sweeps.push(Sweep {
                    subject: Subject::Starting(phase),
                    syscall,
                    fault,
                });
            }
        }
    }
    sweeps
}

impl Sweep {
    /// Fails the first call, the second, … until nothing fails any more.
    fn run(
        &self,
        every: u32,
        seed: u64,
        rig: &mut Rig<'_>,
        nursery: &starting::Nursery<'_>,
    ) -> anyhow::Result<Counts> {
        let mut counts = Counts::default();
        let every = every.max(1);
        // At least the first one, so that no kind of call is left out.
        let phase = u32::try_from(seed % u64::from(every)).unwrap_or_default();
        for number in (1..MOST).filter(|number| *number == 1 || number % every == phase) {
            let Sweep { syscall, fault, .. } = *self;
            let injection = Injection {
                syscall,
                fault,
                number,
            };
            let tried = match self.subject {
                Subject::Running(operation) => rig.trial(operation, injection),
                Subject::Starting(phase) => nursery.trial(phase, injection),
            };
            let Seen { is_struck, .. } =
                tried.map_err(|error| error.context(format!("number {number}")))?;
            if is_struck {
                counts.struck += 1;
            } else {
                counts.untouched += 1;
                return Ok(counts);
            }
        }
        bail!("it does not end");
    }
}

fn report(results: &[(Sweep, Counts)], options: &Options, seed: u64) -> anyhow::Result<()> {
    let mut rows: Vec<(String, u32)> = Vec::new();
    for (sweep, counts) in results {
        let name = match sweep.subject {
            Subject::Running(operation) => format!("{operation:?}"),
            Subject::Starting(phase) => format!("{phase:?}"),
        };
        let is_nothing = counts.struck == 0;
        ensure!(
            !is_nothing,
            "{sweep:?}: no call failed, so this proves nothing"
        );
        match rows.iter_mut().find(|(known, _)| *known == name) {
            Some((_, struck)) => *struck += counts.struck,
            None => rows.push((name, counts.struck)),
        }
    }
    let all: u32 = rows.iter().map(|(_, struck)| struck).sum();
    let untouched: u32 = results.iter().map(|(_, counts)| counts.untouched).sum();
    let rows: Vec<String> = rows
        .iter()
        .map(|(name, struck)| format!("{name} {struck}"))
        .collect();
    println!(
        "seed {seed}, one call in {}: {all} calls failed ({}), {untouched} runs untouched; 0 lost, every start succeeded",
        options.every,
        rows.join(", ")
    );
    Ok(())
}

/// The checks must see it when something that was answered is gone.
fn control(target: &Target, data: &Path) -> anyhow::Result<()> {
    let data = data.join("syscalls-control");
    fs::create_dir_all(&data)?;
    let rig = Rig::new(target, &data)?;
    let lost = rig.without_one_row()?;
    ensure!(
        lost > 0,
        "a deleted row was not missed: the run proves nothing"
    );
    println!("control: one row of the database is deleted by hand, and {lost} steps are missed");
    Ok(())
}
