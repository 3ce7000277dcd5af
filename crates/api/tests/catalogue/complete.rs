//! Completeness: every id that the code can name has a page.
//!
//! The ids are read out of the sources, so that nobody has to remember a list: a text between
//! quotes that looks like an id (`order.unknown`) is one, wherever an API or the gate says it.

use std::{collections::BTreeSet, fs, path::Path};

use super::causes;

/// Where causes are named.
const SOURCES: [&str; 2] = ["src", "../gate/src"];

/// What looks like an id and is none: members of bodies, and names of files.
const NO_IDS: [&str; 5] = [
    "profile.",
    "transaction.",
    "merchantInfo.",
    "customerInfo.",
    "test-key.",
];

/// Old names that the code still uses, and what the pages call them.
const RENAMED: [(&str, &str); 1] = [("request.invalid", "request.missing")];

#[test]
fn every_cause_that_the_code_names_has_a_page() {
    let pages: BTreeSet<&str> = causes().map(|(_, cause)| cause.id.as_str()).collect();
    let named = named_in_the_code();
    assert!(named.len() > 80, "{named:?}");
    for (old, new) in RENAMED {
        assert!(named.contains(old), "{old} is gone: take it off the list");
        assert!(pages.contains(new), "{new}");
    }
    let missing: Vec<&String> = named
        .iter()
        .filter(|id| !pages.contains(id.as_str()))
        .filter(|id| RENAMED.iter().all(|(old, _)| old != id))
        .collect();
    assert!(missing.is_empty(), "no page: {missing:?}");
}

/// And the other way round: a cause that is not waited for, and that a call can meet, is named.
#[test]
fn no_page_is_about_a_cause_that_nobody_names() {
    let named = named_in_the_code();
    for (page, cause) in causes() {
        if cause.request.is_some() && cause.awaits.is_none() {
            assert!(named.contains(&cause.id), "{} {}", page.slug, cause.id);
        }
    }
}

fn named_in_the_code() -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for folder in SOURCES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        read(&folder, &mut named);
    }
    named
}

fn read(folder: &Path, named: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            read(&path, named);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(&path).expect("it can be read");
            let (code, _) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
            for line in code.lines().filter(|it| !it.trim_start().starts_with("//")) {
                let quoted = line.split('"').skip(1).step_by(2);
                named.extend(quoted.filter(|it| is_id(it)).map(str::to_owned));
            }
        }
    }
}

fn is_id(text: &str) -> bool {
    let is_word = |word: &str| {
        let rest = |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || it == '_';
        word.starts_with(|it: char| it.is_ascii_lowercase()) && word.chars().all(rest)
    };
    text.contains('.')
        && text.split('.').all(is_word)
        && NO_IDS.iter().all(|prefix| !text.starts_with(prefix))
}
