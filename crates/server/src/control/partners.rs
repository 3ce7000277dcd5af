//! Partners: made, listed, shown, changed; their keys. Which sales units a partner may act for
//! stands with the sales units ([`super::links`]).

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use sandkasse_domain::{
    Environment, Msn,
    keys::KeyName,
    partner::{Partner, PartnerId, PartnerStatus},
};
use sandkasse_engine::directory::{Change, regenerate as make_anew};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Control, Problem, Shared,
    extract::{Asked, InEnvironment, Named, OwnerKeyPath, OwnerPath, Said, name, owner_id},
    keys::KeySet,
    schemas,
    unit_view::Fingerprints,
    units::{fresh_keys, is_a_partners},
};

/// A partner to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPartner {
    /// Where it exists; `production` if left out. `test` only with the setting `partners_in_test`.
    #[schema(value_type = Option<String>, example = "production")]
    environment: Option<Environment>,
    /// Its name in this installation; made of its own number if left out.
    #[schema(example = "my-partner")]
    id: Option<String>,
    /// As registered.
    #[schema(example = "Partnerhuset AS")]
    name: String,
    /// The partner's own number, which is no sales unit's; one that is free if left out.
    #[schema(value_type = Option<String>, example = "339002")]
    own_number: Option<Msn>,
    /// `active` if left out.
    #[schema(schema_with = schemas::partner_status)]
    status: Option<PartnerStatus>,
}

/// What changes of a partner; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartnerChange {
    /// As registered.
    name: Option<String>,
    /// With `deactivated` every call made with its keys gets error 37, whatever the sales unit.
    #[schema(schema_with = schemas::partner_status)]
    status: Option<PartnerStatus>,
}

/// A partner, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PartnerView {
    #[schema(schema_with = schemas::environment)]
    environment: Environment,
    #[schema(example = "demo-partner")]
    id: String,
    name: String,
    #[schema(value_type = String, example = "339001")]
    own_number: Msn,
    #[schema(schema_with = schemas::partner_status)]
    status: PartnerStatus,
    /// The sales units it may act for.
    #[schema(value_type = Vec<String>, example = json!(["330001"]))]
    linked: Vec<Msn>,
    keys: Fingerprints,
}

/// All partners asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PartnerList {
    partners: Vec<PartnerView>,
}

/// The keys of a partner, whole.
#[derive(Serialize, ToSchema)]
pub(crate) struct PartnerKeys {
    #[schema(schema_with = schemas::environment)]
    environment: Environment,
    #[schema(example = "demo-partner")]
    id: String,
    /// The partner's own number. No call is made for it.
    #[schema(value_type = String, example = "339001")]
    own_number: Msn,
    #[serde(flatten)]
    keys: KeySet,
}

impl Control {
    /// Makes one key of a partner anew. The old one is dead at once.
    pub(crate) async fn regenerate_partner_key(
        &self,
        environment: Environment,
        id: &str,
        key: KeyName,
    ) -> Result<Arc<Partner>, Problem> {
        let engine = self.engine();
        let known = self.partner(environment, id)?.id.clone();
        let changed = engine
            .directory
            .change_partner(environment, &known, |partner| {
                make_anew(&mut partner.keys, &mut partner.retired, key, engine);
            })
            .await?;
        changed.map_or_else(|| self.partner(environment, id), Ok)
    }

    pub(crate) fn partner(
        &self,
        environment: Environment,
        id: &str,
    ) -> Result<Arc<Partner>, Problem> {
        let directory = self.engine().directory.of(environment);
        let partner = directory.partner(&PartnerId(id.to_owned())).cloned();
        partner.ok_or_else(|| {
            Problem::not_found(
                "partner_unknown",
                format!(
                    "the {environment} environment has no partner `{id}`; GET /control/v1/partners lists them"
                ),
            )
        })
    }

    fn partner_view(&self, environment: Environment, partner: &Partner) -> PartnerView {
        let directory = self.engine().directory.of(environment);
        let units = directory.units().into_iter();
        PartnerView {
            environment,
            id: partner.id.0.clone(),
            name: partner.name.clone(),
            own_number: partner.own_number.clone(),
            status: partner.status,
            linked: units
                .filter(|unit| unit.facts.partner.as_ref() == Some(&partner.id))
                .map(|unit| unit.facts.msn.clone())
                .collect(),
            keys: Fingerprints::of(&partner.keys),
        }
    }

    fn partner_keys(&self, environment: Environment, partner: &Partner) -> PartnerKeys {
        PartnerKeys {
            environment,
            id: partner.id.0.clone(),
            own_number: partner.own_number.clone(),
            keys: KeySet::of(&partner.keys, self.platform.base(environment)),
        }
    }
}

/// Makes a partner with keys of its own. They work for the sales units that are linked to it.
#[utoipa::path(
    post, path = "/partners", tag = "Partners",
    request_body(content = NewPartner, example = json!({"name": "Partnerhuset AS", "id": "my-partner"})),
    responses(
        (status = 201, description = "Made; its keys", body = PartnerKeys),
        (status = 409, description = "In test without `partners_in_test`, or id or number taken", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(control): Shared,
    Said(new): Said<NewPartner>,
) -> Result<Response, Problem> {
    let environment = new.environment.unwrap_or(Environment::Production);
    control.production_only(environment, "partners")?;
    let registered = name(&new.name)?;
    let _nobody_else = control.making.lock().await;
    let engine = control.engine();
    let directory = engine.directory.of(environment);
    let own_number = new
        .own_number
        .unwrap_or_else(|| control.free_msn(environment));
    if directory.unit(&own_number).is_some() || is_a_partners(&directory, &own_number) {
        return Err(Problem::conflict(
            "number_taken",
            format!("{own_number} is a sales unit's or another partner's number; choose another"),
        ));
    }
    let id = match &new.id {
        Some(said) => owner_id(said)?,
        None => format!("partner-{own_number}"),
    };
    let id = PartnerId(id);
    if directory.partner(&id).is_some() {
        let detail = format!("there is a partner `{}` already; choose another id", id.0);
        return Err(Problem::conflict("id_taken", detail));
    }
    let partner = Partner {
        id,
        name: registered,
        own_number,
        status: new.status.unwrap_or(PartnerStatus::Active),
        keys: fresh_keys(&engine.chance),
        retired: Vec::new(),
    };
    let keys = control.partner_keys(environment, &partner);
    let place = format!("/control/v1/partners/{environment}/{}", partner.id.0);
    let place = HeaderValue::from_str(&place).expect("a path of ASCII");
    engine
        .directory
        .change(vec![Change::Partner(environment, partner)])
        .await?;
    let headers = [(header::LOCATION, place)];
    Ok((StatusCode::CREATED, headers, Json(keys)).into_response())
}

/// Lists partners, by id. Of their secrets only the first four characters are shown.
#[utoipa::path(
    get, path = "/partners", tag = "Partners", params(InEnvironment),
    responses((status = 200, body = PartnerList))
)]
pub(super) async fn list(
    State(control): Shared,
    Asked(wanted): Asked<InEnvironment>,
) -> Json<PartnerList> {
    let mut partners = Vec::new();
    for environment in wanted.all() {
        let directory = control.engine().directory.of(environment);
        for partner in directory.partners() {
            partners.push(control.partner_view(environment, partner));
        }
    }
    Json(PartnerList { partners })
}

/// Shows a partner, with the sales units linked to it.
#[utoipa::path(
    get, path = "/partners/{environment}/{id}", tag = "Partners", params(OwnerPath),
    responses(
        (status = 200, body = PartnerView),
        (status = 404, description = "No such partner", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Named(path): Named<OwnerPath>,
) -> Result<Json<PartnerView>, Problem> {
    let partner = control.partner(path.environment, &path.id)?;
    Ok(Json(control.partner_view(path.environment, &partner)))
}

/// Changes a partner's name or status.
#[utoipa::path(
    patch, path = "/partners/{environment}/{id}", tag = "Partners", params(OwnerPath),
    request_body(content = PartnerChange, example = json!({"status": "deactivated"})),
    responses(
        (status = 200, body = PartnerView),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn change(
    State(control): Shared,
    Named(path): Named<OwnerPath>,
    Said(change): Said<PartnerChange>,
) -> Result<Json<PartnerView>, Problem> {
    let environment = path.environment;
    let registered = change.name.as_deref().map(name).transpose()?;
    let id = control.partner(environment, &path.id)?.id.clone();
    let changed = control
        .engine()
        .directory
        .change_partner(environment, &id, |partner| {
            if let Some(registered) = &registered {
                partner.name.clone_from(registered);
            }
            partner.status = change.status.unwrap_or(partner.status);
        })
        .await?;
    // Gone only if a reset came in between.
    let partner = changed.map_or_else(|| control.partner(environment, &path.id), Ok)?;
    Ok(Json(control.partner_view(environment, &partner)))
}

/// Shows all keys of a partner, and its own number.
#[utoipa::path(
    get, path = "/partners/{environment}/{id}/keys", tag = "Partners", params(OwnerPath),
    responses(
        (status = 200, body = PartnerKeys),
        (status = 404, description = "No such partner", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn keys(
    State(control): Shared,
    Named(path): Named<OwnerPath>,
) -> Result<Json<PartnerKeys>, Problem> {
    let partner = control.partner(path.environment, &path.id)?;
    Ok(Json(control.partner_keys(path.environment, &partner)))
}

/// Makes one key of a partner anew. The old one is dead at once; the others stay.
#[utoipa::path(
    post, path = "/partners/{environment}/{id}/keys/{key}/regenerate", tag = "Partners", params(OwnerKeyPath),
    responses(
        (status = 200, description = "All keys, one of them new", body = PartnerKeys),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn regenerate(
    State(control): Shared,
    Named(path): Named<OwnerKeyPath>,
) -> Result<Json<PartnerKeys>, Problem> {
    let partner = control
        .regenerate_partner_key(path.environment, &path.id, path.key)
        .await?;
    Ok(Json(control.partner_keys(path.environment, &partner)))
}
