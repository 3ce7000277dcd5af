//! Promises about lists of names.

use super::{Subject, commit, store, unit, write};
use crate::port::{Kind, StreamId, Write};

const NAMES: [&str; 12] = [
    "",
    "A",
    "AB",
    "a",
    "a\0",
    "a%",
    "a_b",
    "ab",
    "ab\u{d7ff}",
    "ab\u{e000}",
    "ab\u{10ffff}",
    "b",
];

/// [`NAMES`] as payments and a consent that must never be among them.
async fn fill(subject: &Subject) {
    let mut writes: Vec<Write> = NAMES
        .iter()
        .rev()
        .map(|name| write(name, None, &[]))
        .collect();
    let stream = StreamId {
        kind: Kind::Consent,
        name: "aa".to_owned(),
    };
    writes.push(Write {
        stream,
        ..write("aa", None, &[])
    });
    store(subject, commit(&unit(), writes)).await;
}

async fn names(subject: &Subject, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
    let found = subject
        .list(&unit(), Kind::Payment, prefix, after, limit)
        .await
        .expect("reading works");
    for (name, record) in &found {
        assert_eq!((record.version, &record.body), (1, &format!("{name} 1")));
    }
    found.into_iter().map(|(name, _)| name).collect()
}

/// Byte by byte: neither case nor the wildcards of SQL mean anything, and the order is that of the bytes.
pub async fn list_returns_what_starts_with_the_prefix(subject: Subject) {
    fill(&subject).await;
    for prefix in [
        "",
        "A",
        "a",
        "a\0",
        "a%",
        "a_",
        "ab",
        "ab\u{d7ff}",
        "ab\u{10ffff}",
        "\u{10ffff}",
        "B",
        "c",
    ] {
        let expected: Vec<&str> = NAMES
            .into_iter()
            .filter(|name| name.starts_with(prefix))
            .collect();
        assert_eq!(
            names(&subject, prefix, None, 100).await,
            expected,
            "{prefix:?}"
        );
    }
    let consents = subject
        .list(&unit(), Kind::Consent, "", None, 100)
        .await
        .expect("reading works");
    assert_eq!(consents.len(), 1);
}

/// Also when the name is not there, or does not start with the prefix.
pub async fn list_goes_on_after_a_name(subject: Subject) {
    fill(&subject).await;
    for prefix in ["", "a", "ab", "b"] {
        for after in [
            "",
            "0",
            "A",
            "a",
            "a\0",
            "aa",
            "ab",
            "ab\u{10ffff}",
            "b",
            "c",
            "\u{10ffff}",
        ] {
            let wanted = |name: &&str| name.starts_with(prefix) && *name > after;
            let expected: Vec<&str> = NAMES.into_iter().filter(wanted).collect();
            assert_eq!(
                names(&subject, prefix, Some(after), 100).await,
                expected,
                "{prefix:?} {after:?}"
            );
        }
    }
}

/// Page by page one sees everything once.
pub async fn list_stops_at_the_limit(subject: Subject) {
    fill(&subject).await;
    assert!(names(&subject, "", None, 0).await.is_empty());
    assert_eq!(names(&subject, "", None, usize::MAX).await, NAMES);
    for limit in 1..=NAMES.len() {
        let mut seen: Vec<String> = Vec::new();
        loop {
            let page = names(&subject, "", seen.last().map(String::as_str), limit).await;
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            seen.extend(page);
        }
        assert_eq!(seen, NAMES, "{limit}");
    }
}
