//! Requests whose length two readers might read differently (RELIABILITY S-1).
//!
//! What follows such a request on its connection must not become a request: a proxy in front may have taken it for a part of
//! the body, and then it is somebody else's words in another caller's mouth.

use std::time::Duration;

use parking_lot::Mutex;
use sandkasse_engine::{Chance, SystemClock};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};

use super::*;

/// What is sent behind each message.
const BEHIND: &str = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
/// Nothing takes longer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Writes down what reaches it.
#[derive(Default)]
struct Ear(Mutex<Vec<String>>);

impl Site for Ear {
    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Outgoing>, NoAnswer> {
        let (parts, body) = match receive(request).await {
            Ok(received) => received,
            Err((_, unread)) => return Ok(response(unread.answer())),
        };
        let heard = format!("{} {}", parts.uri.path(), body.escape_ascii());
        self.0.lock().push(heard);
        Ok(Response::new(Either::Left(Full::new("heard".into()))))
    }

    fn fault(&self) -> Response<Outgoing> {
        response(sandkasse_api::gateway(500, "Internal server error"))
    }
}

struct House {
    ear: Arc<Ear>,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
    _served: JoinHandle<()>,
}

impl House {
    async fn open() -> House {
        let (listener, address) = bind(Address::loopback(0), "--test").await.unwrap();
        let ear = Arc::new(Ear::default());
        let (stop, stopped) = watch::channel(false);
        let served = serve(listener, None, ear.clone(), Arc::new(SystemClock), stopped);
        House {
            ear,
            address,
            _stop: stop,
            _served: tokio::spawn(served),
        }
    }

    /// Sends the bytes at once, ends its half, reads to the end: what reached the site, and what was answered.
    async fn say(&self, bytes: &[u8]) -> (Vec<String>, Vec<u8>) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The other side may close while we write, which is an answer too.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let ended = tokio::time::timeout(PATIENCE, read).await;
        assert!(ended.is_ok(), "it hangs: {}", bytes.escape_ascii());
        (std::mem::take(&mut *self.ear.0.lock()), answer)
    }
}

fn post(lines: &str, body: &str) -> String {
    format!("POST /first HTTP/1.1\r\nHost: x\r\n{lines}\r\n\r\n{body}{BEHIND}")
}

/// Messages that no two readers may read differently: each is refused, and nothing behind it is heard.
#[tokio::test]
async fn s_1_messages_of_doubtful_length_are_refused() {
    let house = House::open().await;
    let chunked = "Transfer-Encoding: chunked";
    let five = "5\r\nhello\r\n0\r\n\r\n";
    let rows = [
        // Two lengths.
        post("Content-Length: 5\r\nContent-Length: 6", "hello!"),
        post("Content-Length: 5, 6", "hello!"),
        // Lengths that are none.
        post("Content-Length: +5", "hello"),
        post("Content-Length: -5", "hello"),
        post("Content-Length: 0x5", "hello"),
        post("Content-Length: 5 5", "hello"),
        post("Content-Length: five", "hello"),
        post("Content-Length:", "hello"),
        post("Content-Length: 18446744073709551616", "hello"),
        post("Content-Length: 5\u{b}", "hello"),
        // Codings that are none of ours, or are not the last.
        post("Transfer-Encoding: identity", five),
        post("Transfer-Encoding: xchunked", five),
        post("Transfer-Encoding: chunked, identity", five),
        post("Transfer-Encoding: gzip, chunked, gzip", five),
        post("Transfer-Encoding: \"chunked\"", five),
        post(
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            five,
        ),
        post("Transfer-Encoding:", five),
        // Names that are nearly right.
        post("Transfer-Encoding : chunked", five),
        post(" Transfer-Encoding: chunked", five),
        post("X: y\r\n Transfer-Encoding: chunked", five),
        post("Transfer\u{0}-Encoding: chunked", five),
        post("X: y\rTransfer-Encoding: chunked", five),
        post("Transfer-Encoding\u{b}: chunked", five),
        // Chunks that are none.
        post(chunked, "+5\r\nhello\r\n0\r\n\r\n"),
        post(chunked, "0x5\r\nhello\r\n0\r\n\r\n"),
        post(chunked, "-5\r\nhello\r\n0\r\n\r\n"),
        post(chunked, "5_\r\nhello\r\n0\r\n\r\n"),
        post(chunked, "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"),
        post(chunked, "5\r\nhello!\r\n0\r\n\r\n"),
        post(chunked, "5\nhello\n0\n\n"),
        post(chunked, "5;a=\nb\r\nhello\r\n0\r\n\r\n"),
        post(chunked, "\r\n\r\n"),
        // HTTP/1.0 knows no chunks.
        format!("POST /first HTTP/1.0\r\nHost: x\r\n{chunked}\r\n\r\n{five}{BEHIND}"),
    ];
    for row in rows {
        let (heard, answer) = house.say(row.as_bytes()).await;
        let shown = row.escape_debug();
        assert!(
            !heard.iter().any(|it| it.starts_with("/smuggled")),
            "{shown}: {heard:?}"
        );
        assert_eq!(heard, Vec::<String>::new(), "{shown}");
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.is_empty()
                || answer.starts_with("HTTP/1.1 400")
                || answer.starts_with("HTTP/1.0 400"),
            "{shown}: {answer}"
        );
    }
}

/// Of a length and chunks the chunks count, and the connection ends (RFC 9112 §6.1): a proxy in front that went by the length
/// has its own request answered, and nobody else's.
#[tokio::test]
async fn s_1_behind_a_message_of_two_lengths_nothing_is_heard() {
    let house = House::open().await;
    let chunked = "Transfer-Encoding: chunked";
    for (lines, body, first) in [
        (
            format!("Content-Length: 4\r\n{chunked}"),
            "0\r\n\r\n",
            "/first ",
        ),
        (
            format!("{chunked}\r\nContent-Length: 4"),
            "0\r\n\r\n",
            "/first ",
        ),
        (
            format!("{chunked}\r\nContent-Length: 15"),
            "5\r\nhello\r\n0\r\n\r\n",
            "/first hello",
        ),
    ] {
        let (heard, answer) = house.say(post(&lines, body).as_bytes()).await;
        assert_eq!(heard, [first], "{lines}");
        assert_eq!(answer.windows(5).filter(|it| it == b"heard").count(), 1);
    }
}

/// The control: right messages are heard whole, and what is behind them is a request of its own.
#[tokio::test]
async fn s_1_messages_of_one_length_are_heard_and_so_is_the_next() {
    let house = House::open().await;
    for (lines, body) in [
        ("Content-Length: 5", "hello"),
        ("content-length:5", "hello"),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
        (
            "transfer-encoding:\tCHUNKED ",
            "2\r\nhe\r\n3;a=b\r\nllo\r\n000\r\n\r\n",
        ),
        (
            "Transfer-Encoding: chunked",
            "5\r\nhello\r\n0\r\nX: y\r\n\r\n",
        ),
    ] {
        let (heard, answer) = house.say(post(lines, body).as_bytes()).await;
        assert_eq!(heard, ["/first hello", "/smuggled "], "{lines}");
        assert_eq!(answer.windows(5).filter(|it| it == b"heard").count(), 2);
    }
    // Nobody is talked into another protocol on the way.
    let upgrade = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 5";
    let (heard, _) = house.say(post(upgrade, "hello").as_bytes()).await;
    assert_eq!(heard.first().map(String::as_str), Some("/first hello"));
}

/// Messages put together from pieces, some right, most not: each is answered in the same second, and with HTTP.
#[tokio::test]
async fn s_1_messages_put_together_from_pieces() {
    const STARTS: [&str; 8] = [
        "POST /first HTTP/1.1\r\n",
        "GET /first HTTP/1.1\r\n",
        "POST http://y/first HTTP/1.1\r\n",
        "POST /first HTTP/1.0\r\n",
        "POST /first HTTP/2.0\r\n",
        "post  /first  HTTP/1.1\r\n",
        "POST /first\r\n",
        "\r\n\r\nPOST /first HTTP/1.1\n",
    ];
    const LINES: [&str; 20] = [
        "Host: x\r\n",
        "Host: y\r\n",
        "Content-Length: 5\r\n",
        "Content-Length: 0\r\n",
        "Content-Length: 05\r\n",
        "Content-Length: 5,5\r\n",
        "Content-Length: 99999999999\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: Chunked,chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding:chunked\n",
        "Transfer_Encoding: chunked\r\n",
        "Connection: close\r\n",
        "Connection: transfer-encoding\r\n",
        "Expect: 100-continue\r\n",
        "Upgrade: h2c\r\n",
        "Trailer: Content-Length\r\n",
        "\u{0}: \u{0}\r\n",
        ": empty\r\n",
        "no colon\r\n",
    ];
    const BODIES: [&str; 8] = [
        "",
        "hello",
        "5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhel",
        "0\r\nContent-Length: 5\r\n\r\n",
        "fffffffffffffff0\r\n",
        "\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    const SEED: u64 = 23;
    let house = House::open().await;
    let chance = Chance::seeded(SEED);
    let below = |bound: usize| usize::try_from(chance.below(bound as u64)).unwrap();
    let (mut answered, mut heard) = (0, 0);
    for _ in 0..1500 {
        let mut bytes = STARTS[below(STARTS.len())].as_bytes().to_vec();
        for _ in 0..below(5) {
            bytes.extend_from_slice(LINES[below(LINES.len())].as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(BODIES[below(BODIES.len())].as_bytes());
        if below(4) == 0 {
            let at = below(bytes.len());
            bytes[at] = chance.bytes::<1>()[0];
        }
        let (reached, answer) = house.say(&bytes).await;
        heard += reached.len();
        answered += usize::from(!answer.is_empty());
        let text = String::from_utf8_lossy(&answer);
        // A preface of HTTP/2 is answered in HTTP/2.
        let is_http = text.starts_with("HTTP/1.") || bytes.starts_with(b"PRI");
        assert!(
            answer.is_empty() || is_http,
            "{}: {text}",
            bytes.escape_ascii()
        );
        for sign in ["panicked", ".rs:", "hyper", "Error"] {
            assert!(!text.contains(sign), "{}: {text}", bytes.escape_ascii());
        }
    }
    // Some are right, or the pieces are too few.
    assert!(
        answered > 500 && heard > 100,
        "seed {SEED}: {answered} {heard}"
    );
}
