//! One operation at a time for each order.
//!
//! A lane guarantees that within this process two decisions on one order never overlap, so the
//! later one sees what the earlier one did. It guarantees nothing across processes; there the
//! version check of the store decides, and the loser loads and decides again. Different orders
//! never wait for each other.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use sandkasse_store::{Partition, StreamId};
use tokio::sync::OwnedMutexGuard;

/// How long an operation waits for the one before it (reference: ecom.md §4).
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

type Key = (Partition, StreamId);
type Lane = Arc<tokio::sync::Mutex<()>>;

/// All lanes in use.
#[derive(Default)]
pub(crate) struct Lanes {
    in_use: Mutex<HashMap<Key, Lane>>,
}

/// The right to work on one order; given back when dropped.
pub(crate) struct Turn<'a> {
    lanes: &'a Lanes,
    key: Key,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Lanes {
    /// Waits for the lane. `None` when it stays taken for [`PATIENCE`].
    pub(crate) async fn enter(&self, partition: &Partition, stream: &StreamId) -> Option<Turn<'_>> {
        let key = (partition.clone(), stream.clone());
        let lane = self.in_use.lock().entry(key.clone()).or_default().clone();
        // The turn exists before the wait, so that a caller who gives up leaves no lane behind.
        let mut turn = Turn {
            lanes: self,
            key,
            guard: None,
        };
        let guard = tokio::time::timeout(PATIENCE, lane.lock_owned())
            .await
            .ok()?;
        turn.guard = Some(guard);
        Some(turn)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.in_use.lock().len()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut in_use = self.lanes.in_use.lock();
        // One reference is the map's, one the guard's; more means that somebody waits.
        let references = 1 + usize::from(self.guard.is_some());
        if in_use
            .get(&self.key)
            .is_some_and(|lane| Arc::strong_count(lane) <= references)
        {
            in_use.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, task::Poll};

    use sandkasse_domain::{Environment, Msn};

    use super::*;

    #[tokio::test]
    async fn lanes_exclude_and_are_forgotten() {
        let lanes = Lanes::default();
        let partition = crate::partition(
            Environment::Test,
            &Msn::try_new("123456").expect("six digits"),
        );
        let stream = crate::payment_stream("a");
        let first = lanes.enter(&partition, &stream).await.expect("free");
        let second = lanes.enter(&partition, &stream);
        tokio::pin!(second);
        let waits = std::future::poll_fn(|cx| Poll::Ready(second.as_mut().poll(cx).is_pending()));
        assert!(waits.await, "the lane is taken");
        assert!(
            lanes
                .enter(&partition, &crate::payment_stream("b"))
                .await
                .is_some()
        );
        drop(first);
        drop(second.await.expect("free again"));
        assert_eq!(lanes.len(), 0);
    }
}
