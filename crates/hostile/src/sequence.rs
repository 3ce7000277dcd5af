//! Calls one after the other in a small world, chosen by bytes, and what must hold after each.
//!
//! The model is as small as can be: what was moved by calls that succeeded. It does not say which calls succeed; the state
//! machine's own tests do.

use std::cell::RefCell;
use std::collections::HashMap;

use arbitrary::{Arbitrary, Unstructured};
use sandkasse_domain::{person::Person, sales_unit::RateLimits};
use sandkasse_engine::Act;
use sandkasse_testkit::{Got, Shop, World, hours};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

/// So many calls are made of one input.
const LONGEST: usize = 40;
/// A world is left after so many stories.
const STORIES: u32 = 200;
/// The platform keeps nobody longer than this; clocks only go forward.
const MOST_HOURS: u64 = 24 * 800;

/// One call, or something else that happens.
#[derive(Arbitrary, Debug)]
enum Step {
    Initiate {
        order: Order,
        amount: Amount,
    },
    Approve {
        order: Order,
    },
    ForceApprove {
        order: Order,
    },
    Reject {
        order: Order,
    },
    Leave {
        order: Order,
    },
    Capture {
        order: Order,
        amount: Amount,
        key: Key,
    },
    Refund {
        order: Order,
        amount: Amount,
        key: Key,
    },
    Cancel {
        order: Order,
        release: bool,
        key: Key,
    },
    Status {
        order: Order,
    },
    Pass {
        hours: u16,
    },
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Order {
    A,
    B,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Amount {
    /// Left out: everything.
    All,
    Hundreds(u8),
    Any(i64),
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    None,
    One,
    Two,
}

/// What successful calls moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Moved {
    reserved: i64,
    captured: i64,
    refunded: i64,
}

/// The headers that prove who calls.
type Headers = [(&'static str, String); 2];

/// The operation, the order, the key: what an answer is remembered by.
type Remembered = (&'static str, Order, Key);

struct Small {
    runtime: Runtime,
    shop: Shop,
    kari: Person,
    headers: Headers,
    stories: u32,
    passed: u64,
}

thread_local! {
    static SMALL: RefCell<Option<Small>> = const { RefCell::new(None) };
}

/// A runtime of one thread, with timers.
pub(crate) fn runtime() -> Runtime {
    let built = Builder::new_current_thread().enable_time().build();
    built.expect("a runtime for time alone needs nothing")
}

/// Plays the story that the bytes tell.
///
/// # Panics
///
/// When something does not hold.
pub fn play(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    let mut steps = Vec::new();
    while steps.len() < LONGEST && !bytes.is_empty() {
        let Ok(step) = Step::arbitrary(&mut bytes) else {
            break;
        };
        steps.push(step);
    }
    SMALL.with_borrow_mut(|small| {
        let worn = |small: &Small| small.stories >= STORIES || small.passed > 400 * MOST_HOURS;
        if small.as_ref().is_none_or(worn) {
            *small = Some(Small::new());
        }
        let Some(small) = small.as_mut() else { return };
        small.stories += 1;
        let (passed, headers) = small.runtime.block_on(Story::of(small).play(&steps));
        small.passed += passed;
        small.headers = headers;
    });
}

impl Small {
    fn new() -> Small {
        let runtime = runtime();
        let (shop, kari) = runtime.block_on(async {
            let world = World::new().await;
            let shop = world.shop(|unit| unit.rate_limits = RateLimits::Off).await;
            (shop, world.person(|_| {}).await)
        });
        let headers = runtime.block_on(headers(&shop));
        Small {
            runtime,
            shop,
            kari,
            headers,
            stories: 0,
            passed: 0,
        }
    }
}

async fn headers(shop: &Shop) -> Headers {
    [
        ("authorization", format!("Bearer {}", shop.token().await)),
        ("ocp-apim-subscription-key", shop.keys().primary),
    ]
}

struct Story<'a> {
    small: &'a Small,
    headers: Headers,
    moved: HashMap<Order, Moved>,
    answers: HashMap<Remembered, (Value, String)>,
}

impl<'a> Story<'a> {
    fn of(small: &'a Small) -> Story<'a> {
        Story {
            small,
            headers: small.headers.clone(),
            moved: HashMap::new(),
            answers: HashMap::new(),
        }
    }

    /// How many hours passed, and the headers that are right then.
    async fn play(mut self, steps: &[Step]) -> (u64, Headers) {
        let mut passed = 0;
        for step in steps {
            if let Step::Pass { hours } = step {
                passed += u64::from(*hours);
                if passed > MOST_HOURS {
                    break;
                }
            }
            self.step(step).await;
            for order in [Order::A, Order::B] {
                self.holds(order, step).await;
            }
        }
        (passed, self.headers)
    }

    fn name(&self, order: Order) -> String {
        format!("{order:?}-{}", self.small.stories)
    }

    async fn send(&self, method: &str, path: &str, key: Key, body: &Value) -> Got {
        let shop = &self.small.shop;
        let mut ask = shop.world().ask(shop.environment, method, path);
        for (name, value) in &self.headers {
            ask = ask.header(name, value);
        }
        match key {
            Key::None => {}
            Key::One => ask = ask.header("x-request-id", "one"),
            Key::Two => ask = ask.header("x-request-id", "two"),
        }
        let got = ask.json(body).send().await;
        got.format();
        let documented = [200, 400, 402, 403, 404, 409];
        assert!(
            documented.contains(&got.status),
            "{} {}",
            got.status,
            got.body
        );
        got
    }

    async fn step(&mut self, step: &Step) {
        let shop = &self.small.shop;
        match *step {
            Step::Initiate { order, amount } => {
                let mut body = shop.initiate_body(&self.name(order), 0);
                amount.put(&mut body);
                let payments = "/ecomm/v2/payments";
                let got = self.send("POST", payments, Key::None, &body).await;
                if got.status == 200 {
                    let before = self.moved.insert(order, Moved::default());
                    assert_eq!(before, None, "an order id is used once");
                }
            }
            Step::Approve { order } => {
                let approved = shop.approve(&self.name(order), &self.small.kari).await;
                assert!(approved.is_err() || self.moved.contains_key(&order));
            }
            Step::ForceApprove { order } => {
                let name = self.name(order);
                let path = format!("/ecomm/v2/integration-test/payments/{name}/approve");
                let body = json!({ "customerPhoneNumber": self.small.kari.phone });
                self.send("POST", &path, Key::None, &body).await;
            }
            // They may refuse; what counts is what holds after.
            Step::Reject { order } => drop(shop.person(&self.name(order), Act::Reject).await),
            Step::Leave { order } => {
                drop(shop.person(&self.name(order), Act::LeaveLandingPage).await);
            }
            Step::Capture { order, amount, key } => {
                let mut body = shop.modify_body(1);
                amount.put(&mut body);
                self.modify("capture", order, key, body).await;
            }
            Step::Refund { order, amount, key } => {
                let mut body = shop.modify_body(1);
                amount.put(&mut body);
                self.modify("refund", order, key, body).await;
            }
            Step::Cancel {
                order,
                release,
                key,
            } => {
                let mut body = shop.modify_body(Value::Null);
                if let Some(members) = body.as_object_mut() {
                    members.insert("shouldReleaseRemainingFunds".to_owned(), release.into());
                }
                self.modify("cancel", order, key, body).await;
            }
            Step::Status { order } => {
                let path = format!("/ecomm/v2/payments/{}/status", self.name(order));
                self.send("GET", &path, Key::None, &Value::Null).await;
            }
            Step::Pass { hours: passed } => {
                shop.advance(hours(i64::from(passed))).await;
                // The old one has ended with its hour.
                self.headers = headers(shop).await;
            }
        }
    }

    async fn modify(&mut self, operation: &'static str, order: Order, key: Key, body: Value) {
        let name = self.name(order);
        let path = format!("/ecomm/v2/payments/{name}/{operation}");
        let method = if operation == "cancel" { "PUT" } else { "POST" };
        let got = self.send(method, &path, key, &body).await;
        if got.status != 200 {
            return;
        }
        let remembered = (operation, order, key);
        let before = self.answers.get(&remembered).filter(|_| {
            // Only captures and refunds are remembered; a second cancel is refused.
            key != Key::None && operation != "cancel"
        });
        if let Some((sent, answer)) = before {
            assert_eq!(*sent, body, "another meaning under the same key");
            assert_eq!(*answer, got.body, "the same key, the same answer");
            return;
        }
        let answer = got.json();
        let amount = answer
            .pointer("/transactionInfo/amount")
            .and_then(Value::as_i64);
        let amount = amount.expect("an amount");
        let moved = self.moved.get_mut(&order).expect("the order is there");
        match operation {
            "capture" => moved.captured += amount,
            "refund" => moved.refunded += amount,
            _ => {}
        }
        self.answers.insert(remembered, (body, got.body));
    }

    async fn holds(&mut self, order: Order, step: &Step) {
        let path = format!("/ecomm/v2/payments/{}/details", self.name(order));
        let got = self.send("GET", &path, Key::None, &Value::Null).await;
        let Some(moved) = self.moved.get_mut(&order) else {
            assert_eq!(got.cause(), "order.unknown", "{step:?}");
            return;
        };
        let details = got.ok();
        let sum = |name: &str| {
            let sum = details.pointer(&format!("/transactionSummary/{name}"));
            sum.and_then(Value::as_i64).unwrap_or_default()
        };
        let log = details
            .get("transactionLogHistory")
            .and_then(Value::as_array);
        let reserves = log.into_iter().flatten().find(|line| {
            line.get("operation").and_then(Value::as_str) == Some("RESERVE")
                && line.get("operationSuccess") == Some(&Value::Bool(true))
        });
        if let Some(reserved) = reserves.and_then(|line| line.get("amount")?.as_i64()) {
            assert!(
                moved.reserved == 0 || moved.reserved == reserved,
                "{step:?}: {details}"
            );
            moved.reserved = reserved;
        }
        assert_eq!(
            (sum("capturedAmount"), sum("refundedAmount")),
            (moved.captured, moved.refunded),
            "{step:?}: {details}"
        );
        let [capture, refund] = ["remainingAmountToCapture", "remainingAmountToRefund"].map(sum);
        assert!(moved.captured <= moved.reserved, "{step:?}: {details}");
        assert!(moved.refunded <= moved.captured, "{step:?}: {details}");
        assert!(capture >= 0 && refund >= 0, "{step:?}: {details}");
        assert!(
            moved.captured + capture <= moved.reserved,
            "{step:?}: {details}"
        );
        assert_eq!(
            refund,
            moved.captured - moved.refunded,
            "{step:?}: {details}"
        );
    }
}

impl Amount {
    fn put(self, body: &mut Value) {
        let Some(transaction) = body.get_mut("transaction").and_then(Value::as_object_mut) else {
            return;
        };
        let amount = match self {
            Amount::All => {
                transaction.remove("amount");
                return;
            }
            Amount::Hundreds(hundreds) => json!(100 * i64::from(hundreds)),
            Amount::Any(amount) => json!(amount),
        };
        transaction.insert("amount".to_owned(), amount);
    }
}
