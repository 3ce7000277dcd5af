//! Who acts for which sales unit: one function for every API (reference: partner-keys.md §5.1,
//! platform.md §5).
//!
//! A sales unit's keys act for that unit, and any MSN sent must be its own. A partner's keys act
//! for the linked unit that the *header* names; the body's MSN, if any, must be the same one.

use std::sync::Arc;

use http::HeaderMap;
use sandkasse_domain::{Environment, Msn, partner::Partner};
use sandkasse_engine::{Engine, Unit, directory::Client};

use crate::{
    GateCause, Step, Trace,
    cause::{MsnIs, PartnerFault},
    near,
    sent::{MSN, header},
};

/// Keys that fit together: whose they are is proved.
#[derive(Clone)]
pub struct Keyring {
    /// Whose they are.
    pub client: Client,
    /// The subscription key sent, if any.
    pub subscription_key: Option<String>,
}

/// Who calls, and for which sales unit: proved by keys and MSN.
#[derive(Clone)]
pub struct Caller {
    /// The sales unit acted for.
    pub unit: Arc<Unit>,
    /// Whose keys these are.
    pub by: ActingBy,
    /// The subscription key sent, if any.
    pub subscription_key: Option<String>,
}

/// Whose keys act for a sales unit.
#[derive(Clone)]
pub enum ActingBy {
    /// Its own.
    Itself,
    /// Its partner's.
    Partner(Arc<Partner>),
}

/// Finds the sales unit acted for, or why there is none. `in_body` is the MSN that stands in the
/// body, as far as one can be found there; only the explanation uses it.
pub(crate) fn acting(
    engine: &Engine,
    environment: Environment,
    keyring: &Keyring,
    headers: &HeaderMap,
    in_body: Option<&str>,
) -> Result<Caller, GateCause> {
    let named = header(headers, MSN).filter(|msn| !msn.is_empty());
    let caller = |unit: &Arc<Unit>, by| Caller {
        unit: unit.clone(),
        by,
        subscription_key: keyring.subscription_key.clone(),
    };
    match &keyring.client {
        Client::Unit(unit) => match named {
            Some(msn) if msn != unit.facts.msn.as_str() => Err(not_yours(engine, unit, msn, true)),
            Some(_) | None => Ok(caller(unit, ActingBy::Itself)),
        },
        Client::Partner(partner) => {
            let unit = linked(engine, environment, partner, named, headers, in_body)?;
            Ok(caller(&unit, ActingBy::Partner(partner.clone())))
        }
        Client::Psp(_) => Err(GateCause::KeysWithoutRight { kind: "psp".into() }),
        Client::Office(keys) => Err(GateCause::KeysWithoutRight {
            kind: keys.kind.name().into(),
        }),
    }
}

fn linked(
    engine: &Engine,
    environment: Environment,
    partner: &Partner,
    named: Option<&str>,
    headers: &HeaderMap,
    in_body: Option<&str>,
) -> Result<Arc<Unit>, GateCause> {
    let Some(named) = named else {
        return Err(GateCause::PartnerMsnMissing {
            misspelt: near::misspelt(headers, MSN),
            in_body: in_body.map(str::to_owned),
        });
    };
    let refused = |fault| GateCause::PartnerMsn {
        msn: named.to_owned(),
        fault,
    };
    if !named.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused(PartnerFault::NotDigits));
    }
    if named == partner.own_number.as_str() {
        return Err(refused(PartnerFault::OwnNumber));
    }
    let of = |environment| {
        let msn = Msn::try_new(named)?;
        engine.directory.of(environment).unit(&msn).cloned()
    };
    match of(environment) {
        Some(unit) if unit.facts.partner.as_ref() == Some(&partner.id) => Ok(unit),
        Some(_) => Err(refused(PartnerFault::NotLinked)),
        None => Err(GateCause::PartnerMsnUnknown {
            msn: named.to_owned(),
            elsewhere: of(environment.other()).is_some(),
        }),
    }
}

impl Caller {
    /// Step 9: the body's MSN is the one acted for. Only a well-formed one is looked at here; what
    /// is missing or has other characters waits for the fields.
    pub fn msn_body(
        &self,
        engine: &Engine,
        msn: Option<&str>,
        trace: &mut Trace,
    ) -> Result<(), GateCause> {
        let Some(msn) = msn.filter(|msn| Msn::try_new(msn).is_some()) else {
            return Ok(());
        };
        let acted_for = self.unit.facts.msn.as_str();
        if msn == acted_for {
            trace.passed(Step::MsnBody, "the one acted for");
            return Ok(());
        }
        Err(match &self.by {
            ActingBy::Itself => not_yours(engine, &self.unit, msn, false),
            ActingBy::Partner(_) => GateCause::PartnerMsn {
                msn: msn.to_owned(),
                fault: PartnerFault::BodyDiffers {
                    header: acted_for.to_owned(),
                },
            },
        })
    }
}

/// An MSN that a sales unit's keys do not open. Whose it is shows only if it is the same merchant's.
fn not_yours(engine: &Engine, yours: &Unit, msn: &str, in_header: bool) -> GateCause {
    let here = yours.facts.environment;
    let own = |environment: Environment| {
        let directory = engine.directory.of(environment);
        let unit = Msn::try_new(msn).and_then(|msn| directory.unit(&msn).cloned());
        unit.is_some_and(|unit| unit.facts.merchant == yours.facts.merchant)
    };
    let is = if own(here) {
        Some(MsnIs::OwnOther)
    } else {
        own(here.other()).then_some(MsnIs::OwnElsewhere)
    };
    GateCause::MsnNotYours {
        msn: msn.to_owned(),
        yours: yours.facts.msn.clone(),
        in_header,
        is,
    }
}
