//! A whole platform in memory, with actors, for tests.
//!
//! ```
//! use sandkasse_testkit::{World, days};
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let world = World::new().await;
//! let kari = world.person(|_| {}).await;
//! let shop = world.shop(|_| {}).await;
//! shop.initiate("acme-1", 499_00).await.ok();
//! shop.approve("acme-1", &kari).await.expect("kari can pay");
//! shop.advance(days(181)).await;
//! let late = shop.capture("acme-1", 499_00).await;
//! late.refused(400, "Payment", "98", "capture.too_late");
//! # }
//! ```
//!
//! No sockets, no sleeping, no fixed ports: calls go into [`sandkasse_api::Platform::answer`] as
//! bytes, time stands still until it is moved, and calls to merchants are recorded. When the API
//! changes, this is the one place to change.

#![expect(
    clippy::indexing_slicing,
    reason = "a test stops at what it did not expect"
)]

mod acting;
mod ask;
mod courier;
mod epay;
mod exact;
mod forge;
mod formats;
mod fresh;
mod hooks;
mod inside;
mod member;
mod oracle;
mod recorder;
mod shop;
mod stage;
mod troubled;
mod world;

pub use acting::{PartnerShop, PspShop};
pub use ask::{Ask, Got};
pub use courier::{RealCourier, Receiver, closed_port, http_json};
pub use epay::EPAYMENTS;
pub use exact::transaction_ids;
pub use forge::Jwt;
pub use formats::{
    ACCOUNTING_EXPIRED, Format, INTERNAL_ERROR, KEY_INVALID, KEY_MISSING, NOT_FOUND, TOKEN_REJECTED,
};
pub use fresh::FreshStore;
pub use hooks::{WEBHOOKS, told};
pub use inside::cause_of;
pub use member::{renamed_member, with_member, without_member};
pub use recorder::Recorder;
pub use shop::{Shop, closed};
pub use stage::{Played, Spoken, Stage, Unplayable};
pub use troubled::{Trouble, TroubledStore};
pub use world::World;

use jiff::SignedDuration;

/// So many days.
pub fn days(count: i64) -> SignedDuration {
    hours(24 * count)
}

/// So many hours.
pub fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

/// So many minutes.
pub fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

/// So many seconds.
pub fn seconds(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count)
}
