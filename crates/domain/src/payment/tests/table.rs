//! Stories, and which complaint wins when several would be right.

use super::story::{Story, check, command, moment, order};
use crate::payment::{Due, State};

#[test]
fn a_payer_decides() {
    check(
        "
        | s1 approve -> Reserved
        direct | s1 approve -> Reserved
        | s1 approve refused -> ReservationRefused
        s1 approve refused | s2 approve -> Reserved
        | s1 approve silent -> OutcomeUnknown
        s1 approve silent | m59 nothing -> Nothing
        s1 approve silent | m61 capture 100 -> Captured
        | s1 reject -> Cancelled
        s1 approve refused | s2 reject -> Failed
        | s1 leave -> Cancelled
        s1 approve | s2 approve -> NotOpen
        s1 reject | s2 approve -> NotOpen
        express | s1 approve -> ShippingNotChosen
        express | s1 force-approve -> ApproveExpress
        skip | s1 force-approve -> ApproveSkipsLandingPage
        skip | s1 approve -> Reserved
        | s1 force-approve -> Reserved
        s1 approve | s2 force-approve -> NotOpen
        | s1 show -> Shown
        s1 show | s2 show -> Nothing
        s1 show | s2 show-other -> Shown
        | s1 approve-other -> Reserved
        skip | s1 show-other -> NotThePayer                   // nobody can change the number
        skip | s1 approve-other -> NotThePayer
        ",
    );
}

#[test]
fn links_live_five_minutes_and_five_more_once_opened() {
    check(
        "
        | m4s59 approve -> Reserved
        | m5 approve -> NotOpen
        m4s59 open | m9s58 approve -> Reserved
        m4s59 open | m9s59 approve -> NotOpen
        m1 open, m4 open | m6 approve -> NotOpen             // only the first opening counts
        m4 approve refused | m5 approve -> NotOpen
        skip m4 open | m8 approve -> Reserved
        ",
    );
}

#[test]
fn captures() {
    check(
        "
        s1 approve | d1 capture 50000 -> Captured
        s1 approve | d1 capture -> Captured
        s1 approve, d1 capture 20000 | d2 capture 30000 -> Captured
        s1 approve, d1 capture 20000 | d2 capture -> Captured
        s1 approve, d1 capture 20000 | d2 capture 30001 -> CaptureExceedsReserved
        s1 approve | d1 capture 50001 -> CaptureExceedsReserved
        | s1 capture 1 -> CaptureNotReserved
        | m6 capture 1 -> CaptureNotReserved                  // timed out
        s1 approve refused, s2 reject | s3 capture 1 -> CaptureNotReserved
        s1 reject | s2 capture 1 -> CaptureOfCancelled
        s1 cancel | s2 capture 1 -> CaptureOfCancelled
        s1 approve, s2 cancel | s3 capture 1 -> CaptureOfCancelled
        s1 approve, s2 capture | s3 capture -> AlreadyCaptured
        s1 approve, s2 capture | s3 capture 50000 -> AlreadyCaptured
        s1 approve, s2 capture | s3 capture 1 -> CaptureExceedsReserved
        direct s1 approve | s2 capture -> CapturedDirectly
        s1 approve silent | s2 capture -> OutcomePending
        s1 approve | d180h23 capture -> Captured              // whole days count
        s1 approve | d181s1 capture -> CaptureTooLate
        s1 approve, s2 capture 1, s3 release | s4 capture -> CaptureAfterRelease
        s1 approve, s2 capture 1 | d7 capture -> Captured
        s1 approve, s2 capture 1 | d7s1 capture -> CaptureAfterRelease   // the bank let go
        s1 approve, d10 capture 1 | d16 capture -> Captured
        s1 approve, d10 capture 1 | d17 capture -> CaptureAfterRelease
        s1 approve | d8 capture-unpaid -> CaptureFailed
        s1 approve, d8 capture-unpaid 10 | d9 capture 50000 -> Captured
        ",
    );
}

#[test]
fn cancellations() {
    check(
        "
        | s1 cancel -> Cancelled
        s1 show | s2 cancel -> Cancelled
        s1 three-d-secure | s2 cancel -> CancelInThreeDSecure
        s1 approve | s2 cancel -> Voided
        s1 approve | s2 release -> Voided
        s1 approve | d180h1 cancel -> Voided
        s1 approve | d181s1 cancel -> CancelTooLate
        s1 approve, s2 capture 1 | s3 cancel -> CancelAfterCapture
        s1 approve, s2 capture 1 | s3 release -> RemainderReleased
        s1 approve, s2 capture | s3 cancel -> CancelAfterCapture
        s1 approve, s2 capture | s3 release -> CancelAfterCapture
        s1 approve, s2 capture 1, s3 release | s4 release -> CancelAfterCapture
        direct s1 approve | s2 release -> CancelAfterCapture
        s1 cancel | s2 cancel -> AlreadyCancelled
        s1 approve, s2 cancel | s3 cancel -> AlreadyCancelled
        | m6 cancel -> AlreadyCancelled                       // it timed out before
        s1 approve silent | s2 cancel -> OutcomePending
        | s1 cancel-refused -> CancelRefusedByBank
        s1 approve | s2 cancel-refused -> CancelRefusedByBank
        s1 approve, s2 cancel | s3 cancel-refused -> AlreadyCancelled
        s1 approve, s2 capture | s3 cancel-refused -> CancelAfterCapture
        s1 approve | d181s1 cancel-refused -> CancelTooLate
        ",
    );
}

#[test]
fn refunds() {
    check(
        "
        s1 approve, s2 capture | s3 refund -> Refunded
        s1 approve, s2 capture 100, s3 refund 30 | s4 refund 70 -> Refunded
        s1 approve, s2 capture 100, s3 refund 30 | s4 refund 71 -> RefundExceedsCaptured
        s1 approve, s2 capture 100, s3 refund | s4 refund -> RefundExceedsCaptured
        | s1 refund 1 -> RefundNotCaptured
        s1 approve | s2 refund 1 -> RefundNotCaptured
        s1 cancel | s2 refund 1 -> RefundOfCancelled
        s1 approve, s2 cancel | s3 refund 1 -> RefundOfCancelled
        s1 approve refused, s2 reject | s3 refund 1 -> RefundOfCancelled
        s1 approve, s2 capture | d365h2 refund 1 -> Refunded
        s1 approve, s2 capture | d366s1 refund 1 -> RefundTooLate
        s1 approve, s2 capture | s3 refund-broke 1 -> RefundFailed
        s1 approve, s2 capture | s3 refund-overdrawn 50 -> Refunded
        s1 approve, s2 capture | s3 refund-overdrawn 51 -> RefundFailed
        direct s1 approve | s2 refund -> Refunded
        s1 approve silent | s2 refund 1 -> OutcomePending
        ",
    );
}

/// What differs for payments made by ePayment.
#[test]
fn epayment() {
    check(
        "
        epay | m4s59 approve -> Reserved
        epay | m5 approve -> NotOpen
        epay m4s59 open | m9s58 approve -> Reserved
        push | m9s59 approve -> Reserved                      // nothing has to be opened
        push | m10 approve -> NotOpen
        epay s1 approve refused | s2 reject -> Cancelled      // no payment fails
        epay s1 approve refused, s2 approve refused | s3 approve -> Reserved
        epay s1 approve, s2 capture 1 | d30 capture -> Captured   // the bank does not let go
        epay s1 approve, s2 capture 1 | d30 release -> RemainderReleased
        epay s1 approve, s2 capture | s3 release -> CancelAfterCapture
        epay s1 approve, s2 capture 1 | d181s1 capture -> CaptureTooLate
        epay s1 approve | s2 capture-whole 1 -> CaptureMustBeWhole
        epay s1 approve | s2 capture-whole 50000 -> Captured
        epay | s1 cancel-open -> Cancelled
        epay s1 approve | s2 cancel-open -> CancelOfAuthorized
        epay s1 approve, s2 cancel | s3 cancel-open -> CancelOfAuthorized
        epay express | s1 force-approve -> ApproveExpress
        epay | s1 force-approve -> Reserved
        push skip | s1 force-approve -> Reserved              // unlike eCom's
        card | s1 force-approve -> ApproveCard
        card | s1 approve -> Reserved
        ",
    );
}

/// Several defects at once: what the state forbids is said before what time forbids, and that
/// before what the amount forbids.
#[test]
fn the_state_complains_first_then_time_then_the_amount() {
    check(
        "
        s1 approve, s2 cancel | d999 capture 99999 -> CaptureOfCancelled
        s1 approve, s2 capture | d999 capture -> AlreadyCaptured
        s1 approve | d999 capture 99999 -> CaptureTooLate
        direct s1 approve | d999 capture 99999 -> CapturedDirectly
        s1 approve, s2 capture | d999 cancel -> CancelAfterCapture
        s1 approve | d999 refund 99999 -> RefundNotCaptured
        s1 approve, s2 capture | d999 refund 99999 -> RefundTooLate
        s1 approve, s2 cancel | d999 refund 99999 -> RefundOfCancelled
        ",
    );
}

#[test]
fn a_payment_says_when_it_changes_by_itself() {
    let mut story = Story::begin(order(50_000));
    assert_eq!(story.payment.due().map(|(_, due)| due), Some(Due::TimeOut));
    story.step(moment("s1"), &command("approve")).unwrap();
    assert_eq!(
        story.payment.due(),
        None,
        "the platform never changes a whole reservation"
    );
    story.step(moment("s2"), &command("capture 1")).unwrap();
    let (at, due) = story.payment.due().unwrap();
    assert_eq!(due, Due::RemainderReleased);
    assert_eq!(at.to_string(), "2023-01-08T00:00:01Z");
    story.step(moment("d8"), &command("nothing")).unwrap();
    assert_eq!(story.payment.due(), None);
    let State::Reserved(reservation) = &story.payment.state else {
        panic!()
    };
    assert_eq!(reservation.remaining_to_capture().units(), 0);
}
