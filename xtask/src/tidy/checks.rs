//! Every numbered check of the reference is a test with that number in its name, or stands in the visible list of those
//! that wait for a later issue. This module brings the three sets together: what `docs/reference` numbers, what
//! [`super::tested`] finds, what [`super::not_yet`] lists.

use std::collections::BTreeMap;

use super::Problem;
use super::check::Check;
use super::files::Files;
use super::not_yet::{self, NotYet};
use super::tested;

const REFERENCE: &str = "docs/reference/";

/// Everything that is wrong with the numbers.
pub(crate) fn completeness(files: &Files) -> Vec<Problem> {
    let mut problems = Vec::new();
    let documented = documented(files, &mut problems);
    if documented.is_empty() {
        problems.push(format!("{REFERENCE}: no numbered checks found"));
    }
    let tested = tested::tests(files, &documented);
    let not_yet = not_yet::read(files, &mut problems);
    problems.extend(verdict(&documented, &tested, &not_yet));
    problems
}

/// The checks of the reference and the file that numbers each.
fn documented(files: &Files, problems: &mut Vec<Problem>) -> BTreeMap<Check, String> {
    let mut documented = BTreeMap::new();
    let pages = files.iter().filter(|file| file.path.starts_with(REFERENCE));
    for file in pages.filter(|file| file.has_suffix(&["md"])) {
        for (number, line) in file.lines() {
            for check in numbered(line) {
                let again = documented.insert(check.clone(), file.path.clone());
                if again.is_some() {
                    problems.push(format!("{}:{number}: {check} is numbered twice", file.path));
                }
            }
        }
    }
    documented
}

/// The checks that a line of the reference numbers: the one that begins a table row or a list item, and, in an item of
/// several sentences, those that begin a sentence. Other mentions are references to checks that stand elsewhere.
fn numbered(line: &str) -> Vec<Check> {
    let mut starts = ["| ", "- ", "* "].into_iter();
    let Some(item) = starts.find_map(|start| line.strip_prefix(start)) else {
        return Vec::new();
    };
    let first_word = |text: &str| Check::parse(text.split(' ').next().unwrap_or_default());
    let Some(first) = first_word(item) else {
        return Vec::new();
    };
    let sentences = item.split(". ").skip(1).filter_map(first_word);
    let others = sentences.filter(|check| check.prefix == first.prefix);
    std::iter::once(first.clone()).chain(others).collect()
}

/// Compares the three sets.
fn verdict(
    documented: &BTreeMap<Check, String>,
    tested: &BTreeMap<Check, String>,
    not_yet: &NotYet,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (check, page) in documented {
        let excepted = not_yet.lists(check);
        match (tested.get(check), excepted) {
            (None, false) => {
                let name = format!("{}_{:02}", check.prefix.to_lowercase(), check.number);
                problems.push(format!(
                    "{page}: {check} has no test: name one `fn {name}_…`"
                ));
            }
            (Some(test), true) => problems.push(format!(
                "{}: {check} has a test, {test}: take it off the list",
                not_yet::FILE
            )),
            (Some(_), false) | (None, true) => {}
        }
    }
    for (check, test) in tested {
        if !documented.contains_key(check) {
            problems.push(format!("{test}: the reference has no {check}"));
        }
    }
    for check in not_yet.named() {
        if !documented.contains_key(check) {
            problems.push(format!("{}: the reference has no {check}", not_yet::FILE));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGES: [(&str, &str); 2] = [
        (
            "docs/reference/ecom.md",
            "| ECOM-01 | minimal body / 200 |\n| ECOM-02 | as ECOM-01. ECOM text |\n| E-1 | texts |\nsee ECOM-99\n",
        ),
        (
            "docs/reference/checkout.md",
            "* CHK-04 wrong secret → 401. CHK-05 unit without it → 401.\n- UINF-01 a, not as CHK-04. See UTF-88\n",
        ),
    ];

    /// The problems of a made-up repository with two tests and this list.
    fn check(tests: &str, not_yet: &str) -> Vec<Problem> {
        let mut files = PAGES.to_vec();
        files.push(("crates/api/src/ecom/tests.rs", tests));
        files.push((not_yet::FILE, not_yet));
        completeness(&Files::of(&files))
    }

    fn list(checks: &str) -> String {
        format!("[[not-yet]]\nreason = \"later issue\"\nchecks = [{checks}]\n")
    }

    const TWO: &str = "#[test]\nfn ecom_01_minimal() {}\n#[test]\nfn ecom_02_case() {}\n";

    #[test]
    fn rows_and_items_are_numbered_and_mentions_are_not() {
        let mut problems = Vec::new();
        let found = documented(&Files::of(&PAGES), &mut problems);
        let found: Vec<String> = found.keys().map(Check::to_string).collect();
        assert_eq!(found, ["CHK-04", "CHK-05", "ECOM-01", "ECOM-02", "UINF-01"]);
        assert!(problems.is_empty(), "{problems:?}");
    }

    #[test]
    fn a_complete_repository_has_no_problems() {
        let rest = list("\"CHK-04..CHK-05\", \"UINF-01\"");
        assert_eq!(check(TWO, &rest), Vec::<Problem>::new());
    }

    #[test]
    fn a_number_without_test_and_exception_is_a_problem() {
        let problems = check(TWO, &list("\"CHK-04\", \"UINF-01\""));
        assert_eq!(
            problems,
            ["docs/reference/checkout.md: CHK-05 has no test: name one `fn chk_05_…`"]
        );
    }

    #[test]
    fn a_number_with_both_is_a_problem() {
        let problems = check(TWO, &list("\"CHK-04..CHK-05\", \"UINF-01\", \"ECOM-01\""));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].contains("ECOM-01 has a test"), "{problems:?}");
    }

    #[test]
    fn unknown_numbers_are_problems_on_both_sides() {
        let tests = format!("{TWO}#[test]\nfn ecom_77_typo() {{}}\n");
        let problems = check(
            &tests,
            &list("\"CHK-04..CHK-05\", \"UINF-01\", \"UINF-09\""),
        );
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(
            problems[0].ends_with("the reference has no ECOM-77"),
            "{problems:?}"
        );
        assert!(
            problems[1].ends_with("the reference has no UINF-09"),
            "{problems:?}"
        );
    }

    #[test]
    fn a_number_given_twice_is_a_problem() {
        let page = "| TOK-01 | a |\n| TOK-01 | b |\n";
        let files = Files::of(&[("docs/reference/access-token.md", page)]);
        let problems = completeness(&files);
        assert!(
            problems
                .iter()
                .any(|problem| problem.contains("TOK-01 is numbered twice"))
        );
    }

    #[test]
    fn a_repository_without_reference_is_a_problem() {
        let problems = completeness(&Files::of(&[]));
        assert!(
            problems
                .iter()
                .any(|problem| problem.contains("no numbered checks"))
        );
    }
}
