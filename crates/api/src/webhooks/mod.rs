//! Webhooks v1: register, list, delete (reference: webhooks.md).
//!
//! Nothing is called here: what only a call can show (DNS, redirects, answers) shows at delivery.

mod refusals;
mod wire;

use sandkasse_domain::{
    Environment,
    partner::PartnerStatus,
    sales_unit::UrlPolicy,
    webhook::{Owner, RegistrationId, Way},
};
use sandkasse_engine::{
    Engine,
    directory::Client,
    faults::Target,
    webhooks::{NewRegistration, NotRegistered},
};
use sandkasse_gate::{
    Caller, GateCause, Standing, Step, Trace,
    standing::{Needs, standing},
};

use crate::{Answer, Call, FieldFault, Why, body};

pub use wire::judge_url;

const JSON: &str = "application/json";

/// An operation of the API.
pub(crate) enum Operation<'a> {
    Register,
    List,
    /// By the id in the path.
    Delete(&'a str),
}

/// Answers a call of the Webhooks API.
pub(crate) async fn handle(
    call: &mut Call<'_>,
    operation: Operation<'_>,
) -> Result<Answer, (Answer, Why)> {
    match admitted(call, operation).await {
        Ok(answer) => Ok(answer),
        Err(why) => Err((refusals::answer(call, &why), why)),
    }
}

async fn admitted(call: &mut Call<'_>, operation: Operation<'_>) -> Result<Answer, Why> {
    let acting = owner(call).await?;
    let (engine, environment) = (&call.platform.engine, call.environment);
    match operation {
        Operation::List => {
            struck(call, &acting).await?;
            let all = engine.registrations(environment, &acting.owner).await;
            let all = all.map_err(|error| Why::Fault(error.to_string()))?;
            call.trace.passed(Step::Rules, "listed");
            Ok(Answer::new(200, JSON, wire::list(&all)))
        }
        Operation::Delete(id) => {
            struck(call, &acting).await?;
            delete(call, &acting.owner, id).await?;
            Ok(Answer::empty(204))
        }
        Operation::Register => register(call, acting).await,
    }
}

/// Whose registrations a call is about.
struct Acting {
    owner: Owner,
    /// `None` for a partner's own.
    caller: Option<Caller>,
}

/// Steps 2 to 7. A partner's keys without a sales unit named are for the partner itself.
async fn owner(call: &mut Call<'_>) -> Result<Acting, Why> {
    let (platform, environment) = (call.platform, call.environment);
    let (gate, headers) = (&platform.gate, &call.request.headers);
    let key_of = match gate.subscription_key(environment, headers, None, call.trace) {
        // A token of `/miami/v1/token` comes without one, and has no right here (reference:
        // partner-keys.md).
        Err(missing @ GateCause::SubscriptionKeyMissing { .. }) => {
            let bearer = gate
                .token(environment, headers, &mut Trace::default())
                .await;
            return Err(Why::Gate(match bearer.map(|bearer| bearer.client) {
                Ok(Client::Office(keys)) => GateCause::KeysWithoutRight {
                    kind: keys.kind.name().into(),
                },
                Ok(Client::Unit(_) | Client::Partner(_) | Client::Psp(_)) | Err(_) => missing,
            }));
        }
        other => other?,
    };
    let bearer = gate.token(environment, headers, call.trace).await?;
    let named = headers.get("merchant-serial-number");
    let named = named.and_then(|msn| msn.to_str().ok());
    let keyring = gate.same_owner(bearer, &key_of, headers, named, call.trace)?;
    call.who.client = Some(keyring.client.clone());
    let acting = gate.acting(environment, &keyring, headers, None);
    let (Err(GateCause::PartnerMsnMissing { .. }), Client::Partner(partner)) =
        (&acting, &keyring.client)
    else {
        let caller = acting?;
        call.who.unit = Some(caller.unit.facts.msn.clone());
        call.trace.passed(Step::MsnHeader, "the one acted for");
        // With the keys of a deactivated partner nothing works.
        standing(&platform.engine, &caller, Needs::TheBooks, call.trace).await?;
        return Ok(Acting {
            owner: Owner::Unit(caller.unit.facts.msn.clone()),
            caller: Some(caller),
        });
    };
    call.trace
        .passed(Step::MsnHeader, "not sent: for the partner itself");
    if partner.status != PartnerStatus::Active {
        let partner = partner.id.0.clone();
        return Err(GateCause::from(Standing::PartnerDeactivated { partner }).into());
    }
    Ok(Acting {
        owner: Owner::Partner(partner.id.clone()),
        caller: None,
    })
}

async fn struck(call: &mut Call<'_>, acting: &Acting) -> Result<(), Why> {
    let msn = acting.caller.as_ref();
    let msn = msn.map(|caller| caller.unit.facts.msn.clone());
    call.struck(msn.as_ref(), Target::Webhooks).await.map(drop)
}

async fn register(call: &mut Call<'_>, acting: Acting) -> Result<Answer, Why> {
    let sent = body::parse(&call.request.body)?;
    let sent = wire::Sent::read(&sent)?;
    call.trace.passed(Step::Body, "JSON of the right types");
    struck(call, &acting).await?;
    let (engine, environment) = (&call.platform.engine, call.environment);
    let policy = policy(engine, environment, &acting);
    let checked = sent.check(policy, engine.as_of()).map_err(Why::Fields)?;
    call.trace.passed(Step::Fields, "all allowed");
    for unknown in &checked.ignored {
        let saw = format!("member `{unknown}` is not documented, and was ignored");
        call.trace.passed(Step::Fields, saw);
    }
    let new = NewRegistration {
        owner: acting.owner,
        url: checked.url,
        host: checked.host,
        target: checked.target,
        events: checked.events,
        way: Way::Called,
    };
    match engine.register(environment, new).await {
        Ok(made) => {
            call.trace.passed(Step::Rules, "registered");
            Ok(Answer::new(201, JSON, wire::registered(&made)))
        }
        Err(NotRegistered::Limit { event, most }) => Err(Why::Fields(vec![FieldFault {
            code: "events".into(),
            text: format!(
                "The limit of {most} registrations for {} is reached.",
                event.name()
            )
            .into(),
            cause: "webhook.limit".into(),
            detail: format!("{most} registrations ask for it already"),
        }])),
        Err(NotRegistered::Fault(error)) => Err(Why::Fault(error.to_string())),
    }
}

/// A partner's registration belongs to no sales unit: it may be local where one of its units may.
fn policy(engine: &Engine, environment: Environment, acting: &Acting) -> UrlPolicy {
    match (&acting.caller, &acting.owner) {
        (Some(caller), _) => caller.unit.facts.url_policy,
        (None, Owner::Partner(partner)) => {
            let here = engine.directory.of(environment);
            let is_local = here.units().into_iter().any(|unit| {
                unit.facts.partner.as_ref() == Some(partner)
                    && unit.facts.url_policy == UrlPolicy::Local
            });
            if is_local {
                UrlPolicy::Local
            } else {
                UrlPolicy::Strict
            }
        }
        (None, Owner::Unit(_)) => UrlPolicy::Strict,
    }
}

/// Unknown and foreign ids are told alike: the document lists 204 and 400 only (webhooks.md 8.3).
async fn delete(call: &mut Call<'_>, owner: &Owner, id: &str) -> Result<(), Why> {
    let refused = |text: &'static str, cause: &'static str, detail: &str| {
        Why::Fields(vec![FieldFault {
            code: "id".into(),
            text: text.into(),
            cause: cause.into(),
            detail: detail.to_owned(),
        }])
    };
    let Ok(uuid) = uuid::Uuid::try_parse(id) else {
        let text = "The value must be a UUID.";
        return Err(refused(text, "webhook.id_format", "it is no UUID"));
    };
    let id = RegistrationId(uuid.hyphenated().to_string());
    let (engine, environment) = (&call.platform.engine, call.environment);
    match engine.deregister(environment, owner, &id).await {
        Ok(true) => {
            call.trace.passed(Step::Rules, "deleted");
            Ok(())
        }
        Ok(false) => {
            let text = "There is no webhook with this id.";
            let detail = "unknown here, deleted before, or not yours";
            Err(refused(text, "webhook.unknown", detail))
        }
        Err(error) => Err(Why::Fault(error.to_string())),
    }
}
