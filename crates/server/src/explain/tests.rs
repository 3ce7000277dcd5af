//! PLAT-65, PLAT-66, PLAT-68 and RELIABILITY S-16: who reads what, and that nobody learns more.

use std::sync::Arc;

use http::{Request, header};
use sandkasse_catalogue::{Catalogue, Cause};
use sandkasse_domain::{
    Environment,
    keys::KeyName,
    person::Person,
    sales_unit::{Product, RateLimits},
};
use sandkasse_engine::directory::Client;
use sandkasse_inspect::{EXPLAIN, Explanation, InspectorConfig};
use sandkasse_testkit::{Ask, Shop, Stage, World};
use serde_json::Value;

use super::*;

const PORTAL: &str = "http://portal.sandkasse.invalid";

fn inspector(world: &World, explain: bool, journal_bytes: usize) -> Inspector {
    Inspector::new(
        world.platform.clone(),
        InspectorConfig {
            explain,
            journal_bytes,
            portal: PORTAL.to_owned(),
        },
    )
}

fn watching(world: &World) -> Inspector {
    inspector(world, true, 1 << 24)
}

fn access(local: bool, token: Option<&str>) -> Access {
    Access {
        guard: Guard {
            hosts: vec!["test.sandkasse.invalid".to_owned()],
            token: token.map(|token| token.parse().unwrap()),
        },
        local,
    }
}

/// Sends it; answers its address, if it was refused.
async fn refused(inspector: &Inspector, ask: &Ask) -> Option<String> {
    let (answer, _) = inspector.answer(ask.environment(), ask.request()).await;
    let url = answer.headers.get(EXPLAIN)?.to_str().unwrap().to_owned();
    let base = inspector.platform().base(ask.environment());
    let path = url.strip_prefix(base).expect("on the same host");
    Some(path.strip_prefix("/explain/").unwrap().to_owned())
}

struct Read {
    status: u16,
    media: String,
    policy: bool,
    body: String,
}

async fn read_as(
    (inspector, access): (&Inspector, &Access),
    environment: Environment,
    address: &str,
    headers: &[(&str, &str)],
) -> Read {
    let mut request = Request::builder()
        .uri(format!("/explain/{address}"))
        .header(header::HOST, "test.sandkasse.invalid");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let answer = answer(inspector, access, environment, &parts, address).await;
    Read {
        status: answer.status.as_u16(),
        media: answer.headers[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .to_owned(),
        policy: answer.headers.contains_key("content-security-policy"),
        body: String::from_utf8(answer.body.to_vec()).unwrap(),
    }
}

/// What stands in for whatever differs between two calls: ids, times, and what was sent.
fn leveled(text: &str, sent: &[&str]) -> String {
    let mut text = text.to_owned();
    for sent in sent {
        let shown = sandkasse_inspect::fingerprint(sent);
        text = text.replace(sent, "SENT").replace(&shown, "SENT");
    }
    let is_part = |it: char| it.is_ascii_alphanumeric() || "-:.".contains(it);
    let is_id = |word: &str| {
        let dashes = word.matches('-').count();
        let hex = word.chars().all(|it| it.is_ascii_hexdigit() || it == '-');
        (dashes == 4 && hex && word.len() == 36)
            || (dashes == 1 && hex && word.len() > 32)
            || (word.starts_with("20") && word.ends_with('Z') && word.contains('T'))
    };
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(is_part) {
        let (before, from) = rest.split_at(at);
        let end = from.find(|it| !is_part(it)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        out.push_str(before);
        out.push_str(if is_id(word) { "ID" } else { word });
        rest = after;
    }
    out + rest
}

fn level(explanation: &Explanation, sent: &[&str]) -> String {
    let text = serde_json::to_string_pretty(explanation).unwrap();
    // The length tells nothing that its sender does not know.
    leveled(&text, sent)
}

fn causes() -> impl Iterator<Item = &'static Cause> {
    let pages = Catalogue::get().pages().iter();
    pages
        .flat_map(|page| &page.causes)
        .filter(|cause| cause.request.is_some() && cause.awaits.is_none())
}

/// PLAT-65 and PLAT-68, for every refusal that the catalogue can provoke.
#[tokio::test(start_paused = true)]
async fn every_refusal_is_explained_to_its_caller_and_the_wire_does_not_change() {
    let (mut explained, mut owned, mut unowned) = (0, 0, 0);
    let mut passed = std::collections::BTreeSet::new();
    for cause in causes() {
        let mut answers = Vec::new();
        for (explain, bytes) in [(true, 1 << 24), (false, 1 << 24), (true, 0)] {
            let played = Stage::default().play(cause).await;
            let inspector = inspector(&played.world, explain, bytes);
            let (environment, request) = (played.ask.environment(), played.ask.request());
            let (mut answer, connection) = inspector.answer(environment, request).await;
            let url = answer.headers.remove(EXPLAIN);
            if answer.status.is_success() {
                // A fault that happens once has happened when it was played.
                assert!(url.is_none());
                passed.insert(cause.id.as_str());
                break;
            }
            answers.push((answer.status, answer.headers, answer.body, connection));
            assert_eq!(url.is_some(), explain && bytes > 0, "{}", cause.id);
            let Some(url) = url else { continue };
            explained += 1;
            let (_, address) = url.to_str().unwrap().split_once("/explain/").unwrap();
            let access = access(false, None);
            let places = (&inspector, &access);
            let record = inspector.at(address).unwrap();
            let other = played
                .world
                .shop(|unit| unit.environment = environment)
                .await;
            let expected = if record.client.is_some() { 404 } else { 200 };
            assert_eq!(
                read_as(places, environment, address, &[]).await.status,
                expected,
                "nobody: {}",
                cause.id
            );
            let theirs = headers_of(&other).await;
            let theirs: Vec<_> = theirs.iter().map(|(n, v)| (*n, v.as_str())).collect();
            assert_eq!(
                read_as(places, environment, address, &theirs).await.status,
                expected,
                "another: {}",
                cause.id
            );
            assert_eq!(
                read_as(places, environment, address, &theirs[2..])
                    .await
                    .status,
                expected,
                "{}",
                cause.id
            );
            // Nor at the other environment's listener.
            let elsewhere = environment.other();
            let read = read_as(places, elsewhere, address, &theirs).await;
            assert_eq!(read.status, 404, "{}", cause.id);
            let Some(client) = &record.client else {
                unowned += 1;
                continue;
            };
            owned += 1;
            let sent = |name: &str| {
                let value = request.headers.get(name)?;
                Some(value.to_str().unwrap().to_owned())
            };
            if let (Some(token), Some(key)) =
                (sent("authorization"), sent("ocp-apim-subscription-key"))
            {
                let own = [
                    ("Authorization", token.as_str()),
                    ("Ocp-Apim-Subscription-Key", key.as_str()),
                ];
                assert_eq!(
                    read_as(places, environment, address, &own).await.status,
                    200,
                    "{}",
                    cause.id
                );
            }
            let directory = played.world.platform.engine.directory.of(environment);
            if let Some(Client::Unit(unit)) = directory.client(client) {
                let keys = &unit.facts.keys;
                let own = [
                    ("client_id", keys.client_id.as_str()),
                    ("client_secret", &keys.client_secret),
                    ("Ocp-Apim-Subscription-Key", &keys.secondary),
                ];
                assert_eq!(
                    read_as(places, environment, address, &own).await.status,
                    200,
                    "{}",
                    cause.id
                );
                let wrong = [own[0], ("client_secret", "wrong"), own[2]];
                assert_eq!(
                    read_as(places, environment, address, &wrong).await.status,
                    404,
                    "{}",
                    cause.id
                );
                let halves = [own[0], own[1], ("Ocp-Apim-Subscription-Key", theirs[1].1)];
                assert_eq!(
                    read_as(places, environment, address, &halves).await.status,
                    404,
                    "{}",
                    cause.id
                );
            }
        }
        let [on, off, without] = answers.as_slice() else {
            continue;
        };
        assert!(on == off && on == without, "{}: {answers:?}", cause.id);
    }
    assert!(
        explained >= 80 && owned >= 40 && unowned >= 15,
        "{explained} {owned} {unowned}"
    );
    assert!(passed.len() <= 4, "{passed:?}");
}

/// `Authorization` and key, then `client_id`, `client_secret` and key.
async fn headers_of(shop: &Shop) -> Vec<(&'static str, String)> {
    let keys = shop.keys();
    let key = ("Ocp-Apim-Subscription-Key", keys.primary);
    vec![
        ("Authorization", format!("Bearer {}", shop.token().await)),
        key.clone(),
        ("client_id", keys.client_id),
        ("client_secret", keys.client_secret),
        key,
    ]
}

const RANDOM_KEY: &str = "00112233445566778899aabbccddeeff";
const RANDOM_SECRET: &str = "AAECAwQFBgcICQoLDA0ODw==";
const RANDOM_ID: &str = "01234567-89ab-4def-8123-456789abcdef";

/// S-16: whoever tries keys learns from explanations no more than from the wire. Each row: what a
/// stranger sends, a random value in its place, and who owns what the first one nearly is.
#[tokio::test]
async fn explanations_are_no_oracle_for_stored_keys() {
    let world = World::new().await;
    let live = |unit: &mut sandkasse_domain::sales_unit::SalesUnit| {
        unit.environment = Environment::Production;
    };
    let caller = world.shop(|_| {}).await;
    let victim = world.shop(|_| {}).await;
    let there = world.shop(live).await;
    let narrow = world
        .shop(|unit| unit.products = [Product::Ecom].into())
        .await;
    let old_key = victim.regenerate(KeyName::PrimarySubscriptionKey).await;
    let old_secret = victim.regenerate(KeyName::ClientSecret).await;
    let inspector = watching(&world);
    let id = |shop: &Shop| shop.keys().client_id;
    let loud = victim.keys().primary.to_uppercase();
    let mut compared = 0;
    type Row<'a> = (&'a str, String, &'a str, String);
    let rows: [Row<'_>; 7] = [
        (
            "Ocp-Apim-Subscription-Key",
            there.keys().primary,
            RANDOM_KEY,
            id(&there),
        ),
        (
            "Ocp-Apim-Subscription-Key",
            old_key,
            RANDOM_KEY,
            id(&victim),
        ),
        (
            "Ocp-Apim-Subscription-Key",
            narrow.keys().primary,
            RANDOM_KEY,
            id(&narrow),
        ),
        ("Ocp-Apim-Subscription-Key", loud, RANDOM_KEY, id(&victim)),
        ("client_secret", old_secret, RANDOM_SECRET, id(&victim)),
        ("client_id", id(&there), RANDOM_ID, id(&there)),
        (
            "client_id",
            there.keys().client_id.to_uppercase(),
            RANDOM_ID,
            id(&there),
        ),
    ];
    for (name, sent, random, owner) in rows {
        let mut asks = vec![victim.ask_token()];
        if name == "Ocp-Apim-Subscription-Key" {
            asks.push(caller.ask("GET", "/ecomm/v2/payments/acme-1/details").await);
            asks.push(caller.ask("POST", "/ecomm/v2/payments").await);
            let userinfo = format!("/vipps-userinfo-api/userinfo/{RANDOM_ID}");
            asks.push(caller.ask("GET", &userinfo).await);
            let bare = asks[1].clone().without("Authorization");
            asks.push(bare);
        }
        for ask in asks {
            let first = ask.clone().header(name, &sent);
            let second = ask.clone().header(name, random);
            let Some(first) = refused(&inspector, &first).await else {
                // A key of any unit fetches tokens.
                assert_eq!(sent, narrow.keys().primary);
                continue;
            };
            let record = inspector.at(&first).unwrap();
            let why = record.why.as_ref().unwrap();
            let is_product = why.id(Environment::Test) == "subkey.product";
            if sent == narrow.keys().primary && !is_product {
                // It works, and the wire says that it is somebody else's.
                continue;
            }
            let second = refused(&inspector, &second).await.unwrap();
            let what = format!("{name} {sent}");
            let [one, two] = [&first, &second].map(|address| inspector.at(address).unwrap());
            let wire = |it: &sandkasse_inspect::Record| leveled(&it.answer_body, &[&sent, random]);
            assert_eq!((one.status, wire(&one)), (two.status, wire(&two)), "{what}");
            for reader in [Reader::Holder, Reader::Keys(id(&caller))] {
                let one = inspector.explain(&first, &reader).await.unwrap();
                let two = inspector.explain(&second, &reader).await.unwrap();
                assert_eq!(
                    level(&one, &[&sent, random]),
                    level(&two, &[&sent, random]),
                    "{what}"
                );
                compared += 1;
            }
            let holder = inspector.explain(&first, &Reader::Holder).await.unwrap();
            let holder = level(&holder, &[&sent]);
            if name == "client_id" && sent != id(&there) {
                continue;
            }
            for reader in [Reader::Administrator, Reader::Keys(owner.clone())] {
                let told = inspector.explain(&first, &reader).await.unwrap();
                assert_eq!(told.withheld, None, "{what}");
                assert_ne!(
                    level(&told, &[&sent]),
                    holder,
                    "{what}: {reader:?} knows more"
                );
            }
        }
    }
    assert!(compared >= 30, "{compared}");
}

/// Two keys of other owners: the wire says that they are, and the explanation not whose.
#[tokio::test]
async fn whose_a_strangers_key_is_is_not_told() {
    let world = World::new().await;
    let caller = world.shop(|_| {}).await;
    let others = [world.shop(|_| {}).await, world.shop(|_| {}).await];
    let inspector = watching(&world);
    let ask = caller.ask("GET", "/ecomm/v2/payments/acme-1/details").await;
    let mut told = Vec::new();
    for other in &others {
        let key = other.keys().primary;
        let ask = ask.clone().header("Ocp-Apim-Subscription-Key", &key);
        let address = refused(&inspector, &ask).await.unwrap();
        for reader in [Reader::Holder, Reader::Keys(caller.keys().client_id)] {
            let text = level(
                &inspector.explain(&address, &reader).await.unwrap(),
                &[&key],
            );
            assert!(!text.contains(other.msn.as_str()), "{text}");
            told.push(text);
        }
        let admin = inspector.explain(&address, &Reader::Administrator).await;
        assert!(level(&admin.unwrap(), &[]).contains(other.msn.as_str()));
    }
    assert!(told.iter().all(|it| *it == told[0]), "{told:#?}");
}

/// PLAT-66.
#[tokio::test]
async fn an_order_of_the_own_other_unit_is_named_and_a_strangers_is_not() {
    let world = World::new().await;
    let merchant = world.merchant().await;
    let shop = world.shop_of(&merchant, |_| {}).await;
    let own = world.shop_of(&merchant, |_| {}).await;
    let stranger = world.shop(|_| {}).await;
    own.initiate("own-order-1", 49_900).await.ok();
    stranger.initiate("their-order", 49_900).await.ok();
    let inspector = watching(&world);
    let mut told = Vec::new();
    for order in ["own-order-1", "their-order", "nobodys-one"] {
        let path = format!("/ecomm/v2/payments/{order}/details");
        let ask = shop.ask("GET", &path).await;
        let address = refused(&inspector, &ask).await.unwrap();
        let reader = Reader::Keys(shop.keys().client_id);
        let explanation = inspector.explain(&address, &reader).await.unwrap();
        let text = serde_json::to_string(&explanation).unwrap();
        assert_eq!(
            text.contains(own.msn.as_str()),
            order == "own-order-1",
            "{text}"
        );
        assert!(!text.contains(stranger.msn.as_str()), "{text}");
        let token = ask.request().headers["authorization"].to_str().unwrap();
        told.push(level(&explanation, &[order, token]));
    }
    assert_eq!(told[1], told[2], "a stranger's order is an unknown one");
    assert_ne!(told[0], told[1]);
}

/// A user's age, block and limits are nobody's business; test users are made up.
#[tokio::test]
async fn what_is_the_matter_with_a_person_is_told_in_test_only() {
    for environment in Environment::ALL {
        let world = World::new().await;
        let shop = world
            .shop(|unit| {
                unit.environment = environment;
                unit.rate_limits = RateLimits::Off;
            })
            .await;
        let inspector = watching(&world);
        let child = |it: &mut Person| it.birthdate = jiff::civil::date(2015, 1, 2);
        let numbers = [
            world.person_in(environment, child).await.phone,
            world
                .person_in(environment, |it| it.blocked = true)
                .await
                .phone,
            world
                .person_in(environment, |it| it.limit_reached = true)
                .await
                .phone,
        ]
        .map(|phone| phone.as_str().to_owned());
        let mut told = Vec::new();
        for number in numbers.iter().map(String::as_str).chain(["49999999"]) {
            let mut body = shop.initiate_body("acme-1", 49_900);
            body["customerInfo"]["mobileNumber"] = number.into();
            let ask = shop.ask("POST", "/ecomm/v2/payments").await.json(&body);
            let address = refused(&inspector, &ask).await.expect("refused");
            let reader = Reader::Keys(shop.keys().client_id);
            let explanation = inspector.explain(&address, &reader).await.unwrap();
            told.push(level(&explanation, &[number]));
        }
        if environment == Environment::Production {
            for other in &told {
                let lines = other.lines().zip(told[3].lines());
                let differ: Vec<_> = lines.filter(|(one, other)| one != other).collect();
                assert!(
                    differ.is_empty() && other.len() == told[3].len(),
                    "{differ:#?}"
                );
            }
        } else {
            assert!(told.iter().any(|it| *it != told[3]), "made up, and told");
        }
    }
}

/// S-15 and S-16: pages of other sites in the administrator's browser.
#[tokio::test]
async fn a_local_page_of_another_site_is_not_the_administrator() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let old = shop.regenerate(KeyName::PrimarySubscriptionKey).await;
    let inspector = watching(&world);
    let near = shop.ask("GET", "/ecomm/v2/payments/acme-1/details").await;
    let owned = refused(&inspector, &near).await.unwrap();
    let near = near.header("Ocp-Apim-Subscription-Key", &old);
    let near = refused(&inspector, &near).await.unwrap();
    let (local, guarded) = (
        access(true, None),
        access(true, Some("administrators-token")),
    );
    let remote = access(false, None);
    let bearer = ("authorization", "Bearer administrators-token");
    let host = |host| ("host", host);
    type Row<'a> = (&'a Access, &'a [(&'a str, &'a str)], bool);
    let rows: [Row<'_>; 15] = [
        (&local, &[host("127.0.0.1:7480")], true),
        (
            &local,
            &[host("localhost:7480"), ("sec-fetch-site", "none")],
            true,
        ),
        (
            &local,
            &[host("localhost:7480"), ("origin", "http://localhost:7480")],
            true,
        ),
        (&local, &[], false),
        (&local, &[host("evil.example.com")], false),
        (&local, &[host("127.0.0.1.evil.example.com")], false),
        (
            &local,
            &[
                host("127.0.0.1:7480"),
                ("origin", "https://evil.example.com"),
            ],
            false,
        ),
        (&local, &[host("127.0.0.1:7480"), ("origin", "null")], false),
        (
            &local,
            &[host("127.0.0.1:7480"), ("sec-fetch-site", "cross-site")],
            false,
        ),
        (
            &local,
            &[host("127.0.0.1:7480"), ("sec-fetch-site", "same-site")],
            false,
        ),
        (&guarded, &[host("127.0.0.1:7480")], false),
        (&guarded, &[host("127.0.0.1:7480"), bearer], true),
        (&guarded, &[host("evil.example.com"), bearer], false),
        (&remote, &[host("127.0.0.1:7480")], false),
        (&remote, &[host("127.0.0.1:7480"), bearer], false),
    ];
    for (access, headers, administers) in rows {
        let request = headers
            .iter()
            .fold(Request::builder(), |it, (name, value)| {
                it.header(*name, *value)
            });
        let (parts, ()) = request.uri("/explain/x").body(()).unwrap().into_parts();
        let open = |address: String| {
            let (inspector, parts) = (&inspector, &parts);
            async move { answer(inspector, access, Environment::Test, parts, &address).await }
        };
        let status = if administers { 200 } else { 404 };
        assert_eq!(open(owned.clone()).await.status, status, "{headers:?}");
        let read = open(near.clone()).await;
        let body: Value = serde_json::from_slice(&read.body).unwrap();
        let cause = if administers {
            "subkey.regenerated"
        } else {
            "subkey.unknown"
        };
        assert_eq!(body["cause"], cause, "{headers:?}");
    }
}

/// The page shows what a stranger sent.
#[tokio::test]
async fn the_page_escapes_what_was_sent() {
    let world = World::new().await;
    let shop = world.shop(|_| {}).await;
    let inspector = Arc::new(watching(&world));
    let access = access(true, None);
    let hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}{% x %}</pre></textarea>";
    let right = shop.ask("POST", "/ecomm/v2/payments").await;
    let plain = right.clone().to("POST", "/nowhere").body("");
    let plain = refused(&inspector, &plain).await.unwrap();
    let html = [
        ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
        ("host", "127.0.0.1"),
    ];
    let places = (inspector.as_ref(), &access);
    let test = Environment::Test;
    let tags = |text: &str| {
        let mut tags: Vec<String> = text
            .split('<')
            .skip(1)
            .map(|it| it.chars().take_while(char::is_ascii_alphanumeric).collect())
            .collect();
        tags.sort();
        tags.dedup();
        tags
    };
    let usual = tags(&read_as(places, test, &plain, &html).await.body);
    let mut body = shop.initiate_body("acme-1", 49_900);
    body["transaction"]["transactionText"] = hostile.into();
    body["merchantInfo"]["merchantSerialNumber"] = hostile.into();
    let fields = |name: &str| {
        let mut body = shop.initiate_body("acme-1", 49_900);
        *body.pointer_mut(name).unwrap() = hostile.into();
        body.to_string()
    };
    for ask in [
        right.clone().to("POST", &format!("/{hostile}")),
        right
            .clone()
            .to("GET", &format!("/ecomm/v2/payments/{hostile}/details")),
        right
            .clone()
            .to("GET", &format!("/ecomm/v2/payments/{hostile}/detials")),
        right.clone().header("User-Agent", hostile).body(hostile),
        right.clone().header("X-Request-Id", hostile).json(&body),
        right.clone().header("Merchant-Serial-Number", hostile),
        right
            .clone()
            .header("Content-Type", hostile)
            .body(format!("{{\"{hostile}\":1}}")),
        right.clone().body(fields("/transaction/orderId")),
        right.clone().body(fields("/transaction/amount")),
        right.clone().body(fields("/merchantInfo/fallBack")),
        right
            .clone()
            .without("Ocp-Apim-Subscription-Key")
            .header("client_id", hostile),
        shop.ask_token().header("client_id", hostile),
        right.clone().to("TRACE", "/ecomm/v2/payments"),
    ] {
        let address = refused(&inspector, &ask).await.expect("refused");
        let page = read_as(places, test, &address, &html).await;
        assert_eq!(
            (page.status, page.media.as_str()),
            (200, "text/html; charset=utf-8")
        );
        assert!(page.policy, "a content security policy");
        let strange: Vec<String> = tags(&page.body)
            .into_iter()
            .filter(|tag| {
                !usual.contains(tag)
                    && ![
                        "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "code", "ol",
                        "pre",
                    ]
                    .contains(&tag.as_str())
            })
            .collect();
        assert!(strange.is_empty(), "{strange:?}: {}", page.body);
        for part in ["<script", "<img", "onerror=alert(1)>", "\"'>", "</textarea"] {
            assert!(!page.body.contains(part), "{part}: {}", page.body);
        }
    }
    // Programs get JSON unless they ask for a page; whoever may not read gets the same kind.
    for (accept, media) in [
        (None, "application/json"),
        (Some("*/*"), "application/json"),
        (Some("application/json"), "application/json"),
        (Some("text/html"), "text/html; charset=utf-8"),
    ] {
        let mut headers = vec![("host", "127.0.0.1")];
        headers.extend(accept.map(|accept| ("accept", accept)));
        assert_eq!(read_as(places, test, &plain, &headers).await.media, media);
        let nothing = read_as(places, test, "0-0", &headers).await;
        let media = media.replace("application/json", "application/problem+json");
        assert_eq!((nothing.status, nothing.media), (404, media));
    }
}

/// The control API lists and explains the same calls, for the administrator.
#[tokio::test]
async fn the_control_api_lists_what_was_refused() {
    let house = crate::testing::House::new().await;
    let ask = house.world.ask(Environment::Test, "GET", "/nowhere");
    let address = refused(&house.inspector, &ask).await.expect("refused");
    let (status, list) = house.get("/requests?refused=true").await;
    assert_eq!((status, list["journal"]["calls"].as_u64()), (200, Some(1)));
    assert_eq!(list["requests"][0]["id"], Value::from(address.as_str()));
    assert_eq!(list["requests"][0]["cause"], "route.unknown");
    let (status, call) = house.get(&format!("/requests/{address}")).await;
    assert_eq!(
        (status, &call["explanation"]["cause"]),
        (200, &"route.unknown".into())
    );
    let (status, _) = house.get(&format!("/requests/{address}0")).await;
    assert_eq!(status, 404, "the address of no call");
}
