//! How a request gets in and an answer out: sockets, TLS, HTTP/1.1 and HTTP/2, and their limits.
//!
//! A [`Site`] answers whole requests, or lets the connection be closed without an answer; it sees
//! neither sockets nor panics. What a request asks for
//! is done even if its caller goes away meanwhile: what is left of anything but a read then becomes a task of its own.
//! (A read may let a deadline happen; the engine brings that commit to its end in the same way.)

mod door;
mod handshake;
pub(crate) mod limits;
mod receive;
#[cfg(test)]
mod smuggling_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;

use std::{
    net::SocketAddr,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt, Either, Full, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
};
use jiff::fmt::rfc2822::DateTimePrinter;
use sandkasse_api::Answer;
use sandkasse_domain::Timestamp;
use sandkasse_engine::{ToTheEnd, WallClock};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{Semaphore, watch},
};

use crate::{Ended, address::Address, tls::Tls};
pub(crate) use door::Door;
use handshake::Handshakes;
pub(crate) use receive::{receive, receive_up_to};

/// What leaves: bytes that are there, or what comes by and by.
pub(crate) type Outgoing = Either<Full<Bytes>, UnsyncBoxBody<Bytes, axum::Error>>;

/// Whoever answers at a listener.
pub(crate) trait Site: Send + Sync + 'static {
    /// Answers a request.
    fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Outgoing>, NoAnswer>> + Send;

    /// Answers when [`Site::respond`] panicked.
    fn fault(&self) -> Response<Outgoing>;

    /// Where it is told who comes, if anybody wants to know.
    fn door(&self) -> Arc<Door> {
        Arc::default()
    }
}

/// The connection is closed and not a byte answered; of a connection of HTTP/2, the one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("closed without an answer, on demand")]
pub(crate) struct NoAnswer;

/// An answer on its way out.
pub(crate) fn response(answer: Answer) -> Response<Outgoing> {
    let mut response = Response::new(Either::Left(Full::new(answer.body)));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

/// The same of a router's answer, which may go on for long.
pub(crate) fn routed(response: axum::response::Response) -> Response<Outgoing> {
    response.map(|body| Either::Right(body.boxed_unsync()))
}

/// Takes an address; `flag` is the one that names another.
pub(crate) async fn bind(address: Address, flag: &str) -> Result<(TcpListener, SocketAddr), Ended> {
    let address = address.0;
    let cannot = |error: std::io::Error| {
        let why = if error.kind() == std::io::ErrorKind::AddrInUse {
            "it is in use, by another sandkasse or another program. Stop that one".to_owned()
        } else {
            error.to_string()
        };
        Ended::WrongUse(format!(
            "cannot listen on {address}: {why}, or name another address with `{flag} {}:0` (port 0 takes a free one)",
            address.ip()
        ))
    };
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    Ok((listener, bound))
}

/// Serves, over TLS where it is given, until `stop` is true; then takes no more connections and returns when all that was
/// begun is answered, or after [`limits::PATIENCE`].
pub(crate) async fn serve<S: Site>(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    site: Arc<S>,
    clock: Arc<dyn WallClock>,
    mut stop: watch::Receiver<bool>,
) {
    let builder = Arc::new(builder());
    let (door, graceful) = (site.door(), GracefulShutdown::new());
    let open = door.open();
    let places = Arc::new(Semaphore::new(limits::connections()));
    let handshakes = Handshakes::new(limits::handshakes());
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: wait for some to come back.
                door.failed.note();
                tracing::warn!(%error, "a connection could not be accepted");
                clock.sleep_until(clock.now() + limits::AFTER_FAULT).await;
                continue;
            }
        };
        let place = (place, door.enter());
        let (site, builder, watcher) = (site.clone(), builder.clone(), graceful.watcher());
        let clock = clock.clone();
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended before it began");
            continue;
        }
        let secret = tls
            .clone()
            .map(|tls| (tls, handshakes.enter(), stop.clone()));
        tokio::spawn(async move {
            let _place = place;
            let Some((tls, seat, stop)) = secret else {
                return connection(stream, site, clock, &builder, watcher).await;
            };
            if let Some(stream) = handshake::shake(stream, &tls, seat, stop).await {
                connection(stream, site, clock, &builder, watcher).await;
            }
        });
    }
    drop((open, listener));
    let left = graceful.count();
    if tokio::time::timeout(limits::PATIENCE, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(connections = left, "some requests were cut off at the end");
    }
}

async fn connection<S: Site>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    site: Arc<S>,
    clock: Arc<dyn WallClock>,
    builder: &Builder<TokioExecutor>,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let spoken = Arc::new(AtomicBool::new(false));
    let noted = spoken.clone();
    let service = service_fn(move |request| {
        noted.store(true, Ordering::Relaxed);
        let (site, clock) = (site.clone(), clock.clone());
        // hyper writes nothing for an error and lets go of the connection.
        async move {
            let mut response = guarded(site, request).await?;
            date(&mut response, clock.now());
            Ok::<_, NoAnswer>(response)
        }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(watcher.watch(connection));
    // Which version of HTTP a silent connection speaks is not known, so no version's timer runs.
    let ended = match tokio::time::timeout(limits::HEADER_READ, connection.as_mut()).await {
        Ok(ended) => ended,
        Err(_) if spoken.load(Ordering::Relaxed) => connection.await,
        Err(_) => return,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Answers whatever happens, unless the site wants no answer.
async fn guarded<S: Site>(
    site: Arc<S>,
    request: Request<Incoming>,
) -> Result<Response<Outgoing>, NoAnswer> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    // In a place of its own: hyper keeps room for what answers from a connection's beginning to its end.
    let responded = Box::pin(site.clone().respond(request));
    let response = if reads {
        AssertUnwindSafe(responded).catch_unwind().await
    } else {
        AssertUnwindSafe(ToTheEnd::of(responded))
            .catch_unwind()
            .await
    };
    // The panic itself is in the log already, with its place.
    response.unwrap_or_else(|_| Ok(site.fault()))
}

/// Says when it was answered. hyper would too, but the latest moment that it has seen: for a day a day too late, when
/// the clock was set back by one.
fn date(response: &mut Response<Outgoing>, now: Timestamp) {
    let said = DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
    let value = said.ok().and_then(|it| HeaderValue::from_str(&it).ok());
    if let Some(value) = value {
        response.headers_mut().entry(header::DATE).or_insert(value);
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // A little more than the limits themselves, so that we answer, and not hyper.
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEADER_READ)
        .max_headers(2 * limits::HEADERS)
        .max_buf_size(2 * limits::HEADER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(2 * limits::HEADER_BYTES).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits::STREAMS)
        .keep_alive_interval(limits::PING);
    builder
}
