//! The peers of the benchmark: installed by name in pinned versions, and listed for it.
//!
//! A script in `bench/peers` installs one peer into a folder under `target` and prints its version and the command that
//! starts it, one word a line. A peer that cannot be installed is listed with the reason.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::oracles::{self, Oracles};
use crate::setup::{self, Need};
use crate::{cargo, process};

/// The scripts, in the order of the table, and whether one needs the official document.
const PEERS: [(&str, bool); 6] = [
    ("emulate", false),
    ("localstripe", false),
    ("prism", true),
    ("mockoon", true),
    ("wiremock", false),
    ("json-server", false),
];

/// What all peers and the PostgreSQL of the comparison need, from Debian.
const NEEDS: [Need; 6] = [
    setup::PYTHON,
    setup::NODE,
    setup::NPM,
    Need {
        what: "Java",
        program: "java",
        proof: &["-version"],
        packages: &["default-jre-headless"],
    },
    setup::POSTGRES,
    Need {
        what: "pgbench",
        program: "sh",
        proof: &["-c", "ls /usr/lib/postgresql/*/bin/pgbench"],
        packages: &["postgresql"],
    },
];

/// Installs what is missing, and returns the file that lists what there is.
pub(crate) fn list(root: &Path, oracles: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Err(error) = setup::provide(&NEEDS) {
        // Whoever needs what is missing says so itself.
        eprintln!("{error:#}");
    }
    let folder = cargo::workshop(root, "bench/peers")?;
    let document = document(root, oracles, &folder)?;
    let peers: Vec<Value> = PEERS
        .into_iter()
        .map(|(name, needs_document)| {
            let described = match (&document, needs_document) {
                (None, true) => Err(anyhow::anyhow!("it {}", oracles::WHERE_PUBLISHED)),
                _ => install(root, &folder, name, document.as_deref()),
            };
            described.unwrap_or_else(|error| {
                eprintln!("{name}: {error:#}");
                json!({ "name": name, "absent": format!("{error:#}") })
            })
        })
        .collect();
    let list = folder.join("peers.json");
    std::fs::write(&list, serde_json::to_string_pretty(&peers)?)?;
    Ok(list)
}

fn install(
    root: &Path,
    folder: &Path,
    name: &str,
    document: Option<&Path>,
) -> anyhow::Result<Value> {
    let mut script = Command::new(root.join("bench/peers").join(format!("{name}.sh")));
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder)?;
    script.env("CLIENT_DIR", folder);
    if let Some(document) = document {
        script.env("SPEC", document);
    }
    let said = process::read(&mut script)?;
    let mut lines = said.lines();
    let version = lines.next().context("its script printed nothing")?;
    let command: Vec<&str> = lines.collect();
    ensure!(command.contains(&"PORT"), "its command takes no port");
    Ok(json!({ "name": name, "version": version, "command": command }))
}

/// The official eCom document without references to files that are not at hand, which mocks refuse to start on.
fn document(root: &Path, oracles: Option<&Path>, folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    let Some(oracles) = Oracles::find(root, oracles)? else {
        return Ok(None);
    };
    let official = oracles.ecom();
    let text = std::fs::read_to_string(&official)
        .with_context(|| format!("cannot read {}", official.display()))?;
    let here = folder.join("ecom.yaml");
    std::fs::write(&here, without_foreign_references(&text))?;
    Ok(Some(here))
}

fn without_foreign_references(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        match line.split_once("$ref:") {
            Some((before, target)) if !target.trim().trim_matches(['"', '\'']).starts_with('#') => {
                kept.push_str(before);
                kept.push_str("description: defined elsewhere");
            }
            _ => kept.push_str(line),
        }
        kept.push('\n');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_into_the_document_stay() {
        let text = "a:\n  $ref: '#/b'\nc:\n  - $ref: \"https://example.com/x.yaml#/d\"\n  $ref: ms.yaml#/e\n";
        assert_eq!(
            without_foreign_references(text),
            "a:\n  $ref: '#/b'\nc:\n  - description: defined elsewhere\n  description: defined elsewhere\n"
        );
    }

    #[test]
    fn each_peer_has_a_script() {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/peers");
        let mut there: Vec<String> = std::fs::read_dir(scripts)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        there.sort();
        let mut listed = PEERS.map(|(name, _)| format!("{name}.sh"));
        listed.sort();
        assert_eq!(there, listed);
    }
}
