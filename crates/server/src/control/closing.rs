//! A merchant closes a sales unit and opens it again. Both take a person's signature with BankID;
//! number and keys stay the same (reference: platform.md §2.1).

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use sandkasse_domain::sales_unit::{ClosedBy, UnitState};
use sandkasse_engine::Unit;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    Control, Problem, Shared,
    extract::{Named, Said, UnitPath},
    schemas,
    unit_view::UnitView,
};
use crate::bankid::{Purpose, Subject};

/// By whose signature.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Deactivate {
    /// A confirmed BankID session for exactly this.
    bankid: Option<String>,
}

/// By whose signature, or by whom else.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Reactivate {
    /// A confirmed BankID session for exactly this.
    bankid: Option<String>,
    /// `customer_service` for a unit that was closed because nobody used it.
    #[schema(schema_with = schemas::reactivated_by)]
    by: Option<Rescuer>,
}

/// Who opens a unit besides its merchant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rescuer {
    CustomerService,
}

impl Control {
    /// Who signed that this shall happen to this unit, if anybody did.
    fn signed(
        &self,
        bankid: Option<&str>,
        purpose: Purpose,
        path: &UnitPath,
    ) -> Result<String, Problem> {
        let subject = Subject {
            purpose,
            environment: path.environment,
            msn: path.msn.clone(),
        };
        let now = self.engine().clock.now();
        let found = bankid.ok_or("no BankID session was named").and_then(|id| {
            let signed = self.bankid.signed(id, &subject, now);
            signed.map_err(|lack| lack.words())
        });
        found.map_err(|lack| {
            let verb = purpose.word();
            Problem::new(
                StatusCode::FORBIDDEN,
                "bankid_required",
                format!(
                    "{lack}; a person must sign with BankID to {verb} a sales unit: POST /control/v1/bankid, confirm, \
                     then this with {{\"bankid\": id}}"
                ),
            )
        })
    }

    /// Closes a sales unit, as its merchant.
    pub(crate) async fn deactivate_unit(
        &self,
        path: &UnitPath,
        bankid: Option<&str>,
    ) -> Result<Arc<Unit>, Problem> {
        let _nobody_else = self.making.lock().await;
        let unit = self.unit(path.environment, &path.msn)?;
        let person = self.signed(bankid, Purpose::Deactivate, path)?;
        if unit.facts.state != UnitState::Active {
            return Err(Problem::conflict(
                "already_deactivated",
                "the sales unit is closed already",
            ));
        }
        let state = UnitState::Deactivated {
            by: ClosedBy::Merchant { person },
            at: self.engine().clock.now(),
        };
        let unit = self.set_state(path, state).await?;
        self.bankid.used(bankid.unwrap_or_default());
        Ok(unit)
    }

    /// Opens a sales unit again, as its merchant or as customer service.
    pub(crate) async fn reactivate_unit(
        &self,
        path: &UnitPath,
        bankid: Option<&str>,
        by: Option<Rescuer>,
    ) -> Result<Arc<Unit>, Problem> {
        let _nobody_else = self.making.lock().await;
        let unit = self.unit(path.environment, &path.msn)?;
        match &unit.facts.state {
            UnitState::Deactivated {
                by: ClosedBy::Idle, ..
            } if by == Some(Rescuer::CustomerService) => {}
            UnitState::Deactivated {
                by: ClosedBy::Idle, ..
            } => {
                return Err(Problem::conflict(
                    "closed_as_idle",
                    "the platform closed this unit because nobody used it, so customer service opens it: \
                     {\"by\": \"customer_service\"}",
                ));
            }
            state @ (UnitState::Active | UnitState::Deactivated { .. }) => {
                self.signed(bankid, Purpose::Reactivate, path)?;
                if *state == UnitState::Active {
                    return Err(Problem::conflict(
                        "not_deactivated",
                        "the sales unit is open already",
                    ));
                }
            }
        }
        let unit = self.set_state(path, UnitState::Active).await?;
        self.bankid.used(bankid.unwrap_or_default());
        Ok(unit)
    }

    async fn set_state(&self, path: &UnitPath, state: UnitState) -> Result<Arc<Unit>, Problem> {
        let changed = self
            .engine()
            .directory
            .change_unit(path.environment, &path.msn, |facts| {
                facts.state = state.clone();
            })
            .await?;
        changed.map_or_else(|| self.unit(path.environment, &path.msn), Ok)
    }
}

/// Closes a sales unit for payments, as its merchant does on the portal with BankID. Refunds,
/// cancels and details of what exists go on.
#[utoipa::path(
    post, path = "/sales-units/{environment}/{msn}/deactivate", tag = "BankID", params(UnitPath),
    request_body(content = Deactivate, example = json!({"bankid": "3f0c56f4-8e8f-4a3c-9d57-0a2b8f6f9e11"})),
    responses(
        (status = 200, body = UnitView),
        (status = 403, description = "Nobody signed this with BankID", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn deactivate(
    State(control): Shared,
    Named(path): Named<UnitPath>,
    Said(said): Said<Deactivate>,
) -> Result<Json<UnitView>, Problem> {
    let unit = control
        .deactivate_unit(&path, said.bankid.as_deref())
        .await?;
    control.view(&unit).await.map(Json)
}

/// Opens a sales unit again: its merchant one that it closed itself, with BankID; customer service
/// one that was closed because nobody used it.
#[utoipa::path(
    post, path = "/sales-units/{environment}/{msn}/reactivate", tag = "BankID", params(UnitPath),
    request_body(content = Reactivate, examples(
        ("the merchant" = (value = json!({"bankid": "3f0c56f4-8e8f-4a3c-9d57-0a2b8f6f9e11"}))),
        ("the platform" = (value = json!({"by": "customer_service"}))),
    )),
    responses(
        (status = 200, body = UnitView),
        (status = 403, description = "Nobody signed this with BankID", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is open, or closed for want of use", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn reactivate(
    State(control): Shared,
    Named(path): Named<UnitPath>,
    Said(said): Said<Reactivate>,
) -> Result<Json<UnitView>, Problem> {
    let unit = control
        .reactivate_unit(&path, said.bankid.as_deref(), said.by)
        .await?;
    control.view(&unit).await.map(Json)
}
