//! Promises about one commit: all or nothing, versions, histories, replies.

use super::{
    Subject, at, call, commit, conflict, history, load, mistake, payment, reply, store, unit,
    version, write,
};
use crate::port::{Commit, Kind, Record, StoredEvent, Write};

/// Everything in a commit is there after it.
pub async fn a_commit_can_be_read(subject: Subject) {
    assert_eq!(load(&subject, "a").await, None);
    let first = Write {
        deadline: Some(at(5_000)),
        ..write("a", None, &["one", "two"])
    };
    let whole = Commit {
        reply: Some(reply("create/a", "k")),
        calls: vec![call("c1", "a")],
        ..commit(&unit(), vec![first, write("b", None, &[])])
    };
    store(&subject, whole).await;

    let record = Record {
        version: 1,
        body: "a 1".to_owned(),
        deadline: Some(at(5_000)),
    };
    assert_eq!(load(&subject, "a").await, Some(record));
    assert_eq!(version(&subject, "b").await, Some(1));
    let event = |body: &str| StoredEvent {
        at: at(1_000),
        body: body.to_owned(),
    };
    let events = subject
        .history(&unit(), &payment("a"))
        .await
        .expect("reading works");
    assert_eq!(events, [event("one"), event("two")]);
    assert!(history(&subject, "b").await.is_empty());
    let saved = subject
        .reply(&unit(), "create/a", "k")
        .await
        .expect("reading works");
    assert_eq!(saved, Some(reply("create/a", "k")));
    assert_eq!(
        subject
            .calls(&unit(), None, 10)
            .await
            .expect("reading works")
            .len(),
        1
    );
}

/// 1, 2, 3.
pub async fn the_version_counts_the_writes(subject: Subject) {
    for expected in [None, Some(1), Some(2)] {
        store(&subject, commit(&unit(), vec![write("a", expected, &[])])).await;
    }
    let record = Record {
        version: 3,
        body: "a 3".to_owned(),
        deadline: None,
    };
    assert_eq!(load(&subject, "a").await, Some(record));
}

/// Too old, too new, there already, not there at all.
pub async fn a_write_for_another_version_is_a_conflict(subject: Subject) {
    for expected in [None, Some(1)] {
        store(&subject, commit(&unit(), vec![write("a", expected, &[])])).await;
    }
    for (name, expected) in [
        ("a", None),
        ("a", Some(0)),
        ("a", Some(1)),
        ("a", Some(3)),
        ("a", Some(u64::MAX - 1)),
        ("nothing", Some(0)),
        ("nothing", Some(1)),
    ] {
        conflict(
            &subject,
            commit(&unit(), vec![write(name, expected, &["no"])]),
        )
        .await;
        assert_eq!(version(&subject, "a").await, Some(2), "{name} {expected:?}");
        assert_eq!(
            version(&subject, "nothing").await,
            None,
            "{name} {expected:?}"
        );
    }
}

/// Wherever in the commit the conflict is, no part of the commit is there.
pub async fn a_conflict_leaves_nothing(subject: Subject) {
    let there = Commit {
        reply: Some(reply("s", "taken")),
        ..commit(&unit(), vec![write("there", None, &["e"])])
    };
    store(&subject, there).await;
    let good = |name: &str| Write {
        deadline: Some(at(1)),
        ..write(name, None, &["e"])
    };
    let bad = || write("there", None, &["no"]);
    let rows = [
        ("the first write", vec![bad(), good("x"), good("y")], "free"),
        ("a write between", vec![good("x"), bad(), good("y")], "free"),
        ("the last write", vec![good("x"), good("y"), bad()], "free"),
        ("the reply", vec![good("x"), good("y")], "taken"),
        (
            "all of it",
            vec![bad(), good("x"), write("y", Some(1), &["no"])],
            "taken",
        ),
    ];
    for (row, writes, key) in rows {
        let whole = Commit {
            reply: Some(reply("s", key)),
            calls: vec![call("c1", "x")],
            ..commit(&unit(), writes)
        };
        conflict(&subject, whole).await;
        for name in ["x", "y"] {
            assert_eq!(load(&subject, name).await, None, "{row}");
            assert!(history(&subject, name).await.is_empty(), "{row}");
        }
        assert_eq!(version(&subject, "there").await, Some(1), "{row}");
        assert_eq!(history(&subject, "there").await, ["e"], "{row}");
        assert_eq!(
            subject
                .reply(&unit(), "s", "free")
                .await
                .expect("reading works"),
            None,
            "{row}"
        );
        assert!(
            subject
                .calls(&unit(), None, 10)
                .await
                .expect("reading works")
                .is_empty(),
            "{row}"
        );
        assert_eq!(
            subject
                .next_deadline(&unit(), Kind::Payment)
                .await
                .expect("reading works"),
            None,
            "{row}"
        );
    }
}

/// It is no mistake either.
pub async fn a_commit_without_content_changes_nothing(subject: Subject) {
    store(&subject, commit(&unit(), Vec::new())).await;
    assert_eq!(load(&subject, "a").await, None);
}

/// Also not with versions that would fit one after the other.
pub async fn a_commit_writes_no_record_twice(subject: Subject) {
    for second in [None, Some(1)] {
        let twice = vec![
            write("a", None, &[]),
            write("b", None, &[]),
            write("a", second, &[]),
        ];
        mistake(&subject, commit(&unit(), twice)).await;
        assert_eq!(load(&subject, "a").await, None);
        assert_eq!(load(&subject, "b").await, None);
    }
}
