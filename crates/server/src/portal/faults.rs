//! Faults on demand: every fault there is with how it is asked for, and rules on and off by form,
//! for one sales unit or for all.

use std::sync::Arc;

use askama::Template;
use axum::{
    Router,
    extract::{Path, State},
    response::Response,
    routing::{get, post},
};
use http::StatusCode;
use sandkasse_domain::{Environment, Msn, payment::Operation};
use sandkasse_engine::{
    Unit,
    faults::{BankFault, Fault, Target},
};
use serde::Deserialize;

use super::{
    said,
    shell::{self, Frame, Part},
    show::{Stop, unit},
    visitor::{Posted, Visitor},
    visitors::Role,
};
use crate::control::{Control, FaultView, FaultWish, Problem};

pub(super) fn routes() -> Router<Arc<Control>> {
    Router::new()
        .route("/faults", get(of_all).post(arm_for_all))
        .route("/faults/clear", post(clear_all))
        .route("/faults/{id}/remove", post(remove))
        .route(
            "/units/{environment}/{msn}/faults",
            get(of_unit).post(arm_for_unit),
        )
        .route("/units/{environment}/{msn}/faults/clear", post(clear_unit))
}

#[derive(Template)]
#[template(path = "portal/faults.html")]
struct Page<'a> {
    frame: Frame<'a>,
    /// Of which the page is; `None` for all.
    unit: Option<&'a Unit>,
    /// The page's own path.
    at: String,
    may_change: bool,
    rules: Vec<Row>,
    kinds: Vec<Known>,
    operations: Vec<&'static str>,
    amounts: &'static [(u64, &'static str)],
}

/// A rule in force, in words.
struct Row {
    rule: FaultView,
    since: String,
    /// Where it strikes.
    whom: String,
    /// How often, and what is left.
    often: String,
    more: String,
}

/// A fault that can be asked for.
struct Known {
    name: &'static str,
    does: &'static str,
    to: &'static str,
    header: String,
}

/// A rule as the form says it. Empty fields are left out.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    environment: String,
    msn: String,
    operation: String,
    kind: String,
    often: String,
    count: String,
    probability: String,
    seed: String,
    code: String,
    ms: String,
}

/// A form of one button.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Button {
    /// The page it is on.
    back: String,
}

/// Amounts in øre to which the bank of the test environment says something special
/// (reference: platform.md §8), approved in the app.
const AMOUNTS: [(u64, &str); 9] = [
    (151, "refused: not enough money on the account"),
    (182, "refused by the issuer"),
    (183, "refused: suspected fraud"),
    (184, "refused: the card's limit for withdrawals"),
    (186, "refused: the card has expired"),
    (187, "refused: the card is not valid"),
    (197, "refused: the payer failed at 3-D Secure"),
    (201, "the bank is silent for an hour"),
    (202, "the payer must confirm with the bank (3-D Secure)"),
];

async fn of_all(State(control): State<Arc<Control>>, visitor: Visitor) -> Response {
    page(&control, &visitor, None)
}

async fn of_unit(
    State(control): State<Arc<Control>>,
    visitor: Visitor,
    Path((environment, msn)): Path<(String, String)>,
) -> Result<Response, Stop> {
    let unit = unit(&control, &environment, &msn).map_err(Stop::at(&visitor))?;
    Ok(page(&control, &visitor, Some(&unit)))
}

async fn arm_for_all(
    State(control): State<Arc<Control>>,
    Posted(visitor, wanted): Posted<Wanted>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let wish = wish(&wanted).map_err(Stop::at(&visitor))?;
    control.arm(wish).await.map_err(Stop::at(&visitor))?;
    Ok(shell::see_other("/faults#rules"))
}

async fn arm_for_unit(
    State(control): State<Arc<Control>>,
    Path((environment, msn)): Path<(String, String)>,
    Posted(visitor, wanted): Posted<Wanted>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let unit = unit(&control, &environment, &msn).map_err(Stop::at(&visitor))?;
    let mut wish = wish(&wanted).map_err(Stop::at(&visitor))?;
    wish.environment = Some(unit.facts.environment);
    wish.msn = Some(unit.facts.msn.clone());
    control.arm(wish).await.map_err(Stop::at(&visitor))?;
    Ok(shell::see_other(&format!("{}#rules", place(&unit))))
}

async fn remove(
    State(control): State<Arc<Control>>,
    Path(id): Path<u64>,
    Posted(visitor, button): Posted<Button>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    // One that is used up meanwhile is gone as well.
    control
        .engine()
        .disarm(id)
        .await
        .map_err(Stop::at(&visitor))?;
    let back = &button.back;
    let is_ours = back.starts_with("/units/") && back.ends_with("/faults");
    let back = if is_ours { back } else { "/faults" };
    Ok(shell::see_other(&format!("{back}#rules")))
}

async fn clear_all(
    State(control): State<Arc<Control>>,
    Posted(visitor, Button { .. }): Posted<Button>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let cleared = control.engine().disarm_all().await;
    cleared.map_err(Stop::at(&visitor))?;
    Ok(shell::see_other("/faults#rules"))
}

async fn clear_unit(
    State(control): State<Arc<Control>>,
    Path((environment, msn)): Path<(String, String)>,
    Posted(visitor, Button { .. }): Posted<Button>,
) -> Result<Response, Stop> {
    visitor.at_least(Role::Developer)?;
    let unit = unit(&control, &environment, &msn).map_err(Stop::at(&visitor))?;
    for armed in control.engine().faults.list() {
        if armed.rule.environment == unit.facts.environment
            && armed.rule.msn.as_ref() == Some(&unit.facts.msn)
        {
            let gone = control.engine().disarm(armed.id).await;
            gone.map_err(Stop::at(&visitor))?;
        }
    }
    Ok(shell::see_other(&format!("{}#rules", place(&unit))))
}

fn place(unit: &Unit) -> String {
    format!(
        "/units/{}/{}/faults",
        unit.facts.environment, unit.facts.msn
    )
}

fn page(control: &Control, visitor: &Visitor, unit: Option<&Arc<Unit>>) -> Response {
    let title = unit.map_or_else(
        || "Faults on demand".to_owned(),
        |unit| format!("Faults of {}", unit.facts.name),
    );
    // What strikes all units strikes this one too.
    let concerns = |rule: &FaultView| {
        unit.is_none_or(|unit| {
            let msn = rule.msn.as_ref();
            rule.environment == unit.facts.environment
                && msn.is_none_or(|msn| *msn == unit.facts.msn)
        })
    };
    let armed = control.armed().into_iter().filter(concerns);
    let page = Page {
        frame: Frame::new(&title, Part::Units, Some(visitor)),
        at: unit.map_or_else(|| "/faults".to_owned(), |unit| place(unit)),
        may_change: visitor.0.role >= Role::Developer,
        rules: armed.map(Row::of).collect(),
        kinds: Fault::NAMES.into_iter().filter_map(Known::of).collect(),
        operations: Target::ALL.map(Target::name).into(),
        amounts: &AMOUNTS,
        unit: unit.map(Arc::as_ref),
    };
    shell::page(StatusCode::OK, &page)
}

impl Row {
    fn of(rule: FaultView) -> Row {
        let unit = rule.msn.as_ref().map_or_else(
            || "all sales units".to_owned(),
            |msn| format!("sales unit {msn}"),
        );
        let operation = rule.operation.unwrap_or("all operations");
        let often = match (rule.count, rule.probability, rule.seed) {
            (Some(1), _, _) => "the next call".to_owned(),
            (Some(left), _, _) => format!("the next {left} calls"),
            (None, Some(chance), seed) => {
                let seed = seed.map_or_else(String::new, |seed| format!(", seed {seed}"));
                format!("a call with chance {chance}{seed}")
            }
            (None, None, _) => "every call".to_owned(),
        };
        let code = rule.code.map(|code| format!("code {code}"));
        let ms = rule.ms.map(|ms| format!("{ms} ms"));
        Row {
            since: said::moment(rule.since),
            whom: format!("{unit} · {operation}"),
            often,
            more: code.or(ms).unwrap_or_default(),
            rule,
        }
    }
}

impl Known {
    fn of(name: &'static str) -> Option<Known> {
        let fault = Fault::of(name, None, None).ok()?;
        let header = match (fault.code(), fault.ms()) {
            (Some(code), _) => format!("Sandkasse-Fault: {name}; code={code}"),
            (None, Some(ms)) => format!("Sandkasse-Fault: {name}; ms={ms}"),
            (None, None) => format!("Sandkasse-Fault: {name}"),
        };
        Some(Known {
            name,
            does: does(fault),
            to: to(fault),
            header,
        })
    }
}

fn does(fault: Fault) -> &'static str {
    match fault {
        Fault::SqlGlitch => {
            "The database of the test environment stumbles: 500 with code 1000, nothing is stored, and the same call again is fine."
        }
        Fault::InternalError => "The platform fails: 500, and it is not the caller's fault.",
        Fault::BadGateway => "502, as when the platform cannot be reached behind its gateway.",
        Fault::Unavailable => "503, as when the platform is down.",
        Fault::OrderLocked => "Another operation holds the order.",
        Fault::TooManyConcurrent => "429: the caller has too many calls in flight.",
        Fault::Slow { .. } => "The right answer, late; `ms` says how late.",
        Fault::Drop => "The connection is closed: nothing is done and nothing answered.",
        Fault::LostAnswer => "All is done, and then the connection is closed without the answer.",
        Fault::Bank(BankFault::Reserve(_)) => {
            "The payer's bank refuses the reservation; `code` 41 to 45 says why."
        }
        Fault::Bank(BankFault::Capture) => "The bank refuses the capture.",
        Fault::Bank(BankFault::Cancel) => "The bank refuses to let the reservation go.",
        Fault::Bank(BankFault::Refund) => "The settlement account has too little for the refund.",
    }
}

fn to(fault: Fault) -> &'static str {
    if Target::ALL.into_iter().all(|target| fault.fits(target)) {
        return "every operation";
    }
    let mut fitting = Target::ALL.into_iter().filter(|target| fault.fits(*target));
    match (fitting.next(), fitting.next()) {
        (Some(Target::Payment(Operation::Approve)), None) => "approve, also in the app",
        (Some(only), None) => only.name(),
        _ => "operations on payments",
    }
}

fn wish(wanted: &Wanted) -> Result<FaultWish, Problem> {
    fn number<T: std::str::FromStr>(what: &str, text: &str) -> Result<Option<T>, Problem> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let bad = |_| Problem::bad_request(format!("{what}: `{text}` is no number that fits"));
        text.parse().map(Some).map_err(bad)
    }
    let environment = Environment::ALL
        .into_iter()
        .find(|it| it.to_string() == wanted.environment);
    let msn = match wanted.msn.trim() {
        "" => None,
        msn => Some(Msn::try_new(msn).ok_or_else(|| {
            Problem::bad_request(format!("`{msn}` is no number of a sales unit"))
        })?),
    };
    // Fields of the choices that were not made are as if they were empty.
    let (count, probability) = match wanted.often.as_str() {
        "next" => (
            Some(number("Number of calls", &wanted.count)?.unwrap_or(1)),
            None,
        ),
        "chance" => (
            None,
            Some(number("Chance", &wanted.probability)?.unwrap_or(0.5)),
        ),
        _ => (None, None),
    };
    let seed = number("Seed", &wanted.seed)?.filter(|_| probability.is_some());
    let takes_code = wanted.kind == "issuer-refuses";
    let takes_ms = wanted.kind == "slow";
    Ok(FaultWish {
        environment,
        msn,
        operation: Some(wanted.operation.clone()).filter(|it| !it.is_empty()),
        kind: wanted.kind.clone(),
        count,
        probability,
        seed,
        code: number("Code", &wanted.code)?.filter(|_| takes_code),
        ms: number("Milliseconds", &wanted.ms)?.filter(|_| takes_ms),
    })
}

/// Filters of the templates.
mod filters {
    use sandkasse_domain::{Currency, Minor};

    use crate::portal::show::money;

    #[expect(clippy::unnecessary_wraps, reason = "the form of every filter")]
    pub(super) fn kroner(units: &u64, _: &dyn askama::Values) -> askama::Result<String> {
        let amount = i64::try_from(*units).ok().and_then(Minor::try_new);
        Ok(amount.map_or_else(String::new, |it| money(it, Currency::Nok)))
    }

    #[expect(clippy::unnecessary_wraps, reason = "the form of every filter")]
    pub(super) fn coded(text: &str, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(crate::coded::coded(text))
    }
}

#[cfg(test)]
mod tests {
    use sandkasse_domain::{
        Minor,
        payment::bank::{BankAnswer, answer},
        person::{Card, CardState},
    };

    use super::*;

    #[test]
    fn the_test_amounts_are_those_of_the_bank() {
        let card = Card {
            brand: "Visa".to_owned(),
            bin: 492_556,
            state: CardState::Valid,
        };
        for units in 100..400 {
            let amount = Minor::try_new(units).unwrap();
            let special =
                answer(Environment::Test, amount, Some(&card), false) != BankAnswer::Accepts;
            let listed = AMOUNTS
                .iter()
                .any(|(it, _)| i64::try_from(*it) == Ok(units));
            assert_eq!(special, listed, "{units}");
        }
    }

    #[test]
    fn every_fault_is_told() {
        let known: Vec<Known> = Fault::NAMES.into_iter().filter_map(Known::of).collect();
        assert_eq!(known.len(), Fault::NAMES.len());
        for it in known {
            let header = it.header.strip_prefix("Sandkasse-Fault: ").unwrap();
            assert_eq!(Fault::parse(header).unwrap().name(), it.name);
        }
    }
}
