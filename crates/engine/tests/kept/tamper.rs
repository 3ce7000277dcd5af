//! Whoever has the database and not the key, and changes one row of it, or swaps two.

use std::path::Path;

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use rusqlite::{Connection, types::Value};
use sandkasse_engine::doctor::Place;

const TABLES: [&str; 7] = [
    "records",
    "events",
    "replies",
    "calls",
    "directory",
    "audit",
    "heads",
];

/// What was done, and to which rows.
pub(crate) struct Done {
    pub(crate) what: String,
    pub(crate) rows: Vec<Row>,
}

/// A row, and by which names it may be called.
#[derive(Debug)]
pub(crate) struct Row {
    names: Vec<String>,
}

impl Row {
    /// Whether a finding is about this row.
    pub(crate) fn is_named_by(&self, place: &Place) -> bool {
        let words: Vec<&str> = place.name.split(' ').collect();
        let is_in = |name: &String| {
            let parts: Vec<&str> = name.split(' ').collect();
            words.windows(parts.len()).any(|window| window == parts)
        };
        self.names.iter().any(is_in)
    }
}

pub(crate) struct Tables {
    connection: Connection,
    /// The table that was tampered with.
    changed: Option<&'static str>,
}

impl Tables {
    /// Opens the file beside the store, and keeps what is in it elsewhere.
    pub(crate) fn open(file: &Path, sound: &Path) -> Tables {
        let connection = Connection::open(file).unwrap();
        connection
            .execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL")
            .unwrap();
        connection
            .execute("VACUUM INTO ?1", [sound.to_str().unwrap()])
            .unwrap();
        connection
            .execute("ATTACH ?1 AS sound", [sound.to_str().unwrap()])
            .unwrap();
        Tables {
            connection,
            changed: None,
        }
    }

    /// One tampering; `None` if the database does not allow it, or nothing changed.
    pub(crate) fn tamper(&mut self, random: &mut StdRng) -> Option<Done> {
        let table = *TABLES.choose(random).unwrap();
        let columns = self.columns(table);
        let rows = self.rows(table, &columns);
        let row = rows.choose(random)?;
        let is_gone = table == "directory" && row[index(&columns, "body")] == Value::Null;
        self.changed = Some(table);
        let done = match random.random_range(0..3) {
            0 => self.update(random, table, &columns, &rows, row, is_gone),
            1 if !is_gone => {
                self.execute(
                    &format!("DELETE FROM {table} WHERE {}", key(&columns, row)),
                    &[],
                )?;
                Some(Done {
                    what: format!("delete from {table}"),
                    rows: vec![self.named(table, &columns, row, true)],
                })
            }
            2 if !is_gone => self.swap(random, table, &columns, &rows, row),
            _ => None,
        };
        if done.is_none() {
            self.restore();
        }
        done
    }

    fn update(
        &self,
        random: &mut StdRng,
        table: &str,
        columns: &[String],
        rows: &[Vec<Value>],
        row: &[Value],
        is_gone: bool,
    ) -> Option<Done> {
        let at = random.random_range(0..columns.len());
        let column = columns[at].as_str();
        let is_begun = |it: &Value| matches!(it, Value::Integer(1 | 3));
        // Numbers that give an order and nothing else; and what is gone can only come back.
        let is_order = match (table, column) {
            ("calls", "number") | ("directory", "generation") => true,
            ("records", "number") => {
                row[index(columns, "kind")] == Value::from("in_app".to_owned())
            }
            _ => is_gone && column != "body",
        };
        if is_order {
            return None;
        }
        let old = &row[at];
        let other = &rows.choose(random)?[at];
        let new = match (old, random.random_range(0..3)) {
            (_, 0) => other.clone(),
            (Value::Integer(it), 1) => Value::Integer(it + 1),
            (Value::Integer(_), _) => Value::Integer(random.random_range(0..4)),
            (Value::Text(it), 1) => Value::Text(changed(random, it)),
            (Value::Text(it), _) => Value::Text(format!("{it}0")),
            (Value::Blob(_), 1) => Value::Null,
            (Value::Blob(it), _) => {
                let mut it = it.clone();
                *it.choose_mut_at(random) ^= 1;
                Value::Blob(it)
            }
            (Value::Null, _) => other.clone(),
            (Value::Real(_), _) => return None,
        };
        // That a call was being sent when the process ended is the same as that it was interrupted.
        if new == *old || (column == "state" && is_begun(&new) && is_begun(old)) {
            return None;
        }
        let sql = format!(
            "UPDATE {table} SET {column} = ?1 WHERE {}",
            key(columns, row)
        );
        self.execute(&sql, std::slice::from_ref(&new))?;
        let mut after = row.to_vec();
        after[at] = new.clone();
        let mut named = self.named(table, columns, row, true);
        named
            .names
            .extend(self.named(table, columns, &after, true).names);
        Some(Done {
            what: format!("update {table} set {column} = {new:?}, was {old:?}"),
            rows: vec![named],
        })
    }

    /// Swaps what two rows hold; their keys stay.
    fn swap(
        &self,
        random: &mut StdRng,
        table: &str,
        columns: &[String],
        rows: &[Vec<Value>],
        one: &[Value],
    ) -> Option<Done> {
        let other = rows.choose(random)?;
        let held: Vec<usize> = (0..columns.len())
            .filter(|at| !KEYS.contains(&columns[*at].as_str()))
            .collect();
        let gone = columns.iter().position(|column| column == "body");
        if table == "directory" && gone.is_some_and(|at| other[at] == Value::Null) {
            return None;
        }
        if held.iter().all(|at| one[*at] == other[*at]) {
            return None;
        }
        for (to, from) in [(one, other.as_slice()), (other.as_slice(), one)] {
            let set: Vec<String> = held
                .iter()
                .enumerate()
                .map(|(number, at)| format!("{} = ?{}", columns[*at], number + 1))
                .collect();
            let values: Vec<Value> = held.iter().map(|at| from[*at].clone()).collect();
            let sql = format!(
                "UPDATE {table} SET {} WHERE {}",
                set.join(", "),
                key(columns, to)
            );
            self.execute(&sql, &values)?;
        }
        Some(Done {
            what: format!("swap in {table}"),
            rows: [one, other.as_slice()]
                .map(|row| self.named(table, columns, row, false))
                .into(),
        })
    }

    /// By what names a finding may call a row.
    fn named(&self, table: &str, columns: &[String], row: &[Value], may_be_gone: bool) -> Row {
        let text = |column: &str| show(&row[index(columns, column)]);
        let mut names = match table {
            // What happened to a record that is gone is named by that record's number alone.
            "records" => vec![text("name"), format!("record {}", text("number"))],
            "events" => {
                let sql = "SELECT name FROM sound.records WHERE number = ?1";
                let record = text("place").parse::<i64>().unwrap() >> 31;
                let name = self
                    .connection
                    .query_row(sql, [record], |row| row.get::<_, String>(0));
                let lost = format!("record {record}");
                name.into_iter().chain([lost]).collect()
            }
            "replies" => vec![format!("{} {}", text("scope"), text("key"))],
            "calls" => vec![text("id")],
            "directory" => vec![format!("{} {}", text("kind"), text("key"))],
            "audit" => vec![text("number")],
            _ => vec![text("name")],
        };
        if may_be_gone {
            match table {
                "calls" => names.push(format!("about {}", text("about"))),
                "directory" => names.push(format!("all of {}", text("kind"))),
                "audit" => {
                    let number: i64 = text("number").parse().unwrap();
                    names.push((number + 1).to_string());
                }
                "heads" if text("name") == "audit" => names.push("12".to_owned()),
                "heads" => {
                    let kind = text("name").rsplit('/').next().unwrap().to_owned();
                    names.push(format!("all of {kind}"));
                }
                _ => {}
            }
        }
        Row { names }
    }

    /// The database is as it was.
    pub(crate) fn restore(&mut self) {
        let table = self.changed.take().unwrap();
        self.connection
            .execute_batch(&format!(
                "BEGIN; DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM sound.{table}; COMMIT"
            ))
            .unwrap();
    }

    fn execute(&self, sql: &str, values: &[Value]) -> Option<()> {
        let done = self
            .connection
            .execute(sql, rusqlite::params_from_iter(values));
        (done.ok()? == 1).then_some(())
    }

    fn columns(&self, table: &str) -> Vec<String> {
        let sql = format!("SELECT name FROM pragma_table_info('{table}')");
        let mut statement = self.connection.prepare(&sql).unwrap();
        let names = statement.query_map([], |row| row.get(0)).unwrap();
        names.map(Result::unwrap).collect()
    }

    fn rows(&self, table: &str, columns: &[String]) -> Vec<Vec<Value>> {
        let sql = format!("SELECT * FROM main.{table}");
        let mut statement = self.connection.prepare(&sql).unwrap();
        let rows = statement
            .query_map([], |row| (0..columns.len()).map(|at| row.get(at)).collect())
            .unwrap();
        rows.map(Result::unwrap).collect()
    }
}

/// Columns by which a row is found.
const KEYS: [&str; 9] = [
    "number",
    "place",
    "environment",
    "msn",
    "kind",
    "name",
    "scope",
    "key",
    "id",
];

fn key(columns: &[String], row: &[Value]) -> String {
    let keys = columns
        .iter()
        .zip(row)
        .filter(|(column, _)| KEYS.contains(&column.as_str()));
    let wants: Vec<String> = keys
        .map(|(column, value)| match value {
            Value::Integer(it) => format!("{column} = {it}"),
            Value::Text(it) => format!("{column} = '{}'", it.replace('\'', "''")),
            Value::Null | Value::Real(_) | Value::Blob(_) => unreachable!("keys are neither"),
        })
        .collect();
    wants.join(" AND ")
}

fn index(columns: &[String], name: &str) -> usize {
    columns.iter().position(|column| column == name).unwrap()
}

fn show(value: &Value) -> String {
    match value {
        Value::Integer(it) => it.to_string(),
        Value::Text(it) => it.clone(),
        Value::Null | Value::Real(_) | Value::Blob(_) => "nothing".to_owned(),
    }
}

/// Another letter or digit somewhere.
fn changed(random: &mut StdRng, text: &str) -> String {
    let mut all: Vec<char> = text.chars().collect();
    if all.is_empty() {
        return "x".to_owned();
    }
    let at = random.random_range(0..all.len());
    all[at] = if all[at] == '7' { '8' } else { '7' };
    all.into_iter().collect()
}

trait ChooseMut {
    fn choose_mut_at(&mut self, random: &mut StdRng) -> &mut u8;
}

impl ChooseMut for Vec<u8> {
    fn choose_mut_at(&mut self, random: &mut StdRng) -> &mut u8 {
        let at = random.random_range(0..self.len());
        &mut self[at]
    }
}
