//! A tiny language for payments: `d0 initiate 50000, d0 approve, d1 capture 20000`.
//!
//! Each step is a moment (`d1` days, `h2` hours, `m5` minutes, `s3` seconds, `ms7`, after the
//! initiate, and they add up: `d1h2`) and a command. What is due before a step happens first, at
//! its own moment, as in the engine.

use jiff::{SignedDuration, Timestamp};

use crate::{
    Currency, Minor, OrderId, PhoneNumber,
    payment::{
        Allowed, Approval, Asking, Cause, Checkout, Command, Due, Epayment, Event, Happened,
        InitiateFacts, MadeBy, Method, Order, Payer, Payment, Refusal, Settlement, ShippingSource,
        TransactionId, UserFlow, bank::BankAnswer, initiate,
    },
    person::PersonId,
    sales_unit::CaptureType,
};

/// A payment and all that happened to it.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) payment: Payment,
    pub(super) history: Vec<Happened>,
    start: Timestamp,
}

impl Story {
    /// Initiates at the beginning of time.
    pub(super) fn begin(order: Order) -> Story {
        let start: Timestamp = "2023-01-01T00:00:00Z".parse().unwrap();
        let facts = InitiateFacts {
            first_used: None,
            may_skip_landing_page: true,
            may_ask_nin: true,
            receive: None,
            request: None,
            payer: order.mobile.as_ref().map(|_| Ok(payer())),
            app_outdated: false,
            acts_at: None,
            transaction_id: id(1),
            epayment: allowed(),
            now: start,
        };
        let events = initiate(order, facts).unwrap();
        let history: Vec<_> = events
            .into_iter()
            .map(|event| Happened { at: start, event })
            .collect();
        let payment = Payment::fold(&history).unwrap();
        Story {
            payment,
            history,
            start,
        }
    }

    /// Does one command at a moment, after what was due.
    pub(super) fn step(
        &mut self,
        after: SignedDuration,
        command: &Command,
    ) -> Result<Vec<Event>, Cause> {
        let now = self.start + after;
        while let Some((moment, due)) = self.payment.due()
            && moment <= now
        {
            assert_ne!(due, Due::PayerActs, "nobody acts unasked in these stories");
            let events = self.payment.decide(&Command::TimePasses, moment).unwrap();
            assert!(
                !events.is_empty(),
                "a deadline changes something, or it would come for ever"
            );
            self.record(moment, events);
        }
        let events = self.payment.decide(command, now)?;
        self.record(now, events.clone());
        Ok(events)
    }

    fn record(&mut self, at: Timestamp, events: Vec<Event>) {
        for event in events {
            let happened = Happened { at, event };
            self.payment = Payment::apply(Some(self.payment.clone()), &happened).unwrap();
            self.history.push(happened);
        }
    }
}

pub(super) fn id(number: u64) -> TransactionId {
    TransactionId(number.to_string())
}

pub(super) fn payer() -> Payer {
    let phone = PhoneNumber::try_new("91234567").unwrap();
    Payer {
        person: PersonId("kari".to_owned()),
        phone,
    }
}

/// Somebody whom no order names.
fn another() -> Payer {
    let phone = PhoneNumber::try_new("92345678").unwrap();
    Payer {
        person: PersonId("ola".to_owned()),
        phone,
    }
}

pub(super) fn minor(units: i64) -> Minor {
    Minor::try_new(units).unwrap()
}

pub(super) fn order(amount: i64) -> Order {
    Order {
        made_by: MadeBy::Ecom,
        id: OrderId::try_new("acme-1").unwrap(),
        amount: minor(amount),
        text: "One pair of socks".to_owned(),
        callback_prefix: "https://example.com/cb".to_owned(),
        fall_back: "https://example.com/fb".to_owned(),
        auth_token: None,
        is_app: false,
        skip_landing_page: false,
        mobile: None,
        scope: [].into(),
        checkout: Checkout::Regular,
        capture: CaptureType::Reserve,
    }
}

/// A sales unit that may everything.
pub(super) fn allowed() -> Allowed {
    Allowed {
        cards: true,
        express: true,
        long_living: true,
        currency: Currency::Nok,
        longest_life: SignedDuration::from_hours(60 * 24),
        needs_receipt: true,
    }
}

/// The same order, made by ePayment.
pub(super) fn by_epayment(mut order: Order, user_flow: UserFlow) -> Order {
    order.made_by = MadeBy::Epayment(Box::new(Epayment {
        psp_reference: "32fc5d98-e1f0-4a44-8a2a-1e3b7ae0e1c2".to_owned(),
        idempotency_key: "key-1".to_owned(),
        user_flow,
        method: Method::Wallet,
        currency: Currency::Nok,
        blocked_sources: vec![],
        customer_present: false,
        minimum_user_age: None,
        expires_at: None,
        qr: None,
        receipt: None,
        metadata: None,
        receipt_url: None,
        airline: None,
        card_passthrough: None,
    }));
    order
}

pub(super) fn approve(bank: BankAnswer) -> Command {
    Command::Approve(Box::new(Approval {
        payer: payer(),
        forced: false,
        bank,
        card_brand: "Visa".to_owned(),
        card_bin: 492_556,
        shipping_method: None,
        user: None,
        sub: None,
        transaction_id: id(2),
    }))
}

pub(super) fn asking(amount: Option<i64>) -> Asking {
    Asking {
        amount: amount.map(minor),
        text: "Shipped".to_owned(),
        transaction_id: id(3),
        request_id: None,
    }
}

/// `d180h1` as a duration.
pub(super) fn moment(text: &str) -> SignedDuration {
    let mut total = SignedDuration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap();
        let (unit, tail) = rest.split_at(letters);
        let digits = tail
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (count, tail) = tail.split_at(digits);
        let count: i64 = count.parse().unwrap();
        total += match unit {
            "d" => SignedDuration::from_hours(24 * count),
            "h" => SignedDuration::from_hours(count),
            "m" => SignedDuration::from_mins(count),
            "s" => SignedDuration::from_secs(count),
            "ms" => SignedDuration::from_millis(count),
            other => panic!("unknown unit {other} in {text}"),
        };
        rest = tail;
    }
    total
}

/// `capture 20000` as a command.
pub(super) fn command(words: &str) -> Command {
    let (verb, argument) = words.split_once(' ').unwrap_or((words, ""));
    let amount = || (!argument.is_empty()).then(|| argument.parse().unwrap());
    match verb {
        "open" => Command::Open,
        "show" | "show-other" => Command::Show {
            payer: if verb == "show" { payer() } else { another() },
            acts_at: None,
            transaction_id: id(4),
        },
        "three-d-secure" => Command::EnterThreeDSecure,
        "approve" => approve(match argument {
            "" => BankAnswer::Accepts,
            "refused" => BankAnswer::Refuses(Refusal::ByIssuer),
            "silent" => BankAnswer::StaysSilent,
            other => panic!("the bank does not say {other}"),
        }),
        "force-approve" | "approve-other" => {
            let Command::Approve(mut approval) = approve(BankAnswer::Accepts) else {
                unreachable!()
            };
            if verb == "approve-other" {
                approval.payer = another();
            } else {
                approval.forced = true;
            }
            Command::Approve(approval)
        }
        "reject" => Command::Reject,
        "leave" => Command::LeaveLandingPage,
        "capture" | "capture-whole" => Command::Capture {
            asking: asking(amount()),
            bank_pays: true,
            must_be_whole: verb == "capture-whole",
        },
        "capture-unpaid" => Command::Capture {
            asking: asking(amount()),
            bank_pays: false,
            must_be_whole: false,
        },
        "refund" => Command::Refund {
            asking: asking(amount()),
            settlement: None,
        },
        "refund-broke" | "refund-overdrawn" => Command::Refund {
            asking: asking(amount()),
            settlement: Some(Settlement {
                balance: 0,
                overdraft: minor(if verb == "refund-broke" { 0 } else { 50 }),
            }),
        },
        "cancel" | "release" | "cancel-refused" | "cancel-open" => Command::Cancel {
            text: "No".to_owned(),
            release_remainder: verb == "release",
            only_open: verb == "cancel-open",
            bank_agrees: verb != "cancel-refused",
            transaction_id: id(5),
        },
        "nothing" => Command::TimePasses,
        other => panic!("unknown verb {other}"),
    }
}

/// Plays `setup | step -> outcome` rows; the outcome is the name of the last event or cause.
///
/// The first words of the setup may be `direct`, `express`, `skip`, or `epay`, `push` and `card` for another
/// kind of order.
pub(super) fn check(rows: &str) {
    for row in rows.lines().map(str::trim).filter(|row| !row.is_empty()) {
        let row = row.split("//").next().unwrap().trim();
        let (setup, rest) = row.split_once('|').expect("setup | step -> outcome");
        let (step, expected) = rest.split_once("->").expect("step -> outcome");
        let mut order = order(50_000);
        let mut steps = setup.trim();
        for kind in ["epay", "push", "card", "direct", "express", "skip"] {
            if let Some(rest) = steps.strip_prefix(kind) {
                steps = rest.trim_start();
                match kind {
                    "epay" => order = by_epayment(order, UserFlow::WebRedirect),
                    "push" => order = by_epayment(order, UserFlow::PushMessage),
                    "card" => {
                        order = by_epayment(order, UserFlow::WebRedirect);
                        if let MadeBy::Epayment(it) = &mut order.made_by {
                            it.method = Method::Card;
                        }
                    }
                    "direct" => order.capture = CaptureType::Direct,
                    "skip" => {
                        order.skip_landing_page = true;
                        order.mobile = PhoneNumber::try_new("91234567");
                    }
                    _ => {
                        order.checkout = Checkout::Express {
                            consent_removal_prefix: Some("https://example.com/forget".to_owned()),
                            shipping: ShippingSource::Static(vec![]),
                        };
                    }
                }
            }
        }
        let mut story = Story::begin(order);
        for words in steps
            .split(',')
            .map(str::trim)
            .filter(|words| !words.is_empty())
        {
            let (at, words) = words.split_once(' ').unwrap();
            story
                .step(moment(at), &command(words))
                .unwrap_or_else(|cause| {
                    panic!("the setup of `{row}` was refused at `{words}`: {cause:?}")
                });
        }
        let (at, words) = step.trim().split_once(' ').unwrap();
        let outcome = match story.step(moment(at), &command(words)) {
            Ok(events) => events.last().map_or("Nothing".to_owned(), name),
            Err(cause) => name(&cause),
        };
        assert_eq!(outcome, expected.trim(), "{row}");
    }
}

fn name(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split(|c: char| !c.is_alphanumeric())
        .next()
        .unwrap()
        .to_owned()
}
