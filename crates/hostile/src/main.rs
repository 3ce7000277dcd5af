//! A million hostile requests, in process (RELIABILITY S-1). `cargo xtask hostile` builds and runs it.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use sandkasse_hostile::{CHAPTER, Grammar, Report, Run, Sabotage, ours, read_official, run};

/// Fewer different outcomes than this mean that the requests do not get far.
const FEWEST_OUTCOMES: usize = 50;

/// Hostile requests: nothing may panic, hang, leak or have an undocumented format.
#[derive(Parser)]
struct Arguments {
    /// How many.
    #[arg(long, default_value_t = 1_000_000)]
    requests: u64,
    /// Where the dice begin: the same seed makes the same requests.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Play one chapter again.
    #[arg(long)]
    chapter: Option<u64>,
    /// A folder with the official OpenAPI documents and Postman collections; without it, our own requests are the seeds.
    #[arg(long)]
    official: Option<PathBuf>,
    /// Make something wrong on purpose; then the run must fail.
    #[arg(long, value_enum)]
    sabotage: Option<Sabotage>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut seeds = ours();
    println!(
        "seed {}, {} requests of our own as seeds",
        arguments.seed,
        seeds.len()
    );
    if let Some(folder) = &arguments.official {
        match read_official(folder) {
            Ok((more, documents)) => {
                println!("{} from {documents} official documents", more.len());
                seeds.extend(more);
            }
            Err(error) => {
                eprintln!("{}: {error}", folder.display());
                return ExitCode::FAILURE;
            }
        }
    }
    let grammar = Grammar::new(seeds);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let began = Instant::now();
    let report = run(
        &grammar,
        &Run {
            seed: arguments.seed,
            requests: arguments.requests,
            length: CHAPTER,
            chapter: arguments.chapter,
            threads,
            sabotage: arguments.sabotage,
        },
    );
    print(&report, began);
    judge(&report, arguments.chapter.is_none())
}

fn print(report: &Report, began: Instant) {
    for ((status, cause), count) in &report.seen {
        println!("{count:>9}  {status} {cause}");
    }
    println!(
        "{} requests in {:.0} s, {} outcomes, the longest answer {} ms, digest {:016x}",
        report.answered,
        began.elapsed().as_secs_f64(),
        report.seen.len(),
        report.longest.as_millis(),
        report.digest,
    );
}

fn judge(report: &Report, whole: bool) -> ExitCode {
    for (chapter, number, finding) in &report.findings {
        eprintln!("chapter {chapter}, request {number}: {finding}");
    }
    let findings = report.findings.len() as u64 + report.more_findings;
    if findings > 0 {
        eprintln!("{findings} findings");
        return ExitCode::FAILURE;
    }
    if whole && report.seen.len() < FEWEST_OUTCOMES {
        eprintln!("fewer than {FEWEST_OUTCOMES} outcomes: the requests did not get far");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
