//! Promises about the audit log.

use super::Subject;
use crate::port::{AuditLine, CommitError};

fn line(number: u64) -> AuditLine {
    AuditLine {
        number,
        previous: format!("hash {}", number - 1),
        body: format!("{{\"ø\":{number}}}"),
        hash: format!("hash {number}"),
    }
}

async fn add(subject: &Subject, numbers: impl IntoIterator<Item = u64>) {
    let lines = numbers.into_iter().map(line).collect();
    subject.add_to_audit(lines).await.expect("writing works");
}

async fn numbers(subject: &Subject, before: Option<u64>, limit: usize) -> Vec<u64> {
    let found = subject.audit(before, limit).await.expect("reading works");
    for found in &found {
        assert_eq!(*found, line(found.number));
    }
    found.into_iter().map(|line| line.number).collect()
}

/// The newest first, from anywhere, so many.
pub async fn the_audit_log_keeps_its_lines(subject: Subject) {
    assert!(numbers(&subject, None, 10).await.is_empty());
    add(&subject, []).await;
    add(&subject, [1]).await;
    add(&subject, [2, 3, 4]).await;
    assert_eq!(numbers(&subject, None, 10).await, [4, 3, 2, 1]);
    assert_eq!(numbers(&subject, None, 2).await, [4, 3]);
    assert_eq!(numbers(&subject, Some(3), 10).await, [2, 1]);
    assert_eq!(numbers(&subject, Some(3), 1).await, [2]);
    assert!(numbers(&subject, Some(1), 10).await.is_empty());
}

/// Nobody writes over a line, and what comes with the attempt is not written either.
pub async fn a_line_of_the_audit_log_is_written_once(subject: Subject) {
    add(&subject, [1, 2]).await;
    for lines in [vec![line(3), line(2)], vec![line(2), line(3)]] {
        let error = subject.add_to_audit(lines).await;
        let error = error.expect_err("a number is used once");
        assert!(matches!(error, CommitError::Conflict), "{error}");
        assert_eq!(numbers(&subject, None, 10).await, [2, 1]);
    }
    add(&subject, [3]).await;
    assert_eq!(numbers(&subject, None, 10).await, [3, 2, 1]);
}

/// What is left is as it was.
pub async fn the_audit_log_is_pruned_from_its_beginning(subject: Subject) {
    add(&subject, 1..=5).await;
    subject.prune_audit(3).await.expect("writing works");
    assert_eq!(numbers(&subject, None, 10).await, [5, 4]);
    subject.prune_audit(0).await.expect("writing works");
    assert_eq!(numbers(&subject, None, 10).await, [5, 4]);
    add(&subject, [6]).await;
    assert_eq!(numbers(&subject, None, 10).await, [6, 5, 4]);
}

/// Whoever starts again does not get rid of what they did.
pub async fn clear_keeps_the_audit_log(subject: Subject) {
    add(&subject, [1, 2]).await;
    subject.clear(&[]).await.expect("writing works");
    assert_eq!(numbers(&subject, None, 10).await, [2, 1]);
}
