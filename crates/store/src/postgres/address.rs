//! Where the database is and how to speak to it: the URL.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// How long a host may take to be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long sent bytes may stay unacknowledged.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(2);
/// After so long without a byte the other side is asked for a sign of life, and so often.
const KEEPALIVE: Duration = Duration::from_secs(1);
const KEEPALIVE_RETRIES: u32 = 2;

/// How sure one wants to be of whom one speaks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Whoever answers, as `prefer` and `require` mean it.
    Anybody,
    /// Who shows a certificate for the host's name, signed by one of the system's authorities, or by
    /// one in this file.
    Named(Option<PathBuf>),
}

/// A database's URL: `postgres://user:password@host1,host2:5432/database?sslmode=verify-full`.
///
/// All that PostgreSQL's own clients understand in such a URL, as far as it makes sense here, and:
/// `sslmode=verify-full` with `sslrootcert=FILE`; `connections=8`, how many connections read;
/// `writers=4`, how many write; `patience=10`, for how many seconds a lost database is waited for;
/// `listen=off`, which a pooler in transaction mode needs.
#[derive(Clone)]
pub struct Address {
    pub(super) config: Config,
    pub(super) trust: Trust,
    pub(super) connections: usize,
    pub(super) writers: usize,
    pub(super) patience: Duration,
    pub(super) listen: bool,
}

impl Address {
    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// When it is none; the text does not repeat the password.
    pub fn parse(url: &str) -> Result<Address, String> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut address = Address {
            config: Config::new(),
            trust: Trust::Anybody,
            connections: 8,
            writers: 4,
            patience: Duration::from_secs(10),
            listen: true,
        };
        let mut mode = SslMode::Prefer;
        let mut verify = false;
        let mut authority = None;
        let mut rest = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name {
                "sslmode" => {
                    (mode, verify) = match value {
                        "disable" => (SslMode::Disable, false),
                        "allow" | "prefer" => (SslMode::Prefer, false),
                        "require" => (SslMode::Require, false),
                        "verify-full" => (SslMode::Require, true),
                        other => {
                            return Err(format!(
                                "sslmode={other} is not known: use disable, prefer, require or verify-full"
                            ));
                        }
                    };
                }
                "sslrootcert" => authority = Some(PathBuf::from(value.replace("%2F", "/"))),
                "connections" => address.connections = number(name, value, 1, 1_000)?,
                "writers" => address.writers = number(name, value, 1, 64)?,
                "patience" => {
                    let seconds = number(name, value, 1, 600)?;
                    address.patience = Duration::from_secs(seconds.try_into().unwrap_or(10));
                }
                "listen" => {
                    address.listen = match value {
                        "on" => true,
                        "off" => false,
                        other => return Err(format!("listen={other} is neither on nor off")),
                    };
                }
                _ => rest.push(part),
            }
        }
        let plain = match rest.is_empty() {
            true => base.to_owned(),
            false => format!("{base}?{}", rest.join("&")),
        };
        // What the library says may repeat a part of the URL, and a part may be the password.
        let mut config = Config::from_str(&plain).map_err(|_| {
            "this is no URL of a PostgreSQL database: postgres://USER:PASSWORD@HOST/DATABASE, \
             special characters of the password percent-encoded"
                .to_owned()
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err("the URL of the database names no host".to_owned());
        }
        if config.get_user().is_none() {
            return Err(
                "the URL of the database names no user: postgres://USER@HOST/DATABASE".to_owned(),
            );
        }
        config.ssl_mode(mode);
        if verify || authority.is_some() {
            address.trust = Trust::Named(authority);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(TCP_USER_TIMEOUT);
        }
        config
            .keepalives_idle(KEEPALIVE)
            .keepalives_interval(KEEPALIVE)
            .keepalives_retries(KEEPALIVE_RETRIES)
            // A standby answers too, with what was true a moment ago.
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        if config.get_application_name().is_none() {
            config.application_name("sandkasse");
        }
        address.config = config;
        Ok(address)
    }
}

fn number(name: &str, value: &str, least: usize, most: usize) -> Result<usize, String> {
    let number = value.parse().ok();
    number
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("{name}={value} is no number from {least} to {most}"))
}

/// For people: without the password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.config.get_user() {
            write!(f, "{user}@")?;
        }
        let ports = self.config.get_ports();
        for (index, host) in self.config.get_hosts().iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match host {
                Host::Tcp(name) => f.write_str(name)?,
                Host::Unix(path) => write!(f, "{}", path.display())?,
            }
            match ports.get(index).or(ports.first()) {
                Some(5432) | None => {}
                Some(port) => write!(f, ":{port}")?,
            }
        }
        write!(
            f,
            "/{}",
            self.config
                .get_dbname()
                .or(self.config.get_user())
                .unwrap_or_default()
        )
    }
}

/// As [`Display`](fmt::Display).
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_shown_without_its_password() {
        let rows = [
            ("postgres://app:secret@db/pay", Ok("postgres://app@db/pay")),
            (
                "postgresql://app:secret@a:5433,b:5434/pay?sslmode=require",
                Ok("postgres://app@a:5433,b:5434/pay"),
            ),
            ("postgres://app@db", Ok("postgres://app@db/app")),
            (
                "postgres://app@%2Frun%2Fpg/pay?listen=off&writers=2",
                Ok("postgres://app@/run/pg/pay"),
            ),
            (
                "postgres://app:secret@db/pay?sslmode=maybe",
                Err("sslmode=maybe"),
            ),
            ("postgres://app:secret@db/pay?writers=0", Err("writers=0")),
            (
                "postgres://app:secret@db/pay?listen=maybe",
                Err("listen=maybe"),
            ),
            ("postgres://app:sec%ret@db:port/pay", Err("no URL")),
            ("postgres://app:secret@/pay", Err("no host")),
            ("postgres://db/pay", Err("no user")),
        ];
        for (url, expected) in rows {
            match (Address::parse(url), expected) {
                (Ok(address), Ok(shown)) => {
                    assert_eq!(address.to_string(), shown);
                    assert_eq!(format!("{address:?}"), shown);
                }
                (Err(error), Err(part)) => {
                    assert!(error.contains(part), "{error}");
                    assert!(!error.contains("sec"), "{error}");
                }
                (found, _) => panic!("{url}: {found:?}"),
            }
        }
    }

    #[test]
    fn verification_is_as_strict_as_asked() {
        for (query, mode, trust) in [
            ("", SslMode::Prefer, Trust::Anybody),
            ("?sslmode=disable", SslMode::Disable, Trust::Anybody),
            ("?sslmode=require", SslMode::Require, Trust::Anybody),
            ("?sslmode=verify-full", SslMode::Require, Trust::Named(None)),
            (
                "?sslmode=require&sslrootcert=/ca.pem",
                SslMode::Require,
                Trust::Named(Some("/ca.pem".into())),
            ),
        ] {
            let address = Address::parse(&format!("postgres://u@h/d{query}")).unwrap();
            assert_eq!(
                (address.config.get_ssl_mode(), address.trust),
                (mode, trust),
                "{query}"
            );
        }
    }
}
