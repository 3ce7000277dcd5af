//! Promises about one commit: all or nothing, versions, histories, replies.

use sandkasse_domain::Environment;

use super::{
    Subject, at, call, commit, conflict, history, load, mistake, partition, payment, reply, store,
    unit, version, write,
};
use crate::port::{Commit, Kind, Record, StoredEvent, StreamId, Write};

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
            subject.next_deadline(&unit()).await.expect("reading works"),
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

/// Across commits, within one, also beyond nine of both, and with none in between.
pub async fn history_keeps_the_order_of_all_commits(subject: Subject) {
    let mut expected = Vec::new();
    for round in 0..12_u64 {
        let count = if round == 5 { 0 } else { 12 };
        let events: Vec<String> = (0..count).map(|event| format!("{round}.{event}")).collect();
        let texts: Vec<&str> = events.iter().map(String::as_str).collect();
        let seen = (round > 0).then_some(round);
        store(
            &subject,
            commit(
                &unit(),
                vec![write("a", seen, &texts), write("other", seen, &["x"])],
            ),
        )
        .await;
        expected.extend(events);
    }
    assert_eq!(history(&subject, "a").await, expected);
}

/// A second one under the same scope and key is a conflict, whatever it says.
pub async fn the_first_reply_stays(subject: Subject) {
    let with = |reply| Commit {
        reply: Some(reply),
        ..commit(&unit(), Vec::new())
    };
    store(&subject, with(reply("capture/a", "k"))).await;
    let mut other = reply("capture/a", "k");
    other.status = 400;
    conflict(&subject, with(other)).await;
    let elsewhere = Commit {
        partition: partition(Environment::Production, "123456"),
        ..with(reply("capture/a", "k"))
    };
    for another in [
        with(reply("capture/a", "K")),
        with(reply("capture/A", "k")),
        with(reply("capture", "a/k")),
        elsewhere,
    ] {
        store(&subject, another).await;
    }
    let saved = subject
        .reply(&unit(), "capture/a", "k")
        .await
        .expect("reading works");
    assert_eq!(saved, Some(reply("capture/a", "k")));
    assert_eq!(
        subject
            .reply(&unit(), "capture/b", "k")
            .await
            .expect("reading works"),
        None
    );
}

/// The same name in another environment, unit or kind is another record.
pub async fn environments_units_and_kinds_are_apart(subject: Subject) {
    let places = [
        (Environment::Test, "123456", Kind::Payment),
        (Environment::Test, "123456", Kind::Consent),
        (Environment::Test, "0123456", Kind::Payment),
        (Environment::Production, "123456", Kind::Payment),
    ];
    for (index, (environment, msn, kind)) in places.into_iter().enumerate() {
        let stream = StreamId {
            kind,
            name: "a".to_owned(),
        };
        let body = format!("{index}");
        let write = Write {
            stream,
            body,
            ..write("a", None, &[&format!("event {index}")])
        };
        store(&subject, commit(&partition(environment, msn), vec![write])).await;
    }
    for (index, (environment, msn, kind)) in places.into_iter().enumerate() {
        let (place, stream) = (
            partition(environment, msn),
            StreamId {
                kind,
                name: "a".to_owned(),
            },
        );
        let record = subject
            .load(&place, &stream)
            .await
            .expect("reading works")
            .expect("it was written");
        assert_eq!((record.version, record.body), (1, format!("{index}")));
        let events = subject
            .history(&place, &stream)
            .await
            .expect("reading works");
        assert_eq!(
            events,
            [StoredEvent {
                at: at(1_000),
                body: format!("event {index}")
            }]
        );
        assert_eq!(
            subject
                .list(&place, kind, "", None, 10)
                .await
                .expect("reading works")
                .len(),
            1
        );
    }
}

/// Names, keys and bodies may be anything a caller can send.
pub async fn odd_texts_come_back_unchanged(subject: Subject) {
    let texts = [
        "",
        " ",
        "\0",
        "a\0b",
        "a\0c",
        "'\"; DROP TABLE records",
        "%_",
        "æøå",
        "a\u{30a}",
        "\u{10ffff}",
        "🧾",
    ];
    for text in texts {
        let write = Write {
            body: text.to_owned(),
            ..write(text, None, &[text])
        };
        let whole = Commit {
            reply: Some(reply(text, text)),
            calls: vec![call(&format!("id {text}"), text)],
            ..commit(&unit(), vec![write])
        };
        store(&subject, whole).await;
    }
    for text in texts {
        let record = load(&subject, text).await.expect("it was written");
        assert_eq!(
            record,
            Record {
                version: 1,
                body: text.to_owned(),
                deadline: None
            }
        );
        assert_eq!(history(&subject, text).await, [text]);
        let saved = subject
            .reply(&unit(), text, text)
            .await
            .expect("reading works");
        assert_eq!(saved, Some(reply(text, text)));
        let calls = subject
            .calls(&unit(), Some(text), 10)
            .await
            .expect("reading works");
        assert_eq!(
            calls
                .iter()
                .map(|record| record.call.about.as_str())
                .collect::<Vec<_>>(),
            [text]
        );
    }
}

/// Bodies do not have to fit on a page.
pub async fn big_texts_come_back_unchanged(subject: Subject) {
    let body = "0123456789".repeat(200_000);
    for expected in [None, Some(1)] {
        let write = Write {
            body: body.clone(),
            ..write("a", expected, &[&body])
        };
        store(&subject, commit(&unit(), vec![write])).await;
    }
    assert_eq!(
        load(&subject, "a").await.expect("it was written").body,
        body
    );
    assert_eq!(history(&subject, "a").await, [body.as_str(), body.as_str()]);
}

/// Finer parts of a moment are cut off, everywhere in the same way.
pub async fn moments_have_milliseconds(subject: Subject) {
    let fine = at(1_234) + std::time::Duration::from_nanos(999_999);
    let event = StoredEvent {
        at: fine,
        body: "e".to_owned(),
    };
    let write = Write {
        deadline: Some(fine),
        events: vec![event],
        ..write("a", None, &[])
    };
    let mut owed = call("c", "a");
    owed.owed_at = fine;
    store(
        &subject,
        Commit {
            calls: vec![owed],
            ..commit(&unit(), vec![write])
        },
    )
    .await;

    assert_eq!(
        load(&subject, "a").await.expect("it was written").deadline,
        Some(at(1_234))
    );
    assert_eq!(
        subject.next_deadline(&unit()).await.expect("reading works"),
        Some(at(1_234))
    );
    assert_eq!(
        subject.due(&unit(), fine, 10).await.expect("reading works"),
        [(payment("a"), at(1_234))]
    );
    let events = subject
        .history(&unit(), &payment("a"))
        .await
        .expect("reading works");
    assert_eq!(
        events,
        [StoredEvent {
            at: at(1_234),
            body: "e".to_owned()
        }]
    );
    assert!(subject.begin_call("c", fine).await.expect("writing works"));
    let calls = subject
        .calls(&unit(), None, 10)
        .await
        .expect("reading works");
    let [record] = calls.as_slice() else {
        panic!("one call was written: {calls:?}")
    };
    assert_eq!(record.call.owed_at, at(1_234));
    assert_eq!(
        record.state,
        crate::port::CallState::Begun { at: at(1_234) }
    );
}
