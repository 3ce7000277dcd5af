//! Every crate of ours takes the workspace's lints, and these forbid `unsafe` and warn of whatever panics on a request's way
//! (RELIABILITY S-18). Warnings are errors in continuous integration.

use super::Problem;
use super::files::Files;

/// What the workspace must say, and as what.
const LINTS: [(&str, &str, &str); 3] = [
    ("rust", "unsafe_code", "forbid"),
    ("clippy", "unwrap_used", "warn"),
    ("clippy", "indexing_slicing", "warn"),
];

/// Crates that cannot: the fuzz targets, whose macro writes an exported function.
const EXCEPTED: [&str; 1] = ["fuzz/Cargo.toml"];

/// Manifests without the lints, and lints that are not there or weaker.
pub(crate) fn lints(files: &Files) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut crates = 0;
    for file in files
        .iter()
        .filter(|file| file.path.ends_with("Cargo.toml"))
    {
        let path = &file.path;
        let manifest: toml::Table = match file.text.parse() {
            Ok(manifest) => manifest,
            Err(error) => {
                problems.push(format!("{path}: {error}"));
                continue;
            }
        };
        if let Some(workspace) = manifest.get("workspace").filter(|_| path == "Cargo.toml") {
            for (tool, lint, level) in LINTS {
                let found = workspace
                    .get("lints")
                    .and_then(|it| it.get(tool)?.get(lint));
                if found.and_then(toml::Value::as_str) != Some(level) {
                    problems.push(format!(
                        "{path}: workspace.lints.{tool}.{lint} must be {level:?}"
                    ));
                }
            }
        }
        if !manifest.contains_key("package") || EXCEPTED.contains(&path.as_str()) {
            continue;
        }
        crates += 1;
        let taken = manifest.get("lints").and_then(|it| it.get("workspace"));
        if taken.and_then(toml::Value::as_bool) != Some(true) {
            problems.push(format!(
                "{path}: take the workspace's lints: [lints] workspace = true"
            ));
        }
    }
    if crates == 0 {
        problems.push("no crates found".to_owned());
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n[workspace.lints.clippy]\nunwrap_used = \"warn\"\nindexing_slicing = \"warn\"\n";
    const TAKES: &str = "[package]\nname = \"a\"\n[lints]\nworkspace = true\n";

    fn found(root: &str, manifest: &str) -> Vec<Problem> {
        let files = [("Cargo.toml", root), ("crates/a/Cargo.toml", manifest)];
        lints(&Files::of(&files))
    }

    #[test]
    fn s_18_a_crate_without_the_lints_is_a_problem() {
        assert_eq!(found(ROOT, TAKES), Vec::<Problem>::new());
        let problems = found(ROOT, "[package]\nname = \"a\"\n");
        assert!(
            problems[0].starts_with("crates/a/Cargo.toml"),
            "{problems:?}"
        );
    }

    #[test]
    fn s_18_a_weaker_lint_is_a_problem() {
        let weaker = ROOT.replace("forbid", "deny");
        assert!(found(&weaker, TAKES)[0].contains("unsafe_code"));
        let gone = ROOT.replace("indexing_slicing", "x");
        assert!(found(&gone, TAKES)[0].contains("indexing_slicing"));
    }
}
