//! Faults on demand: what the platform documents, does seldom, and a developer wants to test.
//!
//! A rule strikes calls that fit it: always, the next few times, or by chance. A header asks for a
//! fault of one call. The rules live in memory, end with the process or a reset, and are bounded;
//! those of several processes are [`shared`].
//! Nothing here knows a port or a format: the merchant APIs ask whether a call is struck, and word
//! it; what the bank refuses goes into the engine's commands, and payments remember it.
//!
//! There are two moments. [`Faults::outage`] is asked before any check, because who cannot reach
//! the platform does not learn whether the keys are right; only rules for everybody (without an
//! MSN) that are a matter of the network strike there. [`Faults::strike`] is asked when the caller
//! is proved, so that wrong keys are still refused as such. A rule belongs to one of the moments.
//! At each, the header goes first (at the second), then the oldest rule that strikes, and no other.

mod dice;
mod fault;
mod shared;

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicUsize, Ordering},
};

use parking_lot::Mutex;
use sandkasse_domain::{
    Environment, Msn, Timestamp,
    payment::{Command, Operation, Refusal, Settlement, bank::BankAnswer},
};

use crate::Unit;

use serde::{Deserialize, Serialize};

use dice::Dice;
pub use dice::Probability;
pub use fault::{BadFault, BankFault, Fault, MAX_SLOW_MS, Target, USUAL_SLOW_MS};
pub use shared::{ArmRefused, SharedFault};

/// There are never more rules.
pub const MAX_RULES: usize = 1000;

/// Which calls are struck, by what, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Calls to this environment.
    pub environment: Environment,
    /// Calls for this sales unit; `None` is everybody's.
    pub msn: Option<Msn>,
    /// Calls of this operation; `None` is every one that the fault fits.
    pub target: Option<Target>,
    /// What happens to them.
    pub fault: Fault,
    /// How often.
    pub when: When,
}

/// How often a rule strikes calls that fit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Each time, until the rule is taken away.
    Always,
    /// The next calls; then the rule is gone.
    Next(NonZeroU32),
    /// By chance. The same seed strikes the same calls, counted from the rule's beginning.
    Chance {
        /// From never to always.
        probability: Probability,
        /// Where the rule's own chance begins.
        seed: u64,
    },
}

/// A rule that is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Armed {
    /// Names it.
    pub id: u64,
    /// What it says. [`When::Next`] is what is left of it.
    pub rule: Rule,
    /// How many calls it struck.
    pub struck: u64,
    /// Since when it is in force, in real time.
    pub since: Timestamp,
    dice: Dice,
}

/// Why a rule cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleRefused {
    /// There are [`MAX_RULES`].
    #[error("there are {MAX_RULES} rules already; take some away")]
    TooMany,
    /// The weak database is the test environment's.
    #[error("sql-glitch happens in the test environment only: production has another database")]
    TestOnly,
    /// The fault never happens to this operation.
    #[error("{fault} cannot happen to {target}", fault = .0.name(), target = .1.name())]
    DoesNotFit(Fault, Target),
}

/// All rules of a process.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Mutex<Rules>,
    /// Nearly always zero, so that nearly no call waits for the lock.
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Rules {
    last_id: u64,
    armed: Vec<Armed>,
}

/// Which of the two moments of a call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    Unseen,
    Proved,
}

impl Faults {
    /// Puts a rule in force, at a moment of real time.
    pub fn add(&self, rule: Rule, at: Timestamp) -> Result<Armed, RuleRefused> {
        self.check(&rule)?;
        let mut rules = self.rules.lock();
        rules.last_id += 1;
        let armed = Armed::new(rules.last_id, rule, at);
        rules.armed.push(armed.clone());
        self.recount(&rules);
        Ok(armed)
    }

    /// Whether a rule can be put in force.
    fn check(&self, rule: &Rule) -> Result<(), RuleRefused> {
        if rule.fault == Fault::SqlGlitch && rule.environment == Environment::Production {
            return Err(RuleRefused::TestOnly);
        }
        if let Some(target) = rule.target
            && !rule.fault.fits(target)
        {
            return Err(RuleRefused::DoesNotFit(rule.fault, target));
        }
        if self.count.load(Ordering::Acquire) >= MAX_RULES {
            return Err(RuleRefused::TooMany);
        }
        Ok(())
    }

    /// An id that no other process makes: it follows real time, and ends with this one's slot.
    fn fresh_id(&self, at: Timestamp, slot: u8) -> u64 {
        let mut rules = self.rules.lock();
        let now = u64::try_from(at.as_millisecond()).unwrap_or_default() * 16;
        rules.last_id = (rules.last_id / 16 * 16 + 16).max(now);
        rules.last_id + u64::from(slot)
    }

    /// Makes the rules those of the directory; what is known of each stays.
    fn follow<'a>(&self, shared: impl Iterator<Item = (u64, &'a SharedFault)>) {
        let mut rules = self.rules.lock();
        let mut known = std::mem::take(&mut rules.armed);
        for (id, shared) in shared {
            let at = known.iter().position(|armed| armed.id == id);
            let armed = match at {
                Some(at) => known.swap_remove(at),
                None => Armed::new(id, shared.rule.clone(), shared.since),
            };
            rules.armed.push(armed);
        }
        rules.armed.sort_by_key(|armed| (armed.since, armed.id));
        self.recount(&rules);
    }

    /// The rules that could strike a call, oldest first.
    fn candidates(
        &self,
        (environment, msn, target): (Environment, Option<&Msn>, Option<Target>),
        moment: Moment,
        may_be: impl Fn(Fault) -> bool,
    ) -> Vec<(u64, Rule)> {
        if self.count.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        let rules = self.rules.lock();
        let armed = rules.armed.iter();
        armed
            .filter(|armed| armed.rule.moment() == moment && may_be(armed.rule.fault))
            .filter(|armed| armed.rule.is_about(environment, msn, target))
            .map(|armed| (armed.id, armed.rule.clone()))
            .collect()
    }

    /// A shared rule struck: the call of this number among all, if they are counted.
    fn struck(&self, id: u64, number: Option<u32>) {
        let mut rules = self.rules.lock();
        if let Some(armed) = rules.armed.iter_mut().find(|armed| armed.id == id) {
            armed.struck = match (armed.rule.when, number) {
                (When::Next(_), Some(number)) => u64::from(number),
                (When::Always | When::Next(_) | When::Chance { .. }, _) => armed.struck + 1,
            };
        }
    }

    /// Those in force, oldest first.
    pub fn list(&self) -> Vec<Armed> {
        self.rules.lock().armed.clone()
    }

    /// Takes a rule away; `false` when there is none of this id.
    pub fn remove(&self, id: u64) -> bool {
        let mut rules = self.rules.lock();
        let before = rules.armed.len();
        rules.armed.retain(|armed| armed.id != id);
        self.recount(&rules);
        rules.armed.len() < before
    }

    /// Takes all away.
    pub fn clear(&self) {
        let mut rules = self.rules.lock();
        rules.armed.clear();
        self.recount(&rules);
    }

    /// What happens to a call before any check; `target` if the path names an operation.
    pub fn outage(&self, environment: Environment, target: Option<Target>) -> Option<Fault> {
        self.first(environment, None, target, Moment::Unseen)
    }

    /// What happens to a call of somebody who is proved: what its header asks for, or a rule.
    ///
    /// A header that asks for nothing that could happen here is ignored.
    pub fn strike(
        &self,
        environment: Environment,
        msn: Option<&Msn>,
        target: Target,
        header: Option<&str>,
    ) -> Option<Fault> {
        header
            .and_then(|header| asked(environment, target, header))
            .or_else(|| self.first(environment, msn, Some(target), Moment::Proved))
    }

    /// What the bank says to an approval in the app, if a rule wants it to refuse.
    pub(crate) fn at_approval(&self, unit: &Unit) -> Option<Refusal> {
        let (environment, msn) = (unit.facts.environment, &unit.facts.msn);
        let target = Some(APPROVAL);
        match self.first_of(
            environment,
            Some(msn),
            target,
            Moment::Proved,
            is_of_the_bank,
        ) {
            Some(Fault::Bank(BankFault::Reserve(refusal))) => Some(refusal),
            Some(_) | None => None,
        }
    }

    fn first(
        &self,
        environment: Environment,
        msn: Option<&Msn>,
        target: Option<Target>,
        moment: Moment,
    ) -> Option<Fault> {
        self.first_of(environment, msn, target, moment, |_| true)
    }

    fn first_of(
        &self,
        environment: Environment,
        msn: Option<&Msn>,
        target: Option<Target>,
        moment: Moment,
        may_be: impl Fn(Fault) -> bool,
    ) -> Option<Fault> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut rules = self.rules.lock();
        let (index, fault) = rules
            .armed
            .iter_mut()
            .enumerate()
            .filter(|(_, armed)| armed.rule.moment() == moment && may_be(armed.rule.fault))
            .filter(|(_, armed)| armed.rule.is_about(environment, msn, target))
            .find_map(|(index, armed)| armed.strikes().then_some((index, armed.rule.fault)))?;
        if rules.armed.get_mut(index).is_some_and(Armed::is_used_up) {
            rules.armed.remove(index);
            self.recount(&rules);
        }
        Some(fault)
    }

    fn recount(&self, rules: &Rules) {
        self.count.store(rules.armed.len(), Ordering::Release);
    }
}

const APPROVAL: Target = Target::Payment(Operation::Approve);

/// When a person approves nobody calls, so no other kind can happen.
fn is_of_the_bank(fault: Fault) -> bool {
    matches!(fault, Fault::Bank(_))
}

/// The fault that a header asks for, if it can happen here.
fn asked(environment: Environment, target: Target, header: &str) -> Option<Fault> {
    match Fault::parse(header) {
        Ok(Fault::SqlGlitch) if environment == Environment::Production => {
            tracing::debug!(reason = %RuleRefused::TestOnly, "a fault header is ignored");
            None
        }
        Ok(fault) if !fault.fits(target) => {
            let reason = RuleRefused::DoesNotFit(fault, target);
            tracing::debug!(%reason, "a fault header is ignored");
            None
        }
        Ok(fault) => Some(fault),
        Err(reason) => {
            // What was sent in place of a name may be a key: it does not go to the log.
            let reason = match reason {
                BadFault::Kind(_) => "there is no such fault".to_owned(),
                BadFault::Parameter(_) => "it has an unknown parameter".to_owned(),
                BadFault::Code | BadFault::Milliseconds => reason.to_string(),
            };
            tracing::debug!(reason, "a fault header is ignored");
            None
        }
    }
}

impl Rule {
    fn moment(&self) -> Moment {
        if self.msn.is_none() && self.fault.is_blind() {
            Moment::Unseen
        } else {
            Moment::Proved
        }
    }

    fn is_about(
        &self,
        environment: Environment,
        msn: Option<&Msn>,
        target: Option<Target>,
    ) -> bool {
        self.environment == environment
            && (self.msn.is_none() || self.msn.as_ref() == msn)
            && (self.target.is_none() || self.target == target)
            && target.is_none_or(|target| self.fault.fits(target))
    }
}

impl Armed {
    fn new(id: u64, rule: Rule, since: Timestamp) -> Armed {
        let seed = match rule.when {
            When::Chance { seed, .. } => seed,
            When::Always | When::Next(_) => 0,
        };
        Armed {
            id,
            rule,
            struck: 0,
            since,
            dice: Dice::new(seed),
        }
    }

    fn strikes(&mut self) -> bool {
        let strikes = match self.rule.when {
            When::Always | When::Next(_) => true,
            When::Chance { probability, .. } => self.dice.throw() < probability.get(),
        };
        self.struck += u64::from(strikes);
        strikes
    }

    /// After a strike: counts it down.
    fn is_used_up(&mut self) -> bool {
        let When::Next(left) = self.rule.when else {
            return false;
        };
        match NonZeroU32::new(left.get() - 1) {
            Some(left) => {
                self.rule.when = When::Next(left);
                false
            }
            None => true,
        }
    }
}

/// Lets the bank say no: changes the facts of a command.
pub(crate) fn refuse(command: &mut Command, fault: BankFault) {
    match (fault, command) {
        (BankFault::Reserve(refusal), Command::Approve(approval)) => {
            approval.bank = BankAnswer::Refuses(refusal);
        }
        (BankFault::Capture, Command::Capture { bank_pays, .. }) => *bank_pays = false,
        (BankFault::Cancel, Command::Cancel { bank_agrees, .. }) => *bank_agrees = false,
        (BankFault::Refund, Command::Refund { settlement, .. }) => {
            *settlement = Some(Settlement {
                balance: 0,
                overdraft: sandkasse_domain::Minor::ZERO,
            });
        }
        // A fault fits its operation, and that makes one of the commands above.
        (BankFault::Reserve(_) | BankFault::Capture | BankFault::Cancel | BankFault::Refund, _) => {
        }
    }
}

#[cfg(test)]
mod tests;
