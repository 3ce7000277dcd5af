//! Log lines on standard error.
//!
//! What may stand in one is decided where it is written; here only those of the HTTP libraries are
//! kept quiet, whose finest lines show headers and so tokens.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// The variable that says what is logged.
const VARIABLE: &str = "SANDKASSE_LOG";
/// Whatever the variable says, these stay at this level.
const QUIET: [&str; 4] = ["h2=info", "hyper=info", "hyper_util=info", "rustls=info"];

/// Begins to log, and has panics logged too.
pub(crate) fn begin() {
    let mut filter = EnvFilter::builder()
        .with_env_var(VARIABLE)
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .from_env_lossy();
    for directive in QUIET {
        if let Ok(directive) = directive.parse() {
            filter = filter.add_directive(directive);
        }
    }
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // A second start in one process, as in tests, keeps the first one's.
    if lines.try_init().is_ok() {
        std::panic::set_hook(Box::new(note_panic));
    }
}

/// Only a fixed message is written: one that was put together may show the data at hand.
fn note_panic(info: &std::panic::PanicHookInfo<'_>) {
    let place = info
        .location()
        .map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let fixed = info.payload().downcast_ref::<&str>().copied();
    tracing::error!(message = fixed, "panicked at {place}");
}
