//! Several requests in flight together, interleaved by the seed wherever they meet the store.

use std::sync::Arc;

use jiff::SignedDuration;
use parking_lot::Mutex;
use rand::{Rng as _, rngs::StdRng};
use tokio::task::AbortHandle;

use super::{Planned, Step, World, crash::Known, told};
use crate::{
    call::{Answered, Call},
    cast::{BY_HAND, NEWCOMER},
    desk::Verdict,
    model::{Action, Credentials, Ms, Reply, Seen},
};

/// What may go wrong during a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Nothing,
    /// Clients hang up.
    Aborts,
    /// Who waits for an order longer than the platform's patience gives up.
    Waits,
    /// Operations on the store fail.
    Failures,
    /// A node dies.
    Crash,
    /// A node is cut off from the store.
    Cut,
}

/// A request of a burst.
struct Flight {
    planned: Planned,
    with: Credentials,
    node: usize,
    refused: Option<Reply>,
    began: u64,
    ended: u64,
    answered: Option<Answered>,
    handle: Option<AbortHandle>,
}

/// What the scheduler can do next.
enum Next {
    Start(usize),
    Go(usize, usize),
}

impl World {
    /// A step: two to four requests, mostly about one order, often the same one twice.
    pub(super) fn burst(&mut self, rng: &mut StdRng) -> Step {
        let unit = self.choose_unit(rng);
        if self.units[unit].entrance.limited {
            return self.alone(rng);
        }
        let trouble = match rng.random_range(0..100) {
            0..55 => Trouble::Nothing,
            55..63 => Trouble::Aborts,
            63..70 => Trouble::Waits,
            70..84 => Trouble::Failures,
            84..93 if !self.is_calm() => Trouble::Crash,
            _ => Trouble::Cut,
        };
        for index in 0..self.nodes.len() {
            self.prepare(index, unit)?;
        }
        let mut flights = self.choose_flights(unit, rng)?;
        let runs_agenda = rng.random_range(0..3) == 0;
        self.trace.line(format!(
            "  {} in flight together; {trouble:?}",
            flights.len()
        ));
        self.counts.did("a burst");
        self.nodes
            .iter()
            .flatten()
            .for_each(|node| node.desk.gate());
        if runs_agenda {
            let node = self.node(rng.random_range(0..self.nodes.len()));
            let engine = node.platform.engine.clone();
            node.begin(async move { engine.run_due_units().await });
        }
        let (before, moved) = (self.believed(unit), self.move_clock(unit, rng)?);
        let now = self.now(unit);
        self.fly(&mut flights, trouble, rng)?;
        let mut struck = Vec::new();
        for node in self.nodes.iter().flatten() {
            struck.extend(node.desk.clear());
        }
        self.revive()?;
        self.settle()?;
        let faults = self.note_struck(&struck);
        let mut moments = vec![now];
        if let Some((index, by_ms)) = moved {
            moments.push(now + by_ms);
            self.hear_all()?;
            let (known, ahead_ms) = (self.known(index, unit)?, before.ahead_ms + by_ms);
            let after = Known {
                ahead_ms,
                ..before.clone()
            };
            let was_struck = faults || trouble == Trouble::Crash;
            if known != after && !(was_struck && known == before) {
                return Err(format!(
                    "a clock that was moved is {known:?}, and was to be {after:?}"
                ));
            }
            self.believe(unit, known);
            self.tell_all(index)?;
        }
        self.doubtful = None;
        self.judge(&flights, &moments, faults, trouble == Trouble::Waits)
    }

    /// Sometimes the unit's clock is moved while requests are in flight: at which node, and how far.
    fn move_clock(
        &mut self,
        unit: usize,
        rng: &mut StdRng,
    ) -> Result<Option<(usize, i64)>, String> {
        if rng.random_range(0..6) != 0 {
            return Ok(None);
        }
        let by_ms = [1_000, 25_000, 61_000, 301_000][rng.random_range(0..4)];
        self.trace
            .line(format!("    meanwhile its clock goes {by_ms} ms ahead"));
        self.counts.did("a clock is moved in a burst");
        self.doubtful = Some(unit);
        let index = rng.random_range(0..self.nodes.len());
        let (node, unit) = (self.node(index), &self.units[unit]);
        let engine = node.platform.engine.clone();
        let directory = engine.directory.of(unit.environment);
        let unit = directory
            .unit(&unit.msn)
            .ok_or("a sales unit is gone")?
            .clone();
        node.begin(async move {
            // What came of it is looked at afterwards.
            let _ = engine
                .advance(&unit, SignedDuration::from_millis(by_ms))
                .await;
        });
        Ok(Some((index, by_ms)))
    }

    fn choose_flights(&mut self, unit: usize, rng: &mut StdRng) -> Result<Vec<Flight>, String> {
        let first = self.choose(unit, rng);
        let mut flights = Vec::new();
        for index in 0..rng.random_range(2..=4) {
            let planned = match rng.random_range(0..10) {
                _ if index == 0 => first.clone(),
                // Delivered twice.
                0..4 => first.clone(),
                4..9 => Planned {
                    action: self.choose_action(first.order, rng),
                    order: first.order,
                },
                _ => self.choose(unit, rng),
            };
            // Tokens here live longer than the clock can be moved meanwhile.
            let with = self.young_credentials(unit)?;
            let refused = match planned.action.is_a_persons() {
                true => None,
                false => {
                    let (order, now) = (self.orders[planned.order].id.clone(), self.now(unit));
                    self.units[unit]
                        .entrance
                        .judge(&with, &planned.action, &order, now)
                }
            };
            flights.push(Flight {
                planned,
                with,
                node: rng.random_range(0..self.nodes.len()),
                refused,
                began: 0,
                ended: u64::MAX,
                answered: None,
                handle: None,
            });
        }
        // As in `choose_action`, for orders that begin just now.
        let begins_express = flights.iter().any(
            |flight| matches!(&flight.planned.action, Action::Initiate(order) if order.express),
        );
        for flight in flights.iter_mut().filter(|_| begins_express) {
            if let Action::Show { person } = &mut flight.planned.action {
                *person %= BY_HAND;
            }
        }
        // What nodes know of the newcomer differs while they have not heard of an approval.
        for flight in &mut flights {
            if let Action::Force { person, .. } | Action::Approve { person, .. } =
                &mut flight.planned.action
                && *person == NEWCOMER
            {
                *person = 0;
            }
        }
        Ok(flights)
    }

    /// Lets them fly until all have landed, were given up, or died with their node.
    fn fly(&mut self, flights: &mut Vec<Flight>, trouble: Trouble, rng: &mut StdRng) -> Step {
        let landed: Arc<Mutex<Vec<Option<Answered>>>> =
            Arc::new(Mutex::new(flights.iter().map(|_| None).collect()));
        let mut troubles = if trouble == Trouble::Nothing {
            0
        } else {
            rng.random_range(1..3)
        };
        let (mut event, mut stuck) = (0, 0);
        loop {
            self.nodes.iter().flatten().for_each(|node| node.settle());
            event += 1;
            for (flight, landed) in flights.iter_mut().zip(landed.lock().iter_mut()) {
                if flight.answered.is_none() && landed.is_some() {
                    (flight.answered, flight.ended) = (landed.take(), event);
                }
            }
            let mut next: Vec<Next> = Vec::new();
            for (index, flight) in flights.iter().enumerate() {
                if flight.began == 0 && self.nodes[flight.node].is_some() {
                    next.push(Next::Start(index));
                }
            }
            for (index, node) in self.nodes.iter().enumerate() {
                let waiting = node.as_ref().map_or(0, |node| node.desk.waiting());
                next.extend((0..waiting).map(|place| Next::Go(index, place)));
            }
            if next.is_empty() {
                let is_up = |flight: &&Flight| {
                    flight.handle.is_some()
                        && flight.answered.is_none()
                        && self.nodes[flight.node].is_some()
                };
                if !flights.iter().any(|flight| is_up(&flight)) {
                    // Those that never began were never sent.
                    flights.retain(|flight| flight.began > 0);
                    return Ok(());
                }
                stuck += 1;
                if stuck > 3 {
                    return Err("requests hang though nothing holds them".to_owned());
                }
                self.nodes
                    .iter()
                    .flatten()
                    .for_each(|node| node.lose_patience());
                continue;
            }
            if troubles > 0 && rng.random_range(0..6) == 0 {
                troubles -= 1;
                self.strike(flights, trouble, rng);
                continue;
            }
            match next.swap_remove(rng.random_range(0..next.len())) {
                Next::Start(index) => {
                    event += 1;
                    self.start(index, flights, event, landed.clone());
                }
                Next::Go(node, place) => {
                    let what = self.node(node).desk.pick(place, Verdict::Go);
                    self.trace.line(format!("    node {node}: {what}"));
                }
            }
        }
    }

    fn start(
        &mut self,
        index: usize,
        flights: &mut [Flight],
        event: u64,
        landed: Arc<Mutex<Vec<Option<Answered>>>>,
    ) {
        let Some(flight) = flights.get_mut(index) else {
            return;
        };
        flight.began = event;
        self.trace.line(format!(
            "    {:?} to node {}",
            flight.planned.action, flight.node
        ));
        let call: Call = self.call(&flight.planned, flight.with.clone());
        let node = self.node(flight.node);
        let platform = node.platform.clone();
        let desk = node.desk.clone();
        flight.handle = Some(node.begin(async move {
            let answered = call.make(platform).await;
            if let Some(place) = landed.lock().get_mut(index) {
                *place = Some(answered);
            }
            desk.moved();
        }));
    }

    fn strike(&mut self, flights: &mut [Flight], trouble: Trouble, rng: &mut StdRng) {
        let index = rng.random_range(0..self.nodes.len());
        let Some(node) = &self.nodes[index] else {
            return;
        };
        let waiting = node.desk.waiting();
        self.trace.line(format!("    {trouble:?}"));
        match trouble {
            Trouble::Nothing => {}
            Trouble::Waits => node.lose_patience(),
            Trouble::Cut => node.desk.cut(),
            Trouble::Aborts => {
                let chosen = rng.random_range(0..flights.len());
                if let Some(handle) = flights
                    .get(chosen)
                    .and_then(|flight| flight.handle.as_ref())
                {
                    handle.abort();
                    if let Some(flight) = flights.get_mut(chosen) {
                        flight.handle = None;
                    }
                    self.counts.did("a client hangs up");
                }
            }
            Trouble::Failures if waiting > 0 => {
                let verdict = if rng.random_range(0..2) == 0 {
                    Verdict::FailBefore
                } else {
                    self.fails_after()
                };
                let what = node.desk.pick(rng.random_range(0..waiting), verdict);
                self.trace
                    .line(format!("    node {index}: {what} {verdict:?}"));
            }
            Trouble::Failures => {}
            Trouble::Crash => {
                // Some of what waits has reached the store when the node dies, and some has not.
                for place in (0..waiting).rev() {
                    let verdict = if rng.random_range(0..2) == 0 {
                        Verdict::DieBefore
                    } else {
                        Verdict::DieAfter
                    };
                    let what = node.desk.pick(place, verdict);
                    self.trace
                        .line(format!("    node {index}: {what} {verdict:?}"));
                }
                node.settle();
                self.kill(index);
            }
        }
    }

    /// Compares everything that was said with the model, order by order.
    fn judge(&mut self, flights: &[Flight], moments: &[Ms], faults: bool, waits: bool) -> Step {
        let mut orders: Vec<usize> = flights.iter().map(|flight| flight.planned.order).collect();
        orders.sort_unstable();
        orders.dedup();
        for flight in flights {
            match &flight.answered {
                Some(answered) => self.heard(&flight.planned, answered)?,
                None => self
                    .trace
                    .line(format!("  {:?} -> nobody knows", flight.planned.action)),
            }
            if let (Some(refused), Some(answered)) = (&flight.refused, &flight.answered)
                && answered.reply != *refused
            {
                return Err(format!(
                    "{:?} should have been refused before anything: {refused:?}",
                    flight.planned.action
                ));
            }
        }
        for order in orders {
            let of_order = flights
                .iter()
                .filter(|flight| flight.planned.order == order && flight.refused.is_none());
            let seen: Vec<Seen<'_>> = of_order
                .map(|flight| Seen {
                    action: &flight.planned.action,
                    told: told(flight.answered.as_ref()),
                    began: flight.began,
                    ended: flight.ended,
                })
                .collect();
            self.explain(0, order, &seen, moments, faults, waits)?;
            self.look_at(order)?;
        }
        Ok(())
    }
}
