//! Management and accounting keys: made, listed, shown. They take no subscription key and get their
//! tokens at `/miami/v1/token`.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use sandkasse_domain::{Environment, merchant::OrgNo};
use sandkasse_engine::directory::{Change, OfficeKeys, OfficeKind};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Control, Problem, Shared,
    extract::{Asked, InEnvironment, Named, Said, orgno},
    schemas,
    unit_view::fingerprint,
};

/// Keys to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewOfficeKeys {
    /// Where they work; `production` if left out. `test` only with the setting `partners_in_test`.
    #[schema(value_type = Option<String>, example = "production")]
    environment: Option<Environment>,
    /// What they may do.
    #[schema(schema_with = schemas::office_kind)]
    kind: OfficeKind,
    /// The merchant's or partner's organisation number.
    #[schema(example = "310000000")]
    owner: String,
}

/// Management or accounting keys.
#[derive(Serialize, ToSchema)]
pub(crate) struct OfficeKeysView {
    #[schema(schema_with = schemas::environment)]
    environment: Environment,
    #[schema(schema_with = schemas::office_kind)]
    kind: OfficeKind,
    #[schema(value_type = String, example = "310000000")]
    owner: OrgNo,
    /// A GUID.
    client_id: String,
    /// Base64 of 16 bytes; in lists only its first four characters.
    client_secret: String,
    /// Where calls go.
    #[schema(example = "http://127.0.0.1:7481")]
    base_url: String,
}

/// All such keys asked for.
#[derive(Serialize, ToSchema)]
pub(crate) struct OfficeKeyList {
    office_keys: Vec<OfficeKeysView>,
}

/// Such keys in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OfficePath {
    /// `test` or `production`.
    #[param(value_type = String, example = "production")]
    environment: Environment,
    /// Their `client_id`.
    #[param(example = "5a4dca55-9d0d-4000-8000-000000000007")]
    client_id: String,
}

impl Control {
    fn office_view(&self, environment: Environment, keys: &OfficeKeys) -> OfficeKeysView {
        OfficeKeysView {
            environment,
            kind: keys.kind,
            owner: keys.owner.clone(),
            client_id: keys.client_id.clone(),
            client_secret: keys.client_secret.clone(),
            base_url: self.platform.base(environment).to_owned(),
        }
    }
}

/// Makes management or accounting keys.
#[utoipa::path(
    post, path = "/office-keys", tag = "Office keys",
    request_body(content = NewOfficeKeys, example = json!({"kind": "management", "owner": "310000000"})),
    responses(
        (status = 201, description = "Made", body = OfficeKeysView),
        (status = 409, description = "In test without `partners_in_test`", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(control): Shared,
    Said(new): Said<NewOfficeKeys>,
) -> Result<Response, Problem> {
    let environment = new.environment.unwrap_or(Environment::Production);
    control.production_only(environment, "management and accounting keys")?;
    let engine = control.engine();
    let keys = OfficeKeys {
        kind: new.kind,
        owner: orgno(&new.owner)?,
        client_id: engine.chance.uuid().to_string(),
        client_secret: engine.chance.client_secret(),
    };
    let view = control.office_view(environment, &keys);
    let place = format!("/control/v1/office-keys/{environment}/{}", keys.client_id);
    let place = HeaderValue::from_str(&place).expect("a path of ASCII");
    engine
        .directory
        .change(vec![Change::Office(environment, keys)])
        .await?;
    let headers = [(header::LOCATION, place)];
    Ok((StatusCode::CREATED, headers, Json(view)).into_response())
}

/// Lists management and accounting keys, by `client_id`. Of their secrets only the first four
/// characters are shown.
#[utoipa::path(
    get, path = "/office-keys", tag = "Office keys", params(InEnvironment),
    responses((status = 200, body = OfficeKeyList))
)]
pub(super) async fn list(
    State(control): Shared,
    Asked(wanted): Asked<InEnvironment>,
) -> Json<OfficeKeyList> {
    let mut office_keys = Vec::new();
    for environment in wanted.all() {
        let directory = control.engine().directory.of(environment);
        for keys in directory.office_keys() {
            let mut view = control.office_view(environment, keys);
            view.client_secret = fingerprint(&keys.client_secret);
            office_keys.push(view);
        }
    }
    Json(OfficeKeyList { office_keys })
}

/// Shows management or accounting keys, whole.
#[utoipa::path(
    get, path = "/office-keys/{environment}/{client_id}", tag = "Office keys", params(OfficePath),
    responses(
        (status = 200, body = OfficeKeysView),
        (status = 404, description = "There are none", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Named(path): Named<OfficePath>,
) -> Result<Json<OfficeKeysView>, Problem> {
    let directory = control.engine().directory.of(path.environment);
    let mut all = directory.office_keys().into_iter();
    let keys = all.find(|keys| keys.client_id == path.client_id);
    let keys = keys.ok_or_else(|| {
        Problem::not_found(
            "office_keys_unknown",
            format!(
                "the {} environment has no management or accounting keys with this client_id",
                path.environment
            ),
        )
    })?;
    Ok(Json(control.office_view(path.environment, keys)))
}
