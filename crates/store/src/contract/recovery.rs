//! Promises about calls later on: after a crash, in lists, and when they are old.

use sandkasse_domain::Environment;

use super::calls::{all, begin, done, finish, interrupted, owe, rows, states};
use super::concurrency::together;
use super::{Subject, at, call, partition, unit};
use crate::port::{CallState, OutgoingCall, Partition};

/// Of all units, in the order of the commits, whatever the clocks of the units say.
pub async fn recovery_interrupts_the_begun_and_returns_the_owed(subject: Subject) {
    let other = partition(Environment::Production, "123456");
    owe(
        &subject,
        &unit(),
        &[
            call("1", "a"),
            OutgoingCall {
                owed_at: at(9_000),
                ..call("2", "a")
            },
        ],
    )
    .await;
    owe(&subject, &other, &[call("3", "a"), call("4", "a")]).await;
    owe(&subject, &unit(), &[call("5", "a"), call("6", "a")]).await;
    assert!(begin(&subject, "1").await);
    assert!(begin(&subject, "6").await);
    finish(&subject, "6").await;
    subject
        .add_begun_call(&unit(), call("7", "a"), at(2_000))
        .await
        .expect("writing works");

    let second = OutgoingCall {
        owed_at: at(9_000),
        ..call("2", "a")
    };
    let expected = [
        (unit(), second),
        (other.clone(), call("3", "a")),
        (other.clone(), call("4", "a")),
        (unit(), call("5", "a")),
    ];
    for _ in 0..2 {
        assert_eq!(
            subject.recover_calls().await.expect("writing works"),
            expected
        );
        let after = rows(&[
            ("7", interrupted()),
            ("6", done()),
            ("5", CallState::Owed),
            ("2", CallState::Owed),
            ("1", interrupted()),
        ]);
        assert_eq!(states(&subject).await, after);
    }
    assert!(!begin(&subject, "1").await);
    assert!(begin(&subject, "3").await);
}

/// Those of the unit, or those of the unit about one thing.
pub async fn calls_are_listed_newest_first(subject: Subject) {
    let other = partition(Environment::Test, "654321");
    for (place, id, about) in [
        (unit(), "1", "a"),
        (unit(), "2", "b"),
        (other, "3", "a"),
        (unit(), "4", "A"),
        (unit(), "5", "a"),
    ] {
        owe(&subject, &place, &[call(id, about)]).await;
    }
    for (about, limit, expected) in [
        (None, 10, vec!["5", "4", "2", "1"]),
        (None, 2, vec!["5", "4"]),
        (None, 0, vec![]),
        (Some("a"), 10, vec!["5", "1"]),
        (Some("a"), 1, vec!["5"]),
        (Some("A"), 10, vec!["4"]),
        (Some("c"), 10, vec![]),
    ] {
        let found = subject
            .calls(&unit(), about, limit)
            .await
            .expect("reading works");
        let ids: Vec<&str> = found.iter().map(|record| record.call.id.as_str()).collect();
        assert_eq!(ids, expected, "{about:?} {limit}");
    }
}

/// Of each unit by itself.
pub async fn pruning_keeps_the_newest_and_the_open(subject: Subject) {
    let other = partition(Environment::Production, "123456");
    owe(
        &subject,
        &unit(),
        &["owed", "begun", "1", "2", "3", "newer"].map(|id| call(id, "a")),
    )
    .await;
    owe(&subject, &other, &["x", "y"].map(|id| call(id, "a"))).await;
    assert!(begin(&subject, "1").await);
    subject.recover_calls().await.expect("writing works");
    for id in ["2", "3", "x", "y"] {
        assert!(begin(&subject, id).await);
        finish(&subject, id).await;
    }
    assert!(begin(&subject, "begun").await);
    assert!(begin(&subject, "newer").await);

    let ids = async |place: &Partition| -> Vec<String> {
        all(&subject, place)
            .await
            .into_iter()
            .map(|record| record.call.id)
            .collect()
    };
    for (keep, here, there) in [
        (
            10,
            vec!["newer", "3", "2", "1", "begun", "owed"],
            vec!["y", "x"],
        ),
        (2, vec!["newer", "3", "2", "begun", "owed"], vec!["y", "x"]),
        (1, vec!["newer", "3", "begun", "owed"], vec!["y"]),
        (0, vec!["newer", "begun", "owed"], vec![]),
    ] {
        subject.prune_calls(keep).await.expect("writing works");
        assert_eq!(ids(&unit()).await, here, "{keep}");
        assert_eq!(ids(&other).await, there, "{keep}");
    }
    assert!(!begin(&subject, "1").await);
}

/// However many there are.
pub async fn pruning_forgets_thousands(subject: Subject) {
    const COUNT: usize = 2_500;
    let calls: Vec<OutgoingCall> = (0..COUNT).map(|id| call(&format!("{id}"), "a")).collect();
    owe(&subject, &unit(), &calls).await;
    let begun = together(COUNT, |id| {
        let subject = subject.clone();
        async move { begin(&subject, &format!("{id}")).await }
    });
    assert!(begun.await.into_iter().all(|begun| begun));
    subject.recover_calls().await.expect("writing works");
    subject.prune_calls(10).await.expect("writing works");
    let newest: Vec<String> = (COUNT - 10..COUNT)
        .rev()
        .map(|id| format!("{id}"))
        .collect();
    let kept = states(&subject).await;
    assert_eq!(
        kept.into_iter().map(|(id, _)| id).collect::<Vec<_>>(),
        newest
    );
}
