//! One record with its events: what they make of it, and what it is.

use std::collections::BTreeSet;

use sandkasse_domain::{
    checkout::Session,
    consent::Consent,
    order_info::{Image, OrderInfo},
    payment::{Event, Happened, Payment},
    person::PersonId,
    qr_code::RedirectCode,
};
use sandkasse_store::{
    Kind, Partition, Record, Seal, Sealer, StoredEvent, StreamId, authorization_place,
};
use sandkasse_vault::{Vault, is_sealed};

use super::{
    expected::{self, Expected},
    report::{Ailment, Place, Report},
    rules,
};
use crate::{
    Folded, apps,
    consents::KeptEvent,
    draft::in_app_of,
    outgoing,
    webhooks::{self, AttemptKind, Delivery, DeliveryEvent},
};

/// A record as it is told.
pub(super) struct Kept {
    partition: Partition,
    stream: StreamId,
    record: Record,
    seal: Option<Seal>,
    events: Vec<Told>,
}

struct Told {
    version: u64,
    position: u32,
    event: StoredEvent,
    seal: Option<Seal>,
}

impl Kept {
    pub(super) fn new(
        partition: Partition,
        stream: StreamId,
        record: Record,
        seal: Option<Seal>,
    ) -> Kept {
        Kept {
            partition,
            stream,
            record,
            seal,
            events: Vec::new(),
        }
    }

    pub(super) fn is_of(&self, partition: &Partition, stream: &StreamId) -> bool {
        (&self.partition, &self.stream) == (partition, stream)
    }

    pub(super) fn partition(&self) -> &Partition {
        &self.partition
    }

    pub(super) fn is_payment(&self) -> bool {
        self.stream.kind == Kind::Payment
    }

    pub(super) fn add(
        &mut self,
        version: u64,
        position: u32,
        event: StoredEvent,
        seal: Option<Seal>,
    ) {
        self.events.push(Told {
            version,
            position,
            event,
            seal,
        });
    }

    pub(super) fn place(&self) -> Place {
        let name = format!("{} {}", self.stream.kind.name(), self.stream.name);
        Place::of_unit("records", &self.partition, name)
    }

    fn event_place(&self, told: &Told) -> Place {
        let StreamId { kind, name } = &self.stream;
        let name = format!("{} {name} {}.{}", kind.name(), told.version, told.position);
        Place::of_unit("events", &self.partition, name)
    }

    /// Tells of each row the seal it has, the one it should have, and where it is.
    pub(super) fn seals(
        &self,
        sealer: Option<&Sealer>,
        mut tell: impl FnMut(Option<Seal>, Option<Seal>, &dyn Fn() -> Place, &'static str),
    ) {
        let fits = sealer.map(|it| it.record(&self.partition, &self.stream, &self.record));
        tell(self.seal, fits, &|| self.place(), "the record");
        for written in self.events.chunk_by(|a, b| a.version == b.version) {
            for told in written {
                let fits = sealer.map(|it| {
                    it.event(
                        &self.partition,
                        &self.stream,
                        told.version,
                        told.position as usize,
                        written.len(),
                        &told.event,
                    )
                });
                let place = || self.event_place(told);
                tell(told.seal, fits, &place, "the event, or one beside it,");
            }
        }
    }

    /// Compares the record with its events, and notes what must be elsewhere because of it.
    pub(super) fn examine(
        &self,
        vault: Option<&Vault>,
        expected: &mut Expected,
        report: &mut Report,
    ) {
        match self.stream.kind {
            Kind::Payment => self.payment(vault, expected, report),
            Kind::Consent => self.consent(expected, report),
            Kind::InApp => self.in_app(expected, report),
            Kind::Sums => self.sums(report),
            Kind::OrderInfo => self.folded::<OrderInfo>(report),
            Kind::Image => self.folded::<Image>(report),
            Kind::QrCode => self.folded::<RedirectCode>(report),
            Kind::Session => self.folded::<Session>(report),
            Kind::Delivery => self.delivery(report),
        }
    }

    fn found(&self, report: &mut Report, ailment: Ailment, what: impl Into<String>) {
        report.found(ailment, self.place(), what);
    }

    /// Every write of a payment or consent brings events, numbered without a gap.
    fn versions(&self, report: &mut Report) {
        let mut next = 1;
        for written in self.events.chunk_by(|a, b| a.version == b.version) {
            let Some(first) = written.first() else {
                continue;
            };
            if first.version != next {
                let what = format!("events of write {next} are missing");
                self.found(report, Ailment::Versions, what);
            }
            next = first.version + 1;
            let numbered = written.iter().zip(0..);
            if let Some((told, _)) = numbered.into_iter().find(|(told, at)| told.position != *at) {
                let what = format!(
                    "an event before {}.{} is missing",
                    told.version, told.position
                );
                self.found(report, Ailment::Versions, what);
            }
        }
        if next != self.record.version + 1 {
            let what = format!(
                "it is of version {}, and its events end with {}",
                self.record.version,
                next - 1
            );
            self.found(report, Ailment::Versions, what);
        }
    }

    /// The history, if all of it can be read.
    fn history(&self, report: &mut Report) -> Option<Vec<Happened>> {
        let read = |told: &Told| {
            serde_json::from_str(&told.event.body).map(|event| Happened {
                at: told.event.at,
                event,
            })
        };
        let mut history = Vec::with_capacity(self.events.len());
        for told in &self.events {
            match read(told) {
                Ok(happened) => history.push(happened),
                Err(error) => {
                    let what = format!("the event cannot be read: {error}");
                    report.found(Ailment::Unreadable, self.event_place(told), what);
                }
            }
        }
        (history.len() == self.events.len()).then_some(history)
    }

    fn payment(&self, vault: Option<&Vault>, expected: &mut Expected, report: &mut Report) {
        self.versions(report);
        let Some(history) = self.history(report) else {
            return;
        };
        let mut payment: Option<Payment> = None;
        for (happened, told) in history.iter().zip(&self.events) {
            if let Some(why) = rules::forbids(payment.as_ref(), &happened.event) {
                report.found(Ailment::Rules, self.event_place(told), why);
            }
            payment = Payment::apply(payment, happened);
            if let Some(payment) = &payment {
                self.owes(payment, happened, told.seal.is_some(), expected);
            }
        }
        let Some(payment) = payment else {
            self.found(report, Ailment::Fold, "its events make no payment");
            return;
        };
        // Byte by byte, as this program writes it; a text of an earlier one may mean the same.
        let is_same = serde_json::to_string(&payment).is_ok_and(|body| body == self.record.body)
            || serde_json::from_str(&self.record.body).is_ok_and(|kept: Payment| kept == payment);
        if !is_same {
            let what = "the payment is not what its events make of it";
            self.found(report, Ailment::Fold, what);
        }
        if let Some(why) = rules::impossible(&payment) {
            self.found(report, Ailment::Rules, why);
        }
        let due = payment.due().map(|(moment, _)| moment.as_millisecond());
        if due != self.record.deadline.map(|it| it.as_millisecond()) {
            let what = "the deadline is not when the payment changes by itself";
            self.found(report, Ailment::Deadline, what);
        }
        let order = payment.order.id.as_str();
        if order != self.stream.name {
            let what = format!("it is about the order {order}");
            self.found(report, Ailment::Name, what);
        }
        if let (Some(vault), Some(token)) = (vault, &payment.order.auth_token)
            && is_sealed(token)
            && vault.open(&authorization_place(order), token).is_err()
        {
            let what = "the merchant's authToken does not open";
            self.found(report, Ailment::Entry, what);
        }
    }

    /// What must be elsewhere because of an event; `payment` is as it stands after it.
    fn owes(
        &self,
        payment: &Payment,
        happened: &Happened,
        is_sealed: bool,
        expected: &mut Expected,
    ) {
        if let Some(meaning) = expected::answered(payment, &happened.event) {
            expected.replies.add(&meaning, happened.at);
        }
        if let Some(meaning) = expected::owed(payment, happened) {
            expected.calls.add(&meaning, happened.at);
        }
        // Payments from before there were apps are in none; nor had they seals.
        if let Some(payer) = in_app_of(&happened.event)
            && is_sealed
        {
            let name = self.in_app_name(payment, &payer.person);
            expected.in_app.add(&name, happened.at);
        }
    }

    fn in_app_name(&self, payment: &Payment, person: &PersonId) -> String {
        apps::name(person, payment.initiated_at, payment.order.id.as_str())
    }

    fn consent(&self, expected: &mut Expected, report: &mut Report) {
        self.versions(report);
        let mut consent = Consent::new(PersonId(String::new()));
        let mut is_revoked = false;
        for told in &self.events {
            match serde_json::from_str(&told.event.body) {
                Ok(KeptEvent::Shared { scopes }) => {
                    consent.grant(&scopes, told.event.at);
                    is_revoked = false;
                }
                Ok(KeptEvent::Revoked { call }) => {
                    if let Some(call) = call {
                        expected.calls.add(&call, told.event.at);
                    }
                    consent.granted.clear();
                    is_revoked = true;
                }
                Err(error) => {
                    let what = format!("the event cannot be read: {error}");
                    report.found(Ailment::Unreadable, self.event_place(told), what);
                    return;
                }
            }
        }
        match serde_json::from_str::<Consent>(&self.record.body) {
            Ok(kept) => {
                let same = |a: &BTreeSet<_>, b| a == b;
                let is_same = same(&kept.granted, &consent.granted)
                    && kept.shared_at == consent.shared_at
                    && !(is_revoked && kept.removal_prefix.is_some());
                if !is_same {
                    let what = "the consent is not what its events make of it";
                    self.found(report, Ailment::Fold, what);
                }
            }
            Err(error) => {
                let what = format!("the consent cannot be read: {error}");
                self.found(report, Ailment::Unreadable, what);
            }
        }
        if self.record.deadline.is_some() {
            self.found(report, Ailment::Deadline, "a consent has no deadline");
        }
    }

    fn in_app(&self, expected: &mut Expected, report: &mut Report) {
        if !expected.in_app.take(&self.stream.name) {
            // Whoever saw it before seals were made is not expected.
            if self.seal.is_some() {
                let what = "the payment never came to this person's app";
                self.found(report, Ailment::InApp, what);
            }
        }
        let Record {
            version,
            body,
            deadline,
        } = &self.record;
        if (*version, body.as_str(), *deadline) != (1, "{}", None) || !self.events.is_empty() {
            let what = "there is more in it than that a payment came to an app";
            self.found(report, Ailment::InApp, what);
        }
    }

    /// What a sales unit keeps besides is what its events make of it, and has no deadline.
    fn folded<T: Folded>(&self, report: &mut Report) {
        self.versions(report);
        let mut made: Option<T> = None;
        for told in &self.events {
            match serde_json::from_str(&told.event.body) {
                Ok(event) => made = T::apply(made, &event),
                Err(error) => {
                    let what = format!("the event cannot be read: {error}");
                    report.found(Ailment::Unreadable, self.event_place(told), what);
                    return;
                }
            }
        }
        match serde_json::from_str::<T>(&self.record.body) {
            Ok(kept) if made.as_ref() == Some(&kept) => {}
            Ok(_) => {
                let what = format!("{} is not what its events make of it", T::WHAT);
                self.found(report, Ailment::Fold, what);
            }
            Err(error) => {
                let what = format!("{} cannot be read: {error}", T::WHAT);
                self.found(report, Ailment::Unreadable, what);
            }
        }
        if self.record.deadline.is_some() {
            let what = format!("{} has no deadline", T::WHAT);
            self.found(report, Ailment::Deadline, what);
        }
    }

    /// It counts decisions, and holds nothing.
    fn sums(&self, report: &mut Report) {
        let Record { body, deadline, .. } = &self.record;
        if (body.as_str(), *deadline) != ("{}", None) || !self.events.is_empty() {
            let what = "there is more in it than that decisions were made";
            self.found(report, Ailment::Fold, what);
        }
    }

    /// Its events are that it is owed and the attempts; it says how many there are of all, and of
    /// attempts on schedule.
    fn delivery(&self, report: &mut Report) {
        let Ok(delivery) = serde_json::from_str::<Delivery>(&self.record.body) else {
            self.found(report, Ailment::Unreadable, "the delivery cannot be read");
            return;
        };
        let (mut scheduled, mut owed) = (0, 0);
        for (told, place) in self.events.iter().zip(0..) {
            match DeliveryEvent::read(&told.event.body) {
                Ok(DeliveryEvent::Attempt(attempt)) => {
                    scheduled += u32::from(attempt.kind == AttemptKind::Scheduled);
                }
                Ok(DeliveryEvent::Owed { owed: event }) if place == 0 => {
                    owed += 1;
                    if event != delivery.event {
                        self.found(report, Ailment::Fold, "it tells of another event");
                    }
                }
                Ok(DeliveryEvent::Owed { .. }) => {
                    self.found(report, Ailment::Rules, "it is owed once more");
                }
                Err(error) => {
                    report.found(Ailment::Unreadable, self.event_place(told), error.0);
                }
            }
        }
        let (attempts, told) = (delivery.attempts, delivery.told);
        if attempts != scheduled {
            let what = format!("{attempts} attempts were made, and {scheduled} are told");
            self.found(report, Ailment::Fold, what);
        }
        let there = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        if told.is_some_and(|told| told != there || owed == 0) {
            let what = format!("of {} events, {there} are told", told.unwrap_or_default());
            self.found(report, Ailment::Versions, what);
        }
        if delivery.is_waiting() != self.record.deadline.is_some() {
            let what = "it waits without a moment, or has one and does not wait";
            self.found(report, Ailment::Deadline, what);
        }
        let name = &self.stream.name;
        let queue = webhooks::queue(&delivery.about, &delivery.registration);
        if !name.starts_with(&queue) {
            let what = format!(
                "it is about {} and for {}",
                delivery.about, delivery.registration.0
            );
            self.found(report, Ailment::Name, what);
        }
    }

    /// Names what is expected because of this record and was not there.
    pub(super) fn name_missing(&self, expected: &mut Expected, report: &mut Report) {
        match self.stream.kind {
            Kind::Payment => self.name_missing_of_payment(expected, report),
            Kind::Consent => self.name_missing_of_consent(expected, report),
            Kind::InApp
            | Kind::Sums
            | Kind::Delivery
            | Kind::OrderInfo
            | Kind::Image
            | Kind::QrCode
            | Kind::Session => {}
        }
    }

    fn name_missing_of_consent(&self, expected: &mut Expected, report: &mut Report) {
        for told in &self.events {
            if let Ok(KeptEvent::Revoked { call: Some(call) }) =
                serde_json::from_str(&told.event.body)
                && expected.calls.take(&call)
            {
                let place = Place::of_unit("calls", &self.partition, call);
                let what = format!(
                    "the consent {} was revoked ({}.{}), and the call that tells so is not there",
                    self.stream.name, told.version, told.position
                );
                report.found(Ailment::Call, place, what);
            }
        }
    }

    fn name_missing_of_payment(&self, expected: &mut Expected, report: &mut Report) {
        let mut payment: Option<Payment> = None;
        for told in &self.events {
            let Ok(event) = serde_json::from_str::<Event>(&told.event.body) else {
                return;
            };
            let happened = Happened {
                at: told.event.at,
                event,
            };
            payment = Payment::apply(payment, &happened);
            let Some(payment) = &payment else {
                return;
            };
            let what = rules::name(&happened.event);
            let order = payment.order.id.as_str();
            if let Some(meaning) = expected::answered(payment, &happened.event)
                && expected.replies.take(&meaning)
            {
                let place = Place::of_unit("replies", &self.partition, meaning.place());
                let what = format!(
                    "{order} was {what} ({}.{}), and the answer is not there",
                    told.version, told.position
                );
                report.found(Ailment::Reply, place, what);
            }
            if let Some(meaning) = expected::owed(payment, &happened)
                && expected.calls.take(&meaning)
            {
                let place = Place::of_unit("calls", &self.partition, format!("about {order}"));
                let what = format!(
                    "{order} was {what} ({}.{}) at {}, and the callback that it owes is not there",
                    told.version,
                    told.position,
                    outgoing::ecom_time(happened.at)
                );
                report.found(Ailment::Call, place, what);
            }
            if let Some(payer) = in_app_of(&happened.event) {
                let name = self.in_app_name(payment, &payer.person);
                if expected.in_app.take(&name) {
                    let place =
                        Place::of_unit("records", &self.partition, format!("in_app {name}"));
                    let what = format!("{order} came to this person's app, and is not in it");
                    report.found(Ailment::InApp, place, what);
                }
            }
        }
    }
}
