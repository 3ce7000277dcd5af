//! The image that `redirectUrl` of a QR payment leads to. It needs no keys.

use sandkasse_domain::{Environment, payment::QrFormat};
use sandkasse_gate::link;

use super::LANDING;
use crate::{
    Answer, Platform, gateway,
    qr::picture::{Wish, drawn},
};

/// Where images of QR codes are, below the environment's base.
pub const QR_IMAGE: &str = "/qr-image/v1";

/// The image of a link. Once the payment is decided or its time is over there is none.
pub async fn image(platform: &Platform, environment: Environment, token: &str) -> Answer {
    let engine = &platform.engine;
    let gone = || gateway(404, "Resource not found");
    let Some((msn, order)) = link::read(engine, environment, token) else {
        return gone();
    };
    let Some(unit) = engine.directory.of(environment).unit(&msn).cloned() else {
        return gone();
    };
    let Ok(view) = engine.view(&unit, order.as_str()).await else {
        return gone();
    };
    let format = view.payment.order.epayment().and_then(|it| it.qr);
    let wish = match format.filter(|_| view.payment.open().is_some()) {
        Some(QrFormat::Svg) => Wish::Svg,
        Some(QrFormat::Png { size }) => Wish::Png(u32::from(size)),
        Some(QrFormat::TargetUrl) | None => return gone(),
    };
    let target = format!("{}{LANDING}?token={token}", platform.base(environment));
    match drawn(&target, wish) {
        Some((media, bytes)) => Answer::new(200, media, bytes),
        None => gone(),
    }
}
