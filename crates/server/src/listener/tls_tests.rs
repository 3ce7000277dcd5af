//! Connections over TLS: what the handshake may cost, and that what is behind it is as without.

use std::time::Duration;

use http_body_util::BodyExt;
use rustls::{ClientConfig, ClientConnection, RootCertStore, pki_types::ServerName};
use sandkasse_engine::SystemClock;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    tests::{Theatre, read_to_end},
    *,
};
use crate::tls::{SPEAK_HTTPS, TlsFiles};

/// A theatre behind TLS, and whoever believes its certificate.
struct Opera {
    theatre: Theatre,
    roots: RootCertStore,
    _folder: tempfile::TempDir,
}

impl Opera {
    async fn open() -> Opera {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let files = TlsFiles {
            certificate: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
        };
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        let tls = Tls::open(files, &SystemClock).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        Opera {
            theatre: Theatre::behind(Some(Arc::new(tls)), Arc::new(SystemClock)).await,
            roots,
            _folder: folder,
        }
    }

    fn client(&self, protocols: &[&str]) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    async fn enter(&self, protocols: &[&str]) -> TlsStream<TcpStream> {
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(self.client(protocols));
        let stream = self.theatre.connect().await;
        connector.connect(name, stream).await.unwrap()
    }

    /// What a client says first.
    fn hello(&self) -> Vec<u8> {
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(self.client(&[]), name).unwrap();
        let mut hello = Vec::new();
        client.write_tls(&mut hello).unwrap();
        hello
    }

    /// Handshakes that go no further: nothing, half a hello, a hello without what has to follow.
    fn half_open(&self) -> [Vec<u8>; 4] {
        let hello = self.hello();
        let half = hello[..hello.len() / 2].to_vec();
        [Vec::new(), vec![hello[0]], half, hello]
    }

    async fn silent(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = self.theatre.connect().await;
        stream.write_all(bytes).await.unwrap();
        stream
    }
}

const ASKED: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// Bytes until the other side is done, however it ends.
async fn drained(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

#[tokio::test]
async fn whoever_can_speaks_http_2_and_everybody_else_http_1() {
    let opera = Opera::open().await;
    for (offered, chosen) in [
        (&["h2", "http/1.1"][..], Some("h2")),
        (&["http/1.1", "h2"], Some("h2")),
        (&["http/1.1"], Some("http/1.1")),
        (&[], None),
    ] {
        let mut stream = opera.enter(offered).await;
        let got = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(got.as_deref(), chosen.map(str::as_bytes), "{offered:?}");
        if chosen != Some("h2") {
            stream.write_all(ASKED.as_bytes()).await.unwrap();
            let answer = read_to_end(&mut stream).await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            continue;
        }
        let executor = TokioExecutor::new();
        let io = TokioIo::new(stream);
        let handshake = hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(executor, io);
        let (mut sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection);
        let body = Full::new(Bytes::from_static(b"abc"));
        let request = Request::post("https://localhost/").body(body).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "3");
    }
}

#[tokio::test]
async fn plain_http_is_told_to_speak_https() {
    let opera = Opera::open().await;
    let large = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{}",
        "x".repeat(1_000_000)
    );
    for asked in [ASKED, "P", &large, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut stream = opera.theatre.connect().await;
        stream.write_all(asked.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{answer}"
        );
        assert!(
            answer.ends_with(&format!("\r\n\r\n{SPEAK_HTTPS}")),
            "{answer}"
        );
    }
    // What is neither is nobody's language, and gets no answer.
    for other in [&b"\x00\x01"[..], b"\xff", b" GET", b"\x80.\x01\x03\x01"] {
        let mut stream = opera.silent(other).await;
        assert_eq!(drained(&mut stream).await, b"", "{}", other.escape_ascii());
    }
}

/// Time is paused, so it jumps to the next deadline whenever nothing else is to do.
#[tokio::test(start_paused = true)]
async fn s_10_slow_handshakes_are_let_go() {
    let opera = Opera::open().await;
    for begun in opera.half_open() {
        let mut stream = opera.silent(&begun).await;
        let began = tokio::time::Instant::now();
        drained(&mut stream).await;
        let took = began.elapsed();
        assert!(
            took >= limits::HANDSHAKE && took < limits::HANDSHAKE + Duration::from_secs(1),
            "{took:?} after {} bytes",
            begun.len()
        );
    }
    // The same for whoever got through and then says nothing, as without TLS.
    let mut stream = opera.enter(&[]).await;
    assert_eq!(drained(&mut stream).await, b"");
}

#[tokio::test(start_paused = true)]
async fn half_open_handshakes_do_not_hold_up_the_end() {
    let opera = Opera::open().await;
    let mut silent = Vec::new();
    for begun in opera.half_open() {
        silent.push(opera.silent(&begun).await);
    }
    // A plain one lingers after its answer.
    silent.push(opera.silent(ASKED.as_bytes()).await);
    // Connections are accepted in their order.
    drop(opera.enter(&[]).await);
    let began = tokio::time::Instant::now();
    opera.theatre.stop.send_replace(true);
    opera.theatre.served.await.unwrap();
    let took = began.elapsed();
    assert!(took < Duration::from_millis(100), "{took:?}");
    for stream in &mut silent {
        drained(stream).await;
    }
}

#[tokio::test]
async fn what_was_begun_over_tls_is_answered_before_the_end() {
    let opera = Opera::open().await;
    let mut idle = opera.enter(&[]).await;
    let mut busy = opera.enter(&[]).await;
    let asked = "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n";
    busy.write_all(asked.as_bytes()).await.unwrap();
    let theatre = opera.theatre;
    theatre.stage.begun.notified().await;
    theatre.stop.send_replace(true);
    assert_eq!(
        drained(&mut idle).await,
        b"",
        "whoever asked nothing is let go"
    );
    assert!(!theatre.served.is_finished());
    theatre.stage.go_on.notify_one();
    let answer = read_to_end(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    theatre.served.await.unwrap();
    assert!(TcpStream::connect(theatre.address).await.is_err());
}

/// More of them than handshakes are allowed at once: the newest gets through, the oldest are gone.
#[tokio::test]
async fn s_10_silent_connections_do_not_starve_handshakes() {
    limits::raise_files();
    let opera = Opera::open().await;
    let kinds = opera.half_open();
    let most = limits::handshakes();
    let more = 8;
    let mut silent = Vec::new();
    for number in 0..most + more {
        silent.push(opera.silent(&kinds[number % kinds.len()]).await);
        if number == 500 {
            let mut stream = opera.enter(&[]).await;
            stream.write_all(ASKED.as_bytes()).await.unwrap();
            assert!(read_to_end(&mut stream).await.starts_with("HTTP/1.1 200"));
        }
    }
    assert!(most >= 500, "this machine allows too few files: {most}");
    let mut stream = opera.enter(&[]).await;
    stream.write_all(ASKED.as_bytes()).await.unwrap();
    assert!(read_to_end(&mut stream).await.starts_with("HTTP/1.1 200"));
    for stream in silent.iter_mut().take(more) {
        drained(stream).await;
    }
    // One in the middle is still waited for.
    let waits = &mut silent[most / 2 / kinds.len() * kinds.len()];
    let mut byte = [0];
    let read = tokio::time::timeout(Duration::from_millis(50), waits.read(&mut byte));
    assert!(
        read.await.is_err(),
        "nothing was said to it, and it was not let go"
    );
}
