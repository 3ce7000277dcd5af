//! How the words of the domain look in the OpenAPI document.

use sandkasse_engine::faults::{Fault, Target};
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, RefOr, Schema, schema::Type};

fn one_of(words: &[&str], description: &str) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words.iter().copied()))
        .description(Some(description))
        .into()
}

pub(super) fn environment() -> RefOr<Schema> {
    one_of(
        &["test", "production"],
        "In which of the two worlds; `test` unless said otherwise. It never changes.",
    )
}

pub(super) fn product() -> RefOr<Schema> {
    one_of(
        &["ecom", "recurring", "login", "checkout"],
        "An API product",
    )
}

pub(super) fn products() -> RefOr<Schema> {
    ArrayBuilder::new()
        .items(product())
        .description(Some(
            "What it may be used for; `[\"ecom\", \"login\"]` unless said otherwise",
        ))
        .into()
}

pub(super) fn capture() -> RefOr<Schema> {
    one_of(
        &["reserve", "direct"],
        "What happens at approval: the amount is reserved (unless said otherwise), or captured at once",
    )
}

pub(super) fn currency() -> RefOr<Schema> {
    one_of(
        &["NOK", "DKK", "EUR"],
        "What amounts count; `NOK` unless said otherwise",
    )
}

pub(super) fn rate_limits() -> RefOr<Schema> {
    one_of(
        &["on", "off"],
        "Whether the documented limits per minute hold; `on` unless said otherwise",
    )
}

pub(super) fn url_policy() -> RefOr<Schema> {
    one_of(
        &["strict", "local"],
        "Which addresses the platform calls: as the real one (unless said otherwise), or also local ones, so that a \
         receiver on 127.0.0.1 works",
    )
}

pub(super) fn role() -> RefOr<Schema> {
    one_of(
        &["reader", "developer", "admin"],
        "A reader looks at everything but keys, a developer changes things and sees keys, an admin decides who else may",
    )
}

pub(super) fn standing() -> RefOr<Schema> {
    one_of(
        &[
            "active",
            "deactivated",
            "deleted_from_register",
            "form_changed",
            "unconfirmed",
            "blocked",
            "unsigned",
        ],
        "How the merchant stands with the platform, for all its units: `blocked` gives error 31, `unsigned` 36, all \
         others but `active` 37",
    )
}

pub(super) fn partner_status() -> RefOr<Schema> {
    one_of(
        &["pending", "active", "deactivated"],
        "Whether the partner's keys work for payments; all but `active` give error 37",
    )
}

pub(super) fn office_kind() -> RefOr<Schema> {
    one_of(
        &["management", "accounting"],
        "What the keys may do: manage sales units, or read reports",
    )
}

pub(super) fn bankid_purpose() -> RefOr<Schema> {
    one_of(
        &["deactivate", "reactivate"],
        "What a person signs: closing a sales unit, or opening it again",
    )
}

pub(super) fn reactivated_by() -> RefOr<Schema> {
    one_of(
        &["customer_service"],
        "Who opens a unit that was closed because nobody used it",
    )
}

pub(super) fn card_state() -> RefOr<Schema> {
    one_of(
        &["valid", "expired", "blocked", "insufficient_funds"],
        "What the bank says of it; `valid` unless said otherwise",
    )
}

pub(super) fn address_kind() -> RefOr<Schema> {
    one_of(&["home", "work", "other"], "Which of a person's addresses")
}

pub(super) fn refusal() -> RefOr<Schema> {
    one_of(
        &[
            "no_valid_card",
            "by_issuer",
            "invalid_amount",
            "expired_card",
            "reason_unknown",
        ],
        "What the bank said last, if it refused",
    )
}

pub(super) fn cancelled_by() -> RefOr<Schema> {
    one_of(
        &["payer", "landing_page", "merchant", "timeout"],
        "How it ended before any money was reserved",
    )
}

pub(super) fn fault_kind() -> RefOr<Schema> {
    one_of(
        &Fault::NAMES,
        "What happens. `sql-glitch`: the weak database of the test environment, 500, nothing stored; \
         `internal-error`: 500, code 99; `outage-502`, `outage-503`; `order-locked`: 409, code 94; \
         `too-many-concurrent`: 429, code 98; `slow`: the right answer, late; `drop`: no answer, nothing done; \
         `lost-answer`: no answer, all done; and the bank: `issuer-refuses` (41–45), `capture-refused` (63), \
         `cancel-refused` (52), `refund-refused` (74)",
    )
}

pub(super) fn fault_operation() -> RefOr<Schema> {
    one_of(
        &Target::ALL.map(Target::name),
        "Calls of this operation; all to which it can happen if left out",
    )
}

pub(super) fn purpose() -> RefOr<Schema> {
    one_of(
        &["payment_callback", "shipping_details", "consent_removal"],
        "What the call is for",
    )
}

pub(super) fn incident_kind() -> RefOr<Schema> {
    one_of(
        &["incident", "maintenance"],
        "Whether somebody planned it; `incident` unless said otherwise",
    )
}

pub(super) fn impact() -> RefOr<Schema> {
    one_of(
        &["none", "degraded", "outage"],
        "How bad it is; `degraded` unless said otherwise",
    )
}

pub(super) fn stage() -> RefOr<Schema> {
    one_of(
        &[
            "investigating",
            "identified",
            "monitoring",
            "resolved",
            "scheduled",
            "in_progress",
            "completed",
        ],
        "How far it is; the first four of an incident, the others of maintenance",
    )
}
