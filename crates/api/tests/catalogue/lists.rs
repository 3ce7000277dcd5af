//! What no request provokes, and what waits for something; both lists are printed and bounded.

use std::collections::BTreeSet;

use sandkasse_catalogue::{Catalogue, Format};

use super::causes;

/// May only become fewer, unless a page about another call to merchants is written.
const MOST_UNPROVOKABLE: usize = 50;
/// May only become fewer.
const MOST_AWAITING: usize = 50;

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
    assert!(waiting.len() <= MOST_AWAITING, "{}", waiting.len());
}

/// A row of the reference may be a control or a remedy; those need no page.
#[test]
fn numbers_of_the_faq_are_ones_that_exist() {
    let reference = include_str!("../../../../docs/reference/errors-faq.md");
    for (page, cause) in causes() {
        for row in &cause.faq {
            let is_row = reference.contains(&format!("| {row} |"));
            assert!(is_row, "{} {}: {row}", page.slug, cause.id);
        }
    }
    let named: BTreeSet<&str> = causes()
        .flat_map(|(_, cause)| cause.faq.iter().map(String::as_str))
        .collect();
    assert!(named.len() > 60, "{}", named.len());
    assert!(!Catalogue::get().pages().is_empty());
}
