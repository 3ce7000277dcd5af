//! All that a payment may be, given what was said about it.

use super::{Action, Ms, Pay, Person, Reply, Stage, Unit};

/// More open questions than this about one payment, and the model would be a guess.
pub const MOST: usize = 256;

/// All that one order may be. `None` is that it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Possible {
    /// Never empty, no two alike.
    pub states: Vec<Option<Pay>>,
}

/// What a caller was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// This.
    Said(Reply),
    /// Nothing: the request or the answer was lost, or the platform died.
    Nothing,
}

/// An action, what came of it, and when it was under way, by a count of events.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    /// What was asked.
    pub action: &'a Action,
    /// What was said.
    pub told: Told,
    /// It was sent at this event.
    pub began: u64,
    /// It was over at this event.
    pub ended: u64,
}

/// What holds for all actions that are explained together.
#[derive(Clone, Debug)]
pub struct Scene<'a> {
    /// At which sales unit.
    pub unit: Unit,
    /// Who pays.
    pub persons: &'a [Person],
    /// The moments, on the unit's clock, at which an action may have taken place.
    pub moments: &'a [Ms],
    /// Whether the store was made to fail meanwhile: answers may be faults, with or without effect.
    pub faults: bool,
    /// Whether one may have waited too long for another: answers may be 94, without effect.
    pub waits: bool,
}

impl Default for Possible {
    fn default() -> Possible {
        Possible { states: vec![None] }
    }
}

/// What one action makes of a state.
fn act(state: &mut Option<Pay>, action: &Action, scene: &Scene<'_>, now: Ms) -> Reply {
    match (state.as_mut(), action) {
        (Some(_), Action::Initiate(order)) if order.skip_landing_page && !scene.unit.may_skip => {
            Reply::refused(403, "Merchant/38")
        }
        (Some(pay), action) => pay.act(action, scene.persons, now),
        (None, Action::Initiate(order)) => {
            match Pay::begin(order, scene.unit, scene.persons, now) {
                Ok(pay) => {
                    *state = Some(pay);
                    Reply::ok(super::Facts::Nothing)
                }
                Err(refused) => refused,
            }
        }
        (None, action) => {
            let status = if action.is_a_persons() { 0 } else { 404 };
            Reply::refused(status, "Merchant/35")
        }
    }
}

impl Possible {
    /// Narrows to what explains everything that was seen, in some order that the events allow.
    ///
    /// # Errors
    ///
    /// When nothing does: what the model would have said to each action, in the states there were.
    pub fn explain(&mut self, seen: &[Seen<'_>], scene: &Scene<'_>) -> Result<(), String> {
        let mut found = Vec::new();
        for state in &self.states {
            walk(state, 0, seen, scene, &mut found);
        }
        if found.is_empty() {
            return Err(self.expectations(seen, scene));
        }
        self.states = found;
        Ok(())
    }

    /// Lets time pass, so that states that were different may become alike.
    pub fn catch_up(&mut self, persons: &[Person], now: Ms) {
        let mut found: Vec<Option<Pay>> = Vec::with_capacity(self.states.len());
        for mut state in self.states.drain(..) {
            if let Some(pay) = &mut state {
                pay.catch_up(persons, now);
            }
            if !found.contains(&state) {
                found.push(state);
            }
        }
        self.states = found;
    }

    fn expectations(&self, seen: &[Seen<'_>], scene: &Scene<'_>) -> String {
        let mut lines: Vec<String> = Vec::new();
        for one in seen {
            lines.push(format!("  {:?} was told {:?}", one.action, one.told));
            for state in self.states.iter().take(4) {
                for moment in scene.moments {
                    let said = act(&mut state.clone(), one.action, scene, *moment);
                    let line = format!("    expected {said:?}\n      of {state:?} at {moment}");
                    if !lines.contains(&line) {
                        lines.push(line);
                    }
                }
            }
        }
        lines.join("\n")
    }
}

fn walk(
    state: &Option<Pay>,
    done: u32,
    seen: &[Seen<'_>],
    scene: &Scene<'_>,
    found: &mut Vec<Option<Pay>>,
) {
    if done.count_ones() as usize == seen.len() {
        if !found.contains(state) && found.len() < MOST {
            found.push(state.clone());
        }
        return;
    }
    let open = |index: usize| done & (1 << index) == 0;
    for (index, one) in seen.iter().enumerate() {
        // What was over before this began comes first.
        let mut others = seen.iter().enumerate();
        if !open(index) || others.any(|(other, it)| open(other) && it.ended < one.began) {
            continue;
        }
        let done = done | (1 << index);
        let (may_fail, may_not_be) = match &one.told {
            Told::Nothing => (true, true),
            Told::Said(reply) if scene.faults && reply.is_fault() => (true, true),
            Told::Said(reply) => (false, is_without_effect(reply, state, scene)),
        };
        if may_not_be {
            walk(state, done, seen, scene, found);
        }
        for moment in scene.moments {
            let mut after = state.clone();
            let said = act(&mut after, one.action, scene, *moment);
            if may_fail || one.told == Told::Said(said) {
                walk(&after, done, seen, scene, found);
            }
        }
    }
}

/// Somebody else had the order too long, or the shop did not say how it ships.
fn is_without_effect(reply: &Reply, state: &Option<Pay>, scene: &Scene<'_>) -> bool {
    let asks = |pay: &Pay| pay.order.asks_shipping && matches!(pay.stage, Stage::Open { .. });
    (scene.waits && reply.is_locked())
        || (reply.is_no_shipping() && state.as_ref().is_some_and(asks))
}
