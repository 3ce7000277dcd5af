//! Whom the commands believe that call a running platform over HTTPS: the machine's authorities, the one that
//! `sandkasse certs` made here, and one that is named. Nothing switches checking off.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use tokio_rustls::TlsConnector;

use crate::{Ended, certs_command};

/// Whom to believe besides the machine's authorities.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct TrustFlags {
    /// An authority to believe at https:// [default: the one of `sandkasse certs` in .sandkasse/certs, if there]
    #[arg(long, value_name = "FILE", env = "SANDKASSE_CA")]
    ca: Option<PathBuf>,
}

impl TrustFlags {
    /// What calls are made with. `own` is a file whose certificate needs no other proof: what the platform on this machine
    /// shows. Fails when a named file holds no certificate.
    pub(crate) fn connector(&self, own: Option<&Path>) -> Result<TlsConnector, Ended> {
        let mut roots = RootCertStore::empty();
        // Machines carry the odd certificate that no library can read; the others still count.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let made_here = certs_command::authority();
        if let Some(path) = self.ca.as_deref().or(made_here.as_deref()) {
            for certificate in certificates(path).map_err(Ended::WrongUse)? {
                roots
                    .add(certificate)
                    .map_err(|error| Ended::WrongUse(format!("{}: {error}", path.display())))?;
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let failed = |error: &dyn std::error::Error| Ended::Failed(error.to_string());
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?;
        let Some(own) = own else {
            let config = config.with_root_certificates(roots).with_no_client_auth();
            return Ok(TlsConnector::from(Arc::new(config)));
        };
        let own = certificates(own).map_err(Ended::WrongUse)?;
        let others = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = OwnOr {
            own: own.into_iter().next(),
            others: others.build().map_err(|error| failed(&error))?,
        };
        let config = config
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

/// Believes one certificate by whatever name it is called, and others as always.
#[derive(Debug)]
struct OwnOr {
    own: Option<CertificateDer<'static>>,
    others: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for OwnOr {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.own.as_ref().is_some_and(|own| own == shown) {
            return Ok(ServerCertVerified::assertion());
        }
        self.others
            .verify_server_cert(shown, between, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.others
            .verify_tls12_signature(message, shown, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.others
            .verify_tls13_signature(message, shown, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.others.supported_verify_schemes()
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let shown = path.display();
    let text = std::fs::read(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(format!(
            "{shown} holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----"
        )),
        Err(error) => Err(format!("{shown} is damaged: {error}")),
    }
}
