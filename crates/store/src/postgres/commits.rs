//! The connections that write commits.
//!
//! Commits are spread over a few *lanes* by their sales unit; so those of one unit keep their order,
//! and while one lane waits for the disk the others fill the same flush. A lane puts whatever waits
//! into one statement ([`group`](super::group)) and answers after the database did.
//!
//! When the answer is lost, what happened is not known. The lane connects again, to whatever host
//! takes writes now, and executes the same commits again: those that had not happened happen now,
//! those that had are refused. Of a refused one the lane then asks whether the rows bear its id, in
//! a transaction that writes too. When *that* is acknowledged, everything before it in the log is as
//! safe as it is. If there is no answer within the database's patience, the caller is told that the
//! outcome is not known.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::Shared;
use super::connection::{Connection, Failure, SHORT, Value};
use super::group::{Group, Refused};
use super::pool::{Patience, pause};
use super::rows::{environment_number, get};
use super::text::stored;
use crate::port::{Commit, CommitError, StoreError};
use crate::seals::CommitSeals;

/// How many commits are put into one statement, and about how many bytes.
const GROUP_LIMIT: usize = 512;
const GROUP_BYTES: usize = 4 * 1024 * 1024;

/// How many commits may wait in a lane; whoever comes then waits for a place.
const QUEUE_LIMIT: usize = 1_024;

/// How often a commit that is alone is tried again when others insert the same at the same moment.
/// What was inserted shows at the next attempt.
const RACES: u32 = 5;

type Answer = Result<(), CommitError>;

struct Order {
    commit: Commit,
    seals: Option<CommitSeals>,
    id: Uuid,
    since: Instant,
    /// An earlier attempt may have made it.
    in_doubt: bool,
    races: u32,
    answer: oneshot::Sender<Answer>,
}

/// The way to the lanes.
pub(super) struct Lanes {
    /// Empty after [`Lanes::close`].
    queues: Mutex<Vec<mpsc::Sender<Order>>>,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
}

impl Lanes {
    pub(super) fn start(shared: &Arc<Shared>) -> Lanes {
        let mut queues = Vec::new();
        let mut tasks = JoinSet::new();
        for _ in 0..shared.pool.address.writers {
            let (queue, orders) = mpsc::channel(QUEUE_LIMIT);
            queues.push(queue);
            let lane = Lane {
                shared: Arc::clone(shared),
                connection: None,
            };
            tasks.spawn(lane.run(orders));
        }
        Lanes {
            queues: Mutex::new(queues),
            tasks: tokio::sync::Mutex::new(tasks),
        }
    }

    /// Returns once the commit is durable, or refused. It happens even if the caller no longer waits.
    pub(super) async fn commit(&self, commit: Commit, seals: Option<CommitSeals>) -> Answer {
        let closed = || StoreError("the store is closed".to_owned());
        let queue = {
            let queues = self.queues.lock();
            let lane = hash(&commit.partition) % u64::try_from(queues.len().max(1)).unwrap_or(1);
            queues.get(usize::try_from(lane).unwrap_or(0)).cloned()
        };
        let queue = queue.ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        let order = Order {
            commit,
            seals,
            id: Uuid::new_v4(),
            since: Instant::now(),
            in_doubt: false,
            races: 0,
            answer,
        };
        queue.send(order).await.map_err(|_| closed())?;
        drop(queue);
        answered.await.unwrap_or_else(|_| Err(closed().into()))
    }

    /// How many commits wait to be taken up.
    pub(super) fn waiting(&self) -> usize {
        let queues = self.queues.lock();
        let waiting = queues.iter().map(|it| it.max_capacity() - it.capacity());
        waiting.sum()
    }

    /// Returns when all that was asked for is done.
    pub(super) async fn close(&self) {
        self.queues.lock().clear();
        let mut tasks = self.tasks.lock().await;
        while tasks.join_next().await.is_some() {}
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

struct Lane {
    shared: Arc<Shared>,
    connection: Option<Connection>,
}

impl Lane {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut waiting = VecDeque::new();
        let mut arrived = Vec::new();
        loop {
            let room = QUEUE_LIMIT.saturating_sub(waiting.len());
            if waiting.is_empty() {
                if orders.recv_many(&mut arrived, room).await == 0 {
                    return;
                }
            } else if room > 0 {
                while arrived.len() < room
                    && let Ok(order) = orders.try_recv()
                {
                    arrived.push(order);
                }
            }
            waiting.extend(arrived.drain(..));
            self.perform(next_group(&mut waiting)).await;
        }
    }

    /// Answers all of the group.
    async fn perform(&mut self, group: Vec<Order>) {
        let mut rest = vec![group];
        while let Some(mut group) = rest.pop() {
            if group.is_empty() {
                continue;
            }
            let began = Instant::now();
            match self.attempt(&group).await {
                Ok(refused) => {
                    self.shared.groups.note(group.len(), began);
                    self.answer(group, &refused).await;
                }
                Err(failure @ Failure::Refused { .. }) => {
                    let Some(mut alone) = only(&mut group) else {
                        let later = group.split_off(group.len() / 2);
                        rest.extend([later, group]);
                        continue;
                    };
                    let raced = failure.is(&SqlState::DIVISION_BY_ZERO)
                        || failure.is(&SqlState::UNIQUE_VIOLATION);
                    alone.races += 1;
                    if raced && alone.races < RACES {
                        rest.push(vec![alone]);
                    } else {
                        self.give_up(alone, &failure);
                    }
                }
                Err(failure @ (Failure::Undone(_) | Failure::Unknown(_))) => {
                    let unknown = matches!(failure, Failure::Unknown(_));
                    tracing::warn!(
                        reason = failure.text(),
                        commits = group.len(),
                        "the database did not answer commits; they are tried again"
                    );
                    let mut again = Vec::with_capacity(group.len());
                    for mut order in group {
                        order.in_doubt |= unknown;
                        match self.patience(&order).is_over() {
                            true => self.give_up(order, &failure),
                            false => again.push(order),
                        }
                    }
                    if !unknown && !again.is_empty() {
                        pause(super::pool::PAUSE).await;
                    }
                    rest.push(again);
                }
            }
        }
    }

    async fn attempt(&mut self, group: &[Order]) -> Result<Refused, Failure> {
        let shared = Arc::clone(&self.shared);
        let node = shared.node.as_str();
        let commits = group
            .iter()
            .map(|order| (&order.commit, order.seals.as_ref(), order.id));
        let arguments = Group::new(commits, &shared.numbers, node);
        let rows = self.query(&arguments.sql(), &arguments.values()).await?;
        Refused::read(&rows).map_err(|error| Failure::Refused {
            state: SqlState::DATA_EXCEPTION,
            text: error.0,
        })
    }

    async fn query(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<tokio_postgres::Row>, Failure> {
        if self.connection.as_ref().is_some_and(|it| !it.is_usable()) {
            self.shared.pool.note_lost();
            self.connection = None;
        }
        let connection = match &self.connection {
            Some(connection) => connection,
            None => self.connection.insert(self.shared.pool.connect().await?),
        };
        connection.query(sql, values, SHORT).await
    }

    async fn answer(&mut self, group: Vec<Order>, refused: &Refused) {
        for (place, order) in (1..).zip(group) {
            let verdict = match () {
                () if refused.in_conflict.contains(&place) => Err(CommitError::Conflict),
                () if refused.mistaken.contains(&place) => {
                    let text = "there is a call with the id of one of these already";
                    Err(StoreError(text.to_owned()).into())
                }
                () => Ok(()),
            };
            let verdict = match verdict {
                Err(refusal) if order.in_doubt && self.shared.resolves() => {
                    self.resolve(&order, refusal).await
                }
                known => known,
            };
            // Whoever no longer waits is not told.
            order.answer.send(verdict).ok();
        }
    }

    /// What became of a commit that was refused after an earlier attempt whose answer was lost.
    async fn resolve(&mut self, order: &Order, refusal: CommitError) -> Answer {
        let mut patience = self.patience(order);
        loop {
            match self.find(order).await {
                Ok(Found::Ours) => return Ok(()),
                Ok(Found::Others) => return Err(refusal),
                Ok(Found::Hidden) => {
                    let text = "the outcome of a commit is not known: others wrote over it since";
                    return Err(StoreError(text.to_owned()).into());
                }
                Err(failure @ Failure::Refused { .. }) => {
                    return Err(StoreError::from(failure).into());
                }
                Err(Failure::Undone(text) | Failure::Unknown(text)) => {
                    let failure = Failure::Unknown(text);
                    patience.after(failure).await.map_err(StoreError::from)?;
                }
            }
        }
    }

    /// Looks for the commit's id, in a transaction that writes.
    async fn find(&mut self, order: &Order) -> Result<Found, Failure> {
        let Commit {
            partition,
            writes,
            reply,
            calls,
        } = &order.commit;
        let slot = i16::from(self.shared.numbers.slot());
        let environment = environment_number(partition.environment);
        let msn = partition.msn.as_str();
        let kinds: Vec<&str> = writes.iter().map(|it| it.stream.kind.name()).collect();
        let names: Vec<_> = writes.iter().map(|it| stored(&it.stream.name)).collect();
        let versions: Vec<i64> = writes
            .iter()
            .map(|it| it.expected.unwrap_or(0).cast_signed() + 1)
            .collect();
        let scope = reply.as_ref().map(|it| stored(&it.scope));
        let key = reply.as_ref().map(|it| stored(&it.key));
        let ids: Vec<_> = calls.iter().map(|it| stored(&it.id)).collect();
        let values: [Value<'_>; 10] = [
            (&slot, Type::INT2),
            (&environment, Type::INT2),
            (&msn, Type::TEXT),
            (&kinds, Type::TEXT_ARRAY),
            (&names, Type::TEXT_ARRAY),
            (&versions, Type::INT8_ARRAY),
            (&scope, Type::TEXT),
            (&key, Type::TEXT),
            (&ids, Type::TEXT_ARRAY),
            (&order.id, Type::UUID),
        ];
        let rows = self.query(FIND, &values).await?;
        let read = |column| {
            let row = rows.first();
            row.is_some_and(|row| get::<bool>(row, column).unwrap_or(false))
        };
        let leaves_traces = reply.is_some()
            || !calls.is_empty()
            || writes.iter().any(|write| !write.events.is_empty());
        Ok(match (read(0), read(1) && !leaves_traces) {
            (true, _) => Found::Ours,
            (false, true) => Found::Hidden,
            (false, false) => Found::Others,
        })
    }

    fn give_up(&self, order: Order, failure: &Failure) {
        self.shared.groups.failures.note();
        let failure = match order.in_doubt {
            true => Failure::Unknown(failure.text().to_owned()),
            false => failure.clone(),
        };
        let told = Err(StoreError::from(failure).into());
        order.answer.send(told).ok();
    }

    fn patience(&self, order: &Order) -> Patience {
        Patience::from(order.since, self.shared.pool.address.patience)
    }
}

/// Whose rows are where a commit's rows should be.
enum Found {
    Ours,
    Others,
    /// All records that the commit would have written were written again since.
    Hidden,
}

const FIND: &str = "WITH proof AS (
    INSERT INTO sandkasse.proofs (slot, count) VALUES ($1, 1)
    ON CONFLICT (slot) DO UPDATE SET count = proofs.count + 1 RETURNING 1),
found AS MATERIALIZED (
    SELECT r.number, r.version, r.commit_id, t.version AS ours
    FROM unnest($4::text[], $5::text[], $6::int8[]) AS t (kind, name, version)
    JOIN sandkasse.records r ON r.msn = $3 AND r.environment = $2 AND r.kind = t.kind AND r.name = t.name)
SELECT EXISTS (SELECT FROM found WHERE commit_id = $10)
    OR EXISTS (SELECT FROM found JOIN sandkasse.events e
               ON e.msn = $3 AND e.environment = $2 AND e.record = found.number AND e.version = found.ours
               WHERE e.commit_id = $10)
    OR EXISTS (SELECT FROM sandkasse.replies
               WHERE msn = $3 AND environment = $2 AND scope = $7 AND key = $8 AND commit_id = $10)
    OR EXISTS (SELECT FROM sandkasse.calls WHERE msn = $3 AND id = ANY ($9) AND commit_id = $10),
    (SELECT count(*) FROM found WHERE version > ours) = cardinality($4::text[]),
    (SELECT count(*) FROM proof)";

fn only(group: &mut Vec<Order>) -> Option<Order> {
    match group.len() {
        1 => group.pop(),
        _ => None,
    }
}

/// Takes commits that have nothing in common, the first ones first. Those behind one that has to wait
/// wait too, if they are of the same sales unit.
fn next_group(waiting: &mut VecDeque<Order>) -> Vec<Order> {
    let mut group = Vec::new();
    let mut later = VecDeque::new();
    let mut things = HashSet::new();
    let mut held = HashSet::new();
    let mut bytes = 0;
    while let Some(order) = waiting.pop_front() {
        let Commit { partition, .. } = &order.commit;
        let full = group.len() >= GROUP_LIMIT || bytes >= GROUP_BYTES;
        let touched = things_of(&order.commit);
        if full {
            later.push_back(order);
            later.append(waiting);
            break;
        }
        if held.contains(partition) || touched.iter().any(|thing| things.contains(thing)) {
            held.insert(partition.clone());
            later.push_back(order);
            continue;
        }
        bytes += size(&order.commit);
        things.extend(touched);
        group.push(order);
    }
    *waiting = later;
    group
}

/// What no two commits of a group may share, hashed. Two things with one hash only wait for each other.
fn things_of(commit: &Commit) -> Vec<u64> {
    let Commit {
        partition,
        writes,
        reply,
        calls,
    } = commit;
    let mut things: Vec<u64> = writes
        .iter()
        .map(|write| hash(&("record", partition, &write.stream)))
        .collect();
    things.extend(
        reply
            .iter()
            .map(|it| hash(&("reply", partition, &it.scope, &it.key))),
    );
    things.extend(
        calls
            .iter()
            .map(|it| hash(&("call", &partition.msn, &it.id))),
    );
    things
}

/// About how many bytes it is on the wire.
fn size(commit: &Commit) -> usize {
    let writes = commit.writes.iter().map(|write| {
        let events: usize = write.events.iter().map(|event| event.body.len()).sum();
        write.body.len() + events
    });
    let calls = commit
        .calls
        .iter()
        .map(|call| call.url.len() + call.body.as_ref().map_or(0, String::len));
    let reply = commit.reply.as_ref().map_or(0, |reply| reply.body.len());
    writes.chain(calls).sum::<usize>() + reply
}
