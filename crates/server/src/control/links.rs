//! Which partner may act for a sales unit.

use axum::{Json, extract::State};
use sandkasse_domain::partner::PartnerId;
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
    async fn set_partner(
        &self,
        path: UnitPath,
        partner: Option<PartnerId>,
    ) -> Result<Json<UnitView>, Problem> {
        let UnitPath { environment, msn } = path;
        let changed = self
            .engine()
            .directory
            .change_unit(environment, &msn, |facts| facts.partner = partner)
            .await?;
        let unit = changed.map_or_else(|| self.unit(environment, &msn), Ok)?;
        self.view(&unit).await.map(Json)
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
    control.production_only(path.environment, "links to partners")?;
    control.unit(path.environment, &path.msn)?;
    let partner = control.partner(path.environment, &link.partner)?;
    control.set_partner(path, Some(partner.id.clone())).await
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
    control.set_partner(path, None).await
}
