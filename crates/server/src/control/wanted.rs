//! Which calls somebody wants to see: of merchants, and to them.

use sandkasse_domain::{Environment, Msn};
use sandkasse_inspect::{Among, Found, NO_OPERATION, Record};
use sandkasse_store::{CallRecord, CallState};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::Control;

/// So many calls are looked at for one list. Of more, the list says where to go on.
const LOOKED_AT: usize = 10_000;
/// The same when their texts are read.
const READ: usize = 4_000;

/// Which calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// `test` or `production`; both if left out.
    #[param(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) environment: Option<Environment>,
    /// Calls for this sales unit.
    #[param(value_type = Option<String>, example = "220001")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) msn: Option<Msn>,
    /// Calls of this operation.
    #[param(example = "POST /ecomm/v2/payments")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) operation: Option<String>,
    /// Calls answered with this status.
    #[param(example = 401)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// Only refused calls, or only successes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<bool>,
    /// Calls refused for this cause.
    #[param(example = "subkey.unknown")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
    /// Calls that have this text in path or body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
}

/// Which ones, in pages.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RequestFilter {
    /// `test` or `production`; both if left out.
    #[param(value_type = Option<String>)]
    environment: Option<Environment>,
    /// Calls for this sales unit.
    #[param(value_type = Option<String>, example = "220001")]
    msn: Option<Msn>,
    /// Calls of this operation.
    #[param(example = "POST /ecomm/v2/payments")]
    operation: Option<String>,
    /// Calls answered with this status.
    #[param(example = 401)]
    status: Option<u16>,
    /// Only refused calls, or only successes.
    refused: Option<bool>,
    /// Calls refused for this cause.
    #[param(example = "subkey.unknown")]
    cause: Option<String>,
    /// Calls that have this text in path or body.
    text: Option<String>,
    /// Older than this number.
    pub(crate) before: Option<u64>,
    /// At most so many; 100 if left out, never more than 1000.
    pub(crate) limit: Option<usize>,
}

impl RequestFilter {
    /// Without the page.
    pub(crate) fn wanted(&self) -> Wanted {
        Wanted {
            environment: self.environment,
            msn: self.msn.clone(),
            operation: self.operation.clone(),
            status: self.status,
            refused: self.refused,
            cause: self.cause.clone(),
            text: self.text.clone(),
        }
    }
}

impl Wanted {
    /// Whether a call of a merchant is wanted.
    pub(crate) fn fits(&self, record: &Record) -> bool {
        self.environment.is_none_or(|it| it == record.environment)
            && (self.msn.is_none() || self.msn == record.unit)
            && self.status.is_none_or(|it| it == record.status)
            && self.refused.is_none_or(|it| it == record.why.is_some())
            && self
                .cause
                .as_deref()
                .is_none_or(|it| record.cause() == Some(it))
            && self
                .operation
                .as_deref()
                .is_none_or(|it| record.operation().unwrap_or(NO_OPERATION) == it)
            && self
                .text
                .as_deref()
                .is_none_or(|it| record.path().contains(it) || record.body().contains(it))
    }

    /// Whether a call to a merchant is wanted. Its operation is what it is for, and its cause why
    /// it failed.
    pub(crate) fn fits_call(&self, record: &CallRecord) -> bool {
        let outcome = match &record.state {
            CallState::Done { outcome, .. } => Some(outcome),
            CallState::Owed | CallState::Begun { .. } | CallState::Interrupted { .. } => None,
        };
        let cause = super::calls::trouble(record);
        let call = &record.call;
        let has = |text: &str| {
            call.url.contains(text) || call.body.as_deref().is_some_and(|it| it.contains(text))
        };
        let place = &record.partition;
        self.environment.is_none_or(|it| it == place.environment)
            && self.msn.as_ref().is_none_or(|it| *it == place.msn)
            && self
                .status
                .is_none_or(|it| outcome.is_some_and(|out| out.status == Some(it)))
            && self.refused.is_none_or(|it| it == cause.is_some())
            && self.cause.as_deref().is_none_or(|it| cause == Some(it))
            && self
                .operation
                .as_deref()
                .is_none_or(|it| it == call.purpose.name())
            && self.text.as_deref().is_none_or(has)
    }

    fn among(&self) -> Among {
        let Some(msn) = &self.msn else {
            return Among::All;
        };
        let both = Environment::ALL.into_iter();
        let wanted = both.filter(|it| self.environment.is_none_or(|wanted| wanted == *it));
        Among::Units(wanted.map(|it| (it, Some(msn.clone()))).collect())
    }
}

impl Control {
    /// The newest calls of merchants that are wanted.
    pub(crate) fn calls_found(&self, wanted: &Wanted, before: Option<u64>, limit: usize) -> Found {
        let most = if wanted.text.is_some() {
            READ
        } else {
            LOOKED_AT
        };
        let journal = &self.inspector.journal;
        journal.newest(&wanted.among(), before, limit, most, |it| wanted.fits(it))
    }
}
