//! Many commits as one statement.
//!
//! A statement that is a transaction of its own costs one round trip and one flush of the log,
//! whatever is in it. The arguments are columns: the commits, and what belongs to them by their
//! place. The statement locks the records in the order of their keys, finds the commits that are
//! refused, and writes all others. What it found is a snapshot; rows that others insert meanwhile
//! make the counts at its end not fit, and then it divides by zero, which undoes all of it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use tokio_postgres::Row;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::connection::Value;
use super::numbers::Numbers;
use super::rows::{environment_number, get, state};
use super::text::stored;
use crate::port::{Commit, Seal, StoreError};
use crate::seals::CommitSeals;

type Text<'a> = Cow<'a, str>;
type Bytes<'a> = Option<&'a [u8]>;

/// The arguments, one vector a column.
#[derive(Default)]
pub(super) struct Group<'a> {
    environment: Vec<i16>,
    msn: Vec<&'a str>,
    id: Vec<Uuid>,
    msns: Vec<&'a str>,
    writes: Writes<'a>,
    events: Events<'a>,
    replies: Replies<'a>,
    calls: Calls<'a>,
    node: &'a str,
}

#[derive(Default)]
struct Writes<'a> {
    commit: Vec<i64>,
    kind: Vec<&'a str>,
    name: Vec<Text<'a>>,
    expected: Vec<Option<i64>>,
    number: Vec<i64>,
    deadline: Vec<Option<i64>>,
    body: Vec<Text<'a>>,
    seal: Vec<Bytes<'a>>,
}

#[derive(Default)]
struct Events<'a> {
    write: Vec<i64>,
    position: Vec<i32>,
    at: Vec<i64>,
    body: Vec<Text<'a>>,
    seal: Vec<Bytes<'a>>,
}

#[derive(Default)]
struct Replies<'a> {
    commit: Vec<i64>,
    scope: Vec<Text<'a>>,
    key: Vec<Text<'a>>,
    fingerprint: Vec<Text<'a>>,
    status: Vec<i32>,
    body: Vec<Text<'a>>,
    seal: Vec<Bytes<'a>>,
}

#[derive(Default)]
struct Calls<'a> {
    commit: Vec<i64>,
    number: Vec<i64>,
    id: Vec<Text<'a>>,
    about: Vec<Text<'a>>,
    purpose: Vec<&'a str>,
    method: Vec<Text<'a>>,
    url: Vec<Text<'a>>,
    header: Vec<Option<Text<'a>>>,
    body: Vec<Option<Text<'a>>>,
    timeout_ms: Vec<i64>,
    owed_at: Vec<i64>,
    seal: Vec<Bytes<'a>>,
}

/// What became of each commit of a group, by its place.
#[derive(Debug, Default)]
pub(super) struct Refused {
    pub(super) in_conflict: BTreeSet<i64>,
    pub(super) mistaken: BTreeSet<i64>,
}

impl<'a> Group<'a> {
    pub(super) fn new(
        commits: impl Iterator<Item = (&'a Commit, Option<&'a CommitSeals>, Uuid)>,
        numbers: &Numbers,
        node: &'a str,
    ) -> Group<'a> {
        let mut group = Group {
            node,
            ..Group::default()
        };
        for (commit, seals, id) in commits {
            group.add(commit, seals, id, numbers);
        }
        group.msns.extend(&group.msn);
        group.msns.sort_unstable();
        group.msns.dedup();
        group
    }

    fn add(
        &mut self,
        commit: &'a Commit,
        seals: Option<&'a CommitSeals>,
        id: Uuid,
        numbers: &Numbers,
    ) {
        let Commit {
            partition,
            writes,
            reply,
            calls,
        } = commit;
        self.environment
            .push(environment_number(partition.environment));
        self.msn.push(partition.msn.as_str());
        self.id.push(id);
        let place = place(self.id.len());
        let mut fresh = numbers.take(writes.iter().filter(|it| it.expected.is_none()).count());
        for (index, write) in writes.iter().enumerate() {
            let seals = seals.and_then(|seals| seals.writes.get(index));
            let number = match write.expected {
                None => fresh.next().unwrap_or_default(),
                // It has one already.
                Some(_) => 0,
            };
            let columns = &mut self.writes;
            columns.commit.push(place);
            columns.kind.push(write.stream.kind.name());
            columns.name.push(stored(&write.stream.name));
            columns.expected.push(write.expected.map(u64::cast_signed));
            columns.number.push(number);
            columns
                .deadline
                .push(write.deadline.map(|at| at.as_millisecond()));
            columns.body.push(stored(&write.body));
            columns.seal.push(bytes(seals.map(|(seal, _)| seal)));
            let place = self::place(columns.commit.len());
            for (index, (position, event)) in (0..).zip(&write.events).enumerate() {
                let seal = seals.and_then(|(_, seals)| seals.get(index));
                self.events.write.push(place);
                self.events.position.push(position);
                self.events.at.push(event.at.as_millisecond());
                self.events.body.push(stored(&event.body));
                self.events.seal.push(bytes(seal));
            }
        }
        if let Some(reply) = reply {
            let columns = &mut self.replies;
            columns.commit.push(place);
            columns.scope.push(stored(&reply.scope));
            columns.key.push(stored(&reply.key));
            columns.fingerprint.push(stored(&reply.fingerprint));
            columns.status.push(reply.status.into());
            columns.body.push(stored(&reply.body));
            let seal = seals.and_then(|seals| seals.reply.as_ref());
            columns.seal.push(bytes(seal));
        }
        let fresh = numbers.take(calls.len());
        for (index, (call, number)) in calls.iter().zip(fresh).enumerate() {
            let seal = seals.and_then(|seals| seals.calls.get(index));
            let columns = &mut self.calls;
            columns.commit.push(place);
            columns.number.push(number);
            columns.id.push(stored(&call.id));
            columns.about.push(stored(&call.about));
            columns.purpose.push(call.purpose.name());
            columns.method.push(stored(&call.method));
            columns.url.push(stored(&call.url));
            columns
                .header
                .push(call.authorization.as_deref().map(stored));
            columns.body.push(call.body.as_deref().map(stored));
            columns.timeout_ms.push(call.timeout_ms.cast_signed());
            columns.owed_at.push(call.owed_at.as_millisecond());
            columns.seal.push(bytes(seal));
        }
    }

    /// The statement. What no commit of the group has is left out: it would be planned for nothing.
    pub(super) fn sql(&self) -> String {
        let writes = !self.writes.commit.is_empty();
        let events = !self.events.write.is_empty();
        let replies = !self.replies.commit.is_empty();
        let calls = !self.calls.commit.is_empty();
        let mut parts = vec![COMMITS];
        let mut refusals = Vec::new();
        let mut fits = Vec::new();
        if writes {
            parts.extend([WRITES, LOCKED]);
            refusals.push(REFUSED_WRITES);
        }
        if replies {
            parts.push(REPLIES);
            refusals.push(REFUSED_REPLIES);
        }
        if calls {
            parts.push(CALLS);
            refusals.push(REFUSED_CALLS);
        }
        let refused = format!("refused AS MATERIALIZED ({})", refusals.join(" UNION "));
        parts.push(&refused);
        if writes {
            parts.push(PUT_RECORDS);
            fits.push(RECORDS_FIT);
        }
        if events {
            parts.push(PUT_EVENTS);
            fits.push(EVENTS_FIT);
        }
        if replies {
            parts.push(PUT_REPLIES);
            fits.push(REPLIES_FIT);
        }
        if calls {
            parts.push(PUT_CALLS);
            fits.push(CALLS_FIT);
        }
        format!(
            "WITH {} SELECT coalesce((SELECT array_agg(c) FROM refused WHERE NOT mistake), '{{}}'), \
             coalesce((SELECT array_agg(c) FROM refused WHERE mistake), '{{}}'), \
             1 / (CASE WHEN {} THEN 1 ELSE 0 END)",
            parts.join(", "),
            fits.join(" AND ")
        )
    }

    pub(super) fn values(&self) -> Vec<Value<'_>> {
        let Group {
            environment,
            msn,
            id,
            msns,
            writes,
            events,
            replies,
            calls,
            node,
        } = self;
        vec![
            (environment, Type::INT2_ARRAY),
            (msn, Type::TEXT_ARRAY),
            (id, Type::UUID_ARRAY),
            (msns, Type::TEXT_ARRAY),
            (&writes.commit, Type::INT8_ARRAY),
            (&writes.kind, Type::TEXT_ARRAY),
            (&writes.name, Type::TEXT_ARRAY),
            (&writes.expected, Type::INT8_ARRAY),
            (&writes.number, Type::INT8_ARRAY),
            (&writes.deadline, Type::INT8_ARRAY),
            (&writes.body, Type::TEXT_ARRAY),
            (&events.write, Type::INT8_ARRAY),
            (&events.position, Type::INT4_ARRAY),
            (&events.at, Type::INT8_ARRAY),
            (&events.body, Type::TEXT_ARRAY),
            (&replies.commit, Type::INT8_ARRAY),
            (&replies.scope, Type::TEXT_ARRAY),
            (&replies.key, Type::TEXT_ARRAY),
            (&replies.fingerprint, Type::TEXT_ARRAY),
            (&replies.status, Type::INT4_ARRAY),
            (&replies.body, Type::TEXT_ARRAY),
            (&calls.commit, Type::INT8_ARRAY),
            (&calls.number, Type::INT8_ARRAY),
            (&calls.id, Type::TEXT_ARRAY),
            (&calls.about, Type::TEXT_ARRAY),
            (&calls.purpose, Type::TEXT_ARRAY),
            (&calls.method, Type::TEXT_ARRAY),
            (&calls.url, Type::TEXT_ARRAY),
            (&calls.header, Type::TEXT_ARRAY),
            (&calls.body, Type::TEXT_ARRAY),
            (&calls.timeout_ms, Type::INT8_ARRAY),
            (&calls.owed_at, Type::INT8_ARRAY),
            (node, Type::TEXT),
            (&writes.seal, Type::BYTEA_ARRAY),
            (&events.seal, Type::BYTEA_ARRAY),
            (&replies.seal, Type::BYTEA_ARRAY),
            (&calls.seal, Type::BYTEA_ARRAY),
        ]
    }
}

impl Refused {
    pub(super) fn read(rows: &[Row]) -> Result<Refused, StoreError> {
        let row = rows
            .first()
            .ok_or_else(|| StoreError("the database answered without a row".to_owned()))?;
        Ok(Refused {
            in_conflict: get::<Vec<i64>>(row, 0)?.into_iter().collect(),
            mistaken: get::<Vec<i64>>(row, 1)?.into_iter().collect(),
        })
    }
}

fn bytes(seal: Option<&Seal>) -> Option<&[u8]> {
    seal.map(|seal| seal.0.as_slice())
}

/// Places count from 1, as `WITH ORDINALITY` does.
fn place(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

const COMMITS: &str = "commits AS MATERIALIZED (
    SELECT * FROM unnest($1::int2[], $2::text[], $3::uuid[])
        WITH ORDINALITY AS t (environment, msn, commit_id, c))";

const WRITES: &str = "writes AS MATERIALIZED (
    SELECT environment, msn, commit_id, t.*
    FROM unnest($5::int8[], $6::text[], $7::text[], $8::int8[], $9::int8[], $10::int8[], $11::text[],
                $34::bytea[])
        WITH ORDINALITY AS t (c, kind, name, expected, number, deadline, body, seal, w) JOIN commits USING (c))";

// That the MSN is one of those named lets the planner leave out the other partitions.
const LOCKED: &str = "locked AS MATERIALIZED (
    SELECT writes.w, r.version, r.number
    FROM writes JOIN sandkasse.records r USING (msn, environment, kind, name) WHERE r.msn = ANY ($4::text[])
    ORDER BY r.msn, r.environment, r.kind, r.name FOR UPDATE OF r)";

const REPLIES: &str = "replies AS MATERIALIZED (
    SELECT environment, msn, commit_id, t.*
    FROM unnest($16::int8[], $17::text[], $18::text[], $19::text[], $20::int4[], $21::text[], $36::bytea[])
        AS t (c, scope, key, fingerprint, status, body, seal) JOIN commits USING (c))";

const CALLS: &str = "calls AS MATERIALIZED (
    SELECT environment, msn, commit_id, t.*
    FROM unnest($22::int8[], $23::int8[], $24::text[], $25::text[], $26::text[], $27::text[], $28::text[],
                $29::text[], $30::text[], $31::int8[], $32::int8[], $37::bytea[])
        AS t (c, number, id, about, purpose, method, url, header, body, timeout_ms, owed_at, seal)
        JOIN commits USING (c))";

const REFUSED_WRITES: &str =
    "SELECT writes.c, false AS mistake FROM writes LEFT JOIN locked USING (w)
    WHERE locked.version IS DISTINCT FROM writes.expected";

const REFUSED_REPLIES: &str = "SELECT replies.c, false AS mistake
    FROM replies JOIN sandkasse.replies r USING (msn, environment, scope, key) WHERE r.msn = ANY ($4::text[])";

const REFUSED_CALLS: &str = "SELECT calls.c, true AS mistake
    FROM calls JOIN sandkasse.calls r USING (msn, id) WHERE r.msn = ANY ($4::text[])";

// An insertion that updates needs no plan for every partition, and looks at the newest version of a
// row, whatever the snapshot says. Each part waits for the one before, so that locks are taken in
// one order everywhere.
const PUT_RECORDS: &str = "put_records AS (
    INSERT INTO sandkasse.records
        (msn, environment, kind, name, number, version, deadline, body, commit_id, seal)
    SELECT msn, environment, kind, name, number, coalesce(expected, 0) + 1, deadline, body, commit_id, seal
    FROM writes WHERE c NOT IN (SELECT c FROM refused) ORDER BY msn, environment, kind, name
    ON CONFLICT (msn, environment, kind, name) DO UPDATE
    SET version = excluded.version, deadline = excluded.deadline, body = excluded.body,
        commit_id = excluded.commit_id, seal = excluded.seal
    WHERE records.version = excluded.version - 1
    RETURNING 1)";

const RECORDS_FIT: &str = "(SELECT count(*) FROM put_records)
    = (SELECT count(*) FROM writes WHERE c NOT IN (SELECT c FROM refused))";

const PUT_EVENTS: &str = "put_events AS (
    INSERT INTO sandkasse.events (msn, environment, record, version, position, at, body, commit_id, seal)
    SELECT msn, environment, coalesce(locked.number, writes.number), coalesce(expected, 0) + 1,
           t.position, t.at, t.body, commit_id, t.seal
    FROM unnest($12::int8[], $13::int4[], $14::int8[], $15::text[], $35::bytea[])
             AS t (w, position, at, body, seal)
        JOIN writes USING (w) LEFT JOIN locked USING (w)
    WHERE c NOT IN (SELECT c FROM refused) RETURNING 1)";

const EVENTS_FIT: &str = "(SELECT count(*) FROM put_events)
    = (SELECT count(*) FROM unnest($12::int8[]) AS t (w) JOIN writes USING (w)
       WHERE c NOT IN (SELECT c FROM refused))";

const PUT_REPLIES: &str = "put_replies AS (
    INSERT INTO sandkasse.replies (msn, environment, scope, key, fingerprint, status, body, commit_id, seal)
    SELECT msn, environment, scope, key, fingerprint, status, body, commit_id, seal
    FROM replies WHERE c NOT IN (SELECT c FROM refused) ORDER BY msn, environment, scope, key
    ON CONFLICT DO NOTHING RETURNING 1)";

const REPLIES_FIT: &str = "(SELECT count(*) FROM put_replies)
    = (SELECT count(*) FROM replies WHERE c NOT IN (SELECT c FROM refused))";

const PUT_CALLS: &str = "put_calls AS (
    INSERT INTO sandkasse.calls (msn, environment, id, number, state, node, about, purpose, method, url,
                                 header, body, timeout_ms, owed_at, commit_id, seal)
    SELECT msn, environment, id, number, 0, $33::text, about, purpose, method, url,
           header, body, timeout_ms, owed_at, commit_id, seal
    FROM calls WHERE c NOT IN (SELECT c FROM refused) ORDER BY msn, id
    ON CONFLICT DO NOTHING RETURNING 1)";

const CALLS_FIT: &str = "(SELECT count(*) FROM put_calls)
    = (SELECT count(*) FROM calls WHERE c NOT IN (SELECT c FROM refused))";

/// What a new call's state is written as above.
const _: () = assert!(state::OWED == 0);
