//! The test app as a web page: one phone for each test person.
//!
//! A phone is opened with its number and PIN, and has a session of its own, so that several stand
//! side by side in one browser. What happens on it goes through the same calls of the engine as the
//! control API's acts. A page is whole without a script; [`live`] tells it when to load a phone
//! again.
//!
//! In the test environment phones need no sign-in at the portal: everybody on them is made up. Those
//! of production are for developers.

mod acts;
mod live;
mod owner;
mod panel;
mod sessions;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, StatusCode};
use sandkasse_domain::Environment;
use sandkasse_engine::Refused;

use self::{
    owner::{NoPhone, Owner, language, may_see},
    panel::{Panel, Row, rows, sees_production},
    words::Language,
};
use super::{
    shell::{self, Frame, Part},
    visitor::Anyone,
};
use crate::control::Control;
pub(crate) use sessions::Phones;

/// No more phones stand side by side.
const SIDE_BY_SIDE: usize = 4;

type Shared = State<Arc<Control>>;

pub(super) fn routes() -> Router<Arc<Control>> {
    let mut router = Router::new()
        .route("/phone", get(list))
        .route("/phone/demo", get(side_by_side))
        .route("/phone/events", get(events));
    for at in ["/phone/{phone}", "/phone/production/{phone}"] {
        let below = |name: &str| format!("{at}/{name}");
        router = router
            .route(at, get(one))
            .route(&below("panel"), get(fragment))
            .route(&below("unlock"), post(acts::unlock))
            .route(&below("lock"), post(acts::lock))
            .route(&below("address"), post(acts::address))
            .route(&below("consent"), post(acts::consent))
            .route(&below("approve"), post(acts::approve))
            .route(&below("reject"), post(acts::reject))
            .route(&below("dismiss"), post(acts::dismiss))
            .route(&below("revoke"), post(acts::revoke));
    }
    router
}

/// What a query says of a page with phones.
struct Wanted {
    language: Language,
    /// Whether it was chosen.
    is_chosen: bool,
    environment: Environment,
    numbers: Vec<String>,
    /// Whose PIN was wrong.
    wrong: Option<String>,
    back: Option<String>,
}

impl Wanted {
    fn of(query: Option<&str>, headers: &HeaderMap) -> Wanted {
        let query = query.unwrap_or_default().as_bytes();
        let named = |wanted: &str| {
            let mut fields = form_urlencoded::parse(query);
            fields
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.into_owned())
        };
        let lang = named("lang").filter(|lang| lang == "en" || lang == "nb");
        let numbers = form_urlencoded::parse(query).filter(|(name, _)| name == "numbers");
        let mut known: Vec<String> = Vec::new();
        for number in numbers.flat_map(|(_, all)| {
            all.split(',')
                .map(|it| it.trim().to_owned())
                .collect::<Vec<_>>()
        }) {
            if known.len() < SIDE_BY_SIDE && !number.is_empty() && !known.contains(&number) {
                known.push(number);
            }
        }
        let in_production = named("environment").as_deref() == Some("production");
        Wanted {
            language: language(lang.as_deref(), headers),
            is_chosen: lang.is_some(),
            environment: if in_production {
                Environment::Production
            } else {
                Environment::Test
            },
            numbers: known,
            wrong: named("wrong"),
            back: named("back"),
        }
    }

    /// A path, in the language that was chosen.
    fn at(&self, path: &str) -> String {
        if self.is_chosen {
            in_language(path, self.language)
        } else {
            path.to_owned()
        }
    }

    fn side_by_side(&self, owners: &[Owner]) -> String {
        let numbers: Vec<&str> = owners.iter().map(|it| it.person.phone.as_str()).collect();
        let production = match self.environment {
            Environment::Test => "",
            Environment::Production => "&environment=production",
        };
        format!("/phone/demo?numbers={}{production}", numbers.join(","))
    }
}

fn in_language(path: &str, language: Language) -> String {
    let mark = if path.contains('?') { '&' } else { '?' };
    format!("{path}{mark}lang={}", language.tag())
}

#[derive(Template)]
#[template(path = "portal/phone_list.html")]
struct ListPage<'a> {
    frame: Frame<'a>,
    l: Language,
    chosen: bool,
    other: String,
    rows: Vec<Row>,
    production: Option<Vec<Row>>,
    most: usize,
}

#[derive(Template)]
#[template(path = "portal/phone.html")]
struct PhonePage<'a> {
    frame: Frame<'a>,
    l: Language,
    other: String,
    all: String,
    events: String,
    panels: Vec<PanelPart>,
}

/// One phone, by itself or on a page.
#[derive(Template)]
#[template(path = "portal/phone_panel.html")]
struct PanelPart {
    l: Language,
    p: Panel,
}

/// The persons there are.
async fn list(
    State(control): Shared,
    Anyone(visitor): Anyone,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let wanted = Wanted::of(query.as_deref(), &headers);
    let l = wanted.language;
    let production = sees_production(visitor.as_ref())
        .then(|| rows(&control, &headers, Environment::Production, l));
    let page = ListPage {
        frame: Frame::new(l.say("Phone", "Telefon"), Part::Phone, visitor.as_ref()),
        l,
        chosen: wanted.is_chosen,
        other: in_language("/phone", l.other()),
        rows: rows(&control, &headers, Environment::Test, l),
        production,
        most: SIDE_BY_SIDE,
    };
    shell::page(StatusCode::OK, &page)
}

/// One phone.
async fn one(
    State(control): Shared,
    Anyone(visitor): Anyone,
    RawQuery(query): RawQuery,
    owner: Owner,
    headers: HeaderMap,
) -> Response {
    let wanted = Wanted::of(query.as_deref(), &headers);
    let wanted = Wanted {
        environment: owner.environment,
        ..wanted
    };
    let path = owner.home();
    let title = panel::full_name(&owner.person);
    page(&control, visitor, &wanted, &path, &title, &[owner]).await
}

/// Several phones.
async fn side_by_side(
    State(control): Shared,
    Anyone(visitor): Anyone,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, NoPhone> {
    let wanted = Wanted::of(query.as_deref(), &headers);
    may_see(wanted.environment, visitor.as_ref())?;
    let owners = all(&control, &headers, &wanted)?;
    if owners.is_empty() {
        return Ok(shell::see_other(&wanted.at("/phone")));
    }
    let path = wanted.side_by_side(&owners);
    let title = wanted.language.say("Phones", "Telefoner");
    Ok(page(&control, visitor, &wanted, &path, title, &owners).await)
}

fn all(control: &Control, headers: &HeaderMap, wanted: &Wanted) -> Result<Vec<Owner>, NoPhone> {
    let numbers = wanted.numbers.iter();
    numbers
        .map(|number| {
            Owner::find(control, headers, wanted.environment, number).ok_or(NoPhone::Unknown)
        })
        .collect()
}

async fn page(
    control: &Control,
    visitor: Option<super::visitor::Visitor>,
    wanted: &Wanted,
    path: &str,
    title: &str,
    owners: &[Owner],
) -> Response {
    let l = wanted.language;
    let mut panels = Vec::new();
    for owner in owners {
        let wrong = wanted.wrong.as_deref() == Some(owner.person.phone.as_str());
        let panel = Panel::of(control, owner, l, wanted.at(path), wrong).await;
        match panel {
            Ok(p) => panels.push(PanelPart { l, p }),
            Err(refused) => return failed(&refused),
        }
    }
    let open: Vec<Owner> = owners
        .iter()
        .filter(|it| it.open.is_some())
        .cloned()
        .collect();
    let events = if open.is_empty() {
        String::new()
    } else {
        wanted
            .side_by_side(&open)
            .replace("/phone/demo", "/phone/events")
    };
    let frame = Frame::new(title, Part::Phone, visitor.as_ref()).with(&["phone"]);
    let page = PhonePage {
        frame,
        l,
        other: in_language(path, l.other()),
        all: wanted.at("/phone"),
        events,
        panels,
    };
    shell::page(StatusCode::OK, &page)
}

/// One phone without a page around it, for the script.
async fn fragment(
    State(control): Shared,
    RawQuery(query): RawQuery,
    owner: Owner,
    headers: HeaderMap,
) -> Response {
    let wanted = Wanted::of(query.as_deref(), &headers);
    let l = wanted.language;
    let back = owner::back(wanted.back, &owner.home());
    match Panel::of(&control, &owner, l, back, false).await {
        Ok(p) => shell::page(StatusCode::OK, &PanelPart { l, p }),
        Err(refused) => failed(&refused),
    }
}

/// Which phones changed, as it happens; of those that are open in this browser.
async fn events(
    State(control): Shared,
    Anyone(visitor): Anyone,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, NoPhone> {
    let wanted = Wanted::of(query.as_deref(), &headers);
    may_see(wanted.environment, visitor.as_ref())?;
    let mut owners = all(&control, &headers, &wanted)?;
    owners.retain(|owner| owner.open.is_some());
    if owners.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(live::events(&control, wanted.environment, &owners))
}

fn failed(refused: &Refused) -> Response {
    tracing::error!(?refused, "a phone could not be shown");
    shell::message(
        StatusCode::INTERNAL_SERVER_ERROR,
        None,
        "Something went wrong",
        "The phone could not be shown. Try once more.",
    )
}
