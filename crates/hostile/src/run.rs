//! Very many requests, chapter by chapter.
//!
//! A chapter has a house and dice of its own, so that what happens in it depends on the seed and its number alone, however
//! many threads there are: a finding names both, and `--chapter` plays it again.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher as _};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Once, mpsc};
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::ValueEnum;
use http::HeaderValue;
use parking_lot::Mutex;
use sandkasse_api::{Answer, Exchange, Request};
use sandkasse_domain::Environment;
use tokio::runtime::Runtime;

use crate::dice::Dice;
use crate::eye::{self, Finding, LONGEST, Seen, What};
use crate::{Grammar, House};

/// Requests of a chapter. A house grows with each order, and a finding is replayed from the start of its chapter.
pub const CHAPTER: u64 = 5000;
/// Stands for the number of a request when a chapter is over.
const OVER: u64 = u64::MAX;
/// An explanation is put together for one refusal of so many: it costs more than the refusal.
const EXPLAINED: usize = 64;
/// Where something is wrong on purpose, it is one answer of so many.
const STRUCK: usize = 500;
/// So many findings are told; more are counted.
const MOST_TOLD: usize = 20;
/// Whoever has not answered by then never will.
const STUCK: Duration = Duration::from_secs(30);

/// What shall be done.
#[derive(Clone, Debug)]
pub struct Run {
    /// Where the dice begin.
    pub seed: u64,
    /// How many requests, rounded up to whole chapters.
    pub requests: u64,
    /// How many a chapter has.
    pub length: u64,
    /// Play this chapter alone.
    pub chapter: Option<u64>,
    /// At how many chapters at once.
    pub threads: usize,
    /// Something is wrong with some answers: a run that does not find it is worth nothing.
    pub sabotage: Option<Sabotage>,
}

/// What can be wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sabotage {
    /// The handler panics.
    Panic,
    /// A backtrace stands in a header.
    Leak,
    /// The platform calls itself broken.
    Status,
    /// The body has another format.
    Format,
    /// The answer takes more than a second.
    Slow,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Requests answered.
    pub answered: u64,
    /// How often each status came with each cause.
    pub seen: BTreeMap<Seen, u64>,
    /// What no answer may be: chapter, number of the request within, and what.
    pub findings: Vec<(u64, u64, Finding)>,
    /// Findings beyond those that are told.
    pub more_findings: u64,
    /// The same for the same seed and the same program.
    pub digest: u64,
    /// The longest that an answer took.
    pub longest: Duration,
}

thread_local! {
    /// What the last panic of this thread said.
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
    /// Whether this thread lets something answer, and will tell of a panic itself.
    static LOOKS: Cell<bool> = const { Cell::new(false) };
}
/// All panics, also those that something between has caught.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// Plays all chapters.
///
/// # Panics
///
/// When a request is not answered at all: it says which.
pub fn run(grammar: &Grammar, run: &Run) -> Report {
    listen_to_panics();
    let chapters = match run.chapter {
        Some(chapter) => chapter..chapter + 1,
        None => 0..run.requests.div_ceil(run.length),
    };
    let (next, report) = (Mutex::new(chapters), Mutex::new(Report::default()));
    std::thread::scope(|scope| {
        let (sender, heard) = mpsc::channel::<(u64, u64)>();
        for _ in 0..run.threads.max(1) {
            let (sender, next, report) = (sender.clone(), &next, &report);
            scope.spawn(move || {
                loop {
                    let chapter = next.lock().next();
                    let Some(chapter) = chapter else { break };
                    let played = play(grammar, run, chapter, &sender);
                    report.lock().add(played);
                }
            });
        }
        drop(sender);
        watch(&heard, run.threads);
    });
    report.into_inner()
}

/// Ends the program when no thread has said for long that it goes on: an answer that never comes cannot be told otherwise.
fn watch(heard: &mpsc::Receiver<(u64, u64)>, threads: usize) {
    let mut last: BTreeMap<u64, (u64, Instant)> = BTreeMap::new();
    loop {
        match heard.recv_timeout(Duration::from_secs(1)) {
            Ok((chapter, OVER)) => drop(last.remove(&chapter)),
            Ok((chapter, number)) => drop(last.insert(chapter, (number, Instant::now()))),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        }
        debug_assert!(last.len() <= threads.max(1), "a thread plays one chapter");
        for (chapter, (number, since)) in &last {
            assert!(
                since.elapsed() < STUCK,
                "no answer: chapter {chapter}, one of the 100 requests after {number}"
            );
        }
    }
}

fn play(grammar: &Grammar, run: &Run, chapter: u64, sender: &mpsc::Sender<(u64, u64)>) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime for time alone needs nothing");
    let house = runtime.block_on(House::new());
    let mut dice = Dice::new(run.seed, chapter);
    let (mut report, mut digest) = (Report::default(), DefaultHasher::new());
    for number in 0..run.length {
        if number % 100 == 0 {
            // Nobody listens any more when the program ends.
            let _ = sender.send((chapter, number));
        }
        let (environment, request) = grammar.request(&mut dice, &house, number);
        let explain = dice.once_in(EXPLAINED);
        let strikes = dice.once_in(STRUCK);
        let sabotage = run.sabotage.filter(|it| it.is_due(number, strikes));
        let asked = Asked {
            environment,
            request,
            explain,
            sabotage,
        };
        let (result, took) = asked.answered(&runtime, &house);
        report.longest = report.longest.max(took);
        report.answered += 1;
        match result {
            Ok(seen) => {
                *report.seen.entry(seen).or_default() += 1;
                digest.write_u16(seen.0);
                digest.write(seen.1.as_bytes());
            }
            Err(finding) => report.find(chapter, number, finding),
        }
    }
    let _ = sender.send((chapter, OVER));
    report.digest = digest.finish();
    report
}

struct Asked {
    environment: Environment,
    request: Request,
    explain: bool,
    sabotage: Option<Sabotage>,
}

impl Asked {
    /// What came, and how long it took.
    fn answered(mut self, runtime: &Runtime, house: &House) -> (Result<Seen, Finding>, Duration) {
        let (result, took) = self.once(runtime, house);
        if took <= LONGEST || result.is_err() {
            return (result, took);
        }
        // The machine may have been busy elsewhere; a second time it hardly is.
        let (result, again) = self.once(runtime, house);
        if again <= LONGEST {
            return (result, again);
        }
        let detail = format!("{took:?}, then {again:?}");
        (self.finding(What::Slow, &detail), again)
    }

    fn once(&mut self, runtime: &Runtime, house: &House) -> (Result<Seen, Finding>, Duration) {
        let panics = PANICS.load(Ordering::Relaxed);
        let (environment, explain) = (self.environment, self.explain);
        LOOKS.set(true);
        let began = Instant::now();
        let answered = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                assert_ne!(self.sabotage, Some(Sabotage::Panic), "as told");
                house.answer(environment, &mut self.request, explain).await
            })
        }));
        let result = answered
            .map_err(|_| What::Panic)
            .map(|(mut exchange, told)| {
                if let Some(sabotage) = self.sabotage {
                    sabotage.strike(&mut exchange);
                }
                (exchange, told, began.elapsed())
            });
        let took = result.as_ref().map_or(Duration::ZERO, |it| it.2);
        let result = result.and_then(|(exchange, told, _)| {
            let request = &self.request;
            let look = || eye::look(environment, request, exchange, told.as_ref());
            catch_unwind(AssertUnwindSafe(look)).map_err(|_| What::Format)
        });
        LOOKS.set(false);
        let said = SAID.take();
        let caught = PANICS.load(Ordering::Relaxed) > panics && !said.is_empty();
        let result = match result {
            // A panic in a task of its own, which something between turned into an answer.
            Ok(Ok(_)) if caught => self.finding(What::Panic, &said),
            Ok(Ok(seen)) => Ok(seen),
            Ok(Err(found)) => self.finding(found.what, &found.detail),
            Err(what) => self.finding(what, &said),
        };
        (result, took)
    }

    fn finding(&self, what: What, detail: &str) -> Result<Seen, Finding> {
        let detail = format!("{detail}\n    {}", self.shown());
        Err(Finding { what, detail })
    }

    fn shown(&self) -> String {
        let request = &self.request;
        let start = |bytes: &[u8]| {
            bytes
                .get(..2000)
                .unwrap_or(bytes)
                .escape_ascii()
                .to_string()
        };
        let right = ["authorization", "client_secret"];
        let headers = request.headers.iter().map(|(name, value)| {
            let value = start(value.as_bytes());
            let short = right.contains(&name.as_str()) && value.len() > 60;
            let value = if short { "…" } else { &value };
            format!("{name}: {value}")
        });
        format!(
            "{} {} {}\n    {}\n    {}",
            self.environment,
            request.method,
            request.path,
            headers.collect::<Vec<_>>().join(" | "),
            start(&request.body)
        )
    }
}

impl Sabotage {
    /// One that waits does so once in a chapter.
    fn is_due(self, number: u64, by_chance: bool) -> bool {
        if self == Sabotage::Slow {
            number == 100
        } else {
            by_chance
        }
    }

    fn strike(self, exchange: &mut Exchange) {
        let answer = &mut exchange.answer;
        match self {
            Sabotage::Panic => {}
            Sabotage::Leak => {
                let trace = HeaderValue::from_static("panicked at crates/api/src/lib.rs:1:1");
                answer.headers.insert(http::header::SERVER, trace);
            }
            Sabotage::Status => answer.status = http::StatusCode::BAD_GATEWAY,
            Sabotage::Format => {
                let body = Bytes::from_static(b"<h1>Not found</h1>");
                *answer = Answer::new(answer.status.as_u16(), "text/html", body);
            }
            Sabotage::Slow => {
                let began = Instant::now();
                while began.elapsed() <= LONGEST {
                    std::hint::spin_loop();
                }
            }
        }
    }
}

impl Report {
    fn find(&mut self, chapter: u64, number: u64, finding: Finding) {
        if self.findings.len() < MOST_TOLD {
            self.findings.push((chapter, number, finding));
        } else {
            self.more_findings += 1;
        }
    }

    fn add(&mut self, other: Report) {
        self.answered += other.answered;
        for (seen, count) in other.seen {
            *self.seen.entry(seen).or_default() += count;
        }
        for (chapter, number, finding) in other.findings {
            self.find(chapter, number, finding);
        }
        self.more_findings += other.more_findings;
        // In any order of chapters.
        self.digest = self.digest.wrapping_add(other.digest);
        self.longest = self.longest.max(other.longest);
    }
}

fn listen_to_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            if LOOKS.get() {
                SAID.with_borrow_mut(|said| *said = panic.to_string());
            } else {
                usual(panic);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ours;

    fn run_with(length: u64, sabotage: Option<Sabotage>) -> Report {
        let run = Run {
            seed: 1,
            requests: 1,
            length,
            chapter: None,
            threads: 1,
            sabotage,
        };
        super::run(&Grammar::new(ours()), &run)
    }

    /// RELIABILITY S-1 in small, and twice the same. The million is `cargo xtask hostile`.
    #[test]
    fn s_1_a_chapter_without_a_finding() {
        let report = run_with(CHAPTER, None);
        assert_eq!(report.findings, []);
        assert_eq!(report.answered, CHAPTER);
        assert!(report.seen.len() > 40, "{:?}", report.seen);
        let succeeded: u64 = report
            .seen
            .iter()
            .filter(|it| it.0.0 == 200)
            .map(|it| it.1)
            .sum();
        assert!(succeeded > CHAPTER / 10, "{:?}", report.seen);
        assert_eq!(run_with(CHAPTER, None).digest, report.digest);
    }

    /// The control: with something wrong on purpose, the same run finds it.
    #[test]
    fn s_1_what_is_wrong_on_purpose_is_found() {
        for (sabotage, what) in [
            (Sabotage::Panic, What::Panic),
            (Sabotage::Leak, What::Leak),
            (Sabotage::Status, What::Status),
            (Sabotage::Format, What::Format),
            (Sabotage::Slow, What::Slow),
        ] {
            let report = run_with(2000, Some(sabotage));
            assert!(!report.findings.is_empty(), "{sabotage:?}");
            for (_, _, finding) in report.findings {
                assert_eq!(finding.what, what, "{finding}");
            }
        }
    }
}
