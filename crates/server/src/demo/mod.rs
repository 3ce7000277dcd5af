//! Demo data: what is there after a first start.
//!
//! The same on every machine: keys, numbers of sales units and persons can stand in examples and
//! tests. Therefore everybody knows the keys, which is why [`crate::exposure`] keeps them off the
//! network. They have the right form and are plainly made up: the first client secret is Base64 of
//! `sandkasse-test-1`.

mod persons;
#[cfg(test)]
mod tests;
mod units;

use sandkasse_domain::{
    Environment, Timestamp,
    user::{Role, User},
};
use sandkasse_engine::{Engine, directory::Change};
use sandkasse_store::StoreError;

/// The unit whose keys are shown unless others are asked for.
pub(crate) const MAIN_UNIT: &str = "demo";

/// Puts demo data into both environments. Without `local_urls` no unit is called back in this
/// machine's networks.
pub(crate) async fn fill(engine: &Engine, local_urls: bool) -> Result<(), StoreError> {
    let now = engine.clock.now();
    let all = Environment::ALL.map(|environment| changes(environment, now, local_urls));
    let mut all: Vec<Change> = all.into_iter().flatten().collect();
    // Users outlive a reset, and whoever changed them meant it.
    if engine.directory.users().is_empty() {
        all.extend(users().map(Change::User));
    }
    engine.directory.change(all).await
}

/// One of each role.
pub(crate) fn users() -> impl Iterator<Item = User> {
    let user = |(id, name, role): (&str, &str, Role)| User {
        id: id.to_owned(),
        name: name.to_owned(),
        role,
    };
    [
        ("demo-admin", "Astrid Admin", Role::Admin),
        ("demo-developer", "Didrik Developer", Role::Developer),
        ("demo-reader", "Rita Reader", Role::Reader),
    ]
    .into_iter()
    .map(user)
}

/// Whether anybody could use keys of the demo data.
pub(crate) fn is_within(engine: &Engine) -> bool {
    Environment::ALL.into_iter().any(|environment| {
        let directory = engine.directory.of(environment);
        units::known_keys(environment).any(|(id, secret)| {
            let client = directory.client(&id);
            client.is_some_and(|client| client.secret() == secret)
        })
    })
}

/// Whether a client secret is one that everybody knows.
pub(crate) fn is_known(environment: Environment, secret: &str) -> bool {
    units::known_keys(environment).any(|(_, known)| known == secret)
}

/// Everybody in one environment.
fn changes(environment: Environment, now: Timestamp, local_urls: bool) -> Vec<Change> {
    let mut changes = units::changes(environment, local_urls);
    changes.extend(persons::changes(environment, now));
    changes
}
