//! Report: what the platform owes a merchant, entry by entry (reference: report.md). The deprecated
//! v1 is not built.
//!
//! There is no MSN in a call: which ledgers it sees follows from its keys alone. Of the test
//! environment there are no reports, unless the installation has them.

mod refusals;
mod routes;
mod wire;

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::civil;
use sandkasse_domain::{Environment, Known, ledger::Topic, partner::PartnerStatus};
use sandkasse_engine::{
    Unit,
    directory::{Client, OfficeKind},
    faults::Target,
};
use sandkasse_gate::{GateCause, Keyring, Standing, Step, TokenFault};
use serde::{Deserialize, Serialize};

use crate::{Answer, Call, FieldFault, Why, formats};

pub use routes::Asked;
pub(crate) use routes::find;

const JSON: &str = "application/json";
/// So many items are in an answer.
const PAGE: usize = 1000;

/// Why no report is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportCause {
    /// The token of accounting keys is too old: they renew it every quarter of an hour.
    AccountingTokenExpired,
    /// No merchant has let this partner read a ledger.
    NoGrant,
}

impl ReportCause {
    pub(crate) fn id(&self) -> &'static str {
        match self {
            ReportCause::AccountingTokenExpired => "report.accounting_token_expired",
            ReportCause::NoGrant => "report.no_grant",
        }
    }
}

/// Where the next page begins.
#[derive(Serialize, Deserialize)]
struct Cursor {
    after: usize,
}

pub(crate) async fn handle(call: &mut Call<'_>, asked: &Asked) -> Result<Answer, (Answer, Why)> {
    if has_none(call) {
        return Err(hidden(call));
    }
    match admitted(call, asked).await {
        Ok(answer) => Ok(answer),
        Err(why) => Err((refusals::answer(call, &why), why)),
    }
}

/// Whether there are no reports where this call came.
fn has_none(call: &Call<'_>) -> bool {
    call.environment == Environment::Test && !call.platform.engine.settings().reports_in_test
}

/// Whether this is about a report that is not built, where there are none.
pub(crate) fn hides(call: &Call<'_>) -> bool {
    let start = call.request.path.get(.."/report/".len());
    has_none(call) && start.is_some_and(|it| it.eq_ignore_ascii_case("/report/"))
}

/// What is said where there are none.
pub(crate) fn hidden(call: &Call<'_>) -> (Answer, Why) {
    let (path, _query) = parts(&call.request.path);
    let cause = GateCause::RouteUnknown {
        path: path.to_owned(),
    };
    (formats::not_found(), Why::Gate(cause))
}

fn parts(path: &str) -> (&str, &str) {
    path.split_once('?').unwrap_or((path, ""))
}

async fn admitted(call: &mut Call<'_>, asked: &Asked) -> Result<Answer, Why> {
    let ledgers = visible(call).await?;
    let msn = match ledgers.as_slice() {
        [one] => Some(one.facts.msn.clone()),
        _ => None,
    };
    call.struck(msn.as_ref(), Target::Report).await?;
    match asked {
        Asked::Ledgers => list(call, &ledgers),
        Asked::Date {
            ledger,
            topic,
            date,
        } => {
            let (topic, date) = checked(topic, Some(date))?;
            dated(call, &ledgers, ledger, topic, date.unwrap_or_default()).await
        }
        Asked::Feed { ledger, topic } => {
            let (topic, _) = checked(topic, None)?;
            feed(call, &ledgers, ledger, topic).await
        }
    }
}

/// The sales units whose ledgers these keys may read, by number.
async fn visible(call: &mut Call<'_>) -> Result<Vec<Arc<Unit>>, Why> {
    let keyring = keys(call).await?;
    call.who.client = Some(keyring.client.clone());
    let directory = call.platform.engine.directory.of(call.environment);
    let granted = |reader: &str| {
        let units = directory.units().into_iter();
        let mut units: Vec<Arc<Unit>> = units
            .filter(|unit| unit.facts.report_readers.contains(reader))
            .cloned()
            .collect();
        units.sort_by(|a, b| a.facts.msn.cmp(&b.facts.msn));
        units
    };
    let without_right =
        |kind: &'static str| Err(Why::Gate(GateCause::KeysWithoutRight { kind: Known(kind) }));
    let units = match &keyring.client {
        Client::Unit(unit) => {
            call.who.unit = Some(unit.facts.msn.clone());
            vec![unit.clone()]
        }
        Client::Partner(partner) => {
            if partner.status != PartnerStatus::Active {
                let partner = partner.id.0.clone();
                return Err(GateCause::from(Standing::PartnerDeactivated { partner }).into());
            }
            let units = granted(&partner.id.0);
            if units.is_empty() {
                return Err(Why::Report(ReportCause::NoGrant));
            }
            units
        }
        Client::Office(keys) if keys.kind == OfficeKind::Accounting => granted(&keys.client_id),
        Client::Office(keys) => return without_right(keys.kind.name()),
        Client::Psp(_) => return without_right("psp"),
    };
    let saw = format!("{} ledgers", units.len());
    call.trace.passed(Step::KindOfKeys, saw);
    Ok(units)
}

/// Steps 2 to 5. The subscription key is in the quick start and not in the document; accounting
/// keys have none.
async fn keys(call: &mut Call<'_>) -> Result<Keyring, Why> {
    let (gate, environment, headers) =
        (&call.platform.gate, call.environment, &call.request.headers);
    let sent = headers.get("ocp-apim-subscription-key");
    let key_of = if sent.is_some_and(|key| !key.is_empty()) {
        Some(gate.subscription_key(environment, headers, None, call.trace)?)
    } else {
        None
    };
    let bearer = match gate.token(environment, headers, call.trace).await {
        Err(
            expired @ GateCause::Token {
                fault: TokenFault::Expired { .. },
            },
        ) if key_of.is_none() => {
            let client = gate.claimed_client(environment, headers).await;
            return Err(match client {
                Some(Client::Office(keys)) if keys.kind == OfficeKind::Accounting => {
                    Why::Report(ReportCause::AccountingTokenExpired)
                }
                _ => expired.into(),
            });
        }
        other => other?,
    };
    Ok(match &key_of {
        Some(key_of) => gate.same_owner(bearer, key_of, headers, None, call.trace)?,
        None => Keyring {
            client: bearer.client,
            subscription_key: None,
        },
    })
}

fn checked(topic: &str, date: Option<&str>) -> Result<(Topic, Option<civil::Date>), Why> {
    let fault = |code: &'static str, cause: &'static str, received: &str| {
        Why::Fields(vec![FieldFault {
            code: code.into(),
            text: "Your request parameters didn't validate.".into(),
            cause: Known(cause),
            detail: format!("received {received:?}"),
        }])
    };
    let topic = match topic {
        "funds" => Topic::Funds,
        "fees" => Topic::Fees,
        other => return Err(fault("topic", "request.unknown_value", other)),
    };
    let read = |text: &str| civil::Date::strptime("%Y-%m-%d", text);
    let date = date
        .map(|text| match read(text) {
            Ok(date) if text.len() == 10 => Ok(date),
            Ok(_) | Err(_) => Err(fault("ledgerDate", "request.pattern", text)),
        })
        .transpose()?;
    Ok((topic, date))
}

/// A member of the query, percent-decoded.
fn asked_for(call: &Call<'_>, name: &str) -> Option<String> {
    let (_, query) = parts(&call.request.path);
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(it, _)| *it == name).map(|(_, value)| value);
    let value = values.next()?;
    let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
    Some(value.into_owned())
}

/// Where the page begins that is asked for.
fn cursor(call: &Call<'_>) -> Result<usize, Why> {
    let Some(text) = asked_for(call, "cursor").filter(|text| !text.is_empty()) else {
        return Ok(0);
    };
    let read = STANDARD.decode(&text).ok();
    let read = read.and_then(|json| serde_json::from_slice::<Cursor>(&json).ok());
    read.map(|cursor| cursor.after).ok_or_else(|| {
        Why::Fields(vec![FieldFault {
            code: "cursor".into(),
            text: "Your request parameters didn't validate.".into(),
            cause: Known("report.cursor"),
            detail: format!("received {:?}", text.chars().take(100).collect::<String>()),
        }])
    })
}

fn written(after: usize) -> String {
    let json = serde_json::to_vec(&Cursor { after }).expect("plain structs always serialise");
    STANDARD.encode(json)
}

fn list(call: &mut Call<'_>, units: &[Arc<Unit>]) -> Result<Answer, Why> {
    let after = cursor(call)?;
    let handle = asked_for(call, "settlesForRecipientHandles");
    let fits = |unit: &&Arc<Unit>| handle.as_ref().is_none_or(|it| *it == wire::handle(unit));
    let found: Vec<&Arc<Unit>> = units.iter().filter(fits).collect();
    let page = found.iter().skip(after).take(PAGE);
    let more = found.len() > after.saturating_add(PAGE);
    let next = if more {
        written(after + PAGE)
    } else {
        String::new()
    };
    call.trace.passed(Step::Rules, "listed");
    let body = wire::ledgers(page.map(|unit| unit.as_ref()), next);
    Ok(Answer::new(200, JSON, body))
}

async fn dated(
    call: &mut Call<'_>,
    units: &[Arc<Unit>],
    ledger: &str,
    topic: Topic,
    date: civil::Date,
) -> Result<Answer, Why> {
    let after = cursor(call)?;
    let engine = &call.platform.engine;
    let Some(unit) = find_ledger(units, ledger) else {
        // By design: who may not see a ledger sees it empty.
        call.trace
            .passed(Step::Rules, "a ledger that these keys do not see");
        return Ok(Answer::new(200, JSON, wire::date(Vec::new(), None, false)));
    };
    if !unit.facts.settlement.is_closed(date, engine.now(unit)) {
        call.trace.passed(Step::Rules, "the date is not over");
        return Ok(Answer::new(200, JSON, wire::date(Vec::new(), None, true)));
    }
    let all = engine
        .ledger(unit, ledger, topic)
        .await
        .map_err(|error| Why::Fault(error.to_string()))?;
    let of_date: Vec<_> = all
        .iter()
        .filter(|entry| entry.ledger_date == date)
        .collect();
    let items = of_date.iter().skip(after).take(PAGE);
    let items = items.map(|entry| wire::item(unit, entry)).collect();
    let more = of_date.len() > after.saturating_add(PAGE);
    call.trace.passed(Step::Rules, "a date that is over");
    let next = more.then(|| written(after + PAGE));
    Ok(Answer::new(200, JSON, wire::date(items, next, false)))
}

async fn feed(
    call: &mut Call<'_>,
    units: &[Arc<Unit>],
    ledger: &str,
    topic: Topic,
) -> Result<Answer, Why> {
    let after = cursor(call)?;
    let engine = &call.platform.engine;
    let all = match find_ledger(units, ledger) {
        None => Vec::new(),
        Some(unit) => {
            let all = engine.ledger(unit, ledger, topic).await;
            let all = all.map_err(|error| Why::Fault(error.to_string()))?;
            let page = all.iter().skip(after).take(PAGE);
            page.map(|entry| wire::item(unit, entry)).collect()
        }
    };
    call.trace
        .passed(Step::Rules, format!("{} items", all.len()));
    let at_end = all.len() < PAGE;
    let next = written(after.saturating_add(all.len()));
    Ok(Answer::new(200, JSON, wire::feed(all, next, at_end)))
}

fn find_ledger<'a>(units: &'a [Arc<Unit>], ledger: &str) -> Option<&'a Arc<Unit>> {
    units.iter().find(|unit| wire::ledger_id(unit) == ledger)
}
