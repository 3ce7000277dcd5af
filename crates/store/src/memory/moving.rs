//! Everything in memory as rows, and back.

use tokio::sync::mpsc;

use super::state::{State, milliseconds};
use crate::port::{
    CommitError, DirectoryEntry, Generation, Partition, Row, Rows, StoreError, StoredEvent,
    StreamId,
};

pub(super) fn rows(state: &State, of: Option<&Partition>) -> Vec<Row> {
    let mut rows = Vec::new();
    let is_wanted = |partition: &Partition| of.is_none_or(|of| of == partition);
    if of.is_none() {
        let entries = state.directory.iter().filter(|(_, it)| it.body.is_some());
        rows.extend(
            entries.map(|((environment, kind, key), it)| Row::Directory {
                entry: DirectoryEntry {
                    kind: kind.clone(),
                    environment: *environment,
                    key: key.clone(),
                    body: it.body.clone(),
                },
                seal: None,
            }),
        );
    }
    for (partition, unit) in state.units.iter().filter(|(it, _)| is_wanted(it)) {
        for ((kind, _), name) in &unit.made {
            let (kind, name) = (*kind, name.clone());
            let stream = StreamId { kind, name };
            if let Some((record, history)) = unit.records.get(&stream) {
                rows.push(Row::Record {
                    partition: partition.clone(),
                    stream: stream.clone(),
                    record: record.clone(),
                    seal: None,
                });
                rows.extend(events(partition, &stream, history));
            }
        }
    }
    for (partition, unit) in state.units.iter().filter(|(it, _)| is_wanted(it)) {
        rows.extend(unit.replies.values().map(|reply| Row::Reply {
            partition: partition.clone(),
            reply: reply.clone(),
            seal: None,
        }));
    }
    let calls = state.calls.values().filter(|it| is_wanted(&it.partition));
    rows.extend(calls.map(|record| Row::Call {
        record: record.clone(),
        seal: None,
        begun: None,
        ended: None,
    }));
    if of.is_none() {
        rows.extend(state.audit.values().cloned().map(Row::Audit));
    }
    rows
}

fn events(
    partition: &Partition,
    stream: &StreamId,
    history: &[(u64, StoredEvent)],
) -> impl Iterator<Item = Row> {
    let (mut of, mut next) = (0, 0);
    history.iter().map(move |(version, event)| {
        if of != *version {
            (of, next) = (*version, 0);
        }
        next += 1;
        Row::Event {
            partition: partition.clone(),
            stream: stream.clone(),
            version: *version,
            position: next - 1,
            event: event.clone(),
            seal: None,
        }
    })
}

/// Sends what was read already.
pub(super) fn send(rows: Vec<Row>) -> Rows {
    let (sender, sent) = mpsc::channel(Rows::AHEAD);
    tokio::spawn(async move {
        for row in rows {
            // Whoever reads no more is sent no more.
            if sender.send(Ok(row)).await.is_err() {
                return;
            }
        }
    });
    Rows::new(sent)
}

pub(super) fn fill(state: &mut State, rows: Vec<Row>) -> Result<(), CommitError> {
    for row in &rows {
        if is_there(state, row) {
            return Err(CommitError::Conflict);
        }
    }
    let mut entries = Vec::new();
    for row in rows {
        match row {
            Row::Directory { entry, .. } => entries.push(entry),
            Row::Record {
                partition,
                stream,
                record,
                ..
            } => {
                let unit = state.units.entry(partition).or_default();
                unit.make(stream, record);
            }
            Row::Event {
                partition,
                stream,
                version,
                event,
                ..
            } => {
                let unit = state.units.entry(partition).or_default();
                let Some((_, history)) = unit.records.get_mut(&stream) else {
                    let text = format!("an event of {stream:?} comes before its record");
                    return Err(StoreError(text).into());
                };
                let at = milliseconds(event.at);
                history.push((version, StoredEvent { at, ..event }));
            }
            Row::Reply {
                partition, reply, ..
            } => {
                let key = (reply.scope.clone(), reply.key.clone());
                let unit = state.units.entry(partition).or_default();
                unit.replies.insert(key, reply);
            }
            Row::Call { record, .. } => {
                state.add_call(&record.partition, record.call, record.state, None);
            }
            Row::Audit(line) => drop(state.audit.insert(line.number, line)),
            // Memory has no seals.
            Row::Head { .. } => {}
            Row::Broken { table, key, .. } => {
                let text = format!("a broken row, {key} of {table}");
                return Err(StoreError(text).into());
            }
        }
    }
    state.put_directory(entries, Generation::MAX).map(drop)
}

fn is_there(state: &State, row: &Row) -> bool {
    match row {
        Row::Directory { entry, .. } => {
            let key = (entry.environment, entry.kind.clone(), entry.key.clone());
            let known = state.directory.get(&key);
            known.is_some_and(|known| known.body.is_some())
        }
        Row::Record {
            partition, stream, ..
        } => {
            let unit = state.units.get(partition);
            unit.is_some_and(|unit| unit.records.contains_key(stream))
        }
        // It comes with its record.
        Row::Event { .. } => false,
        Row::Reply {
            partition, reply, ..
        } => {
            let key = (reply.scope.clone(), reply.key.clone());
            let unit = state.units.get(partition);
            unit.is_some_and(|unit| unit.replies.contains_key(&key))
        }
        Row::Call { record, .. } => state.call_numbers.contains_key(&record.call.id),
        Row::Audit(line) => state.audit.contains_key(&line.number),
        Row::Head { .. } | Row::Broken { .. } => false,
    }
}

pub(super) fn replace(
    state: &mut State,
    unit: &Partition,
    rows: Vec<Row>,
) -> Result<(), CommitError> {
    for row in &rows {
        let of = match row {
            Row::Record { partition, .. }
            | Row::Event { partition, .. }
            | Row::Reply { partition, .. } => Some(partition),
            Row::Call { record, .. } => {
                let known = state.call_numbers.get(&record.call.id);
                let known = known.and_then(|number| state.calls.get(number));
                if known.is_some_and(|known| known.partition != *unit) {
                    return Err(CommitError::Conflict);
                }
                Some(&record.partition)
            }
            Row::Directory { .. } => Some(unit),
            Row::Audit(_) | Row::Head { .. } | Row::Broken { .. } => None,
        };
        if of != Some(unit) {
            let text = "a row that is not of this sales unit";
            return Err(StoreError(text.to_owned()).into());
        }
    }
    state.units.remove(unit);
    let gone: Vec<u64> = state
        .calls
        .iter()
        .filter(|(_, record)| record.partition == *unit)
        .map(|(number, _)| *number)
        .collect();
    for number in gone {
        if let Some(record) = state.calls.remove(&number) {
            state.call_numbers.remove(&record.call.id);
        }
    }
    let mut entries = Vec::new();
    let mut of_unit = Vec::with_capacity(rows.len());
    for row in rows {
        if let Row::Directory { entry, .. } = row {
            entries.push(entry);
        } else {
            of_unit.push(row);
        }
    }
    state.put_directory(entries, Generation::MAX)?;
    fill(state, of_unit)
}
