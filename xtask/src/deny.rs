//! What may be among our dependencies: cargo-deny with `deny.toml`, for the workspace and for the fuzz targets.

use std::path::Path;

use clap::Args;

use crate::{process, tools};

#[derive(Args)]
pub(crate) struct Options {
    /// Look also for known weaknesses; their list is fetched from the network.
    #[arg(long)]
    advisories: bool,
}

/// The workspaces, by their manifests.
const MANIFESTS: [&str; 2] = ["Cargo.toml", "fuzz/Cargo.toml"];

/// Fails when a crate, its licence or its source is not allowed.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    for manifest in MANIFESTS {
        let mut deny = tools::DENY.command(root)?;
        deny.arg("--manifest-path").arg(root.join(manifest));
        deny.arg("--config").arg(root.join("deny.toml"));
        deny.args(["--log-level", "error", "--locked", "check"]);
        deny.args(["--hide-inclusion-graph", "bans", "licenses", "sources"]);
        if options.advisories {
            deny.arg("advisories");
        }
        process::run(&mut deny)?;
    }
    Ok(())
}

/// What continuous integration runs: nothing from the network.
pub(crate) fn offline(root: &Path) -> anyhow::Result<()> {
    run(root, &Options { advisories: false })
}
