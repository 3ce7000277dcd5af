//! What is done next: mostly what makes sense for the payment as it stands, and often what does not.

use rand::{Rng as _, rngs::StdRng, seq::IndexedRandom as _};

use super::{Planned, World};
use crate::{
    cast::{BY_HAND, NEWCOMER, PERSONS},
    model::{Action, Asked, Credentials, NewOrder, Stage, Sums, Token},
};

/// So many orders of a unit are in anybody's mind.
const RECENT: usize = 6;
/// Amounts, many of which mean something to the bank of the test environment.
const AMOUNTS: [i64; 14] = [
    100, 101, 151, 182, 186, 187, 197, 201, 202, 500, 10_000, 49_900, 50_000, 99,
];

impl World {
    pub(super) fn choose_unit(&self, rng: &mut StdRng) -> usize {
        rng.random_range(0..self.units.len())
    }

    /// Mostly the right ones.
    pub(super) fn choose_credentials(&mut self, unit: usize, rng: &mut StdRng) -> Credentials {
        let mut with = self.credentials(unit);
        let it = &self.units[unit];
        match rng.random_range(0..200) {
            0 => with.key = "0123456789abcdef0123456789abcdef".to_owned(),
            1 => {
                if let Some(old) = it.retired.choose(rng) {
                    with.key = old.primary.clone();
                }
            }
            2 => {
                if let Some(old) = it.tokens.choose(rng) {
                    with.token = old.clone();
                }
            }
            3 => with.key = it.keys.secondary.clone(),
            _ => {}
        }
        // A program fetches a new token when the old one is about to end.
        let now = self.now(unit);
        let is_old = now - with.token.issued > 45 * 60_000;
        if is_old && rng.random_range(0..20) > 0 {
            let token: Option<Token> = self.fetch_token(0, unit).ok();
            with.token = token.unwrap_or(with.token);
        }
        with
    }

    /// Something that somebody does at this sales unit.
    pub(super) fn choose(&mut self, unit: usize, rng: &mut StdRng) -> Planned {
        if rng.random_range(0..12) == 0
            && let Some(planned) = self.choose_again(unit, rng)
        {
            return planned;
        }
        let order = self.choose_order(unit, rng);
        let mut action = self.choose_action(order, rng);
        let offered = matches!(&action, Action::Show { person } if *person >= BY_HAND);
        if offered
            && self.orders[order]
                .possible
                .states
                .iter()
                .flatten()
                .any(|pay| pay.order.express)
        {
            // Who acts unasked would have to ask the shop first, at a moment of which nobody is told.
            action = Action::Show { person: 0 };
        }
        let planned = Planned { order, action };
        self.remember(&planned);
        planned
    }

    fn remember(&mut self, planned: &Planned) {
        let (Action::Capture(asked) | Action::Refund(asked)) = &planned.action else {
            return;
        };
        if asked.key.is_some() {
            self.keyed.push_back(planned.clone());
            if self.keyed.len() > 20 {
                self.keyed.pop_front();
            }
        }
    }

    /// A capture or refund that was asked for before: a retry, or a mistake with its key.
    fn choose_again(&mut self, unit: usize, rng: &mut StdRng) -> Option<Planned> {
        let of_unit: Vec<&Planned> = self
            .keyed
            .iter()
            .filter(|it| self.orders[it.order].unit == unit)
            .collect();
        let mut planned = (*of_unit.choose(rng)?).clone();
        if let (Action::Capture(asked) | Action::Refund(asked), 0) =
            (&mut planned.action, rng.random_range(0..4))
        {
            match rng.random_range(0..3) {
                0 => asked.text = 1 - asked.text.min(1),
                1 => asked.amount = asked.amount.map_or(Some(100), |amount| Some(amount + 1)),
                _ => asked.bank_refuses = !asked.bank_refuses,
            }
        }
        Some(planned)
    }

    fn choose_order(&mut self, unit: usize, rng: &mut StdRng) -> usize {
        let recent = &self.recent[unit];
        if recent.is_empty() || rng.random_range(0..100) < 14 {
            let id = format!("acme-{}", self.orders.len());
            let place = self.place(unit, &id);
            let recent = &mut self.recent[unit];
            recent.push_back(place);
            if recent.len() > RECENT {
                recent.pop_front();
            }
            return place;
        }
        match rng.random_range(0..100) {
            // Nobody's, or the sister's.
            0 => self.place(unit, "nobodys"),
            1 => {
                let other = rng.random_range(0..self.orders.len());
                let id = self.orders[other].id.clone();
                self.place(unit, &id)
            }
            2 | 3 => {
                let old: Vec<usize> = (0..self.orders.len())
                    .filter(|it| self.orders[*it].unit == unit)
                    .collect();
                old.choose(rng).copied().unwrap_or_default()
            }
            _ => recent
                .get(rng.random_range(0..recent.len()))
                .copied()
                .unwrap_or_default(),
        }
    }

    pub(super) fn choose_action(&mut self, order: usize, rng: &mut StdRng) -> Action {
        let place = &self.orders[order];
        let mut may_be = place.possible.states.iter();
        let Some(Some(pay)) = may_be.find(|state| state.is_some()) else {
            return match rng.random_range(0..20) {
                0..16 => self.choose_initiate(place.unit, rng),
                _ => any(rng),
            };
        };
        let (sums, total) = (pay.sums().unwrap_or_default(), pay.total());
        match (&pay.stage, rng.random_range(0..100)) {
            (Stage::Open { .. }, 0..40) => Action::Approve {
                person: someone(rng),
                card: rng.random_range(0..2),
            },
            (Stage::Open { .. }, 40..47) => Action::Open,
            (Stage::Open { .. }, 47..54) => Action::Show {
                person: anybody(rng),
            },
            (Stage::Open { .. }, 54..60) => Action::Reject,
            (Stage::Open { .. }, 60..64) => Action::Leave,
            (Stage::Open { .. }, 64..66) => Action::Secure,
            (Stage::Open { .. }, 66..74) => force(rng),
            (Stage::Held { .. }, 0..32) => Action::Capture(asked(sums.to_capture, total, rng)),
            (Stage::Held { captured, .. }, 32..56)
                if *captured > 0 || rng.random_range(0..4) == 0 =>
            {
                Action::Refund(asked(sums.to_refund, total, rng))
            }
            (Stage::Held { .. }, 56..64) => cancel(rng),
            (_, 64..76) => Action::Details,
            (_, 76..80) => Action::Status,
            (_, 80..92) => with_amounts(sums, total, rng),
            _ => any(rng),
        }
    }

    fn choose_initiate(&self, unit: usize, rng: &mut StdRng) -> Action {
        let facts = self.units[unit].facts;
        let express = rng.random_range(0..8) == 0;
        let mut mobile = (rng.random_range(0..3) == 0).then(|| anybody(rng));
        if express {
            mobile = mobile.map(|person| person % BY_HAND);
        }
        let wants_to_skip = if facts.may_skip {
            rng.random_range(0..4) == 0
        } else {
            rng.random_range(0..40) == 0
        };
        Action::Initiate(NewOrder {
            amount: AMOUNTS.choose(rng).copied().unwrap_or(100),
            express,
            asks_shipping: express && rng.random_range(0..2) == 0,
            skip_landing_page: wants_to_skip && mobile.is_some(),
            mobile,
        })
    }
}

/// One who waits to be told.
fn someone(rng: &mut StdRng) -> usize {
    match rng.random_range(0..20) {
        0 => PERSONS,
        1 => NEWCOMER,
        _ => rng.random_range(0..BY_HAND),
    }
}

fn anybody(rng: &mut StdRng) -> usize {
    match rng.random_range(0..12) {
        0 => PERSONS,
        _ => rng.random_range(0..PERSONS),
    }
}

fn force(rng: &mut StdRng) -> Action {
    Action::Force {
        person: anybody(rng),
        bank_refuses: rng.random_range(0..6) == 0,
    }
}

fn cancel(rng: &mut StdRng) -> Action {
    Action::Cancel {
        release: rng.random_range(0..2) == 0,
        bank_refuses: rng.random_range(0..12) == 0,
    }
}

/// An amount around what is left.
fn asked(left: i64, total: i64, rng: &mut StdRng) -> Asked {
    let amount = match rng.random_range(0..14) {
        0 | 1 => None,
        2 => Some(0),
        3 | 4 => Some(left),
        5 => Some(left + 1),
        6 => Some(left - 1),
        7 => Some(total),
        8 => Some(-1),
        9 | 10 => Some(left / 2),
        _ => Some(rng.random_range(1..=left.max(1))),
    };
    let key = match rng.random_range(0..10) {
        0..3 => None,
        3 => Some("a".repeat(rng.random_range(39..43))),
        _ => Some(format!("key-{}", rng.random_range(0..1_000_000))),
    };
    Asked {
        amount,
        text: rng.random_range(0..2),
        key,
        bank_refuses: rng.random_range(0..16) == 0,
    }
}

fn with_amounts(sums: Sums, total: i64, rng: &mut StdRng) -> Action {
    match rng.random_range(0..3) {
        0 => Action::Capture(asked(sums.to_capture, total, rng)),
        1 => Action::Refund(asked(sums.to_refund, total, rng)),
        _ => cancel(rng),
    }
}

fn any(rng: &mut StdRng) -> Action {
    match rng.random_range(0..13) {
        0 => Action::Initiate(NewOrder {
            amount: 10_000,
            express: false,
            asks_shipping: false,
            skip_landing_page: false,
            mobile: None,
        }),
        1 => Action::Capture(asked(100, 100, rng)),
        2 => Action::Refund(asked(100, 100, rng)),
        3 => cancel(rng),
        4 => Action::Status,
        5 => force(rng),
        6 => Action::Open,
        7 => Action::Show {
            person: anybody(rng),
        },
        8 => Action::Secure,
        9 => Action::Approve {
            person: someone(rng),
            card: 0,
        },
        10 => Action::Reject,
        11 => Action::Leave,
        _ => Action::Details,
    }
}
