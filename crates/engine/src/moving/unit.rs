//! One sales unit: as it is now, and as it was.
//!
//! A snapshot holds everything of the unit and nothing of others: records, events, answers, calls,
//! its entry of the directory with keys and clock, its merchant's, and its registrations for
//! webhooks; a partner's are the partner's. Restoring it:
//!
//! * replaces all of the unit's rows in one transaction, while operations on it wait;
//! * never moves its clock back: it shows at least the moment of the snapshot, and what fell due
//!   meanwhile happens at once, each thing at its own moment;
//! * brings no key back: a unit that is there keeps its present keys, one that is not gets those of
//!   the snapshot. So it is with registrations, whose secrets are keys: one that was deleted since
//!   may have been replaced by another, and stays deleted, and what waits for it is dropped;
//! * sends no call again: those that were owed or being sent at the snapshot are interrupted,
//!   because the merchant may have got them.

use std::sync::Arc;

use jiff::SignedDuration;
use sandkasse_domain::{
    Environment, Msn, Timestamp,
    sales_unit::SalesUnit,
    webhook::{Owner, Registration},
};
use sandkasse_store::{
    CallState, CommitError, DirectoryEntry, Kind, Row, Store, StoreError,
    lines::{Counts, Header},
};
use sandkasse_vault::Vault;

use super::{Export, NotMoved, export::header};
use crate::{
    Engine, Refused, Unit,
    directory::{Change, entry, parse},
    intent::At,
};

impl Engine {
    /// A sales unit with everything of it, as of now.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn snapshot(&self, unit: &Arc<Unit>) -> Result<Export, StoreError> {
        let environment = unit.facts.environment;
        // Nothing happens to the unit between the look at its entry and the beginning of its rows.
        let _alone = unit.running.pace.write().await;
        let here = self.directory.of(environment);
        let unit = here.unit(&unit.facts.msn).unwrap_or(unit);
        let mut facts = unit.facts.clone();
        facts.clock_ahead_ms = unit.ahead_ms();
        let owner = Owner::Unit(facts.msn.clone());
        let mut changes = vec![
            Change::Merchant(environment, (*unit.merchant).clone()),
            Change::Unit(Box::new(facts)),
        ];
        let theirs = here.webhooks_of(&owner).iter();
        changes.extend(theirs.map(|it| Change::Webhook(environment, Box::new((**it).clone()))));
        let mut first = Vec::new();
        for change in &changes {
            let entry = entry(change, &self.vault)?;
            first.push(Row::Directory { entry, seal: None });
        }
        let rows = self.store.rows(Some(&unit.partition())).await?;
        let header = Header {
            unit: Some(format!("{environment}/{}", unit.facts.msn)),
            unit_clock: Some(self.now(unit)),
            ..header(self.clock.now(), &self.vault)
        };
        Ok(Export::begin(first, rows, &header, &self.vault))
    }

    /// Forgets everything of a sales unit but its entry of the directory: its keys, traits and clock
    /// stay.
    ///
    /// # Errors
    ///
    /// When the store fails; nothing is changed then.
    pub async fn empty(&self, unit: &Arc<Unit>) -> Result<(), Refused> {
        let _alone = self.pace(unit, At::Now, true).await?;
        let partition = unit.partition();
        match self.store.replace(&partition, Vec::new()).await {
            Ok(()) => {}
            Err(CommitError::Conflict) => {
                return Err(Refused::Fault("nothing was in conflict".to_owned()));
            }
            Err(CommitError::Store(error)) => return Err(error.into()),
        }
        self.apps.clear();
        Ok(())
    }

    /// Puts a snapshot in the place of what is there of its sales unit. See the module.
    ///
    /// # Errors
    ///
    /// When the snapshot holds something else than it should, or the store fails; nothing is
    /// changed then.
    pub async fn restore(
        &self,
        header: &Header,
        rows: Vec<Row>,
    ) -> Result<(Arc<Unit>, Counts), NotMoved> {
        let mut counts = Counts::default();
        rows.iter().for_each(|row| counts.add(row));
        let mut snapshot = self.open_snapshot(header, rows)?;
        let (environment, msn) = (snapshot.facts.environment, snapshot.facts.msn.clone());
        let partition = crate::partition(environment, &msn);
        let known = self.directory.of(environment).unit(&msn).cloned();
        let _alone = match &known {
            Some(unit) => Some(unit.running.pace.write().await),
            None => None,
        };
        if known.as_ref().is_some_and(|unit| unit.running.is_retired()) {
            let why = "the platform was reset meanwhile: try again";
            return Err(NotMoved::NotEmpty(why.to_owned()));
        }
        let here = self.directory.of(environment);
        self.adapt(&mut snapshot, here.unit(&msn), header);
        let ahead_ms = snapshot.facts.clock_ahead_ms;
        let mut changes = vec![Change::Unit(Box::new(snapshot.facts))];
        if let Change::Merchant(_, merchant) = &snapshot.merchant
            && here.merchant(&merchant.orgno).is_none()
        {
            changes.insert(0, snapshot.merchant);
        }
        if known.is_none() {
            let theirs = snapshot.webhooks.into_iter();
            // Ids are unique; if one is there already, it is somebody's who is here.
            let new = theirs.filter(|it| here.webhook(&it.id).is_none());
            changes.extend(new.map(|it| Change::Webhook(environment, Box::new(it))));
        }
        let mut rows = Vec::with_capacity(snapshot.rows.len() + 2);
        for change in &changes {
            let entry = entry(change, &self.vault)?;
            rows.push(Row::Directory { entry, seal: None });
        }
        rows.append(&mut snapshot.rows);
        self.store.replace(&partition, rows).await?;
        self.directory.catch_up().await?;
        let here = self.directory.of(environment);
        let unit = here.unit(&msn).cloned().ok_or_else(|| {
            StoreError("a sales unit that was restored is not in the directory".to_owned())
        })?;
        unit.running.set_ahead(ahead_ms);
        self.apps.clear();
        if let Some(deadline) = self.store.next_deadline(&partition, Kind::Payment).await? {
            self.agenda.note(&partition, deadline);
        }
        if let Some(deadline) = self.store.next_deadline(&partition, Kind::Delivery).await? {
            self.hooks.agenda.note(&partition, deadline);
        }
        Ok((unit, counts))
    }

    /// Reads what is in a snapshot, and that it is what it says.
    fn open_snapshot(&self, header: &Header, all: Vec<Row>) -> Result<Snapshot, NotMoved> {
        let damaged = |why: String| NotMoved::Damaged(why);
        let (mut merchant, mut facts, mut rows) = (None, None, Vec::with_capacity(all.len()));
        let mut webhooks = Vec::new();
        for row in all {
            if let Row::Directory { entry, .. } = &row {
                let change = self.open_entry(entry)?;
                if let Change::Unit(unit) = change {
                    facts = Some(*unit);
                } else if matches!(change, Change::Merchant(..)) {
                    merchant = Some(change);
                } else if let Change::Webhook(environment, webhook) = change {
                    webhooks.push((environment, webhook));
                } else {
                    return Err(damaged(format!("a {} is in it", entry.kind)));
                }
            } else {
                rows.push(row);
            }
        }
        let (Some(merchant), Some(facts)) = (merchant, facts) else {
            let why = "the sales unit's own entry, or its merchant's, is not in it";
            return Err(damaged(why.to_owned()));
        };
        let name = format!("{}/{}", facts.environment, facts.msn);
        if header.unit.as_ref() != Some(&name) {
            return Err(damaged(format!("it is of {name}, and says otherwise")));
        }
        let owner = Owner::Unit(facts.msn.clone());
        let is_theirs = |(environment, it): &(Environment, Box<Registration>)| {
            *environment == facts.environment && it.owner == owner
        };
        if !webhooks.iter().all(is_theirs) {
            return Err(damaged("a webhook of somebody else is in it".to_owned()));
        }
        Ok(Snapshot {
            merchant,
            webhooks: webhooks.into_iter().map(|(_, it)| *it).collect(),
            facts,
            rows,
        })
    }

    fn open_entry(&self, entry: &DirectoryEntry) -> Result<Change, NotMoved> {
        parse(entry, &self.vault).map_err(|error| NotMoved::Damaged(error.0))
    }

    /// What of a snapshot must be of now.
    fn adapt(&self, snapshot: &mut Snapshot, known: Option<&Arc<Unit>>, header: &Header) {
        let (now, facts) = (self.clock.now(), &mut snapshot.facts);
        if let Some(unit) = known {
            facts.keys = unit.facts.keys.clone();
            facts.retired = unit.facts.retired.clone();
            facts.clock_ahead_ms = facts.clock_ahead_ms.max(unit.ahead_ms());
        }
        // Also where this machine's clock is behind that of the other.
        if let Some(moment) = header.unit_clock {
            let ahead: SignedDuration = moment.duration_since(now);
            let ahead_ms = i64::try_from(ahead.as_millis()).unwrap_or(i64::MAX);
            facts.clock_ahead_ms = facts.clock_ahead_ms.max(ahead_ms);
        }
        for row in &mut snapshot.rows {
            if let Row::Call {
                record,
                begun,
                ended,
                ..
            } = row
            {
                let at = match record.state {
                    CallState::Owed => now,
                    CallState::Begun { at } => at,
                    CallState::Done { .. } | CallState::Interrupted { .. } => continue,
                };
                record.state = CallState::Interrupted { at };
                (*begun, *ended) = (None, None);
            }
        }
    }
}

/// What is in a snapshot.
struct Snapshot {
    merchant: Change,
    webhooks: Vec<Registration>,
    facts: SalesUnit,
    rows: Vec<Row>,
}

/// A sales unit of a store that no platform runs on; `now` is real time. `None` when there is no
/// such unit.
///
/// # Errors
///
/// When the store fails, or its directory does not open.
pub async fn snapshot_of(
    store: &dyn Store,
    vault: &Vault,
    now: Timestamp,
    (environment, msn): (Environment, &Msn),
) -> Result<Option<Export>, NotMoved> {
    let (entries, _) = store.directory(0).await?;
    let mut unit = None;
    let owner = Owner::Unit(msn.clone());
    let (mut merchants, mut webhooks) = (Vec::new(), Vec::new());
    for entry in entries
        .into_iter()
        .filter(|it| it.environment == environment)
    {
        match parse(&entry, vault) {
            Ok(Change::Unit(facts)) if facts.msn == *msn => unit = Some((facts, entry)),
            Ok(Change::Merchant(_, merchant)) => merchants.push((merchant, entry)),
            Ok(Change::Webhook(_, webhook)) if webhook.owner == owner => webhooks.push(entry),
            Ok(_) | Err(_) => {}
        }
    }
    let Some((facts, entry)) = unit else {
        return Ok(None);
    };
    let merchant = merchants
        .into_iter()
        .find(|(merchant, _)| merchant.orgno == facts.merchant);
    let first = merchant.into_iter().map(|(_, entry)| entry);
    let first = first.chain([entry]).chain(webhooks);
    let first = first.map(|entry| Row::Directory { entry, seal: None });
    let ahead = SignedDuration::from_millis(facts.clock_ahead_ms);
    let header = Header {
        unit: Some(format!("{environment}/{msn}")),
        unit_clock: Some(now.checked_add(ahead).unwrap_or(Timestamp::MAX)),
        ..header(now, vault)
    };
    let rows = store
        .rows(Some(&crate::partition(environment, msn)))
        .await?;
    Ok(Some(Export::begin(first.collect(), rows, &header, vault)))
}
