//! Spans of calls to merchants. A callback is made after the call that promised it was answered, by
//! another task; so the span that promised it is remembered by the callback's id.

use std::sync::LazyLock;

use async_trait::async_trait;
use http::Uri;
use opentelemetry::{
    Context,
    trace::{SpanContext, TraceContextExt},
};
use quick_cache::sync::Cache;
use sandkasse_courier::{Attempts, failure_kind};
use sandkasse_domain::sales_unit::UrlPolicy;
use sandkasse_engine::SPANS;
use sandkasse_hooks::HookCall;
use sandkasse_store::{CallOutcome, OutgoingCall};
use tracing::{Instrument, Level, Span, field::Empty, trace_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// So many calls that wait are remembered, the latest ones; the spans of others have no parent.
const MOST: usize = 10_000;

/// Which span promised which call. One for the process, as the collector is.
static PROMISED: LazyLock<Cache<String, SpanContext>> = LazyLock::new(|| Cache::new(MOST));

/// The present span promised this call.
pub(crate) fn promised(call: &str) {
    if !tracing::enabled!(target: SPANS, Level::TRACE) {
        return;
    }
    let context = Span::current().context().span().span_context().clone();
    if context.is_sampled() {
        PROMISED.insert(call.to_owned(), context);
    }
}

fn promise_of(call: &str) -> Option<Context> {
    let (_, context) = PROMISED.remove(call)?;
    Some(Context::new().with_remote_span_context(context))
}

/// A network whose calls have spans.
pub(crate) struct Traced<N>(pub(crate) N);

#[async_trait]
impl<N: Attempts> Attempts for Traced<N> {
    async fn attempt(&self, call: &OutgoingCall, policy: UrlPolicy) -> CallOutcome {
        let span = begun(call.purpose.name(), &call.url);
        if let Some(parent) = promise_of(&call.id).filter(|_| !span.is_disabled()) {
            // Refused only to spans that have begun or have another parent.
            span.set_parent(parent).ok();
        }
        let attempt = self.0.attempt(call, policy).instrument(span.clone());
        ended(&span, attempt.await)
    }

    async fn deliver(&self, call: &HookCall, policy: UrlPolicy) -> CallOutcome {
        let span = begun("webhook", &call.url);
        let attempt = self.0.deliver(call, policy).instrument(span.clone());
        ended(&span, attempt.await)
    }
}

/// Of a URL only the host is told.
fn begun(what: &'static str, url: &str) -> Span {
    let span = trace_span!(
        target: SPANS,
        parent: None,
        "call to merchant",
        otel.name = what,
        otel.kind = "client",
        otel.status_code = Empty,
        server.address = Empty,
        http.response.status_code = Empty,
        error.type = Empty,
    );
    if !span.is_disabled()
        && let Ok(url) = url.parse::<Uri>()
        && let Some(host) = url.host()
    {
        span.record("server.address", host);
    }
    span
}

fn ended(span: &Span, outcome: CallOutcome) -> CallOutcome {
    if let Some(status) = outcome.status {
        span.record("http.response.status_code", status);
    }
    if let Some(failure) = &outcome.failure {
        span.record("error.type", failure_kind(failure));
        span.record("otel.status_code", "ERROR");
    }
    outcome
}
