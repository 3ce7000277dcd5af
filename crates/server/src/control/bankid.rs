//! Sessions of the stand-in for BankID: begun, shown, confirmed. What they are good for is in
//! [`super::closing`].

use axum::{Json, extract::State};
use http::StatusCode;
use sandkasse_domain::{Environment, Msn, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Control, Problem, Shared,
    extract::{Named, Said, name},
    schemas,
};
use crate::bankid::{Errand, LIFE, Lack, Purpose, Session, Subject};

/// Who signs what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSession {
    /// Who signs.
    #[schema(example = "Ola Nordmann")]
    person_name: String,
    /// What for.
    #[schema(schema_with = schemas::bankid_purpose)]
    purpose: Purpose,
    /// Where the sales unit is.
    #[schema(schema_with = schemas::environment)]
    environment: Environment,
    /// The sales unit's number.
    #[schema(value_type = String, example = "220001")]
    msn: Msn,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// What `…/deactivate` and `…/reactivate` take as `bankid`.
    id: String,
    #[schema(example = "Ola Nordmann")]
    person_name: String,
    #[schema(schema_with = schemas::bankid_purpose)]
    purpose: Purpose,
    #[schema(schema_with = schemas::environment)]
    environment: Environment,
    #[schema(value_type = String, example = "220001")]
    msn: Msn,
    /// Whether the person has signed.
    confirmed: bool,
    /// Real time, ten minutes after the beginning.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// Where the person signs. Whoever has this address can.
    #[schema(example = "http://127.0.0.1:7482/bankid/3f0c…")]
    page_url: String,
}

/// A session in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SessionPath {
    /// The session's id.
    id: String,
}

impl Control {
    /// Begins a session: somebody shall sign. It is bound to the browser whose cookie holds
    /// `bound_to`, and leads back to the portal's page `back`.
    pub(crate) fn begin_bankid(
        &self,
        person_name: String,
        errand: Errand,
        bound_to: Option<String>,
        back: Option<String>,
    ) -> Session {
        let engine = self.engine();
        let now = engine.clock.now();
        let id = match errand {
            Errand::Act(_) => engine.chance.uuid().to_string(),
            // Not of the platform's chance: under a seed everybody could guess.
            Errand::SignIn(_) | Errand::SignAgain => self.visitors.secret(),
        };
        let session = Session {
            id,
            person_name,
            errand,
            bound_to,
            back,
            confirmed: false,
            expires_at: now + LIFE,
        };
        self.bankid.begin(session.clone(), now);
        session
    }

    /// Begins a session for an act on a sales unit; `back` is the path on the portal to which signing
    /// leads, with the session's id.
    pub(crate) fn begin_signing(
        &self,
        person_name: &str,
        subject: Subject,
        back: Option<String>,
    ) -> Result<Session, Problem> {
        let person_name = name(person_name)?;
        self.unit(subject.environment, &subject.msn)?;
        Ok(self.begin_bankid(person_name, Errand::Act(subject), None, back))
    }

    /// A session for an act. Who is about to sign in concerns nobody else.
    fn signing(&self, id: &str) -> Result<(Session, Subject), Lack> {
        let session = self.bankid.get(id).ok_or(Lack::Unknown)?;
        let subject = session.subject().cloned().ok_or(Lack::Unknown)?;
        if session.bound_to.is_some() {
            return Err(Lack::Unknown);
        }
        Ok((session, subject))
    }

    fn session_view(&self, session: Session, subject: Subject) -> SessionView {
        SessionView {
            page_url: format!("{}/bankid/{}", self.portal_base, session.id),
            id: session.id,
            person_name: session.person_name,
            purpose: subject.purpose,
            environment: subject.environment,
            msn: subject.msn,
            confirmed: session.confirmed,
            expires_at: session.expires_at,
        }
    }
}

impl From<Lack> for Problem {
    fn from(lack: Lack) -> Problem {
        let detail = format!("{}; POST /control/v1/bankid begins another", lack.words());
        if lack == Lack::Expired {
            Problem::new(StatusCode::GONE, "bankid_expired", detail)
        } else {
            Problem::not_found("bankid_unknown", detail)
        }
    }
}

/// Begins a BankID session: a person shall sign that a sales unit is closed or reopened. This is a
/// stand-in: nobody's identity is checked.
#[utoipa::path(
    post, path = "/bankid", tag = "BankID",
    request_body(content = NewSession, example = json!({
        "person_name": "Ola Nordmann", "purpose": "deactivate", "environment": "test", "msn": "220001"
    })),
    responses(
        (status = 201, description = "Begun", body = SessionView),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn begin(
    State(control): Shared,
    Said(new): Said<NewSession>,
) -> Result<(StatusCode, Json<SessionView>), Problem> {
    let subject = Subject {
        purpose: new.purpose,
        environment: new.environment,
        msn: new.msn,
    };
    let session = control.begin_signing(&new.person_name, subject.clone(), None)?;
    let view = control.session_view(session, subject);
    Ok((StatusCode::CREATED, Json(view)))
}

/// Shows a BankID session that was not used yet.
#[utoipa::path(
    get, path = "/bankid/{id}", tag = "BankID", params(SessionPath),
    responses(
        (status = 200, body = SessionView),
        (status = 404, description = "No such session, or used", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Named(path): Named<SessionPath>,
) -> Result<Json<SessionView>, Problem> {
    let (session, subject) = control.signing(&path.id)?;
    Ok(Json(control.session_view(session, subject)))
}

/// Signs, as the person does on the session's page.
#[utoipa::path(
    post, path = "/bankid/{id}/confirm", tag = "BankID", params(SessionPath),
    responses(
        (status = 200, body = SessionView),
        (status = 404, description = "No such session, or used", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "Its ten minutes are over", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn confirm(
    State(control): Shared,
    Named(path): Named<SessionPath>,
) -> Result<Json<SessionView>, Problem> {
    let now = control.engine().clock.now();
    let (_, subject) = control.signing(&path.id)?;
    let session = control.bankid.confirm(&path.id, now)?;
    Ok(Json(control.session_view(session, subject)))
}
