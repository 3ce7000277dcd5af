//! Ceiling A: axum with JSON both ways and nothing behind it.

use std::path::Path;

use axum::extract;
use axum::routing::{get, post};
use axum::{Json, Router};

use super::{DETAILS, Details, INITIATE, Initiate, Initiated};

/// Serves until the process is killed.
pub(crate) fn serve(port_file: &Path) -> anyhow::Result<()> {
    let router = Router::new()
        .route(INITIATE, post(initiate))
        .route(DETAILS, get(details));
    super::serve(router, port_file)
}

async fn initiate(Json(body): Json<Initiate>) -> Json<Initiated> {
    Json(Initiated::new(body.transaction.order_id))
}

async fn details(extract::Path(order): extract::Path<String>) -> Json<Details> {
    Json(Details::new(order, 49_900, "One pair of socks".to_owned()))
}
