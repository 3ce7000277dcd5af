//! The payer's pages: what the link of an initiate opens in a browser.
//!
//! ```text
//! GET  link          number? ──POST number──▶ waiting for the app ──decided──▶ 303 to the shop
//!                       └──POST cancel──────▶ on the way back ──────────────▶ 303 to the shop
//! ```
//!
//! They follow the payment through [`live`]; without JavaScript the waiting page loads itself again.
//! A POST never redirects, so that the pages can forbid forms to lead elsewhere, which browsers also
//! apply to redirects after a form. What happens to the payment is the engine's business; here only pages are chosen.
//!
//! A link whose time is over answers 410: the page will not come back under this address.

mod card;
mod live;
mod pages;
mod qr;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

use http::{HeaderMap, Method, header};
use sandkasse_api::{
    Answer, Platform,
    epayment::{QR_IMAGE, image},
    gateway,
};
use sandkasse_domain::{
    Environment, PhoneNumber,
    payment::{CancelledBy, Cause, Open, State},
};
use sandkasse_engine::{Act, ActRefused, Refused, Unit, View};
use sandkasse_gate::link;
use tokio::sync::watch;

use crate::redirect;
pub(crate) use live::follow;
use pages::Pages;
pub(crate) use pages::{ICON, STYLE, icon, style_sheet};

/// Where the link leads (reference: platform.md §6). Matched in any case, as all paths.
const PATH: &str = "/dwo-api-application/v1/deeplink/vippsgateway";
/// The same link as ePayment gives it, with the token alone.
const SHORT_PATH: &str = sandkasse_api::epayment::LANDING;
/// Behind it: what happens to the payment, as it happens.
const EVENTS: &str = "/events";
/// Everything below is the payer's, and no API.
const BELOW: &str = "/dwo-api-application/";

/// The tag of the language that somebody chose, or else the one their browser prefers.
pub(crate) fn language(chosen: Option<&str>, accept_language: Option<&str>) -> &'static str {
    words::pick(chosen, accept_language).language
}

/// What the pages know of their surroundings.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    /// Where the portal is, with everybody's phone.
    pub(crate) portal: String,
    /// Where the control API is, if the payer may be told: with its help a person approves too.
    pub(crate) control: Option<String>,
    /// True when the program shall end.
    pub(crate) stop: watch::Receiver<bool>,
}

/// A request for one of the payer's pages.
pub(crate) struct Visit<'a> {
    pub(crate) environment: Environment,
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// Whether a path is one of the payer's pages.
pub(crate) fn is_at(path: &str) -> bool {
    let below = path.get(..BELOW.len());
    below.is_some_and(|start| start.eq_ignore_ascii_case(BELOW))
        || [SHORT_PATH, QR_IMAGE]
            .iter()
            .any(|it| path.eq_ignore_ascii_case(it))
}

/// Answers a visit.
pub(crate) async fn answer(
    platform: &Platform,
    surroundings: &Surroundings,
    visit: &Visit<'_>,
) -> Answer {
    let path = visit.path.strip_suffix('/').unwrap_or(visit.path);
    let reads = matches!(*visit.method, Method::GET | Method::HEAD);
    if reads && path.eq_ignore_ascii_case(STYLE) {
        return style_sheet();
    }
    if reads && path.eq_ignore_ascii_case(ICON) {
        return icon();
    }
    if reads && path.eq_ignore_ascii_case(pages::SCRIPT) {
        return pages::script();
    }
    let is_link = [PATH, SHORT_PATH]
        .iter()
        .any(|it| path.eq_ignore_ascii_case(it));
    if reads && path.eq_ignore_ascii_case(QR_IMAGE) {
        let token = parameter(visit.query.unwrap_or_default().as_bytes(), "token");
        return image(platform, visit.environment, &token.unwrap_or_default()).await;
    }
    if !is_link || !(reads || *visit.method == Method::POST) {
        return gateway(404, "Resource not found");
    }
    let query = visit.query.unwrap_or_default().as_bytes();
    let token = parameter(query, "token").unwrap_or_default();
    let chosen = parameter(query, "lang");
    let languages = visit.headers.get(header::ACCEPT_LANGUAGE);
    let languages = languages.and_then(|value| value.to_str().ok());
    let words = words::pick(chosen.as_deref(), languages);
    let pages = Pages::new(words);
    let Some((msn, order)) = link::read(&platform.engine, visit.environment, &token) else {
        return pages.unknown();
    };
    let directory = platform.engine.directory.of(visit.environment);
    let Some(unit) = directory.unit(&msn) else {
        return pages.unknown();
    };
    let link = Link {
        base: platform.base(visit.environment),
        token: &token,
        language: chosen
            .as_deref()
            .and_then(words::by_name)
            .map(|it| it.language),
    };
    let pages = pages.at(&link);
    let payer = Payer {
        platform,
        surroundings,
        unit,
        order: order.as_str(),
        link,
        pages: &pages,
    };
    let answered = if reads {
        let change = parameter(query, "change");
        payer.look(change.is_some()).await
    } else {
        payer.submit(visit.body).await
    };
    answered.unwrap_or_else(|refused| match refused {
        Refused::Because(Cause::OrderUnknown { .. } | Cause::OrderOfAnotherUnit { .. }) => {
            pages.unknown()
        }
        Refused::Because(cause) => {
            tracing::info!(%msn, order_id = %order, ?cause, "a payer's page was refused");
            pages.failed()
        }
        Refused::Fault(fault) => {
            tracing::error!(%msn, order_id = %order, fault, "a payer's page failed");
            pages.failed()
        }
    })
}

/// Somebody who holds a link.
struct Payer<'a> {
    platform: &'a Platform,
    surroundings: &'a Surroundings,
    unit: &'a Arc<Unit>,
    order: &'a str,
    link: Link<'a>,
    pages: &'a Pages,
}

/// The link of a payment, and the language its holder chose.
#[derive(Clone, Copy)]
struct Link<'a> {
    base: &'a str,
    token: &'a str,
    language: Option<&'static str>,
}

impl Link<'_> {
    /// Where forms lead. The token of a link that was read is ours, so nothing in it needs escaping.
    fn here(&self) -> String {
        self.in_language(self.language)
    }

    fn in_language(&self, language: Option<&str>) -> String {
        let token = self.token;
        let chosen = language.map_or_else(String::new, |it| format!("&lang={it}"));
        format!("{PATH}?v=2&token={token}{chosen}")
    }

    /// The link as the merchant got it, for another device.
    fn whole(&self) -> String {
        format!("{}{}", self.base, self.in_language(None))
    }

    /// Where changes are told.
    fn events(&self) -> String {
        format!("{PATH}{EVENTS}?token={}", self.token)
    }
}

impl Payer<'_> {
    /// `change`: the payer wants to give another number.
    async fn look(&self, change: bool) -> Result<Answer, Refused> {
        let view = self.platform.engine.view(self.unit, self.order).await?;
        Ok(match view.payment.open() {
            Some(_) if card::pays(&view.payment.order) => self.card_form(&view, card::Asked::First),
            Some(open) => self.undecided(&view, open, change),
            None => self.decided(&view),
        })
    }

    fn undecided(&self, view: &View, open: &Open, change: bool) -> Answer {
        let fixed = view.payment.order.skip_landing_page;
        if open.payer.is_some() && (fixed || !change) {
            self.waiting(view, open)
        } else if fixed {
            // Nobody has the number any more; there is nothing to ask.
            self.pages.close()
        } else {
            self.pages.form(self.unit, view, &self.link, false)
        }
    }

    fn waiting(&self, view: &View, open: &Open) -> Answer {
        self.pages
            .waiting(self.unit, view, open, &self.link, self.surroundings)
    }

    /// A browser is sent back to the shop, without the status that the app adds there
    /// (reference: ecom.md §3, "Redirect").
    fn decided(&self, view: &View) -> Answer {
        let payment = &view.payment;
        let shop = redirect::shop(&payment.order);
        let timed_out = matches!(
            payment.state,
            State::Cancelled {
                by: CancelledBy::Timeout,
                ..
            }
        );
        match shop {
            _ if timed_out => self.pages.expired(shop),
            Some(url) => self.pages.to_shop(url),
            None => self.pages.close(),
        }
    }

    async fn submit(&self, body: &[u8]) -> Result<Answer, Refused> {
        if parameter(body, "cancel").is_some() {
            return self.cancel().await;
        }
        let view = self.platform.engine.view(self.unit, self.order).await?;
        if view.payment.open().is_none() || view.payment.order.skip_landing_page {
            return Ok(self.pages.on_the_way(&self.link));
        }
        if card::pays(&view.payment.order) {
            return self.pay_by_card(body, &view).await;
        }
        let phone = parameter(body, "phone").unwrap_or_default();
        match self.open_for(&phone, &view).await {
            Ok(()) => {}
            Err(Refused::Because(Cause::CannotPay { .. })) => {
                return Ok(self.pages.form(self.unit, &view, &self.link, true));
            }
            // Decided meanwhile: the next page says how.
            Err(Refused::Because(Cause::NotOpen { .. })) => {
                return Ok(self.pages.on_the_way(&self.link));
            }
            Err(refused) => return Err(refused),
        }
        let view = self.platform.engine.view(self.unit, self.order).await?;
        Ok(match view.payment.open() {
            Some(open) => self.waiting(&view, open),
            None => self.pages.on_the_way(&self.link),
        })
    }

    /// Whether the number can pay is judged first: whoever gives one that cannot has not logged
    /// in, and gains no time.
    async fn open_for(&self, phone: &str, view: &View) -> Result<(), Refused> {
        use sandkasse_domain::person::CannotPay;
        let engine = &self.platform.engine;
        let cannot = |reason| Refused::from(Cause::CannotPay { reason });
        let phone =
            PhoneNumber::correct(phone).map_err(|fault| cannot(CannotPay::Number(fault)))?;
        engine.payer(self.unit, &phone, view.now).map_err(cannot)?;
        for act in [Act::Open, Act::Show { phone }] {
            self.act(act).await?;
        }
        Ok(())
    }

    async fn cancel(&self) -> Result<Answer, Refused> {
        match self.act(Act::LeaveLandingPage).await {
            // Decided already: then that stands.
            Ok(()) | Err(Refused::Because(Cause::NotOpen { .. })) => {
                Ok(self.pages.on_the_way(&self.link))
            }
            Err(refused) => Err(refused),
        }
    }

    async fn act(&self, act: Act) -> Result<(), Refused> {
        let engine = &self.platform.engine;
        match engine.person_acts(self.unit, self.order, act).await {
            Ok(_) => Ok(()),
            Err(ActRefused::Refused(refused)) => Err(refused),
            Err(
                ActRefused::NoShippingMethods { detail } | ActRefused::BadShippingAnswer { detail },
            ) => Err(Refused::Fault(detail)),
        }
    }
}

/// A member of a query or a form.
fn parameter(encoded: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(encoded)
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}
