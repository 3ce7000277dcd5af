//! Promises about rows: everything can be told, and filled into another store.

use sandkasse_domain::Environment;

use super::{
    Subject, at, call, commit, conflict, history, load, partition, reply, store, unit, write,
};
use crate::memory::MemoryStore;
use crate::port::{
    AuditLine, Commit, CommitError, DirectoryEntry, Generation, Partition, Row, Store, Write,
};

async fn rows(subject: &dyn Store, of: Option<&Partition>) -> Vec<Row> {
    let mut told = subject.rows(of).await.expect("reading works");
    let mut rows = Vec::new();
    while let Some(row) = told.next().await {
        rows.push(row.expect("reading works"));
    }
    rows
}

/// Seals are of the store that wrote them.
fn unsealed(mut row: Row) -> Row {
    match &mut row {
        Row::Directory { seal, .. }
        | Row::Record { seal, .. }
        | Row::Event { seal, .. }
        | Row::Reply { seal, .. }
        | Row::Call { seal, .. } => *seal = None,
        Row::Audit(_) | Row::Head { .. } | Row::Broken { .. } => {}
    }
    row
}

async fn lived_in(subject: &Subject) {
    let entry = |key: &str, body: Option<&str>| DirectoryEntry {
        kind: "merchant".to_owned(),
        environment: Environment::Test,
        key: key.to_owned(),
        body: body.map(str::to_owned),
    };
    for entries in [
        vec![entry("1", Some("one")), entry("2", Some("two"))],
        vec![entry("2", None)],
    ] {
        let put = subject.put_directory(entries, Generation::MAX).await;
        put.expect("nothing is in the way");
    }
    let first = Write {
        deadline: Some(at(7)),
        ..write("b", None, &["made", "at once"])
    };
    let whole = Commit {
        reply: Some(reply("s", "k")),
        calls: vec![call("c1", "b"), call("c2", "b")],
        ..commit(&unit(), vec![first, write("a", None, &[])])
    };
    store(subject, whole).await;
    let other = partition(Environment::Production, "654321");
    store(subject, commit(&other, vec![write("b", None, &["else"])])).await;
    store(
        subject,
        commit(&unit(), vec![write("b", Some(1), &["later"])]),
    )
    .await;
    assert!(
        subject
            .begin_call("c1", at(9))
            .await
            .expect("writing works")
    );
    let line = AuditLine {
        number: 1,
        previous: String::new(),
        body: "{}".to_owned(),
        hash: "h".to_owned(),
    };
    subject
        .add_to_audit(vec![line])
        .await
        .expect("it is the first");
}

/// And the other store then tells the same.
pub async fn rows_tell_everything_and_fill_another(subject: Subject) {
    lived_in(&subject).await;
    let told: Vec<Row> = rows(&*subject, None)
        .await
        .into_iter()
        .map(unsealed)
        .collect();
    assert_eq!(told.len(), 1 + 3 + 4 + 1 + 2 + 1, "{told:#?}");
    let memory = MemoryStore::new();
    memory.fill(told.clone()).await.expect("it is empty");
    assert_eq!(rows(&memory, None).await, told);
    subject.clear(&[]).await.expect("writing works");
    subject.prune_audit(1).await.expect("writing works");
    subject.fill(told.clone()).await.expect("it is empty again");
    let again: Vec<Row> = rows(&*subject, None)
        .await
        .into_iter()
        .map(unsealed)
        .collect();
    assert_eq!(again, told);
    assert_eq!(history(&subject, "b").await, ["made", "at once", "later"]);
    assert_eq!(load(&subject, "b").await.map(|it| it.version), Some(2));
    // It goes on as if nothing had happened.
    conflict(&subject, commit(&unit(), vec![write("b", Some(1), &[])])).await;
    store(
        &subject,
        commit(&unit(), vec![write("b", Some(2), &["last"])]),
    )
    .await;
}

/// Neither the directory nor anybody else's.
pub async fn rows_of_a_unit_are_of_that_unit(subject: Subject) {
    lived_in(&subject).await;
    let of = rows(&*subject, Some(&unit())).await;
    assert_eq!(of.len(), 2 + 3 + 1 + 2, "{of:#?}");
    for row in &of {
        let partition = match row {
            Row::Record { partition, .. }
            | Row::Event { partition, .. }
            | Row::Reply { partition, .. } => partition,
            Row::Call { record, .. } => &record.partition,
            Row::Directory { .. } | Row::Audit(_) | Row::Head { .. } | Row::Broken { .. } => {
                panic!("{row:?} is of no unit")
            }
        };
        assert_eq!(*partition, unit());
    }
}

/// Nothing of what came with it is filled either.
pub async fn what_is_there_is_not_filled_again(subject: Subject) {
    lived_in(&subject).await;
    let told = rows(&*subject, None).await;
    let mut changed = told.clone();
    for row in &mut changed {
        if let Row::Record { stream, .. } | Row::Event { stream, .. } = row {
            stream.name.push_str(" anew");
        }
    }
    for rows in [told.clone(), changed] {
        let refused = subject.fill(rows).await;
        assert!(matches!(refused, Err(CommitError::Conflict)), "{refused:?}");
    }
    assert_eq!(rows(&*subject, None).await, told);
}

/// A crowd goes on writing while rows are told; every record has the events of its version, and
/// nothing of a commit is there without the rest.
pub async fn rows_under_writing_are_of_one_moment(subject: Subject) {
    let name = |number: usize| format!("p{number:03}");
    for number in 0..300 {
        let first = commit(&unit(), vec![write(&name(number), None, &["1"])]);
        store(&subject, first).await;
    }
    let writer = tokio::spawn({
        let subject = subject.clone();
        async move {
            for version in 1..4 {
                for number in 0..300 {
                    let write = write(&name(number), Some(version), &["more"]);
                    let whole = Commit {
                        reply: Some(reply(&name(number), &(version + 1).to_string())),
                        ..commit(&unit(), vec![write])
                    };
                    store(&subject, whole).await;
                }
            }
        }
    });
    for _ in 0..3 {
        let (mut versions, mut events, mut replies) = (0, 0, 0);
        for row in rows(&*subject, None).await {
            match &row {
                Row::Record { record, .. } => versions += record.version,
                Row::Event { .. } => events += 1,
                Row::Reply { .. } => replies += 1,
                Row::Directory { .. }
                | Row::Call { .. }
                | Row::Audit(_)
                | Row::Head { .. }
                | Row::Broken { .. } => panic!("nobody wrote {row:?}"),
            }
        }
        assert_eq!((events, replies), (versions, versions - 300));
    }
    writer.await.expect("it writes to the end");
}

/// The unit's rows are what was given, and nobody else's are touched.
pub async fn a_unit_is_replaced_as_a_whole(subject: Subject) {
    lived_in(&subject).await;
    let of = rows(&*subject, Some(&unit())).await;
    let other = partition(Environment::Production, "654321");
    let others = rows(&*subject, Some(&other)).await;

    // Back to what it was, after more was done.
    let more = Commit {
        reply: Some(reply("s", "k2")),
        calls: vec![call("c3", "z")],
        ..commit(
            &unit(),
            vec![write("b", Some(2), &["more"]), write("z", None, &["new"])],
        )
    };
    store(&subject, more).await;
    subject
        .replace(&unit(), of.clone())
        .await
        .expect("nothing is in the way");
    assert_eq!(rows(&*subject, Some(&unit())).await, of);
    assert_eq!(rows(&*subject, Some(&other)).await, others);
    assert_eq!(load(&subject, "z").await, None);
    assert!(
        !subject
            .begin_call("c3", at(9))
            .await
            .expect("writing works")
    );

    // What cannot be done changes nothing.
    let refused = subject.replace(&unit(), others.clone()).await;
    assert!(matches!(refused, Err(CommitError::Store(_))), "{refused:?}");
    let mut stolen = of.clone();
    stolen.retain(|row| matches!(row, Row::Call { .. }));
    for row in &mut stolen {
        if let Row::Call { record, .. } = row {
            record.partition = other.clone();
        }
    }
    let refused = subject.replace(&other, stolen).await;
    assert!(matches!(refused, Err(CommitError::Conflict)), "{refused:?}");
    assert_eq!(rows(&*subject, Some(&unit())).await, of);
    assert_eq!(rows(&*subject, Some(&other)).await, others);

    // An entry of the directory comes in the same moment; and a unit can be emptied.
    let entry = DirectoryEntry {
        kind: "merchant".to_owned(),
        environment: Environment::Test,
        key: "1".to_owned(),
        body: Some("another".to_owned()),
    };
    let with = vec![Row::Directory {
        entry: entry.clone(),
        seal: None,
    }];
    let (_, seen) = subject.directory(0).await.expect("reading works");
    subject
        .replace(&unit(), with)
        .await
        .expect("nothing is in the way");
    assert!(rows(&*subject, Some(&unit())).await.is_empty());
    let (changed, now) = subject.directory(seen).await.expect("reading works");
    assert_eq!((changed, now > seen), (vec![entry], true));
}
