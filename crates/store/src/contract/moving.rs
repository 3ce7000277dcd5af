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
        Row::Audit(_) => {}
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
            Row::Directory { .. } | Row::Audit(_) => panic!("{row:?} is of no unit"),
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
