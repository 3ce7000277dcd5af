//! How a host name becomes addresses. A port, so that tests need no DNS and can lie.
//!
//! A resolver judges nothing: [`crate::address`] looks at every address it returns.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// Turns a name into addresses.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// All addresses of `host`, each with `port`. An error or an empty list: there is none.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// So many questions to the operating system at one time: each takes a thread, and a name server
/// that does not answer must not take them all.
const ASKED_AT_ONCE: usize = 64;

/// How long the operating system may take.
const PATIENCE: Duration = Duration::from_secs(2);

static SEATS: Semaphore = Semaphore::const_new(ASKED_AT_ONCE);

/// Asks the operating system, which has two seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let asked = async {
            let _seat = SEATS.acquire().await.map_err(io::Error::other)?;
            Ok(tokio::net::lookup_host((host, port)).await?.collect())
        };
        tokio::time::timeout(PATIENCE, asked)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Answers from a table, for tests and for installations without DNS; knows no other name.
///
/// ```
/// use sandkasse_courier::{Resolver, TableResolver};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let table = TableResolver::new().with("shop.test", ["127.0.0.1"]);
/// assert_eq!(table.resolve("shop.test", 80).await.unwrap(), ["127.0.0.1:80".parse().unwrap()]);
/// assert!(table.resolve("other.test", 80).await.is_err());
/// # }
/// ```
#[derive(Debug, Default)]
pub struct TableResolver {
    rows: Mutex<HashMap<String, Row>>,
}

#[derive(Debug, Default)]
struct Row {
    answers: Vec<Vec<IpAddr>>,
    asked: usize,
}

impl TableResolver {
    /// Knows no name.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an answer. With several for one name, each question gets the next one, and the last
    /// one is repeated: this is how a name changes its mind.
    ///
    /// # Panics
    ///
    /// When an address is none.
    #[must_use]
    pub fn with<'a>(self, host: &str, addresses: impl IntoIterator<Item = &'a str>) -> Self {
        let addresses = addresses
            .into_iter()
            .map(|text| text.parse().expect("an IP address"))
            .collect();
        self.rows
            .lock()
            .entry(host.to_owned())
            .or_default()
            .answers
            .push(addresses);
        self
    }

    /// How often a name was asked for.
    pub fn asked(&self, host: &str) -> usize {
        self.rows.lock().get(host).map_or(0, |row| row.asked)
    }
}

#[async_trait]
impl Resolver for TableResolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let mut rows = self.rows.lock();
        let row = rows
            .get_mut(host)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "name not in the table"))?;
        let answer = row
            .answers
            .get(row.asked)
            .or(row.answers.last())
            .cloned()
            .unwrap_or_default();
        row.asked += 1;
        Ok(answer
            .into_iter()
            .map(|address| SocketAddr::new(address, port))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Resolver, SystemResolver, TableResolver};

    #[tokio::test]
    async fn the_system_knows_itself() {
        let found = SystemResolver.resolve("localhost", 81).await.unwrap();
        assert!(
            found
                .iter()
                .all(|address| address.ip().is_loopback() && address.port() == 81)
                && !found.is_empty()
        );
    }

    #[tokio::test]
    async fn answers_come_one_after_the_other() {
        let table = TableResolver::new()
            .with("a.test", ["10.0.0.1"])
            .with("a.test", ["10.0.0.2", "::1"]);
        for expected in [
            vec!["10.0.0.1:80"],
            vec!["10.0.0.2:80", "[::1]:80"],
            vec!["10.0.0.2:80", "[::1]:80"],
        ] {
            let found = table.resolve("a.test", 80).await.unwrap();
            assert_eq!(
                found.iter().map(ToString::to_string).collect::<Vec<_>>(),
                expected
            );
        }
        assert_eq!((table.asked("a.test"), table.asked("b.test")), (3, 0));
    }
}
