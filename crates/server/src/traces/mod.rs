//! Traces for an OpenTelemetry collector, where one is named: a span for each call of a merchant API,
//! with its checks as events; below it the commit, and below that the calls to the merchant that it
//! promised. A caller's `traceparent` is taken as the parent.
//!
//! Spans are `tracing`'s, all under one target that nothing else listens to. Without a collector
//! nobody does, and each place where one would begin costs the look at a flag. What is told are
//! operations, statuses, causes, hosts and sales units: no body, no header, no path as it was sent.

mod export;
mod outgoing;

use http::Method;
use opentelemetry::{Context, propagation::TextMapPropagator};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use sandkasse_api::Request;
use sandkasse_domain::Environment;
use sandkasse_engine::SPANS;
use sandkasse_inspect::NO_OPERATION;
use tracing::{Level, Span, field::Empty, trace_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

pub(crate) use export::{Collector, Exporting};
pub(crate) use outgoing::{Traced, promised};

/// The span of a call that is about to be answered.
pub(crate) fn of_call(environment: Environment, request: &Request) -> Span {
    if !tracing::enabled!(target: SPANS, Level::TRACE) {
        return Span::none();
    }
    // Now, since a span that has children keeps its name.
    let route = sandkasse_api::find(environment, &request.method, &request.path);
    let name = route.map_or(NO_OPERATION, |route| route.name());
    let span = trace_span!(
        target: SPANS,
        parent: None,
        "call",
        otel.name = name,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = known(&request.method),
        http.response.status_code = Empty,
        sandkasse.environment = environment.name(),
        sandkasse.msn = Empty,
        sandkasse.refusal = Empty,
    );
    let sent = HeaderExtractor(&request.headers);
    let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &sent);
    // Refused only to spans that have begun or have another parent.
    span.set_parent(parent).ok();
    span
}

/// A caller may send any word as a method.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}
