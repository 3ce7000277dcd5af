//! What goes wrong on demand.

use axum::{Json, extract::State};
use http::StatusCode;
use sandkasse_domain::{Environment, Msn, Timestamp};
use sandkasse_engine::faults::{
    ArmRefused, Armed, Fault, Probability, Rule, RuleRefused, Target, When,
};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use utoipa::{IntoParams, ToSchema};

use super::{Control, Problem, Shared, extract::Named, extract::Said, schemas};

/// A seed of our own choice is below this, so that every reader of JSON gets it right.
const SEEDS: u64 = 1 << 32;

/// Which calls fail, how, and how often.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultWish {
    #[schema(schema_with = schemas::environment)]
    pub(crate) environment: Option<Environment>,
    /// Calls for this sales unit; all units if left out.
    #[schema(value_type = Option<String>, example = "220001")]
    pub(crate) msn: Option<Msn>,
    #[schema(schema_with = schemas::fault_operation)]
    pub(crate) operation: Option<String>,
    #[schema(schema_with = schemas::fault_kind)]
    pub(crate) kind: String,
    /// Only so many of the next calls that fit; then the rule is gone. Without `count` and
    /// `probability` every call is struck until the rule is taken away.
    #[schema(minimum = 1)]
    pub(crate) count: Option<u32>,
    /// Each call that fits with this chance, from 0 to 1.
    #[schema(minimum = 0, maximum = 1, example = 0.01)]
    pub(crate) probability: Option<f64>,
    /// With `probability`: the same seed strikes the same calls, counted from now.
    pub(crate) seed: Option<u64>,
    /// With `issuer-refuses`: 41 (no valid card), 42 (refused; if left out), 43 (amount), 44
    /// (expired card), 45 (unknown reason).
    pub(crate) code: Option<u16>,
    /// With `slow`: how long the answer is held back; 3000 if left out, at most 600000.
    pub(crate) ms: Option<u32>,
}

/// A rule in force.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FaultView {
    /// For taking it away.
    pub(crate) id: u64,
    #[schema(schema_with = schemas::environment)]
    pub(crate) environment: Environment,
    /// `null` is all units.
    #[schema(value_type = Option<String>)]
    pub(crate) msn: Option<Msn>,
    /// `null` is all operations to which it can happen.
    #[schema(value_type = Option<String>)]
    pub(crate) operation: Option<&'static str>,
    #[schema(value_type = String, example = "order-locked")]
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ms: Option<u32>,
    /// How many calls are left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) probability: Option<f64>,
    /// The one given, or the one that was drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u64>,
    /// How many calls were struck.
    pub(crate) struck: u64,
    /// Since when, in real time.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) since: Timestamp,
}

/// The rules in force, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FaultList {
    faults: Vec<FaultView>,
}

/// A rule in a path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct FaultPath {
    /// As answered when it was made.
    #[param(example = 1)]
    id: u64,
}

impl From<Armed> for FaultView {
    fn from(armed: Armed) -> FaultView {
        let Armed {
            id,
            rule,
            struck,
            since,
            ..
        } = armed;
        let (count, probability, seed) = match rule.when {
            When::Always => (None, None, None),
            When::Next(left) => (Some(left.get()), None, None),
            When::Chance { probability, seed } => (None, Some(probability.get()), Some(seed)),
        };
        FaultView {
            id,
            environment: rule.environment,
            msn: rule.msn,
            operation: rule.target.map(Target::name),
            kind: rule.fault.name(),
            code: rule.fault.code(),
            ms: rule.fault.ms(),
            count,
            probability,
            seed,
            struck,
            since,
        }
    }
}

impl From<RuleRefused> for Problem {
    fn from(refused: RuleRefused) -> Problem {
        let detail = refused.to_string();
        match refused {
            RuleRefused::TooMany => Problem::conflict("too_many_faults", detail),
            RuleRefused::TestOnly | RuleRefused::DoesNotFit(..) => Problem::bad_request(detail),
        }
    }
}

impl Control {
    /// Puts a rule in force.
    pub(crate) async fn arm(&self, wish: FaultWish) -> Result<FaultView, Problem> {
        let rule = self.rule(wish)?;
        match self.engine().arm(rule).await {
            Ok(armed) => Ok(armed.into()),
            Err(ArmRefused::Rule(refused)) => Err(refused.into()),
            Err(ArmRefused::Store(error)) => Err(error.into()),
        }
    }

    /// The rules in force, oldest first.
    pub(crate) fn armed(&self) -> Vec<FaultView> {
        let armed = self.engine().faults.list();
        armed.into_iter().map(FaultView::from).collect()
    }

    fn rule(&self, wish: FaultWish) -> Result<Rule, Problem> {
        let fault = Fault::of(&wish.kind, wish.code, wish.ms)
            .map_err(|bad| Problem::bad_request(bad.to_string()))?;
        let environment = wish.environment.unwrap_or(Environment::Test);
        // A rule for a unit that is not there would wait for ever.
        if let Some(msn) = &wish.msn {
            self.unit(environment, msn)?;
        }
        let target = match &wish.operation {
            None => None,
            Some(name) => Some(Target::parse(name).ok_or_else(|| {
                let names = Target::ALL.map(Target::name).join(", ");
                Problem::bad_request(format!("there is no operation `{name}`; there are {names}"))
            })?),
        };
        let when = match (wish.count, wish.probability, wish.seed) {
            (None, None, None) => When::Always,
            (Some(count), None, None) => When::Next(
                NonZeroU32::new(count)
                    .ok_or_else(|| Problem::bad_request("`count` is at least 1"))?,
            ),
            (None, Some(probability), seed) => When::Chance {
                probability: Probability::try_new(probability)
                    .ok_or_else(|| Problem::bad_request("`probability` is from 0 to 1"))?,
                seed: seed.unwrap_or_else(|| self.engine().chance.below(SEEDS)),
            },
            (Some(_), Some(_), _) => {
                return Err(Problem::bad_request(
                    "say how many calls (`count`) or with what chance (`probability`), not both",
                ));
            }
            (_, None, Some(_)) => {
                return Err(Problem::bad_request("`seed` goes with `probability`"));
            }
        };
        Ok(Rule {
            environment,
            msn: wish.msn,
            target,
            fault,
            when,
        })
    }
}

/// Lets merchants' calls fail on demand.
///
/// Each call is struck by the oldest rule that fits and strikes. `outage-502`, `outage-503`, `slow`
/// and `drop` for all units come before every check; everything else when keys, token and MSN are
/// found right and before anything is done, so that wrong keys are still refused as such. `drop`
/// closes the connection and does nothing; `lost-answer` does all and then closes it.
/// `issuer-refuses` also strikes approvals in the app. There are at most 1000 rules, in memory: they
/// end with the process, and with a reset. On PostgreSQL all processes follow the same rules, which outlive them.
///
/// One call alone fails with the header `Sandkasse-Fault`, without any rule: `Sandkasse-Fault: drop`,
/// `Sandkasse-Fault: slow; ms=3000`, or on a force approve `Sandkasse-Fault: issuer-refuses; code=42`.
#[utoipa::path(
    post, path = "/faults", tag = "Faults",
    request_body(content = FaultWish, examples(
        ("the next capture of a unit" = (value = json!({
            "environment": "test", "msn": "220001", "operation": "capture", "kind": "order-locked", "count": 1
        }))),
        ("one call in a hundred, as the test environment does" = (value = json!({
            "kind": "sql-glitch", "probability": 0.01, "seed": 7
        }))),
        ("production is down" = (value = json!({"environment": "production", "kind": "outage-503"}))),
        ("the issuer refuses" = (value = json!({"kind": "issuer-refuses", "code": 44, "count": 1}))),
    )),
    responses(
        (status = 201, description = "In force", body = FaultView),
        (status = 409, description = "Too many rules", body = Problem, content_type = "application/problem+json"),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(control): Shared,
    Said(wish): Said<FaultWish>,
) -> Result<(StatusCode, Json<FaultView>), Problem> {
    Ok((StatusCode::CREATED, Json(control.arm(wish).await?)))
}

/// Lists the rules in force, oldest first, with how many calls each struck.
#[utoipa::path(
    get, path = "/faults", tag = "Faults",
    responses((status = 200, body = FaultList))
)]
pub(super) async fn list(State(control): Shared) -> Json<FaultList> {
    let faults = control.armed();
    Json(FaultList { faults })
}

/// Takes all rules away.
#[utoipa::path(
    delete, path = "/faults", tag = "Faults",
    responses((status = 204, description = "There are none now"))
)]
pub(super) async fn clear(State(control): Shared) -> Result<StatusCode, Problem> {
    control.engine().disarm_all().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes one rule away. One whose `count` is used up is gone already.
#[utoipa::path(
    delete, path = "/faults/{id}", tag = "Faults", params(FaultPath),
    responses(
        (status = 204, description = "Gone"),
        (status = 404, description = "No such rule", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn remove(
    State(control): Shared,
    Named(path): Named<FaultPath>,
) -> Result<StatusCode, Problem> {
    let id = path.id;
    if control.engine().disarm(id).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let detail = format!("there is no rule {id}; GET /control/v1/faults lists those in force");
    Err(Problem::not_found("fault_unknown", detail))
}
