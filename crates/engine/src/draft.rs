//! A decision in the making, and how it becomes durable.

use std::sync::Arc;

use sandkasse_domain::{
    payment::{Event, Happened, Payer, Payment},
    person::PersonId,
};
use sandkasse_store::{
    Commit, CommitError, Kind, OutgoingCall, SavedReply, StoreError, StoredEvent, StreamId, Write,
};

use crate::{
    Changed, Engine, Unit, outgoing, payment_stream, unreadable,
    webhooks::{Published, payment_events},
};

/// A decision in the making.
pub(crate) struct Draft {
    pub(crate) version: Option<u64>,
    pub(crate) payment: Option<Payment>,
    pub(crate) happened: Vec<Happened>,
    pub(crate) calls: Vec<OutgoingCall>,
    /// Into whose apps the payment came.
    pub(crate) newcomers: Vec<PersonId>,
    /// What webhooks tell of it.
    pub(crate) published: Vec<Published>,
    /// Webhooks to be delivered before the API answers.
    pub(crate) urgent: Vec<String>,
    /// What keeps another process from deciding on the same sums.
    pub(crate) sums: Option<Write>,
}

impl Draft {
    pub(crate) fn new() -> Draft {
        Draft {
            version: None,
            payment: None,
            happened: Vec::new(),
            calls: Vec::new(),
            newcomers: Vec::new(),
            published: Vec::new(),
            urgent: Vec::new(),
            sums: None,
        }
    }

    pub(crate) fn of(version: u64, payment: Payment) -> Draft {
        Draft {
            version: Some(version),
            payment: Some(payment),
            ..Draft::new()
        }
    }
}

impl Engine {
    pub(crate) fn record(&self, unit: &Arc<Unit>, draft: &mut Draft, mut happened: Happened) {
        let before = draft.payment.as_ref();
        if before.is_some_and(|payment| payment.order.epayment().is_some()) {
            happened.event.number(|| self.chance.transaction_id());
        }
        draft.newcomers.extend(newcomer(draft, &happened.event));
        draft.payment = Payment::apply(draft.payment.take(), &happened);
        let payment = draft
            .payment
            .as_ref()
            .expect("every history begins with an initiate");
        let wording = self.settings.wording(unit.facts.environment);
        let msn = &unit.facts.msn;
        let call = outgoing::callback(&self.chance, msn, payment, &happened, wording);
        draft.calls.extend(call);
        draft
            .published
            .extend(payment_events(msn, payment, &happened, self.as_of()));
        draft.happened.push(happened);
    }

    pub(crate) async fn commit(
        &self,
        unit: &Arc<Unit>,
        order: &str,
        draft: &mut Draft,
        reply: Option<SavedReply>,
    ) -> Result<(), CommitError> {
        if draft.happened.is_empty() && reply.is_none() {
            return Ok(());
        }
        let partition = unit.partition();
        let payment = draft
            .payment
            .as_ref()
            .expect("a draft to commit has a payment");
        let deadline = payment.due().map(|(moment, _)| moment);
        let to_json = |error: serde_json::Error| unreadable("a payment", &error);
        let mut events = Vec::with_capacity(draft.happened.len());
        for happened in &draft.happened {
            let body = serde_json::to_string(&happened.event).map_err(to_json)?;
            events.push(StoredEvent {
                at: happened.at,
                body,
            });
        }
        let mut writes = vec![Write {
            stream: payment_stream(order),
            expected: draft.version,
            body: serde_json::to_string(payment).map_err(to_json)?,
            deadline,
            events,
        }];
        let consent = self.consent_change(unit, payment, &draft.happened).await?;
        let (consent, _turn) = consent.unzip();
        writes.extend(consent);
        writes.extend(draft.sums.take());
        let place = format!("{:08}", draft.version.unwrap_or(0) + 1);
        let owed = self.deliveries(unit, &place, &draft.published)?;
        writes.extend(owed.writes);
        draft.urgent = owed.urgent;
        let newcomers = std::mem::take(&mut draft.newcomers);
        writes.extend(self.came_to_apps(unit, draft, &newcomers).await?);
        let commit = Commit {
            partition: partition.clone(),
            writes,
            reply,
            calls: std::mem::take(&mut draft.calls),
        };
        let (apps, changes) = (self.apps.clone(), self.changes.clone());
        let order = order.to_owned();
        self.make(unit, commit, move || {
            apps.note(&partition, &newcomers);
            // Nobody waiting is no error.
            let _ = changes.send(Changed::Payment(partition, order));
        })
        .await
    }

    /// What a decision on sums over the unit writes besides, read before the sums are. Within a
    /// process such decisions are made one at a time; this keeps other processes out.
    pub(crate) async fn sums_guard(&self, unit: &Unit) -> Result<Option<Write>, StoreError> {
        if self.store.nodes().is_none() {
            return Ok(None);
        }
        let stream = StreamId {
            kind: Kind::Sums,
            name: "decided".to_owned(),
        };
        let before = self.store.load(&unit.partition(), &stream).await?;
        Ok(Some(Write {
            stream,
            expected: before.map(|record| record.version),
            body: "{}".to_owned(),
            deadline: None,
            events: vec![],
        }))
    }

    /// What a person's app remembers of an approval: force approve works from now on.
    pub(crate) async fn remember_approval(
        &self,
        unit: &Unit,
        happened: &[Happened],
    ) -> Result<(), StoreError> {
        let approved = happened.iter().find_map(|happened| {
            if let Event::Reserved { grant } | Event::OutcomeUnknown { grant } = &happened.event {
                Some(&grant.payer.person)
            } else {
                None
            }
        });
        let Some(person) = approved else {
            return Ok(());
        };
        let environment = unit.facts.environment;
        let known = self.directory.of(environment);
        if known
            .person(person)
            .is_some_and(|person| !person.app.approved_once)
        {
            self.directory
                .change_person(environment, person, |person| {
                    person.app.approved_once = true
                })
                .await?;
        }
        Ok(())
    }
}

/// In whose app the payment is from this event on, and was not before.
fn newcomer(draft: &Draft, event: &Event) -> Option<PersonId> {
    let payer = in_app_of(event)?;
    let open = draft.payment.as_ref().and_then(Payment::open);
    let shown_to = open.and_then(|open| open.payer.as_ref());
    (shown_to != Some(payer)).then(|| payer.person.clone())
}

/// In whose app an event puts a payment.
pub(crate) fn in_app_of(event: &Event) -> Option<&Payer> {
    match event {
        Event::Shown { payer, .. } => Some(payer),
        Event::Reserved { grant } | Event::OutcomeUnknown { grant } => Some(&grant.payer),
        Event::Initiated { .. }
        | Event::Opened
        | Event::PutDown
        | Event::ShippingOffered { .. }
        | Event::ThreeDSecureBegan
        | Event::ReservationRefused { .. }
        | Event::Cancelled { .. }
        | Event::Failed { .. }
        | Event::Voided { .. }
        | Event::Captured(_)
        | Event::CaptureFailed(_)
        | Event::RemainderReleased { .. }
        | Event::Refunded(_)
        | Event::RefundFailed(_) => None,
    }
}
