//! What persons let sales units know, and under which names units know persons.

use std::{collections::BTreeSet, sync::Arc};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sandkasse_domain::{
    Environment, Msn, OrderId, PhoneNumber, Timestamp,
    consent::{Consent, Scope},
    payment::{Checkout, Event, Happened, Payment},
    person::{Person, PersonId},
};
use sandkasse_store::{Commit, CommitError, StoreError, StoredEvent, Write};
use serde::{Deserialize, Serialize};

use crate::{Engine, Refused, Unit, consent_stream, intent::At, lanes::Turn, outgoing, unreadable};

/// The name of the secret that pairwise ids are made with.
pub(crate) const PAIRWISE_SECRET: &str = "pairwise";

impl Engine {
    /// What an approval among `happened` changes of the payer's consent, with the turn that keeps
    /// other approvals of that person away from it until the commit is made.
    ///
    /// The payment's own lane is entered before this one, always.
    pub(crate) async fn consent_change(
        &self,
        unit: &Unit,
        payment: &Payment,
        happened: &[Happened],
    ) -> Result<Option<(Write, Turn<'_>)>, CommitError> {
        let order = &payment.order;
        let approved = happened.iter().find_map(|happened| {
            if let Event::Reserved { grant } = &happened.event {
                Some((happened.at, &grant.payer.person))
            } else {
                None
            }
        });
        let Some((at, person)) = approved.filter(|_| order.shares_data()) else {
            return Ok(None);
        };
        let sub = self.sub(unit.facts.environment, &unit.facts.msn, person);
        let turn = self
            .lanes
            .enter(&unit.partition(), &consent_stream(&sub))
            .await
            .ok_or(CommitError::Conflict)?;
        let (expected, mut consent) = match self.stored_consent(unit, &sub).await? {
            Some((version, consent)) => (Some(version), consent),
            None => (None, Consent::new(person.clone())),
        };
        consent.grant(&order.scope, at);
        if let Checkout::Express {
            consent_removal_prefix,
            ..
        } = &order.checkout
        {
            consent.removal_prefix.clone_from(consent_removal_prefix);
        }
        let event = ConsentEvent::Shared {
            order: &order.id,
            scopes: &order.scope,
        };
        Ok(Some((write(&sub, expected, &consent, at, &event)?, turn)))
    }

    /// What the consent card of a payment lists: what the sales unit asks to know, and this person has not let it know yet.
    /// Nothing: there is no card.
    pub async fn not_shared_yet(
        &self,
        unit: &Unit,
        payment: &Payment,
        person: &PersonId,
    ) -> Result<BTreeSet<Scope>, StoreError> {
        let scope = &payment.order.scope;
        if scope.is_empty() {
            return Ok(BTreeSet::new());
        }
        let sub = self.sub(unit.facts.environment, &unit.facts.msn, person);
        let consent = self.consent(unit, &sub).await?;
        Ok(consent.map_or_else(|| scope.clone(), |it| scope - &it.granted))
    }

    /// A person's name at one sales unit. The same through every product of the unit, so it needs
    /// no table (reference: userinfo.md, ruling 8).
    pub fn sub(&self, environment: Environment, msn: &Msn, person: &PersonId) -> String {
        let bytes = self.pairwise("sub", environment, msn, person);
        uuid::Builder::from_random_bytes(bytes)
            .into_uuid()
            .to_string()
    }

    /// A person's name in express payments: 24 characters of Base64.
    pub fn express_user_id(
        &self,
        environment: Environment,
        msn: &Msn,
        person: &PersonId,
    ) -> String {
        STANDARD.encode(self.pairwise("express", environment, msn, person))
    }

    fn pairwise(
        &self,
        label: &str,
        environment: Environment,
        msn: &Msn,
        person: &PersonId,
    ) -> [u8; 16] {
        let snapshot = self.directory.of(environment);
        let secret = snapshot.secret(PAIRWISE_SECRET).unwrap_or_default();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, format!("{label}\n{msn}\n{}", person.0).as_bytes());
        let mut first = [0; 16];
        first
            .iter_mut()
            .zip(tag.as_ref())
            .for_each(|(to, from)| *to = *from);
        first
    }

    /// A person gets another number. For sales units that is another person: there is a new `sub`,
    /// and the old one leads nowhere (reference: userinfo.md, ruling 8).
    pub async fn change_number(
        &self,
        environment: Environment,
        person: &PersonId,
        number: PhoneNumber,
    ) -> Result<Option<Arc<Person>>, StoreError> {
        let id = PersonId(self.chance.uuid().to_string());
        let change = |person: &mut Person| {
            person.id = id.clone();
            person.phone = number.clone();
        };
        self.directory
            .change_person(environment, person, change)
            .await
    }

    /// What a person lets a sales unit know, by the person's `sub` there.
    pub async fn consent(&self, unit: &Unit, sub: &str) -> Result<Option<Consent>, StoreError> {
        Ok(self
            .stored_consent(unit, sub)
            .await?
            .map(|(_, consent)| consent))
    }

    async fn stored_consent(
        &self,
        unit: &Unit,
        sub: &str,
    ) -> Result<Option<(u64, Consent)>, StoreError> {
        let record = self
            .store
            .load(&unit.partition(), &consent_stream(sub))
            .await?;
        record
            .map(|record| {
                let consent = serde_json::from_str(&record.body)
                    .map_err(|error| unreadable("a consent", &error))?;
                Ok((record.version, consent))
            })
            .transpose()
    }

    /// The person takes back what a sales unit may know; the shop is told. `false` when there was
    /// nothing to take back.
    pub async fn revoke(&self, unit: &Arc<Unit>, person: &PersonId) -> Result<bool, Refused> {
        let (environment, msn) = (unit.facts.environment, &unit.facts.msn);
        let sub = self.sub(environment, msn, person);
        let _pace = self.pace(unit, At::Now, false).await?;
        let _turn = self
            .lanes
            .enter(&unit.partition(), &consent_stream(&sub))
            .await
            .ok_or_else(|| Refused::Fault("a consent stayed taken".to_owned()))?;
        loop {
            let now = self.now(unit);
            let Some((version, mut consent)) = self.stored_consent(unit, &sub).await? else {
                return Ok(false);
            };
            if consent.granted.is_empty() && consent.removal_prefix.is_none() {
                return Ok(false);
            }
            consent.granted.clear();
            let prefix = consent.removal_prefix.take();
            let call = prefix.map(|prefix| {
                let id = self.chance.uuid().to_string();
                let user_id = self.express_user_id(environment, msn, person);
                outgoing::consent_removal(id, &prefix, &user_id, now)
            });
            let event = ConsentEvent::Revoked {
                call: call.as_ref().map(|call| call.id.as_str()),
            };
            let commit = Commit {
                partition: unit.partition(),
                writes: vec![write(&sub, Some(version), &consent, now, &event)?],
                reply: None,
                calls: call.into_iter().collect(),
            };
            match self.make(unit, commit, || {}).await {
                Ok(()) => return Ok(true),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
    }
}

/// What happened to a consent, as its history keeps it.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ConsentEvent<'a> {
    Shared {
        order: &'a OrderId,
        scopes: &'a BTreeSet<Scope>,
    },
    Revoked {
        /// The call by which the shop is told, if it wants to be.
        #[serde(skip_serializing_if = "Option::is_none")]
        call: Option<&'a str>,
    },
}

/// The same, as it is read.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum KeptEvent {
    Shared {
        scopes: BTreeSet<Scope>,
    },
    Revoked {
        #[serde(default)]
        call: Option<String>,
    },
}

fn write(
    sub: &str,
    expected: Option<u64>,
    consent: &Consent,
    at: Timestamp,
    event: &ConsentEvent<'_>,
) -> Result<Write, StoreError> {
    let wrong = |error: serde_json::Error| unreadable("a consent", &error);
    Ok(Write {
        stream: consent_stream(sub),
        expected,
        body: serde_json::to_string(consent).map_err(wrong)?,
        deadline: None,
        events: vec![StoredEvent {
            at,
            body: serde_json::to_string(event).map_err(wrong)?,
        }],
    })
}
