//! Calls of cargo.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use crate::process;

/// A cargo command in the workspace.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(arguments);
    command
}

/// Builds one binary of the workspace and says where it is, whatever target folder cargo was told to use.
pub(crate) fn build(root: &Path, binary: &str, release: bool) -> anyhow::Result<PathBuf> {
    build_in(root, binary, if release { "release" } else { "dev" })
}

/// The same in a profile of `Cargo.toml`.
pub(crate) fn build_in(root: &Path, binary: &str, profile: &str) -> anyhow::Result<PathBuf> {
    // `--workspace`: with the same features of dependencies as the tests, so nothing is compiled twice.
    let command = cargo(root, &["build", "--workspace", "--profile", profile]);
    built(command, binary)
}

/// What a `cargo build` makes of one binary.
pub(crate) fn built(mut command: Command, binary: &str) -> anyhow::Result<PathBuf> {
    command.args(["--bin", binary]);
    eprintln!("$ {}", process::shown(&command));
    command.arg("--message-format=json-render-diagnostics");
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    process::succeeded(output.status, &format!("the build of {binary}"))?;
    executable(&String::from_utf8_lossy(&output.stdout), binary)
        .with_context(|| format!("cargo built no binary named {binary}"))
}

/// Finds the path of the built binary among cargo's messages.
fn executable(messages: &str, binary: &str) -> Option<PathBuf> {
    messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let name = message.get("target")?.get("name")?.as_str()?;
        let path = message.get("executable")?.as_str()?;
        (name == binary).then(|| PathBuf::from(path))
    })
}

/// The folder for whatever the tasks make: caches of clients, logs, data of servers. It is under `target`, which git
/// ignores and `cargo clean` empties.
pub(crate) fn workshop(root: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let folder = root.join("target").join(name);
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_found_among_the_messages() {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"clap"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"sandkasse"},"executable":"/t/debug/sandkasse"}
{"reason":"build-finished","success":true}"#;
        let found = executable(messages, "sandkasse");
        assert_eq!(found, Some(PathBuf::from("/t/debug/sandkasse")));
        assert_eq!(executable(messages, "clap"), None);
    }
}
