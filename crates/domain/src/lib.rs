//! What is true on the platform: money, numbers, persons, sales units and the payment machine.
//!
//! Everything here is pure. Time, chance and the outside world come in as arguments; nothing in
//! this crate reads a clock, a file or a socket. Begin with [`payment`].

mod as_of;
pub mod card_number;
pub mod checkout;
pub mod consent;
pub mod environment;
pub mod incident;
pub mod keys;
mod known;
pub mod ledger;
pub mod merchant;
pub mod money;
pub mod msn;
pub mod order_id;
pub mod order_info;
pub mod partner;
pub mod payment;
pub mod person;
pub mod phone;
pub mod qr_code;
pub mod receipt;
pub mod sales_unit;
pub mod user;
pub mod webhook;
pub mod wording;

pub use as_of::AsOf;
pub use environment::Environment;
pub use jiff::Timestamp;
pub use known::Known;
pub use money::{Currency, Minor};
pub use msn::Msn;
pub use order_id::OrderId;
pub use phone::PhoneNumber;
pub use wording::Wording;
