//! PostgreSQL: the store of an installation that several nodes serve.
//!
//! `schema` has the tables, `group` and `commits` how commits are written, `connection` what is known
//! when an answer is lost; `nodes` is what nodes share. Everything works through a pooler in
//! transaction mode: no statement has a name, and nothing relies on the session it came by.
//!
//! What is answered was committed, and where the server has synchronous standbys, is on them. When
//! an answer is lost, the store finds out on whatever host takes writes now; if it cannot within its
//! patience, it says that the outcome is not known. That is the one case in which a commit that was
//! answered with an error may be there.

mod address;
mod calls;
mod commits;
mod connection;
mod directory;
mod error;
mod fill;
mod group;
mod heads;
mod hosts;
mod nodes;
mod numbers;
mod pool;
mod reads;
mod rows;
mod schema;
mod tell;
#[cfg(test)]
mod tests;
mod text;
mod tls;
mod windows;

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use sandkasse_domain::{Environment, Msn, Timestamp};
use uuid::Uuid;

pub use self::address::Address;
use self::calls::Calls;
use self::commits::Lanes;
use self::connection::{Connection, SHORT};
pub use self::error::OpenError;
use self::nodes::PostgresNodes;
use self::numbers::Numbers;
use self::pool::Pool;
use crate::measure::{Groups, Measured};
use crate::port::{
    AuditLine, CallOutcome, CallRecord, Commit, CommitError, DirectoryEntry, Generation, Kind,
    Nodes, Numbered, OutgoingCall, Partition, Record, Row, Rows, SavedReply, Store, StoreError,
    StoredEvent, StreamId,
};
use crate::seals::Sealer;

/// What all parts of a store need.
struct Shared {
    pool: Pool,
    groups: Groups,
    numbers: Numbers,
    /// The id of this node.
    node: String,
    /// Set once, by [`Store::seal_with`].
    sealer: OnceLock<Sealer>,
    #[cfg(test)]
    switches: tests::Switches,
}

/// A store in a PostgreSQL database. See the module.
pub struct PostgresStore {
    shared: Arc<Shared>,
    lanes: Lanes,
    calls: Calls,
    nodes: PostgresNodes,
}

impl Shared {
    /// Whether calls of this very process are recovered as if it had died.
    fn counts_as_gone(&self) -> bool {
        #[cfg(test)]
        return tests::Switches::is_on(&self.switches.counts_as_gone);
        #[cfg(not(test))]
        false
    }

    /// Whether what became of a commit is looked for when its answer was lost.
    fn resolves(&self) -> bool {
        #[cfg(test)]
        return !tests::Switches::is_on(&self.switches.resolves_nothing);
        #[cfg(not(test))]
        true
    }
}

impl PostgresStore {
    /// Connects, brings the schema up to date if the role may, and takes a slot among the nodes.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]; its text names the remedy.
    pub async fn open(address: Address) -> Result<PostgresStore, OpenError> {
        let (pool, connection) = connect(address).await?;
        schema::prepare(&connection).await?;
        drop(connection);
        let node = Uuid::new_v4().to_string();
        let numbers = nodes::enter(&pool, &node).await?;
        let shared = Arc::new(Shared {
            pool,
            groups: Groups::default(),
            numbers,
            node,
            sealer: OnceLock::new(),
            #[cfg(test)]
            switches: tests::Switches::default(),
        });
        Ok(PostgresStore {
            lanes: Lanes::start(&shared),
            calls: Calls::start(&shared),
            nodes: PostgresNodes::start(&shared),
            shared,
        })
    }

    /// Brings the schema up to date, as the owner of the tables, and lets `role` use it.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]; its text names the remedy.
    pub async fn migrate(address: Address, role: Option<&str>) -> Result<(), OpenError> {
        let (_, connection) = connect(address).await?;
        schema::migrate(&connection, role).await
    }
}

/// The pool, and a connection to a database that can be used.
async fn connect(address: Address) -> Result<(Pool, Connection), OpenError> {
    let tls = tls::connector(&address.trust).map_err(OpenError::Address)?;
    let shown = address.to_string();
    let away = |reason: &str| OpenError::Away {
        address: shown.clone(),
        reason: reason.to_owned(),
    };
    let pool = Pool::new(address, tls);
    let connection = pool.connect().await.map_err(|it| away(it.text()))?;
    let sql = "SELECT current_setting('server_encoding')";
    let rows = connection.query(sql, &[], SHORT).await;
    let rows = rows.map_err(|failure| away(failure.text()))?;
    let encoding = rows
        .first()
        .and_then(|row| row.try_get::<_, String>(0).ok());
    match encoding {
        Some(encoding) if encoding == "UTF8" => Ok((pool, connection)),
        other => Err(OpenError::Encoding(other.unwrap_or_default())),
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn load(
        &self,
        partition: &Partition,
        stream: &StreamId,
    ) -> Result<Option<Record>, StoreError> {
        reads::load(&self.shared.pool, partition, stream).await
    }

    async fn history(
        &self,
        partition: &Partition,
        stream: &StreamId,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        reads::history(&self.shared.pool, partition, stream).await
    }

    async fn list(
        &self,
        partition: &Partition,
        kind: Kind,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, Record)>, StoreError> {
        reads::list(&self.shared.pool, partition, kind, prefix, after, limit).await
    }

    async fn newest(
        &self,
        partition: &Partition,
        kind: Kind,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Numbered>, StoreError> {
        reads::newest(&self.shared.pool, partition, kind, before, limit).await
    }

    async fn reply(
        &self,
        partition: &Partition,
        scope: &str,
        key: &str,
    ) -> Result<Option<SavedReply>, StoreError> {
        reads::reply(&self.shared.pool, partition, scope, key).await
    }

    async fn commit(&self, commit: Commit) -> Result<(), CommitError> {
        commit.check()?;
        let ids = commit.calls.iter().map(|call| call.id.as_str());
        if ids.collect::<std::collections::BTreeSet<_>>().len() < commit.calls.len() {
            let text = "a commit owes two calls with one id";
            return Err(StoreError(text.to_owned()).into());
        }
        if commit.writes.is_empty() && commit.reply.is_none() && commit.calls.is_empty() {
            return Ok(());
        }
        let seals = self.shared.sealer.get().map(|it| it.commit(&commit));
        self.lanes.commit(commit, seals).await
    }

    async fn due(
        &self,
        partition: &Partition,
        kind: Kind,
        until: Timestamp,
        after: Option<(Timestamp, &str)>,
        limit: usize,
    ) -> Result<Vec<(String, Timestamp)>, StoreError> {
        reads::due(&self.shared.pool, partition, kind, until, after, limit).await
    }

    async fn next_deadline(
        &self,
        partition: &Partition,
        kind: Kind,
    ) -> Result<Option<Timestamp>, StoreError> {
        reads::next_deadline(&self.shared.pool, partition, kind).await
    }

    async fn next_deadlines(&self, kind: Kind) -> Result<Vec<(Partition, Timestamp)>, StoreError> {
        reads::next_deadlines(&self.shared.pool, kind).await
    }

    async fn begin_call(&self, id: &str, at: Timestamp) -> Result<bool, StoreError> {
        self.calls.begin(id, at).await
    }

    async fn finish_call(&self, id: &str, outcome: CallOutcome) -> Result<(), StoreError> {
        self.calls.finish(id, &outcome).await
    }

    async fn add_begun_call(
        &self,
        partition: &Partition,
        call: OutgoingCall,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.calls.add_begun(partition, &call, at).await
    }

    async fn recover_calls(&self) -> Result<Vec<(Partition, OutgoingCall)>, StoreError> {
        self.calls.recover().await
    }

    async fn calls(
        &self,
        partition: &Partition,
        about: Option<&str>,
        limit: usize,
    ) -> Result<Vec<CallRecord>, StoreError> {
        reads::calls(&self.shared.pool, partition, about, limit).await
    }

    async fn latest_calls(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, CallRecord)>, StoreError> {
        reads::latest_calls(&self.shared.pool, before, limit).await
    }

    async fn call(&self, id: &str) -> Result<Option<CallRecord>, StoreError> {
        reads::call(&self.shared.pool, id).await
    }

    async fn prune_calls(&self, keep: usize) -> Result<(), StoreError> {
        self.calls.prune(keep).await
    }

    async fn units_with(
        &self,
        environment: Environment,
        kind: Kind,
        prefix: &str,
    ) -> Result<Vec<Msn>, StoreError> {
        reads::units_with(&self.shared.pool, environment, kind, prefix).await
    }

    async fn directory(
        &self,
        after: Generation,
    ) -> Result<(Vec<DirectoryEntry>, Generation), StoreError> {
        directory::read(&self.shared.pool, after).await
    }

    async fn put_directory(
        &self,
        entries: Vec<DirectoryEntry>,
        seen: Generation,
    ) -> Result<Generation, CommitError> {
        directory::put(&self.shared, &entries, seen).await
    }

    async fn clear(&self, kept: &[&str]) -> Result<(), StoreError> {
        directory::clear(&self.shared.pool, kept).await
    }

    async fn add_to_audit(&self, lines: Vec<AuditLine>) -> Result<(), CommitError> {
        directory::add_to_audit(&self.shared, &lines).await
    }

    async fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditLine>, StoreError> {
        reads::audit(&self.shared.pool, before, limit).await
    }

    async fn prune_audit(&self, through: u64) -> Result<(), StoreError> {
        directory::prune_audit(&self.shared.pool, through).await
    }

    async fn rows(&self, of: Option<&Partition>) -> Result<Rows, StoreError> {
        tell::rows(&self.shared.pool, of).await
    }

    async fn fill(&self, rows: Vec<Row>) -> Result<(), CommitError> {
        fill::fill(&self.shared, &rows).await
    }

    async fn replace(&self, unit: &Partition, mut rows: Vec<Row>) -> Result<(), CommitError> {
        fill::replace(&self.shared, unit, &mut rows).await
    }

    async fn seal_with(&self, sealer: Sealer) -> Result<(), StoreError> {
        heads::begin(&self.shared.pool, &sealer).await?;
        // Whoever comes second has the same key.
        self.shared.sealer.set(sealer).ok();
        Ok(())
    }

    fn measured(&self) -> Measured {
        let Shared { pool, groups, .. } = &*self.shared;
        Measured {
            group_sizes: Some(groups.sizes.read()),
            group_times: Some(groups.times.read()),
            waiting: Some(self.lanes.waiting()),
            failures: groups.failures.read() + pool.failures.read(),
            connections: Some(pool.connections()),
        }
    }

    fn nodes(&self) -> Option<&dyn Nodes> {
        Some(&self.nodes)
    }

    async fn close(&self) {
        self.lanes.close().await;
        self.calls.close().await;
        self.nodes.leave().await;
        self.shared.pool.close();
    }
}
