//! Merchants on loopback, most of them well, the others each ill in its own way.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use sandkasse_courier::TableResolver;
use sandkasse_store::CallFailure;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
};

/// What a merchant does when it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Manner {
    Fine,
    /// Nobody listens.
    Refuses,
    /// The connection is reset once the request is there.
    Resets,
    Status500,
    Redirects,
    /// One byte a second.
    Slow,
    /// An answer that comes after the three seconds are over.
    Late,
    /// No answer.
    Hangs,
}

/// So many of a hundred, in the order of [`Manner`]. Those that cost three seconds are few.
const SHARES: [(Manner, u64); 8] = [
    (Manner::Fine, 80),
    (Manner::Refuses, 4),
    (Manner::Resets, 4),
    (Manner::Status500, 4),
    (Manner::Redirects, 4),
    (Manner::Slow, 2),
    (Manner::Late, 1),
    (Manner::Hangs, 1),
];

/// So many names, each a host of its own for the courier.
const HOSTS: u64 = 64;
/// The courier gives up after three seconds.
const TOO_LATE: Duration = Duration::from_millis(3_300);
const FINE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// How often each order's callback was attempted.
type Attempts = Arc<Mutex<HashMap<u64, u32>>>;

pub(super) struct Merchants {
    doors: HashMap<Manner, SocketAddr>,
    attempts: Attempts,
    /// Taken, so that nobody else gets its port, and not listened on.
    _closed: TcpSocket,
}

impl Manner {
    /// Whose order this is.
    pub(super) fn of(order: u64) -> Manner {
        // Neighbouring orders shall differ.
        let mut rest = order.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        rest %= 100;
        for (manner, share) in SHARES {
            match rest.checked_sub(share) {
                Some(left) => rest = left,
                None => return manner,
            }
        }
        Manner::Fine
    }

    /// Whether this is how a call to such a merchant ends.
    pub(super) fn explains(self, failure: Option<&CallFailure>) -> bool {
        match self {
            Manner::Fine => failure.is_none(),
            Manner::Refuses => matches!(failure, Some(CallFailure::Refused { .. })),
            Manner::Resets => matches!(failure, Some(CallFailure::Broken { .. })),
            Manner::Status500 => matches!(failure, Some(CallFailure::Status { status: 500 })),
            Manner::Redirects => matches!(failure, Some(CallFailure::Redirect { .. })),
            Manner::Slow | Manner::Late | Manner::Hangs => {
                matches!(failure, Some(CallFailure::Timeout { limit_ms: 3_000 }))
            }
        }
    }
}

impl Merchants {
    pub(super) async fn open() -> anyhow::Result<Merchants> {
        let attempts = Attempts::default();
        let mut doors = HashMap::new();
        let closed = TcpSocket::new_v4()?;
        closed.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        doors.insert(Manner::Refuses, closed.local_addr()?);
        for (manner, _) in SHARES {
            if manner == Manner::Refuses {
                continue;
            }
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            doors.insert(manner, listener.local_addr()?);
            let attempts = attempts.clone();
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, manner, attempts.clone()));
                }
            });
        }
        Ok(Merchants {
            doors,
            attempts,
            _closed: closed,
        })
    }

    /// Where an order's callback goes.
    pub(super) fn prefix(&self, order: u64) -> anyhow::Result<String> {
        let door = self
            .doors
            .get(&Manner::of(order))
            .context("a door for each manner")?;
        Ok(format!("http://m{}.test:{}/cb", order % HOSTS, door.port()))
    }

    pub(super) fn resolver() -> TableResolver {
        let names = (0..HOSTS).map(|host| format!("m{host}.test"));
        names.fold(TableResolver::new(), |table, name| {
            table.with(&name, ["127.0.0.1"])
        })
    }

    pub(super) fn attempts(&self) -> HashMap<u64, u32> {
        self.attempts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Counts what it can read of a request, whole or not: the merchant may have acted on it.
async fn serve(mut stream: TcpStream, manner: Manner, attempts: Attempts) -> Option<()> {
    let mut bytes = Vec::new();
    let (order, rest) = loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let order: u64 = head.split(' ').nth(1)?.rsplit('-').next()?.parse().ok()?;
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: "));
            let length: usize = length.map_or(Some(0), |length| length.parse().ok())?;
            break (order, length.saturating_sub(body.len()));
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    *attempts
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .entry(order)
        .or_default() += 1;
    let mut body = vec![0; rest];
    stream.read_exact(&mut body).await.ok()?;
    match manner {
        Manner::Fine | Manner::Refuses => stream.write_all(FINE).await.ok(),
        Manner::Resets => {
            stream.set_zero_linger().ok()?;
            None
        }
        Manner::Status500 => {
            let oops = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(oops).await.ok()
        }
        Manner::Redirects => {
            let away =
                b"HTTP/1.1 302 Found\r\nLocation: http://m0.test/\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(away).await.ok()
        }
        Manner::Slow => {
            for byte in FINE {
                stream.write_all(&[*byte]).await.ok()?;
                pause(Duration::from_secs(1)).await;
            }
            None
        }
        Manner::Late => {
            pause(TOO_LATE).await;
            stream.write_all(FINE).await.ok()
        }
        Manner::Hangs => {
            // Until the courier has enough of it.
            stream.read(&mut [0]).await.ok().map(drop)
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "being late is what these merchants are for"
)]
async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
