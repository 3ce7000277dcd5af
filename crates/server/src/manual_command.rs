//! The command line told to others: shells that complete it, and the manual.

use std::path::Path;

use clap_complete::Shell;

use crate::{Ended, cli, output};

/// Prints a shell's script.
pub(crate) fn completions(shell: Shell) -> Result<(), Ended> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::definition(), "sandkasse", &mut script);
    output::say(&String::from_utf8_lossy(&script));
    Ok(())
}

/// Writes `sandkasse.1` and a page for each command.
pub(crate) fn pages(folder: &Path) -> Result<(), Ended> {
    clap_mangen::generate_to(cli::definition(), folder).map_err(|error| {
        Ended::WrongUse(format!(
            "cannot write the manual into {}: {error}",
            folder.display()
        ))
    })
}
