//! Something between a store and its server that loses messages.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// What happens to a commit on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It never arrives.
    Before,
    /// It is made, and the answer never arrives.
    After,
    /// The server says that it did not wait for its standby.
    Warning,
}

/// Faults that were injected, and what chance decides.
pub(super) struct Faults {
    chance: Mutex<u64>,
    pub(super) before: AtomicUsize,
    pub(super) after: AtomicUsize,
    pub(super) warnings: AtomicUsize,
}

impl Faults {
    pub(super) fn seeded(seed: u64) -> Arc<Faults> {
        Arc::new(Faults {
            chance: Mutex::new(seed),
            before: AtomicUsize::new(0),
            after: AtomicUsize::new(0),
            warnings: AtomicUsize::new(0),
        })
    }

    /// One commit in four is struck.
    fn next(&self) -> Option<Fault> {
        let mut state = self.chance.lock();
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let (fault, count) = match (*state >> 33) % 12 {
            0 => (Fault::Before, &self.before),
            1 => (Fault::After, &self.after),
            2 => (Fault::Warning, &self.warnings),
            _ => return None,
        };
        count.fetch_add(1, Ordering::Relaxed);
        Some(fault)
    }
}

/// Listens on loopback, and hands on to the server's socket in this folder.
pub(super) async fn start(folder: PathBuf, faults: Arc<Faults>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let at = listener.local_addr().expect("it is bound");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = UnixStream::connect(folder.join(".s.PGSQL.5432")).await;
            let server = server.expect("the server listens");
            tokio::spawn(hand_on(client, server, Arc::clone(&faults)));
        }
    });
    at
}

/// Until either side is gone, or a fault is.
async fn hand_on(mut client: TcpStream, mut server: UnixStream, faults: Arc<Faults>) {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut struck = None;
    loop {
        tokio::select! {
            count = client.read(&mut asked) => {
                let Ok(count @ 1..) = count else { return };
                let is_commit = asked[..count].windows(15).any(|it| it == b"WITH commits AS");
                if is_commit {
                    struck = faults.next();
                }
                if struck == Some(Fault::Before) || server.write_all(&asked[..count]).await.is_err() {
                    return;
                }
            }
            count = server.read(&mut answered) => {
                let Ok(count @ 1..) = count else { return };
                match struck.take() {
                    Some(Fault::After) => return,
                    Some(Fault::Warning) => {
                        if client.write_all(&warning()).await.is_err() {
                            return;
                        }
                    }
                    Some(Fault::Before) | None => {}
                }
                if client.write_all(&answered[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// What a server sends when waiting for its standby was cancelled: a success follows.
fn warning() -> Vec<u8> {
    let fields = b"SWARNING\0VWARNING\0C01000\0Mcanceling wait for synchronous replication due to user request\0\0";
    let length = u32::try_from(fields.len() + 4).expect("it is short");
    [b"N".as_slice(), &length.to_be_bytes(), fields].concat()
}
