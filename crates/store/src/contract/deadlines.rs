//! Promises about what happens later.

use sandkasse_domain::{Environment, Timestamp};

use super::{Subject, at, commit, partition, store, unit, write};
use crate::port::{Kind, Partition, StreamId, Write};

async fn set(
    subject: &Subject,
    place: &Partition,
    name: &str,
    expected: Option<u64>,
    deadline: Option<i64>,
) {
    let write = Write {
        deadline: deadline.map(at),
        ..write(name, expected, &[])
    };
    store(subject, commit(place, vec![write])).await;
}

async fn due(subject: &Subject, until: i64, limit: usize) -> Vec<(String, i64)> {
    let found = subject
        .due(&unit(), Kind::Payment, at(until), None, limit)
        .await
        .expect("reading works");
    found
        .into_iter()
        .map(|(name, at)| (name, at.as_millisecond()))
        .collect()
}

fn rows(rows: &[(&str, i64)]) -> Vec<(String, i64)> {
    rows.iter()
        .map(|(name, at)| ((*name).to_owned(), *at))
        .collect()
}

/// And at the same moment by name.
pub async fn due_returns_the_earliest_first(subject: Subject) {
    for (name, deadline) in [
        ("c", Some(20)),
        ("a", Some(30)),
        ("never", None),
        ("d", Some(20)),
        ("b", Some(-5)),
    ] {
        set(&subject, &unit(), name, None, deadline).await;
    }
    assert_eq!(
        due(&subject, 1_000, 10).await,
        rows(&[("b", -5), ("c", 20), ("d", 20), ("a", 30)])
    );
    // Whatever is to come, as somebody who looks ahead asks.
    let all = (Kind::Payment, Timestamp::MAX);
    let ahead = subject.due(&unit(), all.0, all.1, None, 2).await;
    let ahead = ahead.expect("reading works");
    assert_eq!(ahead, [("b".to_owned(), at(-5)), ("c".to_owned(), at(20))]);
}

/// Each kind has deadlines of its own.
pub async fn due_is_of_one_kind(subject: Subject) {
    for (kind, name, deadline) in [
        (Kind::Delivery, "z", 10),
        (Kind::Payment, "a", 20),
        (Kind::Delivery, "a", 30),
    ] {
        let stream = StreamId {
            kind,
            name: name.to_owned(),
        };
        let write = Write {
            stream,
            deadline: Some(at(deadline)),
            ..write(name, None, &[])
        };
        store(&subject, commit(&unit(), vec![write])).await;
    }
    for (kind, expected) in [
        (Kind::Payment, rows(&[("a", 20)])),
        (Kind::Delivery, rows(&[("z", 10), ("a", 30)])),
        (Kind::Consent, rows(&[])),
    ] {
        let first = expected.first().map(|(_, deadline)| at(*deadline));
        let found = subject.due(&unit(), kind, at(100), None, 10).await;
        let found = found.expect("reading works").into_iter();
        let found: Vec<_> = found
            .map(|(name, at)| (name, at.as_millisecond()))
            .collect();
        assert_eq!(found, expected, "{kind:?}");
        let next = subject.next_deadline(&unit(), kind).await;
        assert_eq!(next.expect("reading works"), first);
        let all = subject.next_deadlines(kind).await.expect("reading works");
        assert_eq!(all, Vec::from_iter(first.map(|first| (unit(), first))));
    }
}

/// A reader goes on behind the last place it saw, also within one moment.
pub async fn due_goes_on_behind_a_place(subject: Subject) {
    for (name, deadline) in [
        ("a", 10),
        ("c", 10),
        ("b", 10),
        ("é", 10),
        ("a2", 5),
        ("d", 20),
    ] {
        set(&subject, &unit(), name, None, Some(deadline)).await;
    }
    let mut found = Vec::new();
    loop {
        let last: Option<&(String, Timestamp)> = found.last();
        let after = last.map(|(name, at)| (*at, name.as_str()));
        let page = subject.due(&unit(), Kind::Payment, at(15), after, 2).await;
        let page = page.expect("reading works");
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a2", "a", "b", "c", "é"]);
}

/// `until` is the last moment that counts.
pub async fn due_includes_the_moment_itself(subject: Subject) {
    for (name, deadline) in [("a", 10), ("b", 11), ("c", 12)] {
        set(&subject, &unit(), name, None, Some(deadline)).await;
    }
    for (until, count) in [(9, 0), (10, 1), (11, 2), (12, 3), (13, 3)] {
        assert_eq!(due(&subject, until, 10).await.len(), count, "{until}");
    }
}

/// The rest is due the next time.
pub async fn due_stops_at_the_limit(subject: Subject) {
    for (name, deadline) in [("a", 3), ("b", 2), ("c", 1)] {
        set(&subject, &unit(), name, None, Some(deadline)).await;
    }
    assert!(due(&subject, 10, 0).await.is_empty());
    assert_eq!(due(&subject, 10, 2).await, rows(&[("c", 1), ("b", 2)]));
    assert_eq!(due(&subject, 10, usize::MAX).await.len(), 3);
}

/// Only the deadline of the last write counts.
pub async fn a_deadline_is_replaced_and_removed(subject: Subject) {
    for (expected, deadline) in [
        (None, Some(10)),
        (Some(1), Some(30)),
        (Some(2), Some(20)),
        (Some(3), None),
    ] {
        set(&subject, &unit(), "a", expected, deadline).await;
        let now = deadline.map(|deadline| ("a".to_owned(), deadline));
        assert_eq!(due(&subject, 1_000, 10).await, Vec::from_iter(now));
        assert_eq!(
            subject
                .next_deadline(&unit(), Kind::Payment)
                .await
                .expect("reading works"),
            deadline.map(at)
        );
    }
    assert!(
        subject
            .next_deadlines(Kind::Payment)
            .await
            .expect("reading works")
            .is_empty()
    );
}

/// Of each unit that has one, and of no other unit.
pub async fn next_deadline_is_the_earliest_of_the_unit(subject: Subject) {
    let units = [
        (partition(Environment::Test, "0001"), Some(9)),
        (partition(Environment::Test, "1000"), None),
        (partition(Environment::Test, "123456"), Some(4)),
        (partition(Environment::Production, "0001"), Some(7)),
        (partition(Environment::Production, "123456"), Some(1)),
    ];
    for (place, earliest) in &units {
        for (name, later) in [("c", 2), ("a", 0), ("b", 1)] {
            set(
                &subject,
                place,
                name,
                None,
                earliest.map(|earliest| earliest + later),
            )
            .await;
        }
    }
    let mut expected = Vec::new();
    for (place, earliest) in units {
        let earliest = earliest.map(at);
        assert_eq!(
            subject
                .next_deadline(&place, Kind::Payment)
                .await
                .expect("reading works"),
            earliest
        );
        expected.extend(earliest.map(|earliest| (place, earliest)));
    }
    let mut all = subject
        .next_deadlines(Kind::Payment)
        .await
        .expect("reading works");
    all.sort();
    assert_eq!(all, expected);
    assert_eq!(due(&subject, 4, 10).await, rows(&[("a", 4)]));
}
