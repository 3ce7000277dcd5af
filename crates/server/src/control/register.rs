//! The Business register: what stands in the built-in one, and asking the one in use.

use axum::{Json, extract::State};
use jiff::civil::Date;
use sandkasse_domain::{
    Environment,
    merchant::{OrgForm, OrgNo, Registered},
};
use sandkasse_engine::directory::Change;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Control, Problem, Shared,
    extract::{Named, Said, name, orgno},
    merchants::form,
};
use crate::register::{self, Checked};

/// What the built-in register says of an organisation. What is left out: name and form stay as they
/// are, and it is not deleted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NewRow {
    /// As registered.
    #[schema(example = "Sandkasse Demo AS")]
    name: Option<String>,
    /// The form, by the register's code. Another one than the merchant signed with is another legal
    /// entity, and closes the merchant.
    #[schema(example = "ENK")]
    form: Option<String>,
    /// The day it was deleted. Closes the merchant.
    #[schema(value_type = Option<String>, format = Date, example = "2023-06-01")]
    deleted_on: Option<Date>,
}

/// An organisation in the built-in register.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Row {
    #[schema(value_type = String, example = "310000000")]
    orgno: OrgNo,
    name: String,
    #[schema(value_type = String, example = "AS")]
    form: OrgForm,
    #[schema(value_type = Option<String>, format = Date)]
    deleted_on: Option<Date>,
    /// Whether somebody wrote this; otherwise it is what the merchant itself says.
    written: bool,
    /// Where it is in the form of the public register.
    #[schema(example = "http://127.0.0.1:7482/enhetsregisteret/api/enheter/310000000")]
    url: String,
}

/// An organisation in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct RowPath {
    /// Its organisation number.
    #[param(example = "310000000")]
    orgno: String,
}

/// Which merchants to ask about; all if left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Which {
    /// Only those of this environment.
    #[schema(value_type = Option<String>, example = "test")]
    environment: Option<Environment>,
    /// Only this one.
    #[schema(example = "310000000")]
    orgno: Option<String>,
}

impl Control {
    fn row(&self, orgno: &OrgNo) -> Option<Row> {
        let directory = &self.engine().directory;
        let row = directory.registered(orgno)?;
        Some(Row {
            url: format!(
                "{}/enhetsregisteret/api/enheter/{}",
                self.portal_base, orgno.0
            ),
            written: directory.register_row(orgno).is_some(),
            orgno: row.orgno,
            name: row.name,
            form: row.form,
            deleted_on: row.deleted_on,
        })
    }
}

fn unknown(orgno: &OrgNo) -> Problem {
    Problem::not_found(
        "organisation_unknown",
        format!("the built-in register has no {}; PUT writes one", orgno.0),
    )
}

/// Writes what the built-in register says of an organisation. Merchants notice at the next check.
#[utoipa::path(
    put, path = "/register/{orgno}", tag = "Business register", params(RowPath),
    request_body(content = NewRow, examples(
        ("deleted" = (value = json!({"deleted_on": "2023-06-01"}))),
        ("another form" = (value = json!({"form": "ENK"}))),
    )),
    responses(
        (status = 200, body = Row),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put(
    State(control): Shared,
    Named(path): Named<RowPath>,
    Said(new): Said<NewRow>,
) -> Result<Json<Row>, Problem> {
    let orgno = orgno(&path.orgno)?;
    let said_name = new.name.as_deref().map(name).transpose()?;
    let said_form = new.form.as_deref().map(form).transpose()?;
    let _nobody_else = control.making.lock().await;
    let directory = &control.engine().directory;
    let row = match (directory.registered(&orgno), said_name) {
        (Some(before), said_name) => Registered {
            name: said_name.unwrap_or(before.name),
            form: said_form.unwrap_or(before.form),
            deleted_on: new.deleted_on,
            orgno,
        },
        (None, Some(name)) => Registered {
            name,
            form: said_form.unwrap_or_default(),
            deleted_on: new.deleted_on,
            orgno,
        },
        (None, None) => {
            return Err(Problem::bad_request(
                "no merchant has this number, so `name` is needed",
            ));
        }
    };
    let orgno = row.orgno.clone();
    directory.change(vec![Change::Register(row)]).await?;
    control.row(&orgno).map(Json).ok_or_else(|| unknown(&orgno))
}

/// Shows what the built-in register says of an organisation.
#[utoipa::path(
    get, path = "/register/{orgno}", tag = "Business register", params(RowPath),
    responses(
        (status = 200, body = Row),
        (status = 404, description = "It knows no such number", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Named(path): Named<RowPath>,
) -> Result<Json<Row>, Problem> {
    let orgno = orgno(&path.orgno)?;
    control.row(&orgno).map(Json).ok_or_else(|| unknown(&orgno))
}

/// Asks the register in use (`register_url`, or else the built-in one) about merchants, now and not
/// at the next ten minutes. One that was deleted, or has another form, is closed; none is opened.
#[utoipa::path(
    post, path = "/register/check", tag = "Business register",
    request_body(content = Which, examples(
        ("all" = (value = json!({}))),
        ("one" = (value = json!({"orgno": "310000000", "environment": "test"}))),
    )),
    responses(
        (status = 200, description = "What came of it", body = Checked),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn check(
    State(control): Shared,
    Said(which): Said<Which>,
) -> Result<Json<Checked>, Problem> {
    let only = which.orgno.as_deref().map(orgno).transpose()?;
    let checked = register::check(control.engine(), &*control.register, |environment, it| {
        which.environment.is_none_or(|only| only == environment)
            && only.as_ref().is_none_or(|only| *only == it.orgno)
    })
    .await?;
    if checked.asked == 0 && only.is_some() {
        return Err(Problem::not_found(
            "merchant_unknown",
            "no merchant has this organisation number; GET /control/v1/merchants lists them",
        ));
    }
    Ok(Json(checked))
}
