//! Promises that hold with many callers at once.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{
    Subject, at, call, commit, history, load, payment, reply, store, unit, version, write,
};
use crate::port::{Commit, CommitError, Kind, Write};

/// Runs `count` futures at once and returns their results in the order of the futures.
pub(super) async fn together<T: Send + 'static, F>(
    count: usize,
    future: impl Fn(usize) -> F,
) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
{
    let mut set = JoinSet::new();
    for index in 0..count {
        let future = future(index);
        set.spawn(async move { (index, future.await) });
    }
    let mut results = set.join_all().await;
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// True if it was made, false if it was in conflict.
async fn try_commit(subject: &Subject, commit: Commit) -> bool {
    match subject.commit(commit).await {
        Ok(()) => true,
        Err(CommitError::Conflict) => false,
        Err(CommitError::Store(error)) => panic!("{error}"),
    }
}

/// 64 callers increase one record; each read the version just before.
pub async fn one_of_many_writers_wins_each_version(subject: Subject) {
    const WRITERS: usize = 64;
    const ROUNDS: u64 = 10;
    for round in 0..ROUNDS {
        let expected = (round > 0).then_some(round);
        let won = together(WRITERS, |writer| {
            let subject = Arc::clone(&subject);
            let event = format!("{round} by {writer}");
            let mut whole = commit(&unit(), vec![write("a", expected, &[&event])]);
            whole.reply = Some(reply("s", &event));
            async move { try_commit(&subject, whole).await.then_some(event) }
        });
        let winners: Vec<String> = won.await.into_iter().flatten().collect();
        let [winner] = winners.as_slice() else {
            panic!("exactly one wins round {round}: {winners:?}")
        };
        assert_eq!(version(&subject, "a").await, Some(round + 1));
        assert_eq!(history(&subject, "a").await.last(), Some(winner));
    }
    assert_eq!(history(&subject, "a").await.len() as u64, ROUNDS);
}

/// The same request 64 times at once, each about a record of its own: only one acts.
pub async fn a_reply_is_saved_once_by_many(subject: Subject) {
    let made = together(64, |index| {
        let subject = Arc::clone(&subject);
        let mut whole = commit(&unit(), vec![write(&format!("{index}"), None, &[])]);
        whole.reply = Some(reply("s", "k"));
        async move { try_commit(&subject, whole).await }
    });
    assert_eq!(made.await.into_iter().filter(|made| *made).count(), 1);
    let records = subject
        .list(&unit(), payment("").kind, "", None, 100)
        .await
        .expect("reading works");
    assert_eq!(records.len(), 1);
}

/// Each of ten calls is claimed by ten workers.
pub async fn a_call_is_begun_once_by_many(subject: Subject) {
    let calls = (0..10).map(|id| call(&format!("{id}"), "a")).collect();
    store(
        &subject,
        Commit {
            calls,
            ..commit(&unit(), Vec::new())
        },
    )
    .await;
    let begun = together(100, |index| {
        let subject = Arc::clone(&subject);
        let id = format!("{}", index % 10);
        async move {
            subject
                .begin_call(&id, at(1))
                .await
                .expect("writing works")
                .then_some(id)
        }
    });
    let mut begun: Vec<String> = begun.await.into_iter().flatten().collect();
    begun.sort();
    assert_eq!(begun, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
}

/// Among many commits at once, every third is in conflict with its second record.
pub async fn conflicts_do_not_disturb_their_group(subject: Subject) {
    store(
        &subject,
        commit(&unit(), vec![write("there", None, &["e"])]),
    )
    .await;
    let made = together(300, |index| {
        let subject = Arc::clone(&subject);
        let mut writes = vec![write(&format!("{index}"), None, &["e"])];
        if index % 3 == 0 {
            writes.push(write("there", Some(7), &["no"]));
        }
        async move { try_commit(&subject, commit(&unit(), writes)).await }
    });
    for (index, made) in made.await.into_iter().enumerate() {
        assert_eq!(made, index % 3 != 0, "{index}");
        assert_eq!(
            version(&subject, &format!("{index}")).await,
            made.then_some(1),
            "{index}"
        );
        assert_eq!(
            history(&subject, &format!("{index}")).await.len(),
            usize::from(made),
            "{index}"
        );
    }
    assert_eq!(history(&subject, "there").await, ["e"]);
}

/// Among many commits at once, a few use a call id again: they alone fail.
pub async fn mistakes_do_not_disturb_their_group(subject: Subject) {
    store(
        &subject,
        Commit {
            calls: vec![call("taken", "a")],
            ..commit(&unit(), Vec::new())
        },
    )
    .await;
    let results = together(100, |index| {
        let subject = Arc::clone(&subject);
        let id = if index % 25 == 0 {
            "taken".to_owned()
        } else {
            format!("c{index}")
        };
        let mut whole = commit(&unit(), vec![write(&format!("{index}"), None, &["e"])]);
        whole.calls = vec![call(&id, "a")];
        async move { subject.commit(whole).await }
    });
    for (index, result) in results.await.into_iter().enumerate() {
        assert_eq!(
            matches!(result, Err(CommitError::Store(_))),
            index % 25 == 0,
            "{index}: {result:?}"
        );
        assert_eq!(
            load(&subject, &format!("{index}")).await.is_some(),
            result.is_ok(),
            "{index}"
        );
    }
    assert_eq!(
        subject
            .calls(&unit(), None, 1_000)
            .await
            .expect("reading works")
            .len(),
        97
    );
}

/// More than fit into one group, and each can be read as soon as it is answered.
pub async fn a_crowd_of_commits_is_kept(subject: Subject) {
    let made = together(1_000, |index| {
        let subject = Arc::clone(&subject);
        async move {
            let name = format!("{index}");
            let write = Write {
                deadline: Some(at(index as i64)),
                ..write(&name, None, &["e"])
            };
            try_commit(&subject, commit(&unit(), vec![write])).await
                && version(&subject, &name).await == Some(1)
        }
    });
    assert!(made.await.into_iter().all(|made| made));
    let all = subject
        .list(&unit(), payment("").kind, "", None, 2_000)
        .await
        .expect("reading works");
    assert_eq!(all.len(), 1_000);
    assert_eq!(
        subject
            .due(&unit(), Kind::Payment, at(1_000), None, 2_000)
            .await
            .expect("reading works")
            .len(),
        1_000
    );
}
