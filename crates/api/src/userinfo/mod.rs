//! Userinfo: the profile data that a customer agreed to share (reference: userinfo.md).

mod refusals;
mod wire;

use sandkasse_domain::{consent::Consent, person::Person, sales_unit::Product};
use sandkasse_engine::faults::Target;
use sandkasse_gate::{
    Keyring, Step,
    standing::{Needs, standing},
};

use serde::{Deserialize, Serialize};

use crate::{Answer, Call, Why};

const JSON: &str = "application/json;charset=UTF-8";

/// Why no personal data is given; in the order of the checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserinfoCause {
    /// The sales unit was not given Login.
    LoginNotActivated,
    /// The `sub` is no UUID.
    SubFormat,
    /// Nobody here has this `sub`: unknown, of another sales unit, or a deleted profile.
    SubUnknown,
    /// The 168 hours are over.
    SessionOver,
    /// The token is one of the API, and not of a login.
    NotOfLogin,
}

impl UserinfoCause {
    pub(crate) fn id(&self) -> &'static str {
        match self {
            UserinfoCause::LoginNotActivated => "unit.login_not_activated",
            UserinfoCause::SubFormat => "userinfo.sub_format",
            UserinfoCause::SubUnknown => "userinfo.sub_unknown",
            UserinfoCause::SessionOver => "userinfo.session_over",
            UserinfoCause::NotOfLogin => "userinfo.not_of_login",
        }
    }
}

/// `GET /vipps-userinfo-api/userinfo/{sub}`
pub(crate) async fn by_sub(call: &mut Call<'_>, sub: &str) -> Result<Answer, (Answer, Why)> {
    match shared(call, sub).await {
        Ok(body) => Ok(Answer::new(200, JSON, body)),
        Err(why) => Err((refusals::answer(call, &why), why)),
    }
}

/// `GET /vipps-userinfo-api/userinfo`
pub(crate) async fn of_login(call: &mut Call<'_>) -> Result<Answer, (Answer, Why)> {
    let why = match bearer(call).await {
        // Nobody has a token of a login before there is one: what passes here is the API's.
        Ok(_) => Why::Userinfo(UserinfoCause::NotOfLogin),
        Err(why) => why,
    };
    Err((refusals::answer(call, &why), why))
}

/// Steps 2 to 5. The official collections omit the subscription key, a plugin sends it on every
/// call: both work. One that does not cover Login is refused (reference: userinfo.md §5).
async fn bearer(call: &mut Call<'_>) -> Result<Keyring, Why> {
    let (gate, environment, headers) =
        (&call.platform.gate, call.environment, &call.request.headers);
    let sent = headers.get("ocp-apim-subscription-key");
    let key_of = if sent.is_some_and(|key| !key.is_empty()) {
        Some(gate.subscription_key(environment, headers, Some(Product::Login), call.trace)?)
    } else {
        None
    };
    let bearer = gate.token(environment, headers, call.trace).await?;
    let named = headers
        .get("merchant-serial-number")
        .and_then(|value| value.to_str().ok());
    Ok(match &key_of {
        Some(key_of) => gate.same_owner(bearer, key_of, headers, named, call.trace)?,
        None => Keyring {
            client: bearer.client,
            subscription_key: None,
        },
    })
}

async fn shared(call: &mut Call<'_>, sub: &str) -> Result<String, Why> {
    let (platform, environment) = (call.platform, call.environment);
    let (gate, headers) = (&platform.gate, &call.request.headers);
    let keyring = bearer(call).await?;
    call.who.client = Some(keyring.client.clone());
    let caller = gate.acting(environment, &keyring, headers, None)?;
    call.who.unit = Some(caller.unit.facts.msn.clone());
    call.trace.passed(Step::MsnHeader, "the one acted for");
    // With the keys of a deactivated partner nothing works; all else that closes payments leaves the
    // data of those who paid readable (reference: partner-keys.md §5.1, step 7).
    standing(&platform.engine, &caller, Needs::TheBooks, call.trace).await?;
    let unit = &caller.unit;
    call.struck(Some(&unit.facts.msn), Target::Userinfo).await?;
    if !unit.facts.products.contains(&Product::Login) {
        return Err(Why::Userinfo(UserinfoCause::LoginNotActivated));
    }
    call.trace.passed(Step::Product, "has Login");
    let sub = uuid::Uuid::try_parse(sub).map_err(|_| Why::Userinfo(UserinfoCause::SubFormat))?;
    let sub = sub.hyphenated().to_string();

    let engine = &platform.engine;
    let consent = engine
        .consent(unit, &sub)
        .await
        .map_err(|error| Why::Fault(error.to_string()))?;
    let snapshot = engine.directory.of(environment);
    let known = consent.and_then(|consent: Consent| {
        let person: &Person = snapshot.person(&consent.person)?;
        Some((person.clone(), consent))
    });
    let (person, consent) = known.ok_or(Why::Userinfo(UserinfoCause::SubUnknown))?;
    let scopes = consent
        .readable(engine.now(unit))
        .ok_or(Why::Userinfo(UserinfoCause::SessionOver))?;
    call.trace
        .passed(Step::Rules, "shared within the last 168 hours");
    Ok(wire::userinfo(&sub, &person, &scopes))
}
