//! A sales unit with everything of it, as a file.

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;

use crate::{
    control::{Control, LINES, Problem, UnitPath},
    portal::{requests::sorry, visitor::Visitor},
    rights::How,
};

/// The file.
pub(super) async fn file(
    State(control): State<Arc<Control>>,
    visitor: Visitor,
    axum::extract::Path(path): axum::extract::Path<UnitPath>,
) -> Response {
    match taken(&control, &visitor, &path).await {
        Ok(response) => response,
        Err(problem) => sorry(&visitor, "There is no snapshot", &problem),
    }
}

async fn taken(control: &Control, visitor: &Visitor, path: &UnitPath) -> Result<Response, Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    let body = control.snapshot(&unit).await?;
    let place = format!("{}/{}", path.environment, path.msn);
    let action = format!("GET /units/{place}/snapshot");
    control
        .note(&visitor.0.name, Some(visitor.0.role), How::Session, &action)
        .await?;
    let name = format!(
        "attachment; filename=\"{}-{}.jsonl\"",
        path.environment, path.msn
    );
    let headers = [
        (header::CONTENT_TYPE, LINES.to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, body).into_response())
}
