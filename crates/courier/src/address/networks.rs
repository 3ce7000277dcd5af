//! The networks that are not the public net: RELIABILITY §4.3 rule 3, and a few cloud addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::AddressRule;

/// The special network that holds an address; `None` for the public net.
pub(super) fn network(ip: IpAddr) -> Option<AddressRule> {
    match ip {
        IpAddr::V4(ip) => V4
            .iter()
            .find(|(base, bits, _)| v4_within(ip, *base, *bits))
            .map(|(_, _, rule)| *rule),
        IpAddr::V6(ip) => match V6
            .iter()
            .find(|(base, bits, _)| v6_within(ip, *base, *bits))
        {
            Some((_, _, rule)) => Some(*rule),
            None if v6_within(ip, PUBLIC_V6.0, PUBLIC_V6.1) => None,
            None => Some(AddressRule::Reserved),
        },
    }
}

fn v4_within(ip: Ipv4Addr, base: Ipv4Addr, bits: u32) -> bool {
    (u32::from(ip) ^ u32::from(base)).leading_zeros() >= bits
}

fn v6_within(ip: Ipv6Addr, base: Ipv6Addr, bits: u32) -> bool {
    (u128::from(ip) ^ u128::from(base)).leading_zeros() >= bits
}

/// First match wins.
const V4: [(Ipv4Addr, u32, AddressRule); 19] = [
    (
        Ipv4Addr::new(169, 254, 169, 254),
        32,
        AddressRule::CloudMetadata,
    ),
    // Alibaba's and Azure's, which lie in wider networks that may be reached.
    (
        Ipv4Addr::new(100, 100, 100, 200),
        32,
        AddressRule::CloudMetadata,
    ),
    (
        Ipv4Addr::new(168, 63, 129, 16),
        32,
        AddressRule::CloudMetadata,
    ),
    (Ipv4Addr::new(0, 0, 0, 0), 8, AddressRule::ThisNetwork),
    (Ipv4Addr::new(10, 0, 0, 0), 8, AddressRule::Private),
    (Ipv4Addr::new(100, 64, 0, 0), 10, AddressRule::SharedSpace),
    (Ipv4Addr::new(127, 0, 0, 0), 8, AddressRule::Loopback),
    (Ipv4Addr::new(169, 254, 0, 0), 16, AddressRule::LinkLocal),
    (Ipv4Addr::new(172, 16, 0, 0), 12, AddressRule::Private),
    (Ipv4Addr::new(192, 0, 0, 0), 24, AddressRule::Protocol),
    (Ipv4Addr::new(192, 0, 2, 0), 24, AddressRule::Documentation),
    (Ipv4Addr::new(192, 88, 99, 0), 24, AddressRule::Tunnel),
    (Ipv4Addr::new(192, 168, 0, 0), 16, AddressRule::Private),
    (Ipv4Addr::new(198, 18, 0, 0), 15, AddressRule::Benchmark),
    (
        Ipv4Addr::new(198, 51, 100, 0),
        24,
        AddressRule::Documentation,
    ),
    (
        Ipv4Addr::new(203, 0, 113, 0),
        24,
        AddressRule::Documentation,
    ),
    (Ipv4Addr::new(224, 0, 0, 0), 4, AddressRule::Multicast),
    (Ipv4Addr::BROADCAST, 32, AddressRule::Multicast),
    (Ipv4Addr::new(240, 0, 0, 0), 4, AddressRule::Reserved),
];

/// First match wins. IPv4-mapped addresses never get here: their inner address is judged.
const V6: [(Ipv6Addr, u32, AddressRule); 17] = [
    // Amazon's and Google's.
    (
        Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0),
        32,
        AddressRule::CloudMetadata,
    ),
    (
        Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
        128,
        AddressRule::CloudMetadata,
    ),
    (Ipv6Addr::UNSPECIFIED, 128, AddressRule::ThisNetwork),
    (Ipv6Addr::LOCALHOST, 128, AddressRule::Loopback),
    (
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0),
        96,
        AddressRule::Tunnel,
    ),
    (
        Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0),
        48,
        AddressRule::Tunnel,
    ),
    (
        Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0),
        64,
        AddressRule::Protocol,
    ),
    (
        Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0),
        32,
        AddressRule::Tunnel,
    ),
    (
        Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0),
        48,
        AddressRule::Benchmark,
    ),
    (
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0),
        32,
        AddressRule::Documentation,
    ),
    (
        Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0),
        16,
        AddressRule::Tunnel,
    ),
    (
        Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0),
        20,
        AddressRule::Documentation,
    ),
    (
        Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0),
        16,
        AddressRule::Protocol,
    ),
    (
        Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0),
        7,
        AddressRule::UniqueLocal,
    ),
    (
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0),
        10,
        AddressRule::LinkLocal,
    ),
    (
        Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0),
        8,
        AddressRule::Multicast,
    ),
    // ::a.b.c.d, which once held an IPv4 address.
    (Ipv6Addr::UNSPECIFIED, 96, AddressRule::Tunnel),
];

/// All public IPv6 addresses are in `2000::/3`; what is neither there nor named above is unused.
const PUBLIC_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
