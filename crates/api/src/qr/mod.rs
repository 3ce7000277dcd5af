//! QR: codes for one payment, and printed ones that lead to a page of the merchant (reference:
//! qr.md). Codes that call the merchant back, and the exchange of personal ones, are not built.
//!
//! Where the platform's own codes lead to `qr.vipps.no`, ours lead to `/q` below the
//! environment's public address.

mod one_time;
pub(crate) mod picture;
mod printed;
mod redirect;
mod refusals;
mod routes;

use sandkasse_engine::faults::Target;
use sandkasse_gate::Step;
use serde::{Deserialize, Serialize};

use crate::{
    Answer, Call, Why, admission, body,
    json::Json,
    params::{JSON, Params},
};
use picture::Wish;

pub use routes::Asked;
pub(crate) use routes::{find, find_printed};

/// Why no QR code is given; in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QrCause {
    /// `Accept` names no form in which we draw codes.
    MediaType {
        /// It.
        accept: String,
    },
    /// The address is no landing page of a payment of this sales unit.
    LinkInvalid,
    /// The payment's link leads nowhere any more.
    LinkOver,
    /// There is no code of this id.
    IdUnknown,
    /// There is a code of this id.
    IdExists {
        /// It.
        id: String,
    },
    /// The address of a picture is not ours, or its time is over.
    PictureGone,
    /// A printed code that leads nowhere, or never led anywhere.
    PrintDead,
}

impl QrCause {
    pub(crate) fn id(&self) -> &'static str {
        match self {
            QrCause::MediaType { .. } => "qr.media_type",
            QrCause::LinkInvalid => "qr.link_invalid",
            QrCause::LinkOver => "qr.link_over",
            QrCause::IdUnknown => "qr.id_unknown",
            QrCause::IdExists { .. } => "qr.id_exists",
            QrCause::PictureGone => "qr.picture_gone",
            QrCause::PrintDead => "qr.print_dead",
        }
    }
}

pub(crate) async fn handle(call: &mut Call<'_>, asked: &Asked) -> Result<Answer, (Answer, Why)> {
    let answered = match asked {
        Asked::Picture => printed::picture(call).await,
        Asked::Scan { msn, code } => printed::scan(call, msn, code).await,
        Asked::OneTime
        | Asked::Make
        | Asked::List
        | Asked::Get { .. }
        | Asked::Point { .. }
        | Asked::Delete { .. } => admitted(call, asked).await,
    };
    answered.map_err(|why| (refusals::answer(call, &why), why))
}

async fn admitted(call: &mut Call<'_>, asked: &Asked) -> Result<Answer, Why> {
    let caller = admission::keys(call).await?;
    let sent = match asked {
        Asked::OneTime | Asked::Make | Asked::Point { .. } => {
            // Read as JSON whatever `Content-Type` says: the official collection sends none.
            let sent = body::parse(&call.request.body)?;
            call.trace.passed(Step::Body, "JSON");
            sent
        }
        Asked::List
        | Asked::Get { .. }
        | Asked::Delete { .. }
        | Asked::Picture
        | Asked::Scan { .. } => Json::Null,
    };
    admission::open(call, &caller, Target::Qr).await?;
    match asked {
        Asked::OneTime => one_time::make(call, &caller, &sent).await,
        Asked::Make => redirect::make(call, &caller, &sent).await,
        Asked::List => redirect::list(call, &caller).await,
        Asked::Get { id } => redirect::get(call, &caller, id).await,
        Asked::Point { id } => redirect::point(call, &caller, id, &sent).await,
        Asked::Delete { id } => redirect::delete(call, &caller, id).await,
        Asked::Picture | Asked::Scan { .. } => Err(Why::Qr(QrCause::PictureGone)),
    }
}

/// In which form the caller wants the code: `Accept` and `Size`.
fn wish(call: &Call<'_>, params: &mut Params) -> Result<Option<Wish>, Why> {
    let header = |name: &str| {
        let value = call.request.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    };
    let accept = header("accept");
    let wish = Wish::of(accept).ok_or_else(|| {
        Why::Qr(QrCause::MediaType {
            accept: accept.chars().take(100).collect(),
        })
    })?;
    let size = header("size");
    let pixels = match (size, size.parse::<u32>()) {
        ("", _) => Some(picture::USUAL_SIZE),
        (_, Ok(pixels)) if picture::SIZES.contains(&pixels) => Some(pixels),
        _ => {
            let reason = "The field Size must be between 100 and 2000.";
            params.fault(
                "size",
                reason,
                "request.range",
                format!("received {size:?}"),
            );
            None
        }
    };
    Ok(pixels.map(|pixels| wish.sized(pixels)))
}

fn json<T: Serialize>(body: &T) -> Answer {
    let body = serde_json::to_string(body).expect("plain structs always serialise");
    Answer::new(200, JSON, body)
}
