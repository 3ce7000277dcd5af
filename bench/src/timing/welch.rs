//! Welch's t-test of two classes of times, as dudect makes it: classes in random order, and besides all times also
//! those below a row of percentiles, for what differs is often hidden behind rare slow ones.

/// Chance that repeats, so that a run can be made again.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// `SplitMix64`.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `count`, which is not 0.
    pub(super) fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count.max(1) as u64).unwrap_or_default()
    }
}

/// How many percentiles times are cropped at, besides not at all.
const CROPS: i32 = 100;
/// A cropped class with fewer times says nothing.
const FEWEST: f64 = 1000.0;

/// The largest |t| of two classes of times, over all croppings.
pub(super) fn largest_t(classes: [&[u32]; 2]) -> f64 {
    let mut all: Vec<u32> = classes.into_iter().flatten().copied().collect();
    all.sort_unstable();
    // dudect's: from the seventh percent to all but a thousandth, denser towards the end.
    let limits = (0..=CROPS).map(|crop| {
        let share = 1.0 - 0.5_f64.powf(f64::from(crop + 1) / f64::from(CROPS) * 10.0);
        let rank = (all.len() as f64 * share) as usize;
        if crop == CROPS {
            u32::MAX
        } else {
            all.get(rank).copied().unwrap_or(u32::MAX)
        }
    });
    limits
        .map(|limit| t(classes, limit).abs())
        .fold(0.0, f64::max)
}

/// Welch's t of the times up to a limit; 0 when there are too few.
fn t([one, other]: [&[u32]; 2], limit: u32) -> f64 {
    let (one, other) = (Moments::of(one, limit), Moments::of(other, limit));
    if one.count < FEWEST || other.count < FEWEST {
        return 0.0;
    }
    let error = (one.variance() / one.count + other.variance() / other.count).sqrt();
    if error == 0.0 {
        // No time differs within a class: either nothing differs at all, or everything.
        return if one.mean == other.mean {
            0.0
        } else {
            f64::INFINITY
        };
    }
    (one.mean - other.mean) / error
}

/// Welford's sums.
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn of(times: &[u32], limit: u32) -> Self {
        let mut moments = Self {
            count: 0.0,
            mean: 0.0,
            squares: 0.0,
        };
        for time in times.iter().filter(|time| **time <= limit) {
            moments.count += 1.0;
            let off = f64::from(*time) - moments.mean;
            moments.mean += off / moments.count;
            moments.squares += off * (f64::from(*time) - moments.mean);
        }
        moments
    }

    fn variance(&self) -> f64 {
        self.squares / (self.count - 1.0)
    }
}

/// The middle of some times.
pub(super) fn middle(times: &[u32]) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).copied().map_or(0.0, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u64, base: u32) -> Vec<u32> {
        let mut chance = Chance::new(seed);
        (0..20_000)
            .map(|_| base + u32::try_from(chance.below(100)).unwrap())
            .collect()
    }

    #[test]
    fn what_is_alike_passes_and_what_differs_is_caught() {
        assert!(largest_t([&noise(1, 1000), &noise(2, 1000)]) < 4.5);
        assert!(largest_t([&noise(1, 1000), &noise(2, 1004)]) > 4.5);
        assert_eq!(largest_t([&[], &[]]), 0.0);
        let flat = vec![7; 5000];
        assert_eq!(largest_t([&flat, &flat]), 0.0);
        assert_eq!(largest_t([&flat, &vec![8; 5000]]), f64::INFINITY);
    }

    #[test]
    fn rare_slow_times_hide_nothing() {
        let slow = |mut times: Vec<u32>| {
            times
                .iter_mut()
                .step_by(50)
                .for_each(|time| *time += 1_000_000);
            times
        };
        let (one, other) = (slow(noise(1, 1000)), slow(noise(2, 1006)));
        assert!(t([&one, &other], u32::MAX).abs() < 4.5);
        assert!(largest_t([&one, &other]) > 4.5);
    }

    #[test]
    fn t_is_welchs() {
        // Means 5000 and 5002 apart by 2; variances 1 (nearly) each: t = -2 / sqrt(2/n).
        let one: Vec<u32> = [4999, 5001].repeat(1000);
        let other: Vec<u32> = [5001, 5003].repeat(1000);
        let expected = -2.0 / (2.0 * (2000.0 / 1999.0) / 2000.0_f64).sqrt();
        assert!((t([&one, &other], u32::MAX) - expected).abs() < 1e-9);
    }
}
