//! What the platform is held against: the least a server could do for the same requests.
//!
//! Both ceilings take the same bytes at the same paths as the platform and answer bodies of the same kind. They check
//! nothing: no keys, no token, no limits.

pub(crate) mod axum_only;
pub(crate) mod durable;
mod writer;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Context as _;
use axum::Router;
use axum::serve::ListenerExt as _;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

/// Where a payment is made.
const INITIATE: &str = "/ecomm/v2/payments";
/// Where it is looked at.
const DETAILS: &str = "/ecomm/v2/payments/{order}/details";

/// The members of an initiate body that a ceiling reads. Parsing passes over the others, too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Initiate {
    merchant_info: MerchantInfo,
    transaction: Transaction,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MerchantInfo {
    merchant_serial_number: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction {
    order_id: String,
    amount: i64,
    transaction_text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Initiated {
    order_id: String,
    url: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    order_id: String,
    transaction_log_history: [LogEntry; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogEntry {
    amount: i64,
    transaction_text: String,
    transaction_id: &'static str,
    time_stamp: &'static str,
    operation: &'static str,
    request_id: &'static str,
    operation_success: bool,
}

impl Initiated {
    fn new(order_id: String) -> Self {
        let host = "http://127.0.0.1:7480/dwo-api-application/v1/deeplink/vippsgateway";
        let url = format!("{host}?v=2&token={order_id}.abcdefghijklmnopqrstuvwxyz0123456789");
        Self { order_id, url }
    }
}

impl Details {
    fn new(order_id: String, amount: i64, transaction_text: String) -> Self {
        let entry = LogEntry {
            amount,
            transaction_text,
            transaction_id: "5002701468",
            time_stamp: "2023-06-13T07:47:56.855Z",
            operation: "INITIATE",
            request_id: "",
            operation_success: true,
        };
        Self {
            order_id,
            transaction_log_history: [entry],
        }
    }
}

/// Serves until the process is killed, on a free port that `port_file` then tells.
fn serve(router: Router, port_file: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let address = listener.local_addr()?;
        // Written aside and renamed, so that it is never seen half written.
        let aside = port_file.with_extension("tmp");
        std::fs::write(&aside, address.to_string())?;
        std::fs::rename(&aside, port_file).context("cannot write the port file")?;
        let listener = listener.tap_io(|stream| {
            // A socket that refuses the option still serves, only more slowly.
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, router).await?;
        Ok(())
    })
}
