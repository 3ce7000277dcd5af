//! Looks whether everything in a store is as this program wrote it.
//!
//! It reads all rows once, as of one moment, and changes nothing. Of every record it folds the
//! events again and compares: the state, the sums, the deadline, the answers that were saved, the
//! calls that are owed, the apps it came to. Of every row it verifies the seal, of the audit log the
//! chain, of the directory that it opens and refers to what is there. What no row refers to is
//! counted by sealed heads (see `sandkasse_store::heads`), so that a missing one shows.
//!
//! In memory stands one record with its events at a time, and some 20 bytes for each answer and
//! each call that is still to be found.
//!
//! What it cannot find: that the whole database, or a sales unit with everything of it, was put
//! back as it was earlier; and what gives an order and nothing else (the running numbers of records
//! and calls, the generation of an entry).

mod directory;
mod expected;
mod log;
mod record;
mod report;
mod rules;

use std::collections::HashMap;

use sandkasse_store::{
    AuditLine, CallRecord, CallState, Partition, Purpose, Row, SavedReply, Seal, Sealer, Store,
    StoreError, heads,
};
use sandkasse_vault::Vault;

pub use self::report::{Ailment, Finding, Place, Report, Severity};
use self::{
    directory::DirectoryCheck,
    expected::{Expected, reply_meaning},
    log::Chain,
    record::Kept,
};

/// More findings than these are only counted.
pub const MOST_FINDINGS: usize = 10_000;
/// How often progress is told, in rows.
const TELL_EVERY: u64 = 10_000;

/// What an examination may use.
#[derive(Clone, Copy, Default)]
pub struct With<'a> {
    /// Opens what is sealed. Without it entries that hold keys are not looked into.
    pub vault: Option<&'a Vault>,
    /// Verifies seals. Without it nothing is said about them.
    pub sealer: Option<&'a Sealer>,
    /// So many ended calls of each sales unit are kept, so that older ones may be missing.
    pub calls_kept: usize,
}

/// Looks at everything in a store; tells from time to time how many rows were looked at.
///
/// # Errors
///
/// When the store cannot be read.
pub async fn examine(
    store: &dyn Store,
    with: With<'_>,
    mut told: impl FnMut(u64) + Send,
) -> Result<Report, StoreError> {
    let mut doctor = Doctor::new(with);
    let mut rows = store.rows(None).await?;
    let mut looked_at = 0;
    while let Some(row) = rows.next().await {
        doctor.look_at(row?);
        looked_at += 1;
        if looked_at % TELL_EVERY == 0 {
            told(looked_at);
        }
    }
    doctor.end_of_record();
    doctor.name_what_is_missing(store).await?;
    doctor.end();
    told(looked_at);
    Ok(doctor.report)
}

struct Doctor<'a> {
    with: With<'a>,
    report: Report,
    directory: DirectoryCheck,
    /// The record whose events are being told.
    record: Option<Kept>,
    units: HashMap<Partition, OfUnit>,
    chain: Chain,
    heads: HashMap<String, String>,
    /// Where seals are missing; findings only where all rows should have one.
    unsealed: Vec<Place>,
}

/// What was seen of a sales unit.
#[derive(Default)]
struct OfUnit {
    expected: Expected,
    calls: EndedCalls,
}

/// Ended calls of a unit. Older ones than those may be forgotten.
#[derive(Default)]
struct EndedCalls {
    count: usize,
    /// The latest moment of the first [`EndedCalls::FIRST`] of them, in milliseconds.
    first_until: i64,
}

impl EndedCalls {
    /// Calls are promised nearly in the order of their moments; so many may be out of order.
    const FIRST: usize = 1_000;

    fn note(&mut self, record: &CallRecord) {
        if let CallState::Done { .. } | CallState::Interrupted { .. } = record.state {
            if self.count < Self::FIRST {
                let at = record.call.owed_at.as_millisecond();
                self.first_until = self.first_until.max(at);
            }
            self.count += 1;
        }
    }

    fn may_be_forgotten(&self, at: i64, kept: usize) -> bool {
        self.count >= kept && at <= self.first_until
    }
}

impl<'a> Doctor<'a> {
    fn new(with: With<'a>) -> Doctor<'a> {
        Doctor {
            with,
            report: Report::default(),
            directory: DirectoryCheck::default(),
            record: None,
            units: HashMap::new(),
            chain: Chain::default(),
            heads: HashMap::new(),
            unsealed: Vec::new(),
        }
    }

    fn look_at(&mut self, row: Row) {
        self.report.rows.add(&row);
        if !matches!(row, Row::Event { .. }) {
            self.end_of_record();
        }
        match row {
            Row::Directory { entry, seal } => {
                let fits = self.with.sealer.and_then(|sealer| sealer.entry(&entry));
                self.seal(seal, fits, &|| directory::place(&entry), "the entry");
                let (report, vault) = (&mut self.report, self.with.vault);
                self.directory.look_at(&entry, seal, vault, report);
            }
            Row::Record {
                partition,
                stream,
                record,
                seal,
            } => {
                self.record = Some(Kept::new(partition, stream, record, seal));
            }
            Row::Event {
                partition,
                stream,
                version,
                position,
                event,
                seal,
            } => match &mut self.record {
                Some(kept) if kept.is_of(&partition, &stream) => {
                    kept.add(version, position, event, seal);
                }
                _ => {
                    let name = format!(
                        "{} {} {version}.{position}",
                        stream.kind.name(),
                        stream.name
                    );
                    let place = Place::of_unit("events", &partition, name);
                    let what = "the record that it happened to is not there";
                    self.report.found(Ailment::Unreadable, place, what);
                }
            },
            Row::Reply {
                partition,
                reply,
                seal,
            } => self.reply(&partition, &reply, seal),
            Row::Call {
                record,
                seal,
                begun,
                ended,
            } => self.call(&record, [seal, begun, ended]),
            Row::Audit(line) => self.audit_line(&line),
            Row::Head { name, value, seal } => self.head(name, value, seal),
            Row::Broken { table, key, why } => {
                let place = Place::elsewhere(&table, None, key);
                self.report.found(Ailment::Unreadable, place, why);
            }
        }
    }

    /// Compares a seal with what it should be; `None` is what nobody can tell.
    fn seal(
        &mut self,
        seal: Option<Seal>,
        fits: Option<Seal>,
        place: &dyn Fn() -> Place,
        what: &str,
    ) {
        match (seal, fits) {
            (Some(seal), Some(fits)) => {
                self.report.sealed += 1;
                if seal != fits {
                    let what = format!("{what} is not what was written: the seal does not fit");
                    self.report.found(Ailment::Seal, place(), what);
                }
            }
            (None, Some(_)) => {
                self.report.unsealed += 1;
                if self.unsealed.len() < MOST_FINDINGS {
                    self.unsealed.push(place());
                }
            }
            (_, None) => self.report.unsealed += 1,
        }
    }

    /// All events of the present record were told.
    fn end_of_record(&mut self) {
        let Some(kept) = self.record.take() else {
            return;
        };
        self.directory.uses(kept.partition(), &mut self.report);
        kept.seals(self.with.sealer, |seal, fits, place, what| {
            self.seal(seal, fits, place, what);
        });
        let unit = self.units.entry(kept.partition().clone()).or_default();
        kept.examine(self.with.vault, &mut unit.expected, &mut self.report);
        self.report.payments += u64::from(kept.is_payment());
    }

    fn reply(&mut self, partition: &Partition, reply: &SavedReply, seal: Option<Seal>) {
        let place = || expected::reply_place(partition, reply);
        let fits = self.with.sealer.map(|it| it.reply(partition, reply));
        self.seal(seal, fits, &place, "the answer");
        self.directory.uses(partition, &mut self.report);
        let unit = self.units.entry(partition.clone()).or_default();
        match reply_meaning(reply) {
            Ok(None) => {}
            Ok(Some(meaning)) if unit.expected.replies.take(&meaning) => {}
            Ok(Some(_)) => {
                let what = "no capture or refund with this request id and these sums is in the payment's history";
                self.report.found(Ailment::Reply, place(), what);
            }
            Err(why) => self.report.found(Ailment::Reply, place(), why),
        }
    }

    fn call(&mut self, record: &CallRecord, [seal, begun, ended]: [Option<Seal>; 3]) {
        let CallRecord {
            partition,
            call,
            state,
        } = record;
        let place = || expected::call_place(partition, call);
        let sealer = self.with.sealer;
        let fits = sealer.map(|it| it.call(partition, call));
        self.seal(seal, fits, &place, "the call");
        self.directory.uses(partition, &mut self.report);
        let (begun_at, outcome) = match state {
            CallState::Owed => (None, None),
            CallState::Begun { at } | CallState::Interrupted { at } => (Some(*at), None),
            CallState::Done { at, outcome } => (Some(*at), Some(outcome)),
        };
        for (seal, fits, is_so, what) in [
            (
                begun,
                begun_at.and_then(|at| sealer.map(|it| it.begun(&call.id, at))),
                begun_at.is_some(),
                "when it was begun",
            ),
            (
                ended,
                outcome.and_then(|it| sealer.map(|sealer| sealer.ended(&call.id, it))),
                outcome.is_some(),
                "how it ended",
            ),
        ] {
            if is_so {
                self.seal(seal, fits, &place, what);
            } else if seal.is_some() && sealer.is_some() {
                let what = format!("there is a seal over {what}, and it stands otherwise");
                self.report.found(Ailment::Seal, place(), what);
            }
        }
        let unit = self.units.entry(partition.clone()).or_default();
        unit.calls.note(record);
        let is_owed = match call.purpose {
            Purpose::PaymentCallback => unit.expected.calls.take(&expected::call_meaning(call)),
            // Events from before they named the call owe it all the same.
            Purpose::ConsentRemoval => unit.expected.calls.take(&call.id) || seal.is_none(),
            // The shop is asked while a person waits, and nothing happens if it does not answer.
            Purpose::ShippingDetails => true,
        };
        if !is_owed {
            let what = "nothing happened that owes this call";
            self.report.found(Ailment::Call, place(), what);
        }
        if let (Some(vault), Some(sealed)) = (self.with.vault, &call.authorization)
            && sandkasse_vault::is_sealed(sealed)
        {
            let lies_in = sandkasse_store::authorization_place(&call.about);
            if vault.open(&lies_in, sealed).is_err() {
                let what = "the merchant's authToken does not open";
                self.report.found(Ailment::Entry, place(), what);
            }
        }
    }

    fn audit_line(&mut self, line: &AuditLine) {
        if let Some(what) = self.chain.follow(line) {
            let place = Place::elsewhere("audit", None, line.number.to_string());
            self.report.found(Ailment::Audit, place, what);
        }
    }

    fn head(&mut self, name: String, value: String, seal: Seal) {
        if let Some(sealer) = self.with.sealer {
            let place = || Place::elsewhere("heads", None, &name);
            self.seal(Some(seal), Some(sealer.head(&name, &value)), &place, "it");
        }
        self.heads.insert(name, value);
    }

    /// What should be there and is not is known by a digest only; its name is found by reading
    /// again, which happens only if something is missing.
    async fn name_what_is_missing(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        let kept = self.with.calls_kept;
        for unit in self.units.values_mut() {
            let calls = &unit.calls;
            let forget = |at: i64| calls.may_be_forgotten(at, kept);
            unit.expected.calls.forget(forget);
        }
        self.units.retain(|_, unit| !unit.expected.is_empty());
        if self.units.is_empty() {
            return Ok(());
        }
        let mut rows = store.rows(None).await?;
        let mut record: Option<Kept> = None;
        while let Some(row) = rows.next().await {
            match row? {
                Row::Event {
                    version,
                    position,
                    event,
                    seal,
                    ..
                } => {
                    if let Some(record) = &mut record {
                        record.add(version, position, event, seal);
                    }
                }
                Row::Record {
                    partition,
                    stream,
                    record: body,
                    seal,
                } => {
                    self.name_missing_of(record.take());
                    if self.units.contains_key(&partition) {
                        record = Some(Kept::new(partition, stream, body, seal));
                    }
                }
                Row::Reply { .. } | Row::Call { .. } | Row::Audit(_) | Row::Head { .. } => break,
                Row::Directory { .. } | Row::Broken { .. } => {}
            }
        }
        self.name_missing_of(record);
        Ok(())
    }

    fn name_missing_of(&mut self, record: Option<Kept>) {
        if let Some(record) = record
            && let Some(unit) = self.units.get_mut(record.partition())
        {
            record.name_missing(&mut unit.expected, &mut self.report);
        }
    }

    /// What can be said only when all rows were seen.
    fn end(&mut self) {
        let no_heads = self.heads.is_empty() && self.report.sealed == 0;
        if self.with.sealer.is_none() || no_heads {
            return;
        }
        let head = |name: &str| Place::elsewhere("heads", None, name);
        match self.heads.get(heads::SINCE).map(String::as_str) {
            Some(heads::BEGINNING) => {
                for place in std::mem::take(&mut self.unsealed) {
                    let what = "it has no seal, and every row of this database should";
                    self.report.found(Ailment::Unsealed, place, what);
                }
            }
            Some(heads::LATER) => {}
            other => {
                let what = match other {
                    Some(text) => format!("it says {text:?}"),
                    None => "it is gone".to_owned(),
                };
                self.report
                    .found(Ailment::Missing, head(heads::SINCE), what);
            }
        }
        if let Some(first) = self.chain.begins_late() {
            let place = Place::elsewhere("audit", None, (first - 1).to_string());
            let what = format!("the log begins with line {first}, and fewer lines are kept");
            self.report.found(Ailment::Missing, place, what);
        }
        let newest = self.chain.newest();
        match self.heads.get(heads::AUDIT) {
            Some(noted) if *noted == newest => {}
            Some(noted) => {
                let number = noted.split(' ').next().unwrap_or_default();
                let place = Place::elsewhere("audit", None, number);
                let what = format!("the newest line was `{noted}`, and is `{newest}`");
                self.report.found(Ailment::Missing, place, what);
            }
            None => self
                .report
                .found(Ailment::Missing, head(heads::AUDIT), "it is gone"),
        }
        self.directory.compare(&self.heads, &mut self.report);
    }
}
