//! A store, told as lines.

use sandkasse_domain::Timestamp;
use sandkasse_store::{
    Row, Rows,
    lines::{self, Counts, End, FORMAT, Header},
};
use sandkasse_vault::{Moved, Vault};

use super::NotMoved;

/// So many bytes are handed over together.
const CHUNK: usize = 64 * 1024;

/// What is being told.
pub struct Export {
    /// What comes before the store's own rows.
    first: std::vec::IntoIter<Row>,
    rows: Rows,
    counts: Counts,
    buffer: Vec<u8>,
    /// `None` when all was told.
    digest: Option<Moved>,
}

/// Some more of it.
#[derive(Debug)]
pub struct Exported {
    /// Whole lines.
    pub lines: Vec<u8>,
    /// So many rows were told up to here.
    pub rows: u64,
}

impl Export {
    /// Begins to tell everything that `rows` are.
    pub fn new(rows: Rows, at: Timestamp, vault: &Vault) -> Export {
        Export::begin(Vec::new(), rows, &header(at, vault), vault)
    }

    /// Begins to tell `first`, then `rows`, under this header.
    pub(super) fn begin(first: Vec<Row>, rows: Rows, header: &Header, vault: &Vault) -> Export {
        let mut buffer = Vec::with_capacity(2 * CHUNK);
        lines::write_header(header, &mut buffer);
        Export {
            first: first.into_iter(),
            rows,
            counts: Counts::default(),
            buffer,
            digest: Some(vault.digest_moved()),
        }
    }

    /// The next lines; `None` when that was all.
    ///
    /// # Errors
    ///
    /// When the store fails, or has a row that cannot be told.
    pub async fn next(&mut self) -> Result<Option<Exported>, NotMoved> {
        while self.buffer.len() < CHUNK {
            let row = match self.first.next() {
                Some(row) => row,
                None => match self.rows.next().await.transpose()? {
                    Some(row) => row,
                    None => return Ok(self.end()),
                },
            };
            self.counts.add(&row);
            lines::write_row(&row, &mut self.buffer)
                .map_err(|why| NotMoved::Damaged(format!("{why}. `sandkasse doctor` says more")))?;
        }
        if let Some(digest) = &mut self.digest {
            digest.update(&self.buffer);
        }
        Ok(Some(self.take()))
    }

    fn end(&mut self) -> Option<Exported> {
        let mut digest = self.digest.take()?;
        digest.update(&self.buffer);
        let end = End {
            rows: self.counts,
            digest: digest.finish(),
        };
        lines::write_end(&end, &mut self.buffer);
        Some(self.take())
    }

    fn take(&mut self) -> Exported {
        Exported {
            lines: std::mem::replace(&mut self.buffer, Vec::with_capacity(2 * CHUNK)),
            rows: self.counts.all(),
        }
    }
}

/// The first line of an export of everything.
pub(super) fn header(at: Timestamp, vault: &Vault) -> Header {
    Header {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        at,
        unit: None,
        unit_clock: None,
        master_key: vault.fingerprint().to_owned(),
    }
}
