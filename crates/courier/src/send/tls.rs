//! TLS of calls: the machine's authorities, plus configured ones. Nothing switches checking off.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sandkasse_store::CallFailure;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::detail;
use crate::url::Host;

/// Whom we believe. Read from the machine at the first call over TLS, then kept.
pub(super) struct Trust {
    authorities: Vec<CertificateDer<'static>>,
    config: OnceCell<Result<Arc<ClientConfig>, String>>,
}

impl Trust {
    pub(super) fn new(authorities: Vec<CertificateDer<'static>>) -> Self {
        Trust {
            authorities,
            config: OnceCell::new(),
        }
    }

    /// Reads the authorities unless they are there.
    pub(super) async fn prepare(&self) -> &Result<Arc<ClientConfig>, String> {
        self.config
            .get_or_init(|| async {
                let authorities = self.authorities.clone();
                let loaded = tokio::task::spawn_blocking(move || load(authorities)).await;
                loaded.unwrap_or_else(|error| Err(error.to_string()))
            })
            .await
    }

    pub(super) async fn handshake(
        &self,
        stream: TcpStream,
        host: &Host,
    ) -> Result<TlsStream<TcpStream>, CallFailure> {
        let failed = |detail: String| CallFailure::Tls { detail };
        let config = self.prepare().await.clone().map_err(failed)?;
        let name = match host {
            Host::Address(address) => ServerName::IpAddress((*address).into()),
            Host::Name(name) => ServerName::try_from(name.trim_end_matches('.').to_owned())
                .map_err(|error| failed(error.to_string()))?,
        };
        TlsConnector::from(config)
            .connect(name, stream)
            .await
            .map_err(|error| failed(detail(&error)))
    }
}

fn load(authorities: Vec<CertificateDer<'static>>) -> Result<Arc<ClientConfig>, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // Machines carry the odd certificate that no library can read; the others still count.
    let (trusted, _unreadable) = roots.add_parsable_certificates(found.certs);
    for authority in authorities {
        roots
            .add(authority)
            .map_err(|error| format!("configured authority: {error}"))?;
    }
    if trusted == 0 {
        tracing::warn!(errors = ?found.errors, "the machine trusts no certificate authority, calls over TLS will fail");
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
