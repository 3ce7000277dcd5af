//! What whoever runs the program wants to know of it: whether it lives, whether it can work, and its
//! figures.
//!
//! `/healthz` and `/readyz` tell nothing about anybody and are open; `/metrics` needs a role at the
//! portal's listener, and none at a listener of its own, which an installation may name.

mod figures;
mod health;
mod metrics;
mod process;
mod site;
#[cfg(test)]
mod tests;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderValue, header};
use sandkasse_courier::CourierHandle;
use sandkasse_domain::Timestamp;
use sandkasse_engine::WallClock;
use tokio::sync::Mutex;

use crate::{control::Control, listener::Door};
pub(crate) use site::OperationsSite;

/// The paths that are open to everybody, by whatever name the portal is called.
pub(crate) const HEALTH: [&str; 2] = ["/healthz", "/readyz"];
/// Where the figures are.
pub(crate) const METRICS: &str = "/metrics";

/// The listeners, by what is known of them from outside.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    pub(crate) test: Arc<Door>,
    pub(crate) production: Arc<Door>,
    pub(crate) portal: Arc<Door>,
}

impl Listeners {
    fn all(&self) -> [(&'static str, &Door); 3] {
        [
            ("test", &self.test),
            ("production", &self.production),
            ("portal", &self.portal),
        ]
    }
}

/// What is known of the running program.
pub(crate) struct Operations {
    pub(crate) listeners: Listeners,
    draining: AtomicBool,
    started_at: Timestamp,
    courier: Option<CourierHandle>,
    /// What the database said when it was last asked, and when that was.
    asked: Mutex<Option<(Instant, bool)>>,
}

impl Operations {
    pub(crate) fn new(started_at: Timestamp, courier: Option<CourierHandle>) -> Operations {
        Operations {
            listeners: Listeners::default(),
            draining: AtomicBool::new(false),
            started_at,
            courier,
            asked: Mutex::default(),
        }
    }

    /// From now on the program says that it wants no more work, and does all that comes.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Drains for so long, so that whoever spreads calls over several nodes stops sending them here.
    pub(crate) async fn drain_for(&self, length: Duration, clock: &dyn WallClock) {
        self.drain();
        if !length.is_zero() {
            tracing::info!(seconds = length.as_secs(), "draining");
            let length = jiff::SignedDuration::try_from(length).unwrap_or_default();
            clock.sleep_until(clock.now() + length).await;
        }
    }
}

/// The routes at the portal's listener.
pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/healthz", get(health::alive))
        .route(
            "/readyz",
            get(|State(control): State<Arc<Control>>| async move { health::ready(&control).await }),
        )
        .route(
            "/metrics",
            get(
                |State(control): State<Arc<Control>>, headers: HeaderMap| async move {
                    told(&control, &headers)
                },
            ),
        )
}

/// All figures, as text that Prometheus reads.
fn told(control: &Control, headers: &HeaderMap) -> Response {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let mut accepted = accepted.filter_map(|it| it.to_str().ok());
    let media = if accepted.any(|it| it.contains("application/openmetrics-text")) {
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    } else {
        // The same lines; what the older format does not know is a comment there.
        "text/plain; version=0.0.4; charset=utf-8"
    };
    let text = metrics::text(figures::figures(control));
    let mut response = text.into_response();
    let media = HeaderValue::from_static(media);
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    response
}
