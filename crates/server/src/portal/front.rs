//! The front page: what this is, and where to begin.

use askama::Template;
use axum::response::Response;
use http::StatusCode;

use super::{
    Places,
    shell::{self, Frame, Part},
    visitor::Visitor,
};

#[derive(Template)]
#[template(path = "portal/front.html")]
struct Page<'a> {
    frame: Frame<'a>,
    places: &'a Places,
}

pub(super) fn page(places: &Places, visitor: Option<&Visitor>) -> Response {
    let frame = Frame::new("Sandkasse", Part::Other, visitor);
    shell::page(StatusCode::OK, &Page { frame, places })
}
