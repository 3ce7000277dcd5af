//! Shops that work without a pause, over crashes and restarts.

use std::{
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    ledger::Ledger,
    server::{self, Place},
    shop::{self, LIFE, Shop},
};

/// Between two new keys: each is a line of the audit log, and makes its sales unit's entry longer.
const KEY_EVERY: Duration = Duration::from_millis(5);

/// Where the platform is at the moment.
#[derive(Default)]
pub(crate) struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// How often it was started.
    starts: u64,
    place: Option<Place>,
    is_over: bool,
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It was started.
    pub(crate) fn up(&self, place: &Place) {
        let mut state = self.state();
        state.starts += 1;
        state.place = Some(place.clone());
        drop(state);
        self.changed.notify_all();
    }

    /// It will not come again.
    pub(crate) fn over(&self) {
        self.state().is_over = true;
        self.changed.notify_all();
    }

    fn is_over(&self) -> bool {
        self.state().is_over
    }

    /// Waits for a start after that many.
    fn after(&self, starts: u64) -> Option<(u64, Place)> {
        let mut state = self.state();
        loop {
            if state.is_over {
                return None;
            }
            match &state.place {
                Some(place) if state.starts > starts => return Some((state.starts, place.clone())),
                Some(_) | None => {}
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Takes orders through their lives until there is no platform any more.
pub(crate) fn trade(slot: &Slot, shop: &Shop, ledger: &Ledger, orders: &AtomicU64, name: &str) {
    let mut starts = 0;
    while let Some((start, place)) = slot.after(starts) {
        starts = start;
        let agent = shop::agent();
        'up: while !slot.is_over() {
            let number = orders.fetch_add(1, Ordering::SeqCst);
            let order = format!("{name}-{number}");
            for step in LIFE {
                ledger.asked(&order, step);
                let Some(answer) = shop.take(&agent, &place, &order, step) else {
                    break 'up;
                };
                if !ledger.answered(&order, step, &answer) {
                    break;
                }
            }
        }
    }
}

/// Makes a key anew, again and again.
pub(crate) fn change_keys(slot: &Slot, shop: &Shop, ledger: &Ledger) {
    let mut starts = 0;
    while let Some((start, place)) = slot.after(starts) {
        starts = start;
        let agent = shop::agent();
        while !slot.is_over() {
            ledger.book().key_unknown = true;
            let answer = shop.regenerate(&agent, &place);
            let mut book = ledger.book();
            match answer {
                Some(Ok(key)) => {
                    book.keys.push(key);
                    book.key_unknown = false;
                }
                Some(Err(error)) => book.wrong.push(error.to_string()),
                None => break,
            }
            drop(book);
            server::pause(KEY_EVERY);
        }
    }
}
