//! Every range, its first and last address, and the neighbours on both sides.

use std::net::{IpAddr, SocketAddr};

use sandkasse_domain::sales_unit::UrlPolicy::{Local, Strict};

use super::{AddressRule, judge_address, judge_ip, judge_manner};
use crate::url::Scheme::{Http, Https};

fn name(judged: Result<(), AddressRule>) -> &'static str {
    judged.map_or_else(AddressRule::name, |()| "ok")
}

#[test]
fn every_range_under_both_policies() {
    let table = "
        0.0.0.0                    this-network          this-network
        0.255.255.255              this-network          this-network
        1.0.0.0                    ok                    ok
        9.255.255.255              ok                    ok
        10.0.0.0                   private-network       ok
        10.255.255.255             private-network       ok
        11.0.0.0                   ok                    ok
        100.63.255.255             ok                    ok
        100.64.0.0                 shared-address-space  ok
        100.100.100.199            shared-address-space  ok
        100.100.100.200            cloud-metadata        cloud-metadata
        100.127.255.255            shared-address-space  ok
        100.128.0.0                ok                    ok
        126.255.255.255            ok                    ok
        127.0.0.0                  loopback              ok
        127.0.0.1                  loopback              ok
        127.255.255.255            loopback              ok
        128.0.0.0                  ok                    ok
        168.63.129.15              ok                    ok
        168.63.129.16              cloud-metadata        cloud-metadata
        168.63.129.17              ok                    ok
        169.253.255.255            ok                    ok
        169.254.0.0                link-local            link-local
        169.254.169.253            link-local            link-local
        169.254.169.254            cloud-metadata        cloud-metadata
        169.254.170.2              link-local            link-local
        169.254.255.255            link-local            link-local
        169.255.0.0                ok                    ok
        172.15.255.255             ok                    ok
        172.16.0.0                 private-network       ok
        172.31.255.255             private-network       ok
        172.32.0.0                 ok                    ok
        191.255.255.255            ok                    ok
        192.0.0.0                  protocol-assignment   protocol-assignment
        192.0.0.255                protocol-assignment   protocol-assignment
        192.0.1.0                  ok                    ok
        192.0.2.0                  documentation         documentation
        192.0.2.255                documentation         documentation
        192.0.3.0                  ok                    ok
        192.88.98.255              ok                    ok
        192.88.99.0                tunnel                tunnel
        192.88.99.255              tunnel                tunnel
        192.88.100.0               ok                    ok
        192.167.255.255            ok                    ok
        192.168.0.0                private-network       ok
        192.168.255.255            private-network       ok
        192.169.0.0                ok                    ok
        198.17.255.255             ok                    ok
        198.18.0.0                 benchmark             benchmark
        198.19.255.255             benchmark             benchmark
        198.20.0.0                 ok                    ok
        198.51.99.255              ok                    ok
        198.51.100.0               documentation         documentation
        198.51.100.255             documentation         documentation
        198.51.101.0               ok                    ok
        203.0.112.255              ok                    ok
        203.0.113.0                documentation         documentation
        203.0.113.255              documentation         documentation
        203.0.114.0                ok                    ok
        223.255.255.255            ok                    ok
        224.0.0.0                  multicast             multicast
        239.255.255.255            multicast             multicast
        240.0.0.0                  reserved              reserved
        255.255.255.254            reserved              reserved
        255.255.255.255            multicast             multicast
        ::                         this-network          this-network
        ::1                        loopback              ok
        ::2                        tunnel                tunnel
        ::127.0.0.1                tunnel                tunnel
        ::ffff:0.0.0.0             this-network          this-network
        ::ffff:8.8.8.8             ok                    ok
        ::ffff:127.0.0.1           loopback              ok
        ::ffff:10.1.2.3            private-network       ok
        ::ffff:169.254.169.254     cloud-metadata        cloud-metadata
        ::fffe:127.0.0.1           reserved              reserved
        64:ff9b::                  tunnel                tunnel
        64:ff9b::169.254.169.254   tunnel                tunnel
        64:ff9b::ffff:ffff         tunnel                tunnel
        64:ff9b:1::                tunnel                tunnel
        64:ff9b:1:ffff::1          tunnel                tunnel
        64:ff9b:2::                reserved              reserved
        100::                      protocol-assignment   protocol-assignment
        100::ffff:ffff:ffff:ffff   protocol-assignment   protocol-assignment
        1fff:ffff::1               reserved              reserved
        2000::                     ok                    ok
        2001::                     tunnel                tunnel
        2001:0:ffff::1             tunnel                tunnel
        2001:1::1                  ok                    ok
        2001:2::1                  benchmark             benchmark
        2001:2:1::1                ok                    ok
        2001:db7:ffff::1           ok                    ok
        2001:db8::                 documentation         documentation
        2001:db8:ffff::1           documentation         documentation
        2001:db9::                 ok                    ok
        2002::                     tunnel                tunnel
        2002:7f00:1::1             tunnel                tunnel
        2002:ffff::1               tunnel                tunnel
        2003::                     ok                    ok
        2606:4700::1111            ok                    ok
        3ffe:ffff::1               ok                    ok
        3fff::1                    documentation         documentation
        3fff:1000::1               ok                    ok
        4000::1                    reserved              reserved
        5eff:ffff::1               reserved              reserved
        5f00::                     protocol-assignment   protocol-assignment
        5f00:ffff::1               protocol-assignment   protocol-assignment
        5f01::                     reserved              reserved
        fbff:ffff::1               reserved              reserved
        fc00::                     unique-local          ok
        fd00:ec1::254              unique-local          ok
        fd00:ec2::254              cloud-metadata        cloud-metadata
        fd00:ec2::23               cloud-metadata        cloud-metadata
        fd00:ec3::254              unique-local          ok
        fd20:ce::254               cloud-metadata        cloud-metadata
        fdff:ffff::1               unique-local          ok
        fe7f:ffff::1               reserved              reserved
        fe80::                     link-local            link-local
        fe80::a9fe:a9fe            link-local            link-local
        febf:ffff::1               link-local            link-local
        fec0::1                    reserved              reserved
        feff:ffff::1               reserved              reserved
        ff00::                     multicast             multicast
        ff02::1                    multicast             multicast
    ";
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let [address, strict, local] = row.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{row}")
        };
        let address: IpAddr = address.parse().unwrap();
        assert_eq!(name(judge_ip(address, Strict)), strict, "strict {row}");
        assert_eq!(name(judge_ip(address, Local)), local, "local {row}");
    }
}

#[test]
fn own_listeners_are_no_targets() {
    let table = "
        127.0.0.1:7480   127.0.0.1:7480           own-listener
        127.0.0.1:7480   127.0.0.1:7481           ok
        127.0.0.1:7480   [::ffff:127.0.0.1]:7480  own-listener
        127.0.0.1:7480   127.0.0.2:7480           ok
        0.0.0.0:7480     127.0.0.2:7480           own-listener
        0.0.0.0:7480     [::1]:7480               own-listener
        0.0.0.0:7480     0.0.0.0:7480             own-listener
        [::]:7480        127.0.0.1:7480           own-listener
        [::]:7480        192.168.1.7:7480         ok
        [::]:7480        127.0.0.1:7481           ok
        192.168.1.7:443  192.168.1.7:443          own-listener
        8.8.8.8:443      8.8.8.8:443              own-listener
    ";
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let [own, target, expected] = row.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{row}")
        };
        let judged = judge_address(target.parse().unwrap(), Local, &[own.parse().unwrap()]);
        assert_eq!(name(judged), expected, "{row}");
    }
}

#[test]
fn ports_and_plain_http() {
    let rows = [
        ("8.8.8.8:443", Https, "ok", "ok"),
        ("8.8.8.8:80", Https, "ok", "ok"),
        ("8.8.8.8:8080", Https, "ok", "ok"),
        ("8.8.8.8:9443", Https, "ok", "ok"),
        ("8.8.8.8:8443", Https, "unusual-port", "unusual-port"),
        ("8.8.8.8:22", Https, "unusual-port", "unusual-port"),
        ("8.8.8.8:0", Https, "unusual-port", "unusual-port"),
        ("8.8.8.8:80", Http, "plain-http", "plain-http"),
        ("127.0.0.1:3000", Https, "unusual-port", "ok"),
        ("127.0.0.1:3000", Http, "plain-http", "ok"),
        ("[::1]:3000", Http, "plain-http", "ok"),
        ("[::ffff:10.0.0.1]:3000", Http, "plain-http", "ok"),
    ];
    for (address, scheme, strict, local) in rows {
        let address: SocketAddr = address.parse().unwrap();
        assert_eq!(
            name(judge_manner(address, scheme, Strict, &[9443])),
            strict,
            "strict {address} {scheme:?}"
        );
        assert_eq!(
            name(judge_manner(address, scheme, Local, &[9443])),
            local,
            "local {address} {scheme:?}"
        );
    }
}
