//! Promises about the directory, and about forgetting everything.

use sandkasse_domain::Environment;

use super::{Subject, at, call, commit, history, load, reply, store, unit, write};
use crate::port::{Commit, DirectoryEntry, Write};

fn entry(environment: Environment, kind: &str, key: &str, body: Option<&str>) -> DirectoryEntry {
    DirectoryEntry {
        kind: kind.to_owned(),
        environment,
        key: key.to_owned(),
        body: body.map(str::to_owned),
    }
}

async fn put(subject: &Subject, entries: Vec<DirectoryEntry>) {
    subject.put_directory(entries).await.expect("writing works");
}

async fn directory(subject: &Subject) -> Vec<DirectoryEntry> {
    subject.directory().await.expect("reading works")
}

/// An entry is its environment, kind and key; the last body counts.
pub async fn the_directory_changes_and_forgets(subject: Subject) {
    use Environment::{Production, Test};

    assert!(directory(&subject).await.is_empty());
    put(&subject, Vec::new()).await;
    let first = vec![
        entry(Test, "merchant", "1", Some("one")),
        entry(Test, "merchant", "2", Some("two")),
        entry(Test, "person", "1", Some("kari")),
        entry(Production, "merchant", "1", Some("other")),
    ];
    put(&subject, first.iter().rev().cloned().collect()).await;
    assert_eq!(directory(&subject).await, first);

    let second = vec![
        entry(Test, "merchant", "2", None),
        entry(Test, "person", "1", Some("ola")),
        entry(Test, "person", "never", None),
        entry(Production, "merchant", "1", Some("first")),
        entry(Production, "merchant", "1", Some("then")),
        entry(Production, "merchant", "2", Some("first")),
        entry(Production, "merchant", "2", None),
    ];
    put(&subject, second).await;
    let expected = [
        entry(Test, "merchant", "1", Some("one")),
        entry(Test, "person", "1", Some("ola")),
        entry(Production, "merchant", "1", Some("then")),
    ];
    assert_eq!(directory(&subject).await, expected);
}

/// And the store is as good as new.
pub async fn clear_forgets_everything(subject: Subject) {
    for _ in 0..2 {
        let write = Write {
            deadline: Some(at(1)),
            ..write("a", None, &["e"])
        };
        let whole = Commit {
            reply: Some(reply("s", "k")),
            calls: vec![call("c", "a")],
            ..commit(&unit(), vec![write])
        };
        store(&subject, whole).await;
        put(
            &subject,
            vec![entry(Environment::Test, "merchant", "1", Some("one"))],
        )
        .await;

        subject.clear(&[]).await.expect("writing works");
        assert_eq!(load(&subject, "a").await, None);
        assert!(history(&subject, "a").await.is_empty());
        assert_eq!(
            subject
                .reply(&unit(), "s", "k")
                .await
                .expect("reading works"),
            None
        );
        assert!(
            subject
                .calls(&unit(), None, 10)
                .await
                .expect("reading works")
                .is_empty()
        );
        assert!(
            subject
                .recover_calls()
                .await
                .expect("writing works")
                .is_empty()
        );
        assert!(
            subject
                .next_deadlines()
                .await
                .expect("reading works")
                .is_empty()
        );
        assert!(directory(&subject).await.is_empty());
        assert!(!subject.begin_call("c", at(1)).await.expect("writing works"));
    }
}

/// Whoever may sign in is not forgotten with the rest.
pub async fn clear_keeps_the_kinds_that_are_named(subject: Subject) {
    use Environment::{Production, Test};

    let all = vec![
        entry(Test, "merchant", "1", Some("one")),
        entry(Test, "user's", "1", Some("kari")),
        entry(Production, "user's", "1", Some("ola")),
        entry(Production, "token", "1", Some("t")),
    ];
    put(&subject, all).await;
    subject
        .clear(&["user's", "never"])
        .await
        .expect("writing works");
    let expected = [
        entry(Test, "user's", "1", Some("kari")),
        entry(Production, "user's", "1", Some("ola")),
    ];
    assert_eq!(directory(&subject).await, expected);
    subject.clear(&[]).await.expect("writing works");
    assert!(directory(&subject).await.is_empty());
}
