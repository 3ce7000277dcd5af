//! A raw HTTP/1.1 client: one keep-alive connection, whole requests in, whole answers out.
//!
//! It is not a general client. It costs next to nothing, so that the load generator leaves the machine to what it
//! measures; what it does not understand (chunked bodies, bodies without a length, a closed connection) is an error.

use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer is no larger than this.
const LARGEST: usize = 1024 * 1024;

/// One connection, with at most one request on its way.
pub(crate) struct Connection {
    stream: TcpStream,
    inbox: Vec<u8>,
}

/// An answer; the body lies in the connection until the next exchange.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) head: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        let inbox = Vec::with_capacity(4096);
        Ok(Self { stream, inbox })
    }

    /// Sends a whole request and waits for the whole answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        self.inbox.clear();
        self.stream.write_all(request).await?;
        loop {
            let read = self.stream.read_buf(&mut self.inbox).await?;
            ensure!(read > 0, "the connection was closed instead of an answer");
            ensure!(
                self.inbox.len() <= LARGEST,
                "an answer of over {LARGEST} bytes"
            );
            let Some(message) = Message::parse(&self.inbox)? else {
                continue;
            };
            if self.inbox.len() >= message.length() {
                let status = status(&self.inbox).context("no HTTP status line")?;
                let head = self.inbox.get(..message.head);
                let body = self.inbox.get(message.head..message.length());
                return Ok(Answer {
                    status,
                    head: head.unwrap_or_default(),
                    body: body.unwrap_or_default(),
                });
            }
        }
    }
}

impl Answer<'_> {
    /// Fails, with the body, when the status is another one.
    pub(crate) fn expect(&self, status: u16, what: &str) -> anyhow::Result<()> {
        if self.status != status {
            let body = String::from_utf8_lossy(self.body);
            bail!("{what}: {} instead of {status}: {body}", self.status);
        }
        Ok(())
    }
}

/// Where a request or an answer ends.
pub(crate) struct Message {
    /// Bytes of the head, with the empty line.
    pub(crate) head: usize,
    /// Bytes of the body.
    body: usize,
}

impl Message {
    /// Reads the head; `None` while it is incomplete.
    pub(crate) fn parse(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        const END: &[u8] = b"\r\n\r\n";
        let Some(end) = bytes.windows(END.len()).position(|window| window == END) else {
            return Ok(None);
        };
        let mut body = None;
        let head = bytes.get(..end).unwrap_or_default();
        for line in head.split(|byte| *byte == b'\n').skip(1) {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else {
                continue;
            };
            let (name, value) = line.split_at(colon);
            if name.eq_ignore_ascii_case(b"content-length") {
                let value = value.get(1..).unwrap_or_default().trim_ascii();
                body = Some(std::str::from_utf8(value)?.parse()?);
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                bail!("a chunked body, which this client does not read");
            }
        }
        let bodiless = head.starts_with(b"GET ") || status(head) == Some(204);
        let body = body.or(bodiless.then_some(0));
        Ok(Some(Self {
            head: end + END.len(),
            body: body.context("a body without Content-Length")?,
        }))
    }

    /// Bytes of the whole message.
    pub(crate) fn length(&self) -> usize {
        self.head + self.body
    }
}

/// The status in `HTTP/1.1 200 OK`.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.strip_prefix(b"HTTP/1.1 ")?;
    std::str::from_utf8(line.get(..3)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_measured() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length:  5\r\nX: y\r\n\r\nhello";
        let message = Message::parse(whole).unwrap().unwrap();
        assert_eq!((message.length(), status(whole)), (whole.len(), Some(200)));
        assert_eq!(whole.get(message.head..).unwrap(), b"hello");
        assert!(
            Message::parse(b"HTTP/1.1 200 OK\r\ncontent-le")
                .unwrap()
                .is_none()
        );

        let empty = b"HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(
            Message::parse(empty).unwrap().unwrap().length(),
            empty.len()
        );
    }

    #[test]
    fn what_it_cannot_read_is_an_error() {
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(Message::parse(chunked).is_err());
        assert!(Message::parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
