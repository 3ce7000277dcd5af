//! What concerns more than one order: time, tokens, keys, closed units, cards, crashes, receivers.

use jiff::SignedDuration;
use rand::{Rng as _, rngs::StdRng};
use sandkasse_domain::{
    Environment,
    keys::KeyName,
    person::CardState,
    sales_unit::{SalesUnit, UnitState},
};
use sandkasse_engine::{WallClock as _, directory::regenerate};
use serde_json::Value;

use super::{Step, World, crash::Known};
use crate::{
    cast::{CHANGING, closed, person_id},
    model::{Reply, Token},
};

/// How far clocks are moved, in seconds, and how often of a hundred.
const ADVANCES: [(i64, u32); 9] = [
    (1, 12),
    (30, 14),
    (61, 14),
    (301, 18),
    (3_600, 14),
    (86_400, 12),
    (8 * 86_400, 9),
    (31 * 86_400, 5),
    (181 * 86_400, 2),
];

impl World {
    /// A step that is no operation on an order.
    pub(super) fn chore(&mut self, rng: &mut StdRng) -> Step {
        let (unit, index) = (self.choose_unit(rng), rng.random_range(0..self.nodes.len()));
        match rng.random_range(0..100) {
            0..26 => self.advance(index, unit, rng),
            26..52 => {
                self.trace.line(format!("  node {index} does what is due"));
                self.counts.did("what is due is done");
                let node = self.node(index);
                let engine = node.platform.engine.clone();
                node.run(engine.run_due_units());
                Ok(())
            }
            52..66 => {
                let seconds = rng.random_range(1..90);
                self.trace.line(format!("  {seconds} s pass for everybody"));
                self.clock.advance(SignedDuration::from_secs(seconds));
                Ok(())
            }
            66..78 => {
                self.trace
                    .line("  receivers that hang are given up".to_owned());
                self.network.give_up();
                Ok(())
            }
            78..80 => {
                self.fetch_token(index, unit)?;
                self.wrong_secret(index, unit)
            }
            80..84 => self.renew_key(index, unit, rng),
            // Units are open most of the time.
            84..90 if self.units[unit].entrance.closed || rng.random_range(0..4) == 0 => {
                self.close_or_open(index, unit)
            }
            84..90 => Ok(()),
            90..96 => self.change_person(index, rng),
            _ if self.is_calm() && rng.random_range(0..8) > 0 => Ok(()),
            _ => self.crash(index),
        }
    }

    fn advance(&mut self, index: usize, unit: usize, rng: &mut StdRng) -> Step {
        let mut chosen = rng.random_range(0..100);
        let mut seconds = 366 * 86_400;
        for (by, often) in ADVANCES {
            if chosen < often {
                seconds = by;
                break;
            }
            chosen -= often;
        }
        let name = self.units[unit].name;
        self.trace
            .line(format!("  the clock of {name} goes {seconds} s ahead"));
        self.counts.did("a clock is moved");
        if rng.random_range(0..20) == 0 {
            let verdict = self.choose_verdict(rng);
            self.node(index)
                .desk
                .plan(rng.random_range(0..6), None, verdict);
        }
        let before = self.believed(unit);
        let after = Known {
            ahead_ms: before.ahead_ms + seconds * 1000,
            ..before.clone()
        };
        self.doubtful = Some(unit);
        let node = self.node(index);
        let directory = node
            .platform
            .engine
            .directory
            .of(self.units[unit].environment);
        let there = directory
            .unit(&self.units[unit].msn)
            .ok_or("a sales unit is gone")?
            .clone();
        let moved = node.run(
            node.platform
                .engine
                .advance(&there, SignedDuration::from_secs(seconds)),
        );
        self.changed(
            index,
            unit,
            &before,
            &after,
            moved.map(|moved| moved.is_ok()),
        )
    }

    /// A change of a sales unit is so, or, if it did not go well, so or not.
    fn changed(
        &mut self,
        index: usize,
        unit: usize,
        before: &Known,
        after: &Known,
        went_well: Option<bool>,
    ) -> Step {
        let faults = self.aftermath(index)?;
        self.hear_all()?;
        let known = self.known(index, unit)?;
        self.doubtful = None;
        let is_possible = match went_well {
            Some(true) => known == *after,
            Some(false) => faults && (known == *before || known == *after),
            None => known == *before || known == *after,
        };
        if !is_possible {
            let name = self.units[unit].name;
            return Err(format!(
                "{name} is {known:?}; it was {before:?}, and was to be {after:?}: {went_well:?}"
            ));
        }
        self.believe(unit, known);
        self.tell_all(index)
    }

    /// Other nodes learn of it with their next beat.
    pub(super) fn tell_all(&mut self, index: usize) -> Step {
        for other in (0..self.nodes.len()).filter(|other| *other != index) {
            self.beat(other)?;
        }
        Ok(())
    }

    /// Every node hears what became of a change, also the one whose connection was lost meanwhile.
    pub(super) fn hear_all(&mut self) -> Step {
        (0..self.nodes.len()).try_for_each(|index| self.beat(index))
    }

    /// A node tells that it lives, and hears of the others.
    pub(super) fn beat(&self, index: usize) -> Step {
        let node = self.node(index);
        let beat = node.run(node.platform.engine.beat());
        beat.ok_or("a node died")?.map_err(|error| error.0)
    }

    /// Changes a sales unit as the portal does.
    fn change_unit(
        &mut self,
        index: usize,
        unit: usize,
        change: impl FnMut(&mut SalesUnit) + Send,
    ) -> Option<bool> {
        self.doubtful = Some(unit);
        let (node, unit) = (self.node(index), &self.units[unit]);
        let directory = &node.platform.engine.directory;
        let changed = node.run(directory.change_unit(unit.environment, &unit.msn, change));
        changed.map(|changed| changed.is_ok())
    }

    fn renew_key(&mut self, index: usize, unit: usize, rng: &mut StdRng) -> Step {
        let name = [KeyName::ClientSecret, KeyName::PrimarySubscriptionKey][rng.random_range(0..2)];
        let before = self.believed(unit);
        let engine = self.node(index).platform.engine.clone();
        let mut made = None;
        let went_well = self.change_unit(index, unit, |facts| {
            regenerate(&mut facts.keys, &mut facts.retired, name, &engine);
            made = Some(facts.keys.clone());
        });
        let after = Known {
            keys: made.unwrap_or_else(|| before.keys.clone()),
            ..before.clone()
        };
        self.trace
            .line(format!("  {} gets a new {name:?}", self.units[unit].name));
        self.counts.did("a key is renewed");
        self.changed(index, unit, &before, &after, went_well)
    }

    fn close_or_open(&mut self, index: usize, unit: usize) -> Step {
        let before = self.believed(unit);
        let after = Known {
            closed: !before.closed,
            ..before.clone()
        };
        let state = if after.closed {
            closed(self.clock.now())
        } else {
            UnitState::Active
        };
        let went_well = self.change_unit(index, unit, |facts| facts.state = state.clone());
        self.trace.line(format!(
            "  {} is closed: {}",
            self.units[unit].name, after.closed
        ));
        self.counts.did("a unit is closed or opened");
        self.changed(index, unit, &before, &after, went_well)
    }

    /// A card goes bad or is good again; a person is blocked or not.
    fn change_person(&mut self, index: usize, rng: &mut StdRng) -> Step {
        let (person, which) = (rng.random_range(CHANGING), rng.random_range(0..3));
        let Some(model) = self.persons.get_mut(person) else {
            return Ok(());
        };
        match model.cards.get_mut(which) {
            Some(card) => *card = !*card,
            None => model.may_pay = !model.may_pay,
        }
        let model = *model;
        self.trace
            .line(format!("  person {person} is now {model:?}"));
        self.counts.did("a person changes");
        for environment in Environment::ALL {
            let node = self.node(index);
            let directory = &node.platform.engine.directory;
            let id = person_id(person);
            let changed = node.run(directory.change_person(environment, &id, |it| {
                it.blocked = !model.may_pay;
                for (card, is_good) in it.cards.iter_mut().zip(model.cards) {
                    card.state = if is_good {
                        CardState::Valid
                    } else {
                        CardState::Expired
                    };
                }
            }));
            changed.ok_or("a node died")?.map_err(|error| error.0)?;
        }
        self.tell_all(index)
    }

    /// A fresh token with the right keys.
    pub(super) fn fetch_token(&mut self, index: usize, unit: usize) -> Result<Token, String> {
        let secret = self.units[unit].keys.client_secret.clone();
        let (reply, token) = self.ask_token(index, unit, &secret)?;
        let token = token.filter(|_| reply.status == 200);
        let token =
            token.ok_or_else(|| format!("{} gets no token: {reply:?}", self.units[unit].name))?;
        let token = Token {
            text: token,
            issued: self.now(unit),
        };
        self.units[unit].tokens.push(token.clone());
        Ok(token)
    }

    /// A secret that was replaced gets no token.
    fn wrong_secret(&mut self, index: usize, unit: usize) -> Step {
        let it = &self.units[unit];
        let Some(old) = it
            .retired
            .iter()
            .find(|old| old.client_secret != it.keys.client_secret)
        else {
            return Ok(());
        };
        let secret = old.client_secret.clone();
        let (reply, _) = self.ask_token(index, unit, &secret)?;
        self.counts.did("an old secret is refused");
        match reply.status {
            401 => Ok(()),
            _ => Err(format!(
                "{} gets a token for an old secret: {reply:?}",
                self.units[unit].name
            )),
        }
    }

    fn ask_token(
        &mut self,
        index: usize,
        unit: usize,
        secret: &str,
    ) -> Result<(Reply, Option<String>), String> {
        self.prepare(index, unit)?;
        let it = &self.units[unit];
        let mut headers = http::HeaderMap::new();
        for (name, value) in [
            ("client_id", it.keys.client_id.as_str()),
            ("client_secret", secret),
            ("ocp-apim-subscription-key", &it.keys.primary),
        ] {
            let value = http::HeaderValue::from_str(value).map_err(|error| error.to_string())?;
            headers.insert(name, value);
        }
        let request = sandkasse_api::Request {
            method: http::Method::POST,
            path: "/accesstoken/get".to_owned(),
            headers,
            body: bytes::Bytes::new(),
        };
        let node = self.node(index);
        let exchange = node
            .run(node.platform.answer(it.environment, &request))
            .ok_or("a node died")?;
        let said: Value = serde_json::from_slice(&exchange.answer.body).unwrap_or_default();
        let token = said
            .get("access_token")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let name = it.name;
        self.trace.line(format!(
            "  {name} asks for a token -> {}",
            exchange.answer.status
        ));
        self.trace.bytes(&exchange.answer.body);
        self.counts.did("access token");
        Ok((Reply::refused(exchange.answer.status.as_u16(), ""), token))
    }
}
