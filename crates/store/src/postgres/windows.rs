//! Rate windows: counted for all nodes by one statement for many calls.
//!
//! Calls under one key that come together are one row of the statement: how many they are, the first
//! moment, and the outermost ones. The database tells the window as it was, and from that each call
//! knows its own place in it, as if they had come one after the other.

use std::time::Duration;

use sandkasse_domain::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::connection::Value;
use super::nodes::ByKey;
use super::pool::Pool;
use super::rows::{self, get};
use crate::port::{Hit, StoreError, Window};

/// Calls of one key, as far as one row can tell of them. The numbers are places among the hits.
#[derive(Debug)]
struct Bundle<'a> {
    first: &'a Hit,
    places: Vec<usize>,
    earliest: i64,
    latest: i64,
}

/// A window as it stood before a bundle.
type Before = Option<(i64, i64)>;

pub(super) async fn count(
    pool: &Pool,
    hits: &[Hit],
    limit: Duration,
) -> Result<Vec<Window>, StoreError> {
    let mut windows = vec![None; hits.len()];
    let mut waiting: Vec<usize> = (0..hits.len()).collect();
    // Once, unless a window closes between two calls that came together.
    while !waiting.is_empty() {
        let (bundles, mut later) = bundles(hits, &waiting);
        let before = ask(pool, &bundles, limit).await?;
        for (key, bundle) in bundles {
            let before = before.get(&key).copied().flatten();
            let counted = settle(hits, &bundle, before, &mut windows);
            later.extend(bundle.places.into_iter().skip(counted));
        }
        later.sort_unstable();
        waiting = later;
    }
    windows
        .into_iter()
        .map(|window| window.ok_or_else(|| StoreError("a call was not counted".to_owned())))
        .collect()
}

/// The first calls of each key, as many as one row can tell of, and the rest.
fn bundles<'a>(hits: &'a [Hit], waiting: &[usize]) -> (ByKey<Bundle<'a>>, Vec<usize>) {
    let mut bundles: ByKey<Bundle<'a>> = ByKey::new();
    let mut closed: ByKey<()> = ByKey::new();
    let mut later = Vec::new();
    for place in waiting {
        let Some(hit) = hits.get(*place) else {
            continue;
        };
        let now = hit.now.as_millisecond();
        if closed.contains_key(&hit.key) {
            later.push(*place);
            continue;
        }
        let bundle = bundles.entry(hit.key).or_insert_with(|| Bundle {
            first: hit,
            places: Vec::new(),
            earliest: now,
            latest: now,
        });
        let alike = bundle.first.length_ms == hit.length_ms && bundle.first.most == hit.most;
        let (earliest, latest) = (bundle.earliest.min(now), bundle.latest.max(now));
        if alike && latest - earliest < hit.length_ms.max(1) {
            bundle.places.push(*place);
            (bundle.earliest, bundle.latest) = (earliest, latest);
        } else {
            closed.insert(hit.key, ());
            later.push(*place);
        }
    }
    (bundles, later)
}

/// Says what became of the calls of a bundle; answers of how many of them. Does what the statement did.
fn settle(
    hits: &[Hit],
    bundle: &Bundle<'_>,
    before: Before,
    windows: &mut [Option<Window>],
) -> usize {
    let Bundle {
        first,
        places,
        earliest,
        latest,
    } = bundle;
    let now = first.now.as_millisecond();
    let is_open = |opened: i64, now: i64| (opened - now).abs() < first.length_ms;
    let (opened, calls, counted) = match before {
        Some((opened, calls)) if is_open(opened, now) => {
            let all = is_open(opened, *earliest) && is_open(opened, *latest);
            (opened, calls, if all { places.len() } else { 1 })
        }
        Some(_) | None => (now, 0, places.len()),
    };
    let mut calls = u32::try_from(calls).unwrap_or(u32::MAX);
    for place in places.iter().take(counted) {
        let counted = calls < first.most;
        calls += u32::from(counted);
        if let Some(window) = windows.get_mut(*place) {
            *window = Some(Window {
                opened_at: rows::at(opened).unwrap_or_else(|_| moment_of(hits, *place)),
                calls,
                counted,
            });
        }
    }
    counted
}

fn moment_of(hits: &[Hit], place: usize) -> Timestamp {
    hits.get(place).map_or(Timestamp::UNIX_EPOCH, |hit| hit.now)
}

// A row that is there is changed as `settle` says. Rows are locked in the order of their keys.
const COUNT: &str = "INSERT INTO sandkasse.windows AS w
    (key, opened_at, calls, until, earliest, latest, hits, length_ms, most)
SELECT key, now, least(hits, most), clock_timestamp() + kept_ms * interval '1 millisecond',
       earliest, latest, hits, length_ms, most
FROM unnest($1::bytea[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], $8::int8[])
    AS t (key, now, earliest, latest, hits, length_ms, most, kept_ms) ORDER BY key
ON CONFLICT (key) DO UPDATE SET
    was_opened = w.opened_at, was_calls = w.calls,
    opened_at = CASE WHEN abs(w.opened_at - excluded.opened_at) < excluded.length_ms
        THEN w.opened_at ELSE excluded.opened_at END,
    calls = CASE
        WHEN abs(w.opened_at - excluded.opened_at) >= excluded.length_ms THEN least(excluded.hits, excluded.most)
        WHEN abs(w.opened_at - excluded.earliest) < excluded.length_ms
            AND abs(w.opened_at - excluded.latest) < excluded.length_ms
        THEN greatest(w.calls, least(excluded.most, w.calls + excluded.hits))
        ELSE greatest(w.calls, least(excluded.most, w.calls + 1)) END,
    until = greatest(w.until, excluded.until)
RETURNING key, was_opened, was_calls";

/// The windows as they were.
async fn ask(
    pool: &Pool,
    bundles: &ByKey<Bundle<'_>>,
    limit: Duration,
) -> Result<ByKey<Before>, StoreError> {
    let column = |value: fn(&Bundle<'_>) -> i64| bundles.values().map(value).collect::<Vec<i64>>();
    let keys: Vec<&[u8]> = bundles.keys().map(<[u8; 16]>::as_slice).collect();
    let now = column(|it| it.first.now.as_millisecond());
    let earliest = column(|it| it.earliest);
    let latest = column(|it| it.latest);
    let hits = column(|it| rows::bounded(it.places.len()));
    let length = column(|it| it.first.length_ms);
    let most = column(|it| it.first.most.into());
    let kept = column(|it| it.first.kept_ms);
    let mut values: Vec<Value<'_>> = vec![(&keys, Type::BYTEA_ARRAY)];
    for numbers in [&now, &earliest, &latest, &hits, &length, &most, &kept] {
        values.push((numbers, Type::INT8_ARRAY));
    }
    // Not a second time when the answer is lost: that would count twice.
    let rows = pool.once(COUNT, &values, limit).await?;
    rows.iter().map(before).collect()
}

fn before(row: &Row) -> Result<([u8; 16], Before), StoreError> {
    let key: &[u8] = get(row, 0)?;
    let key = key
        .try_into()
        .map_err(|_| StoreError("an unknown window in the database".to_owned()))?;
    let opened: Option<i64> = get(row, 1)?;
    let calls: Option<i64> = get(row, 2)?;
    Ok((key, opened.zip(calls)))
}
