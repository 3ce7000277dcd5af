//! What a call's span is told, where spans are sent to a collector.

use sandkasse_api::Exchange;
use sandkasse_domain::Environment;
use sandkasse_engine::SPANS;
use tracing::{Level, Span};

use crate::Counted;

/// Tells the present span how the call was answered, with the checks as events. What they saw is
/// left to the journal.
pub(crate) fn tell(environment: Environment, exchange: &Exchange) {
    if !tracing::enabled!(target: SPANS, Level::TRACE) {
        return;
    }
    let (span, counted) = (Span::current(), Counted::of(environment, exchange));
    span.record("http.response.status_code", counted.status);
    if let Some(cause) = counted.cause {
        span.record("sandkasse.refusal", cause);
    }
    if counted.status >= 500 {
        span.record("otel.status_code", "ERROR");
    }
    if let Some(msn) = &exchange.who.unit {
        span.record("sandkasse.msn", msn.as_str());
    }
    for line in exchange.trace.lines() {
        tracing::trace!(target: SPANS, check = line.step.name(), passed = line.passed, "check");
    }
}
