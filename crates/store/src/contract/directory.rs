//! Promises about the directory, and about forgetting everything.

use sandkasse_domain::Environment;

use super::{Subject, at, call, commit, history, load, reply, store, unit, write};
use crate::port::{Commit, CommitError, DirectoryEntry, Generation, Kind, Write};

fn entry(environment: Environment, kind: &str, key: &str, body: Option<&str>) -> DirectoryEntry {
    DirectoryEntry {
        kind: kind.to_owned(),
        environment,
        key: key.to_owned(),
        body: body.map(str::to_owned),
    }
}

async fn put(subject: &Subject, entries: Vec<DirectoryEntry>) {
    change(subject, entries, Generation::MAX)
        .await
        .expect("nothing is in the way");
}

async fn change(
    subject: &Subject,
    entries: Vec<DirectoryEntry>,
    seen: Generation,
) -> Result<Generation, CommitError> {
    subject.put_directory(entries, seen).await
}

async fn directory(subject: &Subject) -> Vec<DirectoryEntry> {
    after(subject, 0).await.0
}

async fn after(subject: &Subject, seen: Generation) -> (Vec<DirectoryEntry>, Generation) {
    subject.directory(seen).await.expect("reading works")
}

/// Whoever knows a generation reads only what was changed since, also what is gone.
pub async fn the_directory_tells_what_changed_since(subject: Subject) {
    use Environment::{Production, Test};

    let (nothing, first) = after(&subject, 0).await;
    assert!(nothing.is_empty() && first > 0);
    let one = entry(Test, "merchant", "1", Some("one"));
    let two = entry(Production, "merchant", "2", Some("two"));
    let second = change(&subject, vec![one, two.clone()], first).await;
    let second = second.expect("nobody changed it");
    assert!(second > first);
    assert_eq!(after(&subject, second).await, (Vec::new(), second));
    // A generation that will never be reached asks whether the store answers.
    assert_eq!(after(&subject, Generation::MAX).await, (Vec::new(), second));
    let gone = entry(Test, "merchant", "1", None);
    let third = change(&subject, vec![gone.clone()], second).await;
    let third = third.expect("nobody changed it");
    assert_eq!(after(&subject, second).await, (vec![gone.clone()], third));
    let since_first = after(&subject, first).await;
    assert_eq!(since_first, (vec![gone, two.clone()], third));
    assert_eq!(after(&subject, 0).await, (vec![two], third));
}

/// Of two writers who saw the same, the second looks again; other entries do not concern them.
pub async fn a_change_of_what_was_changed_since_is_a_conflict(subject: Subject) {
    use Environment::Test;

    let (_, seen) = after(&subject, 0).await;
    let body = |key, body| entry(Test, "person", key, Some(body));
    let made = change(&subject, vec![body("1", "a")], seen).await;
    let made = made.expect("nobody made it");
    for entries in [
        vec![body("1", "b")],
        vec![body("2", "b"), body("1", "b")],
        vec![entry(Test, "person", "1", None)],
    ] {
        let refused = change(&subject, entries, seen).await;
        assert!(matches!(refused, Err(CommitError::Conflict)), "{refused:?}");
    }
    assert_eq!(directory(&subject).await, [body("1", "a")]);
    let other = change(&subject, vec![body("2", "b")], seen).await;
    other.expect("nobody made that one");
    let again = change(&subject, vec![body("1", "b")], made).await;
    again.expect("it was seen as it is");
    // Also what is gone was changed.
    let (_, seen) = after(&subject, 0).await;
    put(&subject, vec![entry(Test, "person", "1", None)]).await;
    let refused = change(&subject, vec![body("1", "c")], seen).await;
    assert!(matches!(refused, Err(CommitError::Conflict)), "{refused:?}");
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
                .next_deadlines(Kind::Payment)
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
    let (_, seen) = after(&subject, 0).await;
    subject.clear(&[]).await.expect("writing works");
    assert!(directory(&subject).await.is_empty());
    assert!(after(&subject, 0).await.1 >= seen, "generations go on");
}
