//! Two small HTTP clients: one call after the other on a kept connection, for the load; and one call alone.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// No whole answer came, for this reason: what was asked for may have happened or not.
#[derive(Debug)]
pub(crate) struct NoAnswer(pub(crate) String);

/// A connection to one server, opened when it is needed.
pub(crate) struct Client {
    address: SocketAddr,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            connection: None,
        }
    }

    /// Sends a request and waits for the whole answer, `limit` at most. The connection is given up unless all is well.
    pub(crate) async fn call(
        &mut self,
        request: Request<Full<Bytes>>,
        limit: Duration,
    ) -> Result<Answer, NoAnswer> {
        let connection = self.connection.take();
        let exchange = exchange(self.address, connection, request);
        match tokio::time::timeout(limit, exchange).await {
            Ok(Ok((answer, connection))) => {
                self.connection = Some(connection);
                Ok(answer)
            }
            Ok(Err(why)) => Err(why),
            Err(_) => Err(NoAnswer(format!(
                "no answer within {} ms",
                limit.as_millis()
            ))),
        }
    }
}

async fn exchange(
    address: SocketAddr,
    connection: Option<SendRequest<Full<Bytes>>>,
    request: Request<Full<Bytes>>,
) -> Result<(Answer, SendRequest<Full<Bytes>>), NoAnswer> {
    let mut connection = match connection {
        Some(connection) if connection.is_ready() => connection,
        _ => connect(address).await?,
    };
    let broken = |error: hyper::Error| NoAnswer(error.to_string());
    let answer = connection.send_request(request).await.map_err(broken)?;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.map_err(broken)?;
    let body = body.to_bytes();
    connection.ready().await.ok();
    Ok((Answer { status, body }, connection))
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Full<Bytes>>, NoAnswer> {
    let stream = tokio::net::TcpStream::connect(address).await;
    let stream = stream.map_err(|error| NoAnswer(format!("cannot connect: {error}")))?;
    // Without it small requests wait for acknowledgements of earlier ones.
    stream.set_nodelay(true).ok();
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| NoAnswer(error.to_string()))?;
    tokio::spawn(connection);
    Ok(sender)
}

/// One call on a connection of its own, from no task. `None` without a whole answer within `limit` per step.
pub(crate) fn ask(
    address: &str,
    method: &str,
    path: &str,
    body: &str,
    limit: Duration,
) -> Option<Answer> {
    let address: SocketAddr = address.parse().ok()?;
    let mut stream = TcpStream::connect_timeout(&address, limit).ok()?;
    stream.set_read_timeout(Some(limit)).ok()?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut all = Vec::new();
    stream.read_to_end(&mut all).ok()?;
    let all = String::from_utf8(all).ok()?;
    let (head, body) = all.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let body = Bytes::copy_from_slice(body.as_bytes());
    Some(Answer { status, body })
}
