//! What several nodes on one database have in common.
//!
//! Each node has a row with a slot. What other nodes must hear soon is told on a channel of the
//! database; that only wakes, and whoever does not hear it finds out with the next beat.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sandkasse_domain::Timestamp;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_postgres::types::Type;

use super::Shared;
use super::connection::{Connection, Failure, LONG, SHORT};
use super::directory::CHANNEL;
use super::error::OpenError;
use super::numbers::Numbers;
use super::pool::{Pool, pause};
use super::rows::{self, bounded, environment_number, get};
use crate::nodes::DEAD_AFTER_MS;
use crate::port::{Beat, Generation, Heard, Hit, Nodes, Noted, StoreError, Window};

/// So many nodes may live at once.
pub(super) const SLOTS: i16 = 16;

/// The ids of the nodes that live, as a subquery.
pub(super) const LIVING: &str =
    "SELECT id FROM sandkasse.nodes WHERE heard_at > clock_timestamp() - interval '5 seconds'";
const _: () = assert!(DEAD_AFTER_MS == 5_000);

/// How long counting may take: a limiter that does not answer lets pass.
const COUNT_LIMIT: Duration = Duration::from_secs(1);

/// With every so-manieth beat a node tidies up.
const TIDY_EVERY: u64 = 64;

/// How long until the channel is listened to again after its connection was lost.
const LISTEN_PAUSE: Duration = Duration::from_secs(1);

/// The part of a store that is about other nodes.
pub(super) struct PostgresNodes {
    shared: Arc<Shared>,
    woken: Arc<Notify>,
    listener: parking_lot::Mutex<JoinSet<()>>,
    beats: AtomicU64,
}

impl PostgresNodes {
    pub(super) fn start(shared: &Arc<Shared>) -> PostgresNodes {
        let woken = Arc::new(Notify::new());
        let mut listener = JoinSet::new();
        if shared.pool.address.listen {
            listener.spawn(listen(Arc::clone(shared), Arc::clone(&woken)));
        }
        PostgresNodes {
            shared: Arc::clone(shared),
            woken,
            listener: parking_lot::Mutex::new(listener),
            beats: AtomicU64::new(0),
        }
    }

    /// Leaves, so that nobody waits until this node counts as dead.
    pub(super) async fn leave(&self) {
        self.listener.lock().abort_all();
        let sql = "WITH gone AS (
                UPDATE sandkasse.nodes SET heard_at = '-infinity', made = greatest(made, $2) WHERE id = $1
                RETURNING 1)
            SELECT pg_notify($3, '')::text FROM gone";
        let (node, made) = (self.shared.node.as_str(), self.shared.numbers.last());
        let values = [
            (&node as _, Type::TEXT),
            (&made as _, Type::INT8),
            (&CHANNEL as _, Type::TEXT),
        ];
        self.shared.pool.once(sql, &values, SHORT).await.ok();
    }
}

/// Takes a free slot; answers it and the greatest number any node has made.
pub(super) async fn register(
    pool: &Pool,
    node: &str,
    made: i64,
) -> Result<Option<(u8, i64)>, Failure> {
    let sql = "WITH free AS (
            SELECT s.slot FROM generate_series(0, $2 - 1) AS s (slot) LEFT JOIN sandkasse.nodes n ON n.slot = s.slot
            WHERE n.slot IS NULL OR n.id = $1 OR n.heard_at <= clock_timestamp() - interval '5 seconds'
            ORDER BY n.id IS NOT DISTINCT FROM $1 DESC, s.slot LIMIT 1),
        taken AS (
            INSERT INTO sandkasse.nodes AS n (slot, id, heard_at, seen, made)
            SELECT slot, $1, clock_timestamp(), 0, $3 FROM free
            ON CONFLICT (slot) DO UPDATE
            SET id = excluded.id, heard_at = excluded.heard_at, seen = 0, made = greatest(n.made, excluded.made)
            WHERE n.id = $1 OR n.heard_at <= clock_timestamp() - interval '5 seconds'
            RETURNING slot)
        SELECT (SELECT slot FROM taken), (SELECT count(*) FROM free), (SELECT max(made) FROM sandkasse.nodes),
               pg_notify($4, '')::text";
    let slots = i32::from(SLOTS);
    let values = [
        (&node as _, Type::TEXT),
        (&slots as _, Type::INT4),
        (&made as _, Type::INT8),
        (&CHANNEL as _, Type::TEXT),
    ];
    let unexpected = |error: StoreError| Failure::Refused {
        state: tokio_postgres::error::SqlState::DATA_EXCEPTION,
        text: error.0,
    };
    // Another one may take the same slot at the same moment.
    for _ in 0..100 {
        let rows = pool.run(sql, &values, SHORT).await?;
        let Some(row) = rows.first() else { break };
        let slot: Option<i16> = get(row, 0).map_err(unexpected)?;
        let free: i64 = get(row, 1).map_err(unexpected)?;
        let most: Option<i64> = get(row, 2).map_err(unexpected)?;
        match slot.map(u8::try_from) {
            Some(Ok(slot)) => return Ok(Some((slot, most.unwrap_or(0)))),
            Some(Err(_)) => break,
            None if free == 0 => break,
            None => {}
        }
    }
    Ok(None)
}

/// The first registration, with the numbers of this node.
pub(super) async fn enter(pool: &Pool, node: &str) -> Result<Numbers, OpenError> {
    match register(pool, node, 0).await {
        Ok(Some((slot, made))) => Ok(Numbers::new(slot, made)),
        Ok(None) => Err(OpenError::NoSlot),
        Err(failure) => Err(OpenError::Failed(failure.text().to_owned())),
    }
}

/// Forgets windows and claims that nobody needs any more.
async fn tidy(pool: &Pool) -> Result<(), Failure> {
    for sql in [
        "DELETE FROM sandkasse.windows WHERE until < clock_timestamp()",
        "DELETE FROM sandkasse.claims WHERE until < clock_timestamp() - interval '1 minute'",
    ] {
        pool.run(sql, &[], LONG).await?;
    }
    Ok(())
}

async fn listen(shared: Arc<Shared>, woken: Arc<Notify>) {
    loop {
        let pool = &shared.pool;
        let heard = Some(Arc::clone(&woken));
        if let Ok(mut connection) = Connection::open(&pool.address, &pool.tls, heard).await
            && connection
                .batch(&format!("LISTEN {CHANNEL}"), SHORT)
                .await
                .is_ok()
        {
            // What was told before is found by looking.
            woken.notify_waiters();
            connection.ended().await;
        }
        pause(LISTEN_PAUSE).await;
    }
}

#[async_trait]
impl Nodes for PostgresNodes {
    fn id(&self) -> &str {
        &self.shared.node
    }

    fn slot(&self) -> u8 {
        self.shared.numbers.slot()
    }

    async fn beat(&self, seen: Generation) -> Result<Beat, StoreError> {
        let Shared {
            pool,
            node,
            numbers,
            ..
        } = &*self.shared;
        let sql = "WITH me AS (
                UPDATE sandkasse.nodes SET heard_at = clock_timestamp(), seen = $2, made = greatest(made, $3)
                WHERE id = $1 RETURNING slot)
            SELECT i.generation, i.epoch, (SELECT slot FROM me), n.id, n.seen, n.made
            FROM sandkasse.installation i LEFT JOIN sandkasse.nodes n
                ON n.id <> $1 AND n.heard_at > clock_timestamp() - interval '5 seconds'";
        let (generation, made) = (seen.cast_signed(), numbers.last());
        let values = [
            (node as _, Type::TEXT),
            (&generation as _, Type::INT8),
            (&made as _, Type::INT8),
        ];
        let rows = pool.run(sql, &values, SHORT).await?;
        let first = rows
            .first()
            .ok_or_else(|| StoreError("the row of sandkasse.installation is gone".to_owned()))?;
        match get::<Option<i16>>(first, 2)?.map(u8::try_from) {
            Some(Ok(slot)) => numbers.set_slot(slot),
            // It was thought dead, and another node has its slot.
            _ => match register(pool, node, numbers.last()).await? {
                Some((slot, _)) => numbers.set_slot(slot),
                None => {
                    return Err(StoreError(OpenError::NoSlot.to_string()));
                }
            },
        }
        let mut living = vec![Heard {
            id: node.clone(),
            seen,
        }];
        for row in &rows {
            if let Some(id) = get::<Option<String>>(row, 3)? {
                let seen = rows::number(row, 4)?;
                living.push(Heard { id, seen });
                // So that what is made later is greater, also where another machine's clock is ahead.
                numbers.seen(get(row, 5)?);
            }
        }
        living.sort_by(|one, other| one.id.cmp(&other.id));
        if self.beats.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY / 2 {
            tidy(pool).await?;
        }
        Ok(Beat {
            generation: rows::number(first, 0)?,
            epoch: rows::number(first, 1)?,
            living,
        })
    }

    async fn woken(&self) {
        self.woken.notified().await;
    }

    async fn claim(&self, task: &str, for_ms: u64) -> Result<bool, StoreError> {
        let sql = format!(
            "INSERT INTO sandkasse.claims AS c (task, node, until)
             VALUES ($1, $2, clock_timestamp() + $3 * interval '1 millisecond')
             ON CONFLICT (task) DO UPDATE SET node = excluded.node, until = excluded.until
             WHERE c.node = excluded.node OR c.until <= clock_timestamp() OR c.node NOT IN ({LIVING})
             RETURNING 1"
        );
        let node = self.id();
        let for_ms = i32::try_from(for_ms).unwrap_or(i32::MAX);
        let for_ms = f64::from(for_ms);
        let values = [
            (&task as _, Type::TEXT),
            (&node as _, Type::TEXT),
            (&for_ms as _, Type::FLOAT8),
        ];
        Ok(!self.shared.pool.run(&sql, &values, SHORT).await?.is_empty())
    }

    async fn release(&self, task: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM sandkasse.claims WHERE task = $1 AND node = $2";
        let node = self.id();
        let values = [(&task as _, Type::TEXT), (&node as _, Type::TEXT)];
        self.shared.pool.run(sql, &values, SHORT).await?;
        Ok(())
    }

    async fn count(&self, hits: Vec<Hit>) -> Result<Vec<Window>, StoreError> {
        super::windows::count(&self.shared.pool, &hits, COUNT_LIMIT).await
    }

    async fn note(&self, calls: Vec<Noted>) -> Result<(), StoreError> {
        if calls.is_empty() {
            return Ok(());
        }
        // Places are given out under a lock that is held until they are visible, so nobody who reads
        // on behind a place misses one.
        let sql = "WITH e AS (
                INSERT INTO sandkasse.journal_end AS e (one, place) VALUES (true, cardinality($1::int8[]))
                ON CONFLICT (one) DO UPDATE SET place = e.place + cardinality($1::int8[]) RETURNING place)
            INSERT INTO sandkasse.journal (place, number, at, environment, msn, node, body)
            SELECT e.place - cardinality($1::int8[]) + t.n, t.number, t.at, t.environment, t.msn, $6, t.body
            FROM unnest($1::int8[], $2::int8[], $3::int2[], $4::text[], $5::bytea[])
                WITH ORDINALITY AS t (number, at, environment, msn, body, n), e";
        let numbers: Vec<i64> = calls.iter().map(|it| it.number.cast_signed()).collect();
        let at: Vec<i64> = calls.iter().map(|it| it.at.as_millisecond()).collect();
        let environments: Vec<i16> = calls
            .iter()
            .map(|it| environment_number(it.environment))
            .collect();
        let msns: Vec<Option<&str>> = calls
            .iter()
            .map(|it| it.msn.as_ref().map(|msn| msn.as_str()))
            .collect();
        let bodies: Vec<&[u8]> = calls.iter().map(|it| it.body.as_slice()).collect();
        let node = self.id();
        let values = [
            (&numbers as _, Type::INT8_ARRAY),
            (&at as _, Type::INT8_ARRAY),
            (&environments as _, Type::INT2_ARRAY),
            (&msns as _, Type::TEXT_ARRAY),
            (&bodies as _, Type::BYTEA_ARRAY),
            (&node as _, Type::TEXT),
        ];
        self.shared.pool.run(sql, &values, SHORT).await?;
        Ok(())
    }

    async fn noted(
        &self,
        after: Option<u64>,
        limit: usize,
    ) -> Result<(Vec<Noted>, u64), StoreError> {
        // A crash of the database's machine forgets the journal, and places begin again.
        let sql = "WITH e AS (SELECT coalesce((SELECT place FROM sandkasse.journal_end), 0) AS place),
                s AS (SELECT CASE WHEN $1 IS NULL THEN greatest(place - $2, 0) WHEN $1 > place THEN 0 ELSE $1 END
                      AS start FROM e)
            SELECT e.place, j.place, j.number, j.at, j.environment, j.msn, j.body
            FROM e CROSS JOIN s LEFT JOIN LATERAL (
                SELECT * FROM sandkasse.journal WHERE place > s.start AND node <> $3
                ORDER BY place LIMIT $2) j ON true
            ORDER BY j.place";
        let after = after.map(u64::cast_signed);
        let limit = bounded(limit);
        let node = self.id();
        let values = [
            (&after as _, Type::INT8),
            (&limit as _, Type::INT8),
            (&node as _, Type::TEXT),
        ];
        let rows = self.shared.pool.run(sql, &values, SHORT).await?;
        let mut found = Vec::with_capacity(rows.len());
        let mut place = 0;
        let mut last = 0;
        for row in &rows {
            place = rows::number(row, 0)?;
            let Some(at_place) = get::<Option<i64>>(row, 1)? else {
                continue;
            };
            last = at_place.cast_unsigned();
            found.push(noted(row)?);
        }
        let all = bounded(found.len()) < limit;
        Ok((found, if all { place } else { last }))
    }

    async fn prune_noted(&self, keep: u64, before: Timestamp) -> Result<(), StoreError> {
        let sql = "DELETE FROM sandkasse.journal WHERE place <= (SELECT place FROM sandkasse.journal_end) - $1
                   OR at < $2";
        let keep = i64::try_from(keep).unwrap_or(i64::MAX);
        let before = before.as_millisecond();
        let values = [(&keep as _, Type::INT8), (&before as _, Type::INT8)];
        self.shared.pool.run(sql, &values, LONG).await?;
        Ok(())
    }
}

/// `number, at, environment, msn, body` from 2 on.
fn noted(row: &tokio_postgres::Row) -> Result<Noted, StoreError> {
    let msn: Option<&str> = get(row, 5)?;
    Ok(Noted {
        number: rows::number(row, 2)?,
        at: rows::moment(row, 3)?,
        environment: rows::environment(row, 4)?,
        msn: match msn {
            Some(_) => Some(rows::msn(row, 5)?),
            None => None,
        },
        body: get(row, 6)?,
    })
}

/// Windows by their key.
pub(super) type ByKey<T> = HashMap<[u8; 16], T>;
