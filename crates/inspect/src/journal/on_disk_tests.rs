//! The journal on disk: what memory does not hold is found there, and it is bounded too.

use sandkasse_testkit::{Shop, World};

use super::*;
use crate::{Inspector, InspectorConfig, OnDisk};

struct House {
    world: World,
    folder: tempfile::TempDir,
}

impl House {
    async fn new() -> House {
        House {
            world: World::new().await,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn inspector(&self, journal_bytes: usize, most_bytes: u64) -> Inspector {
        let config = InspectorConfig {
            explain: true,
            journal_bytes,
            portal: "http://portal.sandkasse.invalid".to_owned(),
            on_disk: Some(OnDisk {
                file: self.folder.path().join("calls.db"),
                most_bytes,
                secret: "of this installation".to_owned(),
            }),
            shared_secret: None,
        };
        Inspector::new(self.world.platform.clone(), config)
    }

    async fn call(&self, inspector: &Inspector, shop: &Shop, order: &str) {
        let path = format!("/ecomm/v2/payments/{order}/details");
        let request = shop.ask("GET", &path).await.request().clone();
        inspector.answer(Environment::Test, &request).await;
        self.world.clock.advance(SignedDuration::from_millis(2));
    }
}

/// All numbers, page by page.
fn all(journal: &Journal, among: &Among) -> Vec<u64> {
    let (mut numbers, mut before) = (Vec::new(), None);
    loop {
        let found = journal.newest(among, before, 100, usize::MAX, |_| true);
        numbers.extend(found.records.iter().map(|it| it.number));
        before = found.next;
        if before.is_none() {
            return numbers;
        }
    }
}

#[tokio::test]
async fn what_memory_forgot_is_read_from_disk_also_by_the_next_process() {
    let house = House::new().await;
    let (one, other) = (
        house.world.shop(|_| {}).await,
        house.world.shop(|_| {}).await,
    );
    let first = house.inspector(100_000, u64::MAX);
    for number in 0..300 {
        let shop = if number % 3 == 0 { &one } else { &other };
        house.call(&first, shop, &format!("acme-{number}")).await;
    }
    first.journal.flush();
    let fill = first.journal.fill();
    assert!(fill.calls < 100 && fill.on_disk == 300, "{fill:?}");
    let numbers = all(&first.journal, &Among::All);
    assert_eq!(numbers.len(), 300);
    assert!(numbers.is_sorted_by(|newer, older| newer > older));
    let theirs = Among::Units(vec![(Environment::Test, Some(one.msn.clone()))]);
    assert_eq!(all(&first.journal, &theirs).len(), 100);
    let oldest = *numbers.last().unwrap();
    let address = first.address(oldest);
    let path = first.at(&address).unwrap().path().to_owned();
    assert_eq!(path, "/ecomm/v2/payments/acme-0/details");
    drop(first);

    let second = house.inspector(100_000, u64::MAX);
    house.call(&second, &one, "acme-300").await;
    assert_eq!(second.at(&address).unwrap().path(), path);
    let again = all(&second.journal, &Among::All);
    assert_eq!(again.len(), 301);
    assert_eq!(again.get(1..), Some(&*numbers), "none twice, none lost");
    // Who forgets, forgets on disk as well.
    second.journal.clear();
    assert!(second.at(&address).is_none());
    assert_eq!(
        (
            second.journal.fill().on_disk,
            all(&second.journal, &Among::All).len()
        ),
        (0, 0)
    );
}

#[tokio::test]
async fn the_file_is_bounded_for_each_sales_unit_and_as_a_whole() {
    let house = House::new().await;
    let (loud, quiet) = (
        house.world.shop(|_| {}).await,
        house.world.shop(|_| {}).await,
    );
    let inspector = house.inspector(50_000, u64::MAX);
    house.call(&inspector, &quiet, "acme-1").await;
    for number in 0..MOST_OF_A_UNIT + 250 {
        house
            .call(&inspector, &loud, &format!("acme-{number}"))
            .await;
    }
    inspector.journal.flush();
    let on_disk = usize::try_from(inspector.journal.fill().on_disk).unwrap();
    assert!(
        (MOST_OF_A_UNIT + 1..MOST_OF_A_UNIT + 102).contains(&on_disk),
        "{on_disk}"
    );
    assert_eq!(all(&inspector.journal, &Among::All).len(), on_disk);
    let theirs = Among::Units(vec![(Environment::Test, Some(quiet.msn.clone()))]);
    assert_eq!(all(&inspector.journal, &theirs).len(), 1);
    drop(inspector);
    // A file that is too large loses its oldest.
    let inspector = house.inspector(50_000, 100_000);
    house.call(&inspector, &quiet, "acme-2").await;
    inspector.journal.flush();
    assert!(inspector.journal.fill().on_disk < 10);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_holds_up_nobody() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    std::fs::create_dir(house.folder.path().join("calls.db")).unwrap();
    let inspector = house.inspector(1 << 20, u64::MAX);
    inspector.journal.flush();
    house.call(&inspector, &shop, "acme-1").await;
    assert_eq!(all(&inspector.journal, &Among::All).len(), 1);
    let fill = inspector.journal.fill();
    assert_eq!((fill.on_disk, fill.not_written), (0, 1));
}

/// the machine's clock was set back between two runs.
#[tokio::test]
async fn r_15_numbers_go_on_though_the_clock_went_back() {
    let house = House::new().await;
    let shop = house.world.shop(|_| {}).await;
    let mut calls = 0;
    for jump in [0, -24, -1, 24] {
        let jump = SignedDuration::from_hours(jump);
        house.world.clock.advance(jump);
        let inspector = house.inspector(100_000, u64::MAX);
        for number in 0..10 {
            house
                .call(&inspector, &shop, &format!("acme-{number}"))
                .await;
        }
        calls += 10;
        inspector.journal.flush();
        let newest = inspector
            .journal
            .newest(&Among::All, None, 100, usize::MAX, |_| true);
        let made: Vec<_> = newest.records.iter().map(|it| it.at).collect();
        assert_eq!(made.len(), calls, "none took the place of another");
        let latest = house.world.now() - SignedDuration::from_millis(2);
        assert_eq!(
            made.first(),
            Some(&latest),
            "the newest comes first, after {jump:?}"
        );
    }
}
