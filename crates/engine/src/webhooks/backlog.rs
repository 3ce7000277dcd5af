//! Queues that are due and wait for a seat of their registration.
//!
//! Each registration has a line of its own, so one that hangs delays nobody else. A line is bounded:
//! what finds no room is read from the store again when the line is short, from where it began to
//! be left out.

use std::collections::{HashMap, HashSet, VecDeque};

use sandkasse_domain::{Timestamp, webhook::RegistrationId};

use super::delivery::queue_of;

/// Queues that wait in one line, at some hundred bytes each.
const MOST: usize = 16_384;
/// A line this short is filled up.
const SHORT: usize = MOST / 8;

/// Behind which of the due records a look goes on; `None` at the start.
pub(super) type Place = Option<(Timestamp, String)>;

#[derive(Default)]
pub(super) struct Backlog {
    lines: HashMap<RegistrationId, Line>,
    /// Who is served next.
    order: VecDeque<RegistrationId>,
    waiting: HashSet<String>,
    at_work: HashSet<String>,
    /// Something came for them while they were at work, maybe too late to be seen.
    again: HashSet<String>,
}

#[derive(Default)]
struct Line {
    queues: VecDeque<String>,
    /// Where queues began to be left out.
    left_out: Option<Place>,
}

impl Backlog {
    /// A queue has something that was committed just now.
    pub(super) fn add_fresh(&mut self, queue: &str, id: RegistrationId) {
        if self.at_work.contains(queue) {
            self.again.insert(queue.to_owned());
        } else {
            self.push(queue, id);
        }
    }

    /// A queue is due, as a look behind `place` found.
    pub(super) fn add_due(&mut self, queue: &str, id: RegistrationId, place: &Place) {
        if self.at_work.contains(queue) || self.waiting.contains(queue) {
            return;
        }
        let line = self.line(&id);
        if line.queues.len() < MOST {
            self.push(queue, id);
        } else if line.left_out.is_none() {
            line.left_out = Some(place.clone());
        }
    }

    /// The next queue of a registration that has a seat; it is at work from now on.
    pub(super) fn take<S>(
        &mut self,
        seat: impl Fn(&RegistrationId) -> Option<S>,
    ) -> Option<(String, RegistrationId, S)> {
        for _ in 0..self.order.len() {
            let id = self.order.pop_front()?;
            self.order.push_back(id.clone());
            let Some(line) = self.lines.get_mut(&id) else {
                continue;
            };
            if line.queues.is_empty() {
                continue;
            }
            if let Some(seat) = seat(&id)
                && let Some(queue) = line.queues.pop_front()
            {
                self.waiting.remove(&queue);
                self.at_work.insert(queue.clone());
                return Some((queue, id, seat));
            }
        }
        None
    }

    /// Whether a queue of this registration is at work.
    pub(super) fn is_at_work(&self, id: &RegistrationId) -> bool {
        let mut queues = self.at_work.iter();
        queues.any(|queue| queue_of(queue).is_some_and(|(_, it)| it == *id))
    }

    /// A queue is no longer at work.
    pub(super) fn leave(&mut self, queue: &str, id: RegistrationId) {
        self.at_work.remove(queue);
        if self.again.remove(queue) {
            self.push(queue, id);
        }
    }

    /// From where a line that became short is to be filled. It counts as filled then.
    pub(super) fn refill(&mut self) -> Option<Place> {
        let short = |line: &&mut Line| line.queues.len() < SHORT && line.left_out.is_some();
        self.lines.values_mut().find(short)?.left_out.take()
    }

    /// A look begins that sees everything.
    pub(super) fn look_at_all(&mut self) {
        for line in self.lines.values_mut() {
            line.left_out = None;
        }
    }

    fn push(&mut self, queue: &str, id: RegistrationId) {
        if self.waiting.insert(queue.to_owned()) {
            self.line(&id).queues.push_back(queue.to_owned());
        }
    }

    fn line(&mut self, id: &RegistrationId) -> &mut Line {
        if !self.lines.contains_key(id) {
            self.order.push_back(id.clone());
        }
        self.lines.entry(id.clone()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> RegistrationId {
        RegistrationId(name.to_owned())
    }

    fn taken(backlog: &mut Backlog, seated: &[&str]) -> Option<String> {
        let seat = |id: &RegistrationId| seated.contains(&id.0.as_str()).then_some(());
        backlog.take(seat).map(|(queue, ..)| queue)
    }

    #[test]
    fn registrations_take_turns_and_who_has_no_seat_holds_up_nobody() {
        let mut backlog = Backlog::default();
        for queue in ["a1", "a2", "a3"] {
            backlog.add_due(queue, id("a"), &None);
        }
        backlog.add_due("b1", id("b"), &None);
        let both: Vec<_> = (0..3).map(|_| taken(&mut backlog, &["a", "b"])).collect();
        assert_eq!(both, ["a1", "b1", "a2"].map(|it| Some(it.to_owned())));
        assert_eq!(taken(&mut backlog, &["b"]), None);
        assert_eq!(taken(&mut backlog, &["a"]).as_deref(), Some("a3"));
    }

    #[test]
    fn a_queue_waits_once_and_what_comes_while_it_is_at_work_lets_it_wait_again() {
        let mut backlog = Backlog::default();
        backlog.add_due("a1", id("a"), &None);
        backlog.add_due("a1", id("a"), &None);
        backlog.add_fresh("a1", id("a"));
        assert_eq!(taken(&mut backlog, &["a"]).as_deref(), Some("a1"));
        backlog.add_due("a1", id("a"), &None);
        assert_eq!(taken(&mut backlog, &["a"]), None, "the store still says so");
        backlog.add_fresh("a1", id("a"));
        assert_eq!(taken(&mut backlog, &["a"]), None, "one at a time");
        backlog.leave("a1", id("a"));
        assert_eq!(taken(&mut backlog, &["a"]).as_deref(), Some("a1"));
        backlog.leave("a1", id("a"));
        assert_eq!(taken(&mut backlog, &["a"]), None);
    }

    #[test]
    fn a_long_line_is_filled_up_from_where_it_was_full() {
        let mut backlog = Backlog::default();
        let place = |number: usize| Some((Timestamp::UNIX_EPOCH, format!("{number:06}")));
        for number in 0..MOST + 1_000 {
            let before = number.checked_sub(1).and_then(place);
            backlog.add_due(&format!("a{number:06}"), id("a"), &before);
        }
        assert_eq!(backlog.refill(), None, "it is long");
        for _ in 0..=MOST - SHORT {
            taken(&mut backlog, &["a"]).expect("one that waits");
        }
        assert_eq!(backlog.refill(), Some(place(MOST - 1)));
        assert_eq!(backlog.refill(), None, "once");
    }
}
