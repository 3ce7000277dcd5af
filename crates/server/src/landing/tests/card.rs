//! Paying by card, without the app, in production.

use sandkasse_domain::{card_number::CardNumber, sales_unit::RateLimits};
use serde_json::json;

use super::*;

const PRODUCTION: Environment = Environment::Production;

/// A payment by card, and whoever holds its link.
struct Payer {
    world: World,
    shop: Shop,
    query: String,
}

impl Payer {
    async fn new() -> Payer {
        let world = World::new().await;
        let production = |unit: &mut sandkasse_domain::sales_unit::SalesUnit| {
            unit.environment = PRODUCTION;
            unit.rate_limits = RateLimits::Off;
        };
        let shop = world.shop(production).await;
        let by_card = |body: &mut Value| body["paymentMethod"]["type"] = "CARD".into();
        let created = shop
            .epay_but("acme-shop-1", 49_900, by_card)
            .await
            .created();
        let url = created["redirectUrl"].as_str().unwrap();
        let (_, query) = url.split_once('?').unwrap();
        Payer {
            query: query.to_owned(),
            world,
            shop,
        }
    }

    async fn ask(&self, method: Method, body: &str) -> Page {
        let visit = Visit {
            environment: PRODUCTION,
            method: &method,
            path: sandkasse_api::epayment::LANDING,
            query: Some(&self.query),
            headers: &HeaderMap::new(),
            body: body.as_bytes(),
        };
        Page(answer(&self.world.platform, &surroundings(), &visit).await)
    }

    async fn look(&self) -> Page {
        self.ask(Method::GET, "").await
    }

    async fn type_in(&self, number: &str, expiry: &str, code: &str) -> Page {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs([("number", number), ("expiry", expiry), ("code", code)]);
        self.ask(Method::POST, &form.finish()).await
    }

    async fn confirm(&self, number: &str) -> Page {
        let body = format!("number={number}&confirm=yes");
        self.ask(Method::POST, &body).await
    }

    async fn state(&self) -> Value {
        self.shop.epay_get("acme-shop-1").await.json()["state"].clone()
    }
}

const WRONG: &str = "This card cannot pay here.";
const BANK: &str = "Your bank asks";

#[tokio::test]
async fn epay_131_a_card_has_a_form_of_its_own_and_the_bank_asks_its_holder() {
    let payer = Payer::new().await;
    let kari = payer.world.person_in(PRODUCTION, |_| {}).await;
    let page = payer.look().await;
    page.shows(200, &["499.00 kr", "name=\"number\"", "name=\"code\""]);
    assert!(!page.html().contains("name=\"phone\""));
    let numbers = CardNumber::all_of(&kari);
    assert_eq!(numbers.len(), 2);
    let (first, second) = (numbers[0].as_str(), numbers[1].as_str());
    // Nobody has it; a card of this world; one that Kari has not; bad dates and codes.
    let mut stranger = kari.clone();
    stranger.phone = PhoneNumber::try_new("99999999").unwrap();
    let strangers = CardNumber::all_of(&stranger);
    let mut other = kari.clone();
    other.cards[0].bin = 411_111;
    let others = CardNumber::all_of(&other);
    for (number, expiry, code) in [
        (strangers[0].as_str(), "12/39", "123"),
        (others[0].as_str(), "12/39", "123"),
        ("4111 1111 1111 1111", "12/39", "123"),
        ("<script>", "12/39", "123"),
        ("", "", ""),
        (first, "05/23", "123"),
        (first, "13/39", "123"),
        (first, "12/39", "12"),
        (first, "12/39", "abc"),
    ] {
        let page = payer.type_in(number, expiry, code).await;
        page.shows(200, &[WRONG, "name=\"number\""]);
        assert!(!page.html().contains(BANK) && !page.html().contains("value=\"<"));
    }
    // Nobody confirms what no bank has asked.
    payer.confirm(first).await.shows(200, &["name=\"number\""]);
    assert_eq!(payer.state().await, "CREATED");

    let spaced = format!("{} {}", &second[..4], &second[4..]);
    let page = payer.type_in(&spaced, "06/23", "123").await;
    page.shows(200, &[BANK, "name=\"confirm\""]);
    // While they are at the bank the shop cannot cancel (EPAY-67).
    let got = payer.shop.epay_cancel("acme-shop-1").await;
    got.coded(400, "6250", "cancel.three_d_secure");
    payer.confirm(second).await.shows(200, &["0;url="]);
    let payment = payer.shop.epay_get("acme-shop-1").await.json();
    assert_eq!(payment["state"], "AUTHORIZED");
    let method = json!({ "type": "CARD", "cardBin": "534489" });
    assert_eq!(payment["paymentMethod"], method);
    let back = "https://example.com/vipps/result";
    payer.look().await.leads_to(back);
    payer
        .type_in(first, "12/39", "123")
        .await
        .shows(200, &["0;url="]);
}

#[tokio::test]
async fn epay_131_after_a_refusal_another_card_may_pay() {
    let payer = Payer::new().await;
    let broke = |it: &mut Person| it.cards[0].state = CardState::InsufficientFunds;
    let kari = payer.world.person_in(PRODUCTION, broke).await;
    let numbers = CardNumber::all_of(&kari);
    payer
        .type_in(&numbers[0], "12/39", "123")
        .await
        .shows(200, &[BANK]);
    payer.confirm(&numbers[0]).await.shows(200, &["0;url="]);
    let refused = "The bank refused the card.";
    payer.look().await.shows(200, &[refused, "name=\"number\""]);
    assert_eq!(payer.state().await, "CREATED");
    payer
        .type_in(&numbers[1], "12/39", "123")
        .await
        .shows(200, &[BANK]);
    payer.confirm(&numbers[1]).await;
    let log = payer.shop.epay_log("acme-shop-1").await;
    assert_eq!(log, ["CREATED", "AUTHORIZED!", "AUTHORIZED"]);
}

#[tokio::test]
async fn epay_131_whoever_gives_up_goes_back_to_the_shop() {
    let payer = Payer::new().await;
    payer
        .ask(Method::POST, "cancel=yes")
        .await
        .shows(200, &["0;url="]);
    assert_eq!(payer.state().await, "ABORTED");
    payer
        .look()
        .await
        .leads_to("https://example.com/vipps/result");
    // Who does nothing is too late.
    let payer = Payer::new().await;
    payer.shop.advance(minutes(6)).await;
    assert_eq!(payer.look().await.status(), 410);
    assert_eq!(payer.state().await, "EXPIRED");
}
