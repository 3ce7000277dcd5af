//! Explanations are right: the remedy of every refusal that the catalogue provokes is applied as
//! it stands there, and then the request succeeds or meets its next defect.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use jiff::SignedDuration;
use sandkasse_api::Exchange;
use sandkasse_catalogue::{Catalogue, Cause};
use sandkasse_domain::{Environment, keys::Keys, person::Person};
use sandkasse_engine::directory::Client;
use sandkasse_inspect::{Explanation, HttpCall, Reader, Saves, Step, To};
use sandkasse_testkit::{Played, Stage};
use serde_json::Value;

use crate::testing::{House, PORTAL, Rules};

/// What nothing mends. Each says what to do instead.
const UNMENDABLE: [&str; 44] = [
    "approve.express",
    "approve.not_open",
    "approve.production",
    "approve.skip_landing_page",
    "cancel.already",
    "cancel.captured",
    "cancel.too_late",
    "capture.all_captured",
    "capture.cancelled",
    "capture.direct",
    "capture.ended",
    "capture.exceeds_sum",
    "capture.refused_by_bank",
    "capture.released",
    "capture.too_late",
    "checkout.session_unknown",
    "merchant.blocked",
    "merchant.register_deleted",
    "merchant.register_form_changed",
    "order.of_epayment",
    "order_info.image_exists",
    "order_info.nothing_told",
    "order_info.receipt_exists",
    "qr.id_exists",
    "qr.id_unknown",
    "qr.link_invalid",
    "qr.link_over",
    "qr.picture_gone",
    "qr.print_dead",
    "refund.cancelled",
    "refund.exceeds_sum",
    "refund.not_captured",
    "refund.too_late",
    "report.accounting_token_expired",
    "report.no_grant",
    "route.not_built",
    "user.unavailable",
    "userinfo.not_of_login",
    "userinfo.session_over",
    "userinfo.sub_format",
    "userinfo.sub_unknown",
    "webhook.id_format",
    "webhook.limit",
    "webhook.unknown",
];

/// Of these some plays are mendable: what is left decides.
const SOMETIMES: [&str; 4] = [
    "cancel.captured",
    "capture.exceeds_sum",
    "refund.exceeds_sum",
    "refund.not_captured",
];

#[tokio::test(start_paused = true)]
async fn every_remedy_mends_what_was_refused() {
    let (mut mended, mut not) = (0, BTreeSet::new());
    let mut wrong = Vec::new();
    for page in Catalogue::get().pages() {
        for cause in page.causes.iter().filter(|cause| cause.request.is_some()) {
            let Ok(played) = Stage::default().try_play(cause).await else {
                continue;
            };
            let place = format!("{} {}", page.slug, cause.id);
            match apply(played, cause).await {
                Ok(Mended::Yes) => mended += 1,
                Ok(Mended::Nothing(id)) => {
                    not.insert(id);
                }
                Err(why) => wrong.push(format!("{place}: {why}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let listed: BTreeSet<&str> = UNMENDABLE.into();
    let unlisted: Vec<_> = not.iter().filter(|id| !listed.contains(*id)).collect();
    assert!(
        unlisted.is_empty(),
        "not mendable and not listed: {unlisted:?}"
    );
    let listed_in_vain: Vec<_> = listed
        .iter()
        .filter(|id| !not.contains(*id) && !SOMETIMES.contains(id))
        .collect();
    assert!(
        listed_in_vain.is_empty(),
        "listed and mended: {listed_in_vain:?}"
    );
    println!("{mended} mended; nothing mends {not:?}");
    assert!(mended > 100, "{mended}");
}

enum Mended {
    Yes,
    Nothing(&'static str),
}

async fn apply(played: Played, cause: &Cause) -> Result<Mended, String> {
    let environment = played.ask.environment();
    let shop = played.shop.msn.clone();
    let rules = Rules {
        partners_in_test: true,
        ..Rules::default()
    };
    let house = House::around(played.world.clone(), rules);
    let request = played.ask.request();
    let before = played.got.exchange.clone();
    let answer = house.inspector.note(environment, request, before.clone());
    let url = answer.headers.get(sandkasse_inspect::EXPLAIN);
    let url = url.ok_or("no `Explain`")?.to_str().map_err(|_| "no text")?;
    let (_, address) = url.rsplit_once('/').ok_or("no address")?;
    let explanation = house
        .inspector
        .explain(address, &Reader::Administrator)
        .await;
    let explanation = explanation.ok_or("not explained")?;
    if explanation.cause != cause.id {
        return Err(format!("explained as {}", explanation.cause));
    }
    if explanation.remedy.says.trim().is_empty() {
        return Err("the remedy says nothing".to_owned());
    }
    let page_says = cause.mendable || SOMETIMES.contains(&explanation.cause);
    if explanation.remedy.mendable != page_says && !SOMETIMES.contains(&explanation.cause) {
        return Err(format!(
            "the page says mendable = {}, the remedy {}",
            cause.mendable, explanation.remedy.mendable
        ));
    }
    if !explanation.remedy.mendable {
        return Ok(Mended::Nothing(explanation.cause));
    }
    let mut hand = Hand::new(&house, environment, &explanation, shop.as_str());
    let after = hand.carry_out(&explanation.remedy.steps).await?;
    let (then, now) = (before.why.as_ref(), after.why.as_ref());
    let Some(now) = now else {
        return Ok(Mended::Yes);
    };
    let step = |exchange: &Exchange| exchange.trace.lines().last().map(|line| line.step);
    let same = then.map(|why| why.id(environment)) == Some(now.id(environment));
    if same || step(&after) < step(&before) {
        let curl: Vec<_> = explanation
            .remedy
            .steps
            .iter()
            .map(|step| format!("{step:?}"))
            .collect();
        return Err(format!(
            "afterwards {} {}\n  {}",
            now.id(environment),
            String::from_utf8_lossy(&after.answer.body),
            curl.join("\n  ")
        ));
    }
    Ok(Mended::Yes)
}

/// Somebody who does what the remedy says, with the values of `sandkasse env`.
struct Hand<'a> {
    house: &'a House,
    environment: Environment,
    names: BTreeMap<&'static str, String>,
}

impl<'a> Hand<'a> {
    fn new(
        house: &'a House,
        environment: Environment,
        explanation: &Explanation,
        shop: &str,
    ) -> Hand<'a> {
        let directory = house.engine().directory.of(environment);
        let whose = explanation.remedy.keys_of.as_deref().unwrap_or_default();
        let named = directory.units().into_iter().find(|unit| {
            let described = Client::Unit((*unit).clone()).described();
            described == whose
        });
        let units = directory.units();
        let own = units.iter().find(|unit| unit.facts.msn.as_str() == shop);
        let unit = named.or(own.copied()).or(units.first().copied());
        let unit = unit.expect("somebody is there").clone();
        let partner = directory
            .partners()
            .into_iter()
            .find(|it| Client::Partner((*it).clone()).described() == whose);
        let keys: &Keys = partner.map_or(&unit.facts.keys, |partner| &partner.keys);
        let now = house.engine().clock.now();
        let can_pay = |person: &&std::sync::Arc<Person>| {
            person.may_pay(now).is_ok()
                && person.app.approved_once
                && !person.app.outdated
                && !person.cards.is_empty()
        };
        let persons = directory.persons();
        let phone = persons.iter().copied().find(can_pay);
        let offices = directory.office_keys();
        let basic = offices
            .first()
            .map(|keys| STANDARD.encode(format!("{}:{}", keys.client_id, keys.client_secret)));
        let names = BTreeMap::from([
            ("$MSN", unit.facts.msn.to_string()),
            ("$CLIENT_ID", keys.client_id.clone()),
            ("$CLIENT_SECRET", keys.client_secret.clone()),
            ("$SUBSCRIPTION_KEY", keys.primary.clone()),
            (
                "$PHONE",
                phone.map_or(String::new(), |it| it.phone.to_string()),
            ),
            ("$OFFICE_BASIC", basic.unwrap_or_default()),
        ]);
        Hand {
            house,
            environment,
            names,
        }
    }

    async fn carry_out(&mut self, steps: &[Step]) -> Result<Exchange, String> {
        for step in steps {
            match step {
                Step::Control { what, call, saves } => {
                    let (status, body) = self.portal(call).await;
                    if !(200..300).contains(&status) {
                        return Err(format!("{what}: {status} {body}"));
                    }
                    self.save(*saves, &body)?;
                }
                Step::Call { what, call, saves } => {
                    let exchange = self.api(call).await?;
                    if exchange.answer.status.as_u16() >= 400 {
                        let body = String::from_utf8_lossy(&exchange.answer.body).into_owned();
                        return Err(format!("{what}: {body}"));
                    }
                    let body = serde_json::from_slice(&exchange.answer.body).unwrap_or_default();
                    self.save(*saves, &body)?;
                }
                Step::Wait { seconds } => {
                    let seconds = i64::try_from(*seconds).expect("no eternity");
                    self.house
                        .world
                        .pass(SignedDuration::from_secs(seconds))
                        .await;
                }
                Step::Send { call } => return self.api(call).await,
            }
        }
        Err("there is no corrected request".to_owned())
    }

    fn save(&mut self, saves: Option<Saves>, body: &Value) -> Result<(), String> {
        let Some(saves) = saves else { return Ok(()) };
        let value = body.get(saves.member).and_then(Value::as_str);
        let value = value.ok_or_else(|| format!("no `{}` in {body}", saves.member))?;
        self.names.insert(saves.placeholder, value.to_owned());
        Ok(())
    }

    fn filled(&self, text: &str) -> String {
        // Longer names first: one may begin like another.
        let mut names: Vec<_> = self.names.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names
            .into_iter()
            .fold(text.to_owned(), |text, (name, value)| {
                text.replace(name, value)
            })
    }

    /// A token of the keys at hand, if none was fetched on the way.
    async fn token(&mut self) -> Result<(), String> {
        if self.names.contains_key("$ACCESS_TOKEN") {
            return Ok(());
        }
        let keys = ["$CLIENT_ID", "$CLIENT_SECRET", "$SUBSCRIPTION_KEY"];
        let headers = ["client_id", "client_secret", "ocp-apim-subscription-key"];
        let headers = headers.iter().zip(keys);
        let call = HttpCall {
            to: To::Api,
            base: String::new(),
            method: "POST".to_owned(),
            path: "/accesstoken/get".to_owned(),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), value.to_owned()))
                .collect(),
            body: None,
        };
        let exchange = Box::pin(self.api(&call)).await?;
        let body: Value = serde_json::from_slice(&exchange.answer.body).unwrap_or_default();
        let token = body["access_token"].as_str().ok_or("no token")?;
        self.names.insert("$ACCESS_TOKEN", token.to_owned());
        Ok(())
    }

    async fn api(&mut self, call: &HttpCall) -> Result<Exchange, String> {
        if call
            .headers
            .iter()
            .any(|(_, value)| value.contains("$ACCESS_TOKEN"))
        {
            self.token().await?;
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &call.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a header name")?;
            let value = HeaderValue::from_str(&self.filled(value)).map_err(|_| "a header value")?;
            headers.insert(name, value);
        }
        let request = sandkasse_api::Request {
            method: Method::from_bytes(call.method.as_bytes()).map_err(|_| "a method")?,
            path: self.filled(&call.path),
            headers,
            body: Bytes::from(self.filled(&call.body_text().unwrap_or_default())),
        };
        let platform = &self.house.world.platform;
        Ok(platform.answer(self.environment, &request).await)
    }

    async fn portal(&self, call: &HttpCall) -> (u16, Value) {
        let body = self.filled(&call.body_text().unwrap_or_default());
        let mut request = Request::builder()
            .method(call.method.as_str())
            .uri(self.filled(&call.path))
            .header(header::HOST, PORTAL);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body)).expect("a request");
        self.house.send(request).await
    }
}
