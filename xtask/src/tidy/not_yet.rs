//! The visible list of checks that have no test yet, `docs/checks-not-yet.toml`. It only ever shrinks.
//!
//! ```toml
//! [[not-yet]]
//! reason = "later issue"
//! checks = ["FAQ-01..FAQ-120", "PLAT-60"]
//! ```
//!
//! A range takes in the numbers the reference has between its ends; both ends must exist.

use serde::Deserialize;

use super::Problem;
use super::check::Check;
use super::files::Files;

pub(crate) const FILE: &str = "docs/checks-not-yet.toml";

/// The one reason there may be.
const REASON: &str = "later issue";

/// The checks that may go without a test.
pub(crate) struct NotYet {
    /// First and last, the same for a single check.
    ranges: Vec<(Check, Check)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    #[serde(default, rename = "not-yet")]
    not_yet: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    reason: String,
    checks: Vec<String>,
}

impl NotYet {
    pub(crate) fn lists(&self, check: &Check) -> bool {
        let mut ranges = self.ranges.iter();
        ranges.any(|(first, last)| first <= check && check <= last)
    }

    /// The checks that the list spells out, the ends of ranges among them.
    pub(crate) fn named(&self) -> impl Iterator<Item = &Check> {
        self.ranges
            .iter()
            .flat_map(|(first, last)| std::iter::once(first).chain((first != last).then_some(last)))
    }
}

/// Reads the list; without the file, nothing may go without a test.
pub(crate) fn read(files: &Files, problems: &mut Vec<Problem>) -> NotYet {
    let text = files
        .get(FILE)
        .map(|file| file.text.as_str())
        .unwrap_or_default();
    let listed = toml::from_str(text).unwrap_or_else(|error| {
        problems.push(format!("{FILE}: {error}"));
        Listed {
            not_yet: Vec::new(),
        }
    });
    let mut ranges: Vec<(Check, Check)> = Vec::new();
    for Entry { reason, checks } in listed.not_yet {
        if reason != REASON {
            problems.push(format!(
                "{FILE}: {reason:?} is no reason; the only one is {REASON:?}"
            ));
        }
        for text in checks {
            match range(&text) {
                Some((first, last)) => {
                    let mut before = ranges.iter();
                    if before.any(|(from, to)| *from <= last && first <= *to) {
                        problems.push(format!("{FILE}: {text} is listed twice"));
                    }
                    ranges.push((first, last));
                }
                None => problems.push(format!("{FILE}: {text:?} is neither a check nor a range")),
            }
        }
    }
    NotYet { ranges }
}

/// Reads `FAQ-01..FAQ-120` or `FAQ-07`.
fn range(text: &str) -> Option<(Check, Check)> {
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (Check::parse(first)?, Check::parse(last)?);
    (first.prefix == last.prefix && first.number <= last.number).then_some((first, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> (NotYet, Vec<Problem>) {
        let mut problems = Vec::new();
        let not_yet = read(&Files::of(&[(FILE, text)]), &mut problems);
        (not_yet, problems)
    }

    fn check(text: &str) -> Check {
        Check::parse(text).unwrap()
    }

    #[test]
    fn ranges_and_single_checks_are_listed() {
        let (not_yet, problems) = listed(
            "[[not-yet]]\nreason = \"later issue\"\nchecks = [\"REC-001..REC-164\", \"PLAT-60\"]",
        );
        assert!(problems.is_empty(), "{problems:?}");
        for (text, expected) in [
            ("REC-001", true),
            ("REC-99", true),
            ("REC-164", true),
            ("REC-165", false),
            ("PLAT-60", true),
            ("PLAT-61", false),
            ("REB-50", false),
        ] {
            assert_eq!(not_yet.lists(&check(text)), expected, "{text}");
        }
        let named: Vec<String> = not_yet.named().map(Check::to_string).collect();
        assert_eq!(named, ["REC-01", "REC-164", "PLAT-60"]);
    }

    #[test]
    fn only_one_reason_counts() {
        let (_, problems) = listed("[[not-yet]]\nreason = \"too hard\"\nchecks = [\"PLAT-60\"]");
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].contains("\"too hard\" is no reason"),
            "{problems:?}"
        );
    }

    #[test]
    fn nonsense_is_told() {
        let list = |checks: &str| {
            listed(&format!(
                "[[not-yet]]\nreason = \"later issue\"\nchecks = [{checks}]"
            ))
            .1
        };
        assert!(list("\"FAQ-02..FAQ-01\"")[0].contains("neither a check nor a range"));
        assert!(list("\"FAQ-01..PK-02\"")[0].contains("neither a check nor a range"));
        assert!(list("\"faq-01\"")[0].contains("neither a check nor a range"));
        assert!(list("\"FAQ-01..FAQ-09\", \"FAQ-05\"")[0].contains("listed twice"));
        assert_eq!(listed("[[not-yet]]\nwhy = 1").1.len(), 1);
    }

    #[test]
    fn without_the_file_nothing_is_excepted() {
        let mut problems = Vec::new();
        let not_yet = read(&Files::of(&[]), &mut problems);
        assert!(problems.is_empty() && not_yet.named().next().is_none());
    }
}
