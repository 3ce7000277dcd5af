//! The public interface of Enhetsregisteret, asked over the network.
//!
//! `GET {base}/enhetsregisteret/api/enheter/{orgno}` by way of a courier of its own: the same
//! limits, certificates and refusal of redirects as for merchants. Plain HTTP is for local and
//! private hosts only, as everywhere.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::{civil::Date, tz::TimeZone};
use sandkasse_courier::{Courier, CourierConfig, SystemResolver};
use sandkasse_domain::{
    merchant::{Merchant, OrgForm, Registered},
    sales_unit::UrlPolicy,
};
use sandkasse_engine::WallClock;
use sandkasse_store::{CallFailure, CallOutcome};
use serde::Deserialize;

use super::{NoAnswer, Register};
use crate::address::BaseUrl;

/// It answers within this time, or not at all. How long an answer may be is the courier's limit.
const LIMIT: Duration = Duration::from_secs(5);
/// Only organisations with numbers of this length are Norwegian.
const NORWEGIAN_DIGITS: usize = 9;

/// The register behind `register_url`.
pub(crate) struct Remote {
    base: BaseUrl,
    courier: Courier,
    clock: Arc<dyn WallClock>,
}

/// An organisation as the register writes it, as far as it is read. A deleted one has no form.
#[derive(Deserialize)]
struct Enhet {
    organisasjonsnummer: String,
    navn: Option<String>,
    organisasjonsform: Option<Form>,
    slettedato: Option<Date>,
}

#[derive(Deserialize)]
struct Form {
    kode: String,
}

impl Remote {
    pub(crate) fn new(base: BaseUrl, clock: Arc<dyn WallClock>) -> Remote {
        let config = CourierConfig {
            // Whoever runs the platform chose the address; nobody else can.
            ports: base.port().into_iter().collect(),
            ..CourierConfig::default()
        };
        Remote {
            base,
            courier: Courier::new(config, Arc::new(SystemResolver)),
            clock,
        }
    }

    fn read(
        &self,
        merchant: &Merchant,
        outcome: &CallOutcome,
    ) -> Result<Option<Registered>, NoAnswer> {
        let body = outcome.answer.as_deref().unwrap_or_default();
        match (outcome.status, &outcome.failure) {
            (Some(200), None) => {
                let enhet = parse(merchant, body)?;
                Ok(Some(self.registered(merchant, enhet)))
            }
            // Removed from what is public; what is left of it may say when it was deleted.
            (Some(410), _) => {
                let mut row = match parse(merchant, body) {
                    Ok(enhet) => self.registered(merchant, enhet),
                    Err(_) => merchant.registered(),
                };
                row.deleted_on = row.deleted_on.or_else(|| Some(self.since(merchant)));
                Ok(Some(row))
            }
            (Some(404), _) => Ok(None),
            (_, Some(failure)) => Err(NoAnswer(told(failure))),
            (status, None) => Err(NoAnswer(format!("status {status:?}"))),
        }
    }

    fn registered(&self, merchant: &Merchant, enhet: Enhet) -> Registered {
        let own = merchant.registered();
        Registered {
            orgno: own.orgno,
            name: enhet.navn.unwrap_or(own.name),
            form: enhet
                .organisasjonsform
                .map_or(own.form, |form| OrgForm(form.kode)),
            deleted_on: enhet.slettedato,
        }
    }

    /// Where the register does not say when: the day it was noticed first.
    fn since(&self, merchant: &Merchant) -> Date {
        let known = merchant.register.as_ref();
        known
            .and_then(|entry| entry.deleted_on)
            .unwrap_or_else(|| self.clock.now().to_zoned(TimeZone::UTC).date())
    }
}

#[async_trait]
impl Register for Remote {
    async fn ask(&self, merchant: &Merchant) -> Result<Option<Registered>, NoAnswer> {
        let orgno = &merchant.orgno.0;
        if orgno.len() != NORWEGIAN_DIGITS || !orgno.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(None);
        }
        let base = self.base.as_str();
        let url = format!("{base}/enhetsregisteret/api/enheter/{orgno}");
        let outcome = self.courier.get(&url, UrlPolicy::Local, LIMIT).await;
        self.read(merchant, &outcome)
    }
}

fn parse(merchant: &Merchant, body: &str) -> Result<Enhet, NoAnswer> {
    let enhet: Enhet = serde_json::from_str(body)
        .map_err(|error| NoAnswer(format!("the answer cannot be read: {error}")))?;
    if enhet.organisasjonsnummer == merchant.orgno.0 {
        Ok(enhet)
    } else {
        Err(NoAnswer(format!(
            "the answer is about {}",
            enhet.organisasjonsnummer
        )))
    }
}

fn told(failure: &CallFailure) -> String {
    serde_json::to_string(failure).expect("plain enums always serialise")
}
