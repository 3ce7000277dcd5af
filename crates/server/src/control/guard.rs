//! Who may use the portal's listener.
//!
//! On loopback a caller needs no credential, so a web page open in the same machine's browser must
//! not get in: a page whose name suddenly leads to 127.0.0.1 is told by its `Host`, one that sends
//! requests across by `Origin` and `Sec-Fetch-Site`. Where a token is set it is asked for as well.
//! There are no CORS headers, so no page of another origin can read an answer.

use http::{HeaderMap, Method, StatusCode, Uri, header};

use super::Problem;
use crate::{address::host_of, config::AdminToken};

/// The hosts by which loopback is called.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// The rules of one installation.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// Besides loopback: the listener's own address, and the name that a proxy is reached by.
    pub(crate) hosts: Vec<String>,
    /// What callers of the control API must send.
    pub(crate) token: Option<AdminToken>,
    /// The listener itself speaks HTTPS, so no page of its own was read over plain HTTP.
    pub(crate) tls: bool,
}

impl Guard {
    /// Refuses requests of pages of other sites.
    pub(crate) fn admit(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), Problem> {
        let forbidden =
            |cause: &str, detail: String| Err(Problem::new(StatusCode::FORBIDDEN, cause, detail));
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        // HTTP/2 has the host in the URI.
        let authority = uri.authority().map(|authority| authority.as_str());
        let Some(authority) = authority.or_else(|| text(header::HOST)) else {
            return forbidden("host_missing", "the request has no `Host`".to_owned());
        };
        let host = host_of(authority);
        let is_known = |known: &str| known.eq_ignore_ascii_case(host);
        if !LOOPBACK.into_iter().any(is_known) && !self.hosts.iter().any(|known| is_known(known)) {
            return forbidden(
                "host_unknown",
                format!(
                    "the portal is not known as `{host}`; call it by its address, or set `portal_url` for a proxy"
                ),
            );
        }
        if let Some(origin) = text(header::ORIGIN) {
            let over_http = origin.strip_prefix("http://").filter(|_| !self.tls);
            let own = over_http.or_else(|| origin.strip_prefix("https://"));
            if !own.is_some_and(|own| own.eq_ignore_ascii_case(authority)) {
                return forbidden(
                    "origin_foreign",
                    format!("pages of `{origin}` may not use the portal"),
                );
            }
        }
        match text(header::HeaderName::from_static("sec-fetch-site")) {
            None | Some("same-origin" | "none") => Ok(()),
            // A link on another site, such as the shop's, may lead to a page.
            Some(_) if is_visit(method, uri, headers) => Ok(()),
            Some(site) => forbidden(
                "cross_site",
                format!("pages of other sites may not use the portal (Sec-Fetch-Site: {site})"),
            ),
        }
    }

    /// Demands the token, where one is set.
    pub(crate) fn authorize(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let sent = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        if sent.is_some_and(|sent| token.is(sent)) {
            return Ok(());
        }
        Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "token_required",
            "send `Authorization: Bearer` with the administrator's token; `sandkasse env` takes it from SANDKASSE_TOKEN",
        ))
    }
}

/// Whether somebody follows a link to a page. The page is shown to them, not to where they come from.
fn is_visit(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    let says = |name, value: &str| {
        let sent = headers.get(header::HeaderName::from_static(name));
        sent.is_some_and(|sent| sent == value)
    };
    method == Method::GET
        && says("sec-fetch-mode", "navigate")
        && says("sec-fetch-dest", "document")
        && !uri.path().starts_with("/control/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(token: Option<&str>) -> Guard {
        Guard {
            hosts: vec!["10.1.2.3".to_owned(), "portal.example.com".to_owned()],
            token: token.map(|token| token.parse().unwrap()),
            tls: false,
        }
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| {
                (
                    header::HeaderName::from_static(name),
                    value.parse().unwrap(),
                )
            })
            .collect()
    }

    fn admitted(lines: &[(&'static str, &str)]) -> Result<(), String> {
        let uri = Uri::from_static("/control/v1/env");
        let admitted = guard(None).admit(&Method::GET, &uri, &headers(lines));
        admitted.map_err(|problem| {
            let problem = serde_json::to_value(problem).unwrap();
            assert_eq!(problem["status"], 403);
            problem["cause"].as_str().unwrap().to_owned()
        })
    }

    /// RELIABILITY S-15: DNS rebinding, and pages in a local browser.
    #[test]
    fn pages_of_other_sites_do_not_get_in() {
        let local = ("host", "127.0.0.1:7482");
        type Row<'a> = (&'a [(&'static str, &'a str)], Result<(), &'a str>);
        let rows: [Row<'_>; 17] = [
            (&[local], Ok(())),
            (&[("host", "localhost:7482")], Ok(())),
            (&[("host", "LOCALHOST")], Ok(())),
            (&[("host", "[::1]:7482")], Ok(())),
            (&[("host", "10.1.2.3:7482")], Ok(())),
            (&[("host", "portal.example.com")], Ok(())),
            (&[], Err("host_missing")),
            (&[("host", "evil.example.com:7482")], Err("host_unknown")),
            (
                &[("host", "127.0.0.1.evil.example.com")],
                Err("host_unknown"),
            ),
            (
                &[("host", "localhost.evil.example.com")],
                Err("host_unknown"),
            ),
            (&[local, ("origin", "http://127.0.0.1:7482")], Ok(())),
            (
                &[local, ("origin", "http://127.0.0.1:3000")],
                Err("origin_foreign"),
            ),
            (
                &[local, ("origin", "https://evil.example.com")],
                Err("origin_foreign"),
            ),
            (&[local, ("origin", "null")], Err("origin_foreign")),
            (&[local, ("sec-fetch-site", "same-origin")], Ok(())),
            (&[local, ("sec-fetch-site", "none")], Ok(())),
            (
                &[local, ("sec-fetch-site", "cross-site")],
                Err("cross_site"),
            ),
        ];
        for (lines, expected) in rows {
            let expected = expected.map_err(str::to_owned);
            assert_eq!(admitted(lines), expected, "{lines:?}");
        }
        let http2 = Uri::from_static("http://127.0.0.1:7482/control/v1/env");
        assert!(
            guard(None)
                .admit(&Method::GET, &http2, &HeaderMap::new())
                .is_ok()
        );
    }

    /// RELIABILITY S-15: behind TLS a page that was read over plain HTTP is somebody else's, also of the same host.
    #[test]
    fn s_15_pages_read_over_plain_http_do_not_get_in_over_https() {
        let guard = Guard {
            tls: true,
            ..guard(None)
        };
        for (host, origin, admitted) in [
            ("127.0.0.1:7482", "https://127.0.0.1:7482", true),
            ("127.0.0.1:7482", "http://127.0.0.1:7482", false),
            ("portal.example.com", "https://portal.example.com", true),
            ("portal.example.com", "http://portal.example.com", false),
            ("portal.example.com", "https://evil.example.com", false),
        ] {
            let lines = headers(&[("host", host), ("origin", origin)]);
            let uri = Uri::from_static("/control/v1/env");
            let got = guard.admit(&Method::POST, &uri, &lines);
            assert_eq!(got.is_ok(), admitted, "{origin} at {host}");
        }
    }

    #[test]
    fn a_token_that_is_set_is_demanded() {
        let guard = guard(Some("0123456789abcdef"));
        let authorized = |value: &str| {
            guard
                .authorize(&headers(&[("authorization", value)]))
                .is_ok()
        };
        assert!(authorized("Bearer 0123456789abcdef"));
        for wrong in [
            "0123456789abcdef",
            "Bearer 0123456789abcdeg",
            "Bearer ",
            "Basic x",
        ] {
            assert!(!authorized(wrong), "{wrong}");
        }
        assert!(guard.authorize(&HeaderMap::new()).is_err());
        assert!(
            super::tests::guard(None)
                .authorize(&HeaderMap::new())
                .is_ok()
        );
    }
}
