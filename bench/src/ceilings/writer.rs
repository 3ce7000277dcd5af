//! Group commit: one thread takes whatever waits, up to a bound, into one durable transaction, then answers all of it.
//!
//! While one group is being synced, the next gathers: that is the whole trick, there is no timer.

use std::path::Path;
use std::thread;

use rusqlite::{Connection, params};
use tokio::sync::{mpsc, oneshot};

/// A group is no larger, so that nobody waits for a very long transaction.
const LARGEST_GROUP: usize = 512;
/// More may not wait; whoever comes then waits to be let into the queue.
const QUEUE: usize = 4096;

pub(crate) struct Payment {
    pub(crate) msn: String,
    pub(crate) order: String,
    pub(crate) amount: i64,
    pub(crate) text: String,
}

/// The way to the writing thread.
pub(crate) struct Writer(mpsc::Sender<(Payment, oneshot::Sender<bool>)>);

impl Writer {
    /// Makes the table and starts the thread, which ends when the writer is dropped.
    pub(crate) fn start(database: &Path) -> anyhow::Result<Self> {
        let mut connection = Connection::open(database)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             CREATE TABLE IF NOT EXISTS payments (
                 msn TEXT NOT NULL, order_id TEXT NOT NULL, amount INTEGER NOT NULL, text TEXT NOT NULL,
                 PRIMARY KEY (msn, order_id)
             ) WITHOUT ROWID;",
        )?;
        let (sender, mut queue) = mpsc::channel(QUEUE);
        thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || {
                let mut group = Vec::new();
                while queue.blocking_recv_many(&mut group, LARGEST_GROUP) > 0 {
                    // After a failure the callers see their answers dropped, and say so.
                    if let Ok(inserted) = commit(&mut connection, &group) {
                        for ((_, answer), inserted) in group.drain(..).zip(inserted) {
                            // Whoever hung up does not want to know.
                            let _ = answer.send(inserted);
                        }
                    }
                    group.clear();
                }
            })?;
        Ok(Self(sender))
    }

    /// Whether the payment was new; on the disk when this returns. `None` when it could not be written.
    pub(crate) async fn insert(&self, payment: Payment) -> Option<bool> {
        let (answer, inserted) = oneshot::channel();
        self.0.send((payment, answer)).await.ok()?;
        inserted.await.ok()
    }
}

fn commit(
    connection: &mut Connection,
    group: &[(Payment, oneshot::Sender<bool>)],
) -> rusqlite::Result<Vec<bool>> {
    let transaction = connection.transaction()?;
    let mut inserted = Vec::with_capacity(group.len());
    {
        let insert = "INSERT OR IGNORE INTO payments VALUES (?1, ?2, ?3, ?4)";
        let mut insert = transaction.prepare_cached(insert)?;
        for (payment, _) in group {
            let Payment {
                msn,
                order,
                amount,
                text,
            } = payment;
            inserted.push(insert.execute(params![msn, order, amount, text])? == 1);
        }
    }
    transaction.commit()?;
    Ok(inserted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(order: &str) -> Payment {
        Payment {
            msn: "1".to_owned(),
            order: order.to_owned(),
            amount: 1,
            text: String::new(),
        }
    }

    #[test]
    fn a_payment_is_new_once() {
        let file = std::env::temp_dir().join(format!("bench-writer-{}.db", std::process::id()));
        let writer = Writer::start(&file).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let inserted = runtime.block_on(async {
            [
                writer.insert(payment("a")).await,
                writer.insert(payment("b")).await,
                writer.insert(payment("a")).await,
            ]
        });
        assert_eq!(inserted, [Some(true), Some(true), Some(false)]);
        for ending in ["db", "db-wal", "db-shm"] {
            let _ = std::fs::remove_file(file.with_extension(ending));
        }
    }
}
