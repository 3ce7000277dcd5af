//! Promises about what comes back: order, the first reply, whose it is, and the exact values.

use sandkasse_domain::Environment;

use super::{
    Subject, at, call, commit, conflict, history, load, partition, payment, reply, store, unit,
    write,
};
use crate::port::{CallState, Commit, Kind, Record, StoredEvent, StreamId, Write};

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
        (Environment::Test, "123456", Kind::InApp),
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
        subject
            .next_deadline(&unit(), Kind::Payment)
            .await
            .expect("reading works"),
        Some(at(1_234))
    );
    assert_eq!(
        subject
            .due(&unit(), Kind::Payment, fine, None, 10)
            .await
            .expect("reading works"),
        [("a".to_owned(), at(1_234))]
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
    assert_eq!(record.state, CallState::Begun { at: at(1_234) });
}
