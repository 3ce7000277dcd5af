//! Everything has a limit; these are the server's own, before any API is asked.

use std::time::Duration;

use jiff::SignedDuration;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The most bytes of a request's header section.
pub(crate) const HEADER_BYTES: usize = 32 * 1024;
/// The most header fields of a request.
pub(crate) const HEADERS: usize = 100;
/// A header section arrives within this time, or the connection ends; the same goes for the next
/// one on a connection that is kept alive.
pub(crate) const HEADER_READ: Duration = Duration::from_secs(10);
/// A handshake of TLS takes no longer, from its connection's first moment on.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);
/// The most handshakes at once of one listener; for one more, the one that has been at it the longest is let go. Fewer where
/// there are few connections: see [`handshakes`].
const HANDSHAKES: usize = 512;
/// How long whoever speaks plain HTTP to a port of HTTPS may go on after the answer.
pub(crate) const AFTER_PLAIN: Duration = Duration::from_secs(1);
/// A body arrives within this time, or the answer is 408.
pub(crate) const BODY_READ: Duration = Duration::from_secs(10);
/// The same for a sales unit's snapshot, sent by somebody who is known.
pub(crate) const SNAPSHOT_READ: Duration = Duration::from_secs(60);
/// So much of a body that is too large is read and thrown away, so that its sender gets to see the
/// answer instead of a broken connection.
pub(crate) const THROWN_AWAY: usize = 8 * 1024 * 1024;
/// The most connections of one listener; whoever comes then waits. Fewer where the system allows
/// fewer files: see [`connections`].
const CONNECTIONS: u64 = 8192;
/// So many files the program keeps for itself: the database's, calls to merchants, logs.
const OWN_FILES: u64 = 256;
/// The listeners share what is left, one for those who watch included.
const LISTENERS: u64 = 4;
/// Where next to nothing is left, they take this many all the same.
const FEWEST_CONNECTIONS: u64 = 16;
/// More open files than all listeners can use are not asked for.
const MOST_FILES: u64 = OWN_FILES + LISTENERS * CONNECTIONS;
/// The most requests at a time on one connection of HTTP/2.
pub(crate) const STREAMS: u32 = 256;
/// How often a silent connection of HTTP/2 is asked whether it still lives.
pub(crate) const PING: Duration = Duration::from_secs(30);
/// How long no connection is accepted after one could not be.
pub(crate) const AFTER_FAULT: SignedDuration = SignedDuration::from_millis(50);
/// How long requests may take when the program shall end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How many connections a listener takes at once. So many that a flood at one listener leaves files
/// for the others and for the database.
pub(crate) fn connections() -> usize {
    share_of(getrlimit(Resource::Nofile).current)
}

/// How many handshakes of TLS a listener has under way at once: half of its connections at most, so that whoever is slow
/// there never holds up those who are through.
pub(crate) fn handshakes() -> usize {
    HANDSHAKES.min(connections() / 2)
}

/// Asks the system for as many open files as it allows and the listeners can use. Usually only the
/// soft limit is low, for programs of long ago.
pub(crate) fn raise_files() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(u64::MAX).min(MOST_FILES);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let raised = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

/// `files` is how many a process may have open, if there is a limit.
fn share_of(files: Option<u64>) -> usize {
    let left = files.unwrap_or(u64::MAX).saturating_sub(OWN_FILES);
    let share = (left / LISTENERS).clamp(FEWEST_CONNECTIONS, CONNECTIONS);
    usize::try_from(share).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_10_listeners_share_the_files_there_are() {
        for (files, connections) in [
            (None, 8192),
            (Some(MOST_FILES), 8192),
            (Some(MOST_FILES - 4), 8191),
            (Some(1024), 192),
            (Some(256), 16),
            (Some(0), 16),
        ] {
            assert_eq!(share_of(files), connections, "{files:?}");
        }
    }
}
