//! The Business register (Brønnøysund): an oracle outside the platform that closes merchants.
//!
//! Two of them speak the same language: the public one behind `register_url` ([`Remote`]), and the
//! built-in table ([`BuiltIn`]), which is also served in the public one's form ([`stand_in`]).
//! Without `register_url` the check reads the table directly, not over loopback: then it depends
//! neither on the portal's address nor on a proxy in front of it, and cannot fail half-way.
//!
//! What the register says closes merchants and never opens them (`Merchant::learn`).

mod remote;
mod stand_in;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use jiff::SignedDuration;
use sandkasse_domain::{
    Environment,
    merchant::{Merchant, OrgNo, Registered, Standing},
};
use sandkasse_engine::Engine;
use sandkasse_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use remote::Remote;
pub(crate) use stand_in::router;

/// How often all merchants are looked up. The first time is so long after the start.
const CHECK_EVERY: SignedDuration = SignedDuration::from_mins(10);
/// After so many failures in a row the rest of a check is left for the next one.
const FAILURES_BORNE: usize = 3;

/// Whoever knows which organisations there are.
#[async_trait]
pub(crate) trait Register: Send + Sync {
    /// What it says of a merchant's number; `None` when it knows no such number.
    async fn ask(&self, merchant: &Merchant) -> Result<Option<Registered>, NoAnswer>;
}

/// The register said nothing that can be used. Nothing follows from it for a merchant.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoAnswer(pub(crate) String);

/// The table in the directory.
pub(crate) struct BuiltIn(pub(crate) Arc<Engine>);

#[async_trait]
impl Register for BuiltIn {
    /// A merchant without a row is registered as it is in its own environment.
    async fn ask(&self, merchant: &Merchant) -> Result<Option<Registered>, NoAnswer> {
        let row = self.0.directory.register_row(&merchant.orgno);
        Ok(Some(row.unwrap_or_else(|| merchant.registered())))
    }
}

/// What came of a check.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = RegisterChecked)]
pub(crate) struct Checked {
    /// How many merchants the register was asked about.
    pub(crate) asked: usize,
    /// About how many it said something new, be it only another name.
    pub(crate) noted: usize,
    /// Those that stand otherwise from now on.
    pub(crate) changed: Vec<Learned>,
    /// Those it does not know. They stay as they were.
    pub(crate) unknown: Vec<Looked>,
    /// Those it gave no usable answer about. They stay as they were.
    pub(crate) failed: Vec<Failed>,
    /// How many were left for the next check, because the register failed too often.
    pub(crate) not_asked: usize,
}

/// A merchant that was looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Looked {
    /// `test` or `production`.
    #[schema(value_type = String, example = "test")]
    pub(crate) environment: Environment,
    #[schema(value_type = String, example = "310000000")]
    pub(crate) orgno: OrgNo,
}

/// A merchant about whom something was learned.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Learned {
    #[serde(flatten)]
    pub(crate) merchant: Looked,
    /// How the merchant stood before.
    #[schema(value_type = String, example = "active")]
    pub(crate) before: Standing,
    /// How it stands now.
    #[schema(value_type = String, example = "deleted_from_register")]
    pub(crate) standing: Standing,
}

/// A merchant about whom nothing was learned.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Failed {
    #[serde(flatten)]
    pub(crate) merchant: Looked,
    /// Why.
    pub(crate) detail: String,
}

/// Asks the register about every merchant that is `wanted`, and takes note of what it says.
pub(crate) async fn check(
    engine: &Engine,
    register: &dyn Register,
    wanted: impl Fn(Environment, &Merchant) -> bool + Send,
) -> Result<Checked, StoreError> {
    let mut merchants = Vec::new();
    for environment in Environment::ALL {
        let directory = engine.directory.of(environment);
        let all = directory.merchants().into_iter().cloned();
        merchants.extend(
            all.filter(|it| wanted(environment, it))
                .map(|it| (environment, it)),
        );
    }
    let mut checked = Checked::default();
    let mut failures = 0;
    for (environment, merchant) in merchants {
        let looked = Looked {
            environment,
            orgno: merchant.orgno.clone(),
        };
        if failures == FAILURES_BORNE {
            checked.not_asked += 1;
            continue;
        }
        checked.asked += 1;
        match register.ask(&merchant).await {
            Ok(Some(row)) => {
                failures = 0;
                if let Some(learned) = learn(engine, looked, &merchant, row).await? {
                    checked.noted += 1;
                    if learned.before != learned.standing {
                        checked.changed.push(learned);
                    }
                }
            }
            Ok(None) => {
                failures = 0;
                tracing::info!(%environment, orgno = looked.orgno.0, "the Business register does not know this merchant");
                checked.unknown.push(looked);
            }
            Err(NoAnswer(detail)) => {
                failures += 1;
                tracing::warn!(%environment, orgno = looked.orgno.0, detail, "the Business register gave no answer");
                checked.failed.push(Failed {
                    merchant: looked,
                    detail,
                });
            }
        }
    }
    Ok(checked)
}

/// Writes only what is new.
async fn learn(
    engine: &Engine,
    looked: Looked,
    merchant: &Merchant,
    row: Registered,
) -> Result<Option<Learned>, StoreError> {
    let entry = row.learned_at(engine.clock.now());
    if !merchant.would_learn(&entry) {
        return Ok(None);
    }
    let mut before = merchant.standing;
    let changed = engine
        .directory
        .change_merchant(looked.environment, &looked.orgno, |merchant| {
            before = merchant.standing;
            merchant.learn(entry.clone());
        })
        .await?;
    // Gone only if a reset came in between.
    Ok(changed.map(|merchant| {
        if before != merchant.standing {
            tracing::info!(environment = %looked.environment, orgno = looked.orgno.0, standing = ?merchant.standing, "the Business register closed a merchant");
        }
        Learned {
            merchant: looked,
            before,
            standing: merchant.standing,
        }
    }))
}

/// Checks all merchants every ten minutes of real time, for ever.
pub(crate) async fn keep_checking(engine: Arc<Engine>, register: Arc<dyn Register>) {
    loop {
        let clock = &engine.clock;
        clock.sleep_until(clock.now() + CHECK_EVERY).await;
        if let Err(error) = check(&engine, &*register, |_, _| true).await {
            tracing::warn!(%error, "what the Business register says could not be noted");
        }
    }
}
