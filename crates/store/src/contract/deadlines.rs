//! Promises about what happens later.

use sandkasse_domain::{Environment, Timestamp};

use super::{Subject, at, commit, partition, payment, store, unit, write};
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
        .due(&unit(), at(until), limit)
        .await
        .expect("reading works");
    found
        .into_iter()
        .map(|(stream, at)| (stream.name, at.as_millisecond()))
        .collect()
}

fn rows(rows: &[(&str, i64)]) -> Vec<(String, i64)> {
    rows.iter()
        .map(|(name, at)| ((*name).to_owned(), *at))
        .collect()
}

/// And at the same moment by kind and name.
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
    let stream = StreamId {
        kind: Kind::Consent,
        name: "z".to_owned(),
    };
    let consent = Write {
        stream: stream.clone(),
        deadline: Some(at(20)),
        ..write("z", None, &[])
    };
    store(&subject, commit(&unit(), vec![consent])).await;
    assert_eq!(
        due(&subject, 1_000, 10).await,
        rows(&[("b", -5), ("z", 20), ("c", 20), ("d", 20), ("a", 30)])
    );
    // Whatever is to come, as somebody who looks ahead asks.
    let ahead = subject.due(&unit(), Timestamp::MAX, 2).await;
    let ahead = ahead.expect("reading works");
    assert_eq!(ahead.len(), 2);
    assert_eq!(ahead.first(), Some(&(payment("b"), at(-5))));
    let found = subject
        .due(&unit(), at(20), 10)
        .await
        .expect("reading works");
    let [first, second, ..] = found.as_slice() else {
        panic!("four are due: {found:?}")
    };
    assert_eq!(
        (first, second),
        (&(payment("b"), at(-5)), &(stream, at(20)))
    );
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
            subject.next_deadline(&unit()).await.expect("reading works"),
            deadline.map(at)
        );
    }
    assert!(
        subject
            .next_deadlines()
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
            subject.next_deadline(&place).await.expect("reading works"),
            earliest
        );
        expected.extend(earliest.map(|earliest| (place, earliest)));
    }
    let mut all = subject.next_deadlines().await.expect("reading works");
    all.sort();
    assert_eq!(all, expected);
    assert_eq!(due(&subject, 4, 10).await, rows(&[("a", 4)]));
}
