//! The whole program, in this process: from configuration to shutdown, over sockets.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use sandkasse_testkit::{Receiver, http_json};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

use crate::{
    Ended,
    config::{Options, Settings},
    start::{Running, start},
};

struct Program {
    urls: Value,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), Ended>>,
}

fn options(folder: &std::path::Path) -> Options {
    let free = || Some("127.0.0.1:0".parse().unwrap());
    Options {
        test: free(),
        production: free(),
        portal: free(),
        database: Some(
            format!("sqlite:{}", folder.join("data/x.db").display())
                .parse()
                .unwrap(),
        ),
        ready_file: Some(folder.join("ready.json")),
        ..Options::default()
    }
}

async fn begin(options: Options) -> Result<(Running, Value), Ended> {
    let ready = options.ready_file.clone().unwrap();
    let settings = Settings::try_from(options).map_err(Ended::WrongUse)?;
    let running = start(settings).await?;
    let text = std::fs::read_to_string(ready).unwrap();
    Ok((running, serde_json::from_str(&text).unwrap()))
}

impl Program {
    async fn start(options: Options) -> Program {
        let (running, urls) = begin(options).await.unwrap();
        Program::go_on(running, urls)
    }

    fn go_on(running: Running, urls: Value) -> Program {
        let (stop, told) = oneshot::channel();
        let running = tokio::spawn(running.until(async {
            told.await.ok();
        }));
        Program {
            urls,
            stop,
            running,
        }
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        self.running.await.unwrap().unwrap();
    }

    async fn call(
        &self,
        listener: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> (u16, Value) {
        let base = self.urls[listener].as_str().unwrap();
        let address: SocketAddr = base.strip_prefix("http://").unwrap().parse().unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, address.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() {
            Bytes::new()
        } else {
            body.to_string().into()
        };
        let request = request.body(Full::new(body)).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// Says this on a socket of its own; every byte that comes until the other side ends.
    async fn say(
        &self,
        listener: &str,
        head: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> String {
        let base = self.urls[listener].as_str().unwrap();
        let address = base.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let lines: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let length = body.len();
        let said = format!(
            "{head} HTTP/1.1\r\nHost: {address}\r\n{lines}Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        String::from_utf8(bytes).unwrap()
    }

    async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let path = format!("/control/v1{path}");
        let (status, answer) = self.call("portal", method, &path, &[], body).await;
        assert!((200..300).contains(&status), "{status} {answer}");
        answer
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_lives_through_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(options(folder.path())).await;
    let keys = program.control("GET", "/env", Value::Null).await;
    let key = |name: &str| keys[name].as_str().unwrap().to_owned();
    let (id, secret) = (key("CLIENT_ID"), key("CLIENT_SECRET"));
    let (subscription, msn) = (key("SUBSCRIPTION_KEY"), key("MSN"));
    assert_eq!(keys["BASE_URL"], program.urls["test"]);

    let headers = [
        ("client_id", id.as_str()),
        ("client_secret", secret.as_str()),
        ("Ocp-Apim-Subscription-Key", subscription.as_str()),
    ];
    let (status, token) = program
        .call("test", "POST", "/accesstoken/get", &headers, Value::Null)
        .await;
    assert_eq!(status, 200, "{token}");
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let shop = [
        ("Authorization", bearer.as_str()),
        ("Ocp-Apim-Subscription-Key", subscription.as_str()),
    ];
    let initiate = json!({
        "customerInfo": {},
        "merchantInfo": {
            "merchantSerialNumber": msn,
            // One of our own listeners: never called, whatever the policy.
            "callbackPrefix": program.urls["production"],
            "fallBack": "https://example.com/result",
        },
        "transaction": { "orderId": "whole-1", "amount": 49_900, "transactionText": "Socks" },
    });
    let (status, initiated) = program
        .call("test", "POST", "/ecomm/v2/payments", &shop, initiate)
        .await;
    assert_eq!(status, 200, "{initiated}");
    let url = initiated["url"].as_str().unwrap();
    let base = program.urls["test"].as_str().unwrap();
    assert!(url.starts_with(&format!(
        "{base}/dwo-api-application/v1/deeplink/vippsgateway?v=2&token="
    )));
    let page = url.strip_prefix(base).unwrap();
    assert_eq!(
        program.call("test", "GET", page, &[], Value::Null).await.0,
        200
    );

    let payment = format!("/payments/test/{msn}/whole-1");
    let body = json!({"phone": keys["PHONE"], "pin": "1236"});
    let approved = program
        .control("POST", &format!("{payment}/approve"), body)
        .await;
    assert_eq!(approved["state"], "RESERVED");
    let reached = program
        .control(
            "GET",
            &format!("{payment}/wait?until=RESERVED"),
            Value::Null,
        )
        .await;
    assert_eq!(reached["state"], "RESERVED");
    let details = "/ecomm/v2/payments/whole-1/details";
    let (_, seen) = program
        .call("test", "GET", details, &shop, Value::Null)
        .await;
    assert_eq!(seen["transactionLogHistory"][0]["operation"], "RESERVE");
    let capture = json!({
        "merchantInfo": { "merchantSerialNumber": msn },
        "transaction": { "amount": 49_900, "transactionText": "Sent" },
    });
    let path = "/ecomm/v2/payments/whole-1/capture";
    let (status, captured) = program.call("test", "POST", path, &shop, capture).await;
    assert_eq!(status, 200, "{captured}");
    program.end().await;

    // The same folder: payment, keys and token are still good. Demo data is not put in twice.
    let program = Program::start(options(folder.path())).await;
    let (status, seen) = program
        .call("test", "GET", details, &shop, Value::Null)
        .await;
    assert_eq!(status, 200, "{seen}");
    assert_eq!(seen["transactionLogHistory"][0]["operation"], "CAPTURE");
    let calls = program
        .control(
            "GET",
            &format!("/outgoing-calls/test/{msn}?about=whole-1"),
            Value::Null,
        )
        .await;
    let call = &calls["calls"][0];
    assert_eq!(call["failure"]["cause"], "forbidden", "{call}");
    assert_eq!(call["failure"]["rule"], "own-listener", "{call}");

    // The folder is taken while it runs.
    let mut second = options(folder.path());
    second.ready_file = Some(folder.path().join("other.json"));
    let Err(ended) = begin(second).await else {
        panic!("two on one folder")
    };
    assert!(matches!(ended, Ended::WrongUse(_)));
    assert!(
        ended.to_string().contains("in use by another sandkasse"),
        "{ended}"
    );
    program.end().await;
}

#[tokio::test]
async fn the_register_is_kept_over_a_restart_and_another_can_be_asked_instead() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(options(folder.path())).await;
    let deleted = json!({"deleted_on": "2023-06-01"});
    let row = "/register/310000019";
    program.control("PUT", row, deleted).await;
    program.end().await;

    let public = Receiver::answering(
        std::time::Duration::ZERO,
        http_json(
            r#"{"organisasjonsnummer": "310000019", "navn": "A", "organisasjonsform": {"kode": "ENK"}}"#,
        ),
    )
    .await;
    let mut elsewhere = options(folder.path());
    elsewhere.register_url = Some(public.url("").parse().unwrap());
    let program = Program::start(elsewhere).await;
    let kept = program.control("GET", row, Value::Null).await;
    assert_eq!(kept["deleted_on"], "2023-06-01");
    let one = json!({"orgno": "310000019", "environment": "test"});
    let checked = program.control("POST", "/register/check", one).await;
    assert_eq!(
        checked["changed"][0]["standing"], "form_changed",
        "{checked}"
    );
    assert_eq!(public.requests().len(), 1);
    let path = "/enhetsregisteret/api/enheter/310000019";
    let (status, enhet) = program.call("portal", "GET", path, &[], Value::Null).await;
    assert_eq!((status, &enhet["slettedato"]), (200, &json!("2023-06-01")));
    program.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_20_users_tokens_and_the_audit_log_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(options(folder.path())).await;
    let reader = "/users/demo-reader";
    program
        .control("PATCH", reader, json!({"role": "developer"}))
        .await;
    let new = json!({"name": "Build", "role": "reader"});
    let made = program.control("POST", "/tokens", new).await;
    let before = program.control("GET", "/audit", Value::Null).await;
    program.end().await;

    let program = Program::start(options(folder.path())).await;
    let user = program.control("GET", reader, Value::Null).await;
    assert_eq!(user["role"], "developer");
    assert_eq!(program.control("GET", "/audit", Value::Null).await, before);
    program.control("DELETE", reader, Value::Null).await;
    let after = program.control("GET", "/audit", Value::Null).await;
    assert_eq!(
        (&after["chain"]["whole"], &after["chain"]["lines"]),
        (&json!(true), &json!(3))
    );
    assert_eq!(after["lines"][0]["previous"], before["chain"]["head"]);
    let bearer = format!("Bearer {}", made["token"].as_str().unwrap());
    for (path, status) in [("/control/v1/sales-units", 200), ("/control/v1/users", 403)] {
        let headers = [("authorization", bearer.as_str())];
        let got = program.call("portal", "GET", path, &headers, Value::Null);
        assert_eq!(got.await.0, status, "{path}");
    }
    program.end().await;

    // Without demo data there is somebody who can sign in, too.
    let other = tempfile::tempdir().unwrap();
    let mut bare = options(other.path());
    bare.demo_data = Some(crate::config::DemoData::Off);
    let program = Program::start(bare).await;
    let users = program.control("GET", "/users", Value::Null).await;
    assert_eq!(users["users"][0]["role"], "admin");
    assert_eq!(users["users"].as_array().unwrap().len(), 1);
    program.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_13_merchants_listeners_serve_nothing_of_the_portal() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(options(folder.path())).await;
    let advance = "/control/v1/sales-units/test/220001/advance";
    for listener in ["test", "production"] {
        for (method, path) in [
            ("GET", "/control/v1/env"),
            ("GET", "/control/v1/openapi.json"),
            ("POST", "/control/v1/reset"),
            ("POST", advance),
            ("GET", "/users"),
            ("GET", "/sign-in"),
            ("GET", "/metrics"),
            ("GET", "/readyz"),
        ] {
            let body = json!({"days": 1});
            let (status, _) = program.call(listener, method, path, &[], body).await;
            assert_eq!(status, 404, "{listener} {method} {path}");
        }
    }
    let got = program.call("portal", "GET", "/control/v1/env", &[], Value::Null);
    assert_eq!(got.await.0, 200);
    program.end().await;
}

#[tokio::test]
async fn under_a_seed_keys_repeat() {
    let mut made = Vec::new();
    for _ in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        let mut options = options(folder.path());
        options.database = Some("sqlite::memory:".parse().unwrap());
        options.seed = Some(7);
        let program = Program::start(options).await;
        let mut keys = program.control("POST", "/sales-units", json!({})).await;
        keys.as_object_mut().unwrap().remove("base_url");
        made.push(keys);
        program.end().await;
    }
    assert_eq!(made[0], made[1]);
}

#[tokio::test]
async fn demo_keys_are_not_served_to_others() {
    let folder = tempfile::tempdir().unwrap();
    Program::start(options(folder.path())).await.end().await;
    let mut exposed = options(folder.path());
    exposed.test = Some("0.0.0.0:0".parse().unwrap());
    exposed.admin_token = Some("0123456789abcdef".parse().unwrap());
    exposed.behind_proxy = Some(true);
    let Err(ended) = begin(exposed.clone()).await else {
        panic!("everybody knows the demo keys")
    };
    assert!(ended.to_string().contains("--demo-data network"), "{ended}");
    exposed.demo_data = Some(crate::config::DemoData::Network);
    Program::start(exposed).await.end().await;
}

/// Nothing is written on a connection whose answer is to be lost, and it ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_get_lost_on_the_socket_itself() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(options(folder.path())).await;
    let keys = program.control("GET", "/env", Value::Null).await;
    let key = |name: &str| keys[name].as_str().unwrap().to_owned();
    let (id, secret) = (key("CLIENT_ID"), key("CLIENT_SECRET"));
    let (subscription, msn) = (key("SUBSCRIPTION_KEY"), key("MSN"));
    let headers = [
        ("client_id", id.as_str()),
        ("client_secret", secret.as_str()),
        ("Ocp-Apim-Subscription-Key", subscription.as_str()),
    ];
    let everybody = json!({"kind": "drop", "operation": "token", "count": 1});
    program.control("POST", "/faults", everybody).await;
    let fetch = "POST /accesstoken/get";
    assert_eq!(program.say("test", fetch, &headers, "").await, "");
    let (_, token) = program
        .call("test", "POST", "/accesstoken/get", &headers, Value::Null)
        .await;
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let shop = [
        ("Authorization", bearer.as_str()),
        ("Ocp-Apim-Subscription-Key", subscription.as_str()),
        ("X-Request-Id", "key-1"),
    ];
    let with = |fault| [shop.as_slice(), &[("Sandkasse-Fault", fault)]].concat();
    let initiate = json!({
        "customerInfo": {},
        "merchantInfo": {
            "merchantSerialNumber": msn,
            "callbackPrefix": program.urls["production"],
            "fallBack": "https://example.com/result",
        },
        "transaction": { "orderId": "lost-1", "amount": 49_900, "transactionText": "Socks" },
    });
    let create = "POST /ecomm/v2/payments";
    let dropped = program
        .say("test", create, &with("drop"), &initiate.to_string())
        .await;
    assert_eq!(dropped, "");
    let payment = format!("/control/v1/payments/test/{msn}/lost-1");
    let (status, _) = program
        .call("portal", "GET", &payment, &[], Value::Null)
        .await;
    assert_eq!(status, 404, "nothing was done");
    let lost = program
        .say("test", create, &with("lost-answer"), &initiate.to_string())
        .await;
    assert_eq!(lost, "");
    let approve = format!("/payments/test/{msn}/lost-1/approve");
    let body = json!({"phone": keys["PHONE"]});
    let approved = program.control("POST", &approve, body).await;
    assert_eq!(approved["state"], "RESERVED", "it was initiated");

    let capture = json!({
        "merchantInfo": { "merchantSerialNumber": msn },
        "transaction": { "amount": 100, "transactionText": "Sent" },
    });
    let path = "/ecomm/v2/payments/lost-1/capture";
    let head = format!("POST {path}");
    let lost = program
        .say("test", &head, &with("lost-answer"), &capture.to_string())
        .await;
    assert_eq!(lost, "");
    let (status, again) = program.call("test", "POST", path, &shop, capture).await;
    assert_eq!(status, 200, "{again}");
    let captured = &again["transactionSummary"]["capturedAmount"];
    assert_eq!(captured, 100, "once, and the saved reply");
    program.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_19_who_finds_no_place_is_told_at_once_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    options.calls_at_once = Some(1);
    let (running, urls) = begin(options).await.unwrap();
    let inspector = running.inspector();
    let program = Program::go_on(running, urls);
    let path = "/ecomm/v2/payments/acme-1/details";
    let said = async || {
        let head = format!("GET {path}");
        program
            .say("test", &head, &[("Connection", "close")], "")
            .await
    };
    assert!(said().await.starts_with("HTTP/1.1 401 "));

    let shedder = &inspector.platform().shedder;
    let taken = shedder
        .enter(&Method::GET, path, &HeaderMap::new())
        .unwrap();
    let answer = said().await;
    assert!(
        answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
        "{answer}"
    );
    assert!(answer.contains("\r\nretry-after: 1\r\n"), "{answer}");
    assert!(
        answer.ends_with(r#"{ "statusCode": 503, "message": "Service Unavailable" }"#),
        "{answer}"
    );
    let explained = answer
        .lines()
        .find_map(|line| line.strip_prefix("explain: "));
    let (_, place) = explained.unwrap().split_once("/explain/").unwrap();
    let (status, told) = program
        .call(
            "test",
            "GET",
            &format!("/explain/{place}"),
            &[("Accept", "application/json")],
            Value::Null,
        )
        .await;
    assert_eq!(
        (status, &told["cause"]),
        (200, &json!("platform.overloaded")),
        "explanations need no place: {told}"
    );
    drop(taken);
    assert!(said().await.starts_with("HTTP/1.1 401 "));
    program.end().await;
}
