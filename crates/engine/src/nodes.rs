//! What this process does because others may work on the same store.
//!
//! Nothing here decides about a payment: the version of a record does. A beat takes in what other
//! nodes did to the directory, forgets everything when one of them did, and, when a node came or
//! went, looks anew at what is due and at which calls are left behind. One beat is at most
//! [`BEAT`] late, or a notification of the store early.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::SignedDuration;
use parking_lot::Mutex;
use sandkasse_domain::sales_unit::UrlPolicy;
use sandkasse_store::{Epoch, Generation, Kind, Partition, StoreError};
use tokio::{
    sync::{Mutex as Turn, watch},
    time::MissedTickBehavior,
};

use crate::{Changed, Engine};

/// How often a node tells that it lives.
const BEAT: SignedDuration = SignedDuration::from_millis(500);
/// How long a change waits to be seen by every node.
const LONGEST_SETTLING: Duration = Duration::from_secs(1);
/// How often it looks whether it is.
const SETTLING: Duration = Duration::from_millis(10);
/// How often a node that starts looks whether it has its turn.
const LOOK: SignedDuration = SignedDuration::from_millis(10);
/// A claim on what is due in a sales unit ends after so long, in milliseconds, if its node does not
/// end it.
const CLAIM_MS: u64 = 10_000;

/// What is known of the other nodes.
pub(crate) struct Others {
    heard: Mutex<Option<(Epoch, BTreeSet<String>)>>,
    several: AtomicBool,
    /// Held while everything is forgotten.
    pub(crate) resetting: Turn<()>,
    /// How often another node forgot everything.
    resets: watch::Sender<u64>,
}

impl Default for Others {
    fn default() -> Others {
        Others {
            heard: Mutex::default(),
            several: AtomicBool::new(false),
            resetting: Turn::default(),
            resets: watch::Sender::new(0),
        }
    }
}

impl Others {
    fn knows(&self, epoch: Epoch) -> bool {
        let heard = self.heard.lock();
        heard.as_ref().is_some_and(|(known, _)| *known == epoch)
    }

    /// The epoch that the next beat will tell is no news.
    pub(crate) fn expect(&self, epoch: Epoch) {
        if let Some((known, _)) = &mut *self.heard.lock() {
            *known = epoch;
        }
    }
}

impl Engine {
    /// Runs for ever where there may be other nodes; returns at once where there are none.
    pub async fn run_nodes(self: Arc<Self>) {
        let Some(nodes) = self.store.nodes() else {
            return;
        };
        loop {
            if let Err(error) = self.beat().await {
                tracing::warn!(%error, "this node could not tell that it lives");
            }
            tokio::select! {
                biased;
                () = self.clock.sleep_until(self.clock.now() + BEAT) => {}
                () = nodes.woken() => {}
            }
        }
    }

    /// Tells the other nodes that this one lives, takes in what they did, and sees to commits that
    /// were made though the store could not tell.
    pub async fn beat(&self) -> Result<(), StoreError> {
        let told = self.tell_and_listen().await;
        self.settle_doubts().await;
        told
    }

    async fn tell_and_listen(&self) -> Result<(), StoreError> {
        let Some(nodes) = self.store.nodes() else {
            return Ok(());
        };
        let seen = self.directory.generation();
        let beat = nodes.beat(seen).await?;
        let living: BTreeSet<_> = beat.living.into_iter().map(|it| it.id).collect();
        self.others
            .several
            .store(living.len() > 1, Ordering::Release);
        let before = self.others.heard.lock().clone();
        let is_another_epoch = before.as_ref().is_some_and(|(it, _)| *it != beat.epoch);
        if is_another_epoch {
            let _alone = self.others.resetting.lock().await;
            // Unless it was this node's own doing, and just then.
            if !self.others.knows(beat.epoch) {
                self.forget().await?;
                self.others.resets.send_modify(|count| *count += 1);
            }
        } else if beat.generation != seen {
            let seen = self.directory.catch_up().await?;
            // Somebody may wait until everybody knows.
            nodes.beat(seen).await?;
            self.agenda.look_again();
            self.hooks.agenda.look_again();
        }
        self.follow_shared_faults();
        if before.is_none_or(|(_, known)| known != living) {
            self.agenda
                .learn(self.store.next_deadlines(Kind::Payment).await?);
            let deliveries = self.store.next_deadlines(Kind::Delivery).await?;
            self.hooks.agenda.learn(deliveries);
            self.take_over().await?;
        }
        // Only now, so that what failed is tried again with the next beat.
        *self.others.heard.lock() = Some((beat.epoch, living));
        if self.are_several() && self.changes.receiver_count() > 0 {
            // What other nodes commit is not told one by one.
            let _ = self.changes.send(Changed::Anything);
        }
        Ok(())
    }

    /// How many nodes live, this one too, as far as this one heard.
    pub fn living(&self) -> usize {
        let heard = self.others.heard.lock();
        let living = heard.as_ref().map_or(0, |(_, living)| living.len());
        living.max(1)
    }

    /// Whether other nodes live.
    pub(crate) fn are_several(&self) -> bool {
        self.others.several.load(Ordering::Acquire)
    }

    /// Changes when another node has forgotten everything, and this one too.
    pub fn resets(&self) -> watch::Receiver<u64> {
        self.others.resets.subscribe()
    }

    /// Waits until every living node works with the directory as this one does, but not long: a
    /// node that does not answer sees it when it comes back. How long is real time, whatever the
    /// clocks of sales units and tests say: it is the caller of the API who waits.
    pub async fn settle(&self) -> Result<(), StoreError> {
        let Some(nodes) = self.store.nodes().filter(|_| self.are_several()) else {
            return Ok(());
        };
        let wanted: Generation = self.directory.generation();
        let seen = async {
            let mut looks = tokio::time::interval(SETTLING);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                looks.tick().await;
                let beat = nodes.beat(self.directory.generation()).await?;
                if beat.living.iter().all(|it| it.seen >= wanted) {
                    return Ok(());
                }
            }
        };
        // Late or not, it is done.
        tokio::time::timeout(LONGEST_SETTLING, seen)
            .await
            .unwrap_or(Ok(()))
    }

    /// The same after a change that a merchant made, who calls whatever node next. It is done also
    /// where the others cannot be asked.
    pub(crate) async fn settle_for_merchants(&self) {
        if let Err(error) = self.settle().await {
            tracing::warn!(%error, "other nodes may see a change a moment later");
        }
    }

    /// Sends what nodes that are gone have left unsent.
    async fn take_over(&self) -> Result<(), StoreError> {
        let owed = self.store.recover_calls().await?;
        if !owed.is_empty() {
            tracing::info!(
                calls = owed.len(),
                "calls that another node owed are sent now"
            );
        }
        for (partition, call) in owed {
            let snapshot = self.directory.of(partition.environment);
            let unit = snapshot.unit(&partition.msn);
            let policy = unit.map_or(UrlPolicy::Strict, |unit| unit.facts.url_policy);
            self.outgoing.post_owed(partition, policy, call);
        }
        Ok(())
    }

    /// Claims what is due in a sales unit, so that other nodes leave it to this one.
    pub(crate) async fn claim_agenda(&self, partition: &Partition) -> Result<bool, StoreError> {
        self.claim_task(&task(partition)).await
    }

    /// Claims something for this node alone, for [`CLAIM_MS`]; or goes on with it for so long.
    pub(crate) async fn claim_task(&self, task: &str) -> Result<bool, StoreError> {
        match self.store.nodes() {
            Some(nodes) if self.are_several() => nodes.claim(task, CLAIM_MS).await,
            Some(_) | None => Ok(true),
        }
    }

    pub(crate) async fn release_agenda(&self, partition: &Partition) {
        self.release_task(&task(partition)).await;
    }

    pub(crate) async fn release_task(&self, task: &str) {
        if let Some(nodes) = self.store.nodes().filter(|_| self.are_several())
            && let Err(error) = nodes.release(task).await
        {
            tracing::warn!(%error, "a claim is left to end by itself");
        }
    }

    /// While one node starts, others wait, so that demo data and secrets are made once. Returns
    /// when this node has its turn; it must [end](Engine::end_turn) it.
    pub async fn turn(&self, what: &str) -> Result<(), StoreError> {
        let Some(nodes) = self.store.nodes() else {
            return Ok(());
        };
        while !nodes.claim(what, CLAIM_MS).await? {
            self.clock.sleep_until(self.clock.now() + LOOK).await;
        }
        self.directory.catch_up().await.map(drop)
    }

    /// Ends a [`turn`](Engine::turn).
    pub async fn end_turn(&self, what: &str) -> Result<(), StoreError> {
        match self.store.nodes() {
            Some(nodes) => nodes.release(what).await,
            None => Ok(()),
        }
    }
}

fn task(partition: &Partition) -> String {
    format!("agenda/{}/{}", partition.environment, partition.msn)
}
