//! What `sandkasse env` prints.

use axum::{Json, extract::State};
use sandkasse_domain::{
    Environment,
    person::{Acts, CardState, Person},
    sales_unit::Product,
};
use sandkasse_engine::Unit;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

use super::{Control, Problem, Shared, extract::Asked};

/// Keys for a shell.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) struct Keys {
    #[schema(example = "http://127.0.0.1:7480")]
    pub(crate) base_url: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    /// The primary one.
    pub(crate) subscription_key: String,
    #[schema(example = "220001")]
    pub(crate) msn: String,
    /// Of a person who can pay, with country code.
    #[schema(example = "4741000001")]
    pub(crate) phone: String,
}

impl Keys {
    /// Names and values, in the order in which they are printed.
    pub(crate) fn pairs(&self) -> [(&'static str, &str); 6] {
        [
            ("BASE_URL", &self.base_url),
            ("CLIENT_ID", &self.client_id),
            ("CLIENT_SECRET", &self.client_secret),
            ("SUBSCRIPTION_KEY", &self.subscription_key),
            ("MSN", &self.msn),
            ("PHONE", &self.phone),
        ]
    }
}

/// Which ones.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wish {
    /// `test` (the default) or `production`.
    #[param(value_type = Option<String>)]
    environment: Option<Environment>,
    /// A sales unit's name or number; `demo`, or else the first that takes payments, if left out.
    #[param(example = "demo")]
    unit: Option<String>,
}

impl Control {
    /// The keys of a sales unit, and somebody who can pay there.
    pub(crate) fn keys(
        &self,
        environment: Environment,
        unit: Option<&str>,
    ) -> Result<Keys, Problem> {
        let unit = self.named_unit(environment, unit)?;
        self.keys_of(&unit)
    }

    /// The keys of this sales unit, and somebody who can pay there.
    pub(crate) fn keys_of(&self, unit: &Unit) -> Result<Keys, Problem> {
        let phone = self.somebody_who_pays(unit)?.phone.msisdn();
        let keys = &unit.facts.keys;
        Ok(Keys {
            base_url: self.platform.base(unit.facts.environment).to_owned(),
            client_id: keys.client_id.clone(),
            client_secret: keys.client_secret.clone(),
            subscription_key: keys.primary.clone(),
            msn: unit.facts.msn.to_string(),
            phone,
        })
    }

    pub(crate) fn named_unit(
        &self,
        environment: Environment,
        name: Option<&str>,
    ) -> Result<Arc<Unit>, Problem> {
        let directory = self.engine().directory.of(environment);
        let units = directory.units();
        let is_called =
            |unit: &Unit, name: &str| unit.facts.name == name || unit.facts.msn.as_str() == name;
        let found = match name {
            Some(name) => units.iter().find(|unit| is_called(unit, name)),
            None => units
                .iter()
                .find(|unit| is_called(unit, crate::demo::MAIN_UNIT))
                .or_else(|| {
                    units
                        .iter()
                        .find(|unit| unit.facts.products.contains(&Product::Ecom))
                }),
        };
        found.map(|unit| Arc::clone(unit)).ok_or_else(|| {
            let names: Vec<&str> = units.iter().map(|unit| unit.facts.name.as_str()).collect();
            let named = name.map_or_else(String::new, |name| format!(" called `{name}`"));
            let there = if names.is_empty() {
                "there is none at all; POST /control/v1/sales-units makes one".to_owned()
            } else {
                format!("there are: {}", names.join(", "))
            };
            Problem::not_found(
                "sales_unit_unknown",
                format!("the {environment} environment has no sales unit{named}; {there}"),
            )
        })
    }

    /// Somebody whose payments succeed, also by force; rather one who waits to be told.
    pub(crate) fn somebody_who_pays(&self, unit: &Unit) -> Result<Arc<Person>, Problem> {
        let environment = unit.facts.environment;
        let now = self.engine().now(unit);
        let directory = self.engine().directory.of(environment);
        let can_pay = |person: &Person| {
            let card = person.default_card();
            person.may_pay(now).is_ok()
                && person.app.approved_once
                && !person.app.outdated
                && card.is_some_and(|card| card.state == CardState::Valid)
        };
        directory
            .persons()
            .into_iter()
            .filter(|person| can_pay(person))
            .min_by_key(|person| person.acts != Acts::ByHand)
            .cloned()
            .ok_or_else(|| {
                Problem::conflict(
                    "nobody_can_pay",
                    format!(
                        "nobody in the {environment} environment can pay; POST /control/v1/persons makes somebody"
                    ),
                )
            })
    }
}

/// Gives what `sandkasse env` prints: the keys of a sales unit, and the number of a person who can
/// pay and be force-approved.
#[utoipa::path(
    get, path = "/env", tag = "Platform", params(Wish),
    responses(
        (status = 200, body = Keys),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Asked(wish): Asked<Wish>,
) -> Result<Json<Keys>, Problem> {
    let environment = wish.environment.unwrap_or(Environment::Test);
    control.keys(environment, wish.unit.as_deref()).map(Json)
}
