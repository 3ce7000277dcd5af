//! How fast the platform is, and how fast it could be on this machine. `cargo xtask bench` builds and runs it.
//!
//! [`measure`] is the main run: per round two ceilings and the platform, one after the other, each a process of its own under
//! the same load. The ceilings are subcommands of this same binary. [`load`] and [`http`] are the load generator,
//! [`shop`] knows the requests, [`results`] writes the Markdown. [`journal`], [`errors`], [`pages`], [`connections`],
//! [`receivers`], [`limits`] and [`timing`] are runs of their own: what the journal of calls costs, whether errors fill the memory, how long
//! pages take, what silent connections cost the others and what a receiver that hangs does, what limits per minute add, and whether times tell secrets.
//! [`peers`] sets the platform beside others, [`growth`] stores ever more, [`overload`] asks for too much, and [`guard`] tells whether
//! it became slower.
//! `README.md` says what is measured and why so.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool"
)]

mod bars;
mod ceilings;
mod chunks;
mod connections;
mod errors;
mod growth;
mod guard;
mod http;
mod journal;
mod kept;
mod latency;
mod limits;
mod load;
mod machine;
mod measure;
mod overload;
mod pages;
mod peers;
mod platform;
mod postgres;
mod process;
mod receivers;
mod results;
mod shop;
mod sink;
mod subject;
mod target;
mod timing;
mod visitor;
mod webhooks;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::task::LocalSet;

/// Measures the platform and two ceilings.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure, and print the results as Markdown.
    Measure(measure::Options),
    /// Measure the platform beside what a user would pick instead, and write the table and the plot.
    Peers(peers::Options),
    /// Measure speed and memory with ever more that is stored.
    Growth(growth::Options),
    /// Measure what happens at ten times the load that can be borne.
    Overload(overload::Options),
    /// Say whether the platform became slower than is kept in a file.
    Guard(guard::Options),
    /// Measure what the journal of calls costs.
    Journal(journal::Options),
    /// Measure the memory after very many refused calls.
    Errors(errors::Options),
    /// Measure the portal's pages when very much is stored, and what open inspector pages cost.
    Pages(pages::Options),
    /// Measure what slow and silent connections and very many wrong secrets cost.
    Connections(connections::Options),
    /// Measure how long callbacks take while some receivers hang.
    Receivers(receivers::Options),
    /// Measure the doctor, export, import and reset of very many payments, and what seals cost.
    Kept(kept::Options),
    /// Measure what limits per minute add to a call where nodes share them.
    Limits(limits::Options),
    /// Measure how fast waiting webhook deliveries drain.
    Webhooks(webhooks::Options),
    /// Measure whether the time of an answer tells a secret.
    Timing(timing::Options),
    /// Serve the first ceiling: axum with JSON both ways, no data.
    CeilingAxum {
        /// Where to write the port it listens on.
        #[arg(long)]
        port_file: PathBuf,
    },
    /// Serve the second ceiling: axum, JSON, and grouped durable commits to SQLite.
    CeilingDurable {
        /// Where to write the port it listens on.
        #[arg(long)]
        port_file: PathBuf,
        /// The SQLite file.
        #[arg(long)]
        database: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Measure(options) => alone(measure::run(&options)),
        Task::Peers(options) => alone(peers::run(&options)),
        Task::Growth(options) => alone(growth::run(&options)),
        Task::Overload(options) => alone(overload::run(&options)),
        Task::Guard(options) => alone(guard::run(&options)),
        Task::Journal(options) => alone(journal::run(&options)),
        Task::Errors(options) => alone(errors::run(&options)),
        Task::Pages(options) => alone(pages::run(&options)),
        Task::Connections(options) => alone(connections::run(&options)),
        Task::Receivers(options) => alone(receivers::run(options)),
        Task::Kept(options) => alone(kept::run(&options)),
        Task::Limits(options) => alone(limits::run(&options)),
        Task::Webhooks(options) => alone(webhooks::run(&options)),
        Task::Timing(options) => alone(timing::run(&options)),
        Task::CeilingAxum { port_file } => ceilings::axum_only::serve(&port_file),
        Task::CeilingDurable {
            port_file,
            database,
        } => ceilings::durable::serve(&port_file, &database),
    }
}

/// One thread makes all the load: it leaves the other core to what is measured, as far as there is one.
fn alone(run: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, run)
}
