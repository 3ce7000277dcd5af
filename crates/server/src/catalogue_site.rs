//! The catalogue as pages to browse, on the portal listener. It shows what is compiled in and
//! tells nothing about anybody, so it asks for no credential.

use askama::Template;
use axum::{
    Router,
    extract::{Path, Query},
    response::Response,
    routing::get,
};
use sandkasse_catalogue::{Catalogue, Page};
use serde::Deserialize;

use crate::{landing::page, listener};

/// What is looked for.
#[derive(Debug, Default, Deserialize)]
struct Sought {
    /// A code, a text, a FAQ number, a cause, or a whole answer.
    #[serde(default)]
    q: String,
}

#[derive(Template)]
#[template(path = "catalogue.html")]
struct Index<'a> {
    sought: &'a str,
    found: Vec<Entry<'a>>,
}

struct Entry<'a> {
    slug: &'a str,
    title: &'a str,
    headline: String,
}

#[derive(Template)]
#[template(path = "catalogue_page.html")]
struct Shown<'a> {
    title: &'a str,
    /// Escaped where it was made.
    html: String,
}

#[derive(Template)]
#[template(path = "unexplained.html")]
struct Missing {
    text: &'static str,
}

/// The routes below `/catalogue`.
pub(crate) fn routes() -> Router {
    Router::new()
        .route("/catalogue", get(index))
        .route("/catalogue/", get(index))
        .route("/catalogue/{folder}/{name}", get(shown))
}

async fn index(Query(sought): Query<Sought>) -> Response {
    let catalogue = Catalogue::get();
    let sought = sought.q.trim();
    let pages: Vec<&Page> = if sought.is_empty() {
        catalogue.pages().iter().collect()
    } else {
        let hits = catalogue.search(sought);
        hits.into_iter().map(|hit| hit.page).collect()
    };
    let found = pages
        .into_iter()
        .map(|page| Entry {
            slug: &page.slug,
            title: &page.title,
            headline: page.headline(),
        })
        .collect();
    answered(page(200, &Index { sought, found }))
}

async fn shown(Path((folder, name)): Path<(String, String)>) -> Response {
    let slug = format!("{folder}/{name}");
    answered(match Catalogue::get().page(&slug) {
        Some(it) => page(
            200,
            &Shown {
                title: &it.title,
                html: it.html(),
            },
        ),
        None => page(
            404,
            &Missing {
                text: "The catalogue has no such page. All of them are listed at /catalogue.",
            },
        ),
    })
}

fn answered(answer: sandkasse_api::Answer) -> Response {
    listener::response(answer).map(axum::body::Body::new)
}
