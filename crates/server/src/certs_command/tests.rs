use std::os::unix::fs::PermissionsExt;

use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::*;

fn now() -> Timestamp {
    "2023-06-13T12:00:00Z".parse().unwrap()
}

fn flags(folder: &Path, names: &[&str]) -> CertsFlags {
    CertsFlags {
        names: names.iter().map(|name| name.parse().unwrap()).collect(),
        to: folder.to_owned(),
    }
}

/// What lies in a folder.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    all.sort();
    all
}

#[test]
fn names_are_those_of_urls() {
    let read = |text: &str| text.parse::<Name>().map(|name| name.to_string());
    for (text, name) in [
        ("apitest.vipps.no", "apitest.vipps.no"),
        ("LocalHost", "localhost"),
        ("10.1.2.3", "10.1.2.3"),
        ("[::1]", "::1"),
        ("*.shop.test", "*.shop.test"),
    ] {
        assert_eq!(read(text).as_deref(), Ok(name));
    }
    for bad in [
        "https://x",
        "x:443",
        "a b",
        "",
        "*",
        "*.",
        "*.test",
        "a.*.b",
        "påske.no",
        "x.",
        "1.2.3",
        "../x",
    ] {
        assert!(
            read(bad).is_err_and(|it| it.contains("is no host")),
            "{bad}"
        );
    }
}

#[test]
fn the_certificate_is_for_all_names_and_no_longer_than_clients_accept() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("new/certs");
    let made = make(
        &flags(&folder, &["apitest.vipps.no", "localhost", "*.shop.test"]),
        now(),
    );
    let made = made.unwrap();
    let names: Vec<_> = made.names.iter().map(ToString::to_string).collect();
    let all = [
        "localhost",
        "127.0.0.1",
        "::1",
        "apitest.vipps.no",
        "*.shop.test",
    ];
    assert_eq!(names, all);
    let pem = fs::read(folder.join(CERTIFICATE)).unwrap();
    let certificate = CertificateDer::from_pem_slice(&pem).unwrap();
    let (_, parsed) = x509_parser::parse_x509_certificate(&certificate).unwrap();
    let validity = parsed.validity();
    let days = (validity.not_after.timestamp() - validity.not_before.timestamp()) / 86_400;
    assert!(days <= 397, "{days}");
    assert!(validity.not_before.timestamp() <= now().as_second());
    assert_eq!(validity.not_after.timestamp(), made.until.as_second());
    for secret in [KEY, AUTHORITY_KEY] {
        let mode = fs::metadata(folder.join(secret))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    assert_eq!(
        fs::read_to_string(folder.join(".gitignore")).unwrap(),
        "*\n"
    );
    let pem = fs::read(folder.join(AUTHORITY)).unwrap();
    let authority = CertificateDer::from_pem_slice(&pem).unwrap();
    let (_, parsed) = x509_parser::parse_x509_certificate(&authority).unwrap();
    let limited = parsed.name_constraints().unwrap().unwrap();
    assert!(limited.critical && limited.value.permitted_subtrees.is_some());
    assert!(made.authority.starts_with("Sandkasse local authority, "));
    assert!(made.authority.len() <= 64);
}

#[test]
fn another_run_renews_the_certificate_and_keeps_the_authority() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    assert!(
        make(&flags(folder, &["x.example.com"]), now())
            .unwrap()
            .is_new
    );
    let read = |file: &str| fs::read(folder.join(file)).unwrap();
    let before = [AUTHORITY, AUTHORITY_KEY, CERTIFICATE, KEY].map(read);
    let year = now() + SignedDuration::from_hours(365 * 24);
    let made = make(
        &flags(folder, &["api.vipps.no", "x.example.com", "10.9.8.7"]),
        year,
    )
    .unwrap();
    assert!(!made.is_new);
    assert!(made.until > now() + LEAF_LASTS);
    let after = [AUTHORITY, AUTHORITY_KEY, CERTIFICATE, KEY].map(read);
    assert_eq!(before[..2], after[..2]);
    assert!(before[2] != after[2] && before[3] != after[3]);
    // The last one ends with its authority.
    let late = now() + AUTHORITY_LASTS - SignedDuration::from_hours(1);
    assert_eq!(
        make(&flags(folder, &[]), late).unwrap().until,
        now() + AUTHORITY_LASTS
    );
    let too_late = now() + AUTHORITY_LASTS + SignedDuration::from_hours(1);
    let message = make(&flags(folder, &[]), too_late).err().unwrap();
    assert!(message.contains("has expired"), "{message}");
}

#[test]
fn the_authority_vouches_for_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    make(
        &flags(folder, &["sandkasse.example.com", "203.0.113.5"]),
        now(),
    )
    .unwrap();
    let before = contents(folder);
    for (name, may) in [
        ("a.localhost", true),
        ("api.vipps.no", true),
        ("apitest.vippsmobilepay.com", true),
        ("192.168.1.5", true),
        ("fd00::1", true),
        ("sandkasse.example.com", true),
        ("203.0.113.5", true),
        ("*.shop.test", true),
        ("example.com", false),
        ("vipps.no.example.com", false),
        ("bank.no", false),
        ("203.0.113.6", false),
        ("2001:db8::1", false),
    ] {
        let made = make(&flags(folder, &[name]), now());
        assert_eq!(made.is_ok(), may, "{name}");
        if let Err(message) = made {
            assert!(
                message.contains("may not vouch for") && message.contains("--to"),
                "{message}"
            );
        }
    }
    let authority = |files: Vec<_>| files.into_iter().take(2).collect::<Vec<_>>();
    assert!(
        authority(before) == authority(contents(folder)),
        "it is as it was"
    );
}

#[test]
fn files_of_somebody_else_are_left_as_they_are() {
    let strange = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (pem, key) = (strange.cert.pem(), strange.signing_key.serialize_pem());
    let whole = tempfile::tempdir().unwrap();
    make(&flags(whole.path(), &[]), now()).unwrap();
    let other = tempfile::tempdir().unwrap();
    make(&flags(other.path(), &[]), now()).unwrap();
    let theirs = |file: &str| fs::read_to_string(other.path().join(file)).unwrap();
    type Change<'a> = (&'a str, Option<String>);
    let rows: [(&[Change<'_>], &str); 10] = [
        (
            &[
                (AUTHORITY, Some(pem.clone())),
                (AUTHORITY_KEY, Some(key.clone())),
            ],
            AUTHORITY,
        ),
        (&[(AUTHORITY, Some("x".to_owned()))], AUTHORITY),
        (&[(AUTHORITY_KEY, Some(key.clone()))], AUTHORITY_KEY),
        (
            &[(AUTHORITY_KEY, Some(theirs(AUTHORITY_KEY)))],
            AUTHORITY_KEY,
        ),
        (&[(AUTHORITY_KEY, None)], "has no key"),
        (&[(AUTHORITY, None)], AUTHORITY_KEY),
        (&[(CERTIFICATE, Some(pem.clone()))], CERTIFICATE),
        (&[(CERTIFICATE, Some(theirs(CERTIFICATE)))], CERTIFICATE),
        (&[(CERTIFICATE, None)], KEY),
        (
            &[
                (AUTHORITY, None),
                (AUTHORITY_KEY, None),
                (CERTIFICATE, None),
            ],
            KEY,
        ),
    ];
    for (changes, word) in rows {
        let place = tempfile::tempdir().unwrap();
        for file in [AUTHORITY, AUTHORITY_KEY, CERTIFICATE, KEY] {
            fs::copy(whole.path().join(file), place.path().join(file)).unwrap();
        }
        for (file, text) in changes {
            match text {
                Some(text) => fs::write(place.path().join(file), text).unwrap(),
                None => fs::remove_file(place.path().join(file)).unwrap(),
            }
        }
        let before = contents(place.path());
        let message = make(&flags(place.path(), &[]), now()).err();
        let message = message.unwrap_or_else(|| panic!("{word} is not ours"));
        assert!(message.contains(word), "{message}");
        assert!(message.contains("move"), "what to do: {message}");
        assert!(
            before == contents(place.path()),
            "{word}: nothing was changed"
        );
    }
}

#[test]
fn an_authority_whose_key_others_can_read_is_not_used() {
    let place = tempfile::tempdir().unwrap();
    make(&flags(place.path(), &[]), now()).unwrap();
    let key = place.path().join(AUTHORITY_KEY);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let message = make(&flags(place.path(), &[]), now()).err().unwrap();
    assert!(message.contains("chmod 600"), "{message}");
}

#[test]
fn the_next_commands_can_be_copied() {
    let made = Made {
        authority: "Sandkasse local authority, box".to_owned(),
        is_new: true,
        names: names::with_local(&[]),
        until: now(),
    };
    let named = Files::of(Path::new(FOLDER));
    let whole = Files::of(Path::new("/a folder/it's"));
    let text = words::told(&made, &named, &whole);
    let ca = r"'/a folder/it'\''s/ca.pem'";
    for word in [
        "for localhost, 127.0.0.1, ::1\nuntil 2023-06-13".to_owned(),
        "sandkasse --tls-cert .sandkasse/certs/server.pem --tls-key .sandkasse/certs/server.key\n"
            .to_owned(),
        format!("NODE_EXTRA_CA_CERTS={ca}\n"),
        format!("REQUESTS_CA_BUNDLE={ca} SSL_CERT_FILE={ca}\n"),
        format!("curl --cacert {ca} "),
        format!("-d curl.cainfo={ca} "),
        format!("-file {ca} -keystore"),
        "update-ca-certificates\n".to_owned(),
        ".NET".to_owned(),
    ] {
        assert!(text.contains(&word), "{word}: {text}");
    }
    let longest = text.lines().map(|line| line.chars().count()).max();
    assert!(longest < Some(200), "{longest:?}");
}
