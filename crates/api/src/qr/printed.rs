//! What leads to codes and what codes lead to; nobody needs keys for it.

use http::header;
use sandkasse_courier::url::location;
use sandkasse_domain::{Msn, Timestamp};
use sandkasse_engine::{Engine, Unit};
use sandkasse_gate::{Step, link};
use serde::{Deserialize, Serialize};

use super::{
    QrCause,
    picture::{self, Wish},
    redirect,
};
use crate::{Answer, Call, Why};

/// What a picture shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shows {
    /// A printed code, by its address.
    Print(String),
    /// The link of a payment, as long as it can be paid.
    Payment {
        /// Its order id.
        order: String,
        /// Its link.
        link: String,
    },
}

/// What stands in the address of a picture.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    token_type: String,
    msn: Msn,
    shows: Shows,
    wish: Wish,
    exp: i64,
}

const TOKEN_TYPE: &str = "QRIMAGE";

/// The address of a picture, valid until `until`; of a text that is wanted as such, the text.
pub(super) fn address(
    call: &Call<'_>,
    unit: &Unit,
    shows: Shows,
    wish: Wish,
    until: Timestamp,
) -> String {
    if wish == Wish::Text {
        return match shows {
            Shows::Print(text) => text,
            Shows::Payment { link, .. } => link,
        };
    }
    let claims = Claims {
        token_type: TOKEN_TYPE.to_owned(),
        msn: unit.facts.msn.clone(),
        shows,
        wish,
        exp: until.as_second(),
    };
    let engine: &Engine = &call.platform.engine;
    let token = link::sign_claims(engine, call.environment, &claims);
    let base = call.platform.base(call.environment);
    format!("{base}/q/image?token={token}")
}

/// `GET /q/image?token=…`
pub(super) async fn picture(call: &mut Call<'_>) -> Result<Answer, Why> {
    let gone = || Why::Qr(QrCause::PictureGone);
    let (_, query) = call.request.path.split_once('?').ok_or_else(gone)?;
    let mut parts = query.split('&');
    let token = parts
        .find_map(|part| part.strip_prefix("token="))
        .ok_or_else(gone)?;
    let engine = &call.platform.engine;
    let claims: Claims = link::read_claims(engine, call.environment, token).ok_or_else(gone)?;
    let directory = engine.directory.of(call.environment);
    let unit = directory.unit(&claims.msn).ok_or_else(gone)?;
    if claims.token_type != TOKEN_TYPE || engine.now(unit).as_second() >= claims.exp {
        return Err(gone());
    }
    let text = match &claims.shows {
        Shows::Print(text) => text,
        Shows::Payment { order, link } => {
            let view = engine.view(unit, order).await.map_err(|_| gone())?;
            view.payment.open().ok_or_else(gone)?;
            link
        }
    };
    call.trace
        .passed(Step::Rules, "a picture of ours, in its time");
    let (media, file) = picture::drawn(text, claims.wish).ok_or_else(gone)?;
    Ok(Answer::new(200, media, file))
}

/// `GET /q/r/{msn}/{code}`: the phone's browser is sent to where the code leads.
pub(super) async fn scan(call: &mut Call<'_>, msn: &str, code: &str) -> Result<Answer, Why> {
    let dead = || Why::Qr(QrCause::PrintDead);
    let engine = &call.platform.engine;
    let directory = engine.directory.of(call.environment);
    let unit = Msn::try_new(msn).and_then(|msn| directory.unit(&msn).cloned());
    let unit = unit.ok_or_else(dead)?;
    let (id, serial) = redirect::read_code(code).ok_or_else(dead)?;
    let found = redirect::alive(engine, &unit, &id).await?;
    let target = found
        .filter(|it| it.serial == serial)
        .map(|it| it.target)
        .ok_or_else(dead)?;
    call.trace
        .passed(Step::Rules, "a code that leads somewhere");
    Ok(Answer::empty(302).with(header::LOCATION, &location(&target)))
}
