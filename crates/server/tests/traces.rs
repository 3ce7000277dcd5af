//! Traces: what a collector gets, decoded.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value as Any},
    trace::v1::{Span, span::SpanKind},
};
use prost::Message;
use serde_json::Value;
use support::{Receiver, Server, Shop, agent, collector::Collector};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Attributes by name, as text.
fn attributes(list: &[KeyValue]) -> BTreeMap<String, String> {
    let texts = list.iter().map(|it| {
        let value = match it.value.as_ref().and_then(|it| it.value.as_ref()) {
            Some(Any::StringValue(text)) => text.clone(),
            Some(Any::IntValue(number)) => number.to_string(),
            Some(Any::BoolValue(flag)) => flag.to_string(),
            other => panic!("{}: {other:?}", it.key),
        };
        (it.key.clone(), value)
    });
    texts.collect()
}

/// All spans that a collector got; each request must tell whose they are.
fn spans(collector: &Collector) -> Vec<Span> {
    let mut all = Vec::new();
    for body in collector.bodies() {
        let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        for of_resource in request.resource_spans {
            let resource = attributes(&of_resource.resource.unwrap().attributes);
            assert_eq!(resource["service.name"], "sandkasse");
            assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
            for scope in of_resource.scope_spans {
                all.extend(scope.spans);
            }
        }
    }
    all
}

fn named<'a>(spans: &'a [Span], name: &str) -> Vec<&'a Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

/// One call of a merchant who traces, too.
fn call(server: &Server, shop: &Shop, method: &str, path: &str, body: Option<&Value>) -> u16 {
    call_of("01", server, shop, (method, path, body))
}

/// The same, where the caller's flags say whether this trace is kept.
fn call_of(
    sampled: &str,
    server: &Server,
    shop: &Shop,
    (method, path, body): (&str, &str, Option<&Value>),
) -> u16 {
    let mut request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{}{path}", server.test))
        .header("traceparent", format!("00-{TRACE}-{PARENT}-{sampled}"))
        .header("Content-Type", "application/json");
    for (name, value) in shop.headers() {
        request = request.header(name, value);
    }
    let sent = match body {
        Some(body) => agent().run(request.body(body.to_string()).unwrap()),
        None => agent().run(request.body(()).unwrap()),
    };
    sent.unwrap().status().as_u16()
}

#[test]
fn a_call_its_checks_its_commit_and_its_callback_are_one_trace() {
    let (collector, receiver) = (Collector::start(), Receiver::start());
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), |command| {
        command.env("SANDKASSE_OTLP_ENDPOINT", &collector.url);
    });
    let shop = Shop::create(&server, &receiver.prefix());
    let payments = "/ecomm/v2/payments";
    let made = call(
        &server,
        &shop,
        "POST",
        payments,
        Some(&shop.initiate("acme-1")),
    );
    assert_eq!(made, 200);
    let details = format!("{payments}/unknown/details");
    let unknown = call(&server, &shop, "GET", &details, None);
    assert!((400..500).contains(&unknown), "{unknown}");
    // Approved through the merchant API, so that the callback has a call to be below.
    let approve = "/ecomm/v2/integration-test/payments/acme-1/approve";
    let phone = serde_json::json!({"customerPhoneNumber": shop.phone});
    let approved = call(&server, &shop, "POST", approve, Some(&phone));
    assert_eq!(approved, 200);
    shop.settled_call(&agent(), &server, "acme-1");
    assert_eq!(
        server.terminate(),
        Some(0),
        "what is left is sent at the end"
    );

    let spans = spans(&collector);
    let initiated = named(&spans, "POST /ecomm/v2/payments");
    let [initiated] = initiated[..] else {
        panic!("{:?}", spans.iter().map(|it| &it.name).collect::<Vec<_>>())
    };
    assert_eq!(
        hex(&initiated.trace_id),
        TRACE,
        "the caller's trace goes on"
    );
    assert_eq!(hex(&initiated.parent_span_id), PARENT);
    assert_eq!(initiated.kind, SpanKind::Server as i32);
    let told = attributes(&initiated.attributes);
    assert_eq!(told["http.request.method"], "POST");
    assert_eq!(told["http.response.status_code"], "200");
    assert_eq!(told["sandkasse.environment"], "test");
    assert_eq!(told["sandkasse.msn"], shop.msn());
    let checks: Vec<_> = initiated.events.iter().collect();
    assert!(checks.iter().all(|event| event.name == "check"));
    let checks: Vec<_> = checks.iter().map(|it| attributes(&it.attributes)).collect();
    let names: Vec<_> = checks.iter().map(|it| it["check"].as_str()).collect();
    assert_eq!(
        names[..2],
        ["path and method", "subscription key sent"],
        "{names:?}"
    );
    assert!(checks.iter().all(|it| it["passed"] == "true"));

    let commits = named(&spans, "commit");
    let below = |parent: &Span| {
        let children = commits
            .iter()
            .filter(|it| it.parent_span_id == parent.span_id);
        children.copied().collect::<Vec<_>>()
    };
    let [commit] = below(initiated)[..] else {
        panic!("{commits:?}")
    };
    assert_eq!(hex(&commit.trace_id), TRACE);
    assert_eq!(attributes(&commit.attributes)["outcome"], "made");
    assert!(commit.end_time_unix_nano <= initiated.end_time_unix_nano);

    let refused = named(&spans, "GET /ecomm/v2/payments/{orderId}/details");
    let [refused] = refused[..] else {
        panic!("{refused:?}")
    };
    let told = attributes(&refused.attributes);
    assert_eq!(told["http.response.status_code"], unknown.to_string());
    assert!(told.contains_key("sandkasse.refusal"), "{told:?}");
    let last = refused.events.last().map(|it| attributes(&it.attributes));
    assert_eq!(
        last.unwrap()["passed"],
        "false",
        "the check that failed is the last"
    );

    let approving = named(
        &spans,
        "POST /ecomm/v2/integration-test/payments/{orderId}/approve",
    );
    let [approving] = approving[..] else {
        panic!("{approving:?}")
    };
    let [commit] = below(approving)[..] else {
        panic!("{commits:?}")
    };
    let [callback] = named(&spans, "payment_callback")[..] else {
        panic!("{:?}", spans.iter().map(|it| &it.name).collect::<Vec<_>>())
    };
    assert_eq!(callback.parent_span_id, commit.span_id);
    assert_eq!(hex(&callback.trace_id), TRACE);
    assert_eq!(callback.kind, SpanKind::Client as i32);
    let told = attributes(&callback.attributes);
    assert_eq!(told["server.address"], "127.0.0.1");
    assert_eq!(told["http.response.status_code"], "200");
}

/// A collector that is away costs nobody anything.
#[test]
fn without_a_collector_calls_are_answered_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), |command| {
        // Nobody is there.
        command.env("SANDKASSE_OTLP_ENDPOINT", "http://127.0.0.1:9");
    });
    let shop = Shop::create(&server, "https://example.com/callback");
    let payments = "/ecomm/v2/payments";
    let made = call(
        &server,
        &shop,
        "POST",
        payments,
        Some(&shop.initiate("acme-1")),
    );
    assert_eq!(made, 200);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_caller_who_keeps_no_trace_gets_none_kept() {
    let collector = Collector::start();
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), |command| {
        command.env("SANDKASSE_OTLP_ENDPOINT", &collector.url);
    });
    let shop = Shop::create(&server, "https://example.com/callback");
    let payments = "/ecomm/v2/payments";
    for (order, sampled) in [("acme-1", "00"), ("acme-2", "01")] {
        let body = shop.initiate(order);
        let made = call_of(sampled, &server, &shop, ("POST", payments, Some(&body)));
        assert_eq!(made, 200);
    }
    assert_eq!(server.terminate(), Some(0));
    let spans = spans(&collector);
    let kept = named(&spans, "POST /ecomm/v2/payments");
    assert_eq!(kept.len(), 1, "the second one");
}
