//! (b) and (c): whole calls, from the request's bytes to the answer's.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use sandkasse_api::Request;
use sandkasse_domain::sales_unit::RateLimits;
use sandkasse_domain::{Environment, person::Person};
use sandkasse_engine::Settings;
use sandkasse_inspect::{Inspector, InspectorConfig};
use sandkasse_store::SqliteStore;
use sandkasse_testkit::{Ask, Shop, World};

use super::Row;
use super::welch::{Chance, largest_t, middle};

/// So many orders a stranger has.
const ORDERS: usize = 1000;
/// The journal's usual size.
const JOURNAL: usize = 64 * 1024 * 1024;
/// Calls go to so many sales units in turn where each of them must be noted: of one, no more than
/// a thousand successes a second are.
const UNITS: usize = 64;
/// So many calls are made before any is timed.
const WARM_UP: usize = 2000;

/// Calls of one kind.
struct Class {
    name: String,
    status: u16,
    /// Whether the call is written into the journal.
    noted: bool,
    /// The call with this number.
    call: Box<dyn Fn(usize) -> Request>,
}

/// A platform in production, with a journal and without one.
struct House {
    noting: Inspector,
    forgetful: Inspector,
}

impl House {
    fn of(world: &World) -> Self {
        let inspector = |journal_bytes| {
            let config = InspectorConfig {
                explain: true,
                journal_bytes,
                portal: "http://portal.sandkasse.invalid".to_owned(),
                on_disk: None,
                shared_secret: None,
            };
            Inspector::new(world.platform.clone(), config)
        };
        Self {
            noting: inspector(JOURNAL),
            forgetful: inspector(0),
        }
    }
}

/// All comparisons of whole calls.
pub(super) async fn run(folder: &Path, pairs: usize) -> anyhow::Result<Vec<Row>> {
    let store = Arc::new(SqliteStore::open(&folder.join("timing.db"))?);
    let world = World::with(store, Settings::default()).await;
    let house = House::of(&world);
    let (shop, stranger) = (shop(&world).await, shop(&world).await);
    let mut rows = Vec::new();
    rows.extend(house.compare(pairs, tokens(&shop), |_| None).await?);
    let orders = orders(&shop, &stranger).await;
    let close = |[one, other]: [f64; 2]| {
        let apart = (one - other).abs();
        Some(apart < 50.0 && apart < 0.05 * other)
    };
    rows.extend(house.compare(pairs, orders, close).await?);
    let persons = persons(&world, &shop).await;
    rows.extend(house.compare(pairs, persons, close).await?);
    Ok(rows)
}

/// What the journal costs a call: initiate without a disk, and details.
pub(super) async fn journal(pairs: usize) -> anyhow::Result<Vec<Row>> {
    let world = World::new().await;
    let house = House::of(&world);
    let mut units = Vec::new();
    for _ in 0..UNITS {
        let shop = shop(&world).await;
        shop.initiate("timing-details", 49_900).await.ok();
        let path = "/ecomm/v2/payments/timing-details/details";
        let details = shop.ask("GET", path).await;
        let initiate = shop.ask("POST", "/ecomm/v2/payments").await;
        units.push((shop, details, initiate));
    }
    let units: Rc<[(Shop, Ask, Ask)]> = units.into();
    let pair = |name: &str, call: fn(&(Shop, Ask, Ask), usize) -> Request| {
        [(false, "without"), (true, "with")].map(|(noted, word)| {
            let units = Rc::clone(&units);
            Class {
                name: format!("{name} {word} journal"),
                status: 200,
                noted,
                call: Box::new(move |number| {
                    let unit = units.get(number % UNITS).expect("there are so many");
                    call(unit, number)
                }),
            }
        })
    };
    let mut rows = Vec::new();
    let details = pair("details", |(_, details, _), _| details.request().clone());
    rows.extend(house.compare(pairs, details.into(), |_| None).await?);
    let initiate = pair("initiate", |(shop, _, initiate), number| {
        let body = shop.initiate_body(&format!("timing-{number:07}"), 49_900);
        initiate.clone().json(&body).request().clone()
    });
    rows.extend(house.compare(pairs, initiate.into(), |_| None).await?);
    Ok(rows)
}

/// A sales unit of production without limits per minute.
async fn shop(world: &World) -> Shop {
    let shop = world.shop(|unit| {
        unit.environment = Environment::Production;
        unit.rate_limits = RateLimits::Off;
    });
    shop.await
}

/// An unknown client against a wrong secret.
fn tokens(shop: &Shop) -> Vec<Class> {
    let class = |name: &str, status, client_id: String| {
        let ask = shop.ask_token().header("client_id", &client_id);
        let call = move |number: usize| {
            // Base64 of sixteen bytes, never the right ones.
            let secret = format!("c2FuZGth{number:014}==");
            ask.clone()
                .header("client_secret", &secret)
                .request()
                .clone()
        };
        Class {
            name: name.to_owned(),
            status,
            noted: true,
            call: Box::new(call),
        }
    };
    let nobody = "5f3b8e1c-7a2d-4c9e-8b61-0d4f2a9c7e35".to_owned();
    vec![
        class("token, wrong secret", 401, shop.keys().client_id),
        class("token, unknown client", 400, nobody),
    ]
}

/// A stranger's order against a missing one.
async fn orders(shop: &Shop, stranger: &Shop) -> Vec<Class> {
    for number in 0..ORDERS {
        let order = format!("timing-foreign-{number:05}");
        stranger.initiate(&order, 49_900).await.ok();
    }
    let ask = shop.ask("GET", "/").await;
    let class = |name: &str, word: &'static str| {
        let ask = ask.clone();
        let call = move |number: usize| {
            let order = format!("timing-{word}-{:05}", number % ORDERS);
            let path = format!("/ecomm/v2/payments/{order}/details");
            ask.clone().to("GET", &path).request().clone()
        };
        Class {
            name: name.to_owned(),
            status: 404,
            noted: true,
            call: Box::new(call),
        }
    };
    vec![
        class("details, a missing order", "missing"),
        class("details, a stranger's order", "foreign"),
    ]
}

/// Persons who cannot pay, for different reasons.
async fn persons(world: &World, shop: &Shop) -> Vec<Class> {
    type Unable = (&'static str, fn(&mut Person));
    let unable: [Unable; 4] = [
        ("initiate, under fifteen", |it| {
            it.birthdate = jiff::civil::date(2008, 6, 14);
        }),
        ("initiate, blocked person", |it| it.blocked = true),
        ("initiate, over a limit", |it| it.limit_reached = true),
        ("initiate, never logged in", |it| it.app.logged_in = false),
    ];
    let mut numbers = vec![("initiate, unknown person", "40000000".to_owned())];
    for (name, change) in unable {
        let person = world.person_in(Environment::Production, change).await;
        numbers.push((name, person.phone.to_string()));
    }
    let ask: Ask = shop.ask("POST", "/ecomm/v2/payments").await;
    numbers
        .into_iter()
        .enumerate()
        .map(|(class, (name, phone))| {
            let (ask, shop) = (ask.clone(), shop.clone());
            let call = move |number: usize| {
                let order = format!("timing-person-{class}-{number:07}");
                let mut body = shop.initiate_body(&order, 20_000);
                if let Some(info) = body.get_mut("customerInfo") {
                    *info = serde_json::json!({ "mobileNumber": phone });
                }
                ask.clone().json(&body).request().clone()
            };
            Class {
                name: name.to_owned(),
                status: 400,
                noted: true,
                call: Box::new(call),
            }
        })
        .collect()
}

impl House {
    /// Times calls of all classes in random order, and holds each class against the first.
    async fn compare(
        &self,
        each: usize,
        classes: Vec<Class>,
        met: impl Fn([f64; 2]) -> Option<bool>,
    ) -> anyhow::Result<Vec<Row>> {
        let mut chance = Chance::new(1);
        let mut times: Vec<Vec<u32>> = classes.iter().map(|_| Vec::new()).collect();
        for number in 0..WARM_UP + each * classes.len() {
            let at = chance.below(classes.len());
            let (Some(class), Some(times)) = (classes.get(at), times.get_mut(at)) else {
                continue;
            };
            let request = (class.call)(number);
            let inspector = match class.noted {
                true => &self.noting,
                false => &self.forgetful,
            };
            let begun = Instant::now();
            let (answer, _) = inspector.answer(Environment::Production, &request).await;
            let took = begun.elapsed().as_nanos();
            let status = answer.status.as_u16();
            ensure!(status == class.status, "{}: {status}", class.name);
            if number >= WARM_UP {
                times.push(u32::try_from(took).unwrap_or(u32::MAX));
            }
        }
        let mut classes = classes.iter().zip(&times);
        let Some((first, base)) = classes.next() else {
            return Ok(Vec::new());
        };
        let rows = classes.map(|(class, times)| {
            let medians = [middle(times), middle(base)];
            let medians = medians.map(|nanos| nanos / 1e3);
            let met = met(medians);
            Row {
                what: format!("{} against {}", class.name, first.name),
                samples: times.len() + base.len(),
                medians,
                t: largest_t([times, base]),
                bar: met.map_or("", |_| "< 5 %, < 50 µs"),
                met,
            }
        });
        Ok(rows.collect())
    }
}
