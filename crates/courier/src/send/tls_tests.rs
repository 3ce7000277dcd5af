//! Calls over TLS: a certificate must be trusted and be for the name in the URL.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sandkasse_domain::sales_unit::UrlPolicy::Local;
use sandkasse_store::{CallFailure, CallOutcome};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::{Courier, CourierConfig};
use crate::resolver::TableResolver;
use crate::testing::{Manner, OK, Receiver, callback, serve};

/// A server with a certificate for `names` that vouches for itself.
async fn tls_server(names: &[&str]) -> (u16, CertificateDer<'static>) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![certificate.clone()], key)
    .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else {
                continue;
            };
            let (_gate, opened) = watch::channel(true);
            serve(
                stream,
                Manner::Answer(OK.as_bytes().to_vec()),
                Arc::default(),
                opened,
            )
            .await;
        }
    });
    (port, certificate)
}

async fn attempt(url: &str, trusted: Vec<CertificateDer<'static>>) -> CallOutcome {
    let table = TableResolver::new()
        .with("shop.test", ["127.0.0.1"])
        .with("other.test", ["127.0.0.1"]);
    let config = CourierConfig {
        authorities: trusted,
        ..CourierConfig::default()
    };
    let mut call = callback("c1", url);
    call.timeout_ms = 5_000;
    Courier::new(config, Arc::new(table))
        .attempt(&call, Local)
        .await
}

fn tls_detail(outcome: CallOutcome) -> String {
    match outcome.failure {
        Some(CallFailure::Tls { detail }) => detail,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_trusted_certificate_for_the_name() {
    let (port, certificate) = tls_server(&["shop.test", "127.0.0.1"]).await;
    for host in ["shop.test", "shop.test.", "SHOP.test", "127.0.0.1"] {
        let table_name = host.to_ascii_lowercase();
        let table = TableResolver::new().with(&table_name, ["127.0.0.1"]);
        let config = CourierConfig {
            authorities: vec![certificate.clone()],
            ..CourierConfig::default()
        };
        let courier = Courier::new(config, Arc::new(table));
        let outcome = courier
            .attempt(&callback("c1", &format!("https://{host}:{port}/")), Local)
            .await;
        assert_eq!(
            (outcome.status, outcome.failure),
            (Some(200), None),
            "{host}"
        );
    }
}

#[tokio::test]
async fn an_untrusted_certificate() {
    let (port, _) = tls_server(&["shop.test"]).await;
    let detail = tls_detail(attempt(&format!("https://shop.test:{port}/"), vec![]).await);
    assert!(detail.contains("UnknownIssuer"), "{detail}");
}

#[tokio::test]
async fn a_certificate_for_another_name() {
    let (port, certificate) = tls_server(&["shop.test"]).await;
    let detail =
        tls_detail(attempt(&format!("https://other.test:{port}/"), vec![certificate]).await);
    assert!(detail.contains("not valid for name"), "{detail}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls() {
    let receiver = Receiver::answering(OK).await;
    let (_, certificate) = tls_server(&["shop.test"]).await;
    let url = format!("https://shop.test:{}/", receiver.address.port());
    let mut call = callback("c1", &url);
    call.timeout_ms = 300;
    // It waits for a request that never comes, so the limit ends it.
    let table = TableResolver::new().with("shop.test", ["127.0.0.1"]);
    let config = CourierConfig {
        authorities: vec![certificate],
        ..CourierConfig::default()
    };
    let outcome = Courier::new(config, Arc::new(table))
        .attempt(&call, Local)
        .await;
    assert_eq!(
        outcome.failure,
        Some(CallFailure::Timeout { limit_ms: 300 })
    );
}
