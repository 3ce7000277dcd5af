//! Addresses: where a listener is, and how it is written in a URL.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use serde::Deserialize;

/// Where a listener shall be: `127.0.0.1:7480`, `[::1]:7480`, `localhost:7480`; port 0 is a free
/// one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Address(pub(crate) SocketAddr);

impl Address {
    /// A port of 127.0.0.1.
    pub(crate) const fn loopback(port: u16) -> Address {
        Address(SocketAddr::new(
            std::net::IpAddr::V4(Ipv4Addr::LOCALHOST),
            port,
        ))
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Address, String> {
        let numeric = match text.strip_prefix("localhost:") {
            Some(port) => format!("{}:{port}", Ipv4Addr::LOCALHOST),
            None => text.to_owned(),
        };
        numeric.parse().map(Address).map_err(|_| {
            format!("`{text}` is no address: write an IP address and a port, as in 127.0.0.1:7480")
        })
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Address, String> {
        text.parse()
    }
}

/// The public base URL of a listener: `http://127.0.0.1:7480`, without a trailing slash.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct BaseUrl(String);

impl BaseUrl {
    /// Of a listener that is reached without a proxy, and perhaps over TLS. One on all addresses is reached on loopback.
    pub(crate) fn of(bound: SocketAddr, tls: bool) -> BaseUrl {
        let mut reached = bound;
        if bound.ip().is_unspecified() {
            reached.set_ip(match bound {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        let (scheme, usual) = if tls { ("https", 443) } else { ("http", 80) };
        BaseUrl(match (reached, bound.port() == usual) {
            (_, false) => format!("{scheme}://{reached}"),
            // As browsers and clients write it in `Host` and `Origin`.
            (SocketAddr::V4(v4), true) => format!("{scheme}://{}", v4.ip()),
            (SocketAddr::V6(v6), true) => format!("{scheme}://[{}]", v6.ip()),
        })
    }

    /// Whether it begins with `https://`.
    pub(crate) fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, without a port.
    pub(crate) fn host(&self) -> &str {
        host_of(self.authority())
    }

    /// The port, where one is written.
    pub(crate) fn port(&self) -> Option<u16> {
        let port = self.authority().strip_prefix(self.host())?;
        port.strip_prefix(':')?.parse().ok()
    }

    /// Host and port, where one is written.
    pub(crate) fn authority(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }
}

impl FromStr for BaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<BaseUrl, String> {
        let url = text.trim_end_matches('/');
        let rest = url
            .strip_prefix("http://")
            .or_else(|| url.strip_prefix("https://"));
        let plain = |rest: &str| {
            !rest.is_empty() && !rest.contains(|c: char| "?#@\"\\<>".contains(c) || c <= ' ')
        };
        if rest.is_some_and(plain) {
            Ok(BaseUrl(url.to_owned()))
        } else {
            Err(format!(
                "`{text}` is no base URL: write it as in https://test.example.com"
            ))
        }
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = String;

    fn try_from(text: String) -> Result<BaseUrl, String> {
        text.parse()
    }
}

/// The host of `host:port`; brackets of an IPv6 address stay.
pub(crate) fn host_of(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let text = |text: &str| text.parse::<Address>().map(|address| address.0.to_string());
        assert_eq!(text("127.0.0.1:0").as_deref(), Ok("127.0.0.1:0"));
        assert_eq!(text("localhost:7480").as_deref(), Ok("127.0.0.1:7480"));
        assert_eq!(text("[::1]:7480").as_deref(), Ok("[::1]:7480"));
        assert!(
            text("7480").is_err_and(|message| message.contains("`7480` is no address")),
            "and the message says what was wrong"
        );
    }

    #[test]
    fn base_urls_name_an_address_that_can_be_reached() {
        let of = |address: &str| BaseUrl::of(address.parse().unwrap(), false).0;
        assert_eq!(of("127.0.0.1:7480"), "http://127.0.0.1:7480");
        assert_eq!(of("0.0.0.0:7480"), "http://127.0.0.1:7480");
        assert_eq!(of("[::]:7480"), "http://[::1]:7480");
        let over_tls = |address: &str| BaseUrl::of(address.parse().unwrap(), true).0;
        assert_eq!(over_tls("0.0.0.0:7480"), "https://127.0.0.1:7480");
        assert_eq!(over_tls("127.0.0.2:443"), "https://127.0.0.2");
        assert_eq!(over_tls("[::]:443"), "https://[::1]");
        assert_eq!(of("127.0.0.1:80"), "http://127.0.0.1");
        assert_eq!(of("127.0.0.1:443"), "http://127.0.0.1:443");
        let public: BaseUrl = "https://test.example.com/".parse().unwrap();
        assert_eq!(public.as_str(), "https://test.example.com");
        assert_eq!((public.host(), public.port()), ("test.example.com", None));
        let local: BaseUrl = "http://[::1]:8080/x:1".parse().unwrap();
        assert_eq!((local.host(), local.port()), ("[::1]", Some(8080)));
        for bad in ["ftp://x", "test.example.com", "http://", "http://a b"] {
            assert!(bad.parse::<BaseUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn hosts_lose_their_port_only() {
        for (authority, host) in [
            ("127.0.0.1:7482", "127.0.0.1"),
            ("[::1]:7482", "[::1]"),
            ("[::1]", "[::1]"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(host_of(authority), host);
        }
    }
}
