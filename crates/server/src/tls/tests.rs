use std::{fs, path::Path};

use async_trait::async_trait;
use rustls::pki_types::CertificateDer;
use sandkasse_domain::Timestamp;
use sandkasse_engine::ManualClock;

use super::*;

const NOW: &str = "2023-06-13T12:00:00Z";

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(NOW.parse().unwrap()))
}

fn files(folder: &Path) -> TlsFiles {
    TlsFiles {
        certificate: folder.join("cert.pem"),
        key: folder.join("key.pem"),
    }
}

/// Certificate and key for these names, in PEM.
fn made(names: &[&str]) -> (String, String) {
    let names: Vec<_> = names.iter().map(|it| (*it).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

fn write(files: &TlsFiles, certificate: &str, key: &str) {
    fs::write(&files.certificate, certificate).unwrap();
    fs::write(&files.key, key).unwrap();
}

fn shown(tls: &Tls) -> CertificateDer<'static> {
    tls.shown.0.read().cert[0].clone()
}

#[test]
fn bad_files_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let (certificate, key) = made(&["localhost"]);
    let (_, other) = made(&["localhost"]);
    let damaged = certificate.replace("MII", "M!I");
    let rows = [
        ("", key.as_str(), "cert.pem holds no certificate"),
        (&key, &key, "cert.pem holds no certificate"),
        (&damaged, &key, "cert.pem is damaged"),
        (&certificate, "", "key.pem holds no key"),
        (&certificate, &certificate, "key.pem holds no key"),
        (
            &certificate,
            &other,
            "key.pem is not the key of the certificate",
        ),
    ];
    let refused = || Tls::open(files.clone(), &*clock()).err().unwrap();
    assert!(refused().contains("cannot read"), "{}", refused());
    for (certificate, key, word) in rows {
        write(&files, certificate, key);
        let message = refused();
        assert!(message.contains(word), "{word}: {message}");
        assert!(!message.contains("PRIVATE KEY-----\nM"), "no key is shown");
    }
    write(&files, &certificate, &key);
    assert!(Tls::open(files.clone(), &*clock()).is_ok());
    fs::remove_file(&files.key).unwrap();
    assert!(
        refused().contains("--tls-key: cannot read"),
        "{}",
        refused()
    );
}

#[test]
fn a_base_url_is_in_the_certificate_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let (certificate, key) = made(&["127.0.0.1", "::1", "apitest.vipps.no", "*.shop.test"]);
    write(&files, &certificate, &key);
    let tls = Tls::open(files, &*clock()).unwrap();
    for (url, is_for) in [
        ("https://127.0.0.1:7480", true),
        ("https://[::1]:7480", true),
        ("https://apitest.vipps.no", true),
        ("https://a.shop.test/x", true),
        ("https://api.vipps.no", false),
        ("https://127.0.0.2", false),
        ("https://localhost:1", false),
    ] {
        assert_eq!(tls.is_for(&url.parse().unwrap()), is_for, "{url}");
    }
}

/// Whole, half, broken, gone: each look at the files, and what is shown after it.
#[test]
fn a_replaced_certificate_is_taken_in_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let (first, second) = (made(&["localhost"]), made(&["localhost"]));
    write(&files, &first.0, &first.1);
    let clock = clock();
    let tls = Tls::open(files.clone(), &*clock).unwrap();
    let before = shown(&tls);
    tls.look(&*clock);
    assert_eq!(shown(&tls), before, "nothing was replaced");
    for (certificate, key) in [
        (second.0.as_str(), first.1.as_str()),
        ("", ""),
        ("x", second.1.as_str()),
    ] {
        write(&files, certificate, key);
        tls.look(&*clock);
        assert_eq!(shown(&tls), before, "{certificate}");
    }
    fs::remove_file(&files.certificate).unwrap();
    tls.look(&*clock);
    assert_eq!(shown(&tls), before, "it is gone");
    write(&files, &second.0, &second.1);
    tls.look(&*clock);
    assert_ne!(shown(&tls), before);
    write(&files, &first.0, &first.1);
    tls.look(&*clock);
    assert_eq!(shown(&tls), before, "and back");
}

/// A clock that notes until when somebody sleeps.
#[derive(Debug)]
struct Noting(Arc<ManualClock>, Arc<Mutex<Vec<Timestamp>>>);

#[async_trait]
impl WallClock for Noting {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn sleep_until(&self, moment: Timestamp) {
        self.1.lock().push(moment);
        self.0.sleep_until(moment).await;
    }
}

#[tokio::test]
async fn the_files_are_looked_at_every_minute_of_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let (first, second) = (made(&["localhost"]), made(&["localhost"]));
    write(&files, &first.0, &first.1);
    let (clock, asked) = (clock(), Arc::new(Mutex::default()));
    let tls = Arc::new(Tls::open(files.clone(), &*clock).unwrap());
    let before = shown(&tls);
    let began = clock.now();
    let noting = Arc::new(Noting(clock.clone(), asked.clone()));
    let keeping = tokio::spawn(keep_fresh(Some(tls.clone()), noting));
    write(&files, &second.0, &second.1);
    while asked.lock().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(*asked.lock(), [began + SignedDuration::from_mins(1)]);
    assert_eq!(shown(&tls), before);
    clock.advance(SignedDuration::from_mins(1));
    let replaced = async {
        while shown(&tls) == before {
            tokio::task::yield_now().await;
        }
    };
    let patience = std::time::Duration::from_secs(20);
    assert!(tokio::time::timeout(patience, replaced).await.is_ok());
    keeping.abort();
}

#[test]
fn when_a_certificate_ends_is_read() {
    let mut params = rcgen::CertificateParams::new(["x".to_owned()]).unwrap();
    params.not_after = time::OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    let end = files::end_of(made.der()).unwrap();
    assert_eq!(end.as_second(), 1_700_000_000);
    assert_eq!(files::end_of(&CertificateDer::from(vec![1])), None);
}
