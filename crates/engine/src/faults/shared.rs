//! Rules that several processes follow.
//!
//! They are entries of the directory, so every process has them within a beat. Which call is the
//! how-manieth that a rule could strike is counted where rates are counted; so a rule for the next
//! three calls strikes three, whichever processes they come to, and the same seed strikes the same
//! calls. Unlike those of a single process, such rules outlive it: they end when they are used up
//! or taken away, or with a reset.

use sandkasse_domain::{Environment, Msn, Timestamp, payment::Refusal};
use sandkasse_store::{Hit, StoreError};
use serde::{Deserialize, Serialize};

use super::{Armed, BankFault, Dice, Fault, Moment, Rule, RuleRefused, Target, When, asked};
use crate::{Engine, Unit, Windows, directory::Change};

/// How long, in milliseconds, a rule that nobody's call fits is remembered to be partly used.
const KEPT_MS: i64 = 30 * 24 * 3_600_000;

/// A rule as processes share it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SharedFault {
    /// What it says.
    pub rule: Rule,
    /// Since when it is in force, in real time.
    pub since: Timestamp,
}

/// Why a rule is not in force.
#[derive(Debug, thiserror::Error)]
pub enum ArmRefused {
    /// It cannot be.
    #[error(transparent)]
    Rule(#[from] RuleRefused),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Puts a rule in force, in all processes.
    pub async fn arm(&self, rule: Rule) -> Result<Armed, ArmRefused> {
        let since = self.clock.now();
        let Some(nodes) = self.store.nodes() else {
            return Ok(self.faults.add(rule, since)?);
        };
        self.faults.check(&rule)?;
        let id = self.faults.fresh_id(since, nodes.slot());
        let shared = SharedFault {
            rule: rule.clone(),
            since,
        };
        let change = Change::Fault(id, Box::new(shared));
        self.directory.change(vec![change]).await?;
        self.follow_shared_faults();
        Ok(Armed::new(id, rule, since))
    }

    /// Takes a rule away; `false` when there is none of this id.
    pub async fn disarm(&self, id: u64) -> Result<bool, StoreError> {
        if self.windows.is_none() {
            return Ok(self.faults.remove(id));
        }
        let gone = self.directory.decide(|| {
            let here = |environment: &Environment| {
                let snapshot = self.directory.of(*environment);
                snapshot.faults().contains_key(&id)
            };
            let environment = Environment::ALL.into_iter().find(here)?;
            Some(vec![Change::FaultGone(environment, id)])
        });
        let gone = gone.await?;
        self.follow_shared_faults();
        Ok(gone)
    }

    /// Takes all rules away.
    pub async fn disarm_all(&self) -> Result<(), StoreError> {
        for armed in self.faults.list() {
            self.disarm(armed.id).await?;
        }
        Ok(())
    }

    /// What happens to a call before any check; `target` if the path names an operation.
    pub async fn outage(&self, environment: Environment, target: Option<Target>) -> Option<Fault> {
        match &self.windows {
            None => self.faults.outage(environment, target),
            Some(windows) => {
                let call = (environment, None, target);
                self.first(windows, call, Moment::Unseen, |_| true).await
            }
        }
    }

    /// What happens to a call of somebody who is proved: what its header asks for, or a rule.
    ///
    /// A header that asks for nothing that could happen here is ignored.
    pub async fn strike(
        &self,
        environment: Environment,
        msn: Option<&Msn>,
        target: Target,
        header: Option<&str>,
    ) -> Option<Fault> {
        let Some(windows) = &self.windows else {
            return self.faults.strike(environment, msn, target, header);
        };
        let wanted = header.and_then(|header| asked(environment, target, header));
        match wanted {
            Some(fault) => Some(fault),
            None => {
                let call = (environment, msn, Some(target));
                self.first(windows, call, Moment::Proved, |_| true).await
            }
        }
    }

    /// What the bank says to an approval in the app, if a rule wants it to refuse.
    pub(crate) async fn at_approval(&self, unit: &Unit) -> Option<Refusal> {
        let Some(windows) = &self.windows else {
            return self.faults.at_approval(unit);
        };
        let call = (
            unit.facts.environment,
            Some(&unit.facts.msn),
            Some(super::APPROVAL),
        );
        let struck = self.first(windows, call, Moment::Proved, super::is_of_the_bank);
        match struck.await {
            Some(Fault::Bank(BankFault::Reserve(refusal))) => Some(refusal),
            Some(_) | None => None,
        }
    }

    async fn first(
        &self,
        windows: &Windows,
        call: (Environment, Option<&Msn>, Option<Target>),
        moment: Moment,
        may_be: impl Fn(Fault) -> bool,
    ) -> Option<Fault> {
        for (id, rule) in self.faults.candidates(call, moment, may_be) {
            let most = match rule.when {
                When::Always => {
                    self.faults.struck(id, None);
                    return Some(rule.fault);
                }
                When::Next(count) => count.get(),
                When::Chance { .. } => u32::MAX,
            };
            // A rule that cannot be counted strikes nobody.
            let Some(window) = windows.count(hit(id, most)).await else {
                continue;
            };
            let strikes = match rule.when {
                When::Always | When::Next(_) => window.counted,
                When::Chance { probability, seed } => {
                    Dice::after(seed, window.calls - 1).throw() < probability.get()
                }
            };
            if strikes {
                self.faults.struck(id, Some(window.calls));
            }
            if matches!(rule.when, When::Next(_)) && window.calls >= most {
                self.forget_used_up(id).await;
            }
            if strikes {
                return Some(rule.fault);
            }
        }
        None
    }

    async fn forget_used_up(&self, id: u64) {
        if let Err(error) = self.disarm(id).await {
            tracing::warn!(%error, id, "a fault rule that is used up is still listed");
        }
    }

    /// Follows the rules that are in the directory now.
    pub(crate) fn follow_shared_faults(&self) {
        if self.windows.is_none() {
            return;
        }
        let snapshots = Environment::ALL.map(|environment| self.directory.of(environment));
        let shared = snapshots.iter().flat_map(|snapshot| snapshot.faults());
        self.faults
            .follow(shared.map(|(id, shared)| (*id, shared.as_ref())));
    }
}

fn hit(id: u64, most: u32) -> Hit {
    let mut key = *b"fault-rule------";
    key.iter_mut()
        .rev()
        .zip(id.to_le_bytes())
        .for_each(|(to, from)| *to = from);
    Hit {
        key,
        now: Timestamp::UNIX_EPOCH,
        length_ms: i64::MAX,
        most,
        kept_ms: KEPT_MS,
    }
}
