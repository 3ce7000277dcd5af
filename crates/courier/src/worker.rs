//! Sees to it that every owed call is attempted, and none twice.
//!
//! The life of a call: a commit makes it *owed*; the engine hands it to [`CourierHandle::post`];
//! it waits for a seat; the store notes durably that it is *begun*; it is attempted once; the
//! store notes how it ended. A process that dies before the note leaves it owed, and
//! [`CourierHandle::recover`] posts it again; one that dies after leaves it begun, which becomes
//! *interrupted* and is never repeated, because the merchant may have got it. The store lets only
//! one worker begin a call, so posting twice is harmless. While the store cannot note that a call
//! begins, the call waits.
//!
//! One receiver that hangs must not slow the others. So a call first waits for a seat at its host
//! ([`Limits::per_host`]) and only then for one of all ([`Limits::in_flight`]): callers of a
//! hanging host queue at that host and hold nothing that others need. Both queues are fair. What
//! this does not do: keep an order between calls, or retry.

mod counted;
mod counts;
#[cfg(test)]
mod limit_tests;
mod seats;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use sandkasse_domain::Timestamp;
use sandkasse_domain::sales_unit::UrlPolicy;
use sandkasse_hooks::HookCall;
use sandkasse_store::{CallFailure, CallOutcome, OutgoingCall, Partition, Store, StoreError};
use tokio::runtime::Handle;
use tokio::sync::{broadcast, watch};

use crate::send::Attempts;
use counted::Counted;
pub use counts::Counts;
use seats::Seats;

/// Real time, to note when a call was begun.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The rule that a call given up because of [`Limits::backlog`] fails with.
pub const BACKLOG_FULL: &str = "backlog-full";

/// How long to wait before a store that failed is asked again: twice as long each time, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// So many ended calls wait for whoever looks on.
const ENDED: usize = 256;

/// Bounds on the work at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Attempts at one time.
    pub in_flight: usize,
    /// Attempts at one time to one host.
    pub per_host: usize,
    /// Calls of one sales unit that were posted and have not ended. A call beyond is not
    /// attempted: it ends at once as failed by the rule [`BACKLOG_FULL`], for all to see.
    pub backlog: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            in_flight: 512,
            per_host: 32,
            backlog: 10_000,
        }
    }
}

/// What the engine holds to have calls sent. Cheap to clone; all clones are one worker.
#[derive(Clone)]
pub struct CourierHandle {
    worker: Arc<Worker>,
}

struct Worker {
    network: Box<dyn Attempts>,
    store: Arc<dyn Store>,
    now: Clock,
    seats: Seats,
    /// How many tasks there are.
    tasks: watch::Sender<usize>,
    runtime: Handle,
    /// Ids of calls that ended, for whoever looks on.
    ended: broadcast::Sender<String>,
    counts: Counts,
}

struct Job {
    partition: Partition,
    policy: UrlPolicy,
    call: OutgoingCall,
}

impl CourierHandle {
    /// A worker that sends over `network`, such as a [`Courier`](crate::Courier), and notes in `store`.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn new(
        network: impl Attempts + 'static,
        store: Arc<dyn Store>,
        now: Clock,
        limits: Limits,
    ) -> Self {
        let (tasks, _) = watch::channel(0);
        let worker = Worker {
            network: Box::new(network),
            store,
            now,
            seats: Seats::new(limits),
            tasks,
            runtime: Handle::current(),
            ended: broadcast::Sender::new(ENDED),
            counts: Counts::default(),
        };
        CourierHandle {
            worker: Arc::new(worker),
        }
    }

    /// Takes over a call that a commit made owed. Never waits; after [`CourierHandle::stop`] the
    /// call stays owed.
    pub fn post(&self, partition: Partition, policy: UrlPolicy, call: OutgoingCall) {
        let job = Job {
            partition,
            policy,
            call,
        };
        if self.worker.seats.enqueue(&job.partition) {
            self.spawn(|worker| async move { worker.run(job).await });
        } else {
            self.spawn(|worker| async move { worker.give_up(job).await });
        }
    }

    /// At start-up, before anything is posted: calls that were begun when the process died become
    /// interrupted, and those still owed are posted, however many. Answers how many.
    ///
    /// # Errors
    ///
    /// When the store cannot tell; then nothing is posted.
    pub async fn recover(
        &self,
        policy_of: impl Fn(&Partition) -> UrlPolicy,
    ) -> Result<usize, StoreError> {
        let owed = self.worker.store.recover_calls().await?;
        let count = owed.len();
        for (partition, call) in owed {
            let policy = policy_of(&partition);
            self.post_owed(partition, policy, call);
        }
        Ok(count)
    }

    /// Takes over a call that an earlier or another process owed. However many there are, none is
    /// given up.
    pub fn post_owed(&self, partition: Partition, policy: UrlPolicy, call: OutgoingCall) {
        let job = Job {
            partition,
            policy,
            call,
        };
        self.worker.seats.enqueue_owed(&job.partition);
        self.spawn(|worker| async move { worker.run(job).await });
    }

    /// Makes a call as a part of something else and waits for its outcome. It is noted as begun
    /// before and as ended after, also when the caller stops waiting. It does not queue behind
    /// posted calls: a person is waiting for it.
    ///
    /// # Errors
    ///
    /// When the store cannot note it; then it is not made. (A failed call is an outcome.)
    pub async fn shipping_details(
        &self,
        partition: &Partition,
        policy: UrlPolicy,
        call: OutgoingCall,
    ) -> Result<CallOutcome, StoreError> {
        let partition = partition.clone();
        let job = Job {
            partition,
            policy,
            call,
        };
        let task = self.spawn(|worker| async move {
            let begun_at = (worker.now)();
            worker
                .store
                .add_begun_call(&job.partition, job.call.clone(), begun_at)
                .await?;
            let outcome = worker.network.attempt(&job.call, job.policy).await;
            worker.finish(&job, outcome.clone()).await;
            Ok(outcome)
        });
        let ended_early = |error| StoreError(format!("the task of a call ended early: {error}"));
        task.await.unwrap_or_else(|error| Err(ended_early(error)))
    }

    /// Makes one attempt at a webhook delivery. It is noted by whoever asks, not here, and has no part in
    /// the limits of calls.
    pub async fn deliver(&self, policy: UrlPolicy, call: HookCall) -> CallOutcome {
        self.worker.network.deliver(&call, policy).await
    }

    /// Tells the id of each call that ended, from now on. Whoever is slow misses some.
    pub fn ended(&self) -> broadcast::Receiver<String> {
        self.worker.ended.subscribe()
    }

    /// How calls ended so far.
    pub fn counts(&self) -> &Counts {
        &self.worker.counts
    }

    /// How many calls wait or are in flight.
    pub fn at_hand(&self) -> usize {
        *self.worker.tasks.borrow()
    }

    /// Waits until nothing is waiting or in flight. For tests; new calls may be posted meanwhile.
    pub async fn idle(&self) {
        let mut tasks = self.worker.tasks.subscribe();
        tasks
            .wait_for(|tasks| *tasks == 0)
            .await
            .expect("the sender lives in self");
    }

    /// Begins no more calls: those that wait stay owed. Waits for those in flight, but not longer
    /// than `patience`, and answers how many are left; they will be interrupted.
    pub async fn stop(&self, patience: Duration) -> usize {
        self.worker.seats.close();
        // Late or not, the count says it.
        let _ = tokio::time::timeout(patience, self.idle()).await;
        *self.worker.tasks.borrow()
    }

    fn spawn<F, T>(&self, task: impl FnOnce(Arc<Worker>) -> F) -> tokio::task::JoinHandle<T>
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let counted = Counted::new(&self.worker.tasks);
        let task = task(Arc::clone(&self.worker));
        self.worker.runtime.spawn(async move {
            let _counted = counted;
            task.await
        })
    }
}

impl Worker {
    async fn run(&self, job: Job) {
        let Some(_seat) = self.seats.take(&job.partition, host_of(&job.call)).await else {
            tracing::debug!(call = %job.call.id, "stopped: call stays owed");
            return;
        };
        if self.begin(&job).await {
            let outcome = self.network.attempt(&job.call, job.policy).await;
            self.finish(&job, outcome).await;
        }
    }

    async fn give_up(&self, job: Job) {
        if self.seats.is_closed() || !self.begin(&job).await {
            return;
        }
        let failure = CallFailure::Forbidden {
            target: host_of(&job.call).to_owned(),
            rule: BACKLOG_FULL.to_owned(),
        };
        self.finish(
            &job,
            CallOutcome {
                status: None,
                failure: Some(failure),
                duration_ms: 0,
                answer: None,
            },
        )
        .await;
    }

    /// Notes that the call begins, as soon as the store can: a store that is away for a while makes
    /// a call late, and never lost until the next start. `false` when it must not be sent.
    async fn begin(&self, job: &Job) -> bool {
        let mut wait = FIRST_WAIT;
        loop {
            let error = match self.store.begin_call(&job.call.id, (self.now)()).await {
                Ok(begun) => return begun,
                Err(error) => error,
            };
            tracing::error!(call = %job.call.id, msn = ?job.partition.msn, %error, "call not sent yet: it could not be noted as begun");
            #[expect(
                clippy::disallowed_methods,
                reason = "the store is away in real time, whatever a sales unit's clock shows"
            )]
            tokio::time::sleep(wait).await;
            if self.seats.is_closed() {
                return false;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn finish(&self, job: &Job, outcome: CallOutcome) {
        // Neither the URL (its query may hold a secret) nor the answer belongs into a log.
        let (call, msn, host, ms) = (
            &job.call.id,
            &job.partition.msn,
            host_of(&job.call),
            outcome.duration_ms,
        );
        self.counts.note(outcome.failure.as_ref().map(kind), ms);
        match &outcome.failure {
            None => {
                tracing::debug!(%call, ?msn, host, ms, status = outcome.status, "merchant called")
            }
            Some(failure) => {
                tracing::info!(%call, ?msn, host, ms, status = outcome.status, failure = kind(failure), "call to merchant failed");
            }
        }
        if let Err(error) = self.store.finish_call(&job.call.id, outcome).await {
            tracing::error!(%call, ?msn, %error, "a call ended, but that could not be noted");
        }
        if self.ended.receiver_count() > 0 {
            // Nobody may be left by now.
            let _ = self.ended.send(job.call.id.clone());
        }
    }
}

/// The host as it is written; calls that have none share one queue and fail at once.
fn host_of(call: &OutgoingCall) -> &str {
    crate::url::parts::Parts::cut(&call.url).map_or("", |parts| parts.host)
}

/// The kind of a failure, in a word.
pub fn kind(failure: &CallFailure) -> &'static str {
    match failure {
        CallFailure::Dns { .. } => "dns",
        CallFailure::Forbidden { .. } => "forbidden",
        CallFailure::Refused { .. } => "refused",
        CallFailure::Tls { .. } => "tls",
        CallFailure::Timeout { .. } => "timeout",
        CallFailure::Redirect { .. } => "redirect",
        CallFailure::Status { .. } => "status",
        CallFailure::Broken { .. } => "broken",
        CallFailure::BadUrl { .. } => "bad-url",
    }
}
