//! Provoking what a page of the catalogue describes.

use axum::{Json, extract::State};
use sandkasse_catalogue::Catalogue;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Problem, Shared,
    extract::{Named, Said},
};
use crate::provoke::{self, Provoked};

/// A page in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct PagePath {
    /// Whose words they are.
    #[param(example = "ecom")]
    folder: String,
    /// The page.
    #[param(example = "order-not-found")]
    name: String,
}

/// Which of the page's causes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CauseWish {
    #[schema(example = "order.unknown")]
    cause: String,
}

/// What was sent, and what came back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProvokedView {
    /// The request; secrets are named.
    sent: String,
    /// The HTTP status; `null` when the connection would have been closed without an answer.
    status: Option<u16>,
    /// The body.
    answered: String,
    /// Where the refusal is explained.
    explain: Option<String>,
}

impl From<Provoked> for ProvokedView {
    fn from(provoked: Provoked) -> ProvokedView {
        ProvokedView {
            sent: provoked.sent,
            status: (!provoked.dropped).then_some(provoked.status),
            answered: provoked.answered,
            explain: provoked.explain,
        }
    }
}

/// Sends the request of a catalogue page to a scratch sales unit, after everything that the page says
/// happened before.
#[utoipa::path(
    post, path = "/catalogue/{folder}/{name}/provoke", tag = "Explanations", params(PagePath),
    request_body(content = CauseWish),
    responses(
        (status = 200, description = "Provoked", body = ProvokedView),
        (status = 404, description = "No such page or cause", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It cannot be provoked here", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn provoke(
    State(control): Shared,
    Named(path): Named<PagePath>,
    Said(wish): Said<CauseWish>,
) -> Result<Json<ProvokedView>, Problem> {
    let slug = format!("{}/{}", path.folder, path.name);
    let found = Catalogue::get().by_cause(&wish.cause, &slug);
    let (_, cause) = found.ok_or_else(|| {
        Problem::not_found(
            "cause_unknown",
            "the catalogue has no such page, or no such cause on it; the portal lists them at /catalogue",
        )
    })?;
    if let Some(why) = provoke::why_not(cause) {
        let detail = format!("this cannot be provoked here: {why}");
        return Err(Problem::conflict("not_provokable", detail));
    }
    let provoked = control.provoke(cause).await;
    provoked
        .map(|it| Json(it.into()))
        .map_err(|what| Problem::conflict("not_provoked", what))
}
