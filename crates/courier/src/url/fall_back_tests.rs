//! `fallBack`, row by row, and the schemes that no browser should follow.

use super::tests::name;
use super::{is_dangerous_scheme, judge_fall_back};

#[test]
fn fall_backs() {
    let table = "
        https://example.com/result          ok
        https://example.com:9999/result     ok
        https://blåbær.no/result            ok
        https://192.168.0.1/result          ok
        https://127.0.0.1/result            ok
        https://example.com//result         double-slash
        https://example.com:65536/result    port-number
        https://localhost/result            localhost
        https://localhost:3000/result       localhost
        https://shop/result                 bare-host
        https://shop.test/result            unknown-tld
        https://2130706433/result           odd-address
        http://127.0.0.1                    ok
        http://127.0.0.1/result             ok
        http://127.0.0.1:3000/result?a=b    ok
        http://127.0.0.1:65536/result       port-number
        http://127.0.0.1//result            double-slash
        http://127.0.0.1.example.com/       scheme
        http://127.0.0.1@example.com/       scheme
        http://x:y@127.0.0.1/               scheme
        http://example.com@127.0.0.1/       scheme
        http://127.0.0.2/result             scheme
        http://127.1/result                 scheme
        http://[::1]/result                 scheme
        http://localhost/result             scheme
        http://localhost:3000/result        scheme
        http://192.168.0.1/result           scheme
        http://example.com                  scheme
        ftp://example.com/result            scheme
        myapp://x                           ok
        myapp://                            ok
        my-app.v2+x://anything//goes[1]     ok
        intent://x#Intent;scheme=a;end      ok
        myapp:x                             no-authority
        myapp                               no-scheme
        javascript:alert(1)                 scheme
        javascript://%0aalert(1)            scheme
        JavaScript://%0aalert(1)            scheme
        data:text/html,x                    scheme
        vbscript://x                        scheme
        file:///etc/passwd                  scheme
        blob:https://example.com/x          scheme
        INTENT                              ok
        intent                              no-scheme
    ";
    for row in table.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let [url, expected] = row.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{row}")
        };
        assert_eq!(name(&judge_fall_back(url, false)), expected, "{url}");
        assert_eq!(name(&judge_fall_back(url, true)), "ok", "isApp {url}");
    }
    assert_eq!(name(&judge_fall_back("", false)), "empty");
    assert_eq!(name(&judge_fall_back("myapp://a b", false)), "blank");
    assert_eq!(
        name(&judge_fall_back(
            &format!("myapp://{}", "a".repeat(248)),
            false
        )),
        "too-long"
    );
    assert_eq!(name(&judge_fall_back(&"a".repeat(9999), true)), "ok");
}

#[test]
fn dangerous_schemes() {
    for bad in [
        "javascript:x",
        "JAVASCRIPT:x",
        " javascript:x",
        "java\nscript:x",
        "\u{1}javascript\t:x",
        "data:,x",
        "vbscript:x",
        "file:///x",
        "blob:x",
    ] {
        assert!(is_dangerous_scheme(bad), "{bad:?}");
    }
    for good in [
        "https://x",
        "http://127.0.0.1",
        "myapp://javascript:x",
        "INTENT",
        "",
        "javascript",
        "x?javascript:y",
        "files://x",
    ] {
        assert!(!is_dangerous_scheme(good), "{good:?}");
    }
}
