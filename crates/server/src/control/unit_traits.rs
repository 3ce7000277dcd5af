//! What can be chosen of a sales unit.

use std::collections::BTreeSet;

use sandkasse_domain::{
    Currency, Environment, Minor,
    ledger::Settlement,
    merchant::Standing,
    sales_unit::{CaptureType, Product, RateLimits, SalesUnit, UrlPolicy},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Problem, extract::present, schemas};

/// Traits of a sales unit; what is left out keeps its value, or its default for a new one.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnitTraits {
    /// Where it exists. Only for a new one; `test` if left out.
    #[schema(schema_with = schemas::environment)]
    pub(crate) environment: Option<Environment>,
    /// Shown to the payer.
    #[schema(example = "Acme socks")]
    pub(crate) name: Option<String>,
    /// Whose it is, by organisation number. Only for a new one; a new merchant if left out.
    #[schema(example = "310000000")]
    pub(crate) merchant_orgno: Option<String>,
    /// The merchant's name; changes it for all units of this merchant.
    pub(crate) merchant_name: Option<String>,
    /// How the merchant stands with the platform; changes it for all its units. `deactivated`
    /// gives error 37, `blocked` 31, `unsigned` 36.
    #[schema(schema_with = schemas::standing)]
    pub(crate) merchant_standing: Option<Standing>,
    /// What it may be used for; `["ecom", "login"]` if left out.
    #[schema(schema_with = schemas::products)]
    pub(crate) products: Option<BTreeSet<Product>>,
    /// What happens at approval: the amount is reserved (the default), or captured directly.
    #[schema(schema_with = schemas::capture)]
    pub(crate) capture: Option<CaptureType>,
    /// Whether `skipLandingPage` is allowed (error 38 when not).
    pub(crate) skip_landing_page: Option<bool>,
    /// Whether the `nin` scope is allowed (error 51 when not).
    pub(crate) nin_scope: Option<bool>,
    /// Whether ePayment's express is allowed (error 5020 when not).
    pub(crate) express: Option<bool>,
    /// Whether ePayment's payments may live longer than ten minutes (error 5050 when not).
    pub(crate) long_living: Option<bool>,
    /// What ePayment's payments count: `NOK` (the default), or `DKK` or `EUR` for a Danish or Finnish
    /// sales unit (error 5040 for any other).
    #[schema(schema_with = schemas::currency)]
    pub(crate) currency: Option<Currency>,
    /// Whether ePayment may capture less than all (error 6140 when not).
    pub(crate) partial_capture: Option<bool>,
    /// Whether the documented limits per minute hold.
    #[schema(schema_with = schemas::rate_limits)]
    pub(crate) rate_limits: Option<RateLimits>,
    /// Which addresses the platform calls: `strict` as the real one (the default), or `local`,
    /// where a receiver on 127.0.0.1 works too.
    #[schema(schema_with = schemas::url_policy)]
    pub(crate) url_policy: Option<UrlPolicy>,
    /// Bounds in minor units; null is no bound.
    pub(crate) limits: Option<LimitTraits>,
    /// Tokens issued before the clock was advanced keep their life, for clients that cache them by
    /// the real clock.
    pub(crate) tokens_survive_advance: Option<bool>,
    /// How long details lack the `sub` after an approval with `scope`, in milliseconds; 200 if
    /// left out.
    pub(crate) sub_delay_ms: Option<u32>,
    /// Whether Order Management takes pictures lower than 167 pixels, as before November 2023.
    pub(crate) low_images: Option<bool>,
    /// How it is settled: `payouts` (`daily`, `weekly`, `monthly`), `fees` (`net`, `gross`),
    /// `cut_off_hour`, `capture_fee` in hundredths of a per cent.
    #[schema(value_type = Option<Object>)]
    pub(crate) settlement: Option<Settlement>,
    /// Who may read its ledger besides itself: ids of partners, and `client_id`s of accounting keys.
    pub(crate) report_readers: Option<BTreeSet<String>>,
    /// Whether it is open (error 37 when not). Only for a new one: later a merchant closes and
    /// reopens it with BankID.
    pub(crate) active: Option<bool>,
}

/// Bounds on what a sales unit may ask for and receive, in minor units.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitTraits {
    /// The sum it may receive (error 32).
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, example = 1_000_000)]
    receive: Option<Option<Minor>>,
    /// The sum it may ask for (error 33).
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>)]
    request: Option<Option<Minor>>,
    /// How far refunds may overdraw its settlement account (error 74).
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>)]
    overdraft: Option<Option<Minor>>,
    /// What has left its settlement account already.
    #[schema(value_type = Option<i64>)]
    paid_out: Option<Minor>,
}

impl UnitTraits {
    /// Refuses what cannot be chosen here.
    pub(super) fn check(&self, local_urls: bool) -> Result<(), Problem> {
        let is_blank = |text: &Option<String>| text.as_ref().is_some_and(|it| it.trim().is_empty());
        if is_blank(&self.name) || is_blank(&self.merchant_name) {
            return Err(Problem::bad_request("a name is empty"));
        }
        if self.products.as_ref().is_some_and(BTreeSet::is_empty) {
            return Err(Problem::bad_request("`products` is empty"));
        }
        let is_odd = |it: Settlement| {
            !(0..=23).contains(&it.cut_off_hour) || !(0..=10_000).contains(&it.capture_fee)
        };
        if self.settlement.is_some_and(is_odd) {
            return Err(Problem::bad_request(
                "`cut_off_hour` is 0 to 23, `capture_fee` 0 to 10000",
            ));
        }
        if self.currency.is_some_and(|it| !it.is_of_a_country()) {
            return Err(Problem::bad_request("`currency` is NOK, DKK or EUR"));
        }
        let orgno = self.merchant_orgno.as_deref();
        if orgno.is_some_and(|orgno| !is_orgno(orgno)) {
            return Err(Problem::bad_request(
                "`merchant_orgno` has nine digits in Norway, eight in Denmark and Finland",
            ));
        }
        if self.url_policy == Some(UrlPolicy::Local) && !local_urls {
            return Err(Problem::conflict(
                "local_urls_refused",
                "others can reach this platform, so it calls no local addresses unless `allow_local_urls` is set",
            ));
        }
        Ok(())
    }

    /// Sets what was said.
    pub(super) fn apply(&self, unit: &mut SalesUnit) {
        fn set<T: Clone>(place: &mut T, said: &Option<T>) {
            if let Some(value) = said {
                place.clone_from(value);
            }
        }
        set(&mut unit.name, &self.name);
        set(&mut unit.products, &self.products);
        set(&mut unit.capture, &self.capture);
        set(&mut unit.skip_landing_page, &self.skip_landing_page);
        set(&mut unit.nin_scope, &self.nin_scope);
        set(&mut unit.express, &self.express);
        set(&mut unit.long_living, &self.long_living);
        set(&mut unit.currency, &self.currency);
        set(&mut unit.partial_capture, &self.partial_capture);
        set(&mut unit.rate_limits, &self.rate_limits);
        set(&mut unit.url_policy, &self.url_policy);
        let limits = self.limits.unwrap_or_default();
        set(&mut unit.limits.receive, &limits.receive);
        set(&mut unit.limits.request, &limits.request);
        set(&mut unit.limits.overdraft, &limits.overdraft);
        set(&mut unit.limits.paid_out, &limits.paid_out);
        set(
            &mut unit.tokens_survive_advance,
            &self.tokens_survive_advance,
        );
        set(&mut unit.sub_delay_ms, &self.sub_delay_ms.map(i64::from));
        set(&mut unit.low_images, &self.low_images);
        set(&mut unit.settlement, &self.settlement);
        set(&mut unit.report_readers, &self.report_readers);
    }
}

fn is_orgno(text: &str) -> bool {
    (8..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
