//! A raw HTTP/1.1 client: one keep-alive connection, whole requests in, whole answers out.
//!
//! It is not a general client. It costs next to nothing, so that the load generator leaves the machine to what it
//! measures; what it does not understand (bodies without a length, a closed connection) is an error. Chunked bodies, as
//! some peers send them, are put together; the platform sends none.

use std::fmt;
use std::io::Write as _;
use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::chunks;

/// An answer is no larger than this.
const LARGEST: usize = 1024 * 1024;

/// One connection, with at most one request on its way.
pub(crate) struct Connection {
    stream: TcpStream,
    inbox: Vec<u8>,
    /// The body of a chunked answer, put together.
    whole: Vec<u8>,
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
        let whole = Vec::new();
        Ok(Self {
            stream,
            inbox,
            whole,
        })
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
            let Some((message, length)) = whole(&self.inbox)? else {
                continue;
            };
            let status = status(&self.inbox).context("no HTTP status line")?;
            let head = self.inbox.get(..message.head).unwrap_or_default();
            let body = self.inbox.get(message.head..length).unwrap_or_default();
            let body = match message.body {
                Body::Length(_) => body,
                Body::Chunked => {
                    chunks::join(body, &mut self.whole)?;
                    &self.whole
                }
            };
            return Ok(Answer { status, head, body });
        }
    }
}

impl Answer<'_> {
    /// Whether the server closes the connection after it.
    pub(crate) fn closes(&self) -> bool {
        let head = self.head.to_ascii_lowercase();
        memchr::memmem::find(&head, b"\r\nconnection: close").is_some()
    }

    /// Fails, with the body, when the status is another one.
    pub(crate) fn expect(&self, status: u16, what: &str) -> anyhow::Result<()> {
        if self.status != status {
            let body = String::from_utf8_lossy(self.body);
            bail!("{what}: {} instead of {status}: {body}", self.status);
        }
        Ok(())
    }
}

/// A whole request. Each line of `headers` ends as lines of HTTP do; the length of the body is added to them.
pub(crate) fn request(method: &str, path: &str, headers: impl fmt::Display, body: &str) -> Vec<u8> {
    let length = body.len();
    let mut request = Vec::with_capacity(2048);
    write!(
        request,
        "{method} {path} HTTP/1.1\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
    .expect("a vector takes everything");
    request
}

/// Where a request or an answer ends.
pub(crate) struct Message {
    /// Bytes of the head, with the empty line.
    head: usize,
    body: Body,
}

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    /// It has so many bytes.
    Length(usize),
    /// It says so itself.
    Chunked,
}

impl Message {
    /// Reads the head; `None` while it is incomplete.
    fn parse(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
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
                body = Some(Body::Length(std::str::from_utf8(value)?.parse()?));
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                body = Some(Body::Chunked);
            }
        }
        let bodiless = head.starts_with(b"GET ") || status(head) == Some(204);
        let body = body.or(bodiless.then_some(Body::Length(0)));
        Ok(Some(Self {
            head: end + END.len(),
            body: body.context("a body without Content-Length")?,
        }))
    }

    /// Bytes of the whole message, which `bytes` begin with; `None` while they are not all there.
    fn length_in(&self, bytes: &[u8]) -> anyhow::Result<Option<usize>> {
        let body = bytes.get(self.head..).unwrap_or_default();
        let length = match self.body {
            Body::Length(length) => (body.len() >= length).then_some(length),
            Body::Chunked => chunks::length(body)?,
        };
        Ok(length.map(|length| self.head + length))
    }
}

/// The message that `bytes` begin with, and its length; `None` while it is not all there.
pub(crate) fn whole(bytes: &[u8]) -> anyhow::Result<Option<(Message, usize)>> {
    let Some(message) = Message::parse(bytes)? else {
        return Ok(None);
    };
    let length = message.length_in(bytes)?;
    Ok(length.map(|length| (message, length)))
}

/// The status in `HTTP/1.1 200 OK`.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.strip_prefix(b"HTTP/1.1 ")?;
    std::str::from_utf8(line.get(..3)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(bytes: &[u8]) -> Option<usize> {
        whole(bytes).unwrap().map(|(_, length)| length)
    }

    #[test]
    fn messages_are_measured() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length:  5\r\nX: y\r\n\r\nhello";
        let message = Message::parse(whole).unwrap().unwrap();
        assert_eq!(
            (length(whole), status(whole)),
            (Some(whole.len()), Some(200))
        );
        assert_eq!(whole.get(message.head..).unwrap(), b"hello");
        assert_eq!(length(b"HTTP/1.1 200 OK\r\ncontent-le"), None);
        assert_eq!(
            length(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na"),
            None
        );

        let empty = b"HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(length(empty), Some(empty.len()));

        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
        assert_eq!(length(chunked), Some(chunked.len()));
    }

    #[test]
    fn what_it_cannot_read_is_an_error() {
        assert!(Message::parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
