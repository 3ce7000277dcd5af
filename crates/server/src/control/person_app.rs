//! What a person sees in the app: payments at whichever sales units, and who may know what.

use axum::{Json, extract::State};
use sandkasse_domain::{Msn, consent::Scope};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Problem, Shared,
    extract::{Asked, Named, PersonPath},
    payment_view::PaymentView,
};

/// So many payments are listed unless more are asked for.
const USUAL: usize = 20;
/// No more are listed at once.
const MOST: usize = 100;

/// How much to look at.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AppFilter {
    /// At most so many, and every open request; 20 if left out, never more than 100.
    limit: Option<usize>,
}

/// What is in somebody's app.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AppPayments {
    /// Open requests first; the newest first.
    payments: Vec<PaymentView>,
}

/// Who may know what of a person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Consents {
    consents: Vec<ConsentView>,
}

/// What one sales unit may know.
#[derive(Debug, Serialize, ToSchema)]
struct ConsentView {
    #[schema(value_type = String, example = "220001")]
    msn: Msn,
    /// The sales unit's name.
    name: String,
    /// What was allowed with payments.
    #[schema(value_type = Vec<String>, example = json!(["name", "email"]))]
    scopes: Vec<Scope>,
    /// After an express payment: the shop is told when the person takes everything back.
    is_told: bool,
}

/// Lists what is in a person's app: payment requests that wait, and past payments, at whichever
/// sales units.
#[utoipa::path(
    get, path = "/persons/{environment}/{phone}/payments", tag = "Persons", params(PersonPath, AppFilter),
    responses(
        (status = 200, body = AppPayments),
        (status = 404, description = "Nobody has the number", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn payments(
    State(control): Shared,
    Named(path): Named<PersonPath>,
    Asked(filter): Asked<AppFilter>,
) -> Result<Json<AppPayments>, Problem> {
    let person = control.person(&path)?;
    let limit = filter.limit.unwrap_or(USUAL).min(MOST);
    let engine = control.engine();
    let found = engine.in_app(path.environment, &person.id, limit).await?;
    let payments = found.iter();
    let payments = payments.map(|it| PaymentView::of(&it.unit, &it.view.payment));
    Ok(Json(AppPayments {
        payments: payments.collect(),
    }))
}

/// Lists which sales units may know something of a person.
#[utoipa::path(
    get, path = "/persons/{environment}/{phone}/consents", tag = "Persons", params(PersonPath),
    responses(
        (status = 200, body = Consents),
        (status = 404, description = "Nobody has the number", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn consents(
    State(control): Shared,
    Named(path): Named<PersonPath>,
) -> Result<Json<Consents>, Problem> {
    let person = control.person(&path)?;
    let engine = control.engine();
    let found = engine.consents_of(path.environment, &person.id).await?;
    let consents = found.into_iter().map(|(unit, consent)| ConsentView {
        msn: unit.facts.msn.clone(),
        name: unit.facts.name.clone(),
        scopes: consent.granted.into_iter().collect(),
        is_told: consent.removal_prefix.is_some(),
    });
    Ok(Json(Consents {
        consents: consents.collect(),
    }))
}
