//! The journal is bounded, counts what it forgets, and finds what it keeps.

use http::{HeaderMap, Method};
use jiff::{SignedDuration, Timestamp};
use sandkasse_domain::{
    Environment, Msn,
    sales_unit::{RateLimits, SalesUnit},
};

use super::*;
use crate::texts::Texts;

fn record(at: Timestamp, unit: Option<&str>, size: usize) -> Record {
    Record {
        number: 0,
        place: 0,
        at,
        took_us: None,
        environment: Environment::Test,
        method: Method::GET,
        status: 200,
        dropped: false,
        client: None,
        unit: unit.map(|msn| Msn::try_new(msn).unwrap()),
        why: None,
        texts: Texts::default(),
        size,
    }
}

fn noon() -> Timestamp {
    "2023-06-13T12:00:00Z".parse().unwrap()
}

/// What is kept adds up to what is said of it.
#[track_caller]
fn adds_up(journal: &Journal) {
    let all = journal
        .newest(&Among::All, None, usize::MAX, usize::MAX, |_| true)
        .records;
    let fill = journal.fill();
    assert_eq!(fill.calls, all.len());
    assert_eq!(fill.bytes, all.iter().map(|it| it.size).sum::<usize>());
    assert!(fill.bytes <= fill.most_bytes);
    let kept = journal.kept.lock();
    let of: usize = kept.of.values().map(|it| it.numbers.len()).sum();
    assert_eq!(of, all.len(), "the lists by sales unit hold the same calls");
    assert!(kept.of.values().all(|it| !it.numbers.is_empty()));
    assert_eq!(kept.next, fill.forgotten + fill.calls as u64);
}

#[test]
fn bounded_by_bytes() {
    let journal = Journal::new(10_000);
    for _ in 0..50 {
        journal.note(record(noon(), Some("220001"), 1000));
        adds_up(&journal);
    }
    assert_eq!((journal.fill().calls, journal.fill().forgotten), (10, 40));
    assert!(journal.get(39).is_none() && journal.get(40).is_some());
    // One that is larger than everything is not kept, and neither is what was there.
    journal.note(record(noon(), None, 10_001));
    assert_eq!((journal.fill().calls, journal.fill().bytes), (0, 0));
    assert_eq!(journal.fill().forgotten, 51);
    journal.note(record(noon(), None, 10_000));
    assert_eq!(journal.fill().calls, 1);
    adds_up(&journal);
    assert!(!Journal::new(0).is_on() && journal.is_on());
}

#[test]
fn bounded_by_age() {
    let journal = Journal::new(usize::MAX);
    let later = |hours| noon() + SignedDuration::from_hours(hours);
    for hour in 0..10 {
        journal.note(record(later(hour), None, 1));
    }
    let week = 7 * 24;
    // As old as allowed, and one second older.
    journal.note(record(later(week), None, 1));
    assert_eq!(journal.fill().forgotten, 0);
    journal.note(record(
        later(week) + SignedDuration::from_secs(1),
        Some("220001"),
        1,
    ));
    assert_eq!(journal.fill().forgotten, 1);
    journal.note(record(later(week + 9), None, 1));
    assert_eq!((journal.fill().calls, journal.fill().forgotten), (4, 9));
    // A clock that goes back forgets nothing.
    journal.note(record(noon(), None, 1));
    assert_eq!(journal.fill().forgotten, 9);
    adds_up(&journal);
}

#[test]
fn bounded_for_each_sales_unit() {
    let journal = Journal::new(usize::MAX);
    journal.note(record(noon(), Some("220002"), 7));
    let mut other = record(noon(), Some("220001"), 7);
    other.environment = Environment::Production;
    journal.note(other);
    for _ in 0..MOST_OF_A_UNIT + 5 {
        journal.note(record(noon(), Some("220001"), 7));
        journal.note(record(noon(), None, 7));
    }
    // The loud ones lost their oldest; the quiet ones, of which one has the same number in the
    // other environment, kept theirs.
    assert_eq!(journal.fill().calls, 2 * MOST_OF_A_UNIT + 2);
    assert_eq!(journal.fill().forgotten, 10);
    assert!(journal.get(0).is_some() && journal.get(1).is_some());
    assert!(journal.get(2).is_none() && journal.get(3).is_none());
    adds_up(&journal);
}

#[tokio::test]
async fn successes_that_come_too_fast_are_counted_and_refusals_always_kept() {
    let world = sandkasse_testkit::World::new().await;
    let config = crate::InspectorConfig {
        explain: true,
        journal_bytes: usize::MAX,
        portal: "http://portal.sandkasse.invalid".to_owned(),
        on_disk: None,
        shared_secret: None,
    };
    let inspector = crate::Inspector::new(world.platform.clone(), config);
    let limitless = |unit: &mut SalesUnit| unit.rate_limits = RateLimits::Off;
    let (loud, quiet) = (world.shop(limitless).await, world.shop(limitless).await);
    loud.initiate("acme-1", 100).await.ok();
    quiet.initiate("acme-1", 100).await.ok();
    let call = async |shop: &sandkasse_testkit::Shop, order: &str| {
        let path = format!("/ecomm/v2/payments/{order}/details");
        let request = shop.ask("GET", &path).await.request().clone();
        inspector.answer(Environment::Test, &request).await.0.status
    };
    // The clock stands still: all of this is one second.
    for _ in 0..MOST_A_SECOND + 5 {
        assert_eq!(call(&loud, "acme-1").await, 200);
    }
    assert_eq!(call(&loud, "acme-2").await, 404);
    assert_eq!(call(&quiet, "acme-1").await, 200);
    let fill = inspector.journal.fill();
    assert_eq!((fill.calls, fill.passed_over), (MOST_A_SECOND + 1, 5));
    world.pass(SignedDuration::from_secs(1)).await;
    assert_eq!(call(&loud, "acme-1").await, 200);
    let fill = inspector.journal.fill();
    assert_eq!((fill.passed_over, fill.forgotten), (5, 2));
    adds_up(&inspector.journal);
}

#[test]
fn pages_newest_first() {
    let journal = Journal::new(usize::MAX);
    for at in 0..10 {
        let unit = if at % 2 == 0 { "220001" } else { "220002" };
        assert_eq!(journal.note(record(noon(), Some(unit), 1)), at);
    }
    let even = |it: &Record| it.unit.as_ref().is_some_and(|msn| msn.as_str() == "220001");
    let numbers = |before, limit| -> Vec<u64> {
        let page = journal.newest(&Among::All, before, limit, usize::MAX, even);
        page.records.iter().map(|it| it.number).collect()
    };
    assert_eq!(numbers(None, 3), [8, 6, 4]);
    assert_eq!(numbers(Some(4), 3), [2, 0]);
    assert_eq!(numbers(Some(0), 3), [0; 0]);
    assert_eq!(numbers(Some(u64::MAX), 1), [8]);
    assert_eq!(numbers(None, 0), [0; 0]);
}

#[test]
fn pages_of_some_sales_units() {
    let journal = Journal::new(usize::MAX);
    for at in 0..3000 {
        let unit = ["220001", "220002", "220003"][at % 3];
        journal.note(record(noon(), Some(unit), 1));
    }
    journal.note(record(noon(), None, 1));
    let whose = |msn: &str| (Environment::Test, Some(Msn::try_new(msn).unwrap()));
    let look = |units: &[&str], before, limit, most| {
        let among = Among::Units(units.iter().map(|msn| whose(msn)).collect());
        let found = journal.newest(&among, before, limit, most, |_| true);
        let numbers: Vec<u64> = found.records.iter().map(|it| it.number).collect();
        (numbers, found.next, found.is_partial)
    };
    assert_eq!(
        look(&["220001"], None, 2, 99),
        (vec![2997, 2994], Some(2994), false)
    );
    assert_eq!(
        look(&["220002", "220001"], Some(2997), 3, 99),
        (vec![2995, 2994, 2992], Some(2992), false)
    );
    let (all, next, is_partial) = look(&["220001", "220003"], None, usize::MAX, usize::MAX);
    assert_eq!((all.len(), next, is_partial), (2000, None, false));
    assert!(all.is_sorted_by(|newer, older| newer > older));
    assert_eq!(look(&["220009"], None, 9, 99), (vec![], None, false));
    // Who looks for what is not there stops after a while, and says where to go on.
    let found = journal.newest(&Among::All, None, 9, 1000, |_| false);
    assert_eq!((found.next, found.is_partial), (Some(2001), true));
    let found = journal.newest(&Among::All, Some(1), 9, 1000, |_| false);
    assert_eq!((found.next, found.is_partial), (None, false));
}

#[tokio::test]
async fn who_waits_is_woken_and_reads_what_is_new() {
    let journal = Journal::new(usize::MAX);
    for _ in 0..5 {
        journal.note(record(noon(), None, 1));
    }
    // However many came before: one look is enough.
    journal.noted().await;
    let seen = journal.next();
    assert_eq!(seen, 5);
    journal.note(record(noon(), None, 1));
    journal.noted().await;
    let new = journal.since(seen, 10);
    assert_eq!(new.iter().map(|it| it.number).collect::<Vec<_>>(), [5]);
    assert_eq!(journal.since(0, 2).len(), 2);
}

#[test]
fn numbers_are_never_given_twice() {
    let journal = Journal::new(usize::MAX);
    journal.note(record(noon(), None, 5));
    journal.clear();
    let fill = journal.fill();
    assert_eq!((fill.calls, fill.bytes), (0, 0));
    // An address of before leads nowhere, rather than to somebody else's call.
    assert_eq!(journal.note(record(noon(), None, 5)), 1);
    assert!(journal.get(0).is_none());
    assert_eq!(journal.fill().bytes, 5);
}

/// Sizes, ages and units at random: the sums hold at every step.
#[test]
fn the_sums_hold_whatever_comes() {
    let journal = Journal::new(3000);
    let mut random = 1_u64;
    let units = [None, Some("220001"), Some("220002")];
    for _ in 0..5000 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let pick = |shift: u32, below: u64| (random >> shift) % below;
        let unit = units.get(usize::try_from(pick(20, 3)).unwrap()).unwrap();
        let hours = i64::try_from(pick(30, 1000)).unwrap();
        let size = usize::try_from(pick(40, 700)).unwrap();
        let at = noon() + SignedDuration::from_hours(hours);
        journal.note(record(at, *unit, size));
        adds_up(&journal);
    }
}

#[tokio::test]
async fn an_address_leads_to_its_call_and_no_other_to_it() {
    let world = sandkasse_testkit::World::new().await;
    let inspector = || {
        crate::Inspector::new(
            world.platform.clone(),
            crate::InspectorConfig {
                explain: true,
                journal_bytes: 1 << 20,
                portal: "http://portal.sandkasse.invalid".to_owned(),
                on_disk: None,
                shared_secret: None,
            },
        )
    };
    let (here, elsewhere) = (inspector(), inspector());
    let request = sandkasse_api::Request {
        method: Method::GET,
        path: "/nowhere".to_owned(),
        headers: HeaderMap::new(),
        body: bytes::Bytes::new(),
    };
    for it in [&here, &elsewhere] {
        for _ in 0..12 {
            it.answer(Environment::Test, &request).await;
        }
    }
    let address = here.address(3);
    assert_eq!(here.at(&address).unwrap().number, 3);
    let (number, code) = address.split_once('-').unwrap();
    assert_eq!(code.len(), 32);
    let last = if code.ends_with('0') { "1" } else { "0" };
    for wrong in [
        String::new(),
        "-".to_owned(),
        number.to_owned(),
        code.to_owned(),
        format!("{number}-"),
        format!("4-{code}"),
        format!("03-{code}"),
        format!("+3-{code}"),
        format!(" 3-{code}"),
        format!("3-{}", &code[..31]),
        format!("3-{code}0"),
        format!("3-{}{last}", &code[..31]),
        format!("3-{}", code.to_uppercase() + "G"),
        format!("3-{}", &here.address(4)[2..]),
        format!("99999999999999999999999-{code}"),
        here.address(12),
        elsewhere.address(3),
    ] {
        assert!(here.at(&wrong).is_none(), "{wrong}");
    }
    here.journal.clear();
    assert!(here.at(&address).is_none(), "forgotten");
}
