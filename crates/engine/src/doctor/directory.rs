//! The directory: that its entries can be used, and that none is missing.

use std::collections::{HashMap, HashSet};

use sandkasse_domain::{Environment, merchant::OrgNo};
use sandkasse_store::{
    DirectoryEntry, Partition, Seal,
    heads::{self, Tally},
};
use sandkasse_vault::Vault;

use super::report::{Ailment, Place, Report};
use crate::directory::{Change, IMPORT, entry, parse};

/// What was seen of the directory.
#[derive(Default)]
pub(super) struct DirectoryCheck {
    /// What its sealed entries add up to, by the name of the head.
    tallies: HashMap<String, Tally>,
    merchants: HashSet<(Environment, OrgNo)>,
    /// Sales units and whose they are.
    units: HashMap<Partition, OrgNo>,
    /// Whether some could not be looked into, so that what refers to them says nothing.
    is_closed: bool,
    /// Sales units that rows are of and that are not there; each is told once.
    unknown: HashSet<Partition>,
    merchants_are_known: bool,
}

pub(super) fn place(entry: &DirectoryEntry) -> Place {
    let name = format!("{} {}", entry.kind, entry.key);
    Place::elsewhere("directory", Some(entry.environment), name)
}

impl DirectoryCheck {
    pub(super) fn look_at(
        &mut self,
        kept: &DirectoryEntry,
        seal: Option<Seal>,
        vault: Option<&Vault>,
        report: &mut Report,
    ) {
        if let Some(seal) = seal {
            let name = heads::directory(kept.environment, &kept.kind);
            self.tallies.entry(name).or_default().add(seal);
        }
        if kept.kind == IMPORT {
            let what = "an import into this database was begun and not finished";
            report.found(Ailment::Import, place(kept), what);
            return;
        }
        let Some(vault) = vault else {
            self.is_closed = true;
            return;
        };
        let change = match parse(kept, vault) {
            Ok(change) => change,
            Err(error) => {
                report.found(Ailment::Entry, place(kept), error.0);
                return;
            }
        };
        let lies = entry(&change, vault);
        let is_here = lies.is_ok_and(|it| {
            (it.environment, &it.kind, &it.key) == (kept.environment, &kept.kind, &kept.key)
        });
        if !is_here {
            let what = "it is about something else than its name says";
            report.found(Ailment::Name, place(kept), what);
        }
        if let Change::Merchant(environment, merchant) = change {
            self.merchants.insert((environment, merchant.orgno));
        } else if let Change::Unit(facts) = change {
            let partition = crate::partition(facts.environment, &facts.msn);
            self.units.insert(partition, facts.merchant);
        }
    }

    /// Rows of this sales unit are there.
    pub(super) fn uses(&mut self, partition: &Partition, report: &mut Report) {
        self.merchants_of_units(report);
        if self.is_closed || self.units.contains_key(partition) || self.unknown.contains(partition)
        {
            return;
        }
        self.unknown.insert(partition.clone());
        let name = format!("sales_unit {}", partition.msn);
        let place = Place::elsewhere("directory", Some(partition.environment), name);
        let what = "there are payments of this sales unit, and it is not there";
        report.found(Ailment::Reference, place, what);
    }

    /// Looked at once, when the whole directory was told.
    fn merchants_of_units(&mut self, report: &mut Report) {
        if self.is_closed || std::mem::replace(&mut self.merchants_are_known, true) {
            return;
        }
        for (unit, merchant) in &self.units {
            if !self
                .merchants
                .contains(&(unit.environment, merchant.clone()))
            {
                let name = format!("merchant {}", merchant.0);
                let place = Place::elsewhere("directory", Some(unit.environment), name);
                let what = format!(
                    "the sales unit {} is this merchant's, who is not there",
                    unit.msn
                );
                report.found(Ailment::Reference, place, what);
            }
        }
    }

    /// Compares what there is with what was noted.
    pub(super) fn compare(&mut self, noted: &HashMap<String, String>, report: &mut Report) {
        self.merchants_of_units(report);
        let mut names: Vec<&String> = noted
            .keys()
            .filter(|name| name.starts_with(heads::DIRECTORY))
            .chain(self.tallies.keys())
            .collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let there = self.tallies.get(name).copied().unwrap_or_default();
            let kind = heads::kind_of(name).unwrap_or(name);
            let environment = Environment::ALL
                .into_iter()
                .find(|it| heads::directory(*it, kind) == *name);
            let place = Place::elsewhere("directory", environment, format!("all of {kind}"));
            match noted.get(name).map(|text| Tally::parse(text)) {
                Some(Some(tally)) if tally == there => {}
                Some(Some(tally)) if tally.count > there.count => {
                    let what = format!(
                        "{} entries are missing of {}",
                        tally.count - there.count,
                        tally.count
                    );
                    report.found(Ailment::Missing, place, what);
                }
                Some(Some(tally)) => {
                    let what = format!(
                        "there are {} entries that were not all written here; {} should be",
                        there.count, tally.count
                    );
                    report.found(Ailment::Missing, place, what);
                }
                Some(None) | None => {
                    let place = Place::elsewhere("heads", None, name);
                    let what = "what counts these entries is gone, or cannot be read";
                    report.found(Ailment::Missing, place, what);
                }
            }
        }
    }
}
