//! How long nothing was acknowledged.

use std::time::{Duration, Instant};

use crate::load::Success;

/// The longest time without a success, and when it was over, both as durations; the second since `from`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) lasted: Duration,
    pub(crate) over_after: Duration,
}

/// The longest gap between the fault and the end of the load, through one door or all. `successes` are in order.
pub(crate) fn longest(
    successes: &[Success],
    from: Instant,
    to: Instant,
    door: Option<usize>,
) -> Gap {
    let mut longest = Gap::default();
    let mut last = from;
    let counted = successes
        .iter()
        .filter(|success| door.is_none_or(|door| door == success.door))
        .map(|success| success.at)
        .filter(|at| (from..to).contains(at));
    for at in counted.chain([to]) {
        let lasted = at.duration_since(last);
        if lasted > longest.lasted {
            let over_after = at.duration_since(from);
            longest = Gap { lasted, over_after };
        }
        last = at;
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_time_without_a_success_is_found() {
        let from = Instant::now();
        let after = |seconds: u64| from + Duration::from_secs(seconds);
        let successes = |at: &[(u64, usize)]| -> Vec<Success> {
            let at = at.iter();
            at.map(|(seconds, door)| Success {
                at: after(*seconds),
                door: *door,
            })
            .collect()
        };
        for (at, door, lasted, over) in [
            (&[(1, 0), (4, 0), (9, 0)][..], None, 5, 9),
            (&[(1, 0), (4, 1), (9, 0)], Some(0), 8, 9),
            (&[(1, 0)], None, 9, 10),
            (&[], None, 10, 10),
            (&[(3, 0), (5, 0), (20, 0)], None, 5, 10),
        ] {
            let gap = longest(&successes(at), from, after(10), door);
            let expected = Gap {
                lasted: Duration::from_secs(lasted),
                over_after: Duration::from_secs(over),
            };
            assert_eq!(gap, expected, "{at:?}");
        }
    }
}
