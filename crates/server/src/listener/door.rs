//! What is known of a listener from outside: whether it accepts, and whom it has.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use sandkasse_store::Counter;

use super::limits;

/// One listener. A new one is closed.
#[derive(Debug, Default)]
pub(crate) struct Door {
    accepts: AtomicBool,
    inside: AtomicUsize,
    /// Connections that were accepted.
    pub(crate) entered: Counter,
    /// Connections that could not be.
    pub(crate) failed: Counter,
}

/// The listener accepts for as long as this is kept.
pub(super) struct Open(Arc<Door>);

/// A connection, until it is dropped.
pub(super) struct Guest(Arc<Door>);

impl Door {
    pub(super) fn open(self: &Arc<Self>) -> Open {
        self.accepts.store(true, Ordering::Release);
        Open(self.clone())
    }

    pub(super) fn enter(self: &Arc<Self>) -> Guest {
        self.entered.note();
        self.inside.fetch_add(1, Ordering::Relaxed);
        Guest(self.clone())
    }

    /// How many connections there are.
    pub(crate) fn inside(&self) -> usize {
        self.inside.load(Ordering::Relaxed)
    }

    /// Whether whoever comes now is let in; if not, why.
    pub(crate) fn accepts(&self) -> Result<(), &'static str> {
        if !self.accepts.load(Ordering::Acquire) {
            return Err("accepts no connections");
        }
        if self.inside() >= limits::connections() {
            return Err("has as many connections as it takes");
        }
        Ok(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.accepts.store(false, Ordering::Release);
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_is_open_while_it_is_served_and_not_full() {
        let door = Arc::new(Door::default());
        assert!(door.accepts().is_err(), "nobody serves it");
        let open = door.open();
        assert_eq!(door.accepts(), Ok(()));
        let guests: Vec<Guest> = (0..limits::connections()).map(|_| door.enter()).collect();
        assert!(door.accepts().is_err(), "{} are inside", door.inside());
        drop(guests);
        assert_eq!((door.accepts(), door.inside()), (Ok(()), 0));
        drop(open);
        assert!(door.accepts().is_err());
    }
}
