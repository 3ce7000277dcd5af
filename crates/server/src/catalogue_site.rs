//! The catalogue as a small handbook: chapters, search, pages with their neighbours. It shows what
//! is compiled in and tells nothing about anybody, so everybody sees it.

mod marks;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query, State},
    response::Response,
    routing::{get, post},
};
use http::StatusCode;
use sandkasse_catalogue::{Catalogue, Cause, Page};
use serde::Deserialize;

use crate::{
    control::Control,
    portal::{
        shell::{self, Frame, Part},
        show::Stop,
        visitor::{Anyone, Posted, Visitor},
        visitors::Role,
    },
    provoke::{self, Provoked},
};

/// The chapters in the order in which a call meets them: folder, heading, and whose words they are.
const CHAPTERS: [(&str, &str, &str); 15] = [
    (
        "gateway",
        "Before any API is asked",
        "The path, the keys, the token and the limits per minute: these are checked in front of every API.",
    ),
    (
        "token",
        "The access token",
        "What the identity provider says when it gives no token.",
    ),
    (
        "ecom",
        "The eCom API",
        "Initiate, capture, cancel, refund, details, and approvals by force.",
    ),
    (
        "epayment",
        "The ePayment API",
        "Create, get, cancel, capture, refund, and approvals by force.",
    ),
    (
        "userinfo",
        "Userinfo",
        "Personal data that a payer shared with a merchant.",
    ),
    (
        "webhooks",
        "Webhooks",
        "Registering, listing and deleting addresses that hear of events.",
    ),
    (
        "order-management",
        "Order Management",
        "Receipts, buttons and pictures beside a payment.",
    ),
    (
        "qr",
        "QR",
        "Codes for one payment, and printed ones that lead to a page of the merchant.",
    ),
    ("checkout", "Checkout", "Sessions that are refused."),
    ("report", "Report", "Ledgers and their entries."),
    (
        "params",
        "QR and Order Management alike",
        "Members that are missing or wrong, and keys without a right to these APIs.",
    ),
    (
        "landing",
        "The landing page",
        "What the payer sees in the browser.",
    ),
    (
        "shipping",
        "Shipping in express checkout",
        "What the payer sees when the shop does not answer.",
    ),
    (
        "callback",
        "Callbacks",
        "What a merchant is told of a payment that failed, and callbacks that do not arrive.",
    ),
    (
        "platform",
        "The platform itself",
        "Its faults, the limits of this server, and what is not built.",
    ),
];

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Sought {
    /// A code, a text, a FAQ number, a cause, or a whole answer.
    q: String,
    /// Only this chapter.
    chapter: String,
    /// Only this status.
    status: String,
}

#[derive(Template)]
#[template(path = "portal/catalogue.html")]
struct Index<'a> {
    frame: Frame<'a>,
    sought: &'a Sought,
    /// Whether anything is looked for at all.
    is_search: bool,
    count: usize,
    chapters: Vec<Chapter<'a>>,
    all_chapters: Vec<(&'static str, &'static str)>,
    statuses: Vec<u16>,
}

struct Chapter<'a> {
    folder: &'static str,
    title: &'static str,
    about: &'static str,
    entries: Vec<Entry<'a>>,
}

struct Entry<'a> {
    slug: &'a str,
    /// Escaped where it was marked, as are the next two.
    title: String,
    headline: String,
    text: String,
}

#[derive(Template)]
#[template(path = "portal/catalogue_page.html")]
struct Shown<'a> {
    frame: Frame<'a>,
    page: &'a Page,
    chapter: &'static str,
    /// Escaped where it was made.
    html: String,
    before: Option<&'a Page>,
    after: Option<&'a Page>,
    also: Vec<&'a Page>,
    plays: Vec<Play<'a>>,
    may_play: bool,
    played: Option<Result<Provoked, String>>,
    played_cause: &'a str,
}

/// A cause, and whether it can be provoked here.
struct Play<'a> {
    cause: &'a Cause,
    /// Why not.
    not: Option<&'a str>,
}

/// What is to be provoked.
#[derive(Debug, Deserialize)]
struct Wanted {
    cause: String,
}

/// The routes below `/catalogue`.
pub(crate) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/catalogue", get(index))
        .route("/catalogue/", get(index))
        .route("/catalogue/{folder}/{name}", get(shown))
        .route("/catalogue/{folder}/{name}/provoke", post(play))
}

/// All pages, chapter by chapter.
fn in_order() -> impl Iterator<Item = &'static Page> {
    CHAPTERS.into_iter().flat_map(|(folder, _, _)| {
        let pages = Catalogue::get().pages().iter();
        pages.filter(move |page| page.folder() == folder)
    })
}

async fn index(Anyone(visitor): Anyone, Query(sought): Query<Sought>) -> Response {
    let catalogue = Catalogue::get();
    let words = sought.q.trim();
    let pages: Vec<&Page> = if words.is_empty() {
        in_order().collect()
    } else {
        let hits = catalogue.search(words);
        hits.into_iter().map(|hit| hit.page).collect()
    };
    let status = sought.status.parse::<u16>().ok();
    let fits = |page: &&&Page| {
        (sought.chapter.is_empty() || page.folder() == sought.chapter)
            && status.is_none_or(|status| page.status == Some(status))
    };
    let pages: Vec<&Page> = pages.iter().filter(fits).copied().collect();
    let chapters = CHAPTERS.into_iter().map(|(folder, title, about)| Chapter {
        folder,
        title,
        about,
        entries: pages
            .iter()
            .filter(|page| page.folder() == folder)
            .map(|page| Entry {
                slug: &page.slug,
                title: marks::marked(&page.title, words),
                headline: marks::marked(&page.headline(), words),
                text: marks::marked(&page.texts.faq, words),
            })
            .collect(),
    });
    let mut statuses: Vec<u16> = catalogue
        .pages()
        .iter()
        .filter_map(|it| it.status)
        .collect();
    statuses.sort_unstable();
    statuses.dedup();
    let page = Index {
        frame: Frame::new("Every error explained", Part::Catalogue, visitor.as_ref()),
        is_search: !(words.is_empty() && sought.chapter.is_empty() && status.is_none()),
        count: pages.len(),
        chapters: chapters.filter(|it| !it.entries.is_empty()).collect(),
        all_chapters: CHAPTERS
            .iter()
            .map(|(folder, title, _)| (*folder, *title))
            .collect(),
        statuses,
        sought: &sought,
    };
    shell::page(StatusCode::OK, &page)
}

async fn shown(Anyone(visitor): Anyone, Path((folder, name)): Path<(String, String)>) -> Response {
    match Catalogue::get().page(&format!("{folder}/{name}")) {
        Some(page) => render(page, visitor.as_ref(), None, ""),
        None => nothing(visitor.as_ref()),
    }
}

async fn play(
    State(control): State<Arc<Control>>,
    Path((folder, name)): Path<(String, String)>,
    Posted(visitor, wanted): Posted<Wanted>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let found = Catalogue::get().by_cause(&wanted.cause, &format!("{folder}/{name}"));
    let Some((page, cause)) = found else {
        return Ok(nothing(Some(&visitor)));
    };
    let played = control.provoke(cause).await;
    Ok(render(page, Some(&visitor), Some(played), &cause.id))
}

fn nothing(visitor: Option<&Visitor>) -> Response {
    shell::message(
        StatusCode::NOT_FOUND,
        visitor,
        "No such page",
        "The catalogue has no such page. All of them are listed at /catalogue.",
    )
}

fn render(
    page: &Page,
    visitor: Option<&Visitor>,
    played: Option<Result<Provoked, String>>,
    played_cause: &str,
) -> Response {
    let ordered: Vec<&Page> = in_order().collect();
    let here = ordered.iter().position(|it| it.slug == page.slug);
    let beside = |step: isize| {
        let at = here?.checked_add_signed(step)?;
        ordered.get(at).copied()
    };
    let chapter = CHAPTERS
        .into_iter()
        .find(|(folder, _, _)| *folder == page.folder())
        .map_or("", |(_, title, _)| title);
    let shown = Shown {
        frame: Frame::new(&page.title, Part::Catalogue, visitor).with(&["copy"]),
        chapter,
        html: page.html(),
        before: beside(-1),
        after: beside(1),
        also: related(page),
        plays: page
            .causes
            .iter()
            .map(|cause| Play {
                cause,
                not: provoke::why_not(cause),
            })
            .collect(),
        may_play: visitor.is_some_and(|it| it.0.role >= Role::Developer),
        played,
        played_cause,
        page,
    };
    shell::page(StatusCode::OK, &shown)
}

/// Pages on which one of these causes stands too, and those of the same code.
fn related(page: &Page) -> Vec<&'static Page> {
    let is_related = |other: &&Page| {
        let shares = other.causes.iter().any(|it| page.cause(&it.id).is_some());
        let same_code =
            other.code.is_some() && (&other.code, &other.group) == (&page.code, &page.group);
        other.slug != page.slug && (shares || same_code)
    };
    in_order().filter(is_related).collect()
}

/// Filters of the templates.
mod filters {
    #[expect(clippy::unnecessary_wraps, reason = "the form of every filter")]
    pub(super) fn coded(text: &str, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(crate::coded::coded(text))
    }
}
