//! The checks, top to bottom in the order in which the platform complains.

use std::sync::Arc;

use http::HeaderMap;
use sandkasse_domain::{
    Environment, Msn,
    sales_unit::{Product, RateLimits},
};
use sandkasse_engine::{Engine, Unit, directory::Client};

use crate::{
    GateCause, Limit, RateWindows, Step, TokenFault, Trace, near,
    rate::Moment,
    token::{KeySource, Tokens},
};

/// The header that carries the subscription key.
pub(crate) const SUBSCRIPTION_KEY: &str = "ocp-apim-subscription-key";
/// The header that names the sales unit.
pub(crate) const MSN: &str = "merchant-serial-number";

/// The gate of both environments.
pub struct Gate {
    engine: Arc<Engine>,
    /// Tokens of the test environment.
    test: Tokens,
    /// Tokens of production.
    production: Tokens,
    /// The limits per minute.
    pub rates: RateWindows,
    lenient_bearer: bool,
}

/// Who calls, as far as the checks so far have proved it.
#[derive(Clone)]
pub struct Caller {
    /// The sales unit acted for.
    pub unit: Arc<Unit>,
    /// The subscription key sent, if any.
    pub subscription_key: Option<String>,
}

impl Gate {
    /// `lenient_bearer` accepts a token without the word `Bearer` (reference: README, ruling 11).
    pub fn new(
        engine: Arc<Engine>,
        test: KeySource,
        production: KeySource,
        lenient_bearer: bool,
    ) -> Gate {
        Gate {
            engine,
            test: Tokens::new(Environment::Test, test),
            production: Tokens::new(Environment::Production, production),
            rates: RateWindows::default(),
            lenient_bearer,
        }
    }

    /// The tokens of an environment.
    pub fn tokens(&self, environment: Environment) -> &Tokens {
        match environment {
            Environment::Test => &self.test,
            Environment::Production => &self.production,
        }
    }

    /// Steps 2 and 3: a subscription key that is alive here and covers the API. A Login-only
    /// unit's key passes for every payment API; a later check answers (reference: README,
    /// ruling 5). `product` is `None` where any key of the environment will do.
    pub fn subscription_key(
        &self,
        environment: Environment,
        headers: &HeaderMap,
        product: Option<Product>,
        trace: &mut Trace,
    ) -> Result<Arc<Unit>, GateCause> {
        let key = match header(headers, SUBSCRIPTION_KEY) {
            Some(key) if !key.is_empty() => key,
            _ => {
                let misspelt = near::misspelt(headers, SUBSCRIPTION_KEY);
                return Err(GateCause::SubscriptionKeyMissing { misspelt });
            }
        };
        trace.passed(Step::SubscriptionKey, "sent");
        let snapshot = self.engine.directory.of(environment);
        let unit = snapshot
            .unit_of_subscription_key(key)
            .ok_or(GateCause::SubscriptionKeyUnknown)?;
        if let Some(product) = product {
            let covered = unit.facts.products.contains(&product)
                || (product != Product::Login && !unit.facts.takes_payments());
            if !covered {
                let msn = unit.facts.msn.to_string();
                return Err(GateCause::SubscriptionKeyProduct { msn, product });
            }
        }
        trace.passed(
            Step::SubscriptionKeyValid,
            format!("of sales unit {}", unit.facts.msn),
        );
        Ok(unit.clone())
    }

    /// Step 4: an access token of this environment, in its time.
    pub async fn token(
        &self,
        environment: Environment,
        headers: &HeaderMap,
        trace: &mut Trace,
    ) -> Result<Client, GateCause> {
        let token = self.bearer(headers)?;
        let claims = self.tokens(environment).verify(token).await?;
        let snapshot = self.engine.directory.of(environment);
        let client =
            snapshot
                .client(&claims.appid)
                .cloned()
                .ok_or_else(|| TokenFault::ClientGone {
                    client_id: claims.appid.clone(),
                })?;
        let real = self.engine.clock.now();
        let now = match &client {
            // A token lives on the clock of the unit whose keys fetched it.
            Client::Unit(unit) if !unit.facts.tokens_survive_advance => unit.now(real),
            Client::Unit(_) => real
                .checked_add(jiff::SignedDuration::from_millis(claims.ahead_ms))
                .unwrap_or(real),
            // What belongs to no sales unit follows real time.
            Client::Office(_) => real,
        };
        claims.judge(now)?;
        trace.passed(Step::Token, format!("of client {}", claims.appid));
        Ok(client)
    }

    fn bearer<'a>(&self, headers: &'a HeaderMap) -> Result<&'a str, TokenFault> {
        // Servers trim values, so of an empty token only the word arrives.
        let value = header(headers, "authorization")
            .filter(|value| !matches!(value.trim_end(), "" | "Bearer"))
            .ok_or(TokenFault::Missing)?;
        if let Some(token) = value.strip_prefix("Bearer ") {
            return Ok(token);
        }
        match value.split_once(' ') {
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("bearer") => {
                Err(TokenFault::SchemeCase {
                    received: scheme.to_owned(),
                })
            }
            None if self.lenient_bearer => Ok(value),
            None | Some(_) => Err(TokenFault::NoScheme),
        }
    }

    /// Step 5: token and subscription key are of the same owner.
    pub fn same_owner(
        &self,
        client: &Client,
        key_of: &Arc<Unit>,
        headers: &HeaderMap,
        trace: &mut Trace,
    ) -> Result<Caller, GateCause> {
        let different = |token_of: &str| GateCause::KeysOfDifferentOwners {
            token_of: token_of.to_owned(),
            key_of: key_of.facts.msn.to_string(),
        };
        let unit = match client {
            Client::Unit(unit) => unit,
            Client::Office(keys) => return Err(different(&keys.owner.0)),
        };
        if unit.facts.msn != key_of.facts.msn {
            return Err(different(unit.facts.msn.as_str()));
        }
        trace.passed(
            Step::SameOwner,
            format!("both of sales unit {}", unit.facts.msn),
        );
        let subscription_key = header(headers, SUBSCRIPTION_KEY).map(str::to_owned);
        Ok(Caller {
            unit: unit.clone(),
            subscription_key,
        })
    }

    /// Step 6: not too many calls. `about` is what the limit counts for; `claimed` the MSN of
    /// header or body, whose window is its own when it is not the caller's.
    pub fn rate(
        &self,
        caller: &Caller,
        limit: Limit,
        about: &str,
        claimed: Option<&str>,
        trace: &mut Trace,
    ) -> Result<(), GateCause> {
        let unit = &caller.unit;
        if unit.facts.rate_limits == RateLimits::Off {
            trace.passed(Step::Rate, "switched off for this sales unit");
            return Ok(());
        }
        let own = unit.facts.msn.as_str();
        let claimed = claimed.filter(|msn| *msn != own).unwrap_or_default();
        let key = format!(
            "{}/{own}/{claimed}/{}/{about}",
            unit.facts.environment.name(),
            limit.operation
        );
        let real = self.engine.clock.now();
        let moment = Moment {
            on_clock: unit.now(real),
            real,
        };
        self.rates
            .count(&key, limit, moment)
            .map_err(|retry_after| GateCause::RateExceeded {
                operation: limit.operation,
                limit: limit.per_minute,
                retry_after,
            })?;
        trace.passed(Step::Rate, format!("at most {} a minute", limit.per_minute));
        Ok(())
    }

    /// Step 7: the header's MSN, if sent, is the caller's own.
    pub fn msn_header(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
        trace: &mut Trace,
    ) -> Result<(), GateCause> {
        match header(headers, MSN).filter(|msn| !msn.is_empty()) {
            None => trace.passed(Step::MsnHeader, "not sent"),
            Some(msn) => {
                own_msn(caller, msn, true)?;
                trace.passed(Step::MsnHeader, "the caller's own");
            }
        }
        Ok(())
    }

    /// Step 9: the body's MSN is the caller's own. Only a well-formed one is looked at here; what
    /// is missing or has other characters waits for the fields.
    pub fn msn_body(
        &self,
        caller: &Caller,
        msn: Option<&str>,
        trace: &mut Trace,
    ) -> Result<(), GateCause> {
        if let Some(msn) = msn.filter(|msn| Msn::try_new(msn).is_some()) {
            own_msn(caller, msn, false)?;
            trace.passed(Step::MsnBody, "the caller's own");
        }
        Ok(())
    }
}

fn own_msn(caller: &Caller, msn: &str, in_header: bool) -> Result<(), GateCause> {
    let yours = caller.unit.facts.msn.as_str();
    if msn == yours {
        return Ok(());
    }
    Err(GateCause::MsnNotYours {
        msn: msn.to_owned(),
        yours: yours.to_owned(),
        in_header,
    })
}

/// A header as text. Bytes that are no text make the header worthless, as on the platform.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get(name)
        .map(|value| value.to_str().unwrap_or("\u{fffd}"))
}

impl From<TokenFault> for GateCause {
    fn from(fault: TokenFault) -> GateCause {
        GateCause::Token { fault }
    }
}
