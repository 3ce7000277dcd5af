//! A sales unit's keys: shown, and made anew.

use std::sync::Arc;

use axum::{Json, extract::State};
use sandkasse_domain::{
    Environment, Msn,
    keys::{KeyName, Keys},
    sales_unit::SalesUnit,
};
use sandkasse_engine::{Unit, directory::regenerate as make_anew};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Control, Problem, Shared,
    extract::{Named, UnitPath},
    schemas,
};

/// The keys of a sales unit, whole.
#[derive(Serialize, ToSchema)]
pub(crate) struct UnitKeys {
    #[schema(schema_with = schemas::environment)]
    environment: Environment,
    #[schema(value_type = String, example = "220001")]
    msn: Msn,
    /// A GUID; never changes.
    client_id: String,
    /// Base64 of 16 bytes.
    client_secret: String,
    /// 32 hexadecimal digits.
    primary_subscription_key: String,
    /// As good as the primary one.
    secondary_subscription_key: String,
    /// Where its calls go.
    #[schema(example = "http://127.0.0.1:7480")]
    base_url: String,
}

impl UnitKeys {
    pub(super) fn of(unit: &SalesUnit, base_url: &str) -> UnitKeys {
        UnitKeys {
            environment: unit.environment,
            msn: unit.msn.clone(),
            client_id: unit.keys.client_id.clone(),
            client_secret: unit.keys.client_secret.clone(),
            primary_subscription_key: unit.keys.primary.clone(),
            secondary_subscription_key: unit.keys.secondary.clone(),
            base_url: base_url.to_owned(),
        }
    }
}

/// The four values of whoever is no sales unit, whole.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeySet {
    /// A GUID; never changes.
    client_id: String,
    /// Base64 of 16 bytes.
    client_secret: String,
    /// 32 hexadecimal digits.
    primary_subscription_key: String,
    /// As good as the primary one.
    secondary_subscription_key: String,
    /// Where calls go.
    #[schema(example = "http://127.0.0.1:7481")]
    base_url: String,
}

impl KeySet {
    pub(super) fn of(keys: &Keys, base_url: &str) -> KeySet {
        KeySet {
            client_id: keys.client_id.clone(),
            client_secret: keys.client_secret.clone(),
            primary_subscription_key: keys.primary.clone(),
            secondary_subscription_key: keys.secondary.clone(),
            base_url: base_url.to_owned(),
        }
    }
}

/// One key of a sales unit in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct KeyPath {
    /// `test` or `production`.
    #[param(value_type = String, example = "test")]
    environment: Environment,
    /// The sales unit's number.
    #[param(value_type = String, example = "220001")]
    msn: Msn,
    /// `client_secret`, `primary_subscription_key` or `secondary_subscription_key`.
    #[param(value_type = String, example = "client_secret")]
    key: KeyName,
}

impl Control {
    /// Makes one key of a sales unit anew. The old one is dead at once.
    pub(crate) async fn regenerate_unit_key(
        &self,
        environment: Environment,
        msn: &Msn,
        key: KeyName,
    ) -> Result<Arc<Unit>, Problem> {
        let engine = self.engine();
        self.unit(environment, msn)?;
        let changed = engine
            .directory
            .change_unit(environment, msn, |facts| {
                make_anew(&mut facts.keys, &mut facts.retired, key, engine);
            })
            .await?;
        changed.map_or_else(|| self.unit(environment, msn), Ok)
    }
}

/// Shows all keys of a sales unit.
#[utoipa::path(
    get, path = "/sales-units/{environment}/{msn}/keys", tag = "Sales units", params(UnitPath),
    responses(
        (status = 200, body = UnitKeys),
        (status = 404, description = "No such sales unit", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Named(path): Named<UnitPath>,
) -> Result<Json<UnitKeys>, Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    let base = control.platform.base(path.environment);
    Ok(Json(UnitKeys::of(&unit.facts, base)))
}

/// Makes one key anew. The old one is dead at once; the others stay.
#[utoipa::path(
    post, path = "/sales-units/{environment}/{msn}/keys/{key}/regenerate", tag = "Sales units", params(KeyPath),
    responses(
        (status = 200, description = "All keys, one of them new", body = UnitKeys),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn regenerate(
    State(control): Shared,
    Named(path): Named<KeyPath>,
) -> Result<Json<UnitKeys>, Problem> {
    let unit = control
        .regenerate_unit_key(path.environment, &path.msn, path.key)
        .await?;
    let base = control.platform.base(path.environment);
    Ok(Json(UnitKeys::of(&unit.facts, base)))
}
