//! A rule's own chance.

use serde::{Deserialize, Serialize};

/// From 0, never, to 1, always.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probability(f64);

impl Probability {
    /// `None` when it is none.
    pub fn try_new(value: f64) -> Option<Probability> {
        (0.0..=1.0).contains(&value).then_some(Probability(value))
    }

    /// As a number.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// SplitMix64. A rule's own, so that neither other calls nor another version of a library changes
/// which calls a seed strikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dice(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// As it is after so many throws.
    pub(super) fn after(seed: u64, throws: u32) -> Dice {
        Dice(seed.wrapping_add(STEP.wrapping_mul(u64::from(throws))))
    }

    /// At least 0 and less than 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    pub(super) fn throw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}
