//! A proxy before PostgreSQL that cuts connections exactly where a commit is asked for or answered.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::wire::{self, Session};

/// What the protocol calls a request for TLS.
const TLS_REQUEST: u32 = 80_877_103;
/// What it calls a request to cancel what another connection does.
const CANCEL_REQUEST: u32 = 80_877_102;

/// Where a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strike {
    /// Before PostgreSQL hears that it shall commit: nothing happened.
    Before,
    /// Right after it was told: it may commit, and nobody hears of it.
    Racing,
    /// After it has committed, before its answer is passed on.
    After,
    /// Not cut: the answer is passed on, with the warning that no standby has it.
    Warned,
}

const STRIKES: [Strike; 4] = [
    Strike::Before,
    Strike::Racing,
    Strike::After,
    Strike::Warned,
];

/// How many there were of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) before: u64,
    pub(crate) racing: u64,
    pub(crate) after: u64,
    pub(crate) warned: u64,
    /// Requests to cancel something: a commit must never be.
    pub(crate) cancels: u64,
}

impl Count {
    /// How many commits nobody heard of, or only with a warning.
    pub(crate) fn all(&self) -> u64 {
        self.before + self.racing + self.after + self.warned
    }

    fn of(&mut self, strike: Strike) -> &mut u64 {
        match strike {
            Strike::Before => &mut self.before,
            Strike::Racing => &mut self.racing,
            Strike::After => &mut self.after,
            Strike::Warned => &mut self.warned,
        }
    }
}

/// A listening proxy; ends when dropped.
pub(crate) struct Cutter {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    server: SocketAddr,
    armed: AtomicBool,
    away: AtomicBool,
    /// One commit in so many is struck.
    one_in: u32,
    random: Mutex<SmallRng>,
    count: Mutex<Count>,
}

impl Cutter {
    /// Listens on loopback; strikes nothing until it is armed.
    pub(crate) async fn start(server: SocketAddr, one_in: u32, seed: u64) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server,
            armed: AtomicBool::new(false),
            away: AtomicBool::new(false),
            one_in,
            random: Mutex::new(SmallRng::seed_from_u64(seed)),
            count: Mutex::default(),
        });
        let task = tokio::spawn(serve(listener, shared.clone()));
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    /// From now on commits are struck, or no longer.
    pub(crate) fn arm(&self, armed: bool) {
        self.shared.armed.store(armed, Ordering::SeqCst);
    }

    /// From now on no connection is taken, as if the server were away, or they are again.
    pub(crate) fn be_away(&self, away: bool) {
        self.shared.away.store(away, Ordering::SeqCst);
    }

    pub(crate) fn count(&self) -> Count {
        *self.shared.lock_count()
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn lock_count(&self) -> std::sync::MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happens to a commit.
    fn choose(&self) -> Option<Strike> {
        if !self.armed.load(Ordering::SeqCst) {
            return None;
        }
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        if !random.random_ratio(1, self.one_in) {
            return None;
        }
        STRIKES.get(random.random_range(0..STRIKES.len())).copied()
    }

    fn note(&self, strike: Strike) {
        *self.lock_count().of(strike) += 1;
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        if shared.away.load(Ordering::SeqCst) {
            continue;
        }
        let shared = shared.clone();
        tokio::spawn(async move {
            // However it ends: both sides see their connection close.
            let _ = pass_on(client, &shared).await;
        });
    }
}

/// What the two directions of a connection tell each other.
#[derive(Default)]
struct Between {
    /// From the answer of this number on nothing is passed on.
    silent_from: AtomicU64,
    /// The answer of this number gets a warning.
    warned: AtomicU64,
}

/// No answer has this number.
const NEVER: u64 = 0;

async fn pass_on(mut client: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut server = TcpStream::connect(shared.server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    if !introduce(&mut client, &mut server, shared).await? {
        return Ok(());
    }
    let between = Between::default();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // Whichever ends first ends the other, and both sockets close.
    tokio::select! {
        ended = ask(from_client, to_server, shared, &between) => ended,
        ended = answer(from_server, to_client, shared, &between) => ended,
    }
}

/// The untyped messages at the beginning; `false` when the connection is over after them.
async fn introduce(
    client: &mut TcpStream,
    server: &mut TcpStream,
    shared: &Shared,
) -> std::io::Result<bool> {
    loop {
        let mut buffer = Vec::new();
        let code = loop {
            if let Some((bytes, code)) = wire::startup(&buffer) {
                server.write_all(bytes).await?;
                break code;
            }
            if client.read_buf(&mut buffer).await? == 0 {
                return Ok(false);
            }
        };
        match code {
            TLS_REQUEST => {
                // Our servers have no TLS, so they say no and the client goes on in the clear.
                let mut said = [0; 1];
                server.read_exact(&mut said).await?;
                client.write_all(&said).await?;
            }
            CANCEL_REQUEST => {
                shared.lock_count().cancels += 1;
                return Ok(false);
            }
            _ => return Ok(true),
        }
    }
}

/// From client to server, until the client ends or is cut off. After a strike that lets the server commit unheard it
/// waits for ever; the other direction ends the connection.
async fn ask(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    between: &Between,
) -> std::io::Result<()> {
    let mut session = Session::default();
    let mut messages = Messages::new(&mut from);
    while let Some(bytes) = messages.next().await? {
        let commits = wire::message(&bytes).and_then(|message| session.hears(&message));
        if commits != Some(true) {
            to.write_all(&bytes).await?;
            continue;
        }
        let strike = shared.choose();
        match strike {
            Some(Strike::Before) => {
                shared.note(Strike::Before);
                return Ok(());
            }
            // The first answer is the one to the introduction, so that of the first question has number one.
            Some(Strike::After) => between.silent_from.store(session.asked, Ordering::SeqCst),
            Some(Strike::Warned) => between.warned.store(session.asked, Ordering::SeqCst),
            Some(Strike::Racing) | None => {}
        }
        to.write_all(&bytes).await?;
        if strike == Some(Strike::Racing) {
            shared.note(Strike::Racing);
            return Ok(());
        }
    }
    Ok(())
}

/// From server to client, until the server ends or an answer is to be withheld and is complete.
async fn answer(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    shared: &Shared,
    between: &Between,
) -> std::io::Result<()> {
    // Which answer is being given. The introduction's is number zero.
    let mut number = 0_u64;
    let mut messages = Messages::new(&mut from);
    while let Some(bytes) = messages.next().await? {
        let is = |which: &AtomicU64| match which.load(Ordering::SeqCst) {
            NEVER => false,
            which => number == which,
        };
        let kind = bytes.first().copied();
        if is(&between.silent_from) {
            if kind == Some(b'Z') {
                shared.note(Strike::After);
                return Ok(());
            }
            continue;
        }
        if kind == Some(b'C') && is(&between.warned) {
            between.warned.store(NEVER, Ordering::SeqCst);
            shared.note(Strike::Warned);
            to.write_all(&wire::warning_of_cancelled_wait()).await?;
        }
        to.write_all(&bytes).await?;
        number += u64::from(kind == Some(b'Z'));
    }
    Ok(())
}

/// Whole messages, one after the other.
struct Messages<'a> {
    from: &'a mut OwnedReadHalf,
    buffer: BytesMut,
}

impl<'a> Messages<'a> {
    fn new(from: &'a mut OwnedReadHalf) -> Self {
        Self {
            from,
            buffer: BytesMut::new(),
        }
    }

    /// The next one; `None` at the end.
    async fn next(&mut self) -> std::io::Result<Option<BytesMut>> {
        loop {
            if let Some(length) = wire::message(&self.buffer).map(|message| message.bytes.len()) {
                return Ok(Some(self.buffer.split_to(length)));
            }
            if self.from.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn startup() -> Vec<u8> {
        [8_u32.to_be_bytes(), 196_608_u32.to_be_bytes()].concat()
    }

    /// A server that answers every query with success and counts what it was told to do.
    async fn server(told: Arc<AtomicU64>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let told = told.clone();
                tokio::spawn(async move {
                    client.read_exact(&mut [0; 8]).await.unwrap();
                    client.write_all(&message(b'Z', b"I")).await.unwrap();
                    let (mut from, mut to) = client.into_split();
                    let mut messages = Messages::new(&mut from);
                    while let Ok(Some(_)) = messages.next().await {
                        told.fetch_add(1, Ordering::SeqCst);
                        let answer = [message(b'C', b"OK\0"), message(b'Z', b"I")].concat();
                        // A client that was cut off does not hear it.
                        if to.write_all(&answer).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        address
    }

    /// The kinds of messages that come in answer to one query on a new connection.
    async fn hears(cutter: &Cutter, sql: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(cutter.address).await.unwrap();
        let query = message(b'Q', &[sql, b"\0"].concat());
        stream.write_all(&startup()).await.unwrap();
        let (mut from, mut to) = stream.into_split();
        let mut messages = Messages::new(&mut from);
        assert_eq!(messages.next().await.unwrap().unwrap()[0], b'Z');
        // It may be cut off before it has written.
        to.write_all(&query).await.ok();
        let mut kinds = Vec::new();
        while let Ok(Some(bytes)) = messages.next().await {
            kinds.push(bytes[0]);
            if bytes[0] == b'Z' {
                break;
            }
        }
        kinds
    }

    #[tokio::test]
    async fn each_strike_does_what_it_says_and_is_counted() {
        let told = Arc::new(AtomicU64::new(0));
        let cutter = Cutter::start(server(told.clone()).await, 1, 7)
            .await
            .unwrap();
        assert_eq!(hears(&cutter, b"insert into t values (1)").await, b"CZ");
        cutter.arm(true);
        assert_eq!(hears(&cutter, b"select 1").await, b"CZ");
        assert_eq!(cutter.count(), Count::default());
        let mut seen = Count::default();
        for _ in 0..60 {
            let (before, had) = (cutter.count(), told.load(Ordering::SeqCst));
            let kinds = hears(&cutter, b"insert into t values (1)").await;
            let now = cutter.count();
            let done = told.load(Ordering::SeqCst) - had;
            if now.before > before.before {
                assert_eq!((kinds.as_slice(), done), (&b""[..], 0));
                seen.before += 1;
            } else if now.racing > before.racing {
                assert_eq!(kinds, b"");
                seen.racing += 1;
                settle(&told, &cutter, had).await;
            } else if now.after > before.after {
                assert_eq!((kinds.as_slice(), done), (&b""[..], 1));
                seen.after += 1;
            } else {
                assert_eq!((kinds.as_slice(), done), (&b"NCZ"[..], 1));
                seen.warned += 1;
            }
            assert_eq!(now.all(), before.all() + 1);
        }
        assert!(
            [seen.before, seen.racing, seen.after, seen.warned]
                .iter()
                .all(|it| *it > 0),
            "{seen:?}"
        );
    }

    /// After a race the server may still be reading what it was told; a later answer shows that it has.
    async fn settle(told: &AtomicU64, cutter: &Cutter, had: u64) {
        cutter.arm(false);
        while told.load(Ordering::SeqCst) < had + 1 {
            tokio::task::yield_now().await;
        }
        cutter.arm(true);
    }
}
