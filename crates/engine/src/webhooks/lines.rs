//! What fell due while time was advanced, in the order of its moments.
//!
//! Whether a registration still works at a moment depends on every attempt before it, and a
//! receiver expects to hear of things as they happened. So where time was advanced over several
//! attempts of one registration, they are made one after the other, each at its own moment, as if
//! time had passed by itself. Registrations do not wait for each other. What falls due in real time
//! does not come here.

use std::collections::{BTreeMap, BTreeSet};

use sandkasse_domain::{Timestamp, webhook::RegistrationId};

/// So many of one registration are remembered; the store has all of them.
const MOST: usize = 4_096;

/// A queue, and when it is due.
pub(super) type Place = (Timestamp, String);

#[derive(Default)]
pub(super) struct Lines(BTreeMap<RegistrationId, Line>);

#[derive(Default)]
struct Line {
    places: BTreeSet<Place>,
    /// The queue at work.
    at_work: Option<String>,
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
        line.is_some_and(|line| line.at_work.as_deref() == Some(queue))
    }

    /// A queue of this registration is due.
    pub(super) fn add(&mut self, id: RegistrationId, place: Place) {
        self.0.entry(id).or_default().add(place);
    }

    /// The next queue to work at of a registration that waits for none of its own, and that is not
    /// `held`. Everything due up to `seen` was added; with `None` everything.
    pub(super) fn next(
        &mut self,
        seen: Option<(Timestamp, &str)>,
        held: impl Fn(&RegistrationId) -> bool,
    ) -> Option<(RegistrationId, Place)> {
        let is_seen = |(at, queue): &Place| seen.is_none_or(|seen| (*at, queue.as_str()) <= seen);
        for (id, line) in &mut self.0 {
            if line.at_work.is_some() || !line.places.first().is_some_and(is_seen) || held(id) {
                continue;
            }
            let place = line.places.pop_first()?;
            line.at_work = Some(place.1.clone());
            return Some((id.clone(), place));
        }
        None
    }

    /// A queue was worked at, and is due again.
    pub(super) fn ended(&mut self, id: &RegistrationId, queue: &str, next: Option<Timestamp>) {
        let Some(line) = self.0.get_mut(id) else {
            return;
        };
        if line.at_work.as_deref() != Some(queue) {
            return;
        }
        line.at_work = None;
        if let Some(next) = next {
            line.add((next, queue.to_owned()));
        }
        if line.places.is_empty() && line.cut.is_none() {
            self.0.remove(id);
        }
    }

    /// A queue could not be worked at: what waits behind it must be looked for again.
    pub(super) fn stop(&mut self, id: &RegistrationId) {
        if let Some(line) = self.0.get_mut(id) {
            let all = (Timestamp::MIN, String::new());
            (line.places, line.at_work, line.cut) = (BTreeSet::new(), None, Some(all));
        }
    }

    /// Everything will be added again, but for what is at work.
    pub(super) fn start_again(&mut self) {
        self.0.retain(|_, line| {
            (line.places, line.cut) = (BTreeSet::new(), None);
            line.at_work.is_some()
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
        let free = |_: &RegistrationId| false;
        assert_eq!(lines.next(seen, free), Some((id("r"), place(1, "a"))));
        assert_eq!(lines.next(seen, free), None, "what s has is not seen to");
        assert_eq!(lines.next(None, |it| it.0 == "s"), None, "held");
        assert_eq!(lines.next(None, free), Some((id("s"), place(9, "c"))));
        lines.ended(&id("r"), "another", None);
        assert_eq!(lines.next(None, free), None, "a is at work");
        lines.ended(&id("r"), "a", Some(at(3)));
        assert_eq!(lines.next(None, free), Some((id("r"), place(3, "a"))));
        lines.ended(&id("r"), "a", Some(at(7)));
        assert_eq!(lines.next(None, free), Some((id("r"), place(5, "b"))));
        lines.ended(&id("r"), "b", None);
        assert_eq!(lines.next(None, free), Some((id("r"), place(7, "a"))));
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
            let (_, next) = lines.next(None, |_| false).unwrap();
            assert_eq!(next.0, at(seconds));
            // Later than what was cut off.
            lines.ended(&id("r"), "a", Some(at(count + 1)));
        }
        assert_eq!(lines.next(None, |_| false), None);
        assert!(lines.has(&id("r")), "there is more in the store");
        lines.start_again();
        assert!(!lines.has(&id("r")));
    }

    #[test]
    fn who_is_stopped_waits_for_another_look() {
        let mut lines = Lines::default();
        lines.add(id("r"), place(1, "a"));
        assert!(lines.next(None, |_| false).is_some());
        lines.stop(&id("r"));
        lines.add(id("r"), place(2, "b"));
        assert_eq!(lines.next(None, |_| false), None);
        assert!(lines.has(&id("r")));
    }
}
