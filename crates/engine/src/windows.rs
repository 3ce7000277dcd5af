//! Counting calls in windows that several processes share.
//!
//! Calls that come while the store counts are gathered, and counted in its next turn: however many
//! there are, they cost one statement. A store that cannot count, or takes longer than
//! [`PATIENCE`], lets calls pass: a limit protects, it is no reason to be down.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use sandkasse_store::{Histogram, Hit, Store, StoreError, Window};
use tokio::sync::{Semaphore, oneshot};

/// How long a call waits to be counted.
const PATIENCE: Duration = Duration::from_secs(1);
/// So many groups are counted at a time.
const GROUPS: usize = 2;
/// No group is larger.
const MOST: usize = 1024;

type Waiting = (Hit, oneshot::Sender<Window>);

/// The windows of all processes.
pub struct Windows {
    counting: Arc<Counting>,
    passed: AtomicU64,
    /// How long calls waited to be counted, those included that were not.
    pub waits: Histogram,
}

struct Counting {
    store: Arc<dyn Store>,
    waiting: Mutex<Vec<Waiting>>,
    groups: Semaphore,
}

impl Windows {
    /// `None` where one process has the store for itself, and can count in memory.
    pub(crate) fn of(store: &Arc<dyn Store>) -> Option<Windows> {
        store.nodes()?;
        let counting = Counting {
            store: store.clone(),
            waiting: Mutex::default(),
            groups: Semaphore::new(GROUPS),
        };
        Some(Windows {
            counting: Arc::new(counting),
            passed: AtomicU64::new(0),
            waits: Histogram::of_times(),
        })
    }

    /// Counts a call. `None` when it could not be counted, and passes.
    pub async fn count(&self, hit: Hit) -> Option<Window> {
        let began = Instant::now();
        let (told, answer) = oneshot::channel();
        self.counting.waiting.lock().push((hit, told));
        // In a task of its own: others wait for it too, whoever hangs up.
        let counting = self.counting.clone();
        tokio::spawn(async move { counting.count_some().await });
        let counted = tokio::time::timeout(PATIENCE, answer).await;
        let window = counted.ok().and_then(Result::ok);
        self.waits.note_since(began);
        if window.is_none() {
            let passed = self.passed.fetch_add(1, Ordering::Relaxed) + 1;
            if passed.is_power_of_two() {
                tracing::warn!(passed, "calls pass uncounted: rates cannot be counted now");
            }
        }
        window
    }

    /// How many calls passed because they could not be counted.
    pub fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }
}

impl Counting {
    /// Whoever gets the turn counts for all who wait; the others then find nothing to do.
    async fn count_some(&self) {
        let Ok(_turn) = self.groups.acquire().await else {
            return;
        };
        let group: Vec<Waiting> = {
            let mut waiting = self.waiting.lock();
            let most = waiting.len().min(MOST);
            waiting.drain(..most).collect()
        };
        if group.is_empty() {
            return;
        }
        let (hits, told): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        match self.ask(hits).await {
            Ok(windows) => {
                for (told, window) in told.into_iter().zip(windows) {
                    // Whoever no longer waits is not told.
                    told.send(window).ok();
                }
            }
            Err(error) => tracing::debug!(%error, "rates could not be counted"),
        }
    }

    async fn ask(&self, hits: Vec<Hit>) -> Result<Vec<Window>, StoreError> {
        match self.store.nodes() {
            Some(nodes) => nodes.count(hits).await,
            None => Err(StoreError("this store counts nothing".to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use sandkasse_domain::Timestamp;
    use sandkasse_store::MemoryStore;

    use super::*;

    fn hit(key: u8) -> Hit {
        Hit {
            key: [key; 16],
            now: Timestamp::UNIX_EPOCH,
            length_ms: 60_000,
            most: 5,
            kept_ms: 60_000,
        }
    }

    #[tokio::test]
    async fn r_10_three_processes_count_exactly() {
        let memory = MemoryStore::new();
        let nodes: Vec<Windows> = (0..3)
            .map(|_| {
                let node = memory.join(Arc::new(|| Timestamp::UNIX_EPOCH));
                let node: Arc<dyn Store> = Arc::new(node);
                Windows::of(&node).expect("it is one of several")
            })
            .collect();
        let calls = (0..300).map(|index| {
            let key = u8::try_from(index / 3 % 10).expect("small");
            nodes[index % 3].count(hit(key))
        });
        let counted = futures_util::future::join_all(calls).await;
        let counted = counted.iter().flatten().filter(|window| window.counted);
        assert_eq!(counted.count(), 10 * 5);
    }

    #[tokio::test]
    async fn one_process_counts_for_itself() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        assert!(Windows::of(&store).is_none());
    }
}
