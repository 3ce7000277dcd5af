use std::collections::BTreeMap;

use super::*;

fn environment(pairs: &[(&str, &str)]) -> Result<Options, String> {
    let map: BTreeMap<String, String> = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Options::from_environment(&|name| map.get(name).cloned())
}

fn settle(options: Options) -> Settings {
    Settings::try_from(options).expect("safe")
}

#[test]
fn without_a_word_everything_is_local_and_durable() {
    let settings = settle(Options::default());
    assert_eq!(settings.test, Address::loopback(7480));
    assert_eq!(settings.production, Address::loopback(7481));
    assert_eq!(settings.portal, Address::loopback(7482));
    assert_eq!(
        settings.database,
        Database::File(".sandkasse/sandkasse.db".into())
    );
    assert!(settings.demo_data && settings.local_urls && !settings.lenient_bearer);
    assert_eq!(settings.wording, Wording::Faq);
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_the_default() {
    let file = || Options::from_toml("seed = 1\nquiet = true\ntest = '127.0.0.1:1'").unwrap();
    let variables = || environment(&[("SANDKASSE_SEED", "2"), ("SANDKASSE_QUIET", "no")]).unwrap();
    let flags = Options {
        seed: Some(3),
        ..Options::default()
    };
    let all = settle(flags.or(variables()).or(file()));
    assert_eq!(all.seed, Some(3), "flag");
    assert!(!all.quiet, "variable");
    assert_eq!(all.test, Address::loopback(1), "file");
    assert_eq!(all.portal, Address::loopback(7482), "default");
    assert_eq!(settle(variables().or(file())).seed, Some(2));
    assert_eq!(settle(file()).seed, Some(1));
}

#[test]
fn every_key_can_be_said_in_the_file_and_in_a_variable() {
    let rows = [
        ("test", "127.0.0.1:0"),
        ("production", "[::1]:0"),
        ("portal", "localhost:0"),
        ("database", "sqlite::memory:"),
        ("ready_file", "ready.json"),
        ("seed", "7"),
        ("demo_data", "network"),
        ("behind_proxy", "true"),
        ("metrics", "127.0.0.1:0"),
        ("log_format", "json"),
        ("log", "debug"),
        ("otlp_endpoint", "http://127.0.0.1:4318"),
        ("drain_seconds", "7"),
        ("calls_at_once", "7"),
        ("tls_cert", "cert.pem"),
        ("tls_key", "key.pem"),
        ("quiet", "true"),
        ("admin_token", "a-token-of-many-letters"),
        ("test_url", "https://test.example.com"),
        ("production_url", "https://example.com"),
        ("portal_url", "https://portal.example.com"),
        ("allow_local_urls", "true"),
        ("lenient_bearer", "true"),
        ("wording", "2023-06"),
        ("production_wording", "recorded"),
        ("as_of", "2023-06-13"),
        ("provider_secret", "a secret"),
    ];
    for (key, value) in rows {
        let bare = matches!(value, "7" | "true");
        let line = if bare {
            format!("{key} = {value}")
        } else {
            format!("{key} = \"{value}\"")
        };
        let file = Options::from_toml(&line).expect("a key of the file");
        let name = format!("SANDKASSE_{}", key.to_uppercase());
        let variable = environment(&[(&name, value)]).expect("a variable");
        assert_ne!(file, Options::default(), "{key}");
        assert_eq!(file, variable, "{key}");
    }
    let proxy = Options::from_toml("trusted_proxy = true").unwrap();
    assert_eq!(proxy.behind_proxy, Some(true));
    assert_eq!(
        Options::from_toml("demo_data = false").unwrap().demo_data,
        Some(DemoData::Off)
    );
}

#[test]
fn mistakes_are_named() {
    let rows = [
        (
            Options::from_toml("prot = 1"),
            "line 1: unknown field `prot`",
        ),
        (
            Options::from_toml("seed = 1\n\nprot = 1"),
            "line 3: unknown field `prot`",
        ),
        (Options::from_toml("config = 'x'"), "unknown field `config`"),
        (Options::from_toml("seed = 'x'"), "invalid type"),
        (
            Options::from_toml("wording = 'new'"),
            "unknown variant `new`",
        ),
        (Options::from_toml("admin_token = 'short'"), "16 characters"),
        (
            Options::from_toml("[provider]\nclient_id = 'x'"),
            "missing field `issuer`",
        ),
        (
            Options::from_toml(
                "[provider]\nissuer = 'https://x.no'\nclient_id = 'x'\nclient_secret = 'short'",
            ),
            "unknown field `client_secret`",
        ),
        (
            Options::from_toml(
                "[provider]\nissuer = 'https://x.no'\nclient_id = 'x'\ndefault_role = 'god'",
            ),
            "unknown variant `god`",
        ),
        (environment(&[("SANDKASSE_SEED", "x")]), "SANDKASSE_SEED"),
        (
            environment(&[("SANDKASSE_QUIET", "maybe")]),
            "`maybe` is neither true nor false",
        ),
        (
            environment(&[("SANDKASSE_DATABASE", "mysql:x")]),
            "`mysql:x` is no database",
        ),
    ];
    for (got, expected) in rows {
        let message = got.expect_err(expected);
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("'short'"), "a secret stays out");
    }
    assert_eq!(
        environment(&[("SANDKASSE_SEED", "")]),
        Ok(Options::default())
    );
}

/// RELIABILITY S-13: what may listen where.
#[test]
fn beyond_loopback_nothing_starts_by_accident() {
    let outside = "0.0.0.0:7480";
    // Listener, token, proxy, demo data; whether it starts, and with demo data.
    let rows = [
        ("127.0.0.1:1", false, false, None, Some(true)),
        ("[::1]:1", false, false, None, Some(true)),
        (
            "127.0.0.1:1",
            false,
            false,
            Some(DemoData::Off),
            Some(false),
        ),
        (outside, false, false, None, None),
        (outside, true, false, None, None),
        (outside, false, true, None, None),
        (outside, true, true, None, Some(false)),
        ("192.168.1.5:1", true, true, None, Some(false)),
        ("[::]:1", false, false, Some(DemoData::Network), None),
        (outside, true, true, Some(DemoData::On), None),
        (outside, true, true, Some(DemoData::Off), Some(false)),
        (outside, true, true, Some(DemoData::Network), Some(true)),
    ];
    for which in 0..3 {
        for (listener, token, proxy, demo_data, starts) in rows {
            let listener = Some(listener.parse().unwrap());
            let token = token.then(|| "a-token-of-many-letters".parse().unwrap());
            let options = Options {
                test: listener.filter(|_| which == 0),
                production: listener.filter(|_| which == 1),
                portal: listener.filter(|_| which == 2),
                admin_token: token,
                behind_proxy: Some(proxy),
                demo_data,
                ..Options::default()
            };
            let got = Settings::try_from(options.clone());
            assert_eq!(
                got.as_ref().ok().map(|settings| settings.demo_data),
                starts,
                "{options:?}"
            );
        }
    }
}

/// Beyond loopback a listener needs both a token and TLS, its own or a proxy's: each of the three
/// listeners, with and without each of them.
#[test]
fn s_13_each_listener_beyond_loopback_needs_a_token_and_tls() {
    let mut combinations = 0;
    for which in 0..3 {
        for (token, proxy, own) in [
            (false, false, false),
            (false, true, false),
            (false, false, true),
            (true, false, false),
            (true, true, false),
            (true, false, true),
            (true, true, true),
        ] {
            for address in ["0.0.0.0:1", "[::]:1", "192.168.1.5:1"] {
                let listener = |here: i32| (which == here).then(|| address.parse().unwrap());
                let options = Options {
                    test: listener(0),
                    production: listener(1),
                    portal: listener(2),
                    admin_token: token.then(|| "a-token-of-many-letters".parse().unwrap()),
                    behind_proxy: Some(proxy),
                    tls_cert: own.then(|| "cert.pem".into()),
                    tls_key: own.then(|| "key.pem".into()),
                    ..Options::default()
                };
                let tls = proxy || own;
                let refused = Settings::try_from(options).err();
                let text = refused.as_deref().unwrap_or_default();
                assert_eq!(refused.is_none(), token && tls, "{which} {text}");
                assert_eq!(text.contains("SANDKASSE_ADMIN_TOKEN"), !token, "{text}");
                assert_eq!(text.contains("--behind-proxy"), !tls, "{text}");
                assert_eq!(text.contains("--tls-cert"), !tls, "{text}");
            }
            combinations += 1;
        }
    }
    assert_eq!(combinations, 21);
}

#[test]
fn a_certificate_and_its_key_belong_together() {
    for (line, word) in [
        ("tls_cert = 'cert.pem'", "--tls-key"),
        ("tls_key = 'key.pem'", "--tls-cert"),
    ] {
        let message = Settings::try_from(Options::from_toml(line).unwrap()).unwrap_err();
        assert!(message.contains(word), "{message}");
    }
    let both = Options::from_toml("tls_cert = 'cert.pem'\ntls_key = 'key.pem'").unwrap();
    assert!(settle(both).tls.is_some());
}

/// The example of docs/sign-in.md.
#[test]
fn the_documented_provider_can_be_read() {
    let text = include_str!("../../../../docs/sign-in.md");
    let (_, rest) = text.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let options = Options::from_toml(example).unwrap();
    let shown = format!("{options:?}");
    assert!(!shown.contains("the-secret"), "a secret stays out of logs");
    let settings = settle(options);
    let provider = settings.provider.unwrap();
    assert_eq!(provider.issuer.as_str(), "https://login.example.com");
    assert_eq!((provider.admin.len(), provider.developer.len()), (1, 2));
    assert!(settings.provider_secret.is_some() && provider.default_role.is_none());
}
