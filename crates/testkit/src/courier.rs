//! A real courier instead of the recorder, and merchants on loopback for it to call.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use parking_lot::Mutex;
use sandkasse_courier::{Courier, CourierConfig, CourierHandle, Limits, TableResolver};
use sandkasse_domain::{Timestamp, sales_unit::UrlPolicy};
use sandkasse_engine::{Outgoing, Settings};
use sandkasse_hooks::HookCall;
use sandkasse_store::{CallOutcome, OutgoingCall, Partition};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::broadcast,
};

use crate::{FreshStore, World, recorder::vault};

/// Calls merchants over sockets. The real limits hold, in real time.
pub struct RealCourier {
    handle: CourierHandle,
}

impl RealCourier {
    /// A world that calls its merchants.
    pub async fn world() -> (World, Arc<RealCourier>) {
        let fresh = FreshStore::new().await;
        let store = fresh.store();
        let courier = Courier::new(
            CourierConfig {
                vault: Some(vault()),
                ..CourierConfig::default()
            },
            Arc::new(TableResolver::new()),
        );
        let began: Timestamp = "2023-06-13T12:00:00Z".parse().expect("a moment");
        let clock = Arc::new(move || began);
        let handle = CourierHandle::new(courier, store.clone(), clock, Limits::default());
        let courier = Arc::new(RealCourier { handle });
        let (settings, unused) = (Settings::default(), Arc::default());
        let (outgoing, resolver) = (courier.clone(), TableResolver::new());
        let world = World::with_outgoing(store, settings, unused, outgoing, resolver, false).await;
        (world.keeping(fresh), courier)
    }

    /// Waits until nothing is waiting or in flight.
    pub async fn idle(&self) {
        self.handle.idle().await;
    }
}

#[async_trait]
impl Outgoing for RealCourier {
    fn post(&self, partition: Partition, policy: UrlPolicy, call: OutgoingCall) {
        self.handle.post(partition, policy, call);
    }

    async fn ask(
        &self,
        partition: Partition,
        policy: UrlPolicy,
        call: OutgoingCall,
    ) -> CallOutcome {
        let asked = self.handle.shipping_details(&partition, policy, call);
        asked.await.expect("memory does not fail")
    }

    async fn deliver(&self, policy: UrlPolicy, call: HookCall) -> CallOutcome {
        self.handle.deliver(policy, call).await
    }

    fn ended(&self) -> Option<broadcast::Receiver<String>> {
        Some(self.handle.ended())
    }
}

/// A merchant's server, on a free port of 127.0.0.1.
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    /// Takes each request and answers it with these bytes, `late` after it came.
    pub async fn answering(late: Duration, answer: impl Into<String>) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let (seen, answer) = (requests.clone(), Arc::new(answer.into()));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, seen.clone(), late, answer.clone()));
            }
        });
        Receiver { address, requests }
    }

    /// `http://127.0.0.1:{port}{rest}`
    pub fn url(&self, rest: &str) -> String {
        format!("http://{}{rest}", self.address)
    }

    /// The requests so far, whole.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().clone()
    }
}

/// An HTTP answer with a JSON body.
pub fn http_json(body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// A port of 127.0.0.1 where connections are refused: taken, so that nobody else gets it, but not
/// listened on.
///
/// # Panics
///
/// When the machine has no free port.
pub fn closed_port() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().expect("a socket");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(any).expect("a free port");
    let address = socket.local_addr().expect("it is bound");
    (socket, address)
}

async fn serve(
    mut stream: TcpStream,
    seen: Arc<Mutex<Vec<String>>>,
    late: Duration,
    answer: Arc<String>,
) {
    let Some(request) = read_request(&mut stream).await else {
        return;
    };
    seen.lock().push(request);
    #[expect(
        clippy::disallowed_methods,
        reason = "a merchant that is late is what this is for"
    )]
    tokio::time::sleep(late).await;
    // The courier may have hung up.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let read = stream.read_buf(&mut bytes).await.ok()?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: "))
                .map_or(0, |length| length.parse().expect("a number"));
            if body.len() >= length {
                return Some(text);
            }
        }
        if read == 0 {
            return None;
        }
    }
}
