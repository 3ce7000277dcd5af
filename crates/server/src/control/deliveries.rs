//! Webhook deliveries with every attempt, sending one again, and the verifier.

use axum::{Json, extract::State};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sandkasse_domain::{Environment, Msn, Timestamp, webhook::EventId};
use sandkasse_engine::{
    Unit,
    webhooks::{Attempt, AttemptKind, DeliveryState, Dropped, Kept},
};
use sandkasse_hooks::{Received, Verdict, verify};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    Control, Problem, Shared,
    extract::{Asked, Named, Said, UnitPath},
};
use crate::portal::call_words;

/// So many are listed unless more are asked for.
const USUAL: usize = 100;
/// No more are listed at once.
const MOST: usize = 1000;
/// No longer body is verified.
const LONGEST: usize = 1024 * 1024;

/// One event for one registration, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    /// Names it in paths.
    pub(crate) id: String,
    /// The registration's id.
    pub(crate) webhook: String,
    #[schema(value_type = String, example = "epayments.payment.captured.v1")]
    pub(crate) event: EventId,
    /// The payment's reference.
    pub(crate) about: String,
    /// The exact body.
    pub(crate) body: String,
    /// When the event happened, on the sales unit's clock.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) owed_at: Timestamp,
    /// `waiting`, `delivered` or `dropped`.
    #[schema(value_type = String)]
    pub(crate) state: &'static str,
    /// Why it is not sent again: `too_late`, `deregistered` or `never`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) because: Option<&'static str>,
    /// How many attempts were made on schedule.
    pub(crate) attempts: u32,
    /// When the next one is due, on the sales unit's clock.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) next_at: Option<Timestamp>,
    /// What goes wrong with it on demand.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) recipe: Option<&'static str>,
}

/// One attempt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AttemptView {
    /// `scheduled`, `duplicate` or `again`.
    #[schema(value_type = String)]
    pub(crate) kind: &'static str,
    /// On the sales unit's clock.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
    /// In real time: what `x-ms-date` says.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) sent_at: Timestamp,
    /// What was wrong with it on demand.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) spoiled: Option<&'static str>,
    /// The receiver's answer.
    pub(crate) status: Option<u16>,
    /// Whether the receiver took it.
    pub(crate) taken: bool,
    /// What happened, and what to do about it.
    pub(crate) says: String,
    pub(crate) duration_ms: u64,
    /// The beginning of the answer's body.
    pub(crate) answer: Option<String>,
}

/// A delivery with its attempts, the first one first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryWithAttempts {
    #[serde(flatten)]
    pub(crate) delivery: DeliveryView,
    pub(crate) tried: Vec<AttemptView>,
}

/// Deliveries, the last made first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryList {
    pub(crate) deliveries: Vec<DeliveryView>,
    /// Where to go on for older ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<u64>,
}

/// Which ones.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryFilter {
    /// Only those about this payment, in their order.
    about: Option<String>,
    /// Older than this number: the `next` of the list before.
    before: Option<u64>,
    /// At most so many; 100 if left out, never more than 1000.
    limit: Option<usize>,
}

/// One delivery in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct DeliveryPath {
    /// `test` or `production`.
    #[param(value_type = String, example = "test")]
    environment: Environment,
    /// The sales unit's number.
    #[param(value_type = String, example = "220001")]
    msn: Msn,
    /// As in the list.
    id: String,
}

/// A delivery as somebody received it. Nothing of it is kept.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VerifyWish {
    /// The headers as text: a line each, with the request line before them or without.
    pub(crate) head: Option<String>,
    /// The same as an object, as most servers have them.
    #[schema(value_type = Option<Object>)]
    pub(crate) headers: Option<serde_json::Map<String, Value>>,
    /// `POST` if left out.
    pub(crate) method: Option<String>,
    /// Path and query as received, or the whole address as registered.
    pub(crate) url: Option<String>,
    /// The body as received.
    pub(crate) body: Option<String>,
    /// The same in Base64, where it is no text or line ends may suffer.
    pub(crate) body_base64: Option<String>,
    /// What the registration answered.
    pub(crate) secret: String,
}

/// What the verifier found; see `says` first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerdictView {
    #[serde(flatten)]
    #[schema(value_type = Object, example = json!({
        "valid": false, "says": "…", "string_to_sign": "POST\n/hook\n…", "expected_signature": "…",
        "received_signature": "…", "first_difference": 0, "checks": []
    }))]
    verdict: Verdict,
}

impl From<Kept> for DeliveryView {
    fn from(kept: Kept) -> DeliveryView {
        let delivery = kept.delivery;
        let (state, because) = match delivery.state {
            DeliveryState::Waiting => ("waiting", None),
            DeliveryState::Delivered { .. } => ("delivered", None),
            DeliveryState::Dropped { because, .. } => (
                "dropped",
                Some(match because {
                    Dropped::TooLate => "too_late",
                    Dropped::Deregistered => "deregistered",
                    Dropped::Never => "never",
                }),
            ),
        };
        DeliveryView {
            id: kept.name.replace('/', "~"),
            webhook: delivery.registration.0,
            event: delivery.event,
            about: delivery.about,
            body: delivery.body,
            owed_at: delivery.owed_at,
            state,
            because,
            attempts: delivery.attempts,
            next_at: kept.due,
            recipe: delivery.torment.map(|it| it.name()),
        }
    }
}

impl AttemptView {
    fn of(at: Timestamp, attempt: Attempt) -> AttemptView {
        let taken = attempt.is_success();
        let outcome = attempt.outcome;
        let says = match &outcome.failure {
            Some(failure) => call_words(failure),
            None if attempt.spoiled.is_some() => {
                "taken, although it does not verify: this receiver does not check it".to_owned()
            }
            None => "taken".to_owned(),
        };
        AttemptView {
            kind: match attempt.kind {
                AttemptKind::Scheduled => "scheduled",
                AttemptKind::Duplicate => "duplicate",
                AttemptKind::Again => "again",
            },
            at,
            sent_at: attempt.real,
            spoiled: attempt.spoiled.map(|it| it.name()),
            status: outcome.status,
            taken,
            says,
            duration_ms: outcome.duration_ms,
            answer: outcome.answer.filter(|it| !it.is_empty()),
        }
    }
}

impl Control {
    /// Deliveries of a sales unit: those about one thing in their order, or the last made first.
    pub(crate) async fn deliveries(
        &self,
        unit: &Unit,
        about: Option<&str>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<DeliveryList, Problem> {
        let engine = self.engine();
        if let Some(about) = about {
            let found = engine.deliveries_about(unit, about, limit).await?;
            return Ok(DeliveryList {
                deliveries: found.into_iter().map(Into::into).collect(),
                next: None,
            });
        }
        let found = engine.deliveries_of(unit, before, limit).await?;
        let last = found.last().map(|(number, _)| *number);
        Ok(DeliveryList {
            next: last.filter(|_| found.len() >= limit),
            deliveries: found.into_iter().map(|(_, kept)| kept.into()).collect(),
        })
    }

    /// One delivery with its attempts.
    pub(crate) async fn delivery(
        &self,
        unit: &Unit,
        id: &str,
    ) -> Result<DeliveryWithAttempts, Problem> {
        let found = self.engine().delivery(unit, &id.replace('~', "/")).await?;
        let (kept, attempts) = found.ok_or_else(|| delivery_unknown(id))?;
        let tried = attempts.into_iter();
        Ok(DeliveryWithAttempts {
            delivery: kept.into(),
            tried: tried.map(|(at, it)| AttemptView::of(at, it)).collect(),
        })
    }

    /// Sends a delivery again, now.
    pub(crate) async fn deliver_again(
        &self,
        unit: &std::sync::Arc<Unit>,
        id: &str,
    ) -> Result<AttemptView, Problem> {
        let sent = self
            .engine()
            .send_again(unit, &id.replace('~', "/"))
            .await?;
        let attempt = sent.ok_or_else(|| delivery_unknown(id))?;
        Ok(AttemptView::of(self.engine().now(unit), attempt))
    }

    /// Looks at a delivery that somebody received.
    pub(crate) fn verify(&self, wish: VerifyWish) -> Result<Verdict, Problem> {
        let received = wish.received()?;
        Ok(verify(&received, self.engine().clock.now()))
    }
}

impl VerifyWish {
    /// What was received; what cannot be read is a mistake of whoever asks.
    pub(crate) fn received(self) -> Result<Received, Problem> {
        let body = match (self.body, self.body_base64) {
            (Some(body), None) => body.into_bytes(),
            (None, Some(coded)) => STANDARD
                .decode(coded.trim())
                .map_err(|error| Problem::bad_request(format!("`body_base64`: {error}")))?,
            (None, None) => Vec::new(),
            (Some(_), Some(_)) => {
                return Err(Problem::bad_request("`body` or `body_base64`, not both"));
            }
        };
        if body.len() > LONGEST {
            return Err(Problem::bad_request("the body is longer than any delivery"));
        }
        let mut received = Received {
            url: self.url.filter(|url| !url.trim().is_empty()),
            body,
            secret: self.secret,
            ..Received::default()
        };
        received.read_head(&self.head.unwrap_or_default());
        for (name, value) in self.headers.unwrap_or_default() {
            // Node lists a header that may come twice.
            let value = match value {
                Value::String(value) => value,
                Value::Array(values) => match values.into_iter().next() {
                    Some(Value::String(value)) => value,
                    Some(_) | None => continue,
                },
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => continue,
            };
            received.headers.push((name, value));
        }
        if let Some(method) = self.method.filter(|it| !it.is_empty()) {
            received.method = method;
        }
        Ok(received)
    }
}

fn delivery_unknown(id: &str) -> Problem {
    let detail =
        format!("there is no delivery `{id}`, or the registration that it was for is gone");
    Problem::not_found("delivery_unknown", detail)
}

/// Lists a sales unit's webhook deliveries, also those that wait and those that were given up.
#[utoipa::path(
    get, path = "/deliveries/{environment}/{msn}", tag = "Webhooks", params(UnitPath, DeliveryFilter),
    responses(
        (status = 200, body = DeliveryList),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(control): Shared,
    Named(path): Named<UnitPath>,
    Asked(filter): Asked<DeliveryFilter>,
) -> Result<Json<DeliveryList>, Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    let limit = filter.limit.unwrap_or(USUAL).min(MOST);
    let about = filter.about.as_deref();
    let list = control.deliveries(&unit, about, filter.before, limit);
    list.await.map(Json)
}

/// Shows a delivery with each attempt: what was answered, or why nothing was, and what to do.
#[utoipa::path(
    get, path = "/deliveries/{environment}/{msn}/{id}", tag = "Webhooks", params(DeliveryPath),
    responses(
        (status = 200, body = DeliveryWithAttempts),
        (status = 404, description = "No such delivery", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Named(path): Named<DeliveryPath>,
) -> Result<Json<DeliveryWithAttempts>, Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    control.delivery(&unit, &path.id).await.map(Json)
}

/// Sends a delivery again, now: the same body, signed anew. On schedule it goes on as it would have.
#[utoipa::path(
    post, path = "/deliveries/{environment}/{msn}/{id}/again", tag = "Webhooks", params(DeliveryPath),
    responses(
        (status = 200, description = "What came of it", body = AttemptView),
        (status = 404, description = "No such delivery", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn again(
    State(control): Shared,
    Named(path): Named<DeliveryPath>,
) -> Result<Json<AttemptView>, Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    control.deliver_again(&unit, &path.id).await.map(Json)
}

/// Says whether a delivery that you received verifies, and if not, why, and what to do.
///
/// Give the headers as text or as an object, the raw body, the secret, and the path or address unless the
/// headers begin with a request line. Nothing of it is kept.
#[utoipa::path(
    post, path = "/verify-webhook", tag = "Webhooks", request_body = VerifyWish,
    responses(
        (status = 200, body = VerdictView),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn check(
    State(control): Shared,
    Said(wish): Said<VerifyWish>,
) -> Result<Json<VerdictView>, Problem> {
    control
        .verify(wish)
        .map(|verdict| Json(VerdictView { verdict }))
}
