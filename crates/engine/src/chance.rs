//! Ids, keys and chance: the only source of randomness.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use parking_lot::Mutex;
use rand::{Rng, RngCore, SeedableRng, rngs::StdRng};
use sandkasse_domain::payment::TransactionId;
use uuid::Uuid;

/// Where a process begins to count its transactions: sixteen digits, which JavaScript's numbers hold.
const TRANSACTIONS: Range<u64> = 1_000_000_000_000_000..9_000_000_000_000_000;

/// Makes ids and keys. Two with the same seed make the same ones in the same order.
#[derive(Debug)]
pub struct Chance {
    random: Mutex<StdRng>,
    transactions: AtomicU64,
}

impl Chance {
    /// Repeats under the same seed.
    pub fn seeded(seed: u64) -> Chance {
        Chance {
            random: Mutex::new(StdRng::seed_from_u64(seed)),
            // The real platform stood about here in July 2021.
            transactions: AtomicU64::new(5_002_701_467),
        }
    }

    /// Repeats under the same seed; begins like [`Chance::from_entropy`], so processes with other seeds
    /// share no transaction id.
    pub fn repeating(seed: u64) -> Chance {
        Chance::begun(StdRng::seed_from_u64(seed))
    }

    /// Never repeats. Transaction ids begin at a place of chance, so that two processes share none,
    /// whatever their clocks show: when they make a million each, with a probability of one in four
    /// thousand million.
    pub fn from_entropy() -> Chance {
        Chance::begun(StdRng::from_os_rng())
    }

    fn begun(mut random: StdRng) -> Chance {
        let first = random.random_range(TRANSACTIONS);
        Chance {
            random: Mutex::new(random),
            transactions: AtomicU64::new(first),
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
        TransactionId((self.transactions.fetch_add(1, Ordering::Relaxed) + 1).to_string())
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
