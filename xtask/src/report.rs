//! What ran, how it went and how long it took.
//!
//! Progress and summary go to stderr, as cargo's own do; stdout is left to what the steps print.

use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The outcomes of all steps so far.
pub(crate) struct Report {
    started: Instant,
    steps: Vec<Step>,
}

struct Step {
    name: String,
    took: Duration,
    outcome: Outcome,
}

enum Outcome {
    Passed,
    Failed(String),
    LeftOut(String),
}

impl Report {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            steps: Vec::new(),
        }
    }

    /// Runs one step and notes how it went. Later steps run even if this one fails, so that one run tells everything.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> anyhow::Result<()>) {
        self.produce(name, work);
    }

    /// As [`Report::step`], for a step whose result later steps need; `None` when it failed.
    pub(crate) fn produce<T>(
        &mut self,
        name: &str,
        work: impl FnOnce() -> anyhow::Result<T>,
    ) -> Option<T> {
        eprintln!("\n=== {name}");
        let started = Instant::now();
        let result = work();
        let (value, outcome) = match result {
            Ok(value) => (Some(value), Outcome::Passed),
            Err(error) => {
                eprintln!("{name} failed: {error:#}");
                (None, Outcome::Failed(format!("{error:#}")))
            }
        };
        self.note(name, started.elapsed(), outcome);
        value
    }

    /// Notes a step that could not even be tried. That is a failure.
    pub(crate) fn could_not_run(&mut self, name: &str, why: &str) {
        let why = format!("could not be run: {why}");
        self.note(name, Duration::ZERO, Outcome::Failed(why));
    }

    /// Notes what was left out although nothing is wrong; only missing official documents may lead here.
    pub(crate) fn left_out(&mut self, name: &str, why: &str) {
        self.note(name, Duration::ZERO, Outcome::LeftOut(why.to_owned()));
    }

    fn note(&mut self, name: &str, took: Duration, outcome: Outcome) {
        self.steps.push(Step {
            name: name.to_owned(),
            took,
            outcome,
        });
    }

    /// Prints the summary. Fails when any step did, and when nothing ran at all.
    pub(crate) fn finish(self) -> ExitCode {
        let width = self.steps.iter().map(|step| step.name.len()).max();
        let width = width.unwrap_or(0);
        eprintln!("\n=== Summary, {}", seconds(self.started.elapsed()));
        for Step {
            name,
            took,
            outcome,
        } in &self.steps
        {
            let took = seconds(*took);
            match outcome {
                Outcome::Passed => eprintln!("passed    {name:width$}  {took:>8}"),
                Outcome::Failed(why) => {
                    // The whole of it stands above, where it happened.
                    let first: String = why
                        .lines()
                        .next()
                        .unwrap_or_default()
                        .chars()
                        .take(120)
                        .collect();
                    eprintln!("FAILED    {name:width$}  {took:>8}  {first}");
                }
                Outcome::LeftOut(why) => eprintln!("left out  {name:width$}  {:>8}  {why}", ""),
            }
        }
        let count = |wanted: fn(&Outcome) -> bool| {
            let outcomes = self.steps.iter().map(|step| &step.outcome);
            outcomes.filter(|outcome| wanted(outcome)).count()
        };
        let passed = count(|outcome| matches!(outcome, Outcome::Passed));
        let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
        let left_out = count(|outcome| matches!(outcome, Outcome::LeftOut(_)));
        match left_out {
            0 => eprintln!("Steps: {passed} passed, {failed} failed"),
            _ => eprintln!("Steps: {passed} passed, {failed} failed, {left_out} skipped"),
        }
        if failed == 0 && passed > 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
