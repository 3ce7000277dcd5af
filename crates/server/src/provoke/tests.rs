//! Every cause that can be provoked in a running platform is; the others are listed here.

use std::collections::BTreeMap;

use sandkasse_catalogue::Catalogue;
use sandkasse_domain::Environment;

use super::why_not;
use crate::testing::{House, Rules};

/// Causes that have a request, and are provoked by the tests' stage only.
const NOT_HERE: [(&str, &str); 9] = [
    // They ask the DNS.
    ("ecom/callback-url-invalid", "url.local"),
    ("ecom/callback-url-invalid", "url.dns"),
    ("ecom/consent-removal-url-invalid", "url.local"),
    ("ecom/consent-removal-url-invalid", "url.dns"),
    // The database fails.
    ("ecom/internal-error", "platform.fault"),
    // A setting of the installation.
    ("ecom/merchant-not-available", "unit.test_idle"),
    // The database is slow.
    ("ecom/order-locked", "order.locked"),
    ("ecom/shipping-details-url-invalid", "url.local"),
    ("ecom/shipping-details-url-invalid", "url.dns"),
];

#[tokio::test]
async fn every_page_is_provoked_on_scratch_units_and_explained() {
    let house = House::new().await;
    let (mut wrong, mut not_here, mut played) = (Vec::new(), Vec::new(), 0);
    // Twice: a play leaves nothing behind that another one stumbles over.
    let pages = Catalogue::get().pages();
    for page in pages.iter().chain(pages) {
        for cause in page.causes.iter().filter(|it| it.request.is_some()) {
            if why_not(cause).is_some() {
                not_here.push((page.slug.as_str(), cause.id.as_str()));
                continue;
            }
            played += 1;
            let got = house.control.provoke(cause).await;
            let got = match got {
                Ok(got) => got,
                Err(what) => {
                    wrong.push(format!("{} {}: {what}", page.slug, cause.id));
                    continue;
                }
            };
            let address = got.request_path().replace("/requests/", "");
            let found = house.inspector.at(&address).and_then(|record| {
                let why = record.why.as_ref()?;
                Some(why.id(record.environment))
            });
            if found != Some(cause.id.as_str()) || page.status.is_some_and(|it| it != got.status) {
                wrong.push(format!(
                    "{} {}: {found:?} {}",
                    page.slug, cause.id, got.answered
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(not_here, [NOT_HERE, NOT_HERE].concat());
    assert!(played > 200, "{played}");
}

#[tokio::test]
async fn scratch_units_are_few_and_used_again() {
    let house = House::under(Rules {
        local_urls: false,
        ..Rules::default()
    })
    .await;
    let engine = house.engine();
    let count = || {
        let of = |environment| {
            let here = engine.directory.of(environment);
            (
                here.units().len(),
                here.merchants().len(),
                here.persons().len(),
            )
        };
        Environment::ALL.map(of)
    };
    let before = count();
    let (_, cause) = Catalogue::get()
        .by_cause("capture.exceeds", "ecom/capture-exceeds-reserved")
        .unwrap();
    let mut seen = BTreeMap::new();
    for _ in 0..3 {
        let got = house.control.provoke(cause).await.unwrap();
        assert_eq!(got.status, 400);
        *seen.entry(count()).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 1, "the second play makes nothing new");
    let [test, production] = count();
    assert_eq!((test.0 - before[0].0, production.0 - before[1].0), (3, 1));
    // No unit is left behind that calls into this machine's networks.
    let here = engine.directory.of(Environment::Test);
    let scratch = here
        .units()
        .into_iter()
        .filter(|it| it.facts.name.starts_with("Catalogue"));
    for unit in scratch {
        assert_eq!(
            unit.facts.url_policy,
            sandkasse_domain::sales_unit::UrlPolicy::Strict
        );
    }
}
