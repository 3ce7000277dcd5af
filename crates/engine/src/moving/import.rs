//! Lines, put into a store.
//!
//! Rows are filled in portions, so a large import needs little memory and is not one transaction.
//! While it goes on, an entry of the directory says so ([`IMPORT`]): a platform does not start on
//! such a store, and the next import begins by forgetting what the interrupted one left.

use sandkasse_domain::Environment;
use sandkasse_store::{
    CommitError, DirectoryEntry, Generation, Row, Store,
    lines::{self, Counts, FORMAT, Header, Line},
};
use sandkasse_vault::{Moved, Vault};

use super::NotMoved;
use crate::directory::{IMPORT, sealed_entries};

/// So many rows are filled at once, and the events of the last record.
const PORTION: usize = 2_000;
/// Or so many bytes of lines.
const PORTION_BYTES: usize = 4 * 1024 * 1024;

/// Reads lines and verifies that nothing is missing.
struct Reader<'a> {
    vault: &'a Vault,
    header: Option<Header>,
    counts: Counts,
    /// `None` after the last line.
    digest: Option<Moved>,
}

impl<'a> Reader<'a> {
    fn new(vault: &'a Vault) -> Reader<'a> {
        Reader {
            vault,
            header: None,
            counts: Counts::default(),
            digest: Some(vault.digest_moved()),
        }
    }

    /// A line without its end; the row in it, if it has one.
    fn read(&mut self, line: &[u8]) -> Result<Option<Row>, NotMoved> {
        let number = self.counts.all() + 2;
        let damaged = |why: &str| NotMoved::Damaged(format!("line {number}: {why}"));
        let Some(digest) = &mut self.digest else {
            return Err(damaged("something follows the last line"));
        };
        let read = lines::read(line);
        let Some(_) = &self.header else {
            let Ok(Line::Header(header)) = read else {
                let why = "this is no export of sandkasse: its first line says nothing of it";
                return Err(NotMoved::Damaged(why.to_owned()));
            };
            if header.format > FORMAT {
                return Err(NotMoved::Newer(header.format));
            }
            if header.master_key != self.vault.fingerprint() {
                return Err(NotMoved::OtherKey);
            }
            digest.update(line);
            digest.update(b"\n");
            self.header = Some(header);
            return Ok(None);
        };
        match read.map_err(|why| damaged(&why.to_string()))? {
            Line::Header(_) => Err(damaged("a second export begins here")),
            Line::Row(row) => {
                digest.update(line);
                digest.update(b"\n");
                self.counts.add(&row);
                Ok(Some(row))
            }
            Line::End(end) => {
                let digest = self.digest.take().map(Moved::finish);
                if end.rows != self.counts || Some(end.digest) != digest {
                    let why = "it is not whole, or was changed on its way: export again";
                    return Err(NotMoved::Damaged(why.to_owned()));
                }
                Ok(None)
            }
        }
    }

    /// Whether the last line was read.
    fn is_whole(&self) -> Result<(), NotMoved> {
        match (&self.header, &self.digest) {
            (Some(_), None) => Ok(()),
            (None, _) => Err(NotMoved::Damaged(
                "this is no export of sandkasse: it is empty".to_owned(),
            )),
            (Some(_), Some(_)) => Err(NotMoved::Damaged(format!(
                "it was cut off after {} rows: export again",
                self.counts.all()
            ))),
        }
    }
}

/// An import under way.
pub struct Import<'a> {
    store: &'a dyn Store,
    reader: Reader<'a>,
    portion: Vec<Row>,
    portion_bytes: usize,
    is_marked: bool,
}

/// What was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Its first line.
    pub header: Header,
    /// So many rows.
    pub rows: Counts,
}

impl<'a> Import<'a> {
    /// Looks whether there is nothing in the store. What an interrupted import left is forgotten.
    ///
    /// # Errors
    ///
    /// [`NotMoved::NotEmpty`] when there is something else, or somebody works with the store.
    pub async fn begin(store: &'a dyn Store, vault: &'a Vault) -> Result<Import<'a>, NotMoved> {
        if let Some(nodes) = store.nodes() {
            let living = nodes.beat(0).await?.living;
            if living.iter().any(|node| node.id != nodes.id()) {
                return Err(NotMoved::NotEmpty(
                    "a platform runs on this database: stop it first".to_owned(),
                ));
            }
        }
        let import = Import {
            store,
            reader: Reader::new(vault),
            portion: Vec::new(),
            portion_bytes: 0,
            is_marked: false,
        };
        let (entries, _) = store.directory(0).await?;
        if is_importing(&entries) {
            import.forget().await?;
        } else {
            let mut rows = store.rows(None).await?;
            while let Some(row) = rows.next().await.transpose()? {
                if !matches!(row, Row::Head { .. }) {
                    return Err(NotMoved::NotEmpty(
                        "there is data in this database already, and an import would mix with it: name a new one with \
                         `--database`, or move this one's file away. (To bring back one sales unit, import its \
                         snapshot with `--replace-unit`)"
                            .to_owned(),
                    ));
                }
            }
        }
        Ok(import)
    }

    /// Takes a line, without its end. After an error nothing of the import is left in the store.
    ///
    /// # Errors
    ///
    /// When it is none of an export, or the store fails.
    pub async fn line(&mut self, line: &[u8]) -> Result<(), NotMoved> {
        match self.take(line).await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.undo().await;
                Err(error)
            }
        }
    }

    async fn take(&mut self, line: &[u8]) -> Result<(), NotMoved> {
        let Some(row) = self.reader.read(line)? else {
            let header = self.reader.header.as_ref();
            if let Some(unit) = header.and_then(|header| header.unit.as_ref()) {
                return Err(NotMoved::Damaged(format!(
                    "it is a snapshot of the sales unit {unit} alone: import it with `--replace-unit`"
                )));
            }
            return Ok(());
        };
        if !self.is_marked {
            self.mark(Some("{}".to_owned())).await?;
            self.is_marked = true;
        }
        // A record stays with its events, and nothing of the marks of an earlier store comes along.
        let is_full = self.portion.len() >= PORTION || self.portion_bytes >= PORTION_BYTES;
        if is_full && !matches!(row, Row::Event { .. }) {
            self.fill().await?;
        }
        if !matches!(&row, Row::Directory { entry, .. } if entry.kind == IMPORT) {
            self.portion.push(row);
            self.portion_bytes += line.len();
        }
        Ok(())
    }

    /// So many rows were taken.
    pub fn rows(&self) -> u64 {
        self.reader.counts.all()
    }

    /// All lines were told: it is whole, opens under the master key, and is there.
    ///
    /// # Errors
    ///
    /// When it is not; nothing of it is left then.
    pub async fn end(mut self) -> Result<Taken, NotMoved> {
        match self.finish().await {
            Ok(taken) => Ok(taken),
            Err(error) => {
                self.undo().await;
                Err(error)
            }
        }
    }

    async fn finish(&mut self) -> Result<Taken, NotMoved> {
        self.reader.is_whole()?;
        self.fill().await?;
        let (entries, _) = self.store.directory(0).await?;
        let vault = self.reader.vault;
        let opens = |(place, it): &(String, String)| vault.open(place, it).is_ok();
        if !sealed_entries(&entries).iter().all(opens) {
            return Err(NotMoved::OtherKey);
        }
        self.mark(None).await?;
        self.is_marked = false;
        let header = self.reader.header.take();
        Ok(Taken {
            header: header.expect("it is whole, so it has a first line"),
            rows: self.reader.counts,
        })
    }

    async fn fill(&mut self) -> Result<(), NotMoved> {
        self.portion_bytes = 0;
        let portion = std::mem::take(&mut self.portion);
        self.store.fill(portion).await.map_err(twice)
    }

    async fn mark(&self, body: Option<String>) -> Result<(), NotMoved> {
        let entry = DirectoryEntry {
            kind: IMPORT.to_owned(),
            environment: Environment::Production,
            key: "under way".to_owned(),
            body,
        };
        let put = self.store.put_directory(vec![entry], Generation::MAX);
        put.await.map(drop).map_err(twice)
    }

    /// The store is empty again, but for the mark.
    async fn forget(&self) -> Result<(), NotMoved> {
        self.store.clear(&[IMPORT]).await?;
        Ok(self.store.prune_audit(i64::MAX.cast_unsigned()).await?)
    }

    /// What cannot be forgotten now will be at the next try: the mark stays until then.
    async fn undo(&mut self) {
        if !self.is_marked {
            return;
        }
        let undone = match self.forget().await {
            Ok(()) => self.mark(None).await,
            Err(error) => Err(error),
        };
        match undone {
            Ok(()) => self.is_marked = false,
            Err(error) => tracing::warn!(%error, "what was imported could not be taken back"),
        }
    }
}

/// Whether an import into this store was begun and has not ended.
pub fn is_importing(entries: &[DirectoryEntry]) -> bool {
    entries.iter().any(|entry| entry.kind == IMPORT)
}

fn twice(error: CommitError) -> NotMoved {
    match error {
        CommitError::Conflict => NotMoved::Damaged(
            "something is in it twice, or somebody else writes into this database".to_owned(),
        ),
        CommitError::Store(error) => NotMoved::Store(error),
    }
}

/// The rows of one sales unit's snapshot.
///
/// # Errors
///
/// When it is not whole, is of something else, or has more than `most` rows.
pub fn read_unit<'l>(
    lines: impl IntoIterator<Item = &'l [u8]>,
    vault: &Vault,
    most: usize,
) -> Result<(Header, Vec<Row>), NotMoved> {
    let mut reader = Reader::new(vault);
    let mut rows = Vec::new();
    for line in lines {
        rows.extend(reader.read(line)?);
        if rows.len() > most {
            return Err(NotMoved::TooMuch(format!(
                "it has more than {most} rows, which are put into the database at once: stop the platform and import \
                 it with `sandkasse import --replace-unit`"
            )));
        }
    }
    reader.is_whole()?;
    let header = reader.header.expect("it is whole, so it has a first line");
    if header.unit.is_none() {
        return Err(NotMoved::Damaged(
            "this is an export of a whole installation, and no snapshot of one sales unit"
                .to_owned(),
        ));
    }
    Ok((header, rows))
}

impl From<CommitError> for NotMoved {
    fn from(error: CommitError) -> NotMoved {
        match error {
            CommitError::Conflict => NotMoved::NotEmpty(
                "somebody changed it meanwhile, or a call of another sales unit has the same id: try again".to_owned(),
            ),
            CommitError::Store(error) => NotMoved::Store(error),
        }
    }
}

impl std::fmt::Debug for Import<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Import")
            .field("rows", &self.rows())
            .finish_non_exhaustive()
    }
}
