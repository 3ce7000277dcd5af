//! The catalogue: every refusal of the platform, explained.
//!
//! A *page* is one answer on the wire (status, format, group, code, text). The *causes* on it are
//! what may be true when that answer comes. The pages are Markdown under `catalogue/` with a TOML
//! head; how to write one stands in `catalogue/README.md`. They are compiled in and parsed once,
//! when somebody first asks.
//!
//! This crate explains; it never decides. What the platform answers is decided in the APIs'
//! `refusals.rs`, and a test provokes every cause with the request of its page and compares.
//!
//! ```
//! use sandkasse_catalogue::Catalogue;
//! let catalogue = Catalogue::get();
//! let page = catalogue.page("ecom/order-not-found").expect("it is there");
//! assert_eq!(page.code.as_deref(), Some("35"));
//! let (page, cause) = catalogue.by_cause("order.other_unit", "ecom/order-not-found").expect("so is this");
//! assert!(cause.fix.contains("keys"));
//! assert_eq!(catalogue.search("35")[0].page.slug, page.slug);
//! ```

mod answer;
mod direction;
mod fill;
mod html;
mod page;
mod pattern;
mod search;
#[cfg(test)]
mod tests;
mod text;

use std::sync::LazyLock;

pub use answer::Wire;
pub use direction::{Direction, How, UnitTrait};
pub use fill::{Piece, pieces};
pub use page::{Bad, Cause, Evidence, Format, Kind, Page, Recorded, Request, Texts};
pub use pattern::{captures, matches};
pub use search::Hit;

/// Slug and text of every page, sorted by slug.
static PAGES: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/pages.rs"));

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue {
    // A test reads all pages, so a bad one is never shipped.
    pages: PAGES
        .iter()
        .map(|(slug, text)| Page::read(slug, text).unwrap_or_else(|bad| panic!("{bad}")))
        .collect(),
});

/// All pages.
#[derive(Debug)]
pub struct Catalogue {
    pages: Vec<Page>,
}

impl Catalogue {
    /// The one there is. The first call parses it.
    pub fn get() -> &'static Catalogue {
        &CATALOGUE
    }

    /// All pages, sorted by slug.
    pub fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// One page, such as `ecom/order-not-found`.
    pub fn page(&self, slug: &str) -> Option<&Page> {
        self.pages.iter().find(|page| page.slug == slug)
    }

    /// Every page on which a cause stands: one cause may be answered in several ways.
    pub fn pages_of<'a>(&'a self, cause: &'a str) -> impl Iterator<Item = (&'a Page, &'a Cause)> {
        self.pages
            .iter()
            .filter_map(move |page| Some((page, page.cause(cause)?)))
    }

    /// A cause as it is answered on one page.
    pub fn by_cause(&self, cause: &str, slug: &str) -> Option<(&Page, &Cause)> {
        let page = self.page(slug)?;
        Some((page, page.cause(cause)?))
    }
}
