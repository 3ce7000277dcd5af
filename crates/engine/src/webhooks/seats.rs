//! How many attempts a registration may have at one time.
//!
//! It begins with few, gets one more with each success, and half of them after a failure: a fast
//! receiver is kept busy, and one that hangs holds only few of the seats that all share.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use sandkasse_domain::webhook::RegistrationId;

use super::Hooks;

const FIRST: usize = 8;
const FEWEST: usize = 4;
const MOST: usize = 128;

#[derive(Default)]
pub(super) struct Seats(Mutex<HashMap<RegistrationId, Desk>>);

struct Desk {
    taken: usize,
    allowed: usize,
}

impl Seats {
    /// `false` when all are taken.
    pub(super) fn take(&self, id: &RegistrationId) -> bool {
        let mut desks = self.0.lock();
        let desk = desks.entry(id.clone()).or_insert(Desk {
            taken: 0,
            allowed: FIRST,
        });
        let is_free = desk.taken < desk.allowed;
        desk.taken += usize::from(is_free);
        is_free
    }

    /// Gives one back; `went_well` when its attempts did, `None` when there were none.
    pub(super) fn leave(&self, id: &RegistrationId, went_well: Option<bool>) {
        let mut desks = self.0.lock();
        let Some(desk) = desks.get_mut(id) else {
            return;
        };
        desk.taken = desk.taken.saturating_sub(1);
        match went_well {
            Some(true) => desk.allowed = (desk.allowed + 1).min(MOST),
            Some(false) => desk.allowed = (desk.allowed / 2).max(FEWEST),
            None => {}
        }
        // What a desk has learnt is kept while it is in use, and as long as it is worth keeping.
        if desk.taken == 0 && desk.allowed == FIRST {
            desks.remove(id);
        }
    }

    /// Forgets those that are not there, unless somebody sits at their desk.
    pub(super) fn keep(&self, is_there: impl Fn(&RegistrationId) -> bool) {
        self.0
            .lock()
            .retain(|id, desk| desk.taken > 0 || is_there(id));
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }
}

/// One of a registration's, until it is dropped.
pub(super) struct Seat {
    hooks: Arc<Hooks>,
    id: RegistrationId,
    went_well: Option<bool>,
}

impl Seat {
    /// `None` when all are taken.
    pub(super) fn take(hooks: &Arc<Hooks>, id: RegistrationId) -> Option<Seat> {
        let is_free = hooks.seats.take(&id);
        // Made only then: dropping it gives it back.
        is_free.then(|| Seat {
            hooks: hooks.clone(),
            id,
            went_well: None,
        })
    }

    /// Gives it back; `went_well` is whether the last attempt was taken.
    pub(super) fn leave(mut self, went_well: Option<bool>) {
        self.went_well = went_well;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hooks.seats.leave(&self.id, self.went_well);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_hangs_holds_few_and_who_answers_gets_more() {
        let seats = Seats::default();
        let id = RegistrationId("r".to_owned());
        let take_all = || std::iter::from_fn(|| seats.take(&id).then_some(())).count();
        assert_eq!(take_all(), FIRST);
        for _ in 0..FIRST {
            seats.leave(&id, Some(false));
        }
        assert_eq!(take_all(), FEWEST);
        for _ in 0..FEWEST {
            seats.leave(&id, Some(true));
        }
        assert_eq!(take_all(), 2 * FEWEST);
        for _ in 0..1_000 {
            seats.leave(&id, Some(true));
            assert!(seats.take(&id));
        }
        assert_eq!(2 * FEWEST + take_all(), MOST);
    }
}
