//! Clients written by others, run against the binary: the table of them, and how one is run.
//!
//! What a client does stands in `clients/<folder>`; here it gets a server, the keys of a demo sales unit and the
//! official documents, and its report is judged.

mod server;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{anyhow, bail, ensure};

use crate::oracles::Oracles;
use crate::part::Part;
use crate::{cargo, process};

use self::server::Server;

/// A client may take this long to be installed, and as long again to run.
const LIMIT: Duration = Duration::from_secs(600);

/// A client and what its driver needs.
pub(crate) struct Client {
    pub(crate) part: Part,
    pub(crate) name: &'static str,
    pub(crate) needs_oracles: bool,
    /// The parts of its flow that the platform can serve so far; empty: all.
    sections: &'static str,
    /// Over HTTPS, with a certificate that is for the real hosts too.
    https: bool,
}

/// Every client, in the order in which they run.
pub(crate) const CLIENTS: [Client; 9] = [
    Client {
        part: Part::PypiVipps,
        name: "pypi-vipps",
        needs_oracles: false,
        sections: "",
        https: false,
    },
    Client {
        part: Part::Postman,
        name: "postman",
        needs_oracles: true,
        sections: "",
        https: false,
    },
    Client {
        part: Part::OfficialSdk,
        name: "official-sdk",
        needs_oracles: false,
        sections: "",
        https: false,
    },
    Client {
        part: Part::VippsnoSdk,
        name: "vippsno-sdk",
        needs_oracles: false,
        sections: "",
        https: false,
    },
    Client {
        part: Part::Browser,
        name: "browser",
        needs_oracles: false,
        sections: "",
        https: false,
    },
    Client {
        part: Part::Prism,
        name: "prism",
        needs_oracles: true,
        sections: "",
        https: false,
    },
    Client {
        part: Part::Schemathesis,
        name: "schemathesis",
        needs_oracles: false,
        sections: "",
        https: false,
    },
    Client {
        part: Part::RealHosts,
        name: "real-hosts",
        needs_oracles: false,
        sections: "",
        https: true,
    },
    Client {
        part: Part::Recipes,
        name: "recipes",
        needs_oracles: false,
        sections: "",
        https: false,
    },
];

impl Client {
    /// Installs the client, starts a server, lets the driver run, stops the server.
    ///
    /// Fails if a check did, if none ran, if the server cannot be started, panicked on the way or does not end with
    /// status 0 on SIGTERM.
    pub(crate) fn run(
        &self,
        root: &Path,
        binary: &Path,
        oracles: Option<&Oracles>,
    ) -> anyhow::Result<()> {
        let cache = cargo::workshop(root, &format!("clients/{}", self.name))?;
        let work = fresh(&cargo::workshop(root, "client-runs")?.join(self.name))?;
        let (status, _) = process::watch(
            self.script(root, &cache).arg("install"),
            &work.join("install.log"),
            LIMIT,
        )?;
        process::succeeded(status, "the installation of the client")?;

        let server = match self.https {
            true => Server::start_over_https(binary, &work)?,
            false => Server::start(binary, &work)?,
        };
        let mut driver = self.script(root, &cache);
        driver
            .envs(server.keys()?)
            .env("PORTAL_URL", &server.portal)
            .env("PRODUCTION_URL", &server.production)
            .env("CA", work.join(server::AUTHORITY))
            .env("SANDKASSE_BINARY", binary)
            .env("SECTIONS", self.sections);
        if let Some(oracles) = oracles {
            driver
                .env("COLLECTIONS", oracles.collections())
                .env("POSTMAN_ENV", oracles.postman_environment())
                .env("SPEC_TOKEN", oracles.access_token())
                .env("SPEC_ECOM", oracles.ecom())
                .env("SPEC_EPAYMENT", oracles.epayment())
                .env("SPEC_WEBHOOKS", oracles.webhooks());
        }
        let outcome = process::watch(&mut driver, &work.join("checks.log"), LIMIT);
        let stopped = server.stop();
        let (status, output) = outcome?;
        let judged = judge(&output).and_then(|()| process::succeeded(status, "the driver"));
        let logs = work.display();
        judged
            .and(stopped)
            .map_err(|error| anyhow!("{error:#}; logs are in {logs}"))
    }

    /// The same with the script's other driver, which writes the README's pictures.
    pub(crate) fn take_pictures(&self, root: &Path, binary: &Path) -> anyhow::Result<()> {
        let cache = cargo::workshop(root, &format!("clients/{}", self.name))?;
        let work = fresh(&cargo::workshop(root, "client-runs")?.join("pictures"))?;
        let server = Server::start(binary, &work)?;
        let mut driver = self.script(root, &cache);
        driver
            .arg("pictures")
            .envs(server.keys()?)
            .env("PORTAL_URL", &server.portal)
            .env("PRODUCTION_URL", &server.production)
            .env("PICTURES", root.join("docs/pictures"));
        let (status, _) = process::watch(&mut driver, &work.join("pictures.log"), LIMIT)?;
        process::succeeded(status, "the photographer").and(server.stop())
    }

    fn script(&self, root: &Path, cache: &Path) -> Command {
        let mut script = Command::new(root.join("clients").join(self.name).join("run.sh"));
        script.env("CLIENT_DIR", cache);
        script
    }
}

/// Judges the lines of a driver: `ok …` and `not ok …`.
fn judge(output: &str) -> anyhow::Result<()> {
    let failed: Vec<&str> = output
        .lines()
        .filter(|line| line.starts_with("not ok "))
        .collect();
    if let Some(first) = failed.first() {
        bail!("{} checks failed, the first: {first}", failed.len());
    }
    ensure!(
        output.lines().any(|line| line.starts_with("ok ")),
        "the driver ran no check"
    );
    Ok(())
}

/// An empty folder in this place.
fn fresh(folder: &Path) -> anyhow::Result<PathBuf> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    Ok(folder.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_check_and_a_driver_without_checks_fail() {
        assert!(judge("ok one\n# note\nok two\n2 passed, 0 failed\n").is_ok());
        let error = judge("ok one\nnot ok two - HTTP 500\n1 passed, 1 failed\n").unwrap_err();
        assert!(
            error.to_string().contains("not ok two - HTTP 500"),
            "{error}"
        );
        assert!(judge("0 passed, 0 failed\n").is_err());
        assert!(judge("").is_err());
    }
}
