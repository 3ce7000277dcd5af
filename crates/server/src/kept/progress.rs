//! How far a long command is, on standard error.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

/// So often a terminal's line is written anew.
const ON_TERMINAL: Duration = Duration::from_millis(200);
/// So often a line is written elsewhere.
const ELSEWHERE: Duration = Duration::from_secs(10);

/// Rows so far, and how many a second.
pub(super) struct Progress {
    doing: &'static str,
    began: Instant,
    told: Instant,
    is_terminal: bool,
}

impl Progress {
    pub(super) fn new(doing: &'static str) -> Progress {
        let now = Instant::now();
        Progress {
            doing,
            began: now,
            told: now,
            is_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// So many rows are done.
    pub(super) fn at(&mut self, rows: u64) {
        let every = if self.is_terminal {
            ON_TERMINAL
        } else {
            ELSEWHERE
        };
        if self.told.elapsed() >= every {
            self.told = Instant::now();
            let line = self.line(rows);
            say(&if self.is_terminal {
                format!("\r{line}\x1b[K")
            } else {
                format!("{line}\n")
            });
        }
    }

    /// That was all.
    pub(super) fn end(self, rows: u64) {
        let line = self.line(rows);
        say(&if self.is_terminal {
            format!("\r{line}\x1b[K\n")
        } else {
            format!("{line}\n")
        });
    }

    fn line(&self, rows: u64) -> String {
        let seconds = self.began.elapsed().as_secs_f64();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate for people"
        )]
        let rate = (rows as f64 / seconds.max(0.001)) as u64;
        format!("{}: {rows} rows, {rate} a second", self.doing)
    }
}

fn say(text: &str) {
    let mut err = std::io::stderr().lock();
    // Nobody reading is no error.
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}
