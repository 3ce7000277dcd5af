//! A server of its own for one client: started on free ports with an empty folder, stopped with SIGTERM.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::process;

/// A debug build on a busy machine starts within this time.
const START_LIMIT: Duration = Duration::from_secs(60);
/// What is in flight finishes within this time after SIGTERM.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// What every driver needs, as `sandkasse env` names it.
const KEYS: [&str; 6] = [
    "BASE_URL",
    "CLIENT_ID",
    "CLIENT_SECRET",
    "SUBSCRIPTION_KEY",
    "MSN",
    "PHONE",
];

/// What `sandkasse certs` makes in the folder where it runs.
pub(super) const AUTHORITY: &str = ".sandkasse/certs/ca.pem";
const CERTIFICATE: &str = ".sandkasse/certs/server.pem";
const CERTIFICATE_KEY: &str = ".sandkasse/certs/server.key";
/// The real hosts, which some clients know only.
const REAL_HOSTS: [&str; 4] = [
    "apitest.vipps.no",
    "api.vipps.no",
    "apitest.vippsmobilepay.com",
    "api.vippsmobilepay.com",
];

/// A running server; killed when dropped without [`Server::stop`].
pub(crate) struct Server {
    child: Child,
    binary: PathBuf,
    folder: PathBuf,
    log: PathBuf,
    pub(super) portal: String,
    pub(super) production: String,
}

impl Server {
    /// Starts the binary in `folder`, where its data and log will be, and waits until it accepts connections.
    pub(crate) fn start(binary: &Path, folder: &Path) -> anyhow::Result<Self> {
        Self::start_with(binary, folder, &[])
    }

    /// The same over HTTPS, with a certificate that is for the real hosts as well.
    pub(crate) fn start_over_https(binary: &Path, folder: &Path) -> anyhow::Result<Self> {
        let mut certs = Command::new(binary);
        certs.current_dir(folder).arg("certs").args(REAL_HOSTS);
        process::read(&mut certs)?;
        let flags = ["--tls-cert", CERTIFICATE, "--tls-key", CERTIFICATE_KEY];
        Self::start_with(binary, folder, &flags)
    }

    fn start_with(binary: &Path, folder: &Path, flags: &[&str]) -> anyhow::Result<Self> {
        let log = folder.join("server.log");
        let output = File::create(&log)?;
        let database = folder.join("x.db");
        let ready = folder.join("ready.json");
        let child = Command::new(binary)
            .current_dir(folder)
            .arg("up")
            .args(["--test", "127.0.0.1:0"])
            .args(["--production", "127.0.0.1:0"])
            .args(["--portal", "127.0.0.1:0"])
            .args(["--database", &format!("sqlite:{}", database.display())])
            .arg("--ready-file")
            .arg(&ready)
            .args(flags)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let mut server = Self {
            child,
            binary: binary.to_path_buf(),
            folder: folder.to_path_buf(),
            log,
            portal: String::new(),
            production: String::new(),
        };
        (server.portal, server.production) = server.wait_until_ready(&ready)?;
        Ok(server)
    }

    /// The keys of a demo sales unit, as a user gets them.
    pub(crate) fn keys(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let mut command = Command::new(&self.binary);
        // Where the authority is, if it speaks HTTPS.
        command.current_dir(&self.folder).args([
            "env",
            "--format",
            "dotenv",
            "--portal",
            &self.portal,
        ]);
        let keys = dotenv(&process::read(&mut command)?);
        for key in KEYS {
            let value = keys.get(key).map(String::as_str).unwrap_or_default();
            ensure!(!value.is_empty(), "`sandkasse env` printed no {key}");
        }
        Ok(keys)
    }

    /// Asks the server to end. Fails when it does not, ends with another status than 0, or panicked while it ran.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        process::signal("TERM", &self.child.id().to_string());
        let Some(status) = process::wait(&mut self.child, STOP_LIMIT)? else {
            bail!(
                "the server still runs {} s after SIGTERM",
                STOP_LIMIT.as_secs()
            );
        };
        ensure!(
            status.success(),
            "the server ended with {status} on SIGTERM{}",
            self.last_words()
        );
        let log = std::fs::read_to_string(&self.log)?;
        if let Some(line) = log.lines().find(|line| line.contains("panicked at")) {
            bail!("the server panicked: {line}");
        }
        Ok(())
    }

    fn wait_until_ready(&mut self, ready: &Path) -> anyhow::Result<(String, String)> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            // The file may be seen half written: then it does not parse yet.
            let text = std::fs::read_to_string(ready).unwrap_or_default();
            if let Some(urls) = urls(&text) {
                return Ok(urls);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "the server ended with {status} while starting{}",
                    self.last_words()
                );
            }
            if Instant::now() > deadline {
                bail!(
                    "no ready file after {} s{}",
                    START_LIMIT.as_secs(),
                    self.last_words()
                );
            }
            process::pause(Duration::from_millis(20));
        }
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines.len().saturating_sub(20);
        let last = lines.get(last..).unwrap_or_default();
        format!("; its log ends with:\n{}", last.join("\n"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the process has ended already, which is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The base URLs of portal and production in a ready file that names all three listeners.
fn urls(ready: &str) -> Option<(String, String)> {
    let urls: BTreeMap<String, serde_json::Value> = serde_json::from_str(ready).ok()?;
    let url = |name: &str| urls.get(name)?.as_str().map(str::to_owned);
    url("test")?;
    Some((url("portal")?, url("production")?))
}

/// Lines `KEY=VALUE`, the value perhaps in quotation marks.
fn dotenv(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    lines
        .map(|(key, value)| {
            let bare = value
                .trim()
                .trim_matches(|mark| mark == '"' || mark == '\'');
            (key.trim().to_owned(), bare.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_with_and_without_quotation_marks() {
        let keys = dotenv("BASE_URL=http://127.0.0.1:1\nCLIENT_SECRET=\"ab==\"\n\n# note\n");
        assert_eq!(keys.get("BASE_URL").unwrap(), "http://127.0.0.1:1");
        assert_eq!(keys.get("CLIENT_SECRET").unwrap(), "ab==");
        assert_eq!(keys.len(), 2);
    }

    #[test]
    fn a_ready_file_names_all_three_listeners() {
        let whole = r#"{"test":"http://a","production":"http://b","portal":"http://c"}"#;
        let both = ("http://c".to_owned(), "http://b".to_owned());
        assert_eq!(urls(whole), Some(both));
        assert_eq!(urls(r#"{"portal":"http://c"}"#), None);
        assert_eq!(urls(r#"{"test":"http:"#), None);
    }
}
