//! The way to the collector: OTLP over HTTP, protobuf, in batches, from a thread of its own.

use std::{
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use sandkasse_engine::SPANS;
use serde::Deserialize;
use tokio::{net::TcpStream, runtime::Handle};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
};

use crate::logging::Listener;

/// Where spans are sent, unless a path is given.
const TRACES: &str = "/v1/traces";
/// A collector answers within this time.
const LIMIT: Duration = Duration::from_secs(5);
/// No answer of a collector is longer.
const LONGEST: usize = 64 * 1024;
/// How long the last spans may take when the program ends.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Where a collector is: `http://127.0.0.1:4318`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Collector {
    authority: String,
    url: String,
}

impl FromStr for Collector {
    type Err = String;

    fn from_str(text: &str) -> Result<Collector, String> {
        let wrong = || {
            format!(
                "`{text}` is no collector: write it as http://127.0.0.1:4318; HTTPS is not spoken to it, so name an agent \
                 of this machine or network"
            )
        };
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        if uri.scheme_str() != Some("http") || authority.as_str().contains('@') {
            return Err(wrong());
        }
        let port = authority.port_u16().unwrap_or(4318);
        let authority = format!("{}:{port}", authority.host());
        let path = match uri.path() {
            "/" | "" => TRACES,
            path => path,
        };
        let url = format!("http://{authority}{path}");
        Ok(Collector { authority, url })
    }
}

impl TryFrom<String> for Collector {
    type Error = String;

    fn try_from(text: String) -> Result<Collector, String> {
        text.parse()
    }
}

/// Spans are sent for as long as this is kept.
pub(crate) struct Exporting(SdkTracerProvider);

impl Exporting {
    /// Begins; the layer tells spans to it.
    pub(crate) fn begin(
        collector: &Collector,
        runtime: &Handle,
    ) -> Result<(Exporting, Listener), String> {
        let client = Client {
            runtime: runtime.clone(),
            authority: collector.authority.clone(),
            failed: AtomicU64::new(0),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(&collector.url)
            .with_timeout(LIMIT)
            .build()
            .map_err(|error| format!("traces cannot be sent: {error}"))?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder()
            .with_service_name("sandkasse")
            .with_attribute(version);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.build())
            .build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("sandkasse"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false)
            .with_level(false)
            .with_context_activation(false)
            .with_filter(Targets::new().with_target(SPANS, LevelFilter::TRACE));
        Ok((Exporting(provider), layer.boxed()))
    }

    /// Sends what is left.
    pub(crate) fn end(self) {
        if let Err(error) = self.0.shutdown_with_timeout(LAST_WAIT) {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

/// One connection for each batch.
#[derive(Debug)]
struct Client {
    runtime: Handle,
    authority: String,
    failed: AtomicU64,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = send(self.authority.clone(), request);
        // The thread that asks is none of the runtime's.
        let sent = self
            .runtime
            .spawn(async move { tokio::time::timeout(LIMIT, sent).await });
        let answer = match sent.await {
            Ok(Ok(Ok(answer))) if answer.status().is_success() => Ok(answer),
            Ok(Ok(Ok(answer))) => Err(format!("it answered {}", answer.status()).into()),
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(_)) => Err(format!("no answer within {LIMIT:?}").into()),
            Err(ended) => Err(ended.into()),
        };
        if let Err(error) = &answer {
            let failed = self.failed.fetch_add(1, Ordering::Relaxed) + 1;
            if failed.is_power_of_two() {
                tracing::warn!(failed, %error, "spans did not reach the collector, and are lost");
            }
        }
        answer
    }
}

async fn send(authority: String, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let stream = TcpStream::connect(&authority).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // How it ended is told to the request.
    let driver = tokio::spawn(connection);
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map(|path| path.as_str().parse());
    if let Some(path) = path {
        parts.uri = path?;
    }
    let host = HeaderValue::try_from(authority)?;
    parts.headers.insert(header::HOST, host);
    let answer = sender
        .send_request(Request::from_parts(parts, Full::new(body)))
        .await?;
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, LONGEST).collect().await?.to_bytes();
    driver.abort();
    Ok(Response::from_parts(parts, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_an_address_of_plain_http() {
        for (text, url) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://otel", "http://otel:4318/v1/traces"),
            ("http://[::1]:9/", "http://[::1]:9/v1/traces"),
            ("http://otel:80/own/path", "http://otel:80/own/path"),
        ] {
            assert_eq!(text.parse::<Collector>().unwrap().url, url);
        }
        for text in ["", "otel:4318", "https://otel", "http://me:secret@otel"] {
            assert!(text.parse::<Collector>().is_err(), "{text}");
        }
    }
}
