//! What must hold whatever was said: after each step for the orders it touched, and in the end for all.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use sandkasse_domain::payment::{Event, Happened, Payment};
use sandkasse_engine::partition;
use sandkasse_store::{CallState, Kind, Purpose, StreamId};
use serde_json::Value;

use super::{Planned, Step, World};
use crate::{call::state_name, model::Action, node::Node};

/// What the store had of an order when it was looked at last.
#[derive(Debug, Default)]
pub(super) struct Seen {
    version: u64,
    events: usize,
    captured: i64,
    refunded: i64,
    is_final: bool,
}

impl World {
    /// Sums, and that nothing went backwards.
    pub(super) fn look_at(&mut self, order: usize) -> Step {
        let Some((version, payment, history)) = self.stored(order)? else {
            let seen = &self.orders[order].seen;
            return match seen.version {
                0 => Ok(()),
                _ => Err(format!(
                    "{} was in the store and is there no more",
                    self.orders[order].id
                )),
            };
        };
        *self.counts.states.entry(state_name(&payment)).or_default() += 1;
        let place = &mut self.orders[order];
        let wrong = |what: &str| Err(format!("{}: {what}: {payment:?}", place.id));
        if Payment::fold(&history).as_ref() != Some(&payment) {
            return wrong("the record is not the fold of its events");
        }
        let (mut captured, mut refunded) = (0, 0);
        if let Some(reservation) = payment.reservation() {
            (captured, refunded) = (reservation.captured.units(), reservation.refunded.units());
            if captured > reservation.grant.amount.units() {
                return wrong("more was captured than reserved");
            }
            if refunded > captured {
                return wrong("more was refunded than captured");
            }
        }
        let seen = &place.seen;
        if version < seen.version
            || history.len() < seen.events
            || captured < seen.captured
            || refunded < seen.refunded
        {
            return wrong("it went backwards");
        }
        let is_final =
            payment.reservation().is_none() && payment.open().is_none() && payment.due().is_none();
        if seen.is_final && history.len() != seen.events {
            return wrong("something happened after the end");
        }
        place.seen = Seen {
            version,
            events: history.len(),
            captured,
            refunded,
            is_final,
        };
        Ok(())
    }

    fn stored(&self, order: usize) -> Result<Option<(u64, Payment, Vec<Happened>)>, String> {
        let place = &self.orders[order];
        let unit = &self.units[place.unit];
        let partition = partition(unit.environment, &unit.msn);
        let stream = StreamId {
            kind: Kind::Payment,
            name: place.id.clone(),
        };
        let Some(record) = self.read(self.store().load(&partition, &stream))? else {
            return Ok(None);
        };
        let stored = self.read(self.store().history(&partition, &stream))?;
        let mut history = Vec::with_capacity(stored.len());
        for it in stored {
            let event: Event = serde_json::from_str(&it.body).map_err(|error| error.to_string())?;
            history.push(Happened { at: it.at, event });
        }
        let payment = serde_json::from_str(&record.body).map_err(|error| error.to_string())?;
        Ok(Some((record.version, payment, history)))
    }

    /// The end: all is well again, whatever is due happens, and then everything must fit.
    pub(super) fn finish(&mut self) -> Step {
        self.trace.line("the end".to_owned());
        self.converges()?;
        for index in 0..self.nodes.len() {
            self.kill(index);
        }
        // So long that nobody believes that any of them lives.
        self.clock.advance(SignedDuration::from_secs(60));
        self.revive()?;
        for index in 0..self.nodes.len() {
            let node: &Node = self.node(index);
            node.run(node.platform.engine.run_due_units());
        }
        self.nothing_is_overdue()?;
        self.deliver_the_rest()?;
        for order in 0..self.orders.len() {
            let with = self.young_credentials(self.orders[order].unit)?;
            let planned = Planned {
                order,
                action: Action::Details,
            };
            self.operate(0, &planned, with)?;
        }
        self.deliver_the_rest()?;
        self.all_delivered()?;
        self.all_known()?;
        self.numbers_are_unique()
    }

    /// A minute after the last fault nothing is left to do, though no node was started again.
    fn converges(&mut self) -> Step {
        self.clock.advance(SignedDuration::from_secs(60));
        for _ in 0..2 {
            for index in 0..self.nodes.len() {
                self.beat(index)?;
            }
        }
        for _ in 0..25 {
            self.nodes.iter().flatten().for_each(Node::lose_patience);
            self.network.give_up();
            self.settle()?;
        }
        let calls = self.read(self.store().latest_calls(None, usize::MAX))?;
        let is_owed = |state: &CallState| matches!(state, CallState::Owed);
        if let Some((_, record)) = calls.iter().find(|(_, record)| is_owed(&record.state)) {
            let call = &record.call;
            return Err(format!(
                "the callback {} about {} is owed still",
                call.id, call.about
            ));
        }
        self.counts
            .did("all was done a minute after the last fault");
        Ok(())
    }

    /// Receivers that hang are waited for no longer.
    fn deliver_the_rest(&mut self) -> Step {
        for _ in 0..2 {
            self.settle()?;
            self.network.give_up();
        }
        self.settle()
    }

    /// Whoever did what is due left nothing.
    fn nothing_is_overdue(&mut self) -> Step {
        for order in 0..self.orders.len() {
            let now = self.now(self.orders[order].unit);
            if let Some((_, payment, _)) = self.stored(order)?
                && let Some((at, due)) = payment.due()
                && at.as_millisecond() <= now
            {
                let id = &self.orders[order].id;
                return Err(format!(
                    "{id} should have changed by itself at {at}: {due:?}"
                ));
            }
        }
        Ok(())
    }

    /// Each callback that is owed was attempted once, or is noted as interrupted; and nothing else.
    fn all_delivered(&mut self) -> Step {
        let mut arrived: BTreeMap<String, u32> = BTreeMap::new();
        for id in self.network.arrived() {
            *arrived.entry(id).or_default() += 1;
        }
        if let Some((id, times)) = arrived.iter().find(|(_, times)| **times > 1) {
            return Err(format!("call {id} was made {times} times"));
        }
        let mut said: BTreeMap<(usize, String), Vec<String>> = BTreeMap::new();
        let calls = self.read(self.store().latest_calls(None, usize::MAX))?;
        for (_, record) in calls.into_iter().rev() {
            let call = &record.call;
            let came = arrived.remove(&call.id).is_some();
            let fits = match &record.state {
                CallState::Done { .. } => came,
                // A node that is not heard for long is thought dead, and may live.
                CallState::Interrupted { .. } => self.crashes > 0 || self.nodes.len() > 1,
                CallState::Owed | CallState::Begun { .. } => false,
            };
            if !fits {
                return Err(format!(
                    "the callback {} about {} is {:?}; it came: {came}",
                    call.id, call.about, record.state
                ));
            }
            if call.purpose != Purpose::PaymentCallback {
                self.counts.did("a question about shipping");
                continue;
            }
            let body: Value =
                serde_json::from_str(call.body.as_deref().unwrap_or_default()).unwrap_or_default();
            let status = body
                .pointer("/transactionInfo/status")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let unit = self.units.iter().position(|unit| {
                unit.msn == record.partition.msn && unit.environment == record.partition.environment
            });
            let place = (unit.ok_or("a callback of no unit")?, call.about.clone());
            said.entry(place).or_default().push(status.to_owned());
            self.counts.did("a callback");
        }
        if let Some((id, _)) = arrived.first_key_value() {
            return Err(format!("call {id} was made and is in no list"));
        }
        for order in 0..self.orders.len() {
            let now = self.now(self.orders[order].unit);
            let persons = self.persons.clone();
            let place = &mut self.orders[order];
            place.possible.catch_up(&persons, now);
            let said = said
                .remove(&(place.unit, place.id.clone()))
                .unwrap_or_default();
            let fits = place.possible.states.iter().any(|state| {
                state
                    .as_ref()
                    .map_or(said.is_empty(), |pay| pay.owed == said)
            });
            if !fits {
                let owed: Vec<_> = place
                    .possible
                    .states
                    .iter()
                    .map(|it| it.as_ref().map(|pay| &pay.owed))
                    .collect();
                return Err(format!(
                    "{}: callbacks {said:?}, but owed are {owed:?}",
                    place.id
                ));
            }
        }
        Ok(())
    }

    /// The store has no payment that nobody asked for.
    fn all_known(&self) -> Step {
        for (index, unit) in self.units.iter().enumerate() {
            let partition = partition(unit.environment, &unit.msn);
            let listed =
                self.read(
                    self.store()
                        .list(&partition, Kind::Payment, "", None, usize::MAX),
                )?;
            if let Some((id, _)) = listed
                .iter()
                .find(|(id, _)| !self.places.contains_key(&(index, id.clone())))
            {
                return Err(format!("the store has an order {id} that nobody made"));
            }
        }
        Ok(())
    }

    /// No two movements of money have one number.
    fn numbers_are_unique(&self) -> Step {
        let mut numbers = BTreeSet::new();
        for order in 0..self.orders.len() {
            let Some((_, _, history)) = self.stored(order)? else {
                continue;
            };
            for happened in history {
                if let Event::Captured(it) | Event::Refunded(it) = happened.event
                    && !numbers.insert(it.transaction_id.0.clone())
                {
                    return Err(format!(
                        "two movements have the number {}",
                        it.transaction_id.0
                    ));
                }
            }
        }
        Ok(())
    }
}
