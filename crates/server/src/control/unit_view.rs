//! A sales unit as the control API shows it.

use std::collections::BTreeSet;

use sandkasse_domain::{
    Currency, Environment, Msn, Timestamp,
    keys::Keys,
    ledger::Settlement,
    merchant::Standing,
    sales_unit::{CaptureType, Limits, Product, RateLimits, UnitState, UrlPolicy},
};
use sandkasse_engine::Unit;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Control, Problem, schemas};

/// A sales unit, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnitView {
    #[schema(schema_with = schemas::environment)]
    environment: Environment,
    #[schema(value_type = String, example = "220001")]
    msn: Msn,
    name: String,
    /// Where its calls go.
    #[schema(example = "http://127.0.0.1:7480")]
    base_url: String,
    merchant: MerchantView,
    /// Whether it takes payments (error 37 when not).
    active: bool,
    /// The same with who closed it, and when.
    #[schema(value_type = Object)]
    state: UnitState,
    /// The partner who may act for it.
    #[schema(example = "demo-partner")]
    partner: Option<String>,
    /// What its merchant ordered and the platform has not approved yet.
    #[schema(schema_with = schemas::products)]
    ordered: BTreeSet<Product>,
    #[schema(schema_with = schemas::products)]
    products: BTreeSet<Product>,
    #[schema(schema_with = schemas::capture)]
    capture: CaptureType,
    skip_landing_page: bool,
    nin_scope: bool,
    express: bool,
    long_living: bool,
    #[schema(schema_with = schemas::currency)]
    currency: Currency,
    partial_capture: bool,
    #[schema(schema_with = schemas::rate_limits)]
    rate_limits: RateLimits,
    #[schema(schema_with = schemas::url_policy)]
    url_policy: UrlPolicy,
    /// In minor units; null is no bound.
    #[schema(value_type = Object)]
    limits: Limits,
    tokens_survive_advance: bool,
    sub_delay_ms: i64,
    low_images: bool,
    #[schema(value_type = Object)]
    settlement: Settlement,
    report_readers: BTreeSet<String>,
    keys: Fingerprints,
    clock: ClockView,
}

/// Whose a sales unit is.
#[derive(Debug, Serialize, ToSchema)]
struct MerchantView {
    #[schema(example = "310000000")]
    orgno: String,
    name: String,
    #[schema(schema_with = schemas::standing)]
    standing: Standing,
}

/// The beginnings of the keys, to tell them apart.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Fingerprints {
    client_id: String,
    #[schema(example = "c2Fu…")]
    client_secret: String,
    primary_subscription_key: String,
    secondary_subscription_key: String,
}

/// A sales unit's own time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClockView {
    #[schema(value_type = String, format = DateTime)]
    now: Timestamp,
    /// How far it is ahead of real time, in milliseconds.
    ahead_ms: i64,
    /// When the next thing happens by itself: a payment times out, a person acts, …
    #[schema(value_type = Option<String>, format = DateTime)]
    next_deadline: Option<Timestamp>,
}

impl Control {
    pub(super) async fn view(&self, unit: &Unit) -> Result<UnitView, Problem> {
        let facts = &unit.facts;
        Ok(UnitView {
            environment: facts.environment,
            msn: facts.msn.clone(),
            name: facts.name.clone(),
            base_url: self.platform.base(facts.environment).to_owned(),
            merchant: MerchantView {
                orgno: unit.merchant.orgno.0.clone(),
                name: unit.merchant.name.clone(),
                standing: unit.merchant.standing,
            },
            active: facts.state == UnitState::Active,
            state: facts.state.clone(),
            partner: facts.partner.as_ref().map(|partner| partner.0.clone()),
            ordered: facts.ordered.clone(),
            products: facts.products.clone(),
            capture: facts.capture,
            skip_landing_page: facts.skip_landing_page,
            nin_scope: facts.nin_scope,
            express: facts.express,
            long_living: facts.long_living,
            currency: facts.currency,
            partial_capture: facts.partial_capture,
            rate_limits: facts.rate_limits,
            url_policy: facts.url_policy,
            limits: facts.limits,
            tokens_survive_advance: facts.tokens_survive_advance,
            sub_delay_ms: facts.sub_delay_ms,
            low_images: facts.low_images,
            settlement: facts.settlement,
            report_readers: facts.report_readers.clone(),
            keys: Fingerprints::of(&facts.keys),
            clock: self.clock(unit).await?,
        })
    }

    pub(super) async fn clock(&self, unit: &Unit) -> Result<ClockView, Problem> {
        let engine = self.engine();
        Ok(ClockView {
            now: engine.now(unit),
            ahead_ms: unit.ahead_ms(),
            next_deadline: engine
                .store()
                .next_deadline(&unit.partition(), sandkasse_store::Kind::Payment)
                .await?,
        })
    }
}

impl Fingerprints {
    pub(super) fn of(keys: &Keys) -> Fingerprints {
        Fingerprints {
            client_id: keys.client_id.clone(),
            client_secret: fingerprint(&keys.client_secret),
            primary_subscription_key: fingerprint(&keys.primary),
            secondary_subscription_key: fingerprint(&keys.secondary),
        }
    }
}

pub(super) fn fingerprint(key: &str) -> String {
    format!("{}…", key.chars().take(4).collect::<String>())
}
