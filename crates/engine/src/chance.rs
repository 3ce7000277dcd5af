//! Ids, keys and chance: the only source of randomness.

use std::sync::atomic::{AtomicU64, Ordering};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use parking_lot::Mutex;
use rand::{RngCore, SeedableRng, rngs::StdRng};
use sandkasse_domain::payment::TransactionId;
use uuid::Uuid;

/// Makes ids and keys. Two with the same seed make the same ones in the same order.
#[derive(Debug)]
pub struct Chance {
    random: Mutex<StdRng>,
    transactions: AtomicU64,
    /// From one transaction id to the next.
    step: u64,
}

/// So many processes can work on one store.
const SLOTS: u64 = 16;

impl Chance {
    /// Repeats under the same seed.
    pub fn seeded(seed: u64) -> Chance {
        Chance {
            random: Mutex::new(StdRng::seed_from_u64(seed)),
            // The real platform stood about here in July 2021.
            transactions: AtomicU64::new(5_002_701_467),
            step: 1,
        }
    }

    /// Never repeats. Transaction ids go on from `milliseconds` of Unix time, so that they stay
    /// unique over restarts: fewer than a thousand are made a second, on average.
    /// Processes on one store make different ones: each has a slot below [`SLOTS`].
    pub fn from_entropy(milliseconds: i64, slot: Option<u8>) -> Chance {
        let start = u64::try_from(milliseconds).unwrap_or_default();
        let (first, step) = match slot {
            Some(slot) => (start * SLOTS + u64::from(slot), SLOTS),
            None => (start, 1),
        };
        Chance {
            random: Mutex::new(StdRng::from_os_rng()),
            transactions: AtomicU64::new(first),
            step,
        }
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.lock().fill_bytes(&mut bytes);
        bytes
    }

    /// A version 4 UUID.
    pub fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }

    /// The platform's number for the next movement of money: ten digits or more.
    pub fn transaction_id(&self) -> TransactionId {
        TransactionId((self.transactions.fetch_add(self.step, Ordering::Relaxed) + 1).to_string())
    }

    /// A number below `bound`.
    pub fn below(&self, bound: u64) -> u64 {
        self.random.lock().next_u64() % bound.max(1)
    }

    /// A subscription key: 32 hexadecimal digits.
    pub fn subscription_key(&self) -> String {
        self.bytes::<16>()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// A client secret: Base64 of 16 bytes.
    pub fn client_secret(&self) -> String {
        STANDARD.encode(self.bytes::<16>())
    }
}
