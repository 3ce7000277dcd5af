//! Whose work is in the program, and under what terms: a text for people, a bill of materials for programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::json;

use super::Goods;
use crate::{cargo, process};

/// Files that hold terms begin with one of these, in any case.
const TERMS: [&str; 6] = [
    "LICENSE",
    "LICENCE",
    "COPYING",
    "COPYRIGHT",
    "NOTICE",
    "UNLICENSE",
];
/// So many folders below a crate's own are looked into: libraries of C lie there.
const DEPTH: usize = 2;

/// What cargo knows of the program's dependencies.
#[derive(Deserialize)]
pub(super) struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
pub(super) struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    #[serde(default)]
    authors: Vec<String>,
    repository: Option<String>,
    source: Option<String>,
    manifest_path: String,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// `None` is what is linked in; the rest is for building and tests.
    kind: Option<String>,
}

/// Asks cargo, without the network.
pub(super) fn metadata(root: &Path) -> anyhow::Result<Metadata> {
    let target = super::program::target();
    let mut command = cargo::cargo(root, &["metadata", "--format-version=1", "--locked"]);
    command.args(["--filter-platform", &target]);
    let said = process::read(&mut command)?;
    serde_json::from_str(&said).context("cargo's answer is another one than expected")
}

impl Metadata {
    pub(super) fn packages(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter()
    }

    /// What others made of what the program links in, by name.
    fn linked_in(&self) -> anyhow::Result<Vec<&Package>> {
        let packages: BTreeMap<&str, &Package> =
            self.packages().map(|it| (it.id.as_str(), it)).collect();
        let nodes: BTreeMap<&str, &Node> = self
            .resolve
            .nodes
            .iter()
            .map(|it| (it.id.as_str(), it))
            .collect();
        let program = self.packages().find(|it| it.name == "sandkasse");
        let mut waiting = vec![
            program
                .context("there is no package sandkasse")?
                .id
                .as_str(),
        ];
        let mut seen = BTreeSet::new();
        while let Some(id) = waiting.pop() {
            if seen.insert(id)
                && let Some(node) = nodes.get(id)
            {
                let linked = node
                    .deps
                    .iter()
                    .filter(|edge| edge.dep_kinds.iter().any(|it| it.kind.is_none()));
                waiting.extend(linked.map(|edge| edge.pkg.as_str()));
            }
        }
        let mut found: Vec<&Package> = seen
            .iter()
            .filter_map(|id| packages.get(id))
            .copied()
            .collect();
        found.retain(|package| package.is_foreign());
        found.sort_by_key(|package| (&package.name, &package.version));
        Ok(found)
    }
}

impl Package {
    /// Whether it is somebody else's.
    pub(super) fn is_foreign(&self) -> bool {
        self.source.is_some()
    }

    /// `A OR B`, also where it is written in the old way with a slash.
    fn expression(&self) -> anyhow::Result<String> {
        let said = self.license.as_deref();
        said.map(|said| said.replace('/', " OR "))
            .with_context(|| format!("{} names no licence", self.name))
    }

    /// The texts that came with it.
    fn terms(&self) -> anyhow::Result<Vec<String>> {
        let folder = Path::new(&self.manifest_path)
            .parent()
            .context("no folder")?;
        let mut files = Vec::new();
        gather(folder, DEPTH, &mut files)?;
        files.sort();
        let mut texts = Vec::new();
        for file in files {
            let text = String::from_utf8_lossy(&fs::read(&file)?).replace("\r\n", "\n");
            texts.push(text.trim_end().to_owned());
        }
        Ok(texts)
    }
}

fn gather(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            if depth > 0 {
                gather(&path, depth - 1, files)?;
            }
        } else if is_terms(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_terms(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let code = ["rs", "c", "h", "go", "py", "toml", "json", "pl"];
    let suffix = path.extension().unwrap_or_default().to_string_lossy();
    let name = name.to_ascii_uppercase();
    TERMS.iter().any(|it| name.starts_with(it)) && !code.contains(&suffix.as_ref())
}

/// Writes `THIRD-PARTY.md` and `sandkasse.cdx.json`.
pub(super) fn write(goods: &Goods) -> anyhow::Result<()> {
    let metadata = metadata(&goods.root)?;
    let packages = metadata.linked_in()?;
    if packages.len() < 50 {
        bail!("only {} dependencies were found", packages.len());
    }
    fs::write(goods.out.join("THIRD-PARTY.md"), text(&packages)?)?;
    let bill = serde_json::to_string_pretty(&bill(goods, &packages)?)?;
    fs::write(goods.out.join("sandkasse.cdx.json"), bill + "\n")?;
    fs::copy(goods.root.join("LICENSE"), goods.out.join("LICENSE"))?;
    Ok(())
}

fn text(packages: &[&Package]) -> anyhow::Result<String> {
    let mut text = "# Work of others in Sandkasse\n\nThe program contains these libraries, each under the terms that it \
                    names. The terms follow, each text once.\nRust's own library (MIT or Apache-2.0, The Rust Project \
                    Developers) and, in the static program, musl (MIT, Rich Felker, et al.) are in\nit, too.\n\n"
        .to_owned();
    text.push_str("| Library | Version | Terms | From |\n|---|---|---|---|\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut silent = Vec::new();
    for package in packages {
        let (name, version) = (&package.name, &package.version);
        let from = package.repository.as_deref().unwrap_or("–");
        let terms = package.expression()?;
        writeln!(text, "| {name} | {version} | {terms} | {from} |")?;
        let found = package.terms()?;
        if found.is_empty() {
            silent.push(*package);
        }
        for terms in found {
            texts
                .entry(terms)
                .or_default()
                .push(format!("{name} {version}"));
        }
    }
    if !silent.is_empty() {
        text.push_str("\n## Without a text of their own\n\nTheir terms are the ones that they name, as they stand below for others.\n\n");
        for package in silent {
            let authors = package.authors.join(", ");
            let terms = package.expression()?;
            writeln!(
                text,
                "- {} {}: {terms}. {authors}",
                package.name, package.version
            )?;
        }
    }
    // In the order of those who use them, so that a new version of one library moves one text.
    let mut texts: Vec<(String, Vec<String>)> = texts.into_iter().collect();
    texts.sort_by(|a, b| a.1.cmp(&b.1));
    for (terms, users) in texts {
        writeln!(text, "\n## {}\n\n```text\n{terms}\n```", users.join(", "))?;
    }
    Ok(text)
}

/// A bill of materials in CycloneDX's words.
fn bill(goods: &Goods, packages: &[&Package]) -> anyhow::Result<serde_json::Value> {
    let mut components = Vec::new();
    for package in packages {
        components.push(json!({
            "type": "library",
            "bom-ref": format!("{}@{}", package.name, package.version),
            "name": package.name,
            "version": package.version,
            "licenses": [{ "expression": package.expression()? }],
            "purl": format!("pkg:cargo/{}@{}", package.name, package.version),
        }));
    }
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "application", "bom-ref": "sandkasse", "name": "sandkasse", "version": goods.version,
            "licenses": [{ "license": { "id": "MIT" } }],
        }},
        "components": components,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_told_from_code() {
        for (name, expected) in [
            ("LICENSE-MIT", true),
            ("license.txt", true),
            ("COPYING", true),
            ("licenses.rs", false),
            ("README.md", false),
            ("copyright.py", false),
        ] {
            assert_eq!(is_terms(Path::new(name)), expected, "{name}");
        }
    }

    #[test]
    fn everything_that_is_linked_in_is_named_with_its_terms() {
        let metadata = metadata(&crate::repository()).unwrap();
        let packages = metadata.linked_in().unwrap();
        let names: Vec<&str> = packages.iter().map(|it| it.name.as_str()).collect();
        for name in [
            "tokio",
            "rusqlite",
            "libsqlite3-sys",
            "aws-lc-sys",
            "tikv-jemalloc-sys",
        ] {
            assert!(names.contains(&name), "{name}");
        }
        // For tests and for building only; and ours.
        for name in ["tempfile", "proptest", "cc", "sandkasse-api"] {
            assert!(!names.contains(&name), "{name}");
        }
        let text = text(&packages).unwrap();
        for part in [
            "| tokio |",
            "Permission is hereby granted",
            "Apache License",
            "jemalloc",
        ] {
            assert!(text.contains(part), "{part}");
        }
    }
}
