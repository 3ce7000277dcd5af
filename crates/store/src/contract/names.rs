//! Promises about lists of names, and of records as they were made.

use sandkasse_domain::Environment;

use super::{Subject, commit, partition, store, unit, write};
use crate::port::{Kind, Numbered, StreamId, Write};

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

async fn made(subject: &Subject, kind: Kind, before: Option<u64>, limit: usize) -> Vec<Numbered> {
    subject
        .newest(&unit(), kind, before, limit)
        .await
        .expect("reading works")
}

/// Neither their names nor what is written later change the order; other kinds and other sales units
/// are not among them.
pub async fn newest_begins_with_the_last_made(subject: Subject) {
    let names = ["c", "a", "d", "b"];
    for name in names {
        store(&subject, commit(&unit(), vec![write(name, None, &[])])).await;
        let other = partition(Environment::Production, "123456");
        store(&subject, commit(&other, vec![write(name, None, &[])])).await;
    }
    let stream = StreamId {
        kind: Kind::Consent,
        name: "z".to_owned(),
    };
    let consent = Write {
        stream,
        ..write("z", None, &[])
    };
    store(&subject, commit(&unit(), vec![consent])).await;
    store(&subject, commit(&unit(), vec![write("a", Some(1), &[])])).await;
    let found = made(&subject, Kind::Payment, None, 100).await;
    let seen: Vec<(&str, u64)> = found
        .iter()
        .map(|it| (it.name.as_str(), it.record.version))
        .collect();
    assert_eq!(seen, [("b", 1), ("d", 1), ("a", 2), ("c", 1)]);
    assert_eq!(made(&subject, Kind::Consent, None, 100).await.len(), 1);
}

/// Page by page one sees everything once, also while more is made.
pub async fn newest_goes_on_before_a_number(subject: Subject) {
    for name in ["a", "b", "c", "d", "e"] {
        store(&subject, commit(&unit(), vec![write(name, None, &[])])).await;
    }
    for limit in 1..=6 {
        let mut seen: Vec<String> = Vec::new();
        let mut before = None;
        loop {
            let page = made(&subject, Kind::Payment, before, limit).await;
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            before = Some(last.number);
            seen.extend(page.into_iter().map(|it| it.name));
            let late = write(&format!("late {limit} {}", seen.len()), None, &[]);
            store(&subject, commit(&unit(), vec![late])).await;
        }
        seen.retain(|name| !name.starts_with("late"));
        assert_eq!(seen, ["e", "d", "c", "b", "a"], "{limit}");
    }
    assert!(made(&subject, Kind::Payment, None, 0).await.is_empty());
}

/// By number, in one environment, and no unit twice.
pub async fn units_with_a_name_are_found(subject: Subject) {
    let in_app = |name: &str| Write {
        stream: StreamId {
            kind: Kind::InApp,
            name: name.to_owned(),
        },
        ..write(name, None, &[])
    };
    for (environment, msn, names) in [
        (Environment::Test, "300000", &["kari/1", "kari/2"][..]),
        (Environment::Test, "200000", &["karin/1"]),
        (Environment::Test, "100000", &["kari/3", "ola/1"]),
        (Environment::Production, "400000", &["kari/4"]),
    ] {
        let writes = names.iter().map(|name| in_app(name)).collect();
        store(&subject, commit(&partition(environment, msn), writes)).await;
    }
    let here = partition(Environment::Test, "500000");
    store(&subject, commit(&here, vec![write("kari/5", None, &[])])).await;
    let found = async |prefix: &str| {
        let found = subject.units_with(Environment::Test, Kind::InApp, prefix);
        let found = found.await.expect("reading works");
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(found("kari/").await, ["100000", "300000"]);
    assert_eq!(found("kari").await, ["100000", "200000", "300000"]);
    assert_eq!(found("ola/").await, ["100000"]);
    assert!(found("per/").await.is_empty());
}
