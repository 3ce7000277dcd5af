//! Single calls of the commands that ask a running platform: HTTP/1.1, over TLS where its URL says so, one connection.

use std::{io, path::Path, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::TlsConnector;

use crate::{Ended, address::BaseUrl, tls::SPEAK_HTTPS, trust::TrustFlags};

/// The platform answers within this time, or not at all.
const LIMIT: Duration = Duration::from_secs(10);
/// No answer of the control API to [`get`] is longer.
const LONGEST: usize = 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// Nobody listens there.
    #[error("{0}")]
    NotThere(io::Error),
    /// Whoever answers there cannot prove who it is.
    #[error("{0}")]
    NotTrusted(io::Error),
    /// It is no HTTP, or too slow.
    #[error("{0}")]
    Broken(String),
}

/// Where a server is: authority, and the path that everything is below.
pub(crate) struct Door {
    authority: String,
    host: String,
    folder: String,
    tls: Option<TlsConnector>,
    /// As it was given.
    shown: String,
    /// What somebody does who meant another one.
    otherwise: &'static str,
}

impl Door {
    /// The platform whose portal has this base URL.
    pub(crate) fn of(base: &BaseUrl, trust: &TrustFlags) -> Result<Door, Ended> {
        Door::showing(base, trust, None)
    }

    /// The same for an address that no `--portal` names.
    pub(crate) fn with(
        otherwise: &'static str,
        base: &BaseUrl,
        trust: &TrustFlags,
    ) -> Result<Door, Ended> {
        let door = Door::of(base, trust)?;
        Ok(Door { otherwise, ..door })
    }

    /// The same for a platform of this machine that shows the certificate in this file: see [`TrustFlags::connector`].
    pub(crate) fn showing(
        base: &BaseUrl,
        trust: &TrustFlags,
        own: Option<&Path>,
    ) -> Result<Door, Ended> {
        let shown = base.as_str().to_owned();
        let rest = shown.split_once("://").map_or("", |(_, rest)| rest);
        let folder = rest.strip_prefix(base.authority()).unwrap_or_default();
        Ok(Door {
            authority: base.authority().to_owned(),
            host: base.host().to_owned(),
            folder: folder.to_owned(),
            tls: base.is_https().then(|| trust.connector(own)).transpose()?,
            shown,
            otherwise: "say where its portal is with `--portal URL`",
        })
    }

    /// One short GET below `/control/v1`.
    pub(crate) async fn get(
        &self,
        path: &str,
        token: Option<&str>,
    ) -> Result<(StatusCode, Bytes), Ended> {
        self.fetch(&format!("/control/v1{path}"), token).await
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
        let sent = self.send(method, &path, token, body).await;
        sent.map_err(|error| self.ended(&error))
    }

    /// One short GET below the base URL.
    pub(crate) async fn fetch(
        &self,
        path: &str,
        token: Option<&str>,
    ) -> Result<(StatusCode, Bytes), Ended> {
        let path = format!("{}{path}", self.folder);
        let exchange = async {
            let mut answer = self.send(Method::GET, &path, token, Bytes::new()).await?;
            let body = Limited::new(&mut answer.body, LONGEST)
                .collect()
                .await
                .map_err(|error| NoAnswer::Broken(error.to_string()))?;
            Ok((answer.status, body.to_bytes()))
        };
        tokio::time::timeout(LIMIT, exchange)
            .await
            .unwrap_or_else(|_| Err(NoAnswer::Broken(format!("no answer within {LIMIT:?}"))))
            .map_err(|error| self.ended(&error))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Bytes,
    ) -> Result<Answer, NoAnswer> {
        let broken = |error: &dyn std::error::Error| NoAnswer::Broken(error.to_string());
        let stream = self.connect().await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(&error))?;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.authority);
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

    async fn connect(&self) -> Result<Box<dyn Stream>, NoAnswer> {
        let address = match (self.host == self.authority, &self.tls) {
            (false, _) => self.authority.clone(),
            (true, None) => format!("{}:80", self.authority),
            (true, Some(_)) => format!("{}:443", self.authority),
        };
        let stream = TcpStream::connect(address)
            .await
            .map_err(NoAnswer::NotThere)?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let host = self.host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host)
            .map_err(|error| NoAnswer::NotTrusted(io::Error::other(error)))?;
        let stream = tls.connect(name, stream).await;
        Ok(Box::new(stream.map_err(NoAnswer::NotTrusted)?))
    }

    fn ended(&self, error: &NoAnswer) -> Ended {
        let (portal, otherwise) = (&self.shown, self.otherwise);
        Ended::Failed(match error {
            NoAnswer::NotThere(error) => format!(
                "no platform at {portal} ({error}): start one with `sandkasse`, or {otherwise}"
            ),
            NoAnswer::NotTrusted(error) => format!(
                "{portal} speaks no HTTPS that can be trusted ({error}): run this where `sandkasse certs` made the authority, \
                 or name its certificate with `--ca FILE` or SANDKASSE_CA"
            ),
            NoAnswer::Broken(error) => {
                format!("{portal} does not answer as a platform does: {error}")
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
            Err(_) if body == SPEAK_HTTPS.as_bytes() => {
                let rest = self.shown.trim_start_matches("http://");
                format!("the portal at {rest} speaks HTTPS: name it with `--portal https://{rest}`")
            }
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

/// A connection, over TLS or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
