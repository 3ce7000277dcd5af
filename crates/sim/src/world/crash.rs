//! Nodes die and come back.

use jiff::SignedDuration;
use sandkasse_domain::{Environment, keys::Keys, sales_unit::UnitState};

use super::{Step, World};
use crate::{cast, plan::Keeping};

/// What can change about a sales unit.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) ahead_ms: i64,
    pub(super) closed: bool,
    pub(super) keys: Keys,
}

/// Keys are told apart by the beginnings of what they are.
impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = |key: &str| key.chars().take(6).collect::<String>();
        let (secret, primary) = (short(&self.keys.client_secret), short(&self.keys.primary));
        write!(
            f,
            "{} ms ahead, closed: {}, keys {secret} {primary}",
            self.ahead_ms, self.closed
        )
    }
}

impl World {
    /// Buries nodes that were told to die, and starts them again.
    pub(super) fn bury(&mut self) -> Step {
        for index in 0..self.nodes.len() {
            if self.nodes[index]
                .as_ref()
                .is_some_and(|node| node.desk.is_dying())
            {
                self.crash(index)?;
            }
        }
        Ok(())
    }

    /// A node dies, and comes back a moment later.
    pub(super) fn crash(&mut self, index: usize) -> Step {
        self.kill(index);
        self.revive()
    }

    /// A node dies. What it had in memory is gone.
    pub(super) fn kill(&mut self, index: usize) {
        self.trace.line(format!("  node {index} dies"));
        self.counts.did("a node dies");
        self.crashes += 1;
        self.nodes[index] = None;
        // The others hear of some deaths at once, and of others when they have heard nothing for long.
        if let Some(member) = self.members[index].take()
            && self.crashes.is_multiple_of(2)
        {
            member.leave();
        }
        // One process alone counts in memory.
        if self.nodes.len() == 1 {
            let units = self.units.iter_mut();
            units.for_each(|unit| unit.entrance.forget_windows());
        }
    }

    /// All nodes that are dead come back.
    pub(super) fn revive(&mut self) -> Step {
        // A process takes longer to start than a millisecond, and ids go on from the time.
        self.clock.advance(SignedDuration::from_millis(2_000));
        if self.plan.store == Keeping::Sqlite {
            self.open_store()?;
        }
        for index in 0..self.nodes.len() {
            if self.nodes[index].is_none() {
                self.start_node(index)?;
                self.recall(index)?;
            }
        }
        Ok(())
    }

    /// What a node knows of a sales unit.
    pub(super) fn known(&self, index: usize, unit: usize) -> Result<Known, String> {
        let (node, unit) = (self.node(index), &self.units[unit]);
        let directory = node.platform.engine.directory.of(unit.environment);
        let known = directory.unit(&unit.msn).ok_or("a sales unit is gone")?;
        Ok(Known {
            ahead_ms: known.ahead_ms(),
            closed: known.facts.state != UnitState::Active,
            keys: known.facts.keys.clone(),
        })
    }

    /// What everybody was told of a sales unit.
    pub(super) fn believed(&self, unit: usize) -> Known {
        let unit = &self.units[unit];
        Known {
            ahead_ms: unit.ahead_ms,
            closed: unit.entrance.closed,
            keys: unit.keys.clone(),
        }
    }

    /// From now on this is what everybody knows of a sales unit.
    pub(super) fn believe(&mut self, unit: usize, known: Known) {
        let unit = &mut self.units[unit];
        (unit.ahead_ms, unit.entrance.closed) = (known.ahead_ms, known.closed);
        unit.entrance.keys = [known.keys.primary.clone(), known.keys.secondary.clone()];
        if known.keys != unit.keys {
            let old = std::mem::replace(&mut unit.keys, known.keys);
            unit.retired.push(old);
        }
    }

    /// A node that comes back knows what it was told, whatever happened to it.
    fn recall(&self, index: usize) -> Step {
        for unit in 0..self.units.len() {
            let (known, believed) = (self.known(index, unit)?, self.believed(unit));
            if known != believed && self.doubtful != Some(unit) {
                let name = self.units[unit].name;
                return Err(format!(
                    "after a crash {name} is {known:?}, and was {believed:?}"
                ));
            }
        }
        Ok(())
    }

    /// Whether the newcomer has approved by now.
    pub(super) fn observe_newcomer(&mut self, index: usize) -> Step {
        let engine = &self.node(index).platform.engine;
        let directory = engine.directory.of(Environment::Test);
        let person = directory.person(&cast::person_id(cast::NEWCOMER));
        let approved = person.map(|person| person.app.approved_once);
        let newcomer = self.persons.get_mut(cast::NEWCOMER);
        let newcomer = newcomer.ok_or("the newcomer is gone")?;
        if newcomer.approved_once != approved {
            newcomer.approved_once = approved;
            self.tell_all(index)?;
        }
        Ok(())
    }
}
