//! What a sales unit keeps besides payments and consents: receipts, pictures, printed codes.
//!
//! Each is a record that is the fold of its events, like a payment, and is changed the same way:
//! load, decide, commit, and again when another writer was faster. None changes by itself.

use std::sync::Arc;

use sandkasse_domain::{
    OrderId, Timestamp,
    checkout::{Session, SessionEvent},
    order_info::{Image, OrderInfo, Told, Uploaded},
    qr_code::{RedirectCode, RedirectEvent},
};
use sandkasse_store::{Commit, CommitError, Kind, StoreError, StoredEvent, StreamId, Write};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Engine, Refused, Unit, intent::At, payment_stream, unreadable};

/// How often a decision is made again because another process was faster.
const ATTEMPTS: usize = 8;

/// A kind of thing that a sales unit keeps.
pub trait Folded: Serialize + DeserializeOwned + PartialEq + Send + Sync {
    /// What happens to one.
    type Event: Serialize + DeserializeOwned + Send + Sync;
    /// As what a store keeps it.
    const KIND: Kind;
    /// What it is, for the log.
    const WHAT: &'static str;

    /// The thing after one more event; `None` for a history that makes none.
    fn apply(before: Option<Self>, event: &Self::Event) -> Option<Self>;
}

impl Folded for OrderInfo {
    type Event = Told;
    const KIND: Kind = Kind::OrderInfo;
    const WHAT: &'static str = "what was told of an order";

    fn apply(before: Option<OrderInfo>, told: &Told) -> Option<OrderInfo> {
        Some(OrderInfo::apply(before, told))
    }
}

impl Folded for Image {
    type Event = Uploaded;
    const KIND: Kind = Kind::Image;
    const WHAT: &'static str = "a picture";

    fn apply(before: Option<Image>, uploaded: &Uploaded) -> Option<Image> {
        before.or_else(|| Some(uploaded.image.clone()))
    }
}

impl Folded for RedirectCode {
    type Event = RedirectEvent;
    const KIND: Kind = Kind::QrCode;
    const WHAT: &'static str = "a QR code";

    fn apply(before: Option<RedirectCode>, event: &RedirectEvent) -> Option<RedirectCode> {
        RedirectCode::apply(before, event)
    }
}

impl Folded for Session {
    type Event = SessionEvent;
    const KIND: Kind = Kind::Session;
    const WHAT: &'static str = "a session";

    fn apply(before: Option<Session>, event: &SessionEvent) -> Option<Session> {
        Some(Session::apply(before, event))
    }
}

impl Engine {
    /// Makes a session and takes its reference in the sales unit's one namespace of payments; answers
    /// the session that has it now, which may be an earlier one. `None` when a payment has it.
    pub async fn take_reference(
        &self,
        unit: &Arc<Unit>,
        reference: &OrderId,
        session: &Session,
    ) -> Result<Option<Session>, Refused> {
        let _pace = self.pace(unit, At::Now, false).await?;
        let stream = payment_stream(reference.as_str());
        // The lane of the payment: an initiate looks for sessions while it is in it.
        let Some(_turn) = self.lanes.enter(&unit.partition(), &stream).await else {
            return Err(Refused::Fault("a reference stayed taken".to_owned()));
        };
        if self.first_used(unit, reference).await?.is_some() {
            return Ok(None);
        }
        let made = self
            .changed::<Session, _>(unit, reference.as_str(), |before, _| match before {
                Some(before) => Err(Box::new(before.clone())),
                None => Ok(SessionEvent::Created {
                    session: Box::new(session.clone()),
                }),
            })
            .await?;
        Ok(Some(made.unwrap_or_else(|before| *before)))
    }

    /// One of the things that a sales unit keeps.
    pub async fn kept<T: Folded>(&self, unit: &Unit, name: &str) -> Result<Option<T>, StoreError> {
        let stream = stream::<T>(name);
        let record = self.store.load(&unit.partition(), &stream).await?;
        record.map(|record| read(&record.body)).transpose()
    }

    /// What happened to one of them, oldest first.
    pub async fn kept_history<T: Folded>(
        &self,
        unit: &Unit,
        name: &str,
    ) -> Result<Vec<(Timestamp, T::Event)>, StoreError> {
        let stream = stream::<T>(name);
        let history = self.store.history(&unit.partition(), &stream).await?;
        let read = |stored: &StoredEvent| {
            let event =
                serde_json::from_str(&stored.body).map_err(|error| unreadable(T::WHAT, &error))?;
            Ok((stored.at, event))
        };
        history.iter().map(read).collect()
    }

    /// Those whose names start with `prefix` and come after `after`, by name.
    pub async fn all_kept<T: Folded>(
        &self,
        unit: &Unit,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, T)>, StoreError> {
        let found = self
            .store
            .list(&unit.partition(), T::KIND, prefix, after, limit)
            .await?;
        let named = found.into_iter();
        named
            .map(|(name, record)| Ok((name, read(&record.body)?)))
            .collect()
    }

    /// Changes one of them: `decide` sees it as it is now and says what happens, or why not. Where
    /// another process was faster it is asked again.
    pub async fn change_kept<T: Folded, No>(
        &self,
        unit: &Arc<Unit>,
        name: &str,
        decide: impl FnMut(Option<&T>, Timestamp) -> Result<T::Event, No> + Send,
    ) -> Result<Result<T, No>, Refused> {
        let _pace = self.pace(unit, At::Now, false).await?;
        let Some(_turn) = self
            .lanes
            .enter(&unit.partition(), &stream::<T>(name))
            .await
        else {
            return Err(Refused::Fault(format!("{} stayed taken", T::WHAT)));
        };
        self.changed(unit, name, decide).await
    }

    /// The same for who holds the unit's pace and a lane already.
    async fn changed<T: Folded, No>(
        &self,
        unit: &Arc<Unit>,
        name: &str,
        mut decide: impl FnMut(Option<&T>, Timestamp) -> Result<T::Event, No> + Send,
    ) -> Result<Result<T, No>, Refused> {
        let (partition, stream) = (unit.partition(), stream::<T>(name));
        for _ in 0..ATTEMPTS {
            let now = self.now(unit);
            let record = self.store.load(&partition, &stream).await?;
            let expected = record.as_ref().map(|record| record.version);
            let before: Option<T> = record.map(|record| read(&record.body)).transpose()?;
            let event = match decide(before.as_ref(), now) {
                Ok(event) => event,
                Err(no) => return Ok(Err(no)),
            };
            let Some(after) = T::apply(before, &event) else {
                return Err(Refused::Fault(format!("{} was made of nothing", T::WHAT)));
            };
            let wrong = |error: serde_json::Error| unreadable(T::WHAT, &error);
            let write = Write {
                stream: stream.clone(),
                expected,
                body: serde_json::to_string(&after).map_err(wrong)?,
                deadline: None,
                events: vec![StoredEvent {
                    at: now,
                    body: serde_json::to_string(&event).map_err(wrong)?,
                }],
            };
            let commit = Commit {
                partition: partition.clone(),
                writes: vec![write],
                reply: None,
                calls: Vec::new(),
            };
            match self.make(unit, commit, || {}).await {
                Ok(()) => return Ok(Ok(after)),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Store(error)) => return Err(error.into()),
            }
        }
        Err(Refused::Fault(format!(
            "{} met another writer again and again",
            T::WHAT
        )))
    }
}

fn stream<T: Folded>(name: &str) -> StreamId {
    StreamId {
        kind: T::KIND,
        name: name.to_owned(),
    }
}

fn read<T: Folded>(body: &str) -> Result<T, StoreError> {
    serde_json::from_str(body).map_err(|error| unreadable(T::WHAT, &error))
}
