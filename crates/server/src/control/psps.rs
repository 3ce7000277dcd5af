//! Payment service providers, as owners of keys.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use sandkasse_domain::{
    Environment,
    partner::{Psp, PspId},
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
    units::fresh_keys,
};

/// A payment service provider to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPsp {
    /// Where it exists; `test` if left out.
    #[schema(schema_with = schemas::environment)]
    environment: Option<Environment>,
    /// What it sends as `PSP-ID`.
    #[schema(example = "my-psp")]
    id: String,
    /// As registered.
    #[schema(example = "Betalingshuset AS")]
    name: String,
}

/// A payment service provider, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PspView {
    #[schema(schema_with = schemas::environment)]
    environment: Environment,
    #[schema(example = "my-psp")]
    id: String,
    name: String,
    keys: Fingerprints,
}

/// All payment service providers asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PspList {
    psps: Vec<PspView>,
}

/// The keys of a payment service provider, whole.
#[derive(Serialize, ToSchema)]
pub(crate) struct PspKeys {
    #[schema(schema_with = schemas::environment)]
    environment: Environment,
    #[schema(example = "my-psp")]
    id: String,
    #[serde(flatten)]
    keys: KeySet,
}

impl PspView {
    fn of(environment: Environment, psp: &Psp) -> PspView {
        PspView {
            environment,
            id: psp.id.0.clone(),
            name: psp.name.clone(),
            keys: Fingerprints::of(&psp.keys),
        }
    }
}

impl Control {
    fn psp(&self, environment: Environment, id: &str) -> Result<Arc<Psp>, Problem> {
        let directory = self.engine().directory.of(environment);
        directory.psp(&PspId(id.to_owned())).cloned().ok_or_else(|| {
            Problem::not_found(
                "psp_unknown",
                format!(
                    "the {environment} environment has no payment service provider `{id}`; GET /control/v1/psps lists them"
                ),
            )
        })
    }

    fn psp_keys(&self, environment: Environment, psp: &Psp) -> PspKeys {
        PspKeys {
            environment,
            id: psp.id.0.clone(),
            keys: KeySet::of(&psp.keys, self.platform.base(environment)),
        }
    }
}

/// Makes a payment service provider with keys of its own.
#[utoipa::path(
    post, path = "/psps", tag = "Payment service providers",
    request_body(content = NewPsp, example = json!({"id": "my-psp", "name": "Betalingshuset AS"})),
    responses(
        (status = 201, description = "Made; its keys", body = PspKeys),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(control): Shared,
    Said(new): Said<NewPsp>,
) -> Result<Response, Problem> {
    let environment = new.environment.unwrap_or(Environment::Test);
    let (id, registered) = (PspId(owner_id(&new.id)?), name(&new.name)?);
    let _nobody_else = control.making.lock().await;
    let engine = control.engine();
    if engine.directory.of(environment).psp(&id).is_some() {
        let detail = format!(
            "there is a payment service provider `{}` already; choose another id",
            id.0
        );
        return Err(Problem::conflict("id_taken", detail));
    }
    let psp = Psp {
        id,
        name: registered,
        keys: fresh_keys(&engine.chance),
        retired: Vec::new(),
    };
    let keys = control.psp_keys(environment, &psp);
    let place = format!("/control/v1/psps/{environment}/{}", psp.id.0);
    let place = HeaderValue::from_str(&place).expect("a path of ASCII");
    engine
        .directory
        .change(vec![Change::Psp(environment, psp)])
        .await?;
    let headers = [(header::LOCATION, place)];
    Ok((StatusCode::CREATED, headers, Json(keys)).into_response())
}

/// Lists payment service providers, by id. Of their secrets only the first four characters are shown.
#[utoipa::path(
    get, path = "/psps", tag = "Payment service providers", params(InEnvironment),
    responses((status = 200, body = PspList))
)]
pub(super) async fn list(
    State(control): Shared,
    Asked(wanted): Asked<InEnvironment>,
) -> Json<PspList> {
    let mut psps = Vec::new();
    for environment in wanted.all() {
        let directory = control.engine().directory.of(environment);
        let all = directory.psps();
        psps.extend(all.iter().map(|psp| PspView::of(environment, psp)));
    }
    Json(PspList { psps })
}

/// Shows a payment service provider.
#[utoipa::path(
    get, path = "/psps/{environment}/{id}", tag = "Payment service providers", params(OwnerPath),
    responses(
        (status = 200, body = PspView),
        (status = 404, description = "There is none", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Named(path): Named<OwnerPath>,
) -> Result<Json<PspView>, Problem> {
    let psp = control.psp(path.environment, &path.id)?;
    Ok(Json(PspView::of(path.environment, &psp)))
}

/// Shows all keys of a payment service provider.
#[utoipa::path(
    get, path = "/psps/{environment}/{id}/keys", tag = "Payment service providers", params(OwnerPath),
    responses(
        (status = 200, body = PspKeys),
        (status = 404, description = "There is none", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn keys(
    State(control): Shared,
    Named(path): Named<OwnerPath>,
) -> Result<Json<PspKeys>, Problem> {
    let psp = control.psp(path.environment, &path.id)?;
    Ok(Json(control.psp_keys(path.environment, &psp)))
}

/// Makes one key of a payment service provider anew. The old one is dead at once; the others stay.
#[utoipa::path(
    post, path = "/psps/{environment}/{id}/keys/{key}/regenerate", tag = "Payment service providers",
    params(OwnerKeyPath),
    responses(
        (status = 200, description = "All keys, one of them new", body = PspKeys),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn regenerate(
    State(control): Shared,
    Named(path): Named<OwnerKeyPath>,
) -> Result<Json<PspKeys>, Problem> {
    let environment = path.environment;
    let engine = control.engine();
    let id = control.psp(environment, &path.id)?.id.clone();
    let changed = engine
        .directory
        .change_psp(environment, &id, |psp| {
            make_anew(&mut psp.keys, &mut psp.retired, path.key, engine);
        })
        .await?;
    // Gone only if a reset came in between.
    let psp = changed.map_or_else(|| control.psp(environment, &path.id), Ok)?;
    Ok(Json(control.psp_keys(environment, &psp)))
}
