//! A merchant's receiver of callbacks: answers 200 and counts by path.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::Response;
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const PATH: &str = "/callback";

type Counts = Arc<Mutex<HashMap<String, usize>>>;

/// A listening receiver; ends when dropped.
pub(crate) struct Receiver {
    address: SocketAddr,
    counts: Counts,
    task: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let counts = Counts::default();
        let task = tokio::spawn(serve(listener, counts.clone()));
        Ok(Self {
            address,
            counts,
            task,
        })
    }

    /// What sales units name as `callbackPrefix`.
    pub(crate) fn prefix(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }

    /// How many callbacks came about orders whose ids begin so, and the paths of those that came more than once.
    pub(crate) fn received(&self, tag: &str) -> (usize, Vec<String>) {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let prefix = format!("{PATH}/v2/payments/{tag}-");
        let counts = counts.iter().filter(|(path, _)| path.starts_with(&prefix));
        let (mut all, mut twice) = (0, Vec::new());
        for (path, count) in counts {
            all += count;
            if *count > 1 {
                twice.push(format!("callback {path} came {count} times"));
            }
        }
        (all, twice)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, counts: Counts) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let counts = counts.clone();
        tokio::spawn(async move {
            let service = service_fn(|request: http::Request<Incoming>| {
                let path = request.uri().path().to_owned();
                let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
                *counts.entry(path).or_default() += 1;
                std::future::ready(Ok::<_, std::convert::Infallible>(Response::new(Empty::<
                    Bytes,
                >::new(
                ))))
            });
            // A platform that was killed leaves its calls unfinished.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
