//! The pages as HTML, and the headers that every page has.

use askama::Template;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, LOCATION, REFERRER_POLICY};
use sandkasse_api::Answer;
use sandkasse_courier::url::location;
use sandkasse_domain::{
    Environment,
    payment::{Open, Order},
};
use sandkasse_engine::{Unit, View};

use super::{Link, Surroundings, card::Asked, live, qr, words::Words};
use crate::portal::show::sign;

/// Where the style sheet is, on every listener.
pub(crate) const STYLE: &str = "/dwo-api-application/style.css";
/// Where the script of the payer's pages is.
pub(crate) const ICON: &str = "/dwo-api-application/icon.svg";
pub(super) const SCRIPT: &str = "/dwo-api-application/landing.js";
/// No scripts, no frames, nothing from elsewhere; forms lead back here only.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The same for the payer's pages, which follow the payment with a script of ours.
const LIVE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Without a script the waiting page loads itself again after so many seconds.
const REFRESH_SECONDS: u32 = 2;

/// The pages in one language.
pub(super) struct Pages {
    words: &'static Words,
    /// This page in the other language; `None` while nobody knows which payment it is about.
    other: Option<String>,
}

#[derive(Template)]
#[template(path = "form.html")]
struct Form<'a> {
    words: &'static Words,
    other: &'a Option<String>,
    shop: &'a str,
    amount: String,
    express: bool,
    text: &'a str,
    action: String,
    phone: &'a str,
    refused: bool,
    live: Live,
    qr: Option<String>,
}

#[derive(Template)]
#[template(path = "waiting.html")]
struct Waiting<'a> {
    words: &'static Words,
    other: &'a Option<String>,
    shop: &'a str,
    amount: String,
    text: &'a str,
    action: String,
    refresh_seconds: u32,
    phone: &'a str,
    in_three_d_secure: bool,
    card_refused: bool,
    may_change: bool,
    /// The phone on the portal.
    app: Option<String>,
    command: Option<String>,
    live: Live,
    qr: Option<String>,
}

#[derive(Template)]
#[template(path = "card.html")]
struct CardForm<'a> {
    words: &'static Words,
    other: &'a Option<String>,
    shop: &'a str,
    amount: String,
    text: &'a str,
    action: String,
    refused: Option<&'static str>,
    /// Where the numbers of cards are told.
    command: Option<String>,
    live: Live,
}

#[derive(Template)]
#[template(path = "bank.html")]
struct Bank<'a> {
    words: &'static Words,
    other: &'a Option<String>,
    shop: &'a str,
    amount: String,
    action: String,
    number: &'a str,
    live: Live,
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    words: &'static Words,
    other: &'a Option<String>,
    title: &'a str,
    message: &'a str,
    /// Loaded at once.
    next: Option<String>,
    /// Offered.
    link: Option<&'a str>,
}

/// What the script follows.
struct Live {
    events: String,
    next: String,
    stage: String,
    left_ms: i64,
}

impl Live {
    fn of(link: &Link<'_>, view: &View) -> Live {
        Live {
            events: link.events(),
            next: link.here(),
            stage: live::stage(&view.payment),
            left_ms: live::left_ms(view),
        }
    }

    /// Minutes and seconds.
    fn left(&self) -> String {
        let seconds = self.left_ms / 1000;
        format!("{}:{:02}", seconds / 60, seconds % 60)
    }
}

impl Pages {
    pub(super) fn new(words: &'static Words) -> Pages {
        Pages { words, other: None }
    }

    /// The same about a payment.
    pub(super) fn at(self, link: &Link<'_>) -> Pages {
        let other = Some(link.in_language(Some(self.words.other_language)));
        Pages { other, ..self }
    }

    /// Asks for the number. `refused`: the last one cannot pay. It is not shown again, so that the
    /// page is the same whoever it belongs to (reference: platform.md §6).
    pub(super) fn form(&self, unit: &Unit, view: &View, link: &Link<'_>, refused: bool) -> Answer {
        let order = &view.payment.order;
        let phone = order.mobile.as_ref().map_or("", |phone| phone.as_str());
        live_page(
            200,
            &Form {
                words: self.words,
                other: &self.other,
                shop: &unit.facts.name,
                amount: self.amount(order),
                express: order.is_express(),
                text: &order.text,
                action: link.here(),
                phone,
                refused,
                live: Live::of(link, view),
                qr: qr::path(&link.whole()),
            },
        )
    }

    pub(super) fn waiting(
        &self,
        unit: &Unit,
        view: &View,
        open: &Open,
        link: &Link<'_>,
        surroundings: &Surroundings,
    ) -> Answer {
        let order = &view.payment.order;
        let (environment, msn) = (unit.facts.environment, &unit.facts.msn);
        let phone = open.payer.as_ref().map_or("", |payer| payer.phone.as_str());
        let in_test = environment == Environment::Test;
        let app = in_test.then(|| format!("{}/phone/{phone}", surroundings.portal));
        let command = surroundings.control.as_ref().map(|control| {
            format!(
                "curl -X POST {control}/control/v1/payments/{environment}/{msn}/{}/approve",
                order.id
            )
        });
        live_page(
            200,
            &Waiting {
                words: self.words,
                other: &self.other,
                shop: &unit.facts.name,
                amount: self.amount(order),
                text: &order.text,
                action: link.here(),
                refresh_seconds: REFRESH_SECONDS,
                phone,
                in_three_d_secure: open.in_three_d_secure,
                card_refused: open.refused.is_some(),
                may_change: !order.skip_landing_page,
                app,
                command,
                live: Live::of(link, view),
                // Without a landing page there is nothing to go on with elsewhere.
                qr: (!order.skip_landing_page)
                    .then(|| qr::path(&link.whole()))
                    .flatten(),
            },
        )
    }

    /// Asks for a card. What was typed is not shown again.
    pub(super) fn card(
        &self,
        unit: &Unit,
        view: &View,
        link: &Link<'_>,
        surroundings: &Surroundings,
        asked: Asked,
    ) -> Answer {
        let order = &view.payment.order;
        let environment = unit.facts.environment;
        let control = surroundings.control.as_ref();
        live_page(
            200,
            &CardForm {
                words: self.words,
                other: &self.other,
                shop: &unit.facts.name,
                amount: self.amount(order),
                text: &order.text,
                action: link.here(),
                refused: match asked {
                    Asked::First => None,
                    Asked::Wrong => Some(self.words.card_wrong),
                    Asked::Refused => Some(self.words.card_refused_here),
                },
                command: control
                    .map(|it| format!("curl {it}/control/v1/persons?environment={environment}")),
                live: Live::of(link, view),
            },
        )
    }

    /// The bank asks its own customer.
    pub(super) fn bank(&self, unit: &Unit, view: &View, link: &Link<'_>, number: &str) -> Answer {
        live_page(
            200,
            &Bank {
                words: self.words,
                other: &self.other,
                shop: &unit.facts.name,
                amount: self.amount(&view.payment.order),
                action: link.here(),
                number,
                live: Live::of(link, view),
            },
        )
    }

    /// Loads the link again at once: what it answers then is for it to say.
    pub(super) fn on_the_way(&self, link: &Link<'_>) -> Answer {
        let (title, message) = (self.words.back_title, self.words.back);
        self.message(200, title, message, Some(link.here()), None)
    }

    pub(super) fn to_shop(&self, url: &str) -> Answer {
        let (title, message) = (self.words.back_title, self.words.back);
        self.message(303, title, message, None, Some(url))
            .with(LOCATION, &location(url))
    }

    pub(super) fn close(&self) -> Answer {
        let (title, message) = (self.words.close_title, self.words.close);
        self.message(200, title, message, None, None)
    }

    pub(super) fn expired(&self, shop: Option<&str>) -> Answer {
        let (title, message) = (self.words.expired_title, self.words.expired);
        self.message(410, title, message, None, shop)
    }

    pub(super) fn unknown(&self) -> Answer {
        let (title, message) = (self.words.unknown_title, self.words.unknown);
        self.message(404, title, message, None, None)
    }

    pub(super) fn failed(&self) -> Answer {
        let (title, message) = (self.words.failed_title, self.words.failed);
        self.message(500, title, message, None, None)
    }

    fn message(
        &self,
        status: u16,
        title: &str,
        message: &str,
        next: Option<String>,
        link: Option<&str>,
    ) -> Answer {
        let words = self.words;
        live_page(
            status,
            &Message {
                words,
                other: &self.other,
                title,
                message,
                next,
                link,
            },
        )
    }

    fn amount(&self, order: &Order) -> String {
        let units = order.amount.units();
        let mark = self.words.decimal_mark;
        let sign = sign(order.currency());
        format!("{}{mark}{:02} {sign}", units / 100, units % 100)
    }
}

/// The style sheet of all pages.
pub(crate) fn style_sheet() -> Answer {
    let sheet = Answer::new(
        200,
        "text/css; charset=utf-8",
        include_str!("../../assets/style.css"),
    );
    secured(sheet).with(CACHE_CONTROL, "max-age=300")
}

/// The picture on a browser's tab.
pub(crate) fn icon() -> Answer {
    let icon = Answer::new(200, "image/svg+xml", crate::portal::shell::icon());
    secured(icon).with(CACHE_CONTROL, "max-age=300")
}

/// The script of the payer's pages.
pub(super) fn script() -> Answer {
    let script = Answer::new(
        200,
        "text/javascript; charset=utf-8",
        include_str!("../../assets/landing.js"),
    );
    secured(script).with(CACHE_CONTROL, "max-age=300")
}

/// One of the payer's pages with its headers.
fn live_page(status: u16, template: &impl Template) -> Answer {
    page(status, template).with(CONTENT_SECURITY_POLICY, LIVE_POLICY)
}

/// A page with its headers.
pub(crate) fn page(status: u16, template: &impl Template) -> Answer {
    match template.render() {
        Ok(html) => secured(Answer::new(status, "text/html; charset=utf-8", html))
            .with(CACHE_CONTROL, "no-store"),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            sandkasse_api::gateway(500, "Internal server error")
        }
    }
}

/// The headers against framing, scripts, guessing of types and telling the next site where the
/// reader came from: a link holds a token.
pub(crate) fn secured(answer: Answer) -> Answer {
    answer
        .with(HeaderName::from_static("content-security-policy"), POLICY)
        .with(HeaderName::from_static("x-frame-options"), "DENY")
        .with(HeaderName::from_static("x-content-type-options"), "nosniff")
        .with(REFERRER_POLICY, "no-referrer")
}
