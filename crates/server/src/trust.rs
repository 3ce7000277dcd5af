//! Whom the commands believe that call a running platform over HTTPS: the machine's authorities, the one that
//! `sandkasse certs` made here, and one that is named. Nothing switches checking off.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
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
    /// What calls are made with. Fails when a named file holds no certificate.
    pub(crate) fn connector(&self) -> Result<TlsConnector, Ended> {
        let mut roots = RootCertStore::empty();
        // Machines carry the odd certificate that no library can read; the others still count.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let made_here = certs_command::authority();
        let made_here = Some(made_here.as_path()).filter(|path| path.exists());
        if let Some(path) = self.ca.as_deref().or(made_here) {
            for certificate in certificates(path).map_err(Ended::WrongUse)? {
                roots.add(certificate).map_err(|error| {
                    Ended::WrongUse(format!("--ca: {}: {error}", path.display()))
                })?;
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Ended::Failed(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let shown = path.display();
    let text =
        std::fs::read(path).map_err(|error| format!("--ca: cannot read {shown}: {error}"))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match read {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(format!(
            "--ca: {shown} holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----"
        )),
        Err(error) => Err(format!("--ca: {shown} is damaged: {error}")),
    }
}
