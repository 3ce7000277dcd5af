//! The checks, top to bottom in the order in which the platform complains.

use std::sync::Arc;

use http::HeaderMap;
use sandkasse_domain::{
    Environment,
    sales_unit::{Product, RateLimits},
};
use sandkasse_engine::{Engine, directory::Client};

use crate::{
    Caller, GateCause, Keyring, Limit, RateWindows, Step, TokenFault, Trace, acting,
    cause::{KeyMix, KeyNear},
    near,
    rate::Moment,
    sent::{AUTHORIZATION, SUBSCRIPTION_KEY, header},
    token::{KeySource, Tokens},
};

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

/// An access token that was accepted.
pub struct Bearer {
    /// Whom it was issued to.
    pub client: Client,
    /// The `client_id` of the owner of the subscription key it was fetched with, if another.
    pub fetched_with: Option<String>,
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
    ) -> Result<Client, GateCause> {
        let key = match header(headers, SUBSCRIPTION_KEY) {
            Some(key) if !key.is_empty() => key,
            _ => {
                let misspelt = near::misspelt(headers, SUBSCRIPTION_KEY);
                return Err(GateCause::SubscriptionKeyMissing { misspelt });
            }
        };
        trace.passed(Step::SubscriptionKey, "sent");
        let snapshot = self.engine.directory.of(environment);
        let client = snapshot.client_of_subscription_key(key).ok_or_else(|| {
            GateCause::SubscriptionKeyUnknown {
                near: self.near_key(environment, key),
            }
        })?;
        if let (Some(product), Client::Unit(unit)) = (product, client) {
            let covered = unit.facts.products.contains(&product)
                || (product != Product::Login && !unit.facts.takes_payments());
            if !covered {
                let msn = unit.facts.msn.to_string();
                return Err(GateCause::SubscriptionKeyProduct { msn, product });
            }
        }
        trace.passed(
            Step::SubscriptionKeyValid,
            format!("of {}", client.described()),
        );
        Ok(client.clone())
    }

    /// What an unknown key nearly is.
    fn near_key(&self, environment: Environment, key: &str) -> Option<KeyNear> {
        let here = self.engine.directory.of(environment);
        let there = self.engine.directory.of(environment.other());
        if let Some(client) = there.client_of_subscription_key(key) {
            let of = client.described();
            return Some(KeyNear::OtherEnvironment { of });
        }
        if let Some((client, gone)) = here.client_of_retired_key(key) {
            return Some(KeyNear::Regenerated {
                of: client.described(),
                key: gone.key,
                at: gone.at,
            });
        }
        let plain: String = key
            .split_whitespace()
            .collect::<String>()
            .to_ascii_lowercase();
        let client = here.client_of_subscription_key(&plain)?;
        Some(KeyNear::Blanks {
            of: client.described(),
        })
    }

    /// Step 4: an access token of this environment, in its time.
    pub async fn token(
        &self,
        environment: Environment,
        headers: &HeaderMap,
        trace: &mut Trace,
    ) -> Result<Bearer, GateCause> {
        let token = self.bearer(headers)?;
        let verified = self.tokens(environment).verify(token).await?;
        let claims = &verified.claims;
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
            Client::Partner(_) | Client::Psp(_) | Client::Office(_) => real,
        };
        verified.judge(now)?;
        trace.passed(Step::Token, format!("of client {}", claims.appid));
        Ok(Bearer {
            client,
            fetched_with: claims.fetched_with.clone(),
        })
    }

    /// Whose token was sent, if the platform issued it; whether it still lives is not asked.
    pub async fn claimed_client(
        &self,
        environment: Environment,
        headers: &HeaderMap,
    ) -> Option<Client> {
        let token = self.bearer(headers).ok()?;
        let verified = self.tokens(environment).verify(token).await.ok()?;
        let snapshot = self.engine.directory.of(environment);
        snapshot.client(&verified.claims.appid).cloned()
    }

    fn bearer<'a>(&self, headers: &'a HeaderMap) -> Result<&'a str, TokenFault> {
        // Servers trim values, so of an empty token only the word arrives.
        let value = header(headers, AUTHORIZATION)
            .filter(|value| !matches!(value.trim_end(), "" | "Bearer"))
            .ok_or_else(|| TokenFault::Missing {
                misspelt: near::misspelt(headers, AUTHORIZATION),
            })?;
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

    /// Step 5: token and subscription key are of the same owner. `claimed` is the MSN that stands
    /// in the call; the explanation uses it to tell which of the two is the wrong one.
    pub fn same_owner(
        &self,
        bearer: Bearer,
        key_of: &Client,
        headers: &HeaderMap,
        claimed: Option<&str>,
        trace: &mut Trace,
    ) -> Result<Keyring, GateCause> {
        let Bearer {
            client,
            fetched_with,
        } = bearer;
        if client.id() != key_of.id() {
            let is_of_key = |msn: &str| match key_of {
                Client::Unit(unit) => unit.facts.msn.as_str() == msn,
                Client::Partner(_) | Client::Psp(_) | Client::Office(_) => false,
            };
            // Who has a wrong `client_id` sends the right key to the token endpoint too, so the MSN
            // is asked first.
            let mix = if claimed.is_some_and(is_of_key) {
                KeyMix::TokenOfOther
            } else if fetched_with.is_some() {
                KeyMix::FetchedWithOther
            } else {
                KeyMix::KeyOfOther
            };
            return Err(GateCause::KeysOfDifferentOwners {
                token_of: client.described(),
                key_of: key_of.described(),
                mix,
            });
        }
        trace.passed(Step::SameOwner, format!("both of {}", client.described()));
        Ok(Keyring {
            client,
            subscription_key: header(headers, SUBSCRIPTION_KEY).map(str::to_owned),
        })
    }

    /// Steps 5½ and 7 ahead of their time: the sales unit acted for, or what those steps will
    /// answer. The rate limit between them counts differently for the two.
    pub fn acting(
        &self,
        environment: Environment,
        keyring: &Keyring,
        headers: &HeaderMap,
        in_body: Option<&str>,
    ) -> Result<Caller, GateCause> {
        acting::acting(&self.engine, environment, keyring, headers, in_body)
    }

    /// Step 6: not too many calls. `about` is what the limit counts for.
    ///
    /// A call whose MSN a later step refuses has a window of its own, so nobody can use up another
    /// unit's: `claimed` is that MSN.
    pub async fn rate(
        &self,
        environment: Environment,
        keyring: &Keyring,
        acting: Result<&Caller, &str>,
        limit: Limit,
        about: &About<'_>,
        trace: &mut Trace,
    ) -> Result<(), GateCause> {
        let unit = match (&acting, &keyring.client) {
            (Ok(caller), _) => Some(&caller.unit),
            (Err(_), Client::Unit(unit)) => Some(unit),
            (Err(_), Client::Partner(_) | Client::Psp(_) | Client::Office(_)) => None,
        };
        if unit.is_some_and(|unit| unit.facts.rate_limits == RateLimits::Off) {
            trace.passed(Step::Rate, "switched off for this sales unit");
            return Ok(());
        }
        let whose = match &acting {
            Ok(caller) => format!("msn/{}", caller.unit.facts.msn),
            Err(claimed) => format!("refused/{}/{claimed}", keyring.client.id()),
        };
        let key = format!(
            "{}/{whose}/{}/{}/{}",
            environment.name(),
            limit.operation,
            about.key.unwrap_or_default(),
            about.order
        );
        let real = self.engine.clock.now();
        let moment = Moment {
            on_clock: unit.map_or(real, |unit| unit.now(real)),
            real,
        };
        let counted = match &self.engine.windows {
            Some(windows) => RateWindows::count_shared(windows, &key, limit, moment).await,
            None => self.rates.count(&key, limit, moment),
        };
        counted.map_err(|retry_after| GateCause::RateExceeded {
            id: limit.id.into(),
            operation: limit.operation.into(),
            limit: limit.per_minute,
            about: about.described(unit.map(|unit| unit.facts.msn.as_str())),
            retry_after,
        })?;
        trace.passed(Step::Rate, format!("at most {} a minute", limit.per_minute));
        Ok(())
    }
}

/// What a limit counts for.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The order id, literally as sent.
    pub order: &'a str,
    /// The subscription key, where each has a count of its own.
    pub key: Option<&'a str>,
}

impl About<'_> {
    fn described(&self, msn: Option<&str>) -> String {
        let order = self.order;
        let msn = msn.map_or(String::new(), |msn| format!(" of MSN {msn}"));
        let key = if self.key.is_some() {
            ", called with this subscription key"
        } else {
            ""
        };
        format!("order `{order}`{msn}{key}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_limit_counts_for_is_named() {
        for (key, msn, expected) in [
            (None, None, "order `acme-1`"),
            (None, Some("123456"), "order `acme-1` of MSN 123456"),
            (
                Some("0a"),
                Some("123456"),
                "order `acme-1` of MSN 123456, called with this subscription key",
            ),
        ] {
            let order = "acme-1";
            assert_eq!(About { order, key }.described(msn), expected);
        }
    }
}
