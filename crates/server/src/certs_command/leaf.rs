//! The certificate that the listeners show.

use std::{fs, sync::Arc};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
};
use rustls::{
    CertificateError, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{CertificateDer, UnixTime, pem::PemObject},
};
use sandkasse_domain::Timestamp;
use x509_parser::parse_x509_certificate;

use super::{
    BEFORE, Files, LEAF_LASTS,
    authority::{Authority, foreign},
    moment,
    names::Name,
};

/// A certificate and its key, in PEM.
pub(super) struct Leaf {
    pub(super) certificate: String,
    pub(super) key: String,
    pub(super) until: Timestamp,
}

/// Makes one, and looks at it as a client would.
pub(super) fn make(authority: &Authority, names: &[Name], now: Timestamp) -> Result<Leaf, String> {
    let failed = |error: rcgen::Error| error.to_string();
    let until = authority.until.min(now + LEAF_LASTS);
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Sandkasse");
    for name in names {
        params.subject_alt_names.push(name.in_certificate()?);
    }
    params.not_before = moment(now - BEFORE)?;
    params.not_after = moment(until)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().map_err(failed)?;
    let made = params.signed_by(&key, &authority.issuer).map_err(failed)?;
    for name in names {
        verify(authority, made.der(), name, now)?;
    }
    Ok(Leaf {
        certificate: made.pem(),
        key: key.serialize_pem(),
        until,
    })
}

/// Whether a client that believes the authority believes the certificate.
fn verify(
    authority: &Authority,
    certificate: &CertificateDer<'_>,
    name: &Name,
    now: Timestamp,
) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    roots
        .add(authority.certificate.clone())
        .map_err(|error| error.to_string())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| error.to_string())?;
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let verified = verifier.verify_server_cert(certificate, &[], &name.server()?, &[], at);
    let Err(error) = verified else { return Ok(()) };
    let has_ended = matches!(
        error,
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. }
        )
    );
    let name_of = &authority.name;
    Err(if has_ended {
        format!(
            "{name_of} has expired: move its folder away and run this again, which makes a new one that clients have to be \
             told of"
        )
    } else {
        format!(
            "{name_of} may not vouch for {name}: it is for local names, private networks, vipps.no and what it was made with. \
             Move its folder away and run this again with all names, which makes a new authority, or name another folder with \
             `--to FOLDER` ({error})"
        )
    })
}

/// Whether what lies there may be replaced: nothing, or a certificate of this authority with a key.
pub(super) fn is_ours(files: &Files, authority: &Authority) -> Result<(), String> {
    let path = &files.certificate;
    if !path.exists() {
        return match files.key.exists() {
            true => Err(foreign(&files.key)),
            false => Ok(()),
        };
    }
    let pem = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let certificate = CertificateDer::from_pem_slice(&pem).map_err(|_| foreign(path))?;
    let signed = parse_x509_certificate(&certificate)
        .ok()
        .zip(parse_x509_certificate(&authority.certificate).ok());
    let is_ours = signed.is_some_and(|((_, leaf), (_, above))| {
        leaf.issuer() == above.subject() && leaf.verify_signature(Some(above.public_key())).is_ok()
    });
    if is_ours { Ok(()) } else { Err(foreign(path)) }
}
