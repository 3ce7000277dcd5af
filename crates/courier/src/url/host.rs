//! Says what kind of host a URL names: an address, a public name, or one of the local net.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sandkasse_domain::sales_unit::UrlPolicy;

use super::{Host, SyntaxRule, UrlFault, idn};
use crate::address;

/// Top-level domains that never lead out of the local net: RFC 2606 and 6761 (test, example,
/// invalid, localhost), RFC 6762 with its appendix G (local, intranet, internal, private, corp,
/// home, lan), and what routers hand out by habit (localdomain).
const RESERVED_TLDS: [&str; 12] = [
    "corp",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "private",
    "test",
];

/// Below a real top-level domain, yet local: RFC 8375.
const RESERVED_DOMAIN: &str = "home.arpa";

/// In the public suffix list, but in no DNS.
const NOT_IN_DNS: [&str; 1] = ["onion"];

const MAX_NAME_BYTES: usize = 253;
const MAX_LABEL_BYTES: usize = 63;

/// The host, and what the strict policy has against it if it is fine for the local one only.
pub(super) fn judge(text: &str) -> Result<(Host, Option<UrlFault>), UrlFault> {
    if let Some(bracketed) = text.strip_prefix('[') {
        let address = bracketed
            .strip_suffix(']')
            .and_then(|inner| inner.parse::<Ipv6Addr>().ok());
        return judge_address(address.ok_or(SyntaxRule::Host)?.into());
    }
    let name = idn::to_ascii(text).ok_or(SyntaxRule::Host)?;
    if let Ok(address) = name.parse::<Ipv4Addr>() {
        return judge_address(address.into());
    }
    if let Some(means) = odd_ipv4(name.strip_suffix('.').unwrap_or(&name)) {
        return Err(UrlFault::OddAddress { host: name, means });
    }
    let not_public = judge_name(&name)?;
    Ok((Host::Name(name), not_public))
}

fn judge_address(address: IpAddr) -> Result<(Host, Option<UrlFault>), UrlFault> {
    let fault = |rule| UrlFault::Address { address, rule };
    address::judge_ip(address, UrlPolicy::Local).map_err(fault)?;
    let not_public = address::judge_ip(address, UrlPolicy::Strict)
        .err()
        .map(fault);
    Ok((Host::Address(address), not_public))
}

fn judge_name(name: &str) -> Result<Option<UrlFault>, UrlFault> {
    let bare = name.strip_suffix('.').unwrap_or(name);
    if name.len() > MAX_NAME_BYTES || !bare.split('.').all(is_label) {
        return Err(SyntaxRule::Host.into());
    }
    let host = || name.to_owned();
    let Some((_, tld)) = bare.rsplit_once('.') else {
        return Ok(Some(if bare == "localhost" {
            UrlFault::LocalHost { host: host() }
        } else {
            UrlFault::BareHost { host: host() }
        }));
    };
    if !tld.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err(SyntaxRule::Host.into());
    }
    if tld == "localhost" {
        return Ok(Some(UrlFault::LocalHost { host: host() }));
    }
    let unknown = UrlFault::UnknownTld {
        host: host(),
        tld: tld.to_owned(),
    };
    if RESERVED_TLDS.contains(&tld) || is_at_or_below(bare, RESERVED_DOMAIN) {
        return Ok(Some(unknown));
    }
    if is_public_tld(tld) {
        Ok(None)
    } else {
        Err(unknown)
    }
}

fn is_label(label: &str) -> bool {
    label.len() <= MAX_LABEL_BYTES
        && label.starts_with(|c: char| c.is_ascii_alphanumeric())
        && label.ends_with(|c: char| c.is_ascii_alphanumeric())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn is_at_or_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Some top-level domains are listed only as `*.ck`, so names below are asked about.
fn is_public_tld(tld: &str) -> bool {
    !NOT_IN_DNS.contains(&tld)
        && psl::suffix(format!("a.b.{tld}").as_bytes()).is_some_and(|suffix| suffix.is_known())
}

/// The address that the C library's `inet_aton` reads from `127.1`, `0177.0.0.1`, `0x7f000001` or
/// `2130706433`. The validator takes none of these for an address; programs that make calls may.
fn odd_ipv4(text: &str) -> Option<Ipv4Addr> {
    let numbers = text
        .split('.')
        .map(odd_number)
        .collect::<Option<Vec<u32>>>()?;
    let (last, leading) = numbers.split_last()?;
    if leading.len() > 3 {
        return None;
    }
    let mut address = 0_u32;
    for number in leading {
        address = (address << 8) | u32::from(u8::try_from(*number).ok()?);
    }
    let free_bits = 32 - 8 * u32::try_from(leading.len()).ok()?;
    if u64::from(*last) >= 1_u64 << free_bits {
        return None;
    }
    let address = (u64::from(address) << free_bits) | u64::from(*last);
    u32::try_from(address).ok().map(Ipv4Addr::from)
}

fn odd_number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some("") => return Some(0),
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    let plain = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plain {
        u32::from_str_radix(digits, radix).ok()
    } else {
        None
    }
}
