//! Outgoing calls: begun, ended, added and recovered.
//!
//! Beginnings and endings come from many workers at once, so one task puts those that wait into one
//! statement of each sort. A beginning carries an id of its own, `begun_by`. Executed again after a
//! lost answer, it finds the call owed, or begun by itself, and writes again either way: the answer
//! is then as safe as any other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use sandkasse_domain::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::Shared;
use super::connection::{Failure, LONG, SHORT, Value};
use super::nodes::LIVING;
use super::rows::{self, CALL, bounded, environment_number, get};
use super::text::stored;
use crate::port::{CallOutcome, OutgoingCall, Partition, Purpose, Seal, StoreError};

/// How many beginnings and endings are put into one statement.
const GROUP_LIMIT: usize = 256;
const QUEUE_LIMIT: usize = 1_024;

/// How many calls are forgotten in one transaction.
const PRUNE_LIMIT: i64 = 1_000;

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

enum Work {
    Begin {
        id: String,
        at: Timestamp,
        seal: Option<Seal>,
        answer: Answer<bool>,
    },
    Finish {
        id: String,
        outcome: String,
        seal: Option<Seal>,
        answer: Answer<()>,
    },
}

/// When a call was begun, or how it ended, and the seal over that.
struct Change<T> {
    to: T,
    seal: Option<Seal>,
}

impl<T> Change<T> {
    fn seal(&self) -> Option<&[u8]> {
        self.seal.as_ref().map(|seal| seal.0.as_slice())
    }
}

/// The way to the task.
pub(super) struct Calls {
    shared: Arc<Shared>,
    /// `None` after [`Calls::close`].
    queue: Mutex<Option<mpsc::Sender<Work>>>,
    task: tokio::sync::Mutex<JoinSet<()>>,
}

impl Calls {
    pub(super) fn start(shared: &Arc<Shared>) -> Calls {
        let (queue, work) = mpsc::channel(QUEUE_LIMIT);
        let mut task = JoinSet::new();
        task.spawn(run(Arc::clone(shared), work));
        Calls {
            shared: Arc::clone(shared),
            queue: Mutex::new(Some(queue)),
            task: tokio::sync::Mutex::new(task),
        }
    }

    pub(super) async fn begin(&self, id: &str, at: Timestamp) -> Result<bool, StoreError> {
        let seal = self.shared.sealer.get().map(|it| it.begun(id, at));
        let id = stored(id).into_owned();
        self.ask(|answer| Work::Begin {
            id,
            at,
            seal,
            answer,
        })
        .await
    }

    pub(super) async fn finish(&self, id: &str, outcome: &CallOutcome) -> Result<(), StoreError> {
        let seal = self.shared.sealer.get().map(|it| it.ended(id, outcome));
        let outcome =
            serde_json::to_string(outcome).map_err(|error| StoreError(error.to_string()))?;
        let outcome = stored(&outcome).into_owned();
        let id = stored(id).into_owned();
        self.ask(|answer| Work::Finish {
            id,
            outcome,
            seal,
            answer,
        })
        .await
    }

    async fn ask<T>(&self, work: impl FnOnce(Answer<T>) -> Work) -> Result<T, StoreError> {
        let closed = || StoreError("the store is closed".to_owned());
        let queue = self.queue.lock().clone().ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        queue.send(work(answer)).await.map_err(|_| closed())?;
        drop(queue);
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    pub(super) async fn add_begun(
        &self,
        partition: &Partition,
        call: &OutgoingCall,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let number = self.shared.numbers.take(1).next().unwrap_or_default();
        let environment = environment_number(partition.environment);
        let msn = partition.msn.as_str();
        let (id, about, purpose) = (stored(&call.id), stored(&call.about), call.purpose.name());
        let (method, url) = (stored(&call.method), stored(&call.url));
        let header = call.authorization.as_deref().map(stored);
        let body = call.body.as_deref().map(stored);
        let timeout_ms = call.timeout_ms.cast_signed();
        let owed_at = call.owed_at.as_millisecond();
        let begun_at = at.as_millisecond();
        let marker = Uuid::new_v4();
        let node = self.shared.node.as_str();
        let sealer = self.shared.sealer.get();
        let seal = sealer.map(|it| it.call(partition, call).0);
        let seal = seal.as_ref().map(<[u8; 16]>::as_slice);
        let begun_seal = sealer.map(|it| it.begun(&call.id, at).0);
        let begun_seal = begun_seal.as_ref().map(<[u8; 16]>::as_slice);
        let values: [Value<'_>; 17] = [
            (&environment, Type::INT2),
            (&msn, Type::TEXT),
            (&id, Type::TEXT),
            (&number, Type::INT8),
            (&node, Type::TEXT),
            (&about, Type::TEXT),
            (&purpose, Type::TEXT),
            (&method, Type::TEXT),
            (&url, Type::TEXT),
            (&header, Type::TEXT),
            (&body, Type::TEXT),
            (&timeout_ms, Type::INT8),
            (&owed_at, Type::INT8),
            (&begun_at, Type::INT8),
            (&marker, Type::UUID),
            (&seal, Type::BYTEA),
            (&begun_seal, Type::BYTEA),
        ];
        match self.shared.pool.run(ADD, &values, SHORT).await?.is_empty() {
            false => Ok(()),
            true => Err(StoreError(format!("there is a call {:?} already", call.id))),
        }
    }

    /// See [`Store::recover_calls`](crate::Store::recover_calls).
    pub(super) async fn recover(&self) -> Result<Vec<(Partition, OutgoingCall)>, StoreError> {
        let node = self.shared.node.as_str();
        let pool = &self.shared.pool;
        let whose = match self.shared.counts_as_gone() {
            false => format!("node <> $1 AND node NOT IN ({LIVING})"),
            true => "$1::text IS NOT NULL".to_owned(),
        };
        // What a newer program owes is left to its nodes.
        let known = Purpose::ALL.map(Purpose::name).to_vec();
        let interrupt = format!(
            "UPDATE sandkasse.calls SET state = 3 WHERE (msn, id) IN (
                 SELECT msn, id FROM sandkasse.calls WHERE state < 2 AND state = 1 AND purpose = ANY ($2) AND {whose}
                 ORDER BY msn, id FOR UPDATE SKIP LOCKED) AND state = 1"
        );
        let me: [Value<'_>; 2] = [(&node, Type::TEXT), (&known, Type::TEXT_ARRAY)];
        pool.run(&interrupt, &me, LONG).await?;
        // With a mark, so that those taken over by an attempt whose answer was lost are told too.
        let marker = Uuid::new_v4();
        let take = format!(
            "WITH gone AS MATERIALIZED (
                 SELECT msn, id FROM sandkasse.calls WHERE state < 2 AND state = 0 AND purpose = ANY ($3) AND {whose}
                 ORDER BY msn, id FOR UPDATE SKIP LOCKED),
             taken AS (
                 UPDATE sandkasse.calls c SET node = $1, begun_by = $2 FROM gone
                 WHERE c.msn = gone.msn AND c.id = gone.id AND c.state = 0 RETURNING c.*)
             SELECT {CALL} FROM taken UNION ALL
             SELECT {CALL} FROM sandkasse.calls
             WHERE state < 2 AND state = 0 AND node = $1 AND begun_by = $2 ORDER BY number"
        );
        let values = [
            (&node as _, Type::TEXT),
            (&marker as _, Type::UUID),
            (&known as _, Type::TEXT_ARRAY),
        ];
        let rows = pool.run(&take, &values, LONG).await?;
        rows.iter()
            .map(|row| {
                let record = rows::call(row)?;
                Ok((record.partition, record.call))
            })
            .collect()
    }

    /// See [`Store::prune_calls`](crate::Store::prune_calls).
    pub(super) async fn prune(&self, keep: usize) -> Result<(), StoreError> {
        let pool = &self.shared.pool;
        let keep = bounded(keep);
        let units = "SELECT environment, msn FROM sandkasse.calls WHERE state >= 2
                     GROUP BY environment, msn HAVING count(*) > $1";
        for row in pool.run(units, &[(&keep, Type::INT8)], LONG).await? {
            let (environment, msn): (i16, &str) = (get(&row, 0)?, get(&row, 1)?);
            let sql = "DELETE FROM sandkasse.calls WHERE msn = $2 AND id IN (
                 SELECT id FROM sandkasse.calls
                 WHERE environment = $1 AND msn = $2 AND state >= 2 AND number <= (
                     SELECT number FROM sandkasse.calls WHERE environment = $1 AND msn = $2 AND state >= 2
                     ORDER BY number DESC LIMIT 1 OFFSET $3)
                 LIMIT $4) RETURNING 1";
            let values = [
                (&environment as _, Type::INT2),
                (&msn as _, Type::TEXT),
                (&keep as _, Type::INT8),
                (&PRUNE_LIMIT as _, Type::INT8),
            ];
            while bounded(pool.run(sql, &values, LONG).await?.len()) == PRUNE_LIMIT {}
        }
        Ok(())
    }

    pub(super) async fn close(&self) {
        self.queue.lock().take();
        let mut task = self.task.lock().await;
        while task.join_next().await.is_some() {}
    }
}

async fn run(shared: Arc<Shared>, mut queue: mpsc::Receiver<Work>) {
    let mut group = Vec::new();
    while queue.recv_many(&mut group, GROUP_LIMIT).await > 0 {
        let mut begun: BTreeMap<String, (Change<Timestamp>, Vec<Answer<bool>>)> = BTreeMap::new();
        let mut ended: BTreeMap<String, (Change<String>, Vec<Answer<()>>)> = BTreeMap::new();
        for work in group.drain(..) {
            match work {
                Work::Begin {
                    id,
                    at,
                    seal,
                    answer,
                } => {
                    let change = Change { to: at, seal };
                    let entry = begun.entry(id).or_insert_with(|| (change, Vec::new()));
                    entry.1.push(answer);
                }
                Work::Finish {
                    id,
                    outcome,
                    seal,
                    answer,
                } => {
                    let change = Change { to: outcome, seal };
                    let entry = ended.entry(id).or_insert_with(|| (change, Vec::new()));
                    entry.1.push(answer);
                }
            }
        }
        if !begun.is_empty() {
            let result = begin(&shared, &begun).await;
            for (id, (_, answers)) in begun {
                // Of several the first one begins it.
                for (index, answer) in answers.into_iter().enumerate() {
                    let mine = |begun: &BTreeSet<String>| index == 0 && begun.contains(&id);
                    let told = result.as_ref().map(mine).map_err(Clone::clone);
                    answer.send(told.map_err(StoreError::from)).ok();
                }
            }
        }
        if !ended.is_empty() {
            let result = end(&shared, &ended).await;
            for answer in ended.into_values().flat_map(|(_, answers)| answers) {
                answer.send(result.clone().map_err(StoreError::from)).ok();
            }
        }
    }
}

/// The ids of those that were begun.
async fn begin<T>(
    shared: &Shared,
    calls: &BTreeMap<String, (Change<Timestamp>, T)>,
) -> Result<BTreeSet<String>, Failure> {
    let ids: Vec<&str> = calls.keys().map(String::as_str).collect();
    let at: Vec<i64> = calls
        .values()
        .map(|(change, _)| change.to.as_millisecond())
        .collect();
    let seals: Vec<_> = calls.values().map(|(change, _)| change.seal()).collect();
    let marker = Uuid::new_v4();
    let node = shared.node.as_str();
    let values = [
        (&ids as _, Type::TEXT_ARRAY),
        (&at as _, Type::INT8_ARRAY),
        (&marker as _, Type::UUID),
        (&node as _, Type::TEXT),
        (&seals as _, Type::BYTEA_ARRAY),
    ];
    let rows = shared.pool.run(BEGIN, &values, SHORT).await?;
    Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).collect())
}

async fn end<T>(
    shared: &Shared,
    calls: &BTreeMap<String, (Change<String>, T)>,
) -> Result<(), Failure> {
    let ids: Vec<&str> = calls.keys().map(String::as_str).collect();
    let outcomes: Vec<&str> = calls
        .values()
        .map(|(change, _)| change.to.as_str())
        .collect();
    let seals: Vec<_> = calls.values().map(|(change, _)| change.seal()).collect();
    let values = [
        (&ids as _, Type::TEXT_ARRAY),
        (&outcomes as _, Type::TEXT_ARRAY),
        (&seals as _, Type::BYTEA_ARRAY),
    ];
    shared.pool.run(END, &values, SHORT).await.map(drop)
}

// Rows are locked in one order. That they are open lets the lookup use the small index over open ones.
const BEGIN: &str = "WITH found AS MATERIALIZED (
    SELECT c.msn, c.id, t.at, t.seal FROM unnest($1::text[], $2::int8[], $5::bytea[]) AS t (id, at, seal)
    JOIN sandkasse.calls c ON c.id = t.id
    WHERE c.state = 0 OR (c.state = 1 AND c.begun_by = $3) ORDER BY c.msn, c.id FOR UPDATE OF c)
UPDATE sandkasse.calls c SET state = 1, begun_at = found.at, begun_by = $3, node = $4, begun_seal = found.seal
FROM found WHERE c.msn = found.msn AND c.id = found.id
    AND (c.state = 0 OR (c.state = 1 AND c.begun_by = $3))
RETURNING c.id";

const END: &str = "WITH found AS MATERIALIZED (
    SELECT c.msn, c.id, t.outcome, t.seal FROM unnest($1::text[], $2::text[], $3::bytea[]) AS t (id, outcome, seal)
    JOIN sandkasse.calls c ON c.id = t.id
    WHERE c.state = 1 OR (c.state = 2 AND c.outcome = t.outcome) ORDER BY c.msn, c.id FOR UPDATE OF c)
UPDATE sandkasse.calls c SET state = 2, outcome = found.outcome, ended_seal = found.seal
FROM found WHERE c.msn = found.msn AND c.id = found.id
    AND (c.state = 1 OR (c.state = 2 AND c.outcome = found.outcome))
RETURNING 1";

const ADD: &str = "INSERT INTO sandkasse.calls
    (environment, msn, id, number, state, node, about, purpose, method, url, header, body, timeout_ms,
     owed_at, begun_at, begun_by, commit_id, seal, begun_seal)
VALUES ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16, $17)
ON CONFLICT (msn, id) DO UPDATE SET begun_by = excluded.begun_by
WHERE calls.state = 1 AND calls.begun_by = excluded.begun_by
RETURNING 1";
