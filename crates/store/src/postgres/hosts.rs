//! Which of several hosts takes writes.
//!
//! All are asked at once, and the first that says it takes writes is used. One after the other would
//! not do: a host that is frozen still takes connections, says nothing, and would use up the time of
//! those that stand behind it in the URL.

use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::connection::{Failure, SHORT};

/// What the library makes of a connection.
pub(super) type Both = (
    Client,
    tokio_postgres::Connection<
        tokio_postgres::Socket,
        <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<tokio_postgres::Socket>>::Stream,
    >,
);

/// Connects to the first host that takes writes, within [`SHORT`]. Nothing was done when it fails.
pub(super) async fn connect(config: &Config, tls: &MakeRustlsConnect) -> Result<Both, Failure> {
    let mut attempts = JoinSet::new();
    for config in each(config) {
        let tls = tls.clone();
        // The library's own limit is for the socket only.
        attempts.spawn(async move { timeout(SHORT, config.connect(tls)).await });
    }
    let mut failure = Failure::Undone("the database does not answer".to_owned());
    // Those that are not needed any more end with the set.
    while let Some(ended) = attempts.join_next().await {
        match ended {
            Ok(Ok(Ok(both))) => return Ok(both),
            Ok(Ok(Err(error))) => failure = worse(failure, Failure::of(&error)),
            // A silent host says less than one that refuses.
            Ok(Err(_)) | Err(_) => {}
        }
    }
    Err(failure)
}

/// The one that tells more: a wrong password rather than a host that is away.
fn worse(one: Failure, other: Failure) -> Failure {
    match (one, other) {
        (one @ Failure::Refused { .. }, _) => one,
        (_, other @ Failure::Refused { .. }) => other,
        (_, Failure::Undone(text) | Failure::Unknown(text)) => Failure::Undone(text),
    }
}

/// The same configuration for each of its hosts alone.
fn each(all: &Config) -> Vec<Config> {
    let hosts = all.get_hosts().len().max(all.get_hostaddrs().len());
    (0..hosts).map(|number| only(all, number)).collect()
}

fn only(all: &Config, number: usize) -> Config {
    let mut one = Config::new();
    match all.get_hosts().get(number) {
        Some(Host::Tcp(host)) => {
            one.host(host);
        }
        Some(Host::Unix(path)) => {
            one.host_path(path);
        }
        None => {}
    }
    if let Some(address) = all.get_hostaddrs().get(number) {
        one.hostaddr(*address);
    }
    // One port is for all hosts.
    let ports = all.get_ports();
    if let Some(port) = ports.get(number).or(ports.first()) {
        one.port(*port);
    }
    if let Some(user) = all.get_user() {
        one.user(user);
    }
    if let Some(password) = all.get_password() {
        one.password(password);
    }
    if let Some(name) = all.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = all.get_options() {
        one.options(options);
    }
    if let Some(name) = all.get_application_name() {
        one.application_name(name);
    }
    if let Some(limit) = all.get_connect_timeout() {
        one.connect_timeout(*limit);
    }
    if let Some(limit) = all.get_tcp_user_timeout() {
        one.tcp_user_timeout(*limit);
    }
    if let Some(every) = all.get_keepalives_interval() {
        one.keepalives_interval(every);
    }
    if let Some(retries) = all.get_keepalives_retries() {
        one.keepalives_retries(retries);
    }
    one.keepalives(all.get_keepalives())
        .keepalives_idle(all.get_keepalives_idle())
        .ssl_mode(all.get_ssl_mode())
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        .target_session_attrs(all.get_target_session_attrs());
    one
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use sandkasse_pgtest::{Database, OWNER};

    use super::*;
    use crate::postgres::{Address, PostgresStore};

    #[test]
    fn each_host_is_asked_with_all_that_was_said() {
        let all: Config =
            "postgres://me:secret@a:1,b:2,c:3/it?options=-cx%3Dy&connect_timeout=7&target_session_attrs=read-write"
                .parse()
                .unwrap();
        let each = each(&all);
        assert_eq!(each.len(), 3);
        for (number, (config, host)) in each.iter().zip(["a", "b", "c"]).enumerate() {
            let expected: Config = format!(
                "postgres://me:secret@{host}:{}/it?options=-cx%3Dy&connect_timeout=7&target_session_attrs=read-write",
                number + 1
            )
            .parse()
            .unwrap();
            assert_eq!(*config, expected);
        }
    }

    #[tokio::test]
    async fn a_frozen_host_does_not_stand_before_the_others() {
        // The system takes connections for it; nobody ever answers them.
        let frozen = TcpListener::bind("127.0.0.1:0").unwrap();
        let database = Database::lease();
        let url = database.url(OWNER);
        let both = url.replace('@', &format!("@{},", frozen.local_addr().unwrap()));
        let address = Address::parse(&both).unwrap();
        let store = PostgresStore::open(address).await.unwrap();
        drop(store);
    }
}
