//! The binary: listeners, command line, control API and the payer's pages.
//!
//! It decides nothing about payments: calls of merchants go to `sandkasse_api`, acts of persons to
//! the engine. Begin with [`start`], which puts the parts together, then [`listener`] (how a
//! request gets in and an answer out), [`landing`] (the payer's pages) and [`control`].

mod address;
mod api_site;
mod bankid;
mod catalogue_site;
mod certs_command;
mod cli;
mod cli_examples;
mod coded;
mod config;
mod control;
mod demo;
mod env_command;
mod exec_command;
mod explain;
mod explain_command;
mod exposure;
mod files;
mod health_command;
mod http_client;
mod kept;
mod landing;
mod listen_command;
mod listener;
mod logging;
mod manual_command;
mod messenger;
mod migrate_command;
mod numbers;
mod operations;
mod output;
mod parts;
mod people;
mod portal;
mod provider;
mod provoke;
mod redirect;
mod register;
mod rights;
mod start;
mod supervisor;
#[cfg(test)]
mod testing;
mod tls;
mod traces;
mod trust;
mod verify_command;
#[cfg(test)]
mod whole_tests;

use std::process::ExitCode;

/// What one thread allocates another often frees: a call's parts go to the journal, and leave it
/// thousands of calls later. The system's allocator pays for that (figures in bench/README.md).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let command = match cli::read() {
        Ok(command) => command,
        Err(message) => {
            output::complain(&message);
            return ExitCode::from(WRONG_USE);
        }
    };
    let ended = match command {
        cli::Command::Up(settings) => start::run(*settings),
        cli::Command::Env(wish) => env_command::run(&wish),
        cli::Command::Exec(wish) => return exec_command::run(*wish),
        cli::Command::Health(wish) => health_command::run(&wish),
        cli::Command::Explain(wish) => explain_command::run(&wish),
        cli::Command::Migrate(wish) => migrate_command::run(wish),
        cli::Command::Export(wish) => kept::export(&wish),
        cli::Command::Import(wish) => kept::import(&wish),
        cli::Command::Doctor(wish) => kept::doctor(&wish),
        cli::Command::Certs(flags) => certs_command::run(&flags),
        cli::Command::Listen(flags) => listen_command::run(&flags),
        cli::Command::VerifyWebhook(flags) => verify_command::run(&flags),
        cli::Command::Completions(shell) => manual_command::completions(shell),
        cli::Command::Man(folder) => manual_command::pages(&folder),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(ended) => {
            output::complain(&ended.to_string());
            match ended {
                Ended::WrongUse(_) => ExitCode::from(WRONG_USE),
                Ended::Failed(_) => ExitCode::from(FAILED),
            }
        }
    }
}

/// The exit code when something went wrong while running.
const FAILED: u8 = 1;
/// The exit code for wrong use or configuration.
const WRONG_USE: u8 = 2;

/// Why the program ends, for the person in front of it. The text says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// Wrong use or configuration: exit code 2.
    #[error("{0}")]
    WrongUse(String),
    /// It failed while running: exit code 1.
    #[error("{0}")]
    Failed(String),
}
