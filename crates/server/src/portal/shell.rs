//! What all pages of the portal share: the frame around them, their headers, their files.

use askama::Template;
use axum::{
    Router,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::{
    visitor::{CSRF, Visitor},
    visitors::Role,
};

/// No scripts but ours, no frames, nothing from elsewhere; forms lead back here only.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
     img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The parts of the portal, as the navigation names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Units,
    Requests,
    Dashboard,
    Phone,
    Status,
    Catalogue,
    People,
    Audit,
    /// None of those.
    Other,
}

/// A link of the navigation.
pub(crate) struct Tab {
    pub(crate) name: &'static str,
    pub(crate) href: &'static str,
    pub(crate) is_here: bool,
}

/// What stands around a page's own content. A template extends `portal/frame.html` and has one as
/// its field `frame`.
pub(crate) struct Frame<'a> {
    pub(crate) title: &'a str,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) visitor: Option<&'a Visitor>,
    /// Scripts of this page, by their names: `inspector` is `/assets/inspector.js`.
    pub(crate) scripts: &'static [&'static str],
}

impl<'a> Frame<'a> {
    pub(crate) fn new(title: &'a str, here: Part, visitor: Option<&'a Visitor>) -> Frame<'a> {
        use Part::{Audit, Catalogue, Dashboard, Other, People, Phone, Requests, Status, Units};
        let tabs = [
            (Units, "Sales units", "/units"),
            (Requests, "Requests", "/requests"),
            (Dashboard, "Dashboard", "/dashboard"),
            (Phone, "Phone", "/phone"),
            (Status, "Status", "/status"),
            (Catalogue, "Errors", "/catalogue"),
            (People, "Users", "/users"),
            (Audit, "Audit", "/audit"),
        ];
        let is_admin = visitor.is_some_and(|it| it.0.role == Role::Admin);
        // Whoever is not signed in sees what needs no sign-in.
        let shown = |part: &Part| match part {
            Units | Requests | Dashboard => visitor.is_some(),
            People | Audit => is_admin,
            Phone | Status | Catalogue | Other => true,
        };
        Frame {
            title,
            tabs: tabs
                .into_iter()
                .filter(|(part, _, _)| shown(part))
                .map(|(part, name, href)| Tab {
                    name,
                    href,
                    is_here: part == here,
                })
                .collect(),
            visitor,
            scripts: &[],
        }
    }

    /// The same page with scripts of its own.
    #[must_use]
    pub(crate) fn with(mut self, scripts: &'static [&'static str]) -> Frame<'a> {
        self.scripts = scripts;
        self
    }

    /// The hidden field of every form.
    pub(crate) fn csrf(&self) -> String {
        // Hexadecimal: there is nothing to escape.
        self.visitor.map_or_else(String::new, |visitor| {
            format!(
                r#"<input type="hidden" name="{CSRF}" value="{}">"#,
                visitor.0.csrf
            )
        })
    }
}

#[derive(Template)]
#[template(path = "portal/message.html")]
struct Message<'a> {
    frame: Frame<'a>,
    text: &'a str,
}

/// A page that says one thing.
pub(crate) fn message(
    status: StatusCode,
    visitor: Option<&Visitor>,
    title: &str,
    text: &str,
) -> Response {
    let frame = Frame::new(title, Part::Other, visitor);
    page(status, &Message { frame, text })
}

/// A page with its headers.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, secured("text/html; charset=utf-8"), html).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Elsewhere on the portal, after a form was done.
pub(crate) fn see_other(path: &str) -> Response {
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    (
        StatusCode::SEE_OTHER,
        secured("text/plain; charset=utf-8"),
        [(header::LOCATION, location)],
    )
        .into_response()
}

/// The headers of everything that is a page or belongs to one.
pub(crate) fn secured(media: &'static str) -> HeaderMap {
    let lines = [
        (header::CONTENT_TYPE, media),
        (HeaderName::from_static("content-security-policy"), POLICY),
        (HeaderName::from_static("x-frame-options"), "DENY"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    let lines = lines.map(|(name, value)| (name, HeaderValue::from_static(value)));
    lines.into_iter().collect()
}

/// The style sheet of all pages, and each part's script.
const FILES: &[(&str, &str, &str)] = &[
    (
        "/assets/portal.css",
        "text/css; charset=utf-8",
        concat!(
            include_str!("../../assets/style.css"),
            include_str!("../../assets/portal.css"),
            include_str!("../../assets/units.css"),
            include_str!("../../assets/users.css"),
            include_str!("../../assets/panels.css"),
            include_str!("../../assets/phone.css"),
            include_str!("../../assets/requests.css"),
        ),
    ),
    (ICON, SVG, icon()),
    // Where browsers look for themselves, from what is no page.
    ("/favicon.ico", SVG, icon()),
    (
        "/assets/keys.js",
        JAVASCRIPT,
        include_str!("../../assets/keys.js"),
    ),
    (
        "/assets/clock.js",
        JAVASCRIPT,
        include_str!("../../assets/clock.js"),
    ),
    (
        "/assets/copy.js",
        JAVASCRIPT,
        include_str!("../../assets/copy.js"),
    ),
    (
        "/assets/phone.js",
        JAVASCRIPT,
        include_str!("../../assets/phone.js"),
    ),
    (
        "/assets/inspector.js",
        JAVASCRIPT,
        include_str!("../../assets/inspector.js"),
    ),
];

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const ICON: &str = "/assets/icon.svg";

/// The picture on a browser's tab.
pub(crate) const fn icon() -> &'static str {
    include_str!("../../assets/icon.svg")
}

/// The content of one of those files, for pages on another listener.
pub(crate) fn file(name: &str) -> Option<(&'static str, &'static str)> {
    let found = FILES
        .iter()
        .find(|(path, _, _)| path.strip_prefix("/assets/") == Some(name));
    found.map(|(_, media, content)| (*media, *content))
}

/// The files that pages load. They change with the program only.
pub(super) fn files<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES
        .iter()
        .fold(Router::new(), |router, &(path, media, content)| {
            let file = move || async move {
                let mut headers = secured(media);
                let age = HeaderValue::from_static("max-age=300");
                headers.insert(header::CACHE_CONTROL, age);
                (headers, content)
            };
            router.route(path, get(file))
        })
}
