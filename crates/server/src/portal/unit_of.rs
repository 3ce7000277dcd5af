//! The sales unit that a page's path names.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use sandkasse_domain::{Environment, Msn};
use sandkasse_engine::Unit;

use super::{
    shell,
    visitor::{Turned, Visitor},
};
use crate::control::{Control, Problem};

/// Why there is no page, or a form was not done.
pub(crate) enum Refused {
    Turned(Turned),
    Problem(Box<Visitor>, Problem),
}

impl From<Turned> for Refused {
    fn from(turned: Turned) -> Refused {
        Refused::Turned(turned)
    }
}

impl Refused {
    /// The same as a page for this visitor.
    pub(crate) fn to(visitor: &Visitor) -> impl FnOnce(Problem) -> Refused {
        let visitor = Box::new(visitor.clone());
        move |problem| Refused::Problem(visitor, problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Refused::Turned(turned) => turned.into_response(),
            Refused::Problem(visitor, problem) => {
                let status = StatusCode::from_u16(problem.status)
                    .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let mut text = problem.detail;
                text.push('.');
                shell::message(status, Some(&visitor), "This was not done", &text)
            }
        }
    }
}

/// The unit at `/units/{environment}/{msn}`.
pub(crate) fn unit(control: &Control, environment: &str, msn: &str) -> Result<Arc<Unit>, Problem> {
    let place = Environment::ALL
        .into_iter()
        .find(|it| it.to_string() == environment)
        .zip(Msn::try_new(msn));
    let (environment, msn) = place
        .ok_or_else(|| Problem::not_found("sales_unit_unknown", "there is no such sales unit"))?;
    control.unit(environment, &msn)
}
