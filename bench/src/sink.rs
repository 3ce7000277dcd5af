//! The shop's end of a callback: answers 200 to everything, and counts.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;

use crate::http::whole;

/// Where callbacks go.
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    received: Rc<Cell<u64>>,
}

impl Sink {
    /// Listens on a free port as long as the surrounding local task set runs.
    pub(crate) async fn open() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let address = listener.local_addr()?;
        let received = Rc::new(Cell::new(0));
        let counter = Rc::clone(&received);
        spawn_local(async move {
            while let Ok((stream, _)) = listener.accept().await {
                spawn_local(serve(stream, Rc::clone(&counter)));
            }
        });
        Ok(Self { address, received })
    }

    /// How many callbacks came so far.
    pub(crate) fn received(&self) -> u64 {
        self.received.get()
    }
}

/// Answers every request of a connection until it is closed or not understood.
async fn serve(mut stream: TcpStream, received: Rc<Cell<u64>>) {
    let mut inbox = Vec::with_capacity(2048);
    while stream.read_buf(&mut inbox).await.is_ok_and(|read| read > 0) {
        let length = match whole(&inbox) {
            Ok(Some((_, length))) => length,
            Ok(None) => continue,
            Err(_) => return,
        };
        inbox.drain(..length);
        received.set(received.get() + 1);
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}
