//! Report: ledgers, dates and the feed (reference: report.md).

use jiff::{SignedDuration, Timestamp, Zoned, civil::date};
use sandkasse_domain::{
    Currency,
    Environment::{Production, Test},
    ledger::{Fees, Payouts, Settlement},
    person::Person,
    sales_unit::{RateLimits, SalesUnit},
};
use sandkasse_engine::{Settings, directory::OfficeKind};
use sandkasse_store::MemoryStore;
use sandkasse_testkit::{
    ACCOUNTING_EXPIRED, Format, Got, NOT_FOUND, Shop, TOKEN_REJECTED, World, days, hours, minutes,
    seconds,
};
use serde_json::Value;

const LEDGERS: &str = "/settlement/v1/ledgers";

fn live(unit: &mut SalesUnit) {
    unit.environment = Production;
    unit.rate_limits = RateLimits::Off;
}

async fn stage() -> (World, Shop, Person) {
    let world = World::new().await;
    let shop = world.shop(live).await;
    let kari = world.person_in(Production, |_| {}).await;
    (world, shop, kari)
}

fn ledger(shop: &Shop) -> String {
    let msn: u32 = shop.msn.as_str().parse().expect("digits");
    (msn + 100_000).to_string()
}

async fn get(shop: &Shop, path: &str) -> Got {
    shop.ask("GET", path).await.send().await
}

fn of_date(shop: &Shop, topic: &str, date: &str) -> String {
    format!("/report/v2/ledgers/{}/{topic}/dates/{date}", ledger(shop))
}

fn of_feed(shop: &Shop, topic: &str) -> String {
    format!("/report/v2/ledgers/{}/{topic}/feed", ledger(shop))
}

/// All of an account so far.
async fn feed(shop: &Shop, topic: &str) -> Vec<Value> {
    let got = get(shop, &of_feed(shop, topic)).await.ok();
    got["items"].as_array().expect("a list").clone()
}

fn kinds(items: &[Value]) -> Vec<(&str, i64)> {
    let kind = |item: &'_ Value| item["amount"].as_i64().expect("a number");
    items
        .iter()
        .map(|item| (item["entryType"].as_str().expect("a text"), kind(item)))
        .collect()
}

/// A captured payment.
async fn sold(shop: &Shop, order: &str, amount: i64, kari: &Person) -> String {
    shop.reserved(order, amount, kari).await;
    let captured = shop.capture(order, amount).await.ok();
    let id = captured["transactionInfo"]["transactionId"].as_str();
    id.expect("a number").to_owned()
}

fn oslo(at: Timestamp) -> Zoned {
    // It is summer in the world of tests.
    at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(2)))
}

/// Moves the unit's clock to this hour and minute in Norway, today or tomorrow.
async fn until(shop: &Shop, hour: i8, minute: i8) {
    let now = oslo(shop.now());
    let mut then = now.with().hour(hour).minute(minute).second(0).build();
    if then.as_ref().is_ok_and(|then| *then <= now) {
        then = then.and_then(|it| it.tomorrow());
    }
    let then = then.expect("a moment").timestamp();
    shop.advance(then.duration_since(shop.now())).await;
}

fn today(shop: &Shop) -> String {
    oslo(shop.now()).date().to_string()
}

#[tokio::test]
async fn rep_01_rep_03_a_sales_unit_sees_its_own_ledger() {
    let (world, shop, _) = stage().await;
    let sister = world.shop_of(&shop.unit().facts.merchant, live).await;
    let orgno = shop.unit().facts.merchant.0.clone();
    let got = get(&shop, LEDGERS).await;
    let account = got.ok()["items"][0]["payoutBankAccount"]["id"].take();
    let account = account.as_str().expect("a text");
    assert!(account.len() == 11 && account.bytes().all(|it| it.is_ascii_digit()));
    let whole = format!(
        r#"{{"cursor":"","items":[{{"ledgerId":"{}","currency":"NOK","payoutBankAccount":{{"scheme":"BBAN:NO","id":"{account}"}},"owner":{{"scheme":"business:NO:ORG","id":"{orgno}"}},"settlesForRecipientHandles":["api:{}"]}}]}}"#,
        ledger(&shop),
        shop.msn
    );
    got.answered(200, &whole, "");
    // No subscription key is needed, and no MSN means anything.
    let ask = shop.ask("GET", LEDGERS).await;
    let ask = ask.header("Merchant-Serial-Number", sister.msn.as_str());
    let bare = ask.without("Ocp-Apim-Subscription-Key").send().await;
    bare.answered(200, &whole, "");
    for (handle, count) in [
        (format!("api:{}", shop.msn), 1),
        (format!("api%3A{}", shop.msn), 1),
        (format!("api:{}", sister.msn), 0),
        ("NO:57860".to_owned(), 0),
    ] {
        let path = format!("{LEDGERS}?settlesForRecipientHandles={handle}");
        let items = get(&shop, &path).await.ok()["items"].take();
        assert_eq!(items.as_array().map(Vec::len), Some(count), "{handle}");
    }
}

/// The schemes name the country of the sales unit.
#[tokio::test]
async fn rep_01_a_ledger_of_each_country() {
    let world = World::new().await;
    for (currency, scheme, account, owner) in [
        (Currency::Nok, "BBAN:NO", 11, "business:NO:ORG"),
        (Currency::Dkk, "BBAN:DK", 14, "business:DK:CVR"),
        (Currency::Eur, "BBAN:FI", 14, "business:FI:Y-tunnus"),
    ] {
        let shop = world
            .shop(|unit| {
                live(unit);
                unit.currency = currency;
            })
            .await;
        let ledger = get(&shop, LEDGERS).await.ok()["items"][0].take();
        assert_eq!(ledger["currency"], currency.code());
        assert_eq!(ledger["payoutBankAccount"]["scheme"], scheme);
        let id = ledger["payoutBankAccount"]["id"].as_str().expect("a text");
        assert!(
            id.len() == account && id.bytes().all(|it| it.is_ascii_digit()),
            "{id}"
        );
        assert_eq!(ledger["owner"]["scheme"], owner);
    }
}

#[tokio::test]
async fn rep_04_rep_20_captures_and_refunds_and_nothing_else() {
    let (_, shop, kari) = stage().await;
    shop.reserved("reserved", 10_000, &kari).await;
    shop.reserved("cancelled", 10_000, &kari).await;
    shop.cancel("cancelled").await.ok();
    shop.initiate("open", 10_000).await.ok();
    let capture = sold(&shop, "acme-1", 10_000, &kari).await;
    let at = shop.now();
    // A report trails the payments by a second.
    assert!(feed(&shop, "funds").await.is_empty());
    shop.advance(minutes(1)).await;
    let refund = shop.refund("acme-1", 2_500).await.ok();
    let refund = refund["transaction"]["transactionId"].as_str();
    let refund = refund.expect("a number").to_owned();
    shop.advance(seconds(1)).await;
    let got = get(&shop, &of_feed(&shop, "funds")).await;
    let cursor = got.ok()["cursor"].as_str().expect("a text").to_owned();
    let moment = |at: Timestamp| format!("{:.6}", at);
    let (msn, date) = (shop.msn.as_str(), today(&shop));
    let entry = |psp: &str, time: String, kind: &str, amount: i64, before: i64| {
        let after = before + amount;
        format!(
            r#"{{"pspReference":"{psp}","time":"{time}","ledgerDate":"{date}","entryType":"{kind}","reference":"acme-1","currency":"NOK","amount":{amount},"balanceBefore":{before},"balanceAfter":{after},"recipientHandle":"api:{msn}"}}"#
        )
    };
    let whole = format!(
        r#"{{"cursor":"{cursor}","tryLater":true,"items":[{},{}]}}"#,
        entry(&capture, moment(at), "capture", 10_000, 0),
        entry(
            &refund,
            moment(at + SignedDuration::from_secs(60)),
            "refund",
            -2_500,
            10_000
        ),
    );
    got.answered(200, &whole, "");
}

#[tokio::test]
async fn rep_06_rep_07_rep_08_rep_11_the_end_of_a_day() {
    let (_, shop, kari) = stage().await;
    let day = today(&shop);
    sold(&shop, "acme-1", 10_000, &kari).await;
    sold(&shop, "acme-2", 20_000, &kari).await;
    let funds = of_date(&shop, "funds", &day);
    let open = r#"{"hasMore":false,"tryLater":true,"items":[]}"#;
    get(&shop, &funds).await.answered(200, open, "");
    until(&shop, 0, 0).await;
    get(&shop, &funds).await.answered(200, open, "");
    shop.advance(seconds(1)).await;
    let closed = get(&shop, &funds).await;
    let items = closed.ok()["items"].as_array().expect("a list").clone();
    assert_eq!(
        kinds(&items),
        [
            ("capture", 10_000),
            ("capture", 20_000),
            ("fees-retained", -825),
            ("scheduled-for-payout", -29_175),
        ]
    );
    let chained = items
        .windows(2)
        .all(|two| two[0]["balanceAfter"] == two[1]["balanceBefore"]);
    assert!(chained);
    let payout = &items[3];
    assert_eq!(payout["balanceAfter"], 0);
    assert_eq!(payout["pspReference"], format!("{}-2000001", ledger(&shop)));
    assert_eq!(
        (payout.get("reference"), payout.get("recipientHandle")),
        (None, None)
    );
    let fees = get(&shop, &of_date(&shop, "fees", &day)).await.ok();
    let fees = fees["items"].as_array().expect("a list").clone();
    assert_eq!(
        kinds(&fees),
        [
            ("capture-fee", -275),
            ("capture-fee", -550),
            ("fees-retained", 825)
        ]
    );
    assert_eq!(fees[2]["time"], items[2]["time"]);
    assert_eq!(fees[0]["reference"], "acme-1");
    // Whatever happens later, the date stays as it is.
    shop.refund("acme-1", 10_000).await.ok();
    sold(&shop, "acme-3", 500, &kari).await;
    shop.advance(days(40)).await;
    assert_eq!(get(&shop, &funds).await.body, closed.body);
}

#[tokio::test]
async fn rep_07_fees_may_be_invoiced() {
    let (_, shop, kari) = stage().await;
    let gross = Settlement {
        fees: Fees::Gross,
        ..Settlement::default()
    };
    shop.change(|unit| unit.settlement = gross).await;
    sold(&shop, "acme-1", 10_000, &kari).await;
    shop.advance(days(35)).await;
    let funds = feed(&shop, "funds").await;
    assert_eq!(
        kinds(&funds),
        [("capture", 10_000), ("scheduled-for-payout", -10_000)]
    );
    let fees = feed(&shop, "fees").await;
    assert_eq!(
        kinds(&fees),
        [("capture-fee", -275), ("fees-invoiced", 275)]
    );
    let invoiced = fees[1]["ledgerDate"].as_str().expect("a date");
    let invoiced: jiff::civil::Date = invoiced.parse().expect("a date");
    assert_eq!(invoiced, invoiced.last_of_month());
}

#[tokio::test]
async fn rep_09_rep_10_pages_and_the_end_of_the_feed() {
    let (_, shop, kari) = stage().await;
    let day = today(&shop);
    shop.reserved("acme-1", 200_000, &kari).await;
    for _ in 0..999 {
        shop.capture("acme-1", 100).await.ok();
    }
    until(&shop, 0, 1).await;
    // 999 captures, the fees and the payout.
    let first = get(&shop, &of_date(&shop, "funds", &day)).await.ok();
    let count = |page: &Value| page["items"].as_array().map(Vec::len);
    assert_eq!(
        (count(&first), &first["hasMore"]),
        (Some(1_000), &true.into())
    );
    let cursor = |page: &Value| page["cursor"].as_str().expect("a text").to_owned();
    // With a cursor no other query is needed.
    let path = format!(
        "{}?cursor={}",
        of_date(&shop, "funds", &day),
        cursor(&first)
    );
    let second = get(&shop, &path).await;
    assert_eq!(count(&second.ok()), Some(1));
    assert_eq!(second.ok()["items"][0]["entryType"], "scheduled-for-payout");
    assert_eq!(
        (second.ok().get("cursor"), &second.ok()["hasMore"]),
        (None, &false.into())
    );

    let page = async |cursor: &str| {
        let path = format!("{}?cursor={cursor}", of_feed(&shop, "funds"));
        get(&shop, &path).await.ok()
    };
    let first = page("").await;
    assert_eq!(
        (count(&first), &first["tryLater"]),
        (Some(1_000), &false.into())
    );
    let second = page(&cursor(&first)).await;
    assert_eq!(
        (count(&second), &second["tryLater"]),
        (Some(1), &true.into())
    );
    let end = page(&cursor(&second)).await;
    assert_eq!((count(&end), &end["tryLater"]), (Some(0), &true.into()));
    assert_eq!(end["cursor"], second["cursor"]);
    sold(&shop, "acme-2", 700, &kari).await;
    shop.advance(seconds(1)).await;
    let new = page(&cursor(&end)).await;
    assert_eq!(
        kinds(new["items"].as_array().expect("a list")),
        [("capture", 700)]
    );
}

#[tokio::test]
async fn rep_12_rep_21_payouts_wait_for_their_day_and_for_money() {
    let (_, shop, kari) = stage().await;
    let weekly = Settlement {
        payouts: Payouts::Weekly,
        capture_fee: 0,
        ..Settlement::default()
    };
    sold(&shop, "acme-1", 10_000, &kari).await;
    shop.change(|unit| unit.settlement = weekly).await;
    for number in 2..9 {
        until(&shop, 12, 0).await;
        sold(&shop, &format!("acme-{number}"), 10_000, &kari).await;
    }
    until(&shop, 12, 0).await;
    let funds = feed(&shop, "funds").await;
    let payouts: Vec<&Value> = funds
        .iter()
        .filter(|it| it["entryType"] == "scheduled-for-payout")
        .collect();
    let sunday = |it: &Value| {
        let day: jiff::civil::Date = it["ledgerDate"]
            .as_str()
            .expect("a text")
            .parse()
            .expect("a date");
        day.weekday() == jiff::civil::Weekday::Sunday
    };
    assert!(
        payouts
            .iter()
            .all(|it| sunday(it) && it["balanceAfter"] == 0)
    );
    assert!((1..=2).contains(&payouts.len()), "{payouts:?}");

    // More is given back than came in: nothing is paid, and the debt is carried on.
    let (_, shop, kari) = stage().await;
    let free = Settlement {
        capture_fee: 0,
        ..Settlement::default()
    };
    shop.change(|unit| unit.settlement = free).await;
    sold(&shop, "acme-1", 10_000, &kari).await;
    until(&shop, 12, 0).await;
    shop.refund("acme-1", 10_000).await.ok();
    until(&shop, 12, 0).await;
    sold(&shop, "acme-2", 4_000, &kari).await;
    until(&shop, 12, 0).await;
    let balances: Vec<i64> = feed(&shop, "funds")
        .await
        .iter()
        .map(|it| it["balanceAfter"].as_i64().expect("a number"))
        .collect();
    assert_eq!(balances, [10_000, 0, -10_000, -6_000]);
}

#[tokio::test]
async fn rep_02_rep_13_rep_22_pk_24_who_reads_what() {
    let (world, shop, kari) = stage().await;
    sold(&shop, "acme-1", 10_000, &kari).await;
    shop.advance(seconds(2)).await;
    let stranger = world.shop(live).await;
    // Another's ledger is empty, and no error.
    let got = get(&stranger, &of_feed(&shop, "funds")).await.ok();
    assert_eq!(got["items"], Value::Array(vec![]));
    let yesterday = of_date(&shop, "funds", "2020-01-01");
    let empty = r#"{"hasMore":false,"tryLater":false,"items":[]}"#;
    get(&stranger, &yesterday).await.answered(200, empty, "");

    let forbidden = |got: &Got, cause: &str| {
        assert_eq!(
            (got.status, got.cause(), got.format()),
            (403, cause, Format::E)
        );
        assert_eq!(got.json()["detail"], "Forbidden");
    };
    let partner = world.partner(Production, |_| {}).await;
    world.link(&shop, &partner).await;
    let ask = async |path: &str| partner.ask("GET", path).await.send().await;
    forbidden(&ask(LEDGERS).await, "report.no_grant");
    forbidden(&ask(&of_feed(&shop, "funds")).await, "report.no_grant");
    let reader = partner.id.0.clone();
    shop.change(|unit| unit.report_readers = [reader.clone()].into())
        .await;
    assert_eq!(
        ask(LEDGERS).await.ok()["items"][0]["ledgerId"],
        ledger(&shop)
    );
    let seen = ask(&of_feed(&shop, "funds")).await.ok();
    assert_eq!(seen["items"].as_array().map(Vec::len), Some(1));
    let unseen = ask(&of_feed(&stranger, "funds")).await.ok();
    assert_eq!(unseen["items"], Value::Array(vec![]));

    let office = world.office_keys(Production, OfficeKind::Accounting).await;
    let token = world.ask(Production, "POST", "/miami/v1/token");
    let token = token
        .header("client_id", &office.client_id)
        .header("client_secret", &office.client_secret)
        .body("grant_type=client_credentials");
    let token = token.send().await.ok()["access_token"].take();
    let bearer = format!("Bearer {}", token.as_str().expect("a token"));
    let read = || {
        world
            .ask(Production, "GET", LEDGERS)
            .header("Authorization", &bearer)
    };
    let count = |got: Got| got.ok()["items"].as_array().map(Vec::len);
    assert_eq!(count(read().send().await), Some(0));
    for unit in [&shop, &stranger] {
        unit.change(|unit| unit.report_readers = [office.client_id.clone()].into())
            .await;
    }
    assert_eq!(count(read().send().await), Some(2));
    stranger.change(|unit| unit.report_readers.clear()).await;
    assert_eq!(count(read().send().await), Some(1));
    forbidden(&ask(LEDGERS).await, "report.no_grant");
    // It lives for a quarter of an hour, in real time.
    world.pass(minutes(15)).await;
    read()
        .send()
        .await
        .answered(401, ACCOUNTING_EXPIRED, "report.accounting_token_expired");
}

#[tokio::test]
async fn rep_14_rep_15_rep_16_what_is_not_understood() {
    let (_, shop, _) = stage().await;
    for bad in ["Bearer abc", "", "abc"] {
        let ask = shop.ask("GET", LEDGERS).await.header("Authorization", bad);
        let got = ask.send().await;
        assert_eq!(
            (got.status, got.body.as_str()),
            (401, TOKEN_REJECTED),
            "{bad}"
        );
    }
    let ask = shop.ask("GET", LEDGERS).await;
    shop.advance(hours(24)).await;
    ask.clone()
        .send()
        .await
        .answered(401, TOKEN_REJECTED, "token.expired");
    let bare = ask.without("Ocp-Apim-Subscription-Key").send().await;
    bare.answered(401, TOKEN_REJECTED, "token.expired");
    for (path, cause) in [
        (of_date(&shop, "funds", "2023-31-12"), "request.pattern"),
        (of_date(&shop, "funds", "2023-6-1"), "request.pattern"),
        (of_date(&shop, "funds", "today"), "request.pattern"),
        (
            of_date(&shop, "payouts", "2023-06-01"),
            "request.unknown_value",
        ),
        (of_feed(&shop, "payouts"), "request.unknown_value"),
        (format!("{LEDGERS}?cursor=socks"), "report.cursor"),
        (
            format!("{}?cursor=e30%3D", of_feed(&shop, "fees")),
            "report.cursor",
        ),
    ] {
        let got = get(&shop, &path).await;
        assert_eq!(
            (got.status, got.cause(), got.format()),
            (400, cause, Format::Report)
        );
        let text = "Your request parameters didn't validate.";
        assert_eq!(got.json()["errorMessage"], text);
    }
    let v1 = "/report/v1/ledgertransactions?ledgerDate=2022-10-01&ledgerId=302321";
    assert_eq!(get(&shop, v1).await.status, 501);
}

#[tokio::test]
async fn rep_18_the_test_environment_has_no_reports() {
    for shown in [false, true] {
        let settings = Settings {
            reports_in_test: shown,
            ..Settings::default()
        };
        let memory = std::sync::Arc::new(MemoryStore::new());
        let world = World::with(memory, settings).await;
        let shop = world.shop(|_| {}).await;
        for path in [
            LEDGERS.to_owned(),
            of_feed(&shop, "funds"),
            of_date(&shop, "fees", "2023-06-01"),
            "/report/v1/ledgertransactions".to_owned(),
        ] {
            let got = get(&shop, &path).await;
            if shown && path.starts_with("/report/v1") {
                assert_eq!((got.status, got.cause()), (501, "route.not_built"));
            } else if shown {
                got.ok();
            } else {
                got.answered(404, NOT_FOUND, "route.unknown");
            }
        }
        assert_eq!(shop.environment, Test);
    }
}

#[tokio::test]
async fn rep_19_a_day_may_begin_later() {
    let (_, shop, kari) = stage().await;
    let from_four = Settlement {
        cut_off_hour: 4,
        ..Settlement::default()
    };
    shop.change(|unit| unit.settlement = from_four).await;
    until(&shop, 3, 59).await;
    let before = oslo(shop.now()).date().yesterday().expect("a date");
    sold(&shop, "acme-1", 10_000, &kari).await;
    until(&shop, 4, 0).await;
    sold(&shop, "acme-2", 10_000, &kari).await;
    shop.advance(seconds(2)).await;
    let dates: Vec<String> = feed(&shop, "funds")
        .await
        .iter()
        .filter(|it| it["entryType"] == "capture")
        .map(|it| it["ledgerDate"].as_str().expect("a text").to_owned())
        .collect();
    assert_eq!(dates, [before.to_string(), today(&shop)]);
    assert_ne!(before, date(2020, 1, 1));
}

#[tokio::test]
async fn rep_23_each_unit_has_its_own_dates() {
    let (world, shop, kari) = stage().await;
    let other = world.shop(live).await;
    let day = today(&shop);
    for unit in [&shop, &other] {
        sold(unit, "acme-1", 10_000, &kari).await;
    }
    shop.advance(days(1)).await;
    let later = async |unit: &Shop| {
        let got = get(unit, &of_date(unit, "funds", &day)).await.ok();
        got["tryLater"] == true
    };
    assert!(!later(&shop).await && later(&other).await);
}
