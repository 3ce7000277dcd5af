//! Receivers on loopback for the tests: each says what it got and answers as it is told.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use sandkasse_store::{OutgoingCall, Purpose};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;

/// What a receiver does once the whole request is there.
#[derive(Clone)]
pub(crate) enum Manner {
    /// Writes these bytes and closes.
    Answer(Vec<u8>),
    /// Writes these bytes and keeps the connection open.
    Hang(Vec<u8>),
    /// Waits until [`Receiver::release`], then answers 200.
    Gate,
}

/// A merchant's server, on a free port of 127.0.0.1.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    connections: watch::Receiver<usize>,
    gate: watch::Sender<bool>,
}

impl Receiver {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (count, connections) = watch::channel(0);
        let (gate, opened) = watch::channel(false);
        let seen = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.send_modify(|count| *count += 1);
                tokio::spawn(serve(
                    stream,
                    manner.clone(),
                    Arc::clone(&seen),
                    opened.clone(),
                ));
            }
        });
        Receiver {
            address,
            requests,
            connections,
            gate,
        }
    }

    pub(crate) async fn answering(bytes: &str) -> Self {
        Self::start(Manner::Answer(bytes.as_bytes().to_vec())).await
    }

    /// `http://127.0.0.1:{port}{rest}`
    pub(crate) fn url(&self, rest: &str) -> String {
        format!("http://{}{rest}", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.borrow()
    }

    pub(crate) async fn connected(&self, at_least: usize) {
        self.connections
            .clone()
            .wait_for(|count| *count >= at_least)
            .await
            .unwrap();
    }

    pub(crate) fn release(&self) {
        self.gate.send_replace(true);
    }
}

pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    manner: Manner,
    requests: Arc<Mutex<Vec<String>>>,
    mut opened: watch::Receiver<bool>,
) {
    let Some(request) = read_request(&mut stream).await else {
        return;
    };
    requests.lock().push(request);
    match manner {
        Manner::Answer(bytes) => {
            // The courier may have closed already, having read enough.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Manner::Hang(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.read(&mut [0]).await;
        }
        Manner::Gate => {
            if opened.wait_for(|open| *open).await.is_ok() {
                let _ = stream.write_all(OK.as_bytes()).await;
            }
        }
    }
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream
            .read(&mut chunk)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
    }
}

pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A port of 127.0.0.1 that is taken, so that nobody else gets it, but not listened on.
pub(crate) fn closed_port() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A callback to `url`, with a limit that a busy machine does not reach.
pub(crate) fn callback(id: &str, url: &str) -> OutgoingCall {
    OutgoingCall {
        id: id.to_owned(),
        purpose: Purpose::PaymentCallback,
        about: "acme-1".to_owned(),
        method: "POST".to_owned(),
        url: url.to_owned(),
        authorization: None,
        body: Some("{}".to_owned()),
        timeout_ms: 20_000,
        owed_at: "2023-06-15T10:00:00Z".parse().unwrap(),
    }
}
