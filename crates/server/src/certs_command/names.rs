//! Names and addresses by which clients call.

use std::{fmt, net::IpAddr, str::FromStr};

use rcgen::{SanType, string::Ia5String};
use rustls::pki_types::ServerName;

/// A host of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Address(IpAddr),
    /// In lower case; perhaps `*.` before it, for all names one level below.
    Host(String),
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Name, String> {
        if let Ok(address) = text.trim_matches(['[', ']']).parse() {
            return Ok(Name::Address(address));
        }
        let host = text.to_ascii_lowercase();
        let bare = host.strip_prefix("*.").unwrap_or(&host);
        // No client takes a wildcard for all of a top-level domain.
        let is_too_wide = bare != host && !bare.contains('.');
        let is_plain = !is_too_wide
            && !bare.ends_with('.')
            && bare.bytes().any(|byte| byte.is_ascii_alphabetic());
        if is_plain && matches!(ServerName::try_from(bare), Ok(ServerName::DnsName(_))) {
            return Ok(Name::Host(host));
        }
        Err(format!(
            "`{text}` is no host: write a name or an address as in a URL, without a scheme and a port, such as apitest.vipps.no"
        ))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Address(address) => address.fmt(f),
            Name::Host(host) => host.fmt(f),
        }
    }
}

impl Name {
    /// A server that is called so.
    pub(super) fn server(&self) -> Result<ServerName<'static>, String> {
        match self {
            Name::Address(address) => Ok(ServerName::from(*address)),
            Name::Host(host) => {
                ServerName::try_from(host.replace('*', "any")).map_err(|error| error.to_string())
            }
        }
    }

    pub(super) fn in_certificate(&self) -> Result<SanType, String> {
        match self {
            Name::Address(address) => Ok(SanType::IpAddress(*address)),
            Name::Host(host) => Ia5String::try_from(host.as_str())
                .map(SanType::DnsName)
                .map_err(|error| error.to_string()),
        }
    }
}

/// The names of this machine itself, and these.
pub(super) fn with_local(wanted: &[Name]) -> Vec<Name> {
    let mut names: Vec<Name> = ["localhost", "127.0.0.1", "::1"]
        .iter()
        .filter_map(|name| name.parse().ok())
        .collect();
    for name in wanted {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}
