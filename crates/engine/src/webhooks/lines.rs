//! What fell due while time was advanced, in the order of its moments.
//!
//! Whether a registration still works at a moment depends on every attempt before it, and a
//! receiver expects to hear of things as they happened. So where time was advanced over several
//! attempts of one registration, they are made one after the other, each at its own moment, as if
//! time had passed by itself. Where very many wait, those of about one moment are made together: that
//! they keep their order is promised for one thing (a payment) only, and within a queue they do.
//! Registrations do not wait for each other. What falls due in real time does not come here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::SignedDuration;
use sandkasse_domain::{Timestamp, webhook::RegistrationId};

/// So many of one registration are remembered, at some hundred bytes each; the store has all of them.
const MOST: usize = 16_384;
/// So many are a crowd.
const CROWD: usize = 256;
/// What is at work together in a crowd is not further apart.
const APART: SignedDuration = SignedDuration::from_mins(1);

/// A queue, and when it is due.
pub(super) type Place = (Timestamp, String);

#[derive(Default)]
pub(super) struct Lines(BTreeMap<RegistrationId, Line>);

#[derive(Default)]
struct Line {
    places: BTreeSet<Place>,
    /// The queues at work, and their moments.
    at_work: HashMap<String, Timestamp>,
    /// From here on there may be more than is remembered.
    cut: Option<Place>,
}

impl Line {
    fn add(&mut self, place: Place) {
        if self.cut.as_ref().is_some_and(|cut| *cut <= place) {
            return;
        }
        self.places.insert(place);
        if self.places.len() > MOST {
            self.cut = self.places.pop_last();
        }
    }
}

impl Line {
    /// Whether its first may be worked at, beside those that are.
    fn may_begin(&self) -> bool {
        let Some((at, queue)) = self.places.first() else {
            return false;
        };
        let Some(earliest) = self.at_work.values().min() else {
            return true;
        };
        let is_crowded = self.places.len() >= CROWD && at.duration_since(*earliest) <= APART;
        is_crowded && !self.at_work.contains_key(queue)
    }
}

impl Lines {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a registration's attempts are made one after the other.
    pub(super) fn has(&self, id: &RegistrationId) -> bool {
        self.0.contains_key(id)
    }

    /// Whether it is at this queue.
    pub(super) fn is_at_work(&self, id: &RegistrationId, queue: &str) -> bool {
        let line = self.0.get(id);
        line.is_some_and(|line| line.at_work.contains_key(queue))
    }

    /// A queue of this registration is due.
    pub(super) fn add(&mut self, id: RegistrationId, place: Place) {
        self.0.entry(id).or_default().add(place);
    }

    /// The next queue to work at of a registration that waits for none of its own, and that has a
    /// `seat`. Everything due up to `seen` was added; with `None` everything.
    pub(super) fn next<S>(
        &mut self,
        seen: Option<(Timestamp, &str)>,
        seat: impl Fn(&RegistrationId) -> Option<S>,
    ) -> Option<(RegistrationId, Place, S)> {
        let is_seen = |(at, queue): &Place| seen.is_none_or(|seen| (*at, queue.as_str()) <= seen);
        for (id, line) in &mut self.0 {
            let may_begin = line.may_begin() && line.places.first().is_some_and(is_seen);
            let Some(seat) = may_begin.then(|| seat(id)).flatten() else {
                continue;
            };
            let (at, queue) = line.places.pop_first()?;
            line.at_work.insert(queue.clone(), at);
            return Some((id.clone(), (at, queue), seat));
        }
        None
    }

    /// A queue was worked at, and is due again.
    pub(super) fn ended(&mut self, id: &RegistrationId, queue: &str, next: Option<Timestamp>) {
        let Some(line) = self.0.get_mut(id) else {
            return;
        };
        if line.at_work.remove(queue).is_none() {
            return;
        }
        if let Some(next) = next {
            line.add((next, queue.to_owned()));
        }
        if line.places.is_empty() && line.at_work.is_empty() && line.cut.is_none() {
            self.0.remove(id);
        }
    }

    /// A queue could not be worked at: what waits behind it must be looked for again.
    pub(super) fn stop(&mut self, id: &RegistrationId, queue: &str) {
        if let Some(line) = self.0.get_mut(id) {
            line.at_work.remove(queue);
            let all = (Timestamp::MIN, String::new());
            (line.places, line.cut) = (BTreeSet::new(), Some(all));
        }
    }

    /// Everything will be added again, but for what is at work.
    pub(super) fn start_again(&mut self) {
        self.0.retain(|_, line| {
            (line.places, line.cut) = (BTreeSet::new(), None);
            !line.at_work.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn id(name: &str) -> RegistrationId {
        RegistrationId(name.to_owned())
    }

    fn place(seconds: i64, queue: &str) -> Place {
        (at(seconds), queue.to_owned())
    }

    #[test]
    fn one_at_a_time_of_each_registration_and_the_earliest_first() {
        let mut lines = Lines::default();
        for (who, seconds, queue) in [("r", 5, "b"), ("r", 1, "a"), ("s", 9, "c")] {
            lines.add(id(who), place(seconds, queue));
        }
        let seen = Some((at(5), "z"));
        let free = |_: &RegistrationId| Some(());
        let next = |lines: &mut Lines, seen| lines.next(seen, free).map(|(id, it, ())| (id, it));
        assert_eq!(next(&mut lines, seen), Some((id("r"), place(1, "a"))));
        assert_eq!(next(&mut lines, seen), None, "what s has is not seen to");
        let not_s = |it: &RegistrationId| (it.0 != "s").then_some(());
        assert_eq!(lines.next(None, not_s), None, "no seat");
        assert_eq!(next(&mut lines, None), Some((id("s"), place(9, "c"))));
        lines.ended(&id("r"), "another", None);
        assert_eq!(next(&mut lines, None), None, "a is at work");
        lines.ended(&id("r"), "a", Some(at(3)));
        assert_eq!(next(&mut lines, None), Some((id("r"), place(3, "a"))));
        lines.ended(&id("r"), "a", Some(at(7)));
        assert_eq!(next(&mut lines, None), Some((id("r"), place(5, "b"))));
        lines.ended(&id("r"), "b", None);
        assert_eq!(next(&mut lines, None), Some((id("r"), place(7, "a"))));
        lines.ended(&id("r"), "a", None);
        assert!(!lines.has(&id("r")) && lines.has(&id("s")));
    }

    #[test]
    fn what_is_not_remembered_is_not_overtaken() {
        let mut lines = Lines::default();
        let count = i64::try_from(MOST).unwrap();
        for seconds in (0..=count).rev() {
            lines.add(id("r"), place(seconds, "a"));
        }
        for seconds in 0..count {
            let (_, next, ()) = lines.next(None, |_| Some(())).unwrap();
            assert_eq!(next.0, at(seconds));
            // Later than what was cut off.
            lines.ended(&id("r"), "a", Some(at(count + 1)));
        }
        assert_eq!(lines.next(None, |_| Some(())), None);
        assert!(lines.has(&id("r")), "there is more in the store");
        lines.start_again();
        assert!(!lines.has(&id("r")));
    }

    #[test]
    fn who_is_stopped_waits_for_another_look() {
        let mut lines = Lines::default();
        lines.add(id("r"), place(1, "a"));
        assert!(lines.next(None, |_| Some(())).is_some());
        lines.stop(&id("r"), "a");
        lines.add(id("r"), place(2, "b"));
        assert_eq!(lines.next(None, |_| Some(())), None);
        assert!(lines.has(&id("r")));
    }

    #[test]
    fn of_a_crowd_those_of_about_one_moment_are_at_work_together() {
        let mut lines = Lines::default();
        let count = i64::try_from(CROWD).unwrap() + 2;
        for number in 0..count {
            // Every other a queue that is there already, two minutes later.
            let (seconds, queue) = if number == 2 {
                (1, 0)
            } else {
                (number / 2, number)
            };
            lines.add(id("r"), place(seconds, &format!("q{queue:03}")));
        }
        let seats = std::cell::Cell::new(3);
        let seat = |_: &RegistrationId| {
            seats.set(seats.get() - 1);
            (seats.get() >= 0).then_some(())
        };
        let first: Vec<_> = std::iter::from_fn(|| lines.next(None, seat))
            .map(|(_, (_, queue), ())| queue)
            .collect();
        assert_eq!(
            first,
            ["q000", "q001"],
            "then comes a queue that is at work"
        );
        lines.ended(&id("r"), "q000", None);
        assert_eq!(lines.next(None, |_| Some(())).unwrap().1.1, "q000");
        assert_eq!(
            lines.next(None, |_| Some(())),
            None,
            "the others are no crowd"
        );

        let mut lines = Lines::default();
        for number in 0..count {
            lines.add(id("r"), place(61 * number, &format!("q{number:03}")));
        }
        assert!(lines.next(None, |_| Some(())).is_some());
        assert_eq!(lines.next(None, |_| Some(())), None, "too far apart");
    }
}
