//! The audit log: who changed what, as a chain. Each line holds the SHA-256 over the line before,
//! its own number and its own content, so nobody can change, insert or drop a line without every
//! later one giving it away. What the chain does not show is that its newest lines were cut off;
//! whoever must know notes the newest hash elsewhere.
//!
//! Lines of the same moment are written together, one transaction for all who wait.

use std::{fmt::Write as _, sync::Arc};

use aws_lc_rs::digest::{Context, SHA256};
use parking_lot::Mutex;
use sandkasse_domain::{Timestamp, user::Role};
use sandkasse_store::{AuditLine, CommitError, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{Mutex as Turn, oneshot};

use crate::unreadable;

/// So many lines are kept at least; the oldest beyond go.
pub const KEPT: u64 = 100_000;
/// After so many new lines the oldest go.
const PRUNE_EVERY: u64 = 1_000;
/// So many lines are verified at a time.
const PORTION: usize = 1_000;
/// How often lines are chained again because another node wrote some.
const ATTEMPTS: usize = 64;
/// The `previous` of the first line.
pub(crate) const BEGINNING: &str =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// Something that was done, or refused to somebody known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Real time.
    pub at: Timestamp,
    /// Who, in words.
    pub actor: String,
    /// As what, if they have a role.
    pub role: Option<Role>,
    /// How they were known: `session`, `token`, `admin_token`, `local`, `nobody`.
    pub how: String,
    /// What: the method and the path, or a name.
    pub action: String,
    /// How it was answered, where it was a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What changed, as it was before. Holds no secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The same afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// 1 for the first.
    pub number: u64,
    /// What was done.
    pub entry: Entry,
    /// The hash of the line before.
    pub previous: String,
    /// The hash of this line.
    pub hash: String,
}

/// What verifying all of the log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// So many lines are there.
    pub lines: u64,
    /// The oldest of them; what came before was forgotten in time.
    pub first: Option<u64>,
    /// The newest.
    pub last: Option<u64>,
    /// The hash of the newest.
    pub head: Option<String>,
    /// The number of the first line that does not follow from the one before.
    pub broken_at: Option<u64>,
}

type Waiting = (Entry, oneshot::Sender<Result<(), StoreError>>);

struct Head {
    number: u64,
    hash: String,
}

/// The log.
pub struct Audit {
    store: Arc<dyn Store>,
    head: Turn<Head>,
    waiting: Mutex<Vec<Waiting>>,
}

impl Audit {
    /// Finds its end.
    pub(crate) async fn open(store: Arc<dyn Store>) -> Result<Audit, StoreError> {
        let head = newest(&*store).await?;
        Ok(Audit {
            store,
            head: Turn::new(head),
            waiting: Mutex::default(),
        })
    }

    /// Writes an entry; returns when it is durable.
    pub async fn write(&self, entry: Entry) -> Result<(), StoreError> {
        let (told, answer) = oneshot::channel();
        self.waiting.lock().push((entry, told));
        self.write_all().await;
        answer
            .await
            .unwrap_or_else(|_| Err(StoreError("the audit log was not written".to_owned())))
    }

    /// Whoever gets the turn first writes for all who wait; the others then find nothing to do.
    async fn write_all(&self) {
        let mut head = self.head.lock().await;
        let waiting = std::mem::take(&mut *self.waiting.lock());
        if waiting.is_empty() {
            return;
        }
        let (entries, told): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        let before = head.number;
        let written = self.append(&mut head, &entries).await;
        if written.is_ok()
            && head.number / PRUNE_EVERY > before / PRUNE_EVERY
            && let Err(error) = self
                .store
                .prune_audit(head.number.saturating_sub(KEPT))
                .await
        {
            tracing::warn!(%error, "old lines of the audit log could not be forgotten");
        }
        for told in told {
            // Whoever no longer waits is not told.
            told.send(written.clone()).ok();
        }
    }

    /// Another node may have written meanwhile; then the chain goes on behind its lines.
    async fn append(&self, head: &mut Head, entries: &[Entry]) -> Result<(), StoreError> {
        for _ in 0..ATTEMPTS {
            let (lines, end) = chained(head, entries);
            match self.store.add_to_audit(lines).await {
                Ok(()) => {
                    *head = end;
                    return Ok(());
                }
                Err(CommitError::Conflict) => *head = newest(&*self.store).await?,
                Err(CommitError::Store(error)) => return Err(error),
            }
        }
        let text = "the audit log met another node again and again";
        Err(StoreError(text.to_owned()))
    }

    /// Lines with numbers below `before`, the newest first.
    pub async fn lines(&self, before: Option<u64>, limit: usize) -> Result<Vec<Line>, StoreError> {
        let lines = self.store.audit(before, limit).await?;
        lines
            .into_iter()
            .map(|line| {
                let entry = serde_json::from_str(&line.body)
                    .map_err(|error| unreadable("a line of the audit log", &error))?;
                Ok(Line {
                    number: line.number,
                    entry,
                    previous: line.previous,
                    hash: line.hash,
                })
            })
            .collect()
    }

    /// Follows the whole chain, from the newest line to the oldest.
    pub async fn verify(&self) -> Result<Verdict, StoreError> {
        let mut verdict = Verdict {
            lines: 0,
            first: None,
            last: None,
            head: None,
            broken_at: None,
        };
        // What the line before the present one must be: its number, and its hash.
        let mut expected: Option<(u64, String)> = None;
        loop {
            let portion = self.store.audit(verdict.first, PORTION).await?;
            if portion.is_empty() {
                break;
            }
            for line in portion {
                if hash(&line.previous, line.number, &line.body) != line.hash {
                    verdict.broken_at = Some(line.number);
                } else if let Some((number, hash)) = &expected
                    && (line.number, &line.hash) != (*number, hash)
                {
                    verdict.broken_at = Some(number + 1);
                }
                if verdict.last.is_none() {
                    verdict.last = Some(line.number);
                    verdict.head = Some(line.hash);
                }
                verdict.lines += 1;
                verdict.first = Some(line.number);
                expected = Some((line.number.saturating_sub(1), line.previous));
            }
            tokio::task::yield_now().await;
        }
        if let Some((0, previous)) = &expected
            && previous != BEGINNING
        {
            verdict.broken_at = verdict.first;
        }
        Ok(verdict)
    }
}

/// The end of the chain.
async fn newest(store: &dyn Store) -> Result<Head, StoreError> {
    let newest = store.audit(None, 1).await?.pop();
    Ok(newest.map_or_else(
        || Head {
            number: 0,
            hash: BEGINNING.to_owned(),
        },
        |line| Head {
            number: line.number,
            hash: line.hash,
        },
    ))
}

/// Entries as lines behind `head`, and the new end.
fn chained(head: &Head, entries: &[Entry]) -> (Vec<AuditLine>, Head) {
    let (mut number, mut previous) = (head.number, head.hash.clone());
    let lines = entries.iter().map(|entry| {
        number += 1;
        let body = serde_json::to_string(entry).expect("plain structs always serialise");
        let hash = hash(&previous, number, &body);
        AuditLine {
            number,
            previous: std::mem::replace(&mut previous, hash.clone()),
            body,
            hash,
        }
    });
    let lines = lines.collect();
    let hash = previous;
    (lines, Head { number, hash })
}

pub(crate) fn hash(previous: &str, number: u64, body: &str) -> String {
    let mut context = Context::new(&SHA256);
    context.update(previous.as_bytes());
    context.update(&number.to_be_bytes());
    context.update(body.as_bytes());
    let digest = context.finish();
    let mut text = String::with_capacity(64);
    for byte in digest.as_ref() {
        write!(text, "{byte:02x}").expect("a text takes everything");
    }
    text
}

#[cfg(test)]
mod tests {
    use sandkasse_store::MemoryStore;

    use super::*;

    fn entry(action: &str) -> Entry {
        Entry {
            at: Timestamp::UNIX_EPOCH,
            actor: "Ola".to_owned(),
            role: Some(Role::Admin),
            how: "session".to_owned(),
            action: action.to_owned(),
            status: Some(200),
            before: None,
            after: Some(serde_json::json!({"ø": 1})),
        }
    }

    async fn log(lines: u64) -> (Arc<MemoryStore>, Audit) {
        let store = Arc::new(MemoryStore::new());
        let audit = Audit::open(store.clone()).await.unwrap();
        for number in 0..lines {
            audit.write(entry(&number.to_string())).await.unwrap();
        }
        (store, audit)
    }

    #[tokio::test]
    async fn s_20_a_chain_goes_on_after_a_restart() {
        let (store, audit) = log(3).await;
        drop(audit);
        let audit = Audit::open(store).await.unwrap();
        audit.write(entry("later")).await.unwrap();
        let lines = audit.lines(None, 10).await.unwrap();
        let numbers: Vec<u64> = lines.iter().map(|line| line.number).collect();
        assert_eq!(numbers, [4, 3, 2, 1]);
        assert_eq!(lines[0].entry, entry("later"));
        assert_eq!(lines[0].previous, lines[1].hash);
        assert_eq!(lines[3].previous, BEGINNING);
        let verdict = audit.verify().await.unwrap();
        assert_eq!((verdict.lines, verdict.broken_at), (4, None));
        assert_eq!(verdict.head.as_ref(), Some(&lines[0].hash));
        assert_eq!((verdict.first, verdict.last), (Some(1), Some(4)));
    }

    #[tokio::test]
    async fn s_20_whatever_is_done_to_a_line_shows() {
        type Change = fn(&mut Vec<AuditLine>);
        // From the newest: 5, 4, 3, 2, 1. What is done, and where it shows.
        let rows: [(&str, Change, Option<u64>); 8] = [
            ("nothing", |_| {}, None),
            (
                "content",
                |it| it[2].body = it[2].body.replace("Ola", "Kari"),
                Some(3),
            ),
            ("hash", |it| it[2].hash = BEGINNING.to_owned(), Some(3)),
            (
                "previous",
                |it| it[2].previous = BEGINNING.to_owned(),
                Some(3),
            ),
            ("dropped", |it| drop(it.remove(2)), Some(4)),
            (
                "written anew",
                |it| {
                    it[2].body = it[2].body.replace("Ola", "Kari");
                    it[2].hash = hash(&it[2].previous, 3, &it[2].body);
                },
                Some(4),
            ),
            (
                "another first",
                |it| {
                    it[4].previous = "0".repeat(63) + "1";
                    it[4].hash = hash(&it[4].previous, 1, &it[4].body);
                },
                Some(1),
            ),
            ("forgotten in time", |it| drop(it.drain(3..)), None),
        ];
        for (name, change, broken_at) in rows {
            let (store, _) = log(5).await;
            let mut lines = store.audit(None, 10).await.unwrap();
            change(&mut lines);
            let other = Arc::new(MemoryStore::new());
            other.add_to_audit(lines).await.unwrap();
            let verdict = Audit::open(other).await.unwrap().verify().await.unwrap();
            assert_eq!(verdict.broken_at, broken_at, "{name}");
        }
    }

    #[tokio::test]
    async fn two_nodes_make_one_chain() {
        let (store, first) = log(1).await;
        let second = Audit::open(store).await.unwrap();
        let texts: Vec<String> = (0..200).map(|number| number.to_string()).collect();
        let writes = texts.iter().enumerate().map(|(index, text)| {
            let log = if index % 2 == 0 { &first } else { &second };
            log.write(entry(text))
        });
        for written in futures_util::future::join_all(writes).await {
            written.unwrap();
        }
        let verdict = second.verify().await.unwrap();
        assert_eq!((verdict.lines, verdict.broken_at), (201, None));
    }

    #[tokio::test]
    async fn many_at_once_make_one_chain() {
        let (_, audit) = log(0).await;
        let texts: Vec<String> = (0..500).map(|number| number.to_string()).collect();
        let writes = texts.iter().map(|text| audit.write(entry(text)));
        for written in futures_util::future::join_all(writes).await {
            written.unwrap();
        }
        let verdict = audit.verify().await.unwrap();
        assert_eq!((verdict.lines, verdict.broken_at), (500, None));
    }
}
