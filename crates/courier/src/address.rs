//! Which addresses the platform may connect to. Pure: no DNS, no sockets.
//!
//! A URL was judged when the merchant gave it; what its name leads to is judged here, each time a
//! call is made, on the very address that is connected to. So a name that changes its address
//! meanwhile gains nothing.
//!
//! Not here: allow-lists of networks. There is one switch, the sales unit's [`UrlPolicy`].

mod networks;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};

use sandkasse_domain::sales_unit::UrlPolicy;

use crate::scheme::Scheme;
use networks::network;

/// Ports that every merchant may listen on.
pub const USUAL_PORTS: [u16; 3] = [80, 443, 8080];

/// Why an address is not connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressRule {
    /// The platform itself listens there.
    OwnListener,
    /// Where clouds tell a machine its secrets. Refused under every policy.
    CloudMetadata,
    /// The machine itself.
    Loopback,
    /// A private network (RFC 1918).
    Private,
    /// Between a provider and its customers (RFC 6598); also private overlays.
    SharedSpace,
    /// A private network (RFC 4193).
    UniqueLocal,
    /// Without a router.
    LinkLocal,
    /// `0.0.0.0/8` and `::`.
    ThisNetwork,
    /// Set aside for protocols: `192.0.0.0/24`, discard-only, segment routing.
    Protocol,
    /// For documents.
    Documentation,
    /// For measurements.
    Benchmark,
    /// Hides an IPv4 address: 6to4, Teredo, NAT64.
    Tunnel,
    /// To many at once.
    Multicast,
    /// Not in use.
    Reserved,
    /// Neither 80, 443, 8080 nor configured, and the host is not local.
    UnusualPort,
    /// Without TLS, and the host is not local.
    PlainHttp,
    /// The connection ended up elsewhere than it was sent.
    OtherPeer,
}

impl AddressRule {
    /// A short name that stays the same, for catalogues and logs.
    pub fn name(self) -> &'static str {
        match self {
            AddressRule::OwnListener => "own-listener",
            AddressRule::CloudMetadata => "cloud-metadata",
            AddressRule::Loopback => "loopback",
            AddressRule::Private => "private-network",
            AddressRule::SharedSpace => "shared-address-space",
            AddressRule::UniqueLocal => "unique-local",
            AddressRule::LinkLocal => "link-local",
            AddressRule::ThisNetwork => "this-network",
            AddressRule::Protocol => "protocol-assignment",
            AddressRule::Documentation => "documentation",
            AddressRule::Benchmark => "benchmark",
            AddressRule::Tunnel => "tunnel",
            AddressRule::Multicast => "multicast",
            AddressRule::Reserved => "reserved",
            AddressRule::UnusualPort => "unusual-port",
            AddressRule::PlainHttp => "plain-http",
            AddressRule::OtherPeer => "other-peer",
        }
    }

    /// Whether it marks a network that a sales unit with [`UrlPolicy::Local`] may reach.
    fn is_home(self) -> bool {
        use AddressRule as R;
        match self {
            R::Loopback | R::Private | R::SharedSpace | R::UniqueLocal => true,
            R::OwnListener | R::CloudMetadata | R::LinkLocal | R::ThisNetwork | R::Protocol => {
                false
            }
            R::Documentation | R::Benchmark | R::Tunnel | R::Multicast | R::Reserved => false,
            R::UnusualPort | R::PlainHttp | R::OtherPeer => false,
        }
    }
}

/// Judges an address that a call is about to connect to.
///
/// `own` are the platform's listeners; one on `0.0.0.0` or `::` counts for all of loopback. (On
/// the machine's other addresses it is recognised after connecting, before anything is sent.)
///
/// # Errors
///
/// The rule that forbids it.
pub fn judge_address(
    addr: SocketAddr,
    policy: UrlPolicy,
    own: &[SocketAddr],
) -> Result<(), AddressRule> {
    let ip = addr.ip().to_canonical();
    let is_own = |own: &SocketAddr| {
        own.port() == addr.port()
            && (own.ip().to_canonical() == ip
                || own.ip().is_unspecified() && (ip.is_loopback() || ip.is_unspecified()))
    };
    if own.iter().any(is_own) {
        return Err(AddressRule::OwnListener);
    }
    judge_ip(ip, policy)
}

/// Judges the address alone.
///
/// # Errors
///
/// The rule that forbids it.
pub fn judge_ip(ip: IpAddr, policy: UrlPolicy) -> Result<(), AddressRule> {
    match (network(ip.to_canonical()), policy) {
        (None, _) => Ok(()),
        (Some(rule), UrlPolicy::Local) if rule.is_home() => Ok(()),
        (Some(rule), UrlPolicy::Strict | UrlPolicy::Local) => Err(rule),
    }
}

/// Judges how a permitted address is spoken to: on which port, with TLS or without.
///
/// # Errors
///
/// The rule that forbids it. Nothing is forbidden for local hosts of a unit with the local policy.
pub fn judge_manner(
    addr: SocketAddr,
    scheme: Scheme,
    policy: UrlPolicy,
    more_ports: &[u16],
) -> Result<(), AddressRule> {
    if policy == UrlPolicy::Local
        && network(addr.ip().to_canonical()).is_some_and(AddressRule::is_home)
    {
        return Ok(());
    }
    if scheme == Scheme::Http {
        return Err(AddressRule::PlainHttp);
    }
    if !USUAL_PORTS.contains(&addr.port()) && !more_ports.contains(&addr.port()) {
        return Err(AddressRule::UnusualPort);
    }
    Ok(())
}
