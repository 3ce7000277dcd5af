//! Forgetting everything, however much it is.
//!
//! Emptying a table costs time for each of its pages. So the tables are put aside under other names,
//! which costs the same for a full one as for an empty one, and new ones are made as they were.
//! What is aside is deleted later, a few rows at a time, while nobody waits for the writer; what a
//! process did not get to, the next one finds by its name.

use rusqlite::Connection;

/// The tables that a reset forgets.
const TABLES: [&str; 4] = ["records", "events", "replies", "calls"];
/// So many rows are deleted in one transaction, some milliseconds.
const PORTION: usize = 500;

/// Puts the tables aside and makes new ones. Nothing here begins or ends a transaction.
pub(super) fn put_aside(connection: &Connection) -> rusqlite::Result<()> {
    let made: Vec<String> = connection
        .prepare(
            "SELECT sql FROM sqlite_schema WHERE tbl_name IN ('records', 'events', 'replies', 'calls')
                 AND sql IS NOT NULL ORDER BY type = 'table' DESC, name",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let prefix = free_prefix(connection)?;
    for table in TABLES {
        connection.execute_batch(&format!("ALTER TABLE {table} RENAME TO {prefix}{table}"))?;
    }
    // SQLite has no statement that renames an index, and dropping one costs time for each page.
    connection.pragma_update(None, "writable_schema", true)?;
    let renamed = connection.execute(
        "UPDATE sqlite_schema SET sql = replace(sql, 'INDEX ' || name, 'INDEX ' || ?1 || name), name = ?1 || name
         WHERE type = 'index' AND sql IS NOT NULL AND substr(tbl_name, 1, length(?1)) = ?1",
        [&prefix],
    );
    // Whatever came of it, the schema is read again and may not be written any more.
    connection.pragma_update(None, "writable_schema", "RESET")?;
    renamed?;
    made.iter()
        .try_for_each(|statement| connection.execute_batch(statement))
}

/// A prefix that nothing has.
fn free_prefix(connection: &Connection) -> rusqlite::Result<String> {
    let mut number = 1;
    loop {
        let prefix = format!("aside_{number}_");
        let taken: bool = connection.query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE substr(name, 1, length(?1)) = ?1)",
            [&prefix],
            |row| row.get(0),
        )?;
        if !taken {
            return Ok(prefix);
        }
        number += 1;
    }
}

/// Deletes a little of what is aside; `false` when nothing is. Nothing here begins or ends a
/// transaction.
pub(super) fn sweep(connection: &Connection) -> rusqlite::Result<bool> {
    let table = "SELECT name, sql GLOB '*WITHOUT ROWID*' FROM sqlite_schema WHERE type = 'table' AND name GLOB 'aside_*' ORDER BY name LIMIT 1";
    let table: Option<(String, bool)> = connection
        .prepare_cached(table)?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .next()
        .transpose()?;
    let Some((table, is_without_row_numbers)) = table else {
        return Ok(false);
    };
    // Only what was put aside before schema version 5: events.
    let key = if is_without_row_numbers {
        "environment, msn, record, version, position"
    } else {
        "rowid"
    };
    let deleted = connection.execute(
        &format!(
            "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} LIMIT {PORTION})"
        ),
        [],
    )?;
    if deleted == 0 {
        connection.execute_batch(&format!("DROP TABLE {table}"))?;
    }
    Ok(true)
}
