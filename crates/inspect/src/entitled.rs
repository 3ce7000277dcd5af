//! Who may hear of stored keys (reference: platform.md §10): their owner, and the administrator.

use sandkasse_api::{Why, token::TokenCause};
use sandkasse_engine::{Engine, directory::Client};
use sandkasse_gate::{GateCause, KeyNear};

use crate::{Reader, Record};

/// Whether a reader may hear of stored keys: their owner, and the administrator.
pub(crate) fn knows_keys(engine: &Engine, record: &Record, why: &Why, reader: &Reader) -> bool {
    match reader {
        Reader::Administrator => true,
        Reader::Holder => !speaks_of_keys(why),
        Reader::Keys(client) => {
            if !speaks_of_keys(why) {
                return true;
            }
            // Sales units of the two environments may have the same number.
            let of_other = matches!(
                why,
                Why::Gate(GateCause::SubscriptionKeyUnknown {
                    near: Some(KeyNear::OtherEnvironment { .. }),
                })
            );
            let environment = if of_other {
                record.environment.other()
            } else {
                record.environment
            };
            let directory = engine.directory.of(environment);
            let described = directory.client(client).map(Client::described);
            if let Why::Token(_) = why {
                return record.header("client_id") == Some(client);
            }
            owners(why)
                .is_some_and(|owners| owners.iter().all(|owner| Some(owner) == described.as_ref()))
        }
    }
}

/// Whose keys a cause speaks of.
fn owners(why: &Why) -> Option<Vec<String>> {
    match why {
        Why::Gate(GateCause::SubscriptionKeyUnknown { near: Some(near) }) => {
            let (KeyNear::OtherEnvironment { of }
            | KeyNear::Regenerated { of, .. }
            | KeyNear::Blanks { of }) = near;
            Some(vec![of.clone()])
        }
        Why::Gate(GateCause::KeysOfDifferentOwners {
            token_of, key_of, ..
        }) => Some(vec![token_of.clone(), key_of.clone()]),
        Why::Gate(GateCause::SubscriptionKeyProduct { msn, .. }) => {
            Some(vec![format!("sales unit {msn}")])
        }
        Why::Gate(_)
        | Why::Body(_)
        | Why::Fields(_)
        | Why::Payment(_)
        | Why::Token(_)
        | Why::Userinfo(_)
        | Why::Epayment(_)
        | Why::OrderManagement(_)
        | Why::Qr(_)
        | Why::Report(_)
        | Why::Checkout(_)
        | Why::Unread(_)
        | Why::NotBuilt
        | Why::Struck(_)
        | Why::Fault(_) => None,
    }
}

/// Whether a cause of this kind may speak of stored keys. Who may not hear of them does not hear
/// either whether there is something to hear.
pub(crate) fn may_speak_of_keys(why: &Why) -> bool {
    matches!(
        why,
        Why::Gate(
            GateCause::SubscriptionKeyUnknown { .. }
                | GateCause::SubscriptionKeyProduct { .. }
                | GateCause::KeysOfDifferentOwners { .. }
        ) | Why::Token(TokenCause::SecretWrong { .. } | TokenCause::ClientUnknown { .. })
    )
}

pub(crate) fn speaks_of_keys(why: &Why) -> bool {
    matches!(
        why,
        Why::Gate(
            GateCause::SubscriptionKeyUnknown { near: Some(_) }
                | GateCause::SubscriptionKeyProduct { .. }
                | GateCause::KeysOfDifferentOwners { .. }
        ) | Why::Token(
            TokenCause::SecretWrong {
                regenerated_at: Some(_)
            } | TokenCause::ClientUnknown {
                elsewhere: true,
                ..
            }
        )
    )
}
