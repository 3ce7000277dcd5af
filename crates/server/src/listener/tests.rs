use std::time::Duration;

use http_body_util::BodyExt;
use jiff::SignedDuration;
use sandkasse_api::{MAX_BODY, MAX_IMAGE_BODY, gateway};
use sandkasse_engine::{ManualClock, SystemClock};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Notify,
    task::JoinHandle,
};

use super::*;

/// Answers the length of a body; panics and waits when told to.
#[derive(Default)]
pub(super) struct Stage {
    pub(super) begun: Notify,
    pub(super) go_on: Notify,
    pub(super) ended: AtomicBool,
}

impl Site for Stage {
    async fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Outgoing>, NoAnswer> {
        let (parts, body) = match receive(request).await {
            Ok(received) => received,
            Err((_, unread)) => return Ok(response(unread.answer())),
        };
        match parts.uri.path() {
            "/panic" => panic!("as told"),
            "/drop" => return Err(NoAnswer),
            "/wait" => {
                self.begun.notify_one();
                self.go_on.notified().await;
                self.ended.store(true, Ordering::SeqCst);
            }
            _ => {}
        }
        let length = body.len().to_string();
        Ok(Response::new(Either::Left(Full::new(length.into()))))
    }

    fn fault(&self) -> Response<Outgoing> {
        response(gateway(500, "Internal server error"))
    }
}

pub(super) struct Theatre {
    pub(super) stage: Arc<Stage>,
    pub(super) address: SocketAddr,
    pub(super) stop: watch::Sender<bool>,
    pub(super) served: JoinHandle<()>,
}

impl Theatre {
    async fn open() -> Theatre {
        Theatre::by(Arc::new(SystemClock)).await
    }

    async fn by(clock: Arc<dyn WallClock>) -> Theatre {
        Theatre::behind(None, clock).await
    }

    pub(super) async fn behind(tls: Option<Arc<Tls>>, clock: Arc<dyn WallClock>) -> Theatre {
        let (listener, address) = bind(Address::loopback(0), "--test").await.unwrap();
        let stage = Arc::new(Stage::default());
        let (stop, stopped) = watch::channel(false);
        let served = serve(listener, tls, stage.clone(), clock, stopped);
        Theatre {
            stage,
            address,
            stop,
            served: tokio::spawn(served),
        }
    }

    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends everything and reads until the end.
    pub(super) async fn say(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_ref()).await.unwrap();
        read_to_end(&mut stream).await
    }
}

pub(super) async fn read_to_end(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

fn post(body: usize) -> String {
    post_to("/", body)
}

fn post_to(path: &str, body: usize) -> String {
    let body = "x".repeat(body);
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn bodies_have_a_limit() {
    let theatre = Theatre::open().await;
    let largest = theatre.say(post(MAX_BODY)).await;
    assert!(largest.starts_with("HTTP/1.1 200") && largest.ends_with("1048576"));
    let format_a = r#"{ "statusCode": 413, "message": "Request body too large" }"#;
    let too_large = theatre.say(post(MAX_BODY + 1)).await;
    assert!(too_large.starts_with("HTTP/1.1 413") && too_large.ends_with(format_a));
    let mut chunked =
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_owned();
    for _ in 0..=MAX_BODY / 65_536 {
        chunked.push_str(&format!("10000\r\n{}\r\n", "x".repeat(65_536)));
    }
    chunked.push_str("0\r\n\r\n");
    let too_large = theatre.say(chunked).await;
    assert!(too_large.starts_with("HTTP/1.1 413"), "{too_large}");
    let asked =
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n";
    let refused_unseen = theatre.say(asked).await;
    assert!(
        refused_unseen.starts_with("HTTP/1.1 413"),
        "{refused_unseen}"
    );
}

/// Two megabytes in Base64 are more than a mebibyte (reference: order-management.md §2).
#[tokio::test]
async fn om_04_bodies_with_pictures_have_a_limit_of_their_own() {
    let theatre = Theatre::open().await;
    for path in [
        "/order-management/v1/images",
        "/Order-Management/v1/Images/",
        "/order-management/v1/images?a=b",
    ] {
        let largest = theatre.say(post_to(path, MAX_IMAGE_BODY)).await;
        assert!(largest.starts_with("HTTP/1.1 200") && largest.ends_with("5242880"));
    }
    for (path, size) in [
        ("/order-management/v1/images", MAX_IMAGE_BODY + 1),
        ("/order-management/v1/images/1", MAX_BODY + 1),
        ("/order-management/v2/ecom/receipts/1", MAX_BODY + 1),
        ("/webhooks/v1/webhooks", MAX_BODY + 1),
    ] {
        let too_large = theatre.say(post_to(path, size)).await;
        assert!(too_large.starts_with("HTTP/1.1 413"), "{path}");
    }
}

#[tokio::test]
async fn header_sections_have_limits() {
    let theatre = Theatre::open().await;
    let with =
        |lines: String| format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{lines}\r\n");
    let some = |count: usize| {
        (0..count)
            .map(|n| format!("X-{n}: y\r\n"))
            .collect::<String>()
    };
    let long = |bytes: usize| format!("X: {}\r\n", "y".repeat(bytes));
    for (lines, status) in [
        (some(98), "200"),
        (some(99), "431"),
        (some(150), "431"),
        (long(32_000), "200"),
        (long(33_000), "431"),
    ] {
        let answer = theatre.say(with(lines)).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        let format_a = r#"{ "statusCode": 431, "message": "Request header fields too large" }"#;
        assert!(status == "200" || answer.ends_with(format_a), "{answer}");
    }
    // What is far beyond is not even read.
    let answer = theatre.say(with(some(1000))).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

/// Time is paused, so it jumps to the next deadline whenever nothing else is to do.
#[tokio::test(start_paused = true)]
async fn slow_callers_are_let_go() {
    let theatre = Theatre::open().await;
    for slow in ["", "P", "PRI * HTTP/2", "GET / HTTP/1.1\r\nHos"] {
        let answer = theatre.say(slow).await;
        assert_eq!(answer, "", "{slow}");
    }
    let body = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nab";
    let answer = theatre.say(body).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.ends_with(r#"{ "statusCode": 408, "message": "Request timeout" }"#));
}

#[tokio::test]
async fn a_panic_costs_one_answer_and_nothing_else() {
    let theatre = Theatre::open().await;
    let mut stream = theatre.connect().await;
    for method in ["GET", "POST"] {
        let asked = format!("{method} /panic HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(asked.as_bytes()).await.unwrap();
        let mut bytes = [0; 1024];
        let read = stream.read(&mut bytes).await.unwrap();
        let answer = String::from_utf8_lossy(&bytes[..read]);
        assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
        assert!(answer.ends_with(r#"{ "statusCode": 500, "message": "Internal server error" }"#));
    }
    stream.write_all(post(3).as_bytes()).await.unwrap();
    assert!(read_to_end(&mut stream).await.ends_with("\r\n\r\n3"));
}

#[tokio::test]
async fn no_answer_is_not_a_byte_and_an_end() {
    let theatre = Theatre::open().await;
    for method in ["GET", "POST"] {
        let mut stream = theatre.connect().await;
        // The connection would have been kept for another request, and for the one behind.
        let asked = format!("{method} /drop HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(asked.as_bytes()).await.unwrap();
        assert_eq!(read_to_end(&mut stream).await, "", "{method}");
    }
    // Answers before it on the same connection arrive.
    let mut stream = theatre.connect().await;
    let asked = "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /drop HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(asked.as_bytes()).await.unwrap();
    assert!(read_to_end(&mut stream).await.ends_with("\r\n\r\n0"));
    assert!(theatre.say(post(3)).await.ends_with('3'), "others go on");
}

#[tokio::test]
async fn no_answer_ends_one_stream_of_http_2() {
    let theatre = Theatre::open().await;
    let io = TokioIo::new(theatre.connect().await);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), io)
            .await
            .unwrap();
    tokio::spawn(connection);
    let ask = |path: &str| Request::post(path).body(Full::default()).unwrap();
    sender.send_request(ask("http://x/drop")).await.unwrap_err();
    let answer = sender.send_request(ask("http://x/")).await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn http_2_is_spoken_without_being_asked_for() {
    let theatre = Theatre::open().await;
    let io = TokioIo::new(theatre.connect().await);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), io)
            .await
            .unwrap();
    tokio::spawn(connection);
    for length in [0, 5, MAX_BODY] {
        let body = Full::new(Bytes::from(vec![b'x'; length]));
        let request = Request::post("http://x/").body(body).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, length.to_string());
    }
}

#[tokio::test]
async fn what_was_asked_for_is_done_though_the_caller_has_gone() {
    let theatre = Theatre::open().await;
    let mut stream = theatre.connect().await;
    let asked = "POST /wait HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(asked.as_bytes()).await.unwrap();
    theatre.stage.begun.notified().await;
    drop(stream);
    // Another caller is served; by then the first one's absence has been noticed.
    assert!(theatre.say(post(1)).await.ends_with('1'));
    theatre.stage.go_on.notify_one();
    while !theatre.stage.ended.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_begun_is_answered_before_the_end() {
    let theatre = Theatre::open().await;
    let mut idle = theatre.connect().await;
    let mut busy = theatre.connect().await;
    let asked = "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n";
    busy.write_all(asked.as_bytes()).await.unwrap();
    theatre.stage.begun.notified().await;
    theatre.stop.send_replace(true);
    assert_eq!(
        read_to_end(&mut idle).await,
        "",
        "whoever asked nothing is let go"
    );
    assert!(!theatre.served.is_finished());
    theatre.stage.go_on.notify_one();
    let answer = read_to_end(&mut busy).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    theatre.served.await.unwrap();
    assert!(TcpStream::connect(theatre.address).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn patience_at_the_end_is_bounded() {
    let theatre = Theatre::open().await;
    let mut busy = theatre.connect().await;
    let asked = "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n";
    busy.write_all(asked.as_bytes()).await.unwrap();
    theatre.stage.begun.notified().await;
    theatre.stop.send_replace(true);
    let began = tokio::time::Instant::now();
    theatre.served.await.unwrap();
    let took = began.elapsed();
    assert!(
        took >= limits::PATIENCE && took < limits::PATIENCE + Duration::from_secs(1),
        "{took:?}"
    );
}

#[tokio::test]
async fn r_15_the_date_of_an_answer_is_the_clocks_also_when_it_was_set_back() {
    let clock = Arc::new(ManualClock::new("2023-06-13T12:00:00Z".parse().unwrap()));
    let theatre = Theatre::by(clock.clone()).await;
    for (set_by_s, date) in [
        (0, "Tue, 13 Jun 2023 12:00:00 GMT"),
        (86_400, "Wed, 14 Jun 2023 12:00:00 GMT"),
        (-86_400, "Tue, 13 Jun 2023 12:00:00 GMT"),
        (-1, "Tue, 13 Jun 2023 11:59:59 GMT"),
    ] {
        clock.advance(SignedDuration::from_secs(set_by_s));
        let answer = theatre.say(post(1)).await;
        let expected = format!("\r\ndate: {date}\r\n");
        assert_eq!(answer.matches("\r\ndate: ").count(), 1, "{answer}");
        assert!(answer.contains(&expected), "{answer}");
    }
}

#[tokio::test]
async fn an_address_in_use_says_what_to_do() {
    let taken = bind(Address::loopback(0), "--portal").await.unwrap();
    let Err(ended) = bind(Address(taken.1), "--portal").await else {
        panic!("the address is taken")
    };
    assert!(matches!(ended, Ended::WrongUse(_)));
    let message = ended.to_string();
    for word in ["in use", "Stop that one", "--portal 127.0.0.1:0"] {
        assert!(message.contains(word), "{message}");
    }
}
