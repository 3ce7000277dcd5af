//! Webhooks: who hears of a sales unit's events, and what goes wrong with it on demand.

use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use http::StatusCode;
use sandkasse_api::webhooks::judge_url;
use sandkasse_domain::{
    Environment, Msn, Timestamp,
    sales_unit::UrlPolicy,
    webhook::{EventId, Owner, Recipe, Registration, RegistrationId, Torment, Way},
};
use sandkasse_engine::{
    Unit,
    webhooks::{NewRegistration, NotRegistered},
};
use sandkasse_store::{CallFailure, CallOutcome};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    Control, Problem, Shared,
    extract::{Asked, Named, Said, UnitPath},
};

/// A listener waits no longer for the next delivery.
const LONGEST_WAIT_MS: u64 = 25_000;

/// A registration as the control API shows it: without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookView {
    id: String,
    url: String,
    #[schema(value_type = Vec<String>, example = json!(["epayments.payment.captured.v1"]))]
    events: Vec<EventId>,
    /// `unit`, or `partner` for one that hears of all units of the sales unit's partner.
    #[schema(value_type = String)]
    of: &'static str,
    /// `called`, or `fetched` by `sandkasse listen`.
    #[schema(value_type = String)]
    way: &'static str,
    /// When it was made, real time.
    #[schema(value_type = String, format = DateTime)]
    made_at: Timestamp,
    /// Since when nothing was delivered although it was tried; after 14 days it is deleted.
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    recipes: Vec<RecipeView>,
}

/// What goes wrong with deliveries on demand.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecipeView {
    /// `duplicate`, `out_of_order`, `late`, `wrong_signature`, `cut_body`, `before_answer` or `never`.
    #[schema(example = "duplicate")]
    recipe: String,
    /// With `late`: how much, on the sales unit's clock; 60 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seconds: Option<u32>,
    /// Only with this event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    event: Option<EventId>,
    /// Only with what is about this payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    about: Option<String>,
}

/// All registrations that hear of a sales unit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookList {
    webhooks: Vec<WebhookView>,
}

/// What goes wrong from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipes {
    /// None takes all away. Of several that fit, the first counts.
    recipes: Vec<RecipeView>,
}

/// A registration to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookWish {
    /// The address. One that is fetched may be any; deliveries are signed for it.
    #[schema(example = "http://127.0.0.1:3000/hook")]
    url: String,
    /// All events of ePayment if left out.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    events: Option<Vec<EventId>>,
    /// The platform calls nobody: whoever listens fetches deliveries and hands them on.
    #[serde(default)]
    fetched: bool,
}

/// A registration that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookMade {
    pub(crate) id: String,
    /// Told now, and never again.
    pub(crate) secret: String,
    pub(crate) fetched: bool,
}

/// One registration in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct WebhookPath {
    /// `test` or `production`.
    #[param(value_type = String, example = "test")]
    environment: Environment,
    /// The sales unit's number.
    #[param(value_type = String, example = "220001")]
    msn: Msn,
    /// The registration's id.
    id: String,
}

/// A delivery that was fetched, in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct FetchedPath {
    /// `test` or `production`.
    #[param(value_type = String, example = "test")]
    environment: Environment,
    /// The sales unit's number.
    #[param(value_type = String, example = "220001")]
    msn: Msn,
    /// The registration's id.
    id: String,
    /// As it came with the delivery.
    number: u64,
}

/// How long to wait.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Patience {
    /// Milliseconds; 20000 if left out, never more than 25000.
    wait_ms: Option<u64>,
}

/// A delivery to be handed on, byte for byte.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct FetchedDelivery {
    pub(crate) number: u64,
    /// Where to, as registered.
    pub(crate) url: String,
    /// Path and query as they are signed.
    pub(crate) target: String,
    /// Names and values, in the order in which the platform sends them.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// What became of a delivery that was handed on.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FetchedOutcome {
    /// The receiver's status, if one came.
    #[serde(default)]
    pub(crate) status: Option<u16>,
    /// Why there is none.
    #[serde(default)]
    pub(crate) error: Option<String>,
    /// The beginning of its answer.
    #[serde(default)]
    pub(crate) answer: Option<String>,
    #[serde(default)]
    pub(crate) duration_ms: u64,
}

impl From<&Torment> for RecipeView {
    fn from(torment: &Torment) -> RecipeView {
        RecipeView {
            recipe: torment.recipe.name().to_owned(),
            seconds: match torment.recipe {
                Recipe::Late { seconds } => Some(seconds),
                Recipe::Duplicate
                | Recipe::OutOfOrder
                | Recipe::WrongSignature
                | Recipe::CutBody
                | Recipe::BeforeAnswer
                | Recipe::Never => None,
            },
            event: torment.event,
            about: torment.about.clone(),
        }
    }
}

impl RecipeView {
    /// One with nothing else said.
    pub(crate) fn named(recipe: &str, event: Option<EventId>) -> RecipeView {
        RecipeView {
            recipe: recipe.to_owned(),
            seconds: None,
            event,
            about: None,
        }
    }

    fn torment(self) -> Result<Torment, Problem> {
        let recipe = match self.recipe.as_str() {
            "duplicate" => Recipe::Duplicate,
            "out_of_order" => Recipe::OutOfOrder,
            "late" => Recipe::Late {
                seconds: self.seconds.unwrap_or(60),
            },
            "wrong_signature" => Recipe::WrongSignature,
            "cut_body" => Recipe::CutBody,
            "before_answer" => Recipe::BeforeAnswer,
            "never" => Recipe::Never,
            other => {
                return Err(Problem::bad_request(format!(
                    "there is no recipe `{other}`; there are duplicate, out_of_order, late, wrong_signature, cut_body, \
                     before_answer and never"
                )));
            }
        };
        if self.seconds.is_some() && !matches!(recipe, Recipe::Late { .. }) {
            return Err(Problem::bad_request("`seconds` goes with `late`"));
        }
        Ok(Torment {
            recipe,
            event: self.event,
            about: self.about,
        })
    }
}

impl From<&Registration> for WebhookView {
    fn from(registration: &Registration) -> WebhookView {
        WebhookView {
            id: registration.id.0.clone(),
            url: registration.url.clone(),
            events: registration.events.clone(),
            of: match registration.owner {
                Owner::Unit(_) => "unit",
                Owner::Partner(_) => "partner",
            },
            way: match registration.way {
                Way::Called => "called",
                Way::Fetched => "fetched",
            },
            made_at: registration.made_at,
            failing_since: registration.failing_since,
            recipes: registration.torments.iter().map(Into::into).collect(),
        }
    }
}

impl Control {
    /// All registrations that hear of a sales unit: its own, then its partner's.
    pub(crate) async fn webhooks(&self, unit: &Unit) -> Result<Vec<Arc<Registration>>, Problem> {
        let (engine, environment) = (self.engine(), unit.facts.environment);
        let own = Owner::Unit(unit.facts.msn.clone());
        let mut all = engine.registrations(environment, &own).await?;
        if let Some(partner) = unit.facts.partner.clone() {
            let of_partner = Owner::Partner(partner);
            all.extend(engine.registrations(environment, &of_partner).await?);
        }
        Ok(all)
    }

    async fn webhook(&self, unit: &Unit, id: &str) -> Result<Arc<Registration>, Problem> {
        let all = self.webhooks(unit).await?;
        all.into_iter().find(|it| it.id.0 == id).ok_or_else(|| {
            let detail = format!(
                "no webhook with the id `{id}` hears of sales unit {}",
                unit.facts.msn
            );
            Problem::not_found("webhook_unknown", detail)
        })
    }

    /// Which addresses may be called for a sales unit here.
    pub(crate) fn url_policy(&self, unit: &Unit) -> UrlPolicy {
        if self.local_urls {
            unit.facts.url_policy
        } else {
            UrlPolicy::Strict
        }
    }

    /// Changes what goes wrong with a webhook.
    pub(crate) async fn torment(
        &self,
        unit: &Unit,
        id: &str,
        recipes: Vec<RecipeView>,
    ) -> Result<(), Problem> {
        let registration = self.webhook(unit, id).await?;
        let torments = recipes.into_iter().map(RecipeView::torment);
        let torments = torments.collect::<Result<Vec<_>, _>>()?;
        let changed =
            self.engine()
                .change_registration(unit.facts.environment, &registration.id, |it| {
                    it.torments.clone_from(&torments);
                });
        changed.await?;
        Ok(())
    }
}

/// Lists who hears of a sales unit's events: its own registrations, and those of its partner.
#[utoipa::path(
    get, path = "/webhooks/{environment}/{msn}", tag = "Webhooks", params(UnitPath),
    responses(
        (status = 200, body = WebhookList),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    State(control): Shared,
    Named(path): Named<UnitPath>,
) -> Result<Json<WebhookList>, Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    let all = control.webhooks(&unit).await?;
    let webhooks = all.iter().map(|it| WebhookView::from(&**it)).collect();
    Ok(Json(WebhookList { webhooks }))
}

/// Registers an address for a sales unit without its keys, as `sandkasse listen` does.
///
/// With `fetched` the platform calls nobody; deliveries wait to be fetched, which works for any address and
/// any `url_policy`. Without it the rules of the Webhooks API hold.
#[utoipa::path(
    post, path = "/webhooks/{environment}/{msn}", tag = "Webhooks", params(UnitPath), request_body = WebhookWish,
    responses(
        (status = 201, description = "Registered", body = WebhookMade),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(control): Shared,
    Named(path): Named<UnitPath>,
    Said(wish): Said<WebhookWish>,
) -> Result<(StatusCode, Json<WebhookMade>), Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    let (policy, way) = if wish.fetched {
        (UrlPolicy::Local, Way::Fetched)
    } else {
        (control.url_policy(&unit), Way::Called)
    };
    let (host, target) =
        judge_url(&wish.url, policy).map_err(|(says, _)| Problem::bad_request(says))?;
    let events = wish.events.unwrap_or_else(|| {
        let all = EventId::ALL.into_iter();
        all.filter(|it| it.name().starts_with("epayments."))
            .collect()
    });
    if events.is_empty() {
        return Err(Problem::bad_request("`events` is empty"));
    }
    let as_of = control.engine().as_of();
    if let Some(later) = events.iter().find(|event| !event.is_known(as_of)) {
        let text = format!("the platform of June 2023 has no {}", later.name());
        return Err(Problem::bad_request(text));
    }
    let new = NewRegistration {
        owner: Owner::Unit(path.msn),
        url: wish.url,
        host,
        target,
        events,
        way,
    };
    match control.engine().register(path.environment, new).await {
        Ok(made) => Ok((
            StatusCode::CREATED,
            Json(WebhookMade {
                id: made.id.0,
                secret: made.secret,
                fetched: wish.fetched,
            }),
        )),
        Err(NotRegistered::Limit { event, most }) => Err(Problem::conflict(
            "webhook_limit",
            format!(
                "{most} registrations for {} are as many as there may be",
                event.name()
            ),
        )),
        Err(NotRegistered::Fault(error)) => Err(error.into()),
    }
}

/// Deletes a registration. What waits for it is dropped.
#[utoipa::path(
    delete, path = "/webhooks/{environment}/{msn}/{id}", tag = "Webhooks", params(WebhookPath),
    responses(
        (status = 204, description = "Gone"),
        (status = 404, description = "No such registration", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn remove(
    State(control): Shared,
    Named(path): Named<WebhookPath>,
) -> Result<StatusCode, Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    let registration = control.webhook(&unit, &path.id).await?;
    let (owner, id) = (&registration.owner, &registration.id);
    control
        .engine()
        .deregister(path.environment, owner, id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says what goes wrong with a registration's deliveries from now on.
///
/// `duplicate`: what was taken is sent once more. `out_of_order`: it waits until the next event of the same
/// payment was sent, for a minute at most. `late`: it is sent so many seconds later. `wrong_signature` and
/// `cut_body`: the first attempt, and only that one, does not verify. `before_answer`: it is sent before
/// the API answers the call that caused it. `never`: it is never sent.
#[utoipa::path(
    put, path = "/webhooks/{environment}/{msn}/{id}/recipes", tag = "Webhooks", params(WebhookPath),
    request_body(content = Recipes, example = json!({"recipes": [{"recipe": "duplicate", "event": "epayments.payment.captured.v1"}]})),
    responses(
        (status = 200, body = WebhookView),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn recipes(
    State(control): Shared,
    Named(path): Named<WebhookPath>,
    Said(wish): Said<Recipes>,
) -> Result<Json<WebhookView>, Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    control.torment(&unit, &path.id, wish.recipes).await?;
    let registration = control.webhook(&unit, &path.id).await?;
    Ok(Json(WebhookView::from(&*registration)))
}

/// Waits for the next delivery of a registration that is fetched.
#[utoipa::path(
    post, path = "/webhooks/{environment}/{msn}/{id}/fetch", tag = "Webhooks", params(WebhookPath, Patience),
    responses(
        (status = 200, description = "Hand it on, and say what became of it within ten seconds", body = FetchedDelivery),
        (status = 204, description = "None came meanwhile"),
        (status = 404, description = "No such registration", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn fetch(
    State(control): Shared,
    Named(path): Named<WebhookPath>,
    Asked(patience): Asked<Patience>,
) -> Result<Result<Json<FetchedDelivery>, StatusCode>, Problem> {
    let unit = control.unit(path.environment, &path.msn)?;
    let registration = control.webhook(&unit, &path.id).await?;
    let wait = patience.wait_ms.unwrap_or(20_000).min(LONGEST_WAIT_MS);
    let listeners = &control.engine().hooks.listeners;
    let offered = listeners.fetch(&registration.id, Duration::from_millis(wait));
    let Some(offered) = offered.await else {
        return Ok(Err(StatusCode::NO_CONTENT));
    };
    let call = offered.call;
    let headers = [
        ("Host", call.host),
        ("Content-Type", "application/json".to_owned()),
        ("x-ms-date", call.signed.date),
        ("x-ms-content-sha256", call.signed.content_hash),
        ("Authorization", call.signed.authorization),
    ];
    Ok(Ok(Json(FetchedDelivery {
        number: offered.number,
        url: call.url,
        target: call.target,
        headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
        body: call.body,
    })))
}

/// Says what became of a delivery that was fetched: the receiver's status, or why there is none.
#[utoipa::path(
    post, path = "/webhooks/{environment}/{msn}/{id}/fetched/{number}", tag = "Webhooks", params(FetchedPath),
    request_body = FetchedOutcome,
    responses(
        (status = 204, description = "Noted"),
        (status = 404, description = "Nobody waits for it any more", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn fetched(
    State(control): Shared,
    Named(path): Named<FetchedPath>,
    Said(said): Said<FetchedOutcome>,
) -> Result<StatusCode, Problem> {
    control.unit(path.environment, &path.msn)?;
    let failure = match (said.status, said.error) {
        (_, Some(detail)) => Some(CallFailure::Refused {
            target: "the target of sandkasse listen".to_owned(),
            detail,
        }),
        (Some(status), None) if (200..300).contains(&status) => None,
        (Some(300..=399), None) => Some(CallFailure::Redirect { location: None }),
        (Some(status), None) => Some(CallFailure::Status { status }),
        (None, None) => return Err(Problem::bad_request("say `status` or `error`")),
    };
    let outcome = CallOutcome {
        status: said.status,
        failure,
        duration_ms: said.duration_ms,
        answer: said.answer,
    };
    let listeners = &control.engine().hooks.listeners;
    if listeners.answer(&RegistrationId(path.id), path.number, outcome) {
        return Ok(StatusCode::NO_CONTENT);
    }
    let detail = "nobody waits for this delivery any more; it is offered again when it is due";
    Err(Problem::not_found("delivery_not_waited_for", detail))
}
