//! Whom an attempt does not connect to, whatever the URL and the resolver say (S-9).

use std::sync::Arc;
use std::time::Duration;

use sandkasse_domain::sales_unit::UrlPolicy::{Local, Strict};
use sandkasse_store::{CallFailure, CallOutcome};

use super::tests::attempt;
use super::{Courier, CourierConfig};
use crate::judge_prefix;
use crate::resolver::TableResolver;
use crate::testing::{OK, Receiver, callback};

fn forbidden(outcome: &CallOutcome) -> &str {
    match &outcome.failure {
        Some(CallFailure::Forbidden { rule, .. }) => rule,
        other => panic!("not forbidden: {other:?}"),
    }
}

/// A public name that leads home, in every disguise: nobody is connected to.
#[tokio::test]
async fn strict_units_reach_no_private_address() {
    let receiver = Receiver::answering(OK).await;
    let port = receiver.address.port();
    let rows: [(&[&str], &str); 7] = [
        (&["127.0.0.1"], "loopback"),
        (&["::ffff:127.0.0.1"], "loopback"),
        (&["8.8.8.8", "127.0.0.1"], "loopback"),
        (&["169.254.169.254"], "cloud-metadata"),
        (&["fd00:ec2::254"], "cloud-metadata"),
        (&["64:ff9b::7f00:1"], "tunnel"),
        (&["0.0.0.0"], "this-network"),
    ];
    for (addresses, rule) in rows {
        let table = TableResolver::new().with("shop.example.com", addresses.iter().copied());
        // The receiver's port is a usual one here, so that only the address can be the reason.
        let config = CourierConfig {
            ports: vec![port],
            ..CourierConfig::default()
        };
        let courier = Courier::new(config, Arc::new(table));
        let outcome = courier
            .attempt(
                &callback("c1", &format!("https://shop.example.com:{port}/")),
                Strict,
            )
            .await;
        assert_eq!(forbidden(&outcome), rule, "{addresses:?}");
    }
    for (url, rule) in [
        ("127.0.0.1", "loopback"),
        ("localhost", "localhost"),
        ("2130706433", "odd-address"),
    ] {
        let outcome = attempt(&callback("c1", &format!("https://{url}:{port}/")), Strict).await;
        assert_eq!(forbidden(&outcome), rule);
    }
    assert_eq!(
        forbidden(&attempt(&callback("c1", &receiver.url("/")), Strict).await),
        "plain-http"
    );
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn a_public_name_needs_tls_and_a_usual_port_also_for_local_units() {
    let table = TableResolver::new()
        .with("shop.test", ["8.8.8.8"])
        .with("shop.example.com", ["8.8.8.8"]);
    let courier = Courier::new(CourierConfig::default(), Arc::new(table));
    for (url, rule) in [
        ("http://shop.example.com/", "plain-http"),
        ("http://shop.test/", "plain-http"),
        ("https://shop.test:3000/", "unusual-port"),
        ("https://shop.example.com:22/", "unusual-port"),
    ] {
        assert_eq!(
            forbidden(&courier.attempt(&callback("c1", url), Local).await),
            rule,
            "{url}"
        );
    }
}

#[tokio::test]
async fn a_name_that_changes_its_address_gains_nothing() {
    let receiver = Receiver::answering(OK).await;
    let port = receiver.address.port();
    let table = Arc::new(
        TableResolver::new()
            .with("shop.example.com", ["8.8.8.8"])
            .with("shop.example.com", ["127.0.0.1"]),
    );
    let config = CourierConfig {
        ports: vec![port],
        ..CourierConfig::default()
    };
    let courier = Courier::new(config, Arc::clone(&table) as Arc<_>);
    let url = format!("https://shop.example.com:{port}/");
    let target = judge_prefix(&url, Strict).unwrap();
    assert_eq!(
        courier
            .check_reachable(&target, Strict, Duration::from_secs(1))
            .await,
        Ok(())
    );
    assert_eq!(
        forbidden(&courier.attempt(&callback("c1", &url), Strict).await),
        "loopback"
    );
    assert_eq!(table.asked("shop.example.com"), 2);
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn the_platform_does_not_call_itself() {
    let receiver = Receiver::answering(OK).await;
    let port = receiver.address.port();
    for own in [
        receiver.address,
        format!("0.0.0.0:{port}").parse().unwrap(),
        format!("[::]:{port}").parse().unwrap(),
    ] {
        let table = TableResolver::new().with("localhost", ["127.0.0.1"]);
        let courier = Courier::new(
            CourierConfig {
                own: vec![own],
                ..CourierConfig::default()
            },
            Arc::new(table),
        );
        for host in ["127.0.0.1", "localhost"] {
            let outcome = courier
                .attempt(&callback("c1", &format!("http://{host}:{port}/")), Local)
                .await;
            assert_eq!(forbidden(&outcome), "own-listener");
        }
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn urls_that_cannot_be_called() {
    let rows = [
        "",
        "http://",
        "nonsense",
        "ftp://localhost/",
        "http://localhost:99999/",
        "http://local host/",
        "http://localhost/\r\nX: y",
    ];
    for url in rows {
        let outcome = attempt(&callback("c1", url), Local).await;
        assert!(
            matches!(outcome.failure, Some(CallFailure::BadUrl { .. })),
            "{url}: {outcome:?}"
        );
    }
    let mut call = callback("c1", "http://localhost/");
    call.authorization = Some("a\r\nX-Evil: b".to_owned());
    assert_eq!(
        attempt(&call, Local).await.failure,
        Some(CallFailure::BadUrl {
            detail: "authorization".to_owned()
        })
    );
}
