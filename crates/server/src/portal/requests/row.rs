//! One call in the list, of a merchant or to one.

use askama::Template;
use sandkasse_domain::Timestamp;
use sandkasse_inspect::{NO_OPERATION, Record};
use sandkasse_store::{CallRecord, CallState, Purpose};

use crate::control::{Control, calls::trouble};

/// A row, in words.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The row's name in the page.
    pub(crate) key: String,
    /// Real time; a call that waits has none.
    pub(crate) at: Option<Timestamp>,
    pub(crate) is_outgoing: bool,
    pub(crate) method: String,
    /// What was called: a path, or a URL.
    pub(crate) what: String,
    /// Which operation, or what it is for.
    pub(crate) operation: String,
    pub(crate) href: String,
    pub(crate) environment: &'static str,
    pub(crate) msn: Option<String>,
    pub(crate) status: String,
    /// `good`, `warn`, `bad` or `info`.
    pub(crate) tone: &'static str,
    pub(crate) cause: Option<&'static str>,
    pub(crate) took: Option<String>,
}

#[derive(Template)]
#[template(path = "portal/requests_row.html")]
struct Alone<'a> {
    row: &'a Row,
}

impl Row {
    /// Of a merchant's call.
    pub(super) fn of(control: &Control, record: &Record) -> Row {
        let id = control.inspector.address(record.number);
        let dropped = if record.dropped { ", not sent" } else { "" };
        Row {
            key: format!("call-{}", record.number),
            at: Some(record.at),
            is_outgoing: false,
            method: record.method.to_string(),
            what: record.path().to_owned(),
            operation: record.operation().unwrap_or(NO_OPERATION).to_owned(),
            href: format!("/requests/{id}"),
            environment: record.environment.name(),
            msn: record.unit.as_ref().map(ToString::to_string),
            status: format!("{}{dropped}", record.status),
            tone: tone(record.status),
            cause: record.cause(),
            took: record.took_us.map(took),
        }
    }

    /// Of a call to a merchant.
    pub(crate) fn of_outgoing(record: &CallRecord) -> Row {
        let call = &record.call;
        let (status, at, took) = match &record.state {
            CallState::Owed => ("waits".to_owned(), None, None),
            CallState::Begun { at } => ("under way".to_owned(), Some(*at), None),
            CallState::Interrupted { at } => ("interrupted".to_owned(), Some(*at), None),
            CallState::Done { at, outcome } => {
                let status = outcome
                    .status
                    .map_or("no answer".to_owned(), |it| it.to_string());
                let took = match outcome.duration_ms {
                    0 => "< 1 ms".to_owned(),
                    ms => took(ms * 1000),
                };
                (status, Some(*at), Some(took))
            }
        };
        let cause = trouble(record);
        let tone = match (&record.state, cause) {
            (_, Some(_)) | (CallState::Interrupted { .. }, None) => "bad",
            (CallState::Owed | CallState::Begun { .. }, None) => "info",
            (CallState::Done { .. }, None) => "good",
        };
        Row {
            key: format!("out-{}", call.id),
            at,
            is_outgoing: true,
            method: call.method.clone(),
            what: call.url.clone(),
            operation: purpose(call.purpose).to_owned(),
            href: format!("/requests/out/{}", call.id),
            environment: record.partition.environment.name(),
            msn: Some(record.partition.msn.to_string()),
            status,
            tone,
            cause,
            took,
        }
    }

    /// The time of day; the day stands in the title.
    pub(crate) fn time(&self) -> String {
        self.at.map_or_else(
            || "—".to_owned(),
            |at| at.strftime("%H:%M:%S%.3f").to_string(),
        )
    }

    pub(crate) fn moment(&self) -> String {
        self.at.map_or_else(String::new, |at| at.to_string())
    }

    /// As HTML in one line.
    pub(super) fn html(&self) -> String {
        let html = Alone { row: self }.render();
        let html = html.unwrap_or_else(|error| {
            tracing::error!(%error, "a row could not be rendered");
            String::new()
        });
        html.replace(['\n', '\r'], " ")
    }
}

/// What a call is for, in words.
pub(super) fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::PaymentCallback => "callback",
        Purpose::ShippingDetails => "shipping details",
        Purpose::ConsentRemoval => "consent removal",
    }
}

/// How good news a status is.
pub(super) fn tone(status: u16) -> &'static str {
    match status {
        0..=399 => "good",
        400..=499 => "warn",
        _ => "bad",
    }
}

/// A duration with a unit that suits it.
pub(super) fn took(us: u64) -> String {
    match us {
        0..=999 => format!("{us} µs"),
        1000..=99_999 => format!("{}.{} ms", us / 1000, us % 1000 / 100),
        100_000..=999_999 => format!("{} ms", us / 1000),
        _ => format!("{}.{:02} s", us / 1_000_000, us % 1_000_000 / 10_000),
    }
}
