//! One operation alone, with a store that may fail or a node that may die in the middle of it.

use rand::{Rng as _, rngs::StdRng};

use super::{Planned, Step, World, told};
use crate::{
    desk::Verdict,
    model::{Action, Credentials, MOST, Ms, Scene, Seen},
    plan::Keeping,
};

impl World {
    /// A step: something that is chosen, in whatever circumstances.
    pub(super) fn alone(&mut self, rng: &mut StdRng) -> Step {
        let unit = self.choose_unit(rng);
        let planned = self.choose(unit, rng);
        let with = self.choose_credentials(unit, rng);
        let index = self.any_node(rng);
        // Windows that nodes share are counted exactly, unless the store fails.
        let spared = self.units[unit].entrance.limited && self.nodes.len() > 1;
        match rng.random_range(0..1000) {
            _ if spared => {}
            0..36 => {
                let verdict = self.choose_verdict(rng);
                let only = [
                    None,
                    None,
                    Some("commit"),
                    Some("begin_call"),
                    Some("finish_call"),
                ];
                let only = only[rng.random_range(0..only.len())];
                let after = rng.random_range(0..if only.is_none() { 8 } else { 1 });
                self.trace
                    .line(format!("  the store: {verdict:?} after {after} {only:?}"));
                self.node(index).desk.plan(after, only, verdict);
            }
            36..42 => {
                self.trace.line("  the store is cut off".to_owned());
                self.node(index).desk.cut();
            }
            _ => {}
        }
        self.operate(index, &planned, with)
    }

    pub(super) fn choose_verdict(&self, rng: &mut StdRng) -> Verdict {
        let fails = self.fails_after();
        match rng.random_range(0..6) {
            0 | 1 if self.is_calm() => Verdict::FailBefore,
            0 => Verdict::DieBefore,
            1 => Verdict::DieAfter,
            2 | 3 => Verdict::FailBefore,
            _ => fails,
        }
    }

    /// In every third world nodes die seldom and know what became of a commit, so that in the end all
    /// must be done without a restart.
    pub(super) fn is_calm(&self) -> bool {
        self.plan.seed.is_multiple_of(3)
    }

    /// A commit that is made, and said not to be. SQLite promises that there is none.
    pub(super) fn fails_after(&self) -> Verdict {
        if self.plan.store == Keeping::Sqlite || self.is_calm() {
            Verdict::FailBefore
        } else {
            Verdict::FailAfter
        }
    }

    /// Carries out an operation and compares what is said with the model.
    pub(super) fn operate(&mut self, index: usize, planned: &Planned, with: Credentials) -> Step {
        let unit = self.orders[planned.order].unit;
        self.prepare(index, unit)?;
        let now = self.now(unit);
        let order = self.orders[planned.order].id.clone();
        let refused = match planned.action.is_a_persons() {
            true => None,
            false => self.units[unit]
                .entrance
                .judge(&with, &planned.action, &order, now),
        };
        let call = self.call(planned, with.clone());
        let platform = self.node(index).platform.clone();
        let mut answered = self.node(index).run(call.clone().make(platform));
        if self.breaks_at_the_door(&answered) {
            answered = self.let_through(index, call)?;
        }
        let faults = self.aftermath(index)?;
        if let Some(answered) = &answered {
            self.heard(planned, answered)?;
        } else {
            self.trace.line(format!(
                "  {} {order}: {:?} -> nobody knows",
                self.units[unit].name, planned.action
            ));
        }
        if let Some(refused) = refused {
            let is_so = answered.is_none_or(|it| it.reply == refused);
            let name = self.units[unit].name;
            return if is_so {
                Ok(())
            } else {
                Err(format!(
                    "{name} {order}: {:?} should have been refused before anything: {refused:?}",
                    planned.action
                ))
            };
        }
        let seen = [Seen {
            action: &planned.action,
            told: told(answered.as_ref()),
            began: 0,
            ended: 1,
        }];
        self.explain(index, planned.order, &seen, &[now], faults, false)?;
        self.look_at(planned.order)
    }

    /// What is left of the trouble that was planned: whether any came, and whether the node lives.
    pub(super) fn aftermath(&mut self, index: usize) -> Result<bool, String> {
        self.settle()?;
        let mut struck = Vec::new();
        if let Some(node) = &self.nodes[index] {
            struck = node.desk.clear();
        }
        Ok(self.note_struck(&struck))
    }

    /// Writes down which operations on the store were struck, if any.
    pub(super) fn note_struck(&mut self, struck: &[&'static str]) -> bool {
        if struck.is_empty() {
            return false;
        }
        self.trace.line(format!("  struck: {}", struck.join(", ")));
        self.counts.did("the store failed");
        for what in struck {
            self.counts.did(&format!("struck: {what}"));
        }
        true
    }

    /// Narrows what an order may be to what explains all that was seen of it.
    pub(super) fn explain(
        &mut self,
        index: usize,
        order: usize,
        seen: &[Seen<'_>],
        moments: &[Ms],
        faults: bool,
        waits: bool,
    ) -> Step {
        let place = &mut self.orders[order];
        let unit = place.unit;
        let scene = Scene {
            unit: self.units[unit].facts,
            persons: &self.persons,
            moments,
            faults,
            waits,
        };
        place.possible.explain(seen, &scene).map_err(|expected| {
            format!(
                "{} {}: no order of events explains what was said:\n{expected}",
                self.units[unit].name, place.id
            )
        })?;
        if place.possible.states.len() >= MOST {
            return Err(format!(
                "{} may be {MOST} things or more: the model lost track",
                place.id
            ));
        }
        if seen
            .iter()
            .any(|it| matches!(it.action, Action::Approve { .. } | Action::Show { .. }))
        {
            self.observe_newcomer(index)?;
        }
        // What nobody knows is looked at soon, so that questions do not pile up.
        if self.orders[order].possible.states.len() > 8 {
            let planned = Planned {
                order,
                action: Action::Details,
            };
            let with = self.credentials(unit);
            return self.operate(index, &planned, with);
        }
        Ok(())
    }
}
