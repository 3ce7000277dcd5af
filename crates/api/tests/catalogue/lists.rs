//! What no request provokes, and what waits for something; both lists are printed and bounded.

use std::collections::BTreeSet;

use sandkasse_catalogue::{Catalogue, Format};

use super::causes;

/// May only become fewer, unless a page is written about what is no answer to a call.
const MOST_UNPROVOKABLE: usize = 44;

#[test]
fn whatever_is_not_provoked_says_why() {
    let (mut without, mut waiting) = (Vec::new(), Vec::new());
    for (page, cause) in causes() {
        let place = format!("{} {}", page.slug, cause.id);
        match (&cause.request, &cause.unprovokable, &cause.awaits) {
            (Some(_), None, None) => {}
            (Some(_), None, Some(what)) => waiting.push(format!("{place}: {what}")),
            (None, Some(why), None) if why.len() > 20 => without.push(format!("{place}: {why}")),
            _ => panic!("{place}: a request, or a reason why there is none"),
        }
        assert!(
            page.status.is_some()
                || !matches!(page.format, Format::Ecom | Format::Gateway)
                || cause.request.is_none(),
            "{place}: an answer has a status"
        );
    }
    println!("without a request:\n{}\n", without.join("\n"));
    println!("waiting:\n{}", waiting.join("\n"));
    assert!(without.len() <= MOST_UNPROVOKABLE, "{}", without.len());
    assert!(waiting.is_empty(), "{waiting:?}");
}

/// What nobody can provoke with a request must still be what the program says.
#[test]
fn texts_that_are_not_provoked_stand_in_the_code() {
    let landing = include_str!("../../../server/src/landing/words.rs");
    let listener = include_str!("../../src/lib.rs");
    let site = include_str!("../../../server/src/api_site.rs");
    let userinfo = include_str!("../../src/userinfo/refusals.rs");
    let callbacks = include_str!("../../../engine/src/outgoing.rs");
    for (slug, code) in [
        ("landing/cannot-pay", landing),
        ("platform/bad-request", listener),
        ("platform/request-timeout", listener),
        ("platform/request-body-too-large", listener),
        ("platform/header-fields-too-large", listener),
        ("platform/internal-server-error", site),
        ("userinfo/internal-error", userinfo),
        ("callback/no-valid-card", callbacks),
        ("callback/refused-by-issuer", callbacks),
        ("callback/issuer-refused-amount", callbacks),
        ("callback/expired-card", callbacks),
        ("callback/reservation-failed", callbacks),
    ] {
        let page = Catalogue::get().page(slug).expect(slug);
        for (_, text) in page.texts.each() {
            assert!(code.contains(&format!("\"{text}\"")), "{slug}: {text}");
        }
    }
}

/// Rows of errors-faq.md that are about no refusal.
const NO_REFUSAL: [(&str, &str); 14] = [
    ("FAQ-01", "holds for every 400"),
    ("FAQ-40", "holds for every answer"),
    ("FAQ-44", "the portal"),
    ("FAQ-45", "the portal"),
    ("FAQ-48", "advice that the pages do not give"),
    ("FAQ-49", "help pages"),
    ("FAQ-57", "Recurring, which is not built yet"),
    ("FAQ-69", "the portal"),
    ("FAQ-70", "holds for every answer"),
    ("FAQ-110", "an answer that is no refusal"),
    ("FAQ-115", "what a customer sees"),
    ("FAQ-117", "what a browser does"),
    ("FAQ-118", "what the app does"),
    ("FAQ-119", "help pages"),
];

/// Every row of the FAQ stands on a page, unless it says that something works (✓).
#[test]
fn every_row_of_the_faq_has_a_page_and_no_page_names_another() {
    let reference = include_str!("../../../../docs/reference/errors-faq.md");
    let rows = reference.lines().filter_map(|line| {
        let mut cells = line.split(" | ");
        let row = cells.next()?.strip_prefix("| ")?;
        let is_row = row.starts_with("FAQ-") && !cells.next()?.starts_with('✓');
        is_row.then_some(row)
    });
    let rows: BTreeSet<&str> = rows.collect();
    assert!(rows.len() > 100, "{rows:?}");
    let named: BTreeSet<&str> = causes()
        .flat_map(|(_, cause)| cause.faq.iter().map(String::as_str))
        .collect();
    let unknown: Vec<_> = named.difference(&rows).collect();
    assert!(unknown.is_empty(), "no such rows: {unknown:?}");
    for row in rows {
        let excepted = NO_REFUSAL.iter().any(|(it, _)| *it == row);
        assert_ne!(named.contains(row), excepted, "{row}");
    }
}
