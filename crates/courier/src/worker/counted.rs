//! How many tasks there are, for those who wait for the last one.

use tokio::sync::watch;

/// Counts a task for as long as it lives, also when it panics.
pub(super) struct Counted(watch::Sender<usize>);

impl Counted {
    pub(super) fn new(tasks: &watch::Sender<usize>) -> Self {
        tasks.send_modify(|tasks| *tasks += 1);
        Counted(tasks.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|tasks| *tasks -= 1);
    }
}
