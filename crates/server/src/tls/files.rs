//! The files of a certificate and its key.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    InconsistentKeys,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use sandkasse_domain::Timestamp;

/// What helps whoever has no certificate.
const REMEDY: &str = "`sandkasse certs` makes a certificate and its key for this machine";

/// Where a certificate and its key are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// What the two files hold.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Texts {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl TlsFiles {
    pub(super) fn texts(&self) -> Result<Texts, String> {
        Ok(Texts {
            certificate: read(&self.certificate, "--tls-cert")?,
            key: read(&self.key, "--tls-key")?,
        })
    }

    /// The certificate, those between it and its authority, and its key.
    pub(super) fn certified(&self, texts: &Texts) -> Result<Arc<CertifiedKey>, String> {
        let (certificate, key) = (self.certificate.display(), self.key.display());
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&texts.certificate).collect();
        let chain = chain
            .map_err(|error| format!("--tls-cert: {certificate} is damaged: {error}. {REMEDY}"))?;
        if chain.is_empty() {
            return Err(format!(
                "--tls-cert: {certificate} holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----. {REMEDY}"
            ));
        }
        let parsed = PrivateKeyDer::from_pem_slice(&texts.key).map_err(|_| {
            format!(
                "--tls-key: {key} holds no key in PEM without a password, which begins with -----BEGIN PRIVATE KEY-----. {REMEDY}"
            )
        })?;
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let certified = CertifiedKey::from_der(chain, parsed, &provider);
        certified.map(Arc::new).map_err(|error| {
            if error == InconsistentKeys::KeyMismatch.into() {
                format!(
                    "{key} is not the key of the certificate in {certificate}: name the two that were made together"
                )
            } else {
                format!("{certificate} and {key} cannot be used: {error}. {REMEDY}")
            }
        })
    }

    /// Whoever can read the key can pretend to be this platform.
    pub(super) fn warn_of_others(&self) {
        let mode = fs::metadata(&self.key).map(|found| found.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o077 != 0) {
            tracing::warn!(
                key = %self.key.display(),
                "others on this machine can read the certificate's key: `chmod 600` it"
            );
        }
    }
}

fn read(path: &Path, flag: &str) -> Result<Vec<u8>, String> {
    fs::read(path)
        .map_err(|error| format!("{flag}: cannot read {}: {error}. {REMEDY}", path.display()))
}

/// When a certificate ends, if it says so in a way that can be read.
pub(super) fn end_of(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()
}
