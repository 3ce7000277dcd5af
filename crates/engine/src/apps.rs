//! What a person sees in the app: payment requests and past payments, at whichever sales units.
//!
//! A commit that brings a payment to a person also writes a record of [`Kind::InApp`] into the
//! sales unit's partition, whose name begins with the person and goes on with the moment, newest
//! first. So one unit's part of an app is one short range of names. At which units a person was
//! ever seen stands in memory only, for those persons whose app was looked at: the first look
//! asks every unit of the environment, one after the other; later commits add theirs.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use jiff::SignedDuration;
use parking_lot::Mutex;
use sandkasse_domain::{Environment, Msn, Timestamp, consent::Consent, person::PersonId};
use sandkasse_store::{Kind, Partition, StoreError, StreamId, Write};

use crate::{Engine, Refused, Unit, View, draft::Draft, draft::in_app_of};

/// A request is open for five minutes, and for five more when the payer logged in.
const OPEN_FOR: SignedDuration = SignedDuration::from_mins(10);
/// Where payments may live long, for so long.
const LONG_OPEN_FOR: SignedDuration = SignedDuration::from_hours(60 * 24);
/// No more are looked at for one sales unit.
const MOST_OF_A_UNIT: usize = 200;

/// At which sales units persons were seen, of those whose app was looked at.
#[derive(Default)]
pub(crate) struct Apps {
    seen: Mutex<HashMap<(Environment, PersonId), Seen>>,
}

/// Where one person was seen.
#[derive(Clone, Default)]
struct Seen {
    units: BTreeSet<Msn>,
    /// Whether the store was asked about what was before.
    is_complete: bool,
}

impl Apps {
    /// Payments of this unit came to these persons.
    pub(crate) fn note(&self, partition: &Partition, persons: &[PersonId]) {
        if persons.is_empty() {
            return;
        }
        let mut seen = self.seen.lock();
        for person in persons {
            let known = seen.get_mut(&(partition.environment, person.clone()));
            if let Some(known) = known {
                known.units.insert(partition.msn.clone());
            }
        }
    }

    pub(crate) fn clear(&self) {
        self.seen.lock().clear();
    }
}

/// A payment in somebody's app.
#[derive(Clone, Debug)]
pub struct InApp {
    /// Who is paid.
    pub unit: Arc<Unit>,
    /// The payment, its history, and the moment of looking on the unit's clock.
    pub view: View,
}

impl InApp {
    /// Whether the person is asked to decide.
    pub fn is_open(&self) -> bool {
        self.view.payment.open().is_some()
    }
}

impl View {
    /// In whose app the payment is now, or was last.
    pub fn whose(&self) -> Option<&PersonId> {
        let last = self.history.iter().rev();
        last.filter_map(|happened| in_app_of(&happened.event))
            .map(|payer| &payer.person)
            .next()
    }

    /// Whether the payment was ever in this person's app.
    pub fn was_seen_by(&self, person: &PersonId) -> bool {
        let mut seen_by = self.history.iter().filter_map(|it| in_app_of(&it.event));
        seen_by.any(|payer| payer.person == *person)
    }
}

impl Engine {
    /// What is in a person's app: every open request, and the newest payments up to `limit`, the
    /// newest first. A payment that was given to somebody else's number is in that person's.
    pub async fn in_app(
        &self,
        environment: Environment,
        person: &PersonId,
        limit: usize,
    ) -> Result<Vec<InApp>, Refused> {
        let mut all = Vec::new();
        for unit in self.units_of(environment, person).await? {
            all.extend(self.in_app_at(&unit, person, limit).await?);
        }
        // The clocks of two units cannot be compared, but real time can.
        all.sort_by_key(|it| {
            let newest = it.unit.real(it.view.payment.initiated_at);
            (!it.is_open(), Reverse(newest))
        });
        let open = all.iter().filter(|it| it.is_open()).count();
        all.truncate(limit.max(open));
        Ok(all)
    }

    async fn in_app_at(
        &self,
        unit: &Arc<Unit>,
        person: &PersonId,
        limit: usize,
    ) -> Result<Vec<InApp>, Refused> {
        let prefix = of_person(person);
        let partition = unit.partition();
        let most = MOST_OF_A_UNIT.max(limit);
        let names = self
            .store
            .list(&partition, Kind::InApp, &prefix, None, most)
            .await?;
        let now = self.now(unit);
        let open_for = if unit.facts.long_living {
            LONG_OPEN_FOR
        } else {
            OPEN_FOR
        };
        let mut found = Vec::new();
        for (name, _) in names {
            let Some((initiated_at, order)) = read_name(&name, &prefix) else {
                let text = format!("{name:?} names no payment in an app");
                return Err(StoreError(text).into());
            };
            let may_be_open = now.duration_since(initiated_at) <= open_for;
            if found.len() >= limit && !may_be_open {
                break;
            }
            let view = self.view(unit, order).await?;
            if view.whose() == Some(person) {
                let unit = unit.clone();
                found.push(InApp { unit, view });
            }
        }
        Ok(found)
    }

    /// What sales units may know of a person.
    pub async fn consents_of(
        &self,
        environment: Environment,
        person: &PersonId,
    ) -> Result<Vec<(Arc<Unit>, Consent)>, StoreError> {
        let mut found = Vec::new();
        for unit in self.units_of(environment, person).await? {
            let sub = self.sub(environment, &unit.facts.msn, person);
            if let Some(consent) = self.consent(&unit, &sub).await?
                && (!consent.granted.is_empty() || consent.removal_prefix.is_some())
            {
                found.push((unit, consent));
            }
        }
        Ok(found)
    }

    /// The sales units at which a person was seen, by number.
    async fn units_of(
        &self,
        environment: Environment,
        person: &PersonId,
    ) -> Result<Vec<Arc<Unit>>, StoreError> {
        let key = (environment, person.clone());
        let snapshot = self.directory.of(environment);
        // From here on commits add theirs, so that what happens while the store is asked is not
        // missed.
        let known = self
            .apps
            .seen
            .lock()
            .entry(key.clone())
            .or_default()
            .clone();
        let known = if known.is_complete {
            known.units
        } else {
            let prefix = of_person(person);
            let found = self.store.units_with(environment, Kind::InApp, &prefix);
            let found = found.await?;
            let mut seen = self.apps.seen.lock();
            let known = seen.entry(key).or_default();
            known.units.extend(found);
            // What other nodes commit is not told to this one, so there each look asks again.
            known.is_complete = self.store.nodes().is_none();
            known.units.clone()
        };
        let units = known.iter().filter_map(|msn| snapshot.unit(msn).cloned());
        Ok(units.collect())
    }

    /// The records by which these persons' apps find the payment, unless they are there already.
    pub(crate) async fn came_to_apps(
        &self,
        unit: &Unit,
        draft: &Draft,
        persons: &[PersonId],
    ) -> Result<Vec<Write>, StoreError> {
        let mut writes: Vec<Write> = Vec::new();
        let Some(payment) = &draft.payment else {
            return Ok(writes);
        };
        for person in persons {
            let stream = StreamId {
                kind: Kind::InApp,
                name: name(person, payment.initiated_at, payment.order.id.as_str()),
            };
            if writes.iter().any(|write| write.stream == stream) {
                continue;
            }
            // Of a new payment nothing is stored yet.
            let is_known = draft.version.is_some()
                && self.store.load(&unit.partition(), &stream).await?.is_some();
            if !is_known {
                writes.push(Write {
                    stream,
                    expected: None,
                    body: "{}".to_owned(),
                    deadline: None,
                    events: vec![],
                });
            }
        }
        Ok(writes)
    }
}

fn of_person(person: &PersonId) -> String {
    format!("{}/", person.0)
}

/// Names are sorted upwards, so the moment counts down.
pub(crate) fn name(person: &PersonId, initiated_at: Timestamp, order: &str) -> String {
    let left = i64::MAX.saturating_sub(initiated_at.as_millisecond());
    format!("{}{left:019}/{order}", of_person(person))
}

/// Moment and order of a name.
fn read_name<'a>(name: &'a str, prefix: &str) -> Option<(Timestamp, &'a str)> {
    let (left, order) = name.strip_prefix(prefix)?.split_once('/')?;
    let at = i64::MAX.saturating_sub(left.parse().ok()?);
    Some((Timestamp::from_millisecond(at).ok()?, order))
}
