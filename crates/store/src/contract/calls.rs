//! Promises about calls owed to merchants.

use sandkasse_domain::Environment;

use super::{Subject, at, call, commit, load, mistake, partition, store, unit, write};
use crate::port::{
    CallFailure, CallOutcome, CallRecord, CallState, Commit, OutgoingCall, Partition, Purpose,
};

pub(super) async fn owe(subject: &Subject, place: &Partition, calls: &[OutgoingCall]) {
    store(
        subject,
        Commit {
            calls: calls.to_vec(),
            ..commit(place, Vec::new())
        },
    )
    .await;
}

pub(super) async fn begin(subject: &Subject, id: &str) -> bool {
    subject
        .begin_call(id, at(2_000))
        .await
        .expect("writing works")
}

pub(super) async fn finish(subject: &Subject, id: &str) {
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

pub(super) async fn all(subject: &Subject, place: &Partition) -> Vec<CallRecord> {
    subject
        .calls(place, None, usize::MAX)
        .await
        .expect("reading works")
}

pub(super) async fn states(subject: &Subject) -> Vec<(String, CallState)> {
    all(subject, &unit())
        .await
        .into_iter()
        .map(|record| (record.call.id, record.state))
        .collect()
}

pub(super) fn begun() -> CallState {
    CallState::Begun { at: at(2_000) }
}

pub(super) fn done() -> CallState {
    CallState::Done {
        at: at(2_000),
        outcome: outcome(),
    }
}

pub(super) fn interrupted() -> CallState {
    CallState::Interrupted { at: at(2_000) }
}

pub(super) fn rows(rows: &[(&str, CallState)]) -> Vec<(String, CallState)> {
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

/// In the order in which they were promised, whoever they are for.
pub async fn calls_of_all_units_are_listed_in_pages(subject: Subject) {
    let other = partition(Environment::Production, "123456");
    owe(&subject, &unit(), &[call("c1", "a"), call("c2", "b")]).await;
    owe(&subject, &other, &[call("c3", "a")]).await;
    begin(&subject, "c2").await;
    finish(&subject, "c2").await;
    let page = async |before, limit| {
        let page = subject.latest_calls(before, limit).await;
        page.expect("reading works")
    };
    let ids = |page: &[(u64, CallRecord)]| -> Vec<String> {
        page.iter().map(|(_, it)| it.call.id.clone()).collect()
    };
    let first = page(None, 2).await;
    assert_eq!(ids(&first), ["c3", "c2"]);
    let [(newest, _), (older, done_one)] = first.as_slice() else {
        panic!("two calls");
    };
    assert!(newest > older);
    assert_eq!((&done_one.partition, &done_one.state), (&unit(), &done()));
    assert_eq!(ids(&page(Some(*older), 9).await), ["c1"]);
    assert_eq!(ids(&page(Some(0), 9).await), [""; 0]);
    let found = subject.call("c3").await.expect("reading works");
    assert_eq!(found.expect("it is there").partition, other);
    assert_eq!(subject.call("C3").await.expect("reading works"), None);
}
