//! Chance that repeats: one seed, the same requests.

use rand::{Rng, SeedableRng, rngs::StdRng};

/// Throws that depend on the seed alone.
pub(crate) struct Dice(StdRng);

impl Dice {
    pub(crate) fn new(seed: u64, chapter: u64) -> Dice {
        // Neighbouring chapters of neighbouring seeds are not the same.
        let mixed = seed ^ chapter.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Dice(StdRng::seed_from_u64(mixed))
    }

    /// Below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0.random_range(0..bound.max(1))
    }

    /// True once in so many throws.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = self.below(from.len());
        from.get(at).expect("lists to pick from are not empty")
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.random()
    }
}
