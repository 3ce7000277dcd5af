//! When a payment changes by itself, to the millisecond.

use jiff::{SignedDuration, Timestamp};

use crate::{
    PhoneNumber,
    payment::{
        Command, Due, Happened, InitiateFacts, Payment, clock, initiate,
        tests::story::{Story, allowed, command, id, order, payer},
    },
};

const A_MILLISECOND: SignedDuration = SignedDuration::from_millis(1);

fn start() -> Timestamp {
    "2023-01-01T00:00:00Z".parse().unwrap()
}

/// A request to somebody who acts unasked so long after it.
fn acted_upon(after: SignedDuration) -> Payment {
    let mut order = order(50_000);
    order.mobile = PhoneNumber::try_new("91234567");
    let facts = InitiateFacts {
        first_used: None,
        may_skip_landing_page: true,
        may_ask_nin: true,
        receive: None,
        request: None,
        payer: Some(Ok(payer())),
        app_outdated: false,
        acts_at: Some(start() + after),
        transaction_id: id(1),
        epayment: allowed(),
        now: start(),
    };
    let events = initiate(order, facts).unwrap().into_iter();
    let history: Vec<Happened> = events
        .map(|event| Happened { at: start(), event })
        .collect();
    Payment::fold(&history).unwrap()
}

#[test]
fn who_acts_unasked_acts_before_the_link_ends_or_not_at_all() {
    let end = start() + clock::LINK_LIFE;
    for (after, expected) in [
        (SignedDuration::ZERO, (start(), Due::PayerActs)),
        (
            clock::LINK_LIFE - A_MILLISECOND,
            (end - A_MILLISECOND, Due::PayerActs),
        ),
        (clock::LINK_LIFE, (end, Due::TimeOut)),
        (clock::LINK_LIFE + A_MILLISECOND, (end, Due::TimeOut)),
    ] {
        assert_eq!(acted_upon(after).due(), Some(expected), "{after}");
    }
}

#[test]
fn the_rest_of_a_late_capture_is_held_from_then_on() {
    let held = clock::REMAINDER_HELD;
    for (captured, released) in [
        (SignedDuration::ZERO, held),
        (held - A_MILLISECOND, held),
        (held, held + held),
        (held + A_MILLISECOND, held + A_MILLISECOND + held),
    ] {
        let mut story = Story::begin(order(50_000));
        let step = |story: &mut Story, after, what: &Command| story.step(after, what).unwrap();
        step(&mut story, SignedDuration::ZERO, &command("approve"));
        step(&mut story, captured, &command("capture 20000"));
        let due = Some((start() + released, Due::RemainderReleased));
        assert_eq!(story.payment.due(), due, "{captured}");
    }
}

#[test]
fn a_reservation_is_there_from_the_approval_on_also_when_it_was_let_go() {
    let mut story = Story::begin(order(50_000));
    assert_eq!(story.payment.reservation(), None);
    story
        .step(SignedDuration::ZERO, &command("approve"))
        .unwrap();
    let reserved = story.payment.reservation().cloned();
    let amount = reserved.as_ref().map(|it| it.grant.amount.units());
    assert_eq!(amount, Some(50_000));
    story
        .step(SignedDuration::ZERO, &command("cancel"))
        .unwrap();
    let released = story.payment.reservation().unwrap();
    assert_eq!(released.grant, reserved.unwrap().grant);
}

/// Reference: platform.md §7.
#[test]
fn the_bank_holds_a_card_for_days_that_its_brand_says() {
    let mut story = Story::begin(order(50_000));
    let (approve, at) = (command("approve"), SignedDuration::from_secs(1));
    story.step(at, &approve).unwrap();
    let mut reservation = story.payment.reservation().unwrap().clone();
    for (brand, days, until) in [
        ("Visa", 7, "2023-01-08T00:00:01Z"),
        ("Mastercard", 30, "2023-01-31T00:00:01Z"),
    ] {
        reservation.grant.card_brand = brand.to_owned();
        assert_eq!(reservation.held_until().to_string(), until, "{brand}");
        let end = start() + at + SignedDuration::from_hours(24 * days);
        assert!(!reservation.hold_is_over(end - A_MILLISECOND), "{brand}");
        assert!(reservation.hold_is_over(end), "{brand}");
    }
}
