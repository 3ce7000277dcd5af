//! The code for one payment: its link as a picture.

use sandkasse_engine::Refused;
use sandkasse_gate::{Caller, Step, link};
use serde::Serialize;

use super::{
    QrCause, json,
    printed::{Shows, address},
    wish,
};
use crate::{Answer, Call, Why, json::Json, params::Params};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OneTime {
    url: String,
    expires_in: i64,
}

pub(super) async fn make(call: &mut Call<'_>, caller: &Caller, sent: &Json) -> Result<Answer, Why> {
    let mut params = Params::default();
    let wish = wish(call, &mut params)?;
    let root = params.root(sent);
    let url = root.and_then(|root| params.text(&root, "url", true, &[]));
    let (wish, url) = params.into_result(wish.zip(url))?;
    call.trace.passed(Step::Fields, "all allowed");
    let order = order_of(call, caller, &url).ok_or(Why::Qr(QrCause::LinkInvalid))?;
    let engine = &call.platform.engine;
    let view = engine
        .view(&caller.unit, &order)
        .await
        .map_err(|refused| match refused {
            // Its data may have been replaced since.
            Refused::Because(_) => Why::Qr(QrCause::LinkInvalid),
            fault @ Refused::Fault(_) => fault.into(),
        })?;
    // What was paid, cancelled or timed out cannot be paid again.
    view.payment.open().ok_or(Why::Qr(QrCause::LinkOver))?;
    call.trace.passed(Step::Rules, "the payment is open");
    let until = view.payment.link_expires_at();
    let shows = Shows::Payment { order, link: url };
    Ok(json(&OneTime {
        url: address(call, &caller.unit, shows, wish, until),
        expires_in: until.duration_since(view.now).as_secs(),
    }))
}

/// The order that a link of this environment is about, if it is one of the caller's.
fn order_of(call: &Call<'_>, caller: &Caller, url: &str) -> Option<String> {
    let app = format!("{}://", call.environment.app_scheme());
    let base = call.platform.base(call.environment);
    // A path must follow: `base.example` and `base@example` are others. And the picture of a code is no link.
    let is_page = |rest: &str| rest.starts_with('/') && !rest.starts_with("/qr-image/");
    let is_ours = url.strip_prefix(base).is_some_and(is_page) || url.starts_with(&app);
    let (_, token) = url.split_once("token=").filter(|_| is_ours)?;
    let token = token.split('&').next().unwrap_or_default();
    let (msn, order) = link::read(&call.platform.engine, call.environment, token)?;
    (msn == caller.unit.facts.msn).then(|| order.to_string())
}
