//! Saved answers: the same request under the same key gets the same bytes.
//!
//! eCom saves the answers to captures and refunds that were carried out, as they are. ePayment saves
//! every answer that was given after the look-up, refusals too (reference: epayment.md §4), each with
//! what the explanation and the doctor need to know of it.

use std::sync::Arc;

use sandkasse_domain::{
    Minor,
    payment::{Cause, Event, Happened, Operation},
};
use sandkasse_store::{Commit, CommitError, SavedReply};
use serde::{Deserialize, Serialize};

use crate::{Done, Engine, Idempotency, Initiated, Operated, Refused, Rendered, Unit, unreadable};

/// What the scopes of ePayment's answers begin with.
pub(crate) const EPAYMENT: &str = "epayment/";

/// An answer of ePayment as it is saved.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Why it was refused, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    /// What was captured or refunded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<Minor>,
    /// The answer.
    pub(crate) body: String,
}

/// What was made happen, for the answer that is saved of it.
pub trait Carried {
    /// How much money it moved.
    fn moved(&self) -> Option<Minor>;
}

impl Carried for Operated {
    fn moved(&self) -> Option<Minor> {
        self.happened.last().and_then(moved)
    }
}

impl Carried for Initiated {
    fn moved(&self) -> Option<Minor> {
        None
    }
}

fn moved(happened: &Happened) -> Option<Minor> {
    if let Event::Captured(movement) | Event::Refunded(movement) = &happened.event {
        Some(movement.amount)
    } else {
        None
    }
}

/// Where the answers to an operation on an order are saved.
pub(crate) fn reply_scope(operation: Operation, order: &str) -> String {
    format!("{}/{order}", operation.name())
}

impl<T: Carried> Idempotency<'_, T> {
    fn scope(&self, order: &str) -> String {
        match (self.refusals, self.operation) {
            (None, _) => reply_scope(self.operation, order),
            // A key of the creation is one of the sales unit.
            (Some(_), Operation::Initiate) => format!("{EPAYMENT}{}", self.operation.name()),
            (Some(_), _) => format!("{EPAYMENT}{}", reply_scope(self.operation, order)),
        }
    }

    fn saved(&self, order: &str, status: u16, body: String) -> SavedReply {
        SavedReply {
            scope: self.scope(order),
            key: self.key.to_owned(),
            fingerprint: self.fingerprint.clone(),
            status,
            body,
        }
    }

    /// The answer to what was carried out.
    pub(crate) fn carried_out(&self, order: &str, carried: &T) -> SavedReply {
        let Rendered { status, body } = (self.render)(carried);
        let body = match self.refusals {
            None => body,
            Some(_) => envelope(None, carried.moved(), body),
        };
        self.saved(order, status, body)
    }

    /// The answer to a refusal, if it is one to be saved: not what a moment later may be over, nor
    /// what is wrong with the key itself.
    pub(crate) fn refused(&self, order: &str, refused: &Refused) -> Option<(SavedReply, Done<T>)> {
        let (Some(render), Refused::Because(cause)) = (self.refusals, refused) else {
            return None;
        };
        if let Cause::OrderLocked { .. } | Cause::OutcomePending { .. } | Cause::KeyReused { .. } =
            cause
        {
            return None;
        }
        let rendered = render(cause);
        let body = envelope(Some(cause.clone()), None, rendered.body.clone());
        let reply = self.saved(order, rendered.status, body);
        let done = Done::Refused {
            cause: Box::new(cause.clone()),
            rendered,
            before: false,
        };
        Some((reply, done))
    }
}

fn envelope(cause: Option<Cause>, amount: Option<Minor>, body: String) -> String {
    let kept = Kept {
        cause,
        amount,
        body,
    };
    serde_json::to_string(&kept).expect("plain structs always serialise")
}

impl Engine {
    /// The answer that was given before, if one was.
    pub(crate) async fn answered<T: Carried>(
        &self,
        unit: &Unit,
        order: &str,
        asked: Option<&Idempotency<'_, T>>,
    ) -> Result<Option<Done<T>>, Refused> {
        let Some(asked) = asked else {
            return Ok(None);
        };
        let scope = asked.scope(order);
        let partition = unit.partition();
        let Some(saved) = self.store.reply(&partition, &scope, asked.key).await? else {
            return Ok(None);
        };
        if saved.fingerprint != asked.fingerprint {
            return Err(Cause::KeyReused {
                operation: asked.operation,
                key: asked.key.to_owned(),
            }
            .into());
        }
        let (status, body) = (saved.status, saved.body);
        if asked.refusals.is_none() {
            return Ok(Some(Done::Before(Rendered { status, body })));
        }
        let kept: Kept =
            serde_json::from_str(&body).map_err(|error| unreadable("an answer", &error))?;
        let body = kept.body;
        let rendered = Rendered { status, body };
        Ok(Some(match kept.cause {
            None => Done::Before(rendered),
            Some(cause) => Done::Refused {
                cause: Box::new(cause),
                rendered,
                before: true,
            },
        }))
    }

    /// Saves an answer that comes without any effect.
    pub(crate) async fn save_reply(
        &self,
        unit: &Arc<Unit>,
        reply: SavedReply,
    ) -> Result<(), CommitError> {
        let commit = Commit {
            partition: unit.partition(),
            writes: vec![],
            reply: Some(reply),
            calls: vec![],
        };
        self.make(unit, commit, || {}).await
    }
}
