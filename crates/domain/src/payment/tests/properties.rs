//! What holds of every payment, under random commands at random moments.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::story::{Story, by_epayment, command, order};
use crate::payment::{Cause, Happened, Order, Payment, State, UserFlow};

/// Words the story understands, with amounts around the limits.
fn words() -> impl Strategy<Value = String> {
    let amount = prop_oneof![
        Just(String::new()),
        (1..60_000_i64).prop_map(|amount| format!(" {amount}")),
        Just(" 50000".to_owned()),
    ];
    let with_amount = (
        prop_oneof![
            Just("capture"),
            Just("refund"),
            Just("capture-unpaid"),
            Just("refund-broke")
        ],
        amount,
    )
        .prop_map(|(verb, amount)| format!("{verb}{amount}"));
    let alone = prop_oneof![
        3 => Just("approve"),
        1 => Just("approve refused"),
        1 => Just("approve silent"),
        1 => Just("force-approve"),
        1 => Just("open"),
        1 => Just("show"),
        1 => Just("three-d-secure"),
        1 => Just("reject"),
        1 => Just("leave"),
        1 => Just("cancel"),
        1 => Just("release"),
        1 => Just("cancel-open"),
        1 => Just("nothing"),
    ]
    .prop_map(str::to_owned);
    prop_oneof![3 => with_amount, 2 => alone]
}

/// Mostly short waits, sometimes days.
fn waits() -> impl Strategy<Value = SignedDuration> {
    prop_oneof![
        4 => (0..120_i64).prop_map(SignedDuration::from_secs),
        1 => (0..400_i64).prop_map(SignedDuration::from_hours),
        1 => (0..4_000_i64).prop_map(SignedDuration::from_hours),
    ]
}

fn is_final(state: &State) -> bool {
    matches!(
        state,
        State::Cancelled { .. } | State::Failed { .. } | State::Voided { .. }
    )
}

fn check_sums(payment: &Payment) -> Result<(), TestCaseError> {
    if let Some(reservation) = payment.reservation() {
        prop_assert!(reservation.captured <= reservation.grant.amount);
        prop_assert!(reservation.refunded <= reservation.captured);
        let bound = reservation
            .captured
            .plus(reservation.remaining_to_capture());
        prop_assert!(bound <= reservation.grant.amount);
    }
    Ok(())
}

/// Plays a script; the transcript of all outcomes comes back with the story.
fn play(
    script: &[(SignedDuration, String)],
) -> Result<(Story, Vec<Result<usize, Cause>>), TestCaseError> {
    play_of(order(50_000), script)
}

fn play_of(
    order: Order,
    script: &[(SignedDuration, String)],
) -> Result<(Story, Vec<Result<usize, Cause>>), TestCaseError> {
    let mut story = Story::begin(order);
    let mut transcript = Vec::new();
    let mut now = SignedDuration::ZERO;
    for (wait, words) in script {
        now += *wait;
        let before = story.payment.clone();
        let outcome = story.step(now, &command(words));
        check_sums(&story.payment)?;
        if is_final(&before.state) {
            prop_assert!(
                outcome.as_ref().map_or(true, Vec::is_empty),
                "{words} changed a payment that had ended: {outcome:?}"
            );
            prop_assert_eq!(&before, &story.payment);
        }
        transcript.push(outcome.map(|events| events.len()));
    }
    Ok((story, transcript))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Captured ≤ reserved and refunded ≤ captured after every step; nothing after a final state.
    #[test]
    fn sums_hold_and_ends_are_final(script in prop::collection::vec((waits(), words()), 1..40)) {
        play(&script)?;
    }

    /// Folding the stored events, after a trip through JSON, gives the record. What is not there takes no room, for
    /// an initiate writes the order twice.
    #[test]
    fn the_history_is_the_payment(script in prop::collection::vec((waits(), words()), 1..40)) {
        let (story, _) = play(&script)?;
        let text = serde_json::to_string(&story.history).unwrap();
        let history: Vec<Happened> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(Payment::fold(&history), Some(story.payment.clone()));
        let record = serde_json::to_string(&story.payment).unwrap();
        prop_assert!(!text.contains(":null") && !record.contains(":null"), "{text} {record}");
        prop_assert_eq!(serde_json::from_str::<Payment>(&record).unwrap(), story.payment);
    }

    /// What holds of eCom's payments holds of ePayment's, which never fail nor change once reserved.
    #[test]
    fn the_same_holds_of_epayment(script in prop::collection::vec((waits(), words()), 1..40)) {
        let order = by_epayment(order(50_000), UserFlow::WebRedirect);
        let (story, _) = play_of(order, &script)?;
        let failed = matches!(story.payment.state, State::Failed { .. });
        prop_assert!(!failed);
        if story.payment.reservation().is_some() {
            prop_assert_eq!(story.payment.due(), None);
        }
        let text = serde_json::to_string(&story.history).unwrap();
        let history: Vec<Happened> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(Payment::fold(&history), Some(story.payment.clone()));
    }

    /// The same script twice gives the same outcomes and the same payment.
    #[test]
    fn decisions_are_deterministic(script in prop::collection::vec((waits(), words()), 1..40)) {
        let (first, said_first) = play(&script)?;
        let (second, said_second) = play(&script)?;
        prop_assert_eq!(said_first, said_second);
        prop_assert_eq!(first.history, second.history);
    }

    /// Moments only go forward, and a deadline always lies after what happened last.
    #[test]
    fn history_is_in_order_and_deadlines_lie_ahead(
        script in prop::collection::vec((waits(), words()), 1..40),
    ) {
        let (story, _) = play(&script)?;
        prop_assert!(story.history.is_sorted_by_key(|happened| happened.at));
        if let Some((moment, _)) = story.payment.due() {
            let last = story.history.last().unwrap().at;
            prop_assert!(moment > last, "{moment} is not after {last}");
        }
    }
}
