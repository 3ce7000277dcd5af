//! Whether it is safe to listen where others can reach it.
//!
//! On loopback everybody who can call is trusted. Beyond it, the control API can make keys, act
//! for persons and move time, and demo keys are known to everybody; so the program does not start
//! by accident (reference: RELIABILITY, S-13).

use crate::config::DemoData;

/// What somebody who listens beyond loopback has provided for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// An administrator's token is set.
    pub(crate) token: bool,
    /// The listeners speak TLS, or a proxy in front does.
    pub(crate) tls: bool,
    /// What was said about demo data.
    pub(crate) demo: Option<DemoData>,
}

/// Refuses an unsafe plan; the text names every remedy at once.
pub(crate) fn judge(plan: Plan) -> Result<(), String> {
    let mut missing = Vec::new();
    if !plan.token {
        missing.push(
            "set an administrator's token, which the control API will demand: SANDKASSE_ADMIN_TOKEN, or `admin_token` \
             in the configuration file",
        );
    }
    if !plan.tls {
        missing.push(
            "speak HTTPS, with `--tls-cert FILE --tls-key FILE` (`sandkasse certs NAME` makes them), or put a proxy that \
             speaks TLS in front and say so with `--behind-proxy`",
        );
    }
    if plan.demo == Some(DemoData::On) {
        missing.push(
            "leave demo data out, or ask for it with `--demo-data network`: everybody knows its keys",
        );
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "an address that is not loopback can be reached by others, so first:\n  - {}\nor listen on 127.0.0.1 only",
        missing.join("\n  - ")
    ))
}

/// What is said when demo keys are in a database that others could reach.
pub(crate) const DEMO_KEYS_WITHIN: &str = "the database holds demo data, whose keys everybody knows, and others could reach it: \
     name another database with `--database`, or say `--demo-data network`";
