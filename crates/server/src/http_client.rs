//! Single calls of the commands that ask a running platform: HTTP/1.1 without TLS, one connection.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinHandle};

use crate::{Ended, address::BaseUrl};

/// The platform answers within this time, or not at all.
const LIMIT: Duration = Duration::from_secs(10);
/// No answer of the control API to [`get`] is longer.
const LONGEST: usize = 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// Nobody listens there.
    #[error("{0}")]
    NotThere(std::io::Error),
    /// It is no HTTP, or too slow.
    #[error("{0}")]
    Broken(String),
}

/// Where a portal is: authority, and the path that everything is below.
pub(crate) struct Door {
    authority: String,
    folder: String,
    /// As it was given.
    shown: String,
}

impl Door {
    /// The portal behind a base URL; only `http://` is spoken.
    pub(crate) fn of(portal: &BaseUrl) -> Result<Door, Ended> {
        let shown = portal.as_str().to_owned();
        let Some(authority) = shown.strip_prefix("http://") else {
            return Err(Ended::WrongUse(format!(
                "{shown}: only http:// is spoken here; name the portal's own address with `--portal`"
            )));
        };
        let (authority, folder) = match authority.split_once('/') {
            Some((authority, folder)) => (authority.to_owned(), format!("/{folder}")),
            None => (authority.to_owned(), String::new()),
        };
        Ok(Door {
            authority,
            folder,
            shown,
        })
    }

    /// One short GET below `/control/v1`.
    pub(crate) async fn get(
        &self,
        path: &str,
        token: Option<&str>,
    ) -> Result<(StatusCode, Bytes), Ended> {
        let path = format!("{}/control/v1{path}", self.folder);
        let answer = get(&self.authority, &path, token).await;
        answer.map_err(|error| self.ended(&error))
    }

    /// One call whose answer may be long and may take its time.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Bytes,
    ) -> Result<Answer, Ended> {
        let path = format!("{}/control/v1{path}", self.folder);
        let sent = send(&self.authority, method, &path, token, body).await;
        sent.map_err(|error| self.ended(&error))
    }

    fn ended(&self, error: &NoAnswer) -> Ended {
        let portal = &self.shown;
        Ended::Failed(match error {
            NoAnswer::NotThere(error) => format!(
                "no platform at {portal} ({error}): start one with `sandkasse`, or say where its portal is with `--portal URL`"
            ),
            NoAnswer::Broken(error) => {
                format!("{portal} does not answer as a portal does: {error}")
            }
        })
    }

    /// What an answer that is none of the expected ones says.
    pub(crate) fn refused(&self, status: StatusCode, body: &[u8]) -> Ended {
        #[derive(serde::Deserialize)]
        struct Problem {
            detail: String,
        }
        Ended::Failed(match serde_json::from_slice::<Problem>(body) {
            Ok(problem) => problem.detail,
            Err(_) => format!(
                "{} is no portal of sandkasse (status {status}): name its address with `--portal`",
                self.shown
            ),
        })
    }
}

/// An answer as it comes.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    body: Incoming,
    driver: JoinHandle<hyper::Result<()>>,
}

impl Answer {
    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Ended> {
        while let Some(frame) = self.body.frame().await {
            let frame =
                frame.map_err(|error| Ended::Failed(format!("the answer broke off: {error}")))?;
            if let Ok(piece) = frame.into_data() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// All that is left of it.
    pub(crate) async fn rest(mut self) -> Result<Vec<u8>, Ended> {
        let mut all = Vec::new();
        while let Some(piece) = self.next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Asks `http://host:port` for a path.
pub(crate) async fn get(
    authority: &str,
    path: &str,
    token: Option<&str>,
) -> Result<(StatusCode, Bytes), NoAnswer> {
    let exchange = async {
        let answer = send(authority, Method::GET, path, token, Bytes::new()).await?;
        let status = answer.status;
        let mut answer = answer;
        let body = Limited::new(&mut answer.body, LONGEST)
            .collect()
            .await
            .map_err(|error| NoAnswer::Broken(error.to_string()))?;
        Ok((status, body.to_bytes()))
    };
    tokio::time::timeout(LIMIT, exchange)
        .await
        .unwrap_or_else(|_| Err(NoAnswer::Broken(format!("no answer within {LIMIT:?}"))))
}

async fn send(
    authority: &str,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Bytes,
) -> Result<Answer, NoAnswer> {
    let broken = |error: &dyn std::error::Error| NoAnswer::Broken(error.to_string());
    let has_port = crate::address::host_of(authority) != authority;
    let address = if has_port {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let stream = TcpStream::connect(address)
        .await
        .map_err(NoAnswer::NotThere)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, authority);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request
        .body(Full::new(body))
        .map_err(|error| broken(&error))?;
    // How it ended is told to the request.
    let driver = tokio::spawn(connection);
    let response = sender
        .send_request(request)
        .await
        .map_err(|error| broken(&error))?;
    let (parts, body) = response.into_parts();
    Ok(Answer {
        status: parts.status,
        body,
        driver,
    })
}
