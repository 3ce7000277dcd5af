//! A call as it is written down: a head as JSON, and its texts as they are.

use std::sync::Arc;

use http::Method;
use sandkasse_api::Why;
use sandkasse_domain::{Environment, Msn, Timestamp};
use sandkasse_engine::Engine;
use sandkasse_store::Noted;
use serde::{Deserialize, Serialize};

use crate::{
    Record,
    record::{Owner, is_key},
    secrets,
    texts::{Layout, Texts},
};

/// Turns calls into what is written down, and back.
#[derive(Clone)]
pub(crate) struct Shelf(pub(crate) Arc<Engine>);

/// A row of the file.
pub(crate) struct Row {
    pub(crate) number: u64,
    at: i64,
    environment: String,
    msn: Option<String>,
    head: String,
    text: String,
}

impl Row {
    /// What other processes read.
    pub(crate) fn packed(head: &str, text: &str) -> Vec<u8> {
        serde_json::to_vec(&(head, text)).unwrap_or_default()
    }

    /// What another process wrote; `None` when it cannot be read.
    pub(crate) fn unpacked(noted: Noted) -> Option<Row> {
        let (head, text) = serde_json::from_slice(&noted.body).ok()?;
        Some(Row {
            number: noted.number,
            at: noted.at.as_microsecond(),
            environment: noted.environment.name().to_owned(),
            msn: noted.msn.map(|msn| msn.to_string()),
            head,
            text,
        })
    }

    pub(crate) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
        Ok(Row {
            number: row.get::<_, i64>("number")?.cast_unsigned(),
            at: row.get("at")?,
            environment: row.get("environment")?,
            msn: row.get("msn")?,
            head: row.get("head")?,
            text: row.get("text")?,
        })
    }
}

/// All but the texts.
#[derive(Serialize, Deserialize)]
struct Head<'a> {
    method: String,
    status: u16,
    dropped: bool,
    took_us: Option<u64>,
    /// Whose keys these were: `client_id`, and in words.
    owner: Option<(String, String)>,
    why: Option<Why>,
    layout: std::borrow::Cow<'a, Layout>,
}

impl Shelf {
    pub(crate) fn head(&self, record: &Record) -> String {
        let owner = record.client.as_ref();
        let head = Head {
            method: record.method.to_string(),
            status: record.status,
            dropped: record.dropped,
            took_us: record.took_us,
            owner: owner.map(|it| (it.id().to_owned(), it.described())),
            why: record.why.clone(),
            layout: std::borrow::Cow::Borrowed(record.texts.layout()),
        };
        let head = serde_json::to_string(&head).unwrap_or_default();
        // What a check received is kept as it came, and people paste keys anywhere.
        secrets::words(&head, &is_key(&self.0))
    }

    /// `None` when it cannot be read, or does not add up.
    pub(crate) fn record(&self, row: Row) -> Option<Arc<Record>> {
        self.fresh(row).map(Arc::new)
    }

    /// The same, for whoever gives it a place.
    pub(crate) fn fresh(&self, row: Row) -> Option<Record> {
        let head: Head<'_> = serde_json::from_str(&row.head).ok()?;
        let environment: Environment = row.environment.parse().ok()?;
        let directory = self.0.directory.of(environment);
        let client = head.owner.map(
            |(client_id, described)| match directory.client(&client_id) {
                Some(client) => Owner::Known(client.clone()),
                None => Owner::Gone {
                    client_id,
                    described,
                },
            },
        );
        let texts = Texts::put_together(row.text, head.layout.into_owned())?;
        let unit = match row.msn {
            Some(msn) => Some(Msn::try_new(&msn)?),
            None => None,
        };
        Some(Record {
            number: row.number,
            place: 0,
            at: Timestamp::from_microsecond(row.at).ok()?,
            took_us: head.took_us,
            environment,
            method: Method::from_bytes(head.method.as_bytes()).ok()?,
            status: head.status,
            dropped: head.dropped,
            client,
            unit,
            why: head.why,
            size: Record::size_of(&texts),
            texts,
        })
    }
}
