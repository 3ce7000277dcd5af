//! Cuts a URL into its parts and checks their spelling. What a host *is*, `host` says.
//!
//! The cut is the only one in this crate: what is judged at initiate and what is connected to
//! later cannot disagree about where the host begins and ends.

use super::{Scheme, SyntaxRule, UrlFault};

/// A URL in pieces, each as it was written.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) user_info: Option<&'a str>,
    /// Without port; an IPv6 address still in its brackets.
    pub(crate) host: &'a str,
    port: &'a str,
    /// Path, query and fragment.
    pub(crate) rest: &'a str,
}

impl<'a> Parts<'a> {
    /// Fails where no scheme, user information, host and port can be told apart beyond doubt.
    pub(crate) fn cut(text: &'a str) -> Result<Self, SyntaxRule> {
        let scheme = scheme_of(text)?;
        let after = text.get(scheme.len() + 1..).unwrap_or_default();
        let after = after.strip_prefix("//").ok_or(SyntaxRule::NoAuthority)?;
        let (authority, rest) = after.split_at(after.find(['/', '?', '#']).unwrap_or(after.len()));
        let (user_info, place) = match authority.rsplit_once('@') {
            Some((user_info, place)) => (Some(user_info), place),
            None => (None, authority),
        };
        if user_info.is_some_and(|user_info| !is_user_info(user_info)) {
            return Err(SyntaxRule::UserInfo);
        }
        let end = if place.starts_with('[') {
            place.find(']').map(|at| at + 1)
        } else {
            place.find(':')
        };
        let (host, port) = place.split_at(end.unwrap_or(place.len()));
        let port = match port.strip_prefix(':') {
            Some(port) => port,
            None if port.is_empty() => port,
            None => return Err(SyntaxRule::Host),
        };
        if host.is_empty() {
            return Err(if authority.is_empty() {
                SyntaxRule::NoAuthority
            } else {
                SyntaxRule::Host
            });
        }
        Ok(Parts {
            scheme,
            user_info,
            host,
            port,
            rest,
        })
    }

    /// The port; an empty one (`https://example.com:/`) is the scheme's own, as for the validator.
    pub(crate) fn port_number(&self, scheme: Scheme) -> Result<u16, SyntaxRule> {
        if self.port.is_empty() {
            return Ok(scheme.default_port());
        }
        if !self.port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SyntaxRule::Port);
        }
        self.port.parse().map_err(|_| SyntaxRule::Port)
    }

    /// Checks the path. Query and fragment are free-form; blanks were refused by the cut.
    pub(crate) fn check_rest(&self) -> Result<(), UrlFault> {
        let path = self.rest.split(['?', '#']).next().unwrap_or_default();
        if !path
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_:@&=+,.!/~*'%$;()".contains(&byte))
        {
            return Err(SyntaxRule::PathCharacter.into());
        }
        if path.contains("//") {
            return Err(SyntaxRule::DoubleSlash.into());
        }
        let mut depth = 0_i32;
        for segment in path
            .split('/')
            .filter(|segment| !segment.is_empty() && *segment != ".")
        {
            depth += if segment == ".." { -1 } else { 1 };
            if depth < 0 {
                return Err(SyntaxRule::AboveRoot.into());
            }
        }
        Ok(())
    }

    pub(crate) fn scheme_fault(&self) -> UrlFault {
        UrlFault::Scheme {
            scheme: self.scheme.to_ascii_lowercase(),
        }
    }
}

/// The scheme, without its colon, of a text without blanks.
pub(super) fn scheme_of(text: &str) -> Result<&str, SyntaxRule> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(SyntaxRule::Blank);
    }
    let (scheme, _) = text.split_once(':').ok_or(SyntaxRule::NoScheme)?;
    let well_formed = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if well_formed {
        Ok(scheme)
    } else {
        Err(SyntaxRule::NoScheme)
    }
}

/// A URL of an app: `myapp://` and then whatever the app understands.
pub(super) fn check_custom(text: &str) -> Result<(), UrlFault> {
    let scheme = scheme_of(text)?;
    match text.get(scheme.len()..) {
        Some(after) if after.starts_with("://") => Ok(()),
        Some(_) | None => Err(SyntaxRule::NoAuthority.into()),
    }
}

fn is_user_info(text: &str) -> bool {
    let (name, password) = text.split_once(':').unwrap_or((text, ""));
    let fine = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"%-._~!$&'()*+,;=".contains(&byte))
    };
    !name.is_empty() && fine(name) && fine(password)
}
