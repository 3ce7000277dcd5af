//! The built-in register in the form of the public one: `GET /enhetsregisteret/api/enheter/{orgno}`
//! on the portal. Like the public one it asks nobody who they are.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::StatusCode;
use jiff::civil::Date;
use sandkasse_domain::merchant::{OrgNo, Registered};
use serde_json::{Value, json};

use crate::control::Control;

/// Everybody here has been registered since this day: the beginning of the real register.
const SINCE: Date = jiff::civil::date(1995, 2, 19);

/// The forms that have a name here; another code stands for itself.
const FORMS: [(&str, &str); 6] = [
    ("AS", "Aksjeselskap"),
    ("ASA", "Allmennaksjeselskap"),
    ("ENK", "Enkeltpersonforetak"),
    ("ANS", "Ansvarlig selskap med solidarisk ansvar"),
    ("DA", "Ansvarlig selskap med delt ansvar"),
    ("FLI", "Forening/lag/innretning"),
];

/// The route on the portal.
pub(crate) fn router(control: Arc<Control>) -> Router {
    Router::new()
        .route("/enhetsregisteret/api/enheter/{orgno}", get(show))
        .with_state(control)
}

async fn show(State(control): State<Arc<Control>>, Path(orgno): Path<String>) -> Response {
    let directory = &control.platform.engine.directory;
    match directory.registered(&OrgNo(orgno)) {
        Some(row) => Json(enhet(&row, &control.portal_base)).into_response(),
        None => {
            let body = json!({"status": 404, "error": "Not Found"});
            (StatusCode::NOT_FOUND, Json(body)).into_response()
        }
    }
}

fn enhet(row: &Registered, base: &str) -> Value {
    let api = format!("{base}/enhetsregisteret/api");
    let (orgno, form) = (&row.orgno.0, row.form.0.as_str());
    let named = FORMS.iter().find(|(code, _)| *code == form);
    let link = |place: String| json!({"self": {"href": place}});
    let mut body = json!({
        "respons_klasse": "Enhet",
        "organisasjonsnummer": orgno,
        "navn": row.name,
        "organisasjonsform": {
            "kode": form,
            "beskrivelse": named.map_or(form, |(_, name)| name),
            "_links": link(format!("{api}/organisasjonsformer/{form}")),
        },
        "registreringsdatoEnhetsregisteret": SINCE,
        "_links": link(format!("{api}/enheter/{orgno}")),
    });
    if let (Some(day), Some(body)) = (row.deleted_on, body.as_object_mut()) {
        body.insert("respons_klasse".to_owned(), "SlettetEnhet".into());
        body.insert("slettedato".to_owned(), day.to_string().into());
        body.remove("registreringsdatoEnhetsregisteret");
    }
    body
}
