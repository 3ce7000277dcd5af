//! TLS of the listeners: which certificate is shown, and that a replaced one is taken in.
//!
//! How a connection gets through its handshake is in [`crate::listener`]; how a certificate for this machine is made, in
//! [`crate::certs_command`].

mod files;
mod plain;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::SignedDuration;
use parking_lot::{Mutex, RwLock};
use rustls::{
    ServerConfig,
    client::verify_server_name,
    pki_types::ServerName,
    server::{ClientHello, ParsedCertificate, ResolvesServerCert},
    sign::CertifiedKey,
};
use sandkasse_engine::WallClock;
use tokio_rustls::TlsAcceptor;

pub(crate) use files::TlsFiles;
pub(crate) use plain::{SPEAK_HTTPS, turn_away};

use crate::address::BaseUrl;
use files::Texts;

/// How often the files are looked at.
const LOOK_EVERY: SignedDuration = SignedDuration::from_mins(1);
/// Whether a certificate that ends so soon is worth a line in the log.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);
/// HTTP/2 where the client can, as the platform itself does.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// What all listeners of a process show.
pub(crate) struct Tls {
    files: TlsFiles,
    shown: Arc<Shown>,
    /// What the files held when they were looked at last, good or bad.
    seen: Mutex<Texts>,
    acceptor: TlsAcceptor,
}

/// The certificate that handshakes of this moment get.
struct Shown(RwLock<Arc<CertifiedKey>>);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shown")
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().clone())
    }
}

impl Tls {
    /// Reads the files. Fails when they hold no certificate with its key; the text says what to do.
    pub(crate) fn open(files: TlsFiles, clock: &dyn WallClock) -> Result<Tls, String> {
        let texts = files.texts()?;
        let key = files.certified(&texts)?;
        files.warn_of_others();
        warn_of_end(&key, clock);
        let shown = Arc::new(Shown(RwLock::new(key)));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        Ok(Tls {
            files,
            shown,
            seen: Mutex::new(texts),
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    /// For one handshake.
    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Whether clients that call a host find it in the certificate.
    pub(crate) fn is_for(&self, url: &BaseUrl) -> bool {
        let host = url.host().trim_matches(['[', ']']);
        let key = self.shown.0.read().clone();
        let name = ServerName::try_from(host);
        let parsed = key.cert.first().map(ParsedCertificate::try_from);
        let (Ok(name), Some(Ok(certificate))) = (name, parsed) else {
            return false;
        };
        verify_server_name(&certificate, &name).is_ok()
    }

    /// Tells whoever runs it that clients will refuse the certificate at a base URL.
    pub(crate) fn warn_of(&self, url: &BaseUrl) {
        tracing::warn!(
            url = url.as_str(),
            certificate = %self.files.certificate.display(),
            "the certificate is not for this host: `sandkasse certs NAME` makes one that is, or say by which name clients \
             call, with test_url, production_url and portal_url"
        );
    }

    /// Takes in what was replaced. Something broken, or half replaced, leaves the old one in use; it is told once.
    fn look(&self, clock: &dyn WallClock) {
        let texts = self.files.texts();
        let now = match &texts {
            Ok(texts) => texts.clone(),
            Err(_) => Texts::default(),
        };
        if std::mem::replace(&mut *self.seen.lock(), now.clone()) == now {
            return;
        }
        match texts.and_then(|texts| self.files.certified(&texts)) {
            Ok(key) => {
                tracing::info!("the certificate was replaced, new connections get the new one");
                self.files.warn_of_others();
                warn_of_end(&key, clock);
                *self.shown.0.write() = key;
            }
            Err(error) => {
                tracing::warn!(
                    error,
                    "the replaced certificate is not used, the old one is"
                );
            }
        }
    }
}

/// Looks at the files again and again, where there are some.
pub(crate) async fn keep_fresh(tls: Option<Arc<Tls>>, clock: Arc<dyn WallClock>) {
    let Some(tls) = tls else { return };
    loop {
        clock.sleep_until(clock.now() + LOOK_EVERY).await;
        let (tls, clock) = (tls.clone(), clock.clone());
        let looked = tokio::task::spawn_blocking(move || tls.look(&*clock)).await;
        if let Err(error) = looked {
            tracing::error!(%error, "the certificate could not be looked at");
        }
    }
}

/// Tells when clients refuse the certificate, or soon will.
fn warn_of_end(key: &CertifiedKey, clock: &dyn WallClock) {
    let Some(end) = key.cert.first().and_then(|it| files::end_of(it)) else {
        return;
    };
    let now = clock.now();
    if end < now {
        tracing::warn!(%end, "the certificate has expired, so clients refuse it; `sandkasse certs` renews its own");
    } else if end < now + SOON {
        tracing::warn!(%end, "the certificate expires soon; `sandkasse certs` renews its own");
    }
}
