//! How many calls there were, and how many failed: by operation and cause, over time.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use sandkasse_domain::{Environment, Timestamp};
use sandkasse_inspect::{Pace, Series};
use sandkasse_store::CallRecord;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Control, Problem, Shared, calls::CallView, extract::Asked, schemas, wanted::Wanted};

/// So many failed calls to merchants are listed.
const FAILED: usize = 50;
/// They are looked for among so many.
const LOOKED_AT: usize = 2_000;

/// How far back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Span {
    /// An hour, in minutes.
    #[default]
    #[serde(rename = "1h")]
    Hour,
    /// Six hours, in steps of five minutes.
    #[serde(rename = "6h")]
    Hours,
    /// A day, in hours.
    #[serde(rename = "24h")]
    Day,
    /// A week, in steps of three hours.
    #[serde(rename = "7d")]
    Week,
}

impl Span {
    pub(crate) const ALL: [Span; 4] = [Span::Hour, Span::Hours, Span::Day, Span::Week];

    /// As in an address.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Span::Hour => "1h",
            Span::Hours => "6h",
            Span::Day => "24h",
            Span::Week => "7d",
        }
    }

    /// For people.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Span::Hour => "Last hour",
            Span::Hours => "Last 6 hours",
            Span::Day => "Last 24 hours",
            Span::Week => "Last 7 days",
        }
    }

    fn steps(self) -> (Pace, u16) {
        match self {
            Span::Hour => (Pace::Minutes(1), 60),
            Span::Hours => (Pace::Minutes(5), 72),
            Span::Day => (Pace::Hours(1), 24),
            Span::Week => (Pace::Hours(3), 56),
        }
    }
}

/// Which time.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DashboardFilter {
    /// `1h` (the default), `6h`, `24h` or `7d`.
    #[param(value_type = Option<String>, example = "24h")]
    pub(crate) span: Span,
}

/// Counts of both environments.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Dashboard {
    /// When each step begins, oldest first; the last one is not over yet.
    #[schema(value_type = Vec<String>)]
    starts: Vec<Timestamp>,
    environments: Vec<OfEnvironment>,
    /// Calls to merchants that failed, newest first.
    failed_calls: Vec<CallView>,
}

/// Counts of one environment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfEnvironment {
    #[schema(schema_with = schemas::environment)]
    pub(crate) environment: Environment,
    pub(crate) all: Counts,
    /// By operation, the most called first.
    pub(crate) operations: Vec<OfOperation>,
    /// By operation and cause, the most frequent first.
    pub(crate) causes: Vec<OfCause>,
}

/// Calls, and those of them that were refused.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct Counts {
    pub(crate) calls: u64,
    pub(crate) errors: u64,
    /// Calls in each step.
    pub(crate) calls_by_step: Vec<u64>,
    /// Refused ones in each step.
    pub(crate) errors_by_step: Vec<u64>,
}

/// Counts of one operation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfOperation {
    #[schema(example = "POST /ecomm/v2/payments")]
    pub(crate) operation: &'static str,
    #[serde(flatten)]
    pub(crate) counts: Counts,
}

/// How often an operation was refused for a cause.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfCause {
    pub(crate) operation: &'static str,
    #[schema(example = "subkey.unknown")]
    pub(crate) cause: &'static str,
    pub(crate) status: u16,
    pub(crate) errors: u64,
    /// In each step.
    pub(crate) errors_by_step: Vec<u64>,
}

impl Counts {
    fn add(&mut self, by_step: &[u64], refused: bool) {
        let sum: u64 = by_step.iter().sum();
        add_up(&mut self.calls_by_step, by_step);
        self.calls += sum;
        if refused {
            self.errors += sum;
            add_up(&mut self.errors_by_step, by_step);
        } else {
            add_up(&mut self.errors_by_step, &vec![0; by_step.len()]);
        }
    }
}

fn add_up(sums: &mut Vec<u64>, more: &[u64]) {
    sums.resize(more.len(), 0);
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum += more;
    }
}

impl OfEnvironment {
    fn of(environment: Environment, series: &Series) -> OfEnvironment {
        let mut all = Counts::default();
        let mut operations: BTreeMap<&'static str, Counts> = BTreeMap::new();
        let mut causes = Vec::new();
        all.add(&vec![0; series.starts.len()], false);
        for (counted, by_step) in &series.counts {
            let errors: u64 = by_step.iter().sum();
            if errors == 0 {
                continue;
            }
            all.add(by_step, counted.cause.is_some());
            let of = operations.entry(counted.operation).or_default();
            of.add(by_step, counted.cause.is_some());
            causes.extend(counted.cause.map(|cause| OfCause {
                operation: counted.operation,
                cause,
                status: counted.status,
                errors,
                errors_by_step: by_step.clone(),
            }));
        }
        let named = |(operation, counts)| OfOperation { operation, counts };
        let mut operations: Vec<OfOperation> = operations.into_iter().map(named).collect();
        operations.sort_by_key(|it| std::cmp::Reverse(it.counts.calls));
        causes.sort_by_key(|it| std::cmp::Reverse(it.errors));
        OfEnvironment {
            environment,
            all,
            operations,
            causes,
        }
    }
}

impl Control {
    /// Counts of all calls: when each step begins, and both environments.
    pub(crate) fn counts(&self, span: Span) -> (Vec<Timestamp>, [OfEnvironment; 2]) {
        let now = self.engine().clock.now();
        let (pace, steps) = span.steps();
        let tally = &self.inspector.tally;
        let mut starts = Vec::new();
        let environments = Environment::ALL.map(|environment| {
            let series = tally.series(environment, pace, steps, now);
            starts.clone_from(&series.starts);
            OfEnvironment::of(environment, &series)
        });
        (starts, environments)
    }

    /// The newest failed calls to merchants.
    pub(crate) async fn failed_calls(&self) -> Result<Vec<CallRecord>, Problem> {
        let failed = Wanted {
            refused: Some(true),
            ..Wanted::default()
        };
        let found = self
            .outgoing_found(&failed, None, FAILED, LOOKED_AT)
            .await?;
        Ok(found.calls.into_iter().map(|(_, record)| record).collect())
    }
}

/// Counts all calls of merchants by operation and cause over time, in both environments, and lists
/// failed calls to merchants.
#[utoipa::path(
    get, path = "/dashboard", tag = "Explanations", params(DashboardFilter),
    responses(
        (status = 200, body = Dashboard),
        (status = "default", description = "Refused", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(control): Shared,
    Asked(filter): Asked<DashboardFilter>,
) -> Result<Json<Dashboard>, Problem> {
    let (starts, environments) = control.counts(filter.span);
    let calls = control.failed_calls().await?;
    Ok(Json(Dashboard {
        starts,
        environments: environments.into(),
        failed_calls: calls.into_iter().map(CallView::from).collect(),
    }))
}
