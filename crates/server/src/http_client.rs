//! One GET, for `sandkasse env` and `sandkasse explain`: HTTP/1.1 without TLS, one connection, an answer that fits in
//! memory.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The platform answers within this time, or not at all.
const LIMIT: Duration = Duration::from_secs(10);
/// No answer of the control API to this is longer.
const LONGEST: usize = 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// Nobody listens there.
    #[error("{0}")]
    NotThere(std::io::Error),
    /// It is no HTTP, or too slow.
    #[error("{0}")]
    Broken(String),
}

/// Asks `http://host:port` for a path.
pub(crate) async fn get(
    authority: &str,
    path: &str,
    token: Option<&str>,
) -> Result<(StatusCode, Bytes), NoAnswer> {
    tokio::time::timeout(LIMIT, exchange(authority, path, token))
        .await
        .unwrap_or_else(|_| Err(NoAnswer::Broken(format!("no answer within {LIMIT:?}"))))
}

async fn exchange(
    authority: &str,
    path: &str,
    token: Option<&str>,
) -> Result<(StatusCode, Bytes), NoAnswer> {
    let broken = |error: &dyn std::error::Error| NoAnswer::Broken(error.to_string());
    let has_port = crate::address::host_of(authority) != authority;
    let address = if has_port {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let stream = TcpStream::connect(address)
        .await
        .map_err(NoAnswer::NotThere)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    let mut request = Request::get(path).header(header::HOST, authority);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .map_err(|error| broken(&error))?;
    // How it ended is told to the request.
    let driver = tokio::spawn(connection);
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| broken(&error))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LONGEST)
        .collect()
        .await
        .map_err(|error| NoAnswer::Broken(error.to_string()))?;
    driver.abort();
    Ok((status, body.to_bytes()))
}
