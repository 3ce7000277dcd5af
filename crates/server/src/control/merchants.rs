//! Merchants: listed, shown, changed. One comes to be with its first sales unit.

use std::sync::Arc;

use axum::{Json, extract::State};
use sandkasse_domain::{
    Environment, Msn,
    merchant::{Merchant, OrgForm, OrgNo, RegisterEntry, Standing},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Control, Problem, Shared,
    extract::{Asked, InEnvironment, Named, Said, name},
    schemas,
};

/// A merchant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MerchantRecord {
    #[schema(schema_with = schemas::environment)]
    environment: Environment,
    #[schema(value_type = String, example = "310000000")]
    orgno: OrgNo,
    name: String,
    /// The form it had when it signed its agreement.
    #[schema(value_type = String, example = "AS")]
    form: OrgForm,
    #[schema(schema_with = schemas::standing)]
    standing: Standing,
    /// What the Business register said of it, if it was asked.
    #[schema(value_type = Option<Object>)]
    register: Option<RegisterEntry>,
    /// Its sales units.
    #[schema(value_type = Vec<String>, example = json!(["220001"]))]
    sales_units: Vec<Msn>,
}

/// All merchants asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MerchantList {
    merchants: Vec<MerchantRecord>,
}

/// What changes of a merchant; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MerchantChange {
    /// As registered.
    name: Option<String>,
    /// How it stands: `unconfirmed` when it let the task to confirm its information lapse, `active`
    /// when customer service put it in order again.
    #[schema(schema_with = schemas::standing)]
    standing: Option<Standing>,
    /// The form it had when it signed its agreement, by the register's code.
    #[schema(value_type = Option<String>, example = "ENK")]
    form: Option<String>,
}

/// A merchant in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct MerchantPath {
    /// `test` or `production`.
    #[param(value_type = String, example = "test")]
    environment: Environment,
    /// Its organisation number.
    #[param(value_type = String, example = "310000000")]
    orgno: OrgNo,
}

/// A form of organisation: the register's codes are short.
pub(crate) fn form(said: &str) -> Result<OrgForm, Problem> {
    if (2..=10).contains(&said.len()) && said.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(OrgForm(said.to_owned()));
    }
    Err(Problem::bad_request(format!(
        "`{said}` is no form of organisation: write the register's code, as in AS or ENK"
    )))
}

impl Control {
    pub(crate) fn known_merchant(
        &self,
        environment: Environment,
        orgno: &OrgNo,
    ) -> Result<Arc<Merchant>, Problem> {
        let directory = self.engine().directory.of(environment);
        directory.merchant(orgno).cloned().ok_or_else(|| {
            Problem::not_found(
                "merchant_unknown",
                format!(
                    "the {environment} environment has no merchant {}; POST /control/v1/sales-units with `merchant_orgno` makes one",
                    orgno.0
                ),
            )
        })
    }

    fn merchant_record(&self, environment: Environment, merchant: &Merchant) -> MerchantRecord {
        let directory = self.engine().directory.of(environment);
        let units = directory.units().into_iter();
        MerchantRecord {
            environment,
            orgno: merchant.orgno.clone(),
            name: merchant.name.clone(),
            form: merchant.form.clone(),
            standing: merchant.standing,
            register: merchant.register.clone(),
            sales_units: units
                .filter(|unit| unit.facts.merchant == merchant.orgno)
                .map(|unit| unit.facts.msn.clone())
                .collect(),
        }
    }
}

/// Lists merchants, by organisation number.
#[utoipa::path(
    get, path = "/merchants", tag = "Merchants", params(InEnvironment),
    responses((status = 200, body = MerchantList))
)]
pub(super) async fn list(
    State(control): Shared,
    Asked(wanted): Asked<InEnvironment>,
) -> Json<MerchantList> {
    let mut merchants = Vec::new();
    for environment in wanted.all() {
        let directory = control.engine().directory.of(environment);
        for merchant in directory.merchants() {
            merchants.push(control.merchant_record(environment, merchant));
        }
    }
    Json(MerchantList { merchants })
}

/// Shows a merchant, with its sales units and what the Business register said of it.
#[utoipa::path(
    get, path = "/merchants/{environment}/{orgno}", tag = "Merchants", params(MerchantPath),
    responses(
        (status = 200, body = MerchantRecord),
        (status = 404, description = "No such merchant", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Named(path): Named<MerchantPath>,
) -> Result<Json<MerchantRecord>, Problem> {
    let merchant = control.known_merchant(path.environment, &path.orgno)?;
    Ok(Json(control.merchant_record(path.environment, &merchant)))
}

/// Changes a merchant's name, standing or form, for all its sales units.
#[utoipa::path(
    patch, path = "/merchants/{environment}/{orgno}", tag = "Merchants", params(MerchantPath),
    request_body(content = MerchantChange, example = json!({"standing": "unconfirmed"})),
    responses(
        (status = 200, body = MerchantRecord),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn change(
    State(control): Shared,
    Named(path): Named<MerchantPath>,
    Said(change): Said<MerchantChange>,
) -> Result<Json<MerchantRecord>, Problem> {
    let MerchantPath { environment, orgno } = path;
    let registered = change.name.as_deref().map(name).transpose()?;
    let form = change.form.as_deref().map(form).transpose()?;
    control.known_merchant(environment, &orgno)?;
    let changed = control
        .engine()
        .directory
        .change_merchant(environment, &orgno, |merchant| {
            if let Some(registered) = &registered {
                merchant.name.clone_from(registered);
            }
            if let Some(form) = &form {
                merchant.form.clone_from(form);
            }
            merchant.standing = change.standing.unwrap_or(merchant.standing);
        })
        .await?;
    // Gone only if a reset came in between.
    let merchant = changed.map_or_else(|| control.known_merchant(environment, &orgno), Ok)?;
    Ok(Json(control.merchant_record(environment, &merchant)))
}
