//! Ceiling B, "durable": axum, JSON, a unique key, and commits that are on the disk before the answer is sent.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{self, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params};

use super::writer::{Payment, Writer};
use super::{DETAILS, Details, INITIATE, Initiate, Initiated};
use crate::shop;

struct Service {
    writer: Writer,
    database: PathBuf,
}

/// Serves until the process is killed.
pub(crate) fn serve(port_file: &Path, database: &Path) -> anyhow::Result<()> {
    let service = Service {
        writer: Writer::start(database)?,
        database: database.to_path_buf(),
    };
    let router = Router::new()
        .route(INITIATE, post(initiate))
        .route(DETAILS, get(details))
        .with_state(Arc::new(service));
    super::serve(router, port_file)
}

async fn initiate(
    State(service): State<Arc<Service>>,
    Json(body): Json<Initiate>,
) -> Result<Json<Initiated>, StatusCode> {
    let payment = Payment {
        msn: body.merchant_info.merchant_serial_number,
        order: body.transaction.order_id.clone(),
        amount: body.transaction.amount,
        text: body.transaction.transaction_text,
    };
    match service.writer.insert(payment).await {
        Some(true) => Ok(Json(Initiated::new(body.transaction.order_id))),
        Some(false) => Err(StatusCode::CONFLICT),
        None => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

async fn details(
    State(service): State<Arc<Service>>,
    extract::Path(order): extract::Path<String>,
) -> Result<Json<Details>, StatusCode> {
    // A read by key takes microseconds, less than handing it to another thread would.
    match read(&service.database, &order) {
        Ok(Some((amount, text))) => Ok(Json(Details::new(order, amount, text))),
        Ok(None) => Err(StatusCode::NOT_FOUND),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Reads by primary key, with a connection per thread that stays open.
fn read(database: &Path, order: &str) -> rusqlite::Result<Option<(i64, String)>> {
    thread_local! {
        static READER: RefCell<Option<Connection>> = const { RefCell::new(None) };
    }
    READER.with_borrow_mut(|reader| {
        let connection = match reader {
            Some(connection) => connection,
            None => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                reader.insert(Connection::open_with_flags(database, flags)?)
            }
        };
        let query = "SELECT amount, text FROM payments WHERE msn = ?1 AND order_id = ?2";
        connection
            .prepare_cached(query)?
            .query_row(params![shop::CEILING_MSN, order], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
    })
}
