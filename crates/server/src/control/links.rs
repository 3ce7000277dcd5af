//! Which partner may act for a sales unit.

use std::sync::Arc;

use axum::{Json, extract::State};
use sandkasse_domain::{Environment, Msn, partner::PartnerId};
use sandkasse_engine::Unit;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Control, Problem, Shared,
    extract::{Named, Said, UnitPath},
    unit_view::UnitView,
};

/// Who may act for it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Link {
    /// The partner's id.
    #[schema(example = "demo-partner")]
    partner: String,
}

impl Control {
    /// Links a sales unit to a partner, or to none.
    pub(crate) async fn set_partner(
        &self,
        environment: Environment,
        msn: &Msn,
        partner: Option<&str>,
    ) -> Result<Arc<Unit>, Problem> {
        self.unit(environment, msn)?;
        let partner: Option<PartnerId> = match partner {
            Some(id) => {
                self.production_only(environment, "links to partners")?;
                Some(self.partner(environment, id)?.id.clone())
            }
            None => None,
        };
        let changed = self
            .engine()
            .directory
            .change_unit(environment, msn, |facts| {
                facts.partner = partner.clone();
            })
            .await?;
        changed.map_or_else(|| self.unit(environment, msn), Ok)
    }
}

/// Links a sales unit to a partner. It has at most one: the keys of the one before stop working for
/// it at once, and the unit's own keys go on. Earlier payments are the new partner's to see too.
#[utoipa::path(
    put, path = "/sales-units/{environment}/{msn}/partner", tag = "Sales units", params(UnitPath),
    request_body(content = Link),
    responses(
        (status = 200, body = UnitView),
        (status = 404, description = "No such sales unit or partner", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn link(
    State(control): Shared,
    Named(path): Named<UnitPath>,
    Said(link): Said<Link>,
) -> Result<Json<UnitView>, Problem> {
    let unit = control
        .set_partner(path.environment, &path.msn, Some(&link.partner))
        .await?;
    control.view(&unit).await.map(Json)
}

/// Takes the link to a partner away. Its keys stop working for this sales unit at once.
#[utoipa::path(
    delete, path = "/sales-units/{environment}/{msn}/partner", tag = "Sales units", params(UnitPath),
    responses(
        (status = 200, body = UnitView),
        (status = 404, description = "No such sales unit", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn unlink(
    State(control): Shared,
    Named(path): Named<UnitPath>,
) -> Result<Json<UnitView>, Problem> {
    let unit = control
        .set_partner(path.environment, &path.msn, None)
        .await?;
    control.view(&unit).await.map(Json)
}
