//! Calls of other processes on the same store, so that a page shows them wherever it is looked at.
//!
//! Every process adds what it noted to the store's shared journal, and takes in what the others
//! added, a few times a second. So each has all calls in memory, within the bounds of its journal.
//! Refusals are always shared; of successes no more than [`MOST_AT_ONCE`] a round.

use std::{sync::Arc, time::Duration};

use jiff::SignedDuration;
use sandkasse_store::{Nodes, Noted, StoreError};

use crate::{
    Inspector, Record,
    journal::LONGEST,
    stored::{Row, Shelf},
};

/// How often a process adds, and takes in.
const ROUND: Duration = Duration::from_millis(250);
/// After so long a call of another process is here, or nowhere.
pub(crate) const LATEST: SignedDuration = SignedDuration::from_secs(2);
/// How often somebody who waits for one looks.
pub(crate) const LOOK: SignedDuration = SignedDuration::from_millis(50);
/// So many successes are shared a round.
const MOST_AT_ONCE: usize = 100;
/// No more calls are taken in a round.
const TAKEN: usize = 500;
/// So many are looked at to be shared.
const LOOKED_AT: usize = 10_000;
/// The store keeps so many calls of all processes.
const KEPT: u64 = 10_000;
/// After so many rounds the store forgets what is too much.
const PRUNE_AFTER: u32 = 40;

impl Inspector {
    /// Runs for ever where there may be other processes; returns at once where there are none.
    pub async fn run_shared(self: Arc<Self>) {
        let engine = self.platform().engine.clone();
        let Some(nodes) = engine.store().nodes() else {
            return;
        };
        let mut sharing = Sharing::of(&self);
        let mut rounds: u32 = 0;
        loop {
            if let Err(error) = sharing.round(&self, nodes).await {
                tracing::debug!(%error, "calls could not be shared with other processes");
            }
            rounds = rounds.wrapping_add(1);
            if rounds.is_multiple_of(PRUNE_AFTER) {
                let before = engine.clock.now() - LONGEST;
                if let Err(error) = nodes.prune_noted(KEPT, before).await {
                    tracing::debug!(%error, "old calls could not be forgotten");
                }
            }
            let round = SignedDuration::try_from(ROUND).unwrap_or_default();
            engine.clock.sleep_until(engine.clock.now() + round).await;
        }
    }

    /// Adds what was noted here and takes in what others noted, once.
    pub async fn share(&self, sharing: &mut Sharing) -> Result<(), StoreError> {
        match self.platform().engine.store().nodes() {
            Some(nodes) => sharing.round(self, nodes).await,
            None => Ok(()),
        }
    }
}

/// How far a process has shared.
pub struct Sharing {
    shelf: Shelf,
    /// The place of the next own call to share.
    from: u64,
    /// The place in the shared journal behind which to go on.
    after: Option<u64>,
}

impl Sharing {
    /// Nothing was shared yet.
    pub fn of(inspector: &Inspector) -> Sharing {
        Sharing {
            shelf: Shelf(inspector.platform().engine.clone()),
            from: 0,
            after: None,
        }
    }

    async fn round(&mut self, inspector: &Inspector, nodes: &dyn Nodes) -> Result<(), StoreError> {
        let journal = &inspector.journal;
        let next = journal.next();
        let mut own = journal.own_since(self.from, LOOKED_AT);
        let mut successes = 0;
        own.retain(|record| {
            successes += usize::from(record.why.is_none());
            record.why.is_some() || successes <= MOST_AT_ONCE
        });
        let noted: Vec<Noted> = own.iter().rev().map(|it| self.noted(it)).collect();
        if !noted.is_empty() {
            nodes.note(noted).await?;
        }
        self.from = next;
        let (others, after) = nodes.noted(self.after, TAKEN).await?;
        self.after = Some(after);
        for noted in others {
            // One that another version wrote may be of another form: it is left out.
            let row = Row::unpacked(noted);
            if let Some(record) = row.and_then(|row| self.shelf.fresh(row)) {
                journal.take_in(record);
            }
        }
        Ok(())
    }

    fn noted(&self, record: &Arc<Record>) -> Noted {
        let head = self.shelf.head(record);
        Noted {
            number: record.number,
            at: record.at,
            environment: record.environment,
            msn: record.unit.clone(),
            body: Row::packed(&head, record.texts.all()),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};
    use sandkasse_api::Request;
    use sandkasse_domain::Environment;
    use sandkasse_testkit::World;

    use super::*;
    use crate::{EXPLAIN, InspectorConfig, Reader};

    fn inspector(world: &World) -> Inspector {
        let config = InspectorConfig {
            explain: true,
            journal_bytes: 1 << 20,
            portal: "http://portal.sandkasse.invalid".to_owned(),
            on_disk: None,
            shared_secret: Some("one for all".to_owned()),
        };
        Inspector::new(world.platform.clone(), config)
    }

    #[tokio::test]
    async fn every_process_shows_and_explains_the_calls_of_all() {
        let nodes = World::nodes(3).await;
        let inspectors: Vec<Inspector> = nodes.iter().map(inspector).collect();
        let mut sharing: Vec<Sharing> = inspectors.iter().map(Sharing::of).collect();
        let request = Request {
            method: Method::GET,
            path: "/nowhere".to_owned(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        };
        let mut addresses = Vec::new();
        for round in 0..12 {
            let here = &inspectors[round % 3];
            let (answer, _) = here.answer(Environment::Test, &request).await;
            let url = answer.headers.get(EXPLAIN).expect("it was refused");
            let (_, address) = url
                .to_str()
                .expect("it is text")
                .split_once("/explain/")
                .expect("a path");
            addresses.push(address.to_owned());
        }
        for _ in 0..2 {
            for (inspector, sharing) in inspectors.iter().zip(&mut sharing) {
                inspector
                    .share(sharing)
                    .await
                    .expect("memory does not fail");
            }
        }
        for inspector in &inspectors {
            assert_eq!(inspector.journal.fill().calls, 12);
            let records = inspector.journal.since(0, 100);
            assert_eq!(records.len(), 12);
            let numbers: std::collections::BTreeSet<_> =
                records.iter().map(|it| it.number).collect();
            assert_eq!(numbers.len(), 12);
            for address in &addresses {
                let record = inspector.at(address).expect("it was shared");
                assert!(Reader::Holder.may_read(&record));
                assert_eq!(record.status, 404);
            }
        }
    }
}
