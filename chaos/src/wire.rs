//! PostgreSQL's wire protocol, as far as the proxy of [`crate::cut`] must understand it: where messages begin, what
//! statements say, and which request for an answer is the one that commits.

use std::collections::HashMap;

/// A whole message of either side, type byte and length included.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) kind: u8,
    pub(crate) body: &'a [u8],
    /// All of it.
    pub(crate) bytes: &'a [u8],
}

/// The first whole message in a buffer.
pub(crate) fn message(buffer: &[u8]) -> Option<Message<'_>> {
    let kind = *buffer.first()?;
    let length = length(buffer.get(1..5)?)?;
    let bytes = buffer.get(..length.checked_add(1)?)?;
    Some(Message {
        kind,
        body: bytes.get(5..)?,
        bytes,
    })
}

/// The first message of a connection, which has no type.
pub(crate) fn startup(buffer: &[u8]) -> Option<(&[u8], u32)> {
    let length = length(buffer.get(..4)?)?;
    let bytes = buffer.get(..length)?;
    let code = u32::from_be_bytes(bytes.get(4..8)?.try_into().ok()?);
    Some((bytes, code))
}

fn length(bytes: &[u8]) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(bytes.try_into().ok()?)).ok()
}

/// What a client has said on one connection.
#[derive(Debug, Default)]
pub(crate) struct Session {
    statements: HashMap<String, Kind>,
    portals: HashMap<String, Kind>,
    /// Executed since the last request for an answer.
    pending: Option<Kind>,
    in_transaction: bool,
    /// How many answers were asked for, each of which ends with "ready for query".
    pub(crate) asked: u64,
}

/// What a statement does to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Reads,
    Begins,
    RollsBack,
    Writes,
    Commits,
}

impl Session {
    /// Takes a message of the client. `Some` if it asks for an answer: whether that answer tells of a commit.
    pub(crate) fn hears(&mut self, message: &Message<'_>) -> Option<bool> {
        match message.kind {
            b'P' => {
                let (name, rest) = text(message.body)?;
                let (sql, _) = text(rest)?;
                self.statements.insert(name, kind(&sql));
                None
            }
            b'B' => {
                let (portal, rest) = text(message.body)?;
                let (statement, _) = text(rest)?;
                let kind = self.statements.get(&statement).copied();
                self.portals.insert(portal, kind.unwrap_or(Kind::Reads));
                None
            }
            b'E' => {
                let (portal, _) = text(message.body)?;
                let kind = self.portals.get(&portal).copied();
                self.pending = self.pending.max(kind);
                None
            }
            b'Q' => {
                let (sql, _) = text(message.body)?;
                self.pending = self.pending.max(Some(kind(&sql)));
                Some(self.ask())
            }
            b'S' => Some(self.ask()),
            _ => None,
        }
    }

    fn ask(&mut self) -> bool {
        self.asked += 1;
        match self.pending.take() {
            Some(Kind::Commits) => {
                self.in_transaction = false;
                true
            }
            Some(Kind::Writes) => !self.in_transaction,
            Some(Kind::Begins) => {
                self.in_transaction = true;
                false
            }
            Some(Kind::RollsBack) => {
                self.in_transaction = false;
                false
            }
            Some(Kind::Reads) | None => false,
        }
    }
}

/// A text that ends with a zero byte, and what follows.
fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let text = String::from_utf8_lossy(bytes.get(..end)?).into_owned();
    Some((text, bytes.get(end + 1..)?))
}

fn kind(sql: &str) -> Kind {
    let sql = sql.trim().to_ascii_lowercase();
    let words = || sql.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let says = |word: &str| words().any(|said| said == word);
    match words().next() {
        Some("commit" | "end") => Kind::Commits,
        Some("rollback" | "abort") => Kind::RollsBack,
        // Several statements in one text: the last of them counts.
        Some("begin" | "start") if says("commit") => Kind::Commits,
        Some("begin" | "start") => Kind::Begins,
        _ if says("insert") || says("update") || says("delete") => {
            // `select … for update` locks and changes nothing.
            match says("for") && !says("insert") && !says("delete") && !says("set") {
                true => Kind::Reads,
                false => Kind::Writes,
            }
        }
        _ => Kind::Reads,
    }
}

/// PostgreSQL's warning that a commit was not waited for: it is here, and nowhere else yet.
pub(crate) fn warning_of_cancelled_wait() -> Vec<u8> {
    let mut body = Vec::new();
    for (field, text) in [
        (b'S', "WARNING"),
        (b'V', "WARNING"),
        (b'C', "01000"),
        (
            b'M',
            "canceling wait for synchronous replication due to user request",
        ),
        (
            b'D',
            "The transaction has already committed locally, but might not have been replicated to the standby.",
        ),
    ] {
        body.push(field);
        body.extend(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    let mut bytes = vec![b'N'];
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    bytes.extend(length.to_be_bytes());
    bytes.extend(body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(kind: u8, texts: &[&str]) -> Vec<u8> {
        let mut body = Vec::new();
        for text in texts {
            body.extend(text.as_bytes());
            body.push(0);
        }
        let mut bytes = vec![kind];
        bytes.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        bytes.extend(body);
        bytes
    }

    /// Whether each request for an answer in a conversation tells of a commit.
    fn commits(conversation: &[(u8, &[&str])]) -> Vec<bool> {
        let mut session = Session::default();
        let heard = conversation.iter().filter_map(|(kind, texts)| {
            let bytes = packed(*kind, texts);
            session.hears(&message(&bytes).unwrap())
        });
        heard.collect()
    }

    #[test]
    fn the_answer_that_tells_of_a_commit_is_known() {
        let insert = "INSERT INTO t VALUES ($1)";
        for (conversation, expected) in [
            (
                vec![
                    (b'Q', &["begin"][..]),
                    (b'Q', &[insert]),
                    (b'Q', &["COMMIT"]),
                ],
                vec![false, false, true],
            ),
            (vec![(b'Q', &[insert])], vec![true]),
            (vec![(b'Q', &["select 1 for update"])], vec![false]),
            (vec![(b'Q', &["update t set a = 1 where b"])], vec![true]),
            (
                vec![(b'Q', &["with x as (insert into t values (1)) select 1"])],
                vec![true],
            ),
            (
                vec![(b'Q', &["begin"]), (b'Q', &["rollback"]), (b'Q', &[insert])],
                vec![false, false, true],
            ),
            (
                vec![
                    (b'P', &["s1", insert]),
                    (b'B', &["", "s1"]),
                    (b'E', &[""]),
                    (b'S', &[]),
                ],
                vec![true],
            ),
            (
                vec![
                    (b'P', &["s1", "select 1"]),
                    (b'B', &["", "s1"]),
                    (b'E', &[""]),
                    (b'S', &[]),
                    (b'S', &[]),
                ],
                vec![false, false],
            ),
        ] {
            assert_eq!(commits(&conversation), expected, "{conversation:?}");
        }
    }

    #[test]
    fn half_a_message_is_none() {
        let bytes = packed(b'Q', &["select 1"]);
        assert_eq!(message(&bytes[..bytes.len() - 1]), None);
        assert_eq!(message(&bytes).unwrap().bytes, bytes);
        let warning = warning_of_cancelled_wait();
        assert_eq!(message(&warning).unwrap().bytes, warning);
    }
}
