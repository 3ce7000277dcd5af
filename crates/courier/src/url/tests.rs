//! Prefixes, row by row: what strict and local say about the same text.

use sandkasse_domain::sales_unit::UrlPolicy::{Local, Strict};

use super::{UrlFault, judge_prefix, location, wire_place};

pub(super) fn name<T>(judged: &Result<T, UrlFault>) -> &'static str {
    judged.as_ref().err().map_or("ok", UrlFault::name)
}

/// URL, strict, local. `same` is what strict says.
#[test]
fn prefixes() {
    let table = "
        https://example.com                          ok                    same
        https://example.com/                         ok                    same
        https://example.com/vipps/callback           ok                    same
        https://example.com/vipps/                   ok                    same
        HTTPS://EXAMPLE.COM/Vipps                    ok                    same
        https://example.com?wc-api=vipps&callback=   ok                    same
        https://example.com/?a={b}|c&callback=       ok                    same
        https://example.com/a?u=//x//y               ok                    same
        https://example.com/a#f//g                   ok                    same
        https://example.com/a?q=\"<>\\^`             ok                    same
        https://example.com./a                       ok                    same
        https://example.com:/a                       ok                    same
        https://example.com:8443/a                   ok                    same
        https://example.com:0/a                      ok                    same
        https://example.com:65535/a                  ok                    same
        https://example.com:65536/a                  port-number           same
        https://example.com:99999999999/a            port-number           same
        https://example.com:80a/a                    port-number           same
        https://example.com:-1/a                     port-number           same
        https://example.com:+80/a                    port-number           same
        https://example.com:80:81/a                  port-number           same
        https://user:secret@example.com/a            ok                    same
        https://user@example.com/a                   ok                    same
        https://@example.com/a                       user-info             same
        https://:x@example.com/a                     user-info             same
        https://a@b@example.com/a                    user-info             same
        https://a:b:c@example.com/a                  user-info             same
        https://blåbær.no/a                          ok                    same
        https://xn--blbr-roah.no/a                   ok                    same
        https://shop.example.co.uk/a                 ok                    same
        https://www.ck/a                             ok                    same
        https://sub.example.xn--p1ai/a               ok                    same
        https://1.example.com/a                      ok                    same
        https://a-b.example.com/a                    ok                    same
        https://-a.example.com/a                     host                  same
        https://a-.example.com/a                     host                  same
        https://a_b.example.com/a                    host                  same
        https://a..example.com/a                     host                  same
        https://.example.com/a                       host                  same
        https://example.com../a                      host                  same
        https://ex*mple.com/a                        host                  same
        https://example.com%2f.evil.com/a            host                  same
        https://example.com\\@127.0.0.1/a            user-info             same
        https://example.com\\.evil.com/a             host                  same
        https://example.123/a                        host                  same
        https://example.nosuchtld/a                  unknown-tld           same
        https://facebookcorewwwi.onion/a             unknown-tld           same
        https://example.com/a//b                     double-slash          same
        https://example.com//                        double-slash          same
        https://example.com/a/../b                   ok                    same
        https://example.com/../b                     above-root            same
        https://example.com/a/../../b                above-root            same
        https://example.com/æ                        path-character        same
        https://example.com/a[1]                     path-character        same
        https://example.com/a|b                      path-character        same
        https://example.com/a\\b                     path-character        same
        https://example.com/a%20b                    ok                    same
        https://example.com/a;b=(c),d*e!f~g'h$i@j:k  ok                    same
        https:example.com                            no-authority          same
        https:/example.com                           no-authority          same
        https://                                     no-authority          same
        https:///a                                   no-authority          same
        https://:443/a                               host                  same
        https://user:x@/a                            host                  same
        example.com/a                                no-scheme             same
        //example.com/a                              no-scheme             same
        /a                                           no-scheme             same
        1https://example.com                         no-scheme             same
        ht_tps://example.com                         no-scheme             same
        http://example.com/a                         scheme                same
        ftp://example.com/a                          scheme                same
        file:///etc/passwd                           no-authority          same
        gopher://example.com/a                       scheme                same
        javascript:alert(1)                          no-authority          same
        unix:/var/run/docker.sock                    no-authority          same
        https://8.8.8.8/a                            ok                    same
        http://8.8.8.8/a                             scheme                same
        https://[2606:4700::1111]/a                  ok                    same
        https://[2606:4700::1111]:8443/a             ok                    same
        http://[2606:4700::1111]/a                   scheme                same
        https://[2606:4700::1111                     host                  same
        https://[2606:4700::1111]x/a                 host                  same
        https://[example.com]/a                      host                  same
        https://[fe80::1%25eth0]/a                   host                  same
        https://2606:4700::1111/a                    odd-address           same
        https://256.1.1.1/a                          host                  same
        https://1.2.3.4.5/a                          host                  same

        https://localhost/a                          localhost             ok
        https://LOCALHOST/a                          localhost             ok
        https://localhost./a                         localhost             ok
        https://shop.localhost/a                     localhost             ok
        http://localhost:3000/a                      scheme                ok
        https://shop/a                               bare-host             ok
        http://shop:8080                             scheme                ok
        http://my_shop:8080                          scheme                host
        https://no/a                                 bare-host             ok
        https://shop.test/a                          unknown-tld           ok
        http://shop.test:81/a                        scheme                ok
        https://shop.example/a                       unknown-tld           ok
        https://shop.invalid/a                       unknown-tld           ok
        https://shop.local/a                         unknown-tld           ok
        http://host.docker.internal:8000/a           scheme                ok
        https://nas.lan/a                            unknown-tld           ok
        https://nas.home.arpa/a                      unknown-tld           ok
        https://home.arpa/a                          unknown-tld           ok
        https://nothome.arpa/a                       ok                    same
        http://localhost//a                          scheme                double-slash
        http://localhost:65536/a                     scheme                port-number
        ftp://localhost/a                            scheme                same
        https://127.0.0.1/a                          loopback              ok
        http://127.0.0.1:3000/a                      scheme                ok
        https://127.8.9.10/a                         loopback              ok
        https://10.0.0.1/a                           private-network       ok
        https://172.16.0.1/a                         private-network       ok
        https://192.168.0.1/a                        private-network       ok
        https://100.64.0.1/a                         shared-address-space  ok
        https://[::1]/a                              loopback              ok
        http://[::1]:3000/a                          scheme                ok
        https://[::ffff:127.0.0.1]/a                 loopback              ok
        https://[::ffff:7f00:1]/a                    loopback              ok
        https://[::FFFF:10.0.0.1]/a                  private-network       ok
        https://[fd12::1]/a                          unique-local          ok
        https://user:x@127.0.0.1/a                   loopback              ok
        https://example.com:x@127.0.0.1/a            loopback              ok
        https://example.com@127.0.0.1/a              loopback              ok

        https://0.0.0.0/a                            this-network          same
        https://[::]/a                               this-network          same
        https://169.254.1.1/a                        link-local            same
        https://[fe80::1]/a                          link-local            same
        https://169.254.169.254/latest               cloud-metadata        same
        http://169.254.169.254/latest                scheme                cloud-metadata
        https://[fd00:ec2::254]/latest               cloud-metadata        same
        https://[::ffff:169.254.169.254]/latest      cloud-metadata        same
        https://[64:ff9b::169.254.169.254]/latest    tunnel                same
        https://[2002:7f00:1::]/a                    tunnel                same
        https://[::127.0.0.1]/a                      tunnel                same
        https://192.0.2.1/a                          documentation         same
        https://224.0.0.1/a                          multicast             same
        https://255.255.255.255/a                    multicast             same
        https://2130706433/a                         odd-address           same
        https://0x7f000001/a                         odd-address           same
        https://0X7F.1/a                             odd-address           same
        https://017700000001/a                       odd-address           same
        https://0177.0.0.1/a                         odd-address           same
        https://127.1/a                              odd-address           same
        https://127.0.1/a                            odd-address           same
        https://127.000.000.001/a                    odd-address           same
        https://127.0.0.1./a                         odd-address           same
        https://0/a                                  odd-address           same
        https://134744072/a                          odd-address           same
        https://127。0。0。1/a                       loopback              ok
        https://１２７.0.0.1/a                       host                  same
        https://ⓛocalhost/a                          host                  same
    ";
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let [url, strict, local] = row.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{row}")
        };
        assert_eq!(name(&judge_prefix(url, Strict)), strict, "strict {url}");
        assert_eq!(
            name(&judge_prefix(url, Local)),
            if local == "same" { strict } else { local },
            "local {url}"
        );
    }
}

#[test]
fn blanks_and_lengths() {
    let exact = format!("https://example.com/{}", "a".repeat(235));
    let rows = [
        (String::new(), "empty"),
        (" https://example.com".to_owned(), "blank"),
        ("https://example.com ".to_owned(), "blank"),
        ("https://example.com/a b".to_owned(), "blank"),
        ("https://example.com/a?b=c d".to_owned(), "blank"),
        (
            "https://example.com/a\r\nHost: evil.com".to_owned(),
            "blank",
        ),
        ("https://exam\tple.com/a".to_owned(), "blank"),
        ("https://example.com/a\0".to_owned(), "blank"),
        ("https://example.com\u{a0}/a".to_owned(), "blank"),
        (exact.clone(), "ok"),
        (format!("{exact}a"), "too-long"),
        (format!("https://example.com/?{}", "å".repeat(234)), "ok"),
        (format!("https://{}.com/", "a".repeat(63)), "ok"),
        (format!("https://{}.com/", "a".repeat(64)), "host"),
    ];
    for (url, expected) in rows {
        assert_eq!(
            name(&judge_prefix(&url, Strict)),
            expected,
            "strict {url:?}"
        );
        assert_eq!(name(&judge_prefix(&url, Local)), expected, "local {url:?}");
    }
}

#[test]
fn targets() {
    let rows = [
        ("https://Example.com/a", "example.com", 443),
        ("https://example.com:443/a", "example.com", 443),
        ("https://example.com:80/a", "example.com:80", 80),
        (
            "https://user:secret@example.com:8443",
            "example.com:8443",
            8443,
        ),
        ("https://blåbær.no?x", "xn--blbr-roah.no", 443),
        ("http://localhost", "localhost", 80),
        ("http://[::1]:3000#f", "[::1]:3000", 3000),
    ];
    for (url, shown, port) in rows {
        let target = judge_prefix(url, Local).unwrap();
        assert_eq!(
            (target.to_string().as_str(), target.port),
            (shown, port),
            "{url}"
        );
    }
}

#[test]
fn a_location_is_one_line_of_ascii() {
    assert_eq!(
        location("https://blåbær.no/å b\r\nX: y"),
        "https://bl%C3%A5b%C3%A6r.no/%C3%A5%20b%0D%0AX:%20y"
    );
}

#[test]
fn hosts_and_webhook_urls_have_a_longest_one() {
    let host = |last: usize| {
        let label = "a".repeat(63);
        format!("{label}.{label}.{label}.{}.com", "b".repeat(last))
    };
    assert_eq!(host(57).len(), 253);
    for (last, expected) in [(56, "ok"), (57, "ok"), (58, "host")] {
        let url = format!("https://{}/a", host(last));
        assert_eq!(name(&wire_place(&url, Strict)), expected, "{last}");
    }
    let start = "https://example.com/å";
    for (length, is_taken) in [(2_047, true), (2_048, true), (2_049, false)] {
        let url = format!("{start}{}", "a".repeat(length - start.chars().count()));
        assert_eq!(wire_place(&url, Strict).is_ok(), is_taken, "{length}");
    }
}

/// What an address in another notation comes to, which is told to whoever asks why it is refused.
#[test]
fn addresses_in_other_notations_are_told_in_the_usual_one() {
    for (host, means) in [
        ("127.1", "127.0.0.1"),
        ("10.1.515", "10.1.2.3"),
        ("192.168.0x1.01", "192.168.1.1"),
        ("0x7f000001", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("172.0x100010", "172.16.0.16"),
        ("0", "0.0.0.0"),
        ("00", "0.0.0.0"),
    ] {
        let judged = judge_prefix(&format!("https://{host}/a"), Local);
        let Err(UrlFault::OddAddress { means: found, .. }) = judged else {
            panic!("{host}: {}", name(&judged));
        };
        assert_eq!(found.to_string(), means, "{host}");
    }
}
