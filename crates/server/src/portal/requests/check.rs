//! Are my keys right?

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use http::StatusCode;

use super::filters;
use crate::{
    control::{
        Control,
        check_keys::{Checked, Judged, Pasted, Verdict},
    },
    portal::{
        shell::{self, Frame, Part},
        visitor::{Posted, Visitor},
    },
};

#[derive(Template)]
#[template(path = "portal/requests_check.html")]
struct Page<'a> {
    frame: Frame<'a>,
    is_production: bool,
    /// Of what was pasted, only this comes back: the keys do not.
    msn: &'a str,
    checked: Option<Checked>,
}

impl Page<'_> {
    fn tone(key: &Judged) -> &'static str {
        match key.verdict {
            Verdict::Right => "good",
            Verdict::Wrong => "bad",
            Verdict::Open => "info",
        }
    }
}

pub(super) async fn page(visitor: Visitor) -> Response {
    let page = Page {
        frame: Frame::new("Are my keys right?", Part::Requests, Some(&visitor)),
        is_production: false,
        msn: "",
        checked: None,
    };
    shell::page(StatusCode::OK, &page)
}

pub(super) async fn done(
    State(control): State<Arc<Control>>,
    Posted(visitor, form): Posted<Form>,
) -> Response {
    let pasted = Pasted {
        environment: form.environment,
        client_id: form.client_id,
        client_secret: form.client_secret,
        subscription_key: form.subscription_key,
        msn: form.msn,
    };
    let checked = control.check_keys(&pasted).await;
    let page = Page {
        frame: Frame::new("Are my keys right?", Part::Requests, Some(&visitor)),
        is_production: pasted.environment == sandkasse_domain::Environment::Production,
        msn: &pasted.msn,
        checked: Some(checked),
    };
    shell::page(StatusCode::OK, &page)
}

/// What was pasted.
#[derive(serde::Deserialize)]
pub(super) struct Form {
    environment: sandkasse_domain::Environment,
    client_id: String,
    client_secret: String,
    subscription_key: String,
    msn: String,
}
