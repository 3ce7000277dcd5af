//! Sales units: made, listed, shown, changed.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::{HeaderValue, StatusCode, header};
use sandkasse_domain::{
    Environment, Msn,
    keys::Keys,
    merchant::{Merchant, OrgNo},
    sales_unit::{ClosedBy, SalesUnit, UnitState},
};
use sandkasse_engine::{
    Chance, Unit,
    directory::{Change, Snapshot},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Control, Problem, Shared,
    extract::{Asked, Named, Said, UnitPath},
    keys::UnitKeys,
    unit_traits::UnitTraits,
    unit_view::UnitView,
};
use crate::numbers;

/// All sales units asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnitList {
    sales_units: Vec<UnitView>,
}

/// Which ones.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UnitFilter {
    /// `test` or `production`; both if left out.
    #[param(value_type = Option<String>)]
    environment: Option<Environment>,
}

/// Four values that nobody has.
pub(crate) fn fresh_keys(chance: &Chance) -> Keys {
    Keys {
        client_id: chance.uuid().to_string(),
        client_secret: chance.client_secret(),
        primary: chance.subscription_key(),
        secondary: chance.subscription_key(),
    }
}

impl Control {
    /// Six digits that nobody has.
    pub(crate) fn free_msn(&self, environment: Environment) -> Msn {
        let directory = self.engine().directory.of(environment);
        loop {
            let number = 100_000 + self.engine().chance.below(900_000);
            let msn = Msn::try_new(&number.to_string()).expect("six digits");
            if directory.unit(&msn).is_none() && !is_a_partners(&directory, &msn) {
                return msn;
            }
        }
    }

    /// Makes a sales unit with keys of its own, usable at once.
    pub(crate) async fn make_unit(
        &self,
        traits: &UnitTraits,
        partner: Option<&str>,
    ) -> Result<SalesUnit, Problem> {
        traits.check(self.local_urls)?;
        let environment = traits.environment.unwrap_or(Environment::Test);
        let _nobody_else = self.making.lock().await;
        let engine = self.engine();
        let partner = match partner {
            Some(id) => {
                self.production_only(environment, "links to partners")?;
                Some(self.partner(environment, id)?.id.clone())
            }
            None => None,
        };
        let msn = self.free_msn(environment);
        let name = format!("Sales unit {msn}");
        let merchant = self.merchant(environment, traits, traits.name.as_deref().unwrap_or(&name));
        let keys = fresh_keys(&engine.chance);
        let mut unit = SalesUnit::new(environment, msn, merchant.orgno.clone(), keys);
        traits.apply(&mut unit);
        unit.partner = partner;
        if traits.active == Some(false) {
            unit.state = UnitState::Deactivated {
                by: ClosedBy::Merchant {
                    person: "the control API".to_owned(),
                },
                at: engine.clock.now(),
            };
        }
        let changes = vec![
            Change::Merchant(environment, merchant),
            Change::Unit(Box::new(unit.clone())),
        ];
        engine.directory.change(changes).await?;
        Ok(unit)
    }

    /// The merchant named, or a new one; with its name and standing as said.
    fn merchant(&self, environment: Environment, traits: &UnitTraits, unit_name: &str) -> Merchant {
        let directory = self.engine().directory.of(environment);
        let chance = &self.engine().chance;
        let said = traits.merchant_orgno.clone().map(OrgNo);
        let orgno = said.unwrap_or_else(|| {
            loop {
                let fresh = numbers::orgno(chance);
                if directory.merchant(&fresh).is_none() {
                    break fresh;
                }
            }
        });
        let known = directory.merchant(&orgno).map(|known| (**known).clone());
        let mut merchant = known.unwrap_or_else(|| Merchant::new(orgno, unit_name));
        change_merchant(&mut merchant, traits);
        merchant
    }
}

/// Whether a partner has this as its own number.
pub(super) fn is_a_partners(directory: &Snapshot, msn: &Msn) -> bool {
    let mut partners = directory.partners().into_iter();
    partners.any(|partner| partner.own_number == *msn)
}

fn change_merchant(merchant: &mut Merchant, traits: &UnitTraits) {
    if let Some(name) = &traits.merchant_name {
        merchant.name.clone_from(name);
    }
    if let Some(standing) = traits.merchant_standing {
        merchant.standing = standing;
    }
}

/// Makes a sales unit with keys of its own, usable at once.
#[utoipa::path(
    post, path = "/sales-units", tag = "Sales units",
    request_body(content = UnitTraits, example = json!({
        "environment": "test", "name": "Acme socks", "url_policy": "local", "rate_limits": "off"
    })),
    responses(
        (status = 201, description = "Made; its keys", body = UnitKeys),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(control): Shared,
    Said(traits): Said<UnitTraits>,
) -> Result<impl axum::response::IntoResponse, Problem> {
    let unit = control.make_unit(&traits, None).await?;
    let environment = unit.environment;
    let keys = UnitKeys::of(&unit, control.platform.base(environment));
    let place = format!("/control/v1/sales-units/{environment}/{}", unit.msn);
    let place = HeaderValue::from_str(&place).expect("a path of ASCII");
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], Json(keys)))
}

/// Lists sales units, by number. Of their secrets only the first four characters are shown.
#[utoipa::path(
    get, path = "/sales-units", tag = "Sales units", params(UnitFilter),
    responses((status = 200, body = UnitList))
)]
pub(super) async fn list(
    State(control): Shared,
    Asked(filter): Asked<UnitFilter>,
) -> Result<Json<UnitList>, Problem> {
    let mut sales_units = Vec::new();
    for environment in Environment::ALL {
        if filter.environment.is_some_and(|only| only != environment) {
            continue;
        }
        let directory = control.engine().directory.of(environment);
        for unit in directory.units() {
            sales_units.push(control.view(unit).await?);
        }
    }
    Ok(Json(UnitList { sales_units }))
}

/// Shows a sales unit, with its own time and when the next thing happens by itself.
#[utoipa::path(
    get, path = "/sales-units/{environment}/{msn}", tag = "Sales units", params(UnitPath),
    responses(
        (status = 200, body = UnitView),
        (status = 404, description = "No such sales unit", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Named(path): Named<UnitPath>,
) -> Result<Json<UnitView>, Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    control.view(&unit).await.map(Json)
}

/// Changes traits of a sales unit. Payments that exist keep what they were made with.
#[utoipa::path(
    patch, path = "/sales-units/{environment}/{msn}", tag = "Sales units", params(UnitPath),
    request_body(content = UnitTraits, example = json!({"limits": {"receive": 100_000}})),
    responses(
        (status = 200, body = UnitView),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn change(
    State(control): Shared,
    Named(path): Named<UnitPath>,
    Said(traits): Said<UnitTraits>,
) -> Result<Json<UnitView>, Problem> {
    traits.check(control.local_urls)?;
    if traits.environment.is_some() || traits.merchant_orgno.is_some() {
        return Err(Problem::bad_request(
            "`environment` and `merchant_orgno` never change; make another sales unit",
        ));
    }
    if traits.active.is_some() {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "bankid_required",
            "a merchant closes and reopens a sales unit with BankID: POST /control/v1/bankid, confirm, then POST …/deactivate or …/reactivate with {\"bankid\": id}",
        ));
    }
    let _nobody_else = control.making.lock().await;
    let UnitPath { environment, msn } = path;
    let unit = control.unit(environment, &msn)?;
    let directory = &control.engine().directory;
    if traits.merchant_name.is_some() || traits.merchant_standing.is_some() {
        let orgno = &unit.merchant.orgno;
        directory
            .change_merchant(environment, orgno, |merchant| {
                change_merchant(merchant, &traits);
            })
            .await?;
    }
    let changed: Option<Arc<Unit>> = directory
        .change_unit(environment, &msn, |facts| traits.apply(facts))
        .await?;
    // Gone only if a reset came in between.
    let unit = changed.map_or_else(|| control.unit(environment, &msn), Ok)?;
    control.view(&unit).await.map(Json)
}
