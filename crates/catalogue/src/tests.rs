//! What every page must have, and what a search finds.

use std::collections::BTreeSet;

use super::*;

#[test]
fn every_page_can_be_read() {
    for (slug, text) in PAGES {
        if let Err(bad) = Page::read(slug, text) {
            panic!("{bad}");
        }
    }
    assert!(PAGES.len() > 80, "{}", PAGES.len());
}

#[test]
fn slugs_and_the_causes_of_a_page_are_there_once() {
    let mut slugs = BTreeSet::new();
    for page in Catalogue::get().pages() {
        assert!(slugs.insert(&page.slug), "{}", page.slug);
        let ids: BTreeSet<&str> = page.causes.iter().map(|it| it.id.as_str()).collect();
        assert_eq!(ids.len(), page.causes.len(), "{}", page.slug);
    }
}

#[test]
fn nothing_is_empty() {
    for page in Catalogue::get().pages() {
        let slug = &page.slug;
        assert!(!page.causes.is_empty(), "{slug}");
        let texts = page.texts.each().map(|(_, text)| text);
        let own = [page.title.as_str(), &page.prose, &page.evidence.source];
        for text in texts.chain(own) {
            assert!(!text.trim().is_empty(), "{slug}");
        }
        for cause in &page.causes {
            for text in [&cause.means, &cause.tell, cause.remedy()] {
                assert!(text.ends_with(['.', ')']), "{slug} {}: {text:?}", cause.id);
            }
            assert_eq!(
                cause.mendable,
                cause.instead.is_none(),
                "{slug} {}",
                cause.id
            );
            assert_eq!(cause.mendable, !cause.fix.is_empty(), "{slug} {}", cause.id);
        }
    }
}

/// Otherwise nobody could tell from an answer which page it is.
#[test]
fn no_two_pages_are_about_one_answer() {
    let mut answers = BTreeSet::new();
    for page in Catalogue::get().pages() {
        let answer = (
            page.status,
            page.format.name(),
            page.code.as_deref(),
            page.texts.faq.as_str(),
        );
        assert!(answers.insert(answer), "{}: {answer:?}", page.slug);
    }
}

#[test]
fn links_lead_to_pages() {
    for page in Catalogue::get().pages() {
        let causes = page
            .causes
            .iter()
            .flat_map(|it| [it.fix.as_str(), &it.tell]);
        for text in causes.chain([page.prose.as_str()]) {
            for link in text.split("](").skip(1) {
                let link = link.split(')').next().unwrap_or_default();
                let slug = match link.strip_prefix("../") {
                    Some(elsewhere) => elsewhere.to_owned(),
                    None => format!("{}/{link}", page.folder()),
                };
                assert!(
                    Catalogue::get().page(&slug).is_some(),
                    "{}: {link}",
                    page.slug
                );
            }
        }
    }
}

#[test]
fn a_search_takes_whatever_is_at_hand() {
    for (sought, first) in [
        ("35", "ecom/order-not-found"),
        (" 37 ", "ecom/merchant-not-available"),
        ("ecom/order-not-found", "ecom/order-not-found"),
        ("FAQ-52", "ecom/msn-header-missing"),
        ("faq-65", "ecom/internal-error"),
        ("ECOM-73", "ecom/order-not-found"),
        ("capture.exceeds_sum", "ecom/capture-exceeds-reserved"),
        ("96", "ecom/capture-too-late"),
        ("1501", "ecom/retired-codes"),
        ("AADSTS700016", "token/client-unknown"),
        ("Requested Order not found", "ecom/order-not-found"),
        (
            "The orderId 'acme-7' does not exist for MSN 123456.",
            "ecom/order-not-found",
        ),
        (
            "Rate limit is exceeded. Try again in 41 seconds.",
            "gateway/rate-limit-exceeded",
        ),
        (
            "merchant not available or active",
            "ecom/merchant-not-available",
        ),
        ("supermerchant", "ecom/msn-header-missing"),
        ("transaction.amount", "ecom/amount-invalid"),
        (
            "merchantInfo.staticShippingDetails[0].shippingCost",
            "ecom/static-shipping-invalid",
        ),
        ("cors browser", "gateway/resource-not-found"),
        (
            r#"[{"errorGroup":"Merchant","errorCode":"35","errorMessage":"Requested Order not found"}]"#,
            "ecom/order-not-found",
        ),
        (
            r#"{ "statusCode": 404, "message": "Resource not found" }"#,
            "gateway/resource-not-found",
        ),
        (
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1"}"#,
            "token/client-secret-wrong",
        ),
    ] {
        let hits = Catalogue::get().search(sought);
        let slug = hits.first().map(|hit| hit.page.slug.as_str());
        assert_eq!(slug, Some(first), "{sought}");
    }
    let found: Vec<&str> = Catalogue::get()
        .search("Invalid MSN")
        .iter()
        .map(|hit| hit.page.slug.as_str())
        .collect();
    for slug in [
        "ecom/invalid-msn",
        "ecom/invalid-msn-of-partner",
        "ecom/msn-unknown-to-partner",
        "ecom/msn-header-missing",
        "ecom/msn-not-of-psp",
    ] {
        assert!(found.contains(&slug), "{found:?}");
    }
    assert_eq!(Catalogue::get().search("51").len().min(2), 2);
    for nothing in ["", "  ", "zzzz qqqq"] {
        assert!(Catalogue::get().search(nothing).is_empty(), "{nothing:?}");
    }
}

#[test]
fn a_search_for_a_cause_says_which_one_it_found() {
    let hits = Catalogue::get().search("FAQ-74");
    let cause = hits.first().and_then(|hit| hit.cause);
    assert_eq!(
        cause.map(|cause| cause.id.as_str()),
        Some("order.other_unit")
    );
    assert!(
        Catalogue::get()
            .search("35")
            .first()
            .is_some_and(|hit| hit.cause.is_none())
    );
}

#[test]
fn an_answer_leads_to_its_page() {
    let catalogue = Catalogue::get();
    let wire = |status, media, code, text| Wire {
        status,
        media,
        code,
        text,
    };
    let ecom = "application/json;charset=UTF-8";
    let text = Some("Requested Order not found");
    let found = catalogue.of_answer("order.other_unit", wire(404, ecom, Some("35"), text));
    assert_eq!(
        found.map(|(page, cause)| (page.slug.as_str(), cause.id.as_str())),
        Some(("ecom/order-not-found", "order.other_unit"))
    );
    // One cause, two pages: the answer decides.
    let fault = |media| catalogue.of_answer("platform.fault", wire(500, media, None, None));
    assert_eq!(
        fault(ecom).map(|(page, _)| page.slug.as_str()),
        Some("ecom/internal-error")
    );
    assert_eq!(
        fault("application/problem+json").map(|(page, _)| page.slug.as_str()),
        Some("userinfo/internal-error")
    );
    assert!(
        catalogue
            .of_answer("order.unknown", wire(400, ecom, None, None))
            .is_none()
    );
}

#[test]
fn text_keeps_to_its_width_and_html_to_its_tags() {
    for page in Catalogue::get().pages() {
        for width in [80, 100] {
            let text = page.text(width);
            for line in text.lines() {
                let fits =
                    line.chars().count() <= width || line.trim_start().split(' ').count() < 3;
                assert!(fits, "{}: {line}", page.slug);
            }
            assert!(text.contains(&page.slug) && text.ends_with('\n'), "{text}");
        }
        for cause in &page.causes {
            let text = page.text_of(cause, 80);
            assert!(
                text.starts_with(&cause.id) && !text.contains("]("),
                "{text}"
            );
        }
        let html = page.html();
        assert_eq!(html.matches("<section").count(), page.causes.len());
        assert!(
            !html.contains("<script") && html.contains("</article>"),
            "{html}"
        );
    }
    let page = Catalogue::get()
        .page("ecom/order-not-found")
        .expect("it is there");
    assert!(
        page.text(80).starts_with(
            "Requested Order not found\n404 · eCom · Merchant · 35 · ecom/order-not-found\n"
        ),
        "{}",
        page.text(80)
    );
}
