//! Where one node's questions to the store wait to be let through, fail, or never return.
//!
//! Alone, an operation passes at once, unless a plan says that one of the next shall fail. In a
//! burst every operation waits until the seed picks it, so the seed decides how requests that are
//! in flight together interleave.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

/// What becomes of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Carried out and answered.
    Go,
    /// Not carried out; an error.
    FailBefore,
    /// Carried out; an error all the same: the outcome is unknown.
    FailAfter,
    /// Not carried out, and the node dies.
    DieBefore,
    /// Carried out, and the node dies before it hears of it.
    DieAfter,
}

impl Verdict {
    /// Whoever changes the directory holds it in memory: a store that fails there without saying
    /// whether it did it is one that a node must not go on with.
    fn of(self, what: &str) -> Verdict {
        match self {
            Verdict::FailAfter if what == "put_directory" => Verdict::FailBefore,
            verdict => verdict,
        }
    }
}

/// One node's desk.
#[derive(Default)]
pub(crate) struct Desk {
    state: Mutex<State>,
    /// Told when an operation has ended, or the node shall die.
    changed: Notify,
    /// Taken in turn where operations run on other threads, so that their order repeats.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    gated: bool,
    cut: bool,
    in_turn: bool,
    plan: Option<(u32, Option<&'static str>, Verdict)>,
    waiting: Vec<Waiting>,
    moves: u64,
    inside: usize,
    dying: bool,
    struck: Vec<&'static str>,
}

struct Waiting {
    what: &'static str,
    go: oneshot::Sender<Verdict>,
}

/// An operation that was let through.
pub(crate) struct Pass<'a> {
    desk: &'a Desk,
    /// What becomes of it.
    pub(crate) verdict: Verdict,
    _turn: Option<tokio::sync::MutexGuard<'a, ()>>,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.desk.state.lock();
        state.inside -= 1;
        state.moves += 1;
        drop(state);
        self.desk.changed.notify_one();
    }
}

impl Desk {
    /// A desk that lets one operation at a time through.
    pub(crate) fn in_turn(in_turn: bool) -> Arc<Desk> {
        let desk = Desk::default();
        desk.state.lock().in_turn = in_turn;
        Arc::new(desk)
    }

    /// Waits until the operation may go on.
    pub(crate) async fn enter(&self, what: &'static str) -> Pass<'_> {
        let (in_turn, place) = {
            let mut state = self.state.lock();
            state.inside += 1;
            state.moves += 1;
            let place = state.gated.then(|| {
                let (go, told) = oneshot::channel();
                state.waiting.push(Waiting { what, go });
                told
            });
            (state.in_turn, place)
        };
        let mut pass = Pass {
            desk: self,
            verdict: Verdict::Go,
            _turn: None,
        };
        if in_turn {
            pass._turn = Some(self.turn.lock().await);
        }
        match place {
            // The sender goes away only with the whole node.
            Some(place) => pass.verdict = place.await.unwrap_or(Verdict::DieBefore),
            None => pass.verdict = self.planned(what),
        }
        pass
    }

    fn planned(&self, what: &'static str) -> Verdict {
        let mut state = self.state.lock();
        if state.cut {
            state.struck.push(what);
            return Verdict::FailBefore;
        }
        match &mut state.plan {
            Some((_, Some(only), _)) if *only != what => Verdict::Go,
            Some((0, _, verdict)) => {
                let verdict = verdict.of(what);
                state.plan = None;
                state.struck.push(what);
                verdict
            }
            Some((left, ..)) => {
                *left -= 1;
                Verdict::Go
            }
            None => Verdict::Go,
        }
    }

    /// The node dies: whoever drives it hears of it.
    pub(crate) fn die(&self) {
        self.state.lock().dying = true;
        self.changed.notify_one();
    }

    /// Whether the node shall die.
    pub(crate) fn is_dying(&self) -> bool {
        self.state.lock().dying
    }

    /// After so many operations, or so many of one kind, the next has this verdict.
    pub(crate) fn plan(&self, after: u32, only: Option<&'static str>, verdict: Verdict) {
        self.state.lock().plan = Some((after, only, verdict));
    }

    /// Every operation passes at once from now on. Answers what was struck since the last time.
    pub(crate) fn clear(&self) -> Vec<&'static str> {
        let mut state = self.state.lock();
        (state.plan, state.cut, state.gated) = (None, false, false);
        std::mem::take(&mut state.struck)
    }

    /// From now on no operation reaches the store.
    pub(crate) fn cut(&self) {
        self.state.lock().cut = true;
    }

    /// From now on operations wait to be picked.
    pub(crate) fn gate(&self) {
        self.state.lock().gated = true;
    }

    /// How many wait to be picked.
    pub(crate) fn waiting(&self) -> usize {
        let mut state = self.state.lock();
        // Whoever hung up waits no more.
        state.waiting.retain(|waiting| !waiting.go.is_closed());
        state.waiting.len()
    }

    /// Lets one of them go on; answers what it is.
    pub(crate) fn pick(&self, index: usize, verdict: Verdict) -> &'static str {
        let mut state = self.state.lock();
        if index >= state.waiting.len() {
            return "nothing";
        }
        let picked = state.waiting.remove(index);
        let verdict = if state.cut {
            Verdict::FailBefore
        } else {
            verdict.of(picked.what)
        };
        if verdict != Verdict::Go {
            state.struck.push(picked.what);
        }
        // Whoever waited may have been given up meanwhile.
        let _ = picked.go.send(verdict);
        picked.what
    }

    /// Counts whatever happens here, so that a driver sees when nothing does.
    pub(crate) fn moves(&self) -> u64 {
        self.state.lock().moves
    }

    /// Something happened.
    pub(crate) fn moved(&self) {
        self.state.lock().moves += 1;
    }

    /// Operations that have begun and not ended.
    pub(crate) fn inside(&self) -> usize {
        self.state.lock().inside
    }

    /// Waits until an operation ends, or the node shall die.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}
