//! Promises about calls owed to merchants.

use sandkasse_domain::Environment;

use super::{Subject, at, call, commit, load, mistake, partition, store, unit, write};
use crate::port::{
    CallFailure, CallOutcome, CallRecord, CallState, Commit, OutgoingCall, Partition, Purpose,
};

async fn owe(subject: &Subject, place: &Partition, calls: &[OutgoingCall]) {
    store(
        subject,
        Commit {
            calls: calls.to_vec(),
            ..commit(place, Vec::new())
        },
    )
    .await;
}

async fn begin(subject: &Subject, id: &str) -> bool {
    subject
        .begin_call(id, at(2_000))
        .await
        .expect("writing works")
}

async fn finish(subject: &Subject, id: &str) {
    subject
        .finish_call(id, outcome())
        .await
        .expect("writing works");
}

fn outcome() -> CallOutcome {
    CallOutcome {
        status: Some(404),
        failure: Some(CallFailure::Status { status: 404 }),
        duration_ms: 12,
        answer: Some("\"no\"\0".to_owned()),
    }
}

async fn all(subject: &Subject, place: &Partition) -> Vec<CallRecord> {
    subject
        .calls(place, None, usize::MAX)
        .await
        .expect("reading works")
}

async fn states(subject: &Subject) -> Vec<(String, CallState)> {
    all(subject, &unit())
        .await
        .into_iter()
        .map(|record| (record.call.id, record.state))
        .collect()
}

fn begun() -> CallState {
    CallState::Begun { at: at(2_000) }
}

fn done() -> CallState {
    CallState::Done {
        at: at(2_000),
        outcome: outcome(),
    }
}

fn interrupted() -> CallState {
    CallState::Interrupted { at: at(2_000) }
}

fn rows(rows: &[(&str, CallState)]) -> Vec<(String, CallState)> {
    rows.iter()
        .map(|(id, state)| ((*id).to_owned(), state.clone()))
        .collect()
}

/// Complete, with everything needed to send it.
pub async fn a_call_is_owed_with_its_commit(subject: Subject) {
    let bare = OutgoingCall {
        purpose: Purpose::ConsentRemoval,
        authorization: None,
        body: None,
        timeout_ms: u64::MAX,
        ..call("c2", "b")
    };
    let both = [
        OutgoingCall {
            purpose: Purpose::ShippingDetails,
            ..call("c1", "a")
        },
        bare,
    ];
    owe(&subject, &unit(), &both).await;
    let record = |call: OutgoingCall| CallRecord {
        partition: unit(),
        call,
        state: CallState::Owed,
    };
    let [first, second] = both;
    assert_eq!(
        all(&subject, &unit()).await,
        [record(second), record(first)]
    );
}

/// Whoever comes later, or with an id that is not there, must not send.
pub async fn a_call_is_begun_once(subject: Subject) {
    owe(&subject, &unit(), &[call("c", "a")]).await;
    assert!(!begin(&subject, "C").await);
    assert!(begin(&subject, "c").await);
    assert_eq!(states(&subject).await, rows(&[("c", begun())]));
    assert!(
        !subject
            .begin_call("c", at(9_000))
            .await
            .expect("writing works")
    );
    assert_eq!(states(&subject).await, rows(&[("c", begun())]));
    finish(&subject, "c").await;
    assert!(!begin(&subject, "c").await);
    assert_eq!(states(&subject).await, rows(&[("c", done())]));
}

/// Of every kind.
pub async fn a_call_ends_with_its_outcome(subject: Subject) {
    let target = || "10.0.0.1:443".to_owned();
    let detail = || "why \u{1f9fe}".to_owned();
    let failures = [
        None,
        Some(CallFailure::Dns {
            host: "example.com".to_owned(),
            detail: detail(),
        }),
        Some(CallFailure::Forbidden {
            target: target(),
            rule: "10/8".to_owned(),
        }),
        Some(CallFailure::Refused {
            target: target(),
            detail: detail(),
        }),
        Some(CallFailure::Tls { detail: detail() }),
        Some(CallFailure::Timeout { limit_ms: 3_000 }),
        Some(CallFailure::Redirect { location: None }),
        Some(CallFailure::Status { status: 599 }),
        Some(CallFailure::Broken { detail: detail() }),
        Some(CallFailure::BadUrl { detail: detail() }),
    ];
    for (index, failure) in failures.into_iter().enumerate() {
        let id = format!("c{index}");
        owe(&subject, &unit(), &[call(&id, "a")]).await;
        assert!(begin(&subject, &id).await);
        let outcome = CallOutcome {
            status: None,
            failure,
            duration_ms: u64::MAX,
            answer: None,
        };
        subject
            .finish_call(&id, outcome.clone())
            .await
            .expect("writing works");
        let newest = states(&subject)
            .await
            .into_iter()
            .next()
            .expect("there is a call");
        assert_eq!(
            newest,
            (
                id,
                CallState::Done {
                    at: at(2_000),
                    outcome
                }
            )
        );
    }
}

/// It stays what it was: owed, done, interrupted, or unknown.
pub async fn a_call_that_is_not_being_sent_does_not_end(subject: Subject) {
    owe(
        &subject,
        &unit(),
        &[
            call("interrupted", "a"),
            call("done", "a"),
            call("owed", "a"),
        ],
    )
    .await;
    assert!(begin(&subject, "interrupted").await);
    subject.recover_calls().await.expect("writing works");
    assert!(begin(&subject, "done").await);
    finish(&subject, "done").await;
    let before = rows(&[
        ("owed", CallState::Owed),
        ("done", done()),
        ("interrupted", interrupted()),
    ]);
    assert_eq!(states(&subject).await, before);
    let other = CallOutcome {
        status: Some(200),
        failure: None,
        duration_ms: 1,
        answer: None,
    };
    for id in ["owed", "done", "interrupted", "unknown"] {
        subject
            .finish_call(id, other.clone())
            .await
            .expect("writing works");
        assert_eq!(states(&subject).await, before, "{id}");
    }
}

/// Nobody else may send it too.
pub async fn a_call_sent_at_once_is_begun(subject: Subject) {
    subject
        .add_begun_call(&unit(), call("c", "a"), at(2_000))
        .await
        .expect("writing works");
    let record = CallRecord {
        partition: unit(),
        call: call("c", "a"),
        state: begun(),
    };
    assert_eq!(all(&subject, &unit()).await, [record]);
    assert!(!begin(&subject, "c").await);
    finish(&subject, "c").await;
    assert_eq!(states(&subject).await, rows(&[("c", done())]));
}

/// Not in one commit, not in two, not in another unit.
pub async fn a_call_id_is_never_used_twice(subject: Subject) {
    owe(&subject, &unit(), &[call("c", "a")]).await;
    let with = |place: &Partition, calls| Commit {
        calls,
        ..commit(place, vec![write("x", None, &[])])
    };
    mistake(&subject, with(&unit(), vec![call("c", "b")])).await;
    mistake(
        &subject,
        with(&unit(), vec![call("d", "b"), call("d", "b")]),
    )
    .await;
    mistake(
        &subject,
        with(
            &partition(Environment::Production, "123456"),
            vec![call("c", "b")],
        ),
    )
    .await;
    subject
        .add_begun_call(&unit(), call("c", "b"), at(2_000))
        .await
        .expect_err("the id is taken");
    assert_eq!(states(&subject).await, rows(&[("c", CallState::Owed)]));
    assert_eq!(load(&subject, "x").await, None);
}

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
