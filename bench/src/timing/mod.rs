//! Whether the time of an answer tells a secret: Welch's t-test in the manner of dudect, in this process, without
//! sockets, on SQLite as in the server, with the journal on.

mod calls;
mod secrets;
mod welch;

use std::path::PathBuf;

use clap::Args;

use crate::machine;
use crate::measure::fresh;

/// A larger |t| says that two classes take different times.
const T_BAR: f64 = 4.5;

#[derive(Args)]
pub(crate) struct Options {
    /// A folder on the disk to measure with; its content is replaced.
    #[arg(long)]
    data: PathBuf,
    /// How many comparisons of secrets are timed in each test.
    #[arg(long, default_value_t = 1_000_000)]
    samples: usize,
    /// How many calls of each class are timed.
    #[arg(long, default_value_t = 20_000)]
    pairs: usize,
}

/// Two classes that should take the same time.
struct Row {
    what: String,
    samples: usize,
    /// In microseconds.
    medians: [f64; 2],
    t: f64,
    bar: &'static str,
    /// `None` where there is no bar.
    met: Option<bool>,
}

/// Measures and prints the results.
pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    let mut rows = secrets::run(options.samples)?;
    rows.extend(calls::run(&fresh(&options.data)?, options.pairs).await?);
    println!("### Times and secrets\n\n{}.\n", machine::describe());
    print(&rows);
    println!("\nWhat the journal costs one call, without sockets and disk:\n");
    print(&calls::journal(options.pairs).await?);
    Ok(())
}

fn print(rows: &[Row]) {
    println!("| | samples | median, µs | against | apart | largest \\|t\\| | bar | |");
    println!("|---|---:|---:|---:|---:|---:|---|---|");
    for row in rows {
        let Row {
            what,
            samples,
            medians: [one, other],
            t,
            bar,
            met,
        } = row;
        let apart = 100.0 * (one / other - 1.0);
        let verdict = match met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "",
        };
        println!(
            "| {what} | {samples} | {one:.3} | {other:.3} | {apart:+.1} % | {t:.1} | {bar} | {verdict} |"
        );
    }
}
