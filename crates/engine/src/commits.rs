//! A commit, and seeing to what it owes: calls to the merchant, and what falls due.
//!
//! Sometimes the store cannot tell whether a commit was made, and the caller is told that the
//! platform failed. If it was made nevertheless, a retry with its idempotency key finds it; but
//! nobody would send its calls before another node or the next start takes over what this one
//! left. So such commits are doubts, and each beat looks after them.

use std::{collections::VecDeque, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use jiff::SignedDuration;
use parking_lot::Mutex;
use sandkasse_domain::{Timestamp, sales_unit::UrlPolicy};
use sandkasse_store::{CallState, Commit, CommitError, Kind, OutgoingCall, Partition, StoreError};

use tracing::{Instrument, Span, field::Empty};

use crate::{Engine, SPANS, ToTheEnd, Unit, webhooks::Hooks};

/// A database that was cut off may end a transaction late, but not later than this.
const LONGEST: SignedDuration = SignedDuration::from_mins(2);
/// So many are looked after with each beat, which has other things to do besides.
const AT_ONCE: usize = 64;

/// What is owed if a commit was made.
struct Doubt {
    partition: Partition,
    policy: UrlPolicy,
    deadline: Option<Timestamp>,
    /// The earliest delivery of a webhook.
    delivery: Option<Timestamp>,
    calls: Vec<OutgoingCall>,
    /// Since when nobody knows, on the wall.
    since: Timestamp,
}

/// The doubts of this process, those that were not looked after for the longest time first.
#[derive(Clone, Default)]
pub(crate) struct Doubts(Arc<Mutex<VecDeque<Doubt>>>);

impl Doubts {
    fn note(&self, doubt: Doubt) {
        self.0.lock().push_back(doubt);
    }

    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }

    fn some(&self) -> VecDeque<Doubt> {
        let mut all = self.0.lock();
        let count = all.len().min(AT_ONCE);
        all.drain(..count).collect()
    }
}

impl Engine {
    /// Makes a commit, and then hands over what it owes and calls `then`; also when the caller goes
    /// away meanwhile, else a callback would wait for the next start.
    pub(crate) async fn make(
        &self,
        unit: &Unit,
        commit: Commit,
        then: impl FnOnce() + Send + 'static,
    ) -> Result<(), CommitError> {
        let (store, agenda) = (self.store.clone(), self.agenda.clone());
        let (outgoing, doubts) = (self.outgoing.clone(), self.doubts.clone());
        let (hooks, measures) = (self.hooks.clone(), self.measures.clone());
        let clock = self.clock.clone();
        let partition = commit.partition.clone();
        let policy = unit.facts.url_policy;
        let earliest = |kind| {
            let writes = commit.writes.iter();
            let of_kind = writes.filter(|it| it.stream.kind == kind);
            of_kind.filter_map(|it| it.deadline).min()
        };
        let (deadline, delivery) = (earliest(Kind::Payment), earliest(Kind::Delivery));
        let fresh = Hooks::fresh_in(&commit);
        let calls = commit.calls.clone();
        let span = tracing::trace_span!(target: SPANS, "commit", writes = commit.writes.len(), calls = calls.len(), outcome = Empty);
        let task = async move {
            let made = store.commit(commit).await;
            Span::current().record("outcome", measures.note_commit(&made));
            if let Err(CommitError::Store(_)) = made {
                let since = clock.now();
                doubts.note(Doubt {
                    partition,
                    policy,
                    deadline,
                    delivery,
                    calls,
                    since,
                });
                return made;
            }
            made?;
            if let Some(deadline) = deadline {
                agenda.note(&partition, deadline);
            }
            if let Some(delivery) = delivery {
                hooks.hand_over(&partition, delivery, fresh);
            }
            for call in calls {
                outgoing.post(partition.clone(), policy, call);
            }
            then();
            Ok(())
        };
        // Whoever makes many commits goes on with the others.
        let task = AssertUnwindSafe(task.instrument(span)).catch_unwind();
        let made = ToTheEnd::new(task).await;
        made.unwrap_or_else(|_| Err(StoreError("a commit broke off".to_owned()).into()))
    }

    /// Sees to what commits owe that were made though the store could not tell.
    pub(crate) async fn settle_doubts(&self) {
        let mut doubts = self.doubts.some();
        while let Some(doubt) = doubts.pop_front() {
            let found = self.was_made(&doubt).await;
            let is_old = self.clock.now() > doubt.since + LONGEST;
            if !is_old && !matches!(found, Ok(true)) {
                self.doubts.note(doubt);
            }
            if let Err(error) = found {
                tracing::warn!(%error, "whether a commit was made is looked for again");
                // The store is likely to be away for the others too.
                doubts.drain(..).for_each(|it| self.doubts.note(it));
            }
        }
    }

    /// Whether a commit is known to have been made; then what it owes is handed over.
    async fn was_made(&self, doubt: &Doubt) -> Result<bool, StoreError> {
        if let Some(deadline) = doubt.deadline {
            // If nothing is due then, looking does no harm.
            self.agenda.note(&doubt.partition, deadline);
        }
        if let Some(delivery) = doubt.delivery {
            self.hooks.agenda.note(&doubt.partition, delivery);
        }
        let mut was_made = false;
        for call in &doubt.calls {
            let Some(record) = self.store.call(&call.id).await? else {
                break;
            };
            was_made = true;
            if record.state == CallState::Owed {
                let partition = doubt.partition.clone();
                self.outgoing
                    .post_owed(partition, doubt.policy, call.clone());
            }
        }
        Ok(was_made)
    }
}
