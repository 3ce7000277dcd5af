//! What is noted about whole tables; see [`crate::heads`].
//!
//! A head is computed here and not in the database, so it is written only over the value that it
//! was computed from.

use std::collections::BTreeMap;

use tokio_postgres::types::Type;

use super::connection::{SHORT, Value};
use super::pool::Pool;
use super::rows::{self, environment_number, get};
use super::text::stored;
use crate::heads::{self, Tally};
use crate::port::{AuditLine, DirectoryEntry, Seal, StoreError};
use crate::seals::Sealer;

/// What a change of the directory makes of the heads over it, as columns.
#[derive(Default, PartialEq)]
pub(super) struct Noted {
    pub(super) names: Vec<String>,
    pub(super) before: Vec<Option<String>>,
    pub(super) after: Vec<String>,
    seals: Vec<[u8; 16]>,
}

/// The part of a statement that writes a [`Noted`], given its four columns, and the condition that
/// all of it was written. Heads that an earlier attempt wrote are written again.
macro_rules! noting {
    ($names:literal, $before:literal, $after:literal, $seals:literal) => {
        concat!(
            "wanted AS (SELECT * FROM unnest(", $names, "::text[], ", $before, "::text[], ", $after, "::text[], ",
            $seals, "::bytea[]) AS t (name, before, value, seal)),
             held AS MATERIALIZED (SELECT name, value FROM sandkasse.heads WHERE name = ANY (", $names, ")
                 ORDER BY name FOR UPDATE),
             noted_again AS (UPDATE sandkasse.heads h SET value = wanted.value, seal = wanted.seal
                 FROM wanted JOIN held USING (name)
                 WHERE h.name = wanted.name AND held.value IN (wanted.before, wanted.value) RETURNING 1),
             noted_first AS (INSERT INTO sandkasse.heads (name, value, seal)
                 SELECT name, value, seal FROM wanted
                 WHERE before IS NULL AND name NOT IN (SELECT name FROM held) ORDER BY name
                 ON CONFLICT DO NOTHING RETURNING 1)"
        )
    };
    (all of $names:literal) => {
        concat!(
            "(SELECT count(*) FROM noted_again) + (SELECT count(*) FROM noted_first) = cardinality(",
            $names,
            "::text[])"
        )
    };
}
pub(super) use noting;

impl Noted {
    /// Of entries that take the place of those that are there; of two for one key the later counts.
    /// Nothing without a sealer.
    pub(super) async fn of(
        pool: &Pool,
        sealer: Option<&Sealer>,
        entries: &[(DirectoryEntry, Option<Seal>)],
    ) -> Result<Noted, StoreError> {
        let Some(sealer) = sealer.filter(|_| !entries.is_empty()) else {
            return Ok(Noted::default());
        };
        let mut last = BTreeMap::new();
        for (entry, seal) in entries {
            last.insert((entry.environment, &entry.kind, &entry.key), seal);
        }
        let names = last
            .keys()
            .map(|(environment, kind, _)| heads::directory(*environment, kind));
        let mut names: Vec<String> = names.collect();
        names.dedup();
        let environments: Vec<i16> = last.keys().map(|it| environment_number(it.0)).collect();
        let kinds: Vec<_> = last.keys().map(|it| stored(it.1)).collect();
        let keys: Vec<_> = last.keys().map(|it| stored(it.2)).collect();
        let values: [Value<'_>; 4] = [
            (&names, Type::TEXT_ARRAY),
            (&environments, Type::INT2_ARRAY),
            (&kinds, Type::TEXT_ARRAY),
            (&keys, Type::TEXT_ARRAY),
        ];
        // In one statement, so of one moment.
        let sql =
            "SELECT name, value, NULL::int2, NULL::bytea FROM sandkasse.heads WHERE name = ANY ($1)
            UNION ALL
            SELECT kind, NULL, environment, seal FROM sandkasse.directory
                JOIN unnest($2::int2[], $3::text[], $4::text[]) AS t (environment, kind, key)
                    USING (environment, kind, key)
            WHERE body IS NOT NULL AND seal IS NOT NULL";
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        let mut replaced = Vec::new();
        for row in &pool.run(sql, &values, SHORT).await? {
            match get::<Option<String>>(row, 1)? {
                Some(value) => {
                    known.insert(get(row, 0)?, value);
                }
                None => replaced.push((
                    heads::directory(rows::environment(row, 2)?, &rows::text(row, 0)?),
                    rows::seal(row, 3)?,
                )),
            }
        }
        for name in &names {
            let tally = known.get(name).and_then(|text| Tally::parse(text));
            tallies.insert(name.clone(), tally.unwrap_or_default());
        }
        for (name, seal) in replaced {
            if let (Some(tally), Some(seal)) = (tallies.get_mut(&name), seal) {
                tally.take(seal);
            }
        }
        for ((environment, kind, _), seal) in last {
            let tally = tallies.get_mut(&heads::directory(environment, kind));
            if let (Some(tally), Some(seal)) = (tally, seal) {
                tally.add(*seal);
            }
        }
        let mut noted = Noted::default();
        for (name, tally) in tallies {
            let value = tally.text();
            noted.seals.push(sealer.head(&name, &value).0);
            noted.before.push(known.remove(&name));
            noted.after.push(value);
            noted.names.push(name);
        }
        Ok(noted)
    }

    /// Its fourth column.
    pub(super) fn seals(&self) -> Vec<&[u8]> {
        self.seals.iter().map(<[u8; 16]>::as_slice).collect()
    }
}

/// The value of the head over the audit log.
pub(super) fn newest(line: &AuditLine) -> String {
    format!("{} {}", line.number, line.hash)
}

/// Everything that is written from now on is noted. The first time, what is there already is noted
/// as it is.
pub(super) async fn begin(pool: &Pool, sealer: &Sealer) -> Result<(), StoreError> {
    let sql = "SELECT EXISTS (SELECT FROM sandkasse.heads),
        EXISTS (SELECT FROM sandkasse.directory) OR EXISTS (SELECT FROM sandkasse.records)
            OR EXISTS (SELECT FROM sandkasse.audit),
        (SELECT number || ' ' || hash FROM sandkasse.audit ORDER BY number DESC LIMIT 1)";
    let found = pool.run(sql, &[], SHORT).await?;
    let Some(row) = found.first() else {
        return Err(StoreError("the database answered without a row".to_owned()));
    };
    if get(row, 0)? {
        return Ok(());
    }
    let since = match get(row, 1)? {
        true => heads::LATER,
        false => heads::BEGINNING,
    };
    let newest: Option<String> = get(row, 2)?;
    let newest = newest.as_deref().unwrap_or_default();
    let (names, values) = ([heads::SINCE, heads::AUDIT], [since, newest]);
    let seals = [
        sealer.head(heads::SINCE, since).0,
        sealer.head(heads::AUDIT, newest).0,
    ];
    let seals = seals.each_ref().map(<[u8; 16]>::as_slice);
    // Another node may have been quicker, and has the same key.
    let sql = "INSERT INTO sandkasse.heads (name, value, seal)
        SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[]) ON CONFLICT DO NOTHING";
    let values: [Value<'_>; 3] = [
        (&names.as_slice(), Type::TEXT_ARRAY),
        (&values.as_slice(), Type::TEXT_ARRAY),
        (&seals.as_slice(), Type::BYTEA_ARRAY),
    ];
    pool.run(sql, &values, SHORT).await.map(drop)?;
    Ok(())
}
