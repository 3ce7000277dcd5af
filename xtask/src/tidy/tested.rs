//! Which checks have a test: numbers in the names of test functions, such as `ecom_07_…` or `plat_53_ecom_26_…`.

use std::collections::{BTreeMap, BTreeSet};

use super::check::Check;
use super::files::{Files, TextFile};

/// The checks that tests name, and where. Prefixes are those of the reference, so `code_40` in a name is just a word.
pub(crate) fn tests(
    files: &Files,
    documented: &BTreeMap<Check, String>,
) -> BTreeMap<Check, String> {
    let prefixes: BTreeSet<&str> = documented
        .keys()
        .map(|check| check.prefix.as_str())
        .collect();
    let places = files.rust().filter(|file| {
        let mut homes = ["crates/", "tests/"].iter();
        homes.any(|home| file.path.starts_with(home))
    });
    let mut tests = BTreeMap::new();
    for file in places {
        for (line, name) in test_functions(file) {
            for check in numbers(name, &prefixes) {
                let place = format!("{}:{line} `{name}`", file.path);
                tests.entry(check).or_insert(place);
            }
        }
    }
    tests
}

/// Names of functions that carry a test attribute, with their lines.
fn test_functions(file: &TextFile) -> Vec<(usize, &str)> {
    let mut functions = Vec::new();
    let mut is_test = false;
    for (number, line) in file.lines() {
        let line = line.trim_start();
        // `#[test] fn a() {}` on one line is an attribute and a function.
        is_test |= is_test_attribute(line);
        if line.starts_with("//") {
            continue;
        }
        if let Some(name) = function_name(line) {
            if is_test {
                functions.push((number, name));
            }
            is_test = false;
        }
    }
    functions
}

/// `#[test]`, `#[tokio::test]`, `#[tokio::test(flavor = …)]`.
fn is_test_attribute(line: &str) -> bool {
    let Some(attribute) = line.strip_prefix("#[") else {
        return false;
    };
    let path = attribute.split([']', '(', ' ']).next().unwrap_or_default();
    path == "test" || path.ends_with("::test")
}

/// The name of the function that this line begins to define.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    // Nothing but words such as `async`, `pub(crate)` or an attribute may stand before.
    let defines = before.is_empty() || before.ends_with(' ');
    let plain = !before.contains(['"', '=', '/']) || before.starts_with("#[");
    let end = after.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    let name = after.get(..end)?;
    (defines && plain && !name.is_empty()).then_some(name)
}

/// The checks that a name bears: a prefix and a number side by side among its words.
fn numbers(name: &str, prefixes: &BTreeSet<&str>) -> Vec<Check> {
    let words: Vec<&str> = name.split('_').collect();
    let pairs = words.iter().zip(words.iter().skip(1));
    pairs
        .filter_map(|(prefix, number)| {
            let prefix = prefix.to_uppercase();
            let number = number.parse().ok()?;
            let known = prefixes.contains(prefix.as_str());
            known.then_some(Check { prefix, number })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
#[test]
fn tok_01_all_members() {}

#[tokio::test(flavor = "multi_thread")]
// A comment between.
#[should_panic]
async fn plat_53_ecom_26_phones() {}

#[test] fn ecom_100_in_parallel() {}

fn ecom_02_is_a_helper() {}

// #[test]
// fn ecom_03_was_taken_out() {}
fn ecom_03_is_a_helper_too() {}

#[test]
fn answers_http_400_and_error_35() {}

proptest! {
    #[test]
    fn sums_hold_ecom_44(amounts in any::<Vec<u32>>()) {}
}
"#;

    fn found(path: &str) -> Vec<String> {
        let known = ["TOK-01", "PLAT-53", "ECOM-26"].into_iter();
        let documented = known
            .map(|text| (Check::parse(text).unwrap(), String::new()))
            .collect();
        let tests = tests(&Files::of(&[(path, TEXT)]), &documented);
        tests.keys().map(Check::to_string).collect()
    }

    #[test]
    fn numbers_in_the_names_of_tests_count() {
        let expected = ["ECOM-26", "ECOM-44", "ECOM-100", "PLAT-53", "TOK-01"];
        assert_eq!(found("crates/api/src/ecom/tests.rs"), expected);
        assert_eq!(found("tests/story.rs"), expected);
        assert_eq!(found("crates/api/tests/a/b.rs"), expected);
    }

    #[test]
    fn names_elsewhere_do_not() {
        assert!(found("xtask/src/tidy/tested.rs").is_empty());
        assert!(found("docs/example.rs").is_empty());
    }

    #[test]
    fn definitions_are_told_from_other_mentions() {
        for (line, name) in [
            ("fn a() {", Some("a")),
            ("pub(crate) async fn ecom_01_x<T>(", Some("ecom_01_x")),
            ("#[test] fn b() {}", Some("b")),
            ("let text = \"fn c() {}\";", None),
            ("type F = fn (u8);", None),
            ("let often = 3;", None),
        ] {
            assert_eq!(function_name(line), name, "{line}");
        }
    }
}
