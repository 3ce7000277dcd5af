//! What a registration looks like on the wire.

use std::sync::Arc;

use sandkasse_courier::{UrlFault, wire_place};
use sandkasse_domain::{
    AsOf,
    sales_unit::UrlPolicy,
    webhook::{EventId, Registration},
};
use serde::Serialize;

use crate::{
    body::{BodyFault, FieldFault, Fields, Need, Object},
    json::{Json, Members},
};

/// Literal in the published example.
const REQUIRED: &str = "The property is required and cannot be null or empty.";

/// A registration as it was sent.
pub(super) struct Sent<'a> {
    url: Option<String>,
    events: Option<Vec<&'a str>>,
    ignored: Vec<String>,
}

/// A registration that can be made.
pub(super) struct Checked {
    pub(super) url: String,
    pub(super) host: String,
    pub(super) target: String,
    pub(super) events: Vec<EventId>,
    /// Members that nobody knows.
    pub(super) ignored: Vec<String>,
}

impl<'a> Sent<'a> {
    pub(super) fn read(body: &'a Json) -> Result<Sent<'a>, BodyFault> {
        let object = Object::root(body)?;
        let url = object.text("url", Need::Required)?;
        let events = match object.list("events")? {
            None => None,
            Some(list) => {
                let texts = list.iter().zip(0_usize..).map(|(event, index)| {
                    event.as_str().ok_or_else(|| BodyFault::Type {
                        member: format!("events[{index}]"),
                        expected: "string".into(),
                        received: "something else".into(),
                    })
                });
                Some(texts.collect::<Result<Vec<_>, _>>()?)
            }
        };
        let members = body.as_object().into_iter();
        let ignored = members
            .flat_map(Members::names)
            .filter(|name| !matches!(*name, "url" | "events"));
        Ok(Sent {
            url,
            events,
            ignored: ignored.take(8).map(str::to_owned).collect(),
        })
    }

    pub(super) fn check(self, policy: UrlPolicy, as_of: AsOf) -> Result<Checked, Vec<FieldFault>> {
        let mut fields = Fields::default();
        let place = match self.url.filter(|url| !url.is_empty()) {
            None => {
                fields.fault("url", REQUIRED, "webhook.url_missing", "absent or empty");
                None
            }
            Some(url) => match judge_url(&url, policy) {
                Ok((host, target)) => Some((url, host, target)),
                Err((says, fault)) => {
                    fields.fault("url", says, "webhook.url_invalid", fault);
                    None
                }
            },
        };
        let events = self.events.filter(|events| !events.is_empty());
        if events.is_none() {
            let cause = "webhook.events_missing";
            fields.fault("events", REQUIRED, cause, "absent or empty");
        }
        let mut known: Vec<EventId> = Vec::new();
        for name in events.into_iter().flatten() {
            match EventId::parse(name).filter(|event| event.is_known(as_of)) {
                // One that is given twice counts once.
                Some(event) if known.contains(&event) => {}
                Some(event) => known.push(event),
                None => {
                    let shown: String = name.chars().take(100).collect();
                    let text = format!("The event '{shown}' does not exist.");
                    fields.fault(
                        "events",
                        text,
                        "webhook.event_unknown",
                        meant(&shown, as_of),
                    );
                }
            }
        }
        let ignored = self.ignored;
        fields.into_result(place.map(|(url, host, target)| Checked {
            url,
            host,
            target,
            events: known,
            ignored,
        }))
    }
}

/// The event that was probably meant.
fn meant(name: &str, as_of: AsOf) -> String {
    if EventId::parse(name).is_some() {
        return "the platform of June 2023 did not know it".to_owned();
    }
    let lower = name.to_ascii_lowercase();
    let near = EventId::ALL
        .into_iter()
        .filter(|event| event.is_known(as_of))
        .map(|event| (sandkasse_gate::distance(event.name(), &lower), event))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= 12);
    match near {
        Some((_, event)) => format!("nearest is `{}`", event.name()),
        None => "it is like none of them".to_owned(),
    }
}

/// Where deliveries to an address go: host and target of the request. Judges only what the text of
/// the URL shows.
///
/// # Errors
///
/// What the API says, and which rule it breaks.
pub fn judge_url(url: &str, policy: UrlPolicy) -> Result<(String, String), (String, String)> {
    wire_place(url, policy).map_err(|fault| {
        let says = match &fault {
            UrlFault::Empty => REQUIRED.to_owned(),
            UrlFault::TooLong { limit, .. } => {
                format!("The URL must not exceed {limit} characters.")
            }
            UrlFault::Syntax { .. } => "The value must be an absolute URL.".to_owned(),
            UrlFault::Scheme { .. } => "The URL must use https.".to_owned(),
            UrlFault::LocalHost { host }
            | UrlFault::BareHost { host }
            | UrlFault::UnknownTld { host, .. }
            | UrlFault::OddAddress { host, .. } => not_reachable(host),
            UrlFault::Address { address, .. } => not_reachable(&address.to_string()),
        };
        (says, fault.name().to_owned())
    })
}

fn not_reachable(host: &str) -> String {
    format!("The host '{host}' cannot be reached from the internet.")
}

#[derive(Serialize)]
struct Registered<'a> {
    id: &'a str,
    secret: &'a str,
}

pub(super) fn registered(made: &Registration) -> String {
    let made = Registered {
        id: &made.id.0,
        secret: &made.secret,
    };
    serde_json::to_string(&made).expect("plain structs always serialise")
}

#[derive(Serialize)]
struct Listed<'a> {
    webhooks: Vec<Webhook<'a>>,
}

#[derive(Serialize)]
struct Webhook<'a> {
    id: &'a str,
    url: &'a str,
    events: &'a [EventId],
}

pub(super) fn list(all: &[Arc<Registration>]) -> String {
    let webhooks = all.iter().map(|it| Webhook {
        id: &it.id.0,
        url: &it.url,
        events: &it.events,
    });
    let listed = Listed {
        webhooks: webhooks.collect(),
    };
    serde_json::to_string(&listed).expect("plain structs always serialise")
}
