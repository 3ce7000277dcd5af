//! The authority: made once, read again whenever a certificate is made.

use std::{fs, io::ErrorKind, net::IpAddr, os::unix::fs::PermissionsExt, path::Path};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, GeneralSubtree, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, NameConstraints, PublicKeyData,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use sandkasse_domain::Timestamp;
use x509_parser::{certificate::X509Certificate, parse_x509_certificate};

use super::{AUTHORITY_LASTS, BEFORE, Files, moment, names::Name};

/// What each authority of ours is called, before the machine's name.
const NAME: &str = "Sandkasse local authority, ";
/// No common name is longer (RFC 5280, ub-common-name).
const LONGEST_NAME: usize = 64;
/// Hosts that an authority vouches for, with all below: those that lead nowhere else, and the platform's own.
const HOSTS: [&str; 7] = [
    "localhost",
    "test",
    "local",
    "internal",
    "home.arpa",
    "vipps.no",
    "vippsmobilepay.com",
];
/// Networks that an authority vouches for: loopback, private, link-local.
const NETWORKS: [(&str, u8); 8] = [
    ("127.0.0.0", 8),
    ("10.0.0.0", 8),
    ("172.16.0.0", 12),
    ("192.168.0.0", 16),
    ("169.254.0.0", 16),
    ("::1", 128),
    ("fc00::", 7),
    ("fe80::", 10),
];

/// An authority with its key.
pub(super) struct Authority {
    pub(super) name: String,
    pub(super) certificate: CertificateDer<'static>,
    pub(super) until: Timestamp,
    pub(super) issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    /// A new one, which may vouch for `names` and for what is local.
    pub(super) fn make(host: &str, names: &[Name], now: Timestamp) -> Result<Authority, String> {
        let failed = |error: rcgen::Error| error.to_string();
        let mut name = NAME.to_owned();
        let host = host.chars().filter(char::is_ascii_graphic);
        name.extend(host.take(LONGEST_NAME - NAME.len()));
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, name.as_str());
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = moment(now - BEFORE)?;
        params.not_after = moment(now + AUTHORITY_LASTS)?;
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: permitted(names),
            excluded_subtrees: Vec::new(),
        });
        let key = KeyPair::generate().map_err(failed)?;
        let made = params.self_signed(&key).map_err(failed)?;
        Ok(Authority {
            name,
            certificate: made.der().clone(),
            until: now + AUTHORITY_LASTS,
            pem: made.pem(),
            issuer: Issuer::new(params, key),
        })
    }

    /// The one that lies there. Fails when what lies there is not an authority that was made here, or is not whole.
    pub(super) fn read(files: &Files) -> Result<Option<Authority>, String> {
        let (path, key_path) = (&files.authority, &files.authority_key);
        let (shown, key_shown) = (path.display(), key_path.display());
        let (pem, key_pem) = match (text(path)?, text(key_path)?) {
            (Some(pem), Some(key_pem)) => (pem, key_pem),
            (None, None) => {
                for other in [&files.certificate, &files.key] {
                    if other.exists() {
                        return Err(foreign(other));
                    }
                }
                return Ok(None);
            }
            (Some(_), None) => {
                return Err(format!(
                    "{shown} has no key: put {key_shown} back, or move the folder away and run this again, which makes a new \
                     authority"
                ));
            }
            (None, Some(_)) => return Err(foreign(key_path)),
        };
        let mode = fs::metadata(key_path).map(|found| found.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o077 != 0) {
            return Err(format!(
                "{key_shown} can be read by others, who could vouch for any of its names: `chmod 600` it if that was so by \
                 mistake only, else move the folder away and run this again"
            ));
        }
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).ok();
        let certificate = certificate.ok_or_else(|| foreign(path))?;
        let (_, parsed) = parse_x509_certificate(&certificate).map_err(|_| foreign(path))?;
        let name = common_name(&parsed);
        let name = name.filter(|name| name.starts_with(NAME));
        let name = name.ok_or_else(|| foreign(path))?;
        let key = KeyPair::from_pem(&key_pem).map_err(|_| foreign(key_path))?;
        if parsed.public_key().subject_public_key.data != key.der_bytes() {
            return Err(foreign(key_path));
        }
        let until = Timestamp::from_second(parsed.validity().not_after.timestamp())
            .map_err(|error| error.to_string())?;
        let issuer = Issuer::from_ca_cert_der(&certificate, key)
            .map_err(|error| format!("{shown}: {error}"))?;
        Ok(Some(Authority {
            name,
            until,
            issuer,
            pem,
            certificate: certificate.clone().into_owned(),
        }))
    }

    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }
}

/// Everything of which it is said what may be vouched for, is: a name of the other kind would not be limited else.
fn permitted(names: &[Name]) -> Vec<GeneralSubtree> {
    let hosts = HOSTS.iter().map(|host| (*host).to_owned());
    let networks = NETWORKS
        .iter()
        .filter_map(|(address, prefix)| Some((address.parse::<IpAddr>().ok()?, *prefix)));
    let mut permitted: Vec<_> = hosts.map(GeneralSubtree::DnsName).collect();
    let network = |(address, prefix)| {
        GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, prefix))
    };
    permitted.extend(networks.map(network));
    permitted.extend(names.iter().map(|name| match name {
        Name::Address(address) => network((*address, if address.is_ipv4() { 32 } else { 128 })),
        Name::Host(host) => {
            GeneralSubtree::DnsName(host.strip_prefix("*.").unwrap_or(host).to_owned())
        }
    }));
    permitted
}

fn common_name(certificate: &X509Certificate<'_>) -> Option<String> {
    let name = certificate.subject().iter_common_name().next()?;
    name.as_str().ok().map(str::to_owned)
}

fn text(path: &Path) -> Result<Option<String>, String> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::InvalidData => Err(foreign(path)),
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    }
}

/// What is said about a file that this command did not make.
pub(super) fn foreign(path: &Path) -> String {
    format!(
        "{} was not made by this command, or not with what lies beside it, and is left as it is: move it away, or name \
         another folder with `--to FOLDER`",
        path.display()
    )
}
