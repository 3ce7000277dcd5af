//! What can be wrong with a URL, with the facts an explanation needs. No sentences.

use std::net::{IpAddr, Ipv4Addr};

use crate::address::AddressRule;

/// Why a URL was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields of self-explaining variants")]
pub enum UrlFault {
    /// There is nothing.
    Empty,
    /// Counted in characters.
    TooLong { length: usize, limit: usize },
    /// It is no URL by the rules of the validator.
    Syntax { rule: SyntaxRule },
    /// Not a scheme that is allowed here; plain HTTP to a public host is one such case.
    Scheme { scheme: String },
    /// `localhost` or a name below it.
    LocalHost { host: String },
    /// A name without a dot.
    BareHost { host: String },
    /// The last part of the name is no top-level domain of the public net.
    UnknownTld { host: String, tld: String },
    /// An IPv4 address in a spelling that only some programs understand: `127.1`, `0x7f000001`.
    OddAddress { host: String, means: Ipv4Addr },
    /// An address, written out, that is not public (or never allowed).
    Address { address: IpAddr, rule: AddressRule },
}

/// The rule of the validator that a URL breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SyntaxRule {
    /// A blank or a control character anywhere.
    Blank,
    /// It does not begin with a scheme and `:`.
    NoScheme,
    /// After the scheme there is no `//`.
    NoAuthority,
    /// What stands before `@` is no user information.
    UserInfo,
    /// No host, or characters and lengths that no host name has.
    Host,
    /// Not a number up to 65535.
    Port,
    /// A character that a path may not contain unescaped.
    PathCharacter,
    /// `//` inside the path.
    DoubleSlash,
    /// `..` leads above the root.
    AboveRoot,
}

impl UrlFault {
    /// A short name that stays the same, for catalogues and logs.
    pub fn name(&self) -> &'static str {
        match self {
            UrlFault::Empty => "empty",
            UrlFault::TooLong { .. } => "too-long",
            UrlFault::Syntax { rule } => rule.name(),
            UrlFault::Scheme { .. } => "scheme",
            UrlFault::LocalHost { .. } => "localhost",
            UrlFault::BareHost { .. } => "bare-host",
            UrlFault::UnknownTld { .. } => "unknown-tld",
            UrlFault::OddAddress { .. } => "odd-address",
            UrlFault::Address { rule, .. } => rule.name(),
        }
    }
}

impl SyntaxRule {
    /// A short name that stays the same, for catalogues and logs.
    pub fn name(self) -> &'static str {
        match self {
            SyntaxRule::Blank => "blank",
            SyntaxRule::NoScheme => "no-scheme",
            SyntaxRule::NoAuthority => "no-authority",
            SyntaxRule::UserInfo => "user-info",
            SyntaxRule::Host => "host",
            SyntaxRule::Port => "port-number",
            SyntaxRule::PathCharacter => "path-character",
            SyntaxRule::DoubleSlash => "double-slash",
            SyntaxRule::AboveRoot => "above-root",
        }
    }
}

impl From<SyntaxRule> for UrlFault {
    fn from(rule: SyntaxRule) -> Self {
        UrlFault::Syntax { rule }
    }
}
