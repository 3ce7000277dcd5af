//! One connection, and what is known when a statement did not end well.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::Address;
use super::hosts;
use crate::port::StoreError;

/// A statement's argument. Its type is told to the server, so that no statement needs a name, which
/// a pooler would not know the next time.
pub(super) type Value<'a> = (&'a (dyn ToSql + Sync), Type);

/// How long an ordinary statement may take. A frozen server still acknowledges what it is sent.
pub(super) const SHORT: Duration = Duration::from_secs(3);
/// How long a statement over many rows may take.
pub(super) const LONG: Duration = Duration::from_secs(60);

/// Why a statement has no answer.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// Nothing was done, for no fault of the statement: the database cannot be reached, or it rolled
    /// back for the sake of another transaction.
    Undone(String),
    /// Nothing was done, and the statement is why.
    Refused { state: SqlState, text: String },
    /// It may have been done or not. The connection is of no use any more.
    Unknown(String),
}

impl Failure {
    /// Neither details nor the statement, which hold what callers sent.
    pub(super) fn of(error: &tokio_postgres::Error) -> Failure {
        let Some(error) = error.as_db_error() else {
            let text = match std::error::Error::source(error) {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            };
            // Who cannot write an argument has sent nothing.
            return match error.to_string().starts_with("error serializing") {
                true => Failure::Refused {
                    state: SqlState::DATA_EXCEPTION,
                    text,
                },
                false => Failure::Unknown(text),
            };
        };
        let state = error.code().clone();
        let text = format!("{} (SQLSTATE {})", error.message(), state.code());
        match state.code() {
            "40001" | "40P01" | "55P03" => Failure::Undone(text),
            // A server that is going down, or that has become a standby.
            "57P01" | "57P02" | "57P03" | "57P05" | "25006" | "40003" => Failure::Unknown(text),
            code if code.starts_with("08") => Failure::Unknown(text),
            _ => Failure::Refused { state, text },
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Failure::Undone(text) | Failure::Unknown(text) | Failure::Refused { text, .. } => text,
        }
    }

    /// Whether it was refused with this state.
    pub(super) fn is(&self, wanted: &SqlState) -> bool {
        matches!(self, Failure::Refused { state, .. } if state == wanted)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> StoreError {
        match failure {
            Failure::Undone(text) | Failure::Refused { text, .. } => StoreError(text),
            Failure::Unknown(text) => StoreError(format!("the outcome is not known: {text}")),
        }
    }
}

/// One connection. Dropping it closes the socket and tells the server nothing: a statement that is
/// under way is never cancelled, since a cancelled COMMIT is answered as if it were durable.
pub(super) struct Connection {
    client: Client,
    driver: JoinHandle<()>,
    /// The server warned that it did not wait until what it committed was safe.
    doubt: Arc<AtomicBool>,
    lost: AtomicBool,
}

impl Connection {
    /// Connects to the first host that takes writes. `heard` is told of notifications.
    pub(super) async fn open(
        address: &Address,
        tls: &MakeRustlsConnect,
        heard: Option<Arc<Notify>>,
    ) -> Result<Connection, Failure> {
        let (client, mut connection) = hosts::connect(&address.config, tls).await?;
        let doubt = Arc::new(AtomicBool::new(false));
        let doubted = Arc::clone(&doubt);
        // The library hands a warning over before the answer that follows it.
        let driver = tokio::spawn(async move {
            std::future::poll_fn(|context| {
                loop {
                    match connection.poll_message(context) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(Some(Ok(AsyncMessage::Notice(notice)))) => {
                            if matches!(notice.code().code(), "01000" | "57P01") {
                                doubted.store(true, Ordering::Release);
                            }
                        }
                        Poll::Ready(Some(Ok(AsyncMessage::Notification(_)))) => {
                            if let Some(heard) = &heard {
                                heard.notify_waiters();
                            }
                        }
                        Poll::Ready(Some(Ok(_))) => {}
                        Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(()),
                    }
                }
            })
            .await;
        });
        Ok(Connection {
            client,
            driver,
            doubt,
            lost: AtomicBool::new(false),
        })
    }

    /// Executes one statement, which is a transaction of its own.
    pub(super) async fn query(
        &self,
        sql: &str,
        values: &[Value<'_>],
        limit: Duration,
    ) -> Result<Vec<Row>, Failure> {
        self.doubt.store(false, Ordering::Release);
        let answer = timeout(limit, self.client.query_typed(sql, values)).await;
        let failure = match answer {
            Err(_) => Failure::Unknown(format!("no answer from the database within {limit:?}")),
            Ok(Err(error)) => Failure::of(&error),
            Ok(Ok(_)) if self.doubt.load(Ordering::Acquire) => Failure::Unknown(
                "the database stopped waiting for its synchronous standby".to_owned(),
            ),
            Ok(Ok(rows)) => return Ok(rows),
        };
        if matches!(failure, Failure::Unknown(_)) {
            self.lost.store(true, Ordering::Release);
        }
        Err(failure)
    }

    /// Executes statements without arguments, one after the other.
    pub(super) async fn batch(&self, sql: &str, limit: Duration) -> Result<(), Failure> {
        self.doubt.store(false, Ordering::Release);
        let failure = match timeout(limit, self.client.batch_execute(sql)).await {
            Err(_) => Failure::Unknown(format!("no answer from the database within {limit:?}")),
            Ok(Err(error)) => Failure::of(&error),
            Ok(Ok(())) if self.doubt.load(Ordering::Acquire) => Failure::Unknown(
                "the database stopped waiting for its synchronous standby".to_owned(),
            ),
            Ok(Ok(())) => return Ok(()),
        };
        if matches!(failure, Failure::Unknown(_)) {
            self.lost.store(true, Ordering::Release);
        }
        Err(failure)
    }

    /// The library's own client, for what is no single statement.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether another statement may be tried.
    pub(super) fn is_usable(&self) -> bool {
        !self.lost.load(Ordering::Acquire) && !self.client.is_closed()
    }

    /// Returns when the connection is gone.
    pub(super) async fn ended(&mut self) {
        (&mut self.driver).await.ok();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
